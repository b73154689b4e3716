//! `selfheal userdata`: the boot program, as it would be sent.

use selfheal_core::desired::user_data;
use selfheal_userdata::unbundle;

use super::policy::{ids, known};
use crate::cli::{Global, UserdataArgs};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;
use crate::spec::Named;

/// Why there is nothing to print of a bundle.
const NO_BUNDLE: &str = "everything fits into the user data: there is no bundle";

/// Prints the user data, or the bundle that it names.
///
/// # Errors
/// The stack cannot be read, the user data does not fit into what EC2 accepts, or a bundle is asked for that there is none of.
pub fn run(global: &Global, output: Output, args: &UserdataArgs) -> Result<u8, CliError> {
    let (spec, observed) = known(global, output, &args.offline, Named::Needed)?;
    let ids = ids(&spec, &observed);
    let (volume, zone) = (ids.volume_id.as_ref(), ids.challenge_zone.as_ref());
    let user_data = user_data(&spec, &ids.account, &ids.allocation_id, volume, zone)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    if args.bundle {
        let bundle = user_data
            .bundle()
            .ok_or_else(|| CliError::Failed(NO_BUNDLE.to_owned()))?;
        // It was packed a moment ago.
        let chunks = bundle.chunks().iter().map(String::as_str);
        let script = unbundle(bundle.digest(), chunks).unwrap_or_default();
        output.bytes(&script)?;
    } else if args.encoded {
        output.bytes(format!("{}\n", user_data.to_base64()).as_bytes())?;
    } else {
        output.bytes(user_data.script().as_bytes())?;
    }
    Ok(exit::DONE)
}
