//! `selfheal userdata`: the boot program, as it would be sent.

use selfheal_core::desired::user_data;

use super::policy::{ids, known};
use crate::cli::{Global, UserdataArgs};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;
use crate::spec::Named;

/// Prints the user data.
///
/// # Errors
/// The stack cannot be read, or the user data does not fit into what EC2 accepts.
pub fn run(global: &Global, output: Output, args: &UserdataArgs) -> Result<u8, CliError> {
    let (spec, observed) = known(global, output, &args.offline, Named::Needed)?;
    let ids = ids(&spec, &observed);
    let user_data = user_data(&spec, &ids.allocation_id, ids.volume_id.as_ref())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    if args.encoded {
        output.bytes(format!("{}\n", user_data.to_base64()).as_bytes())?;
    } else {
        output.bytes(user_data.script().as_bytes())?;
    }
    Ok(exit::DONE)
}
