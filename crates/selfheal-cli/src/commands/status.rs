//! `selfheal status`: how the stack is.

use selfheal_aws::Scope;
use selfheal_core::plan;
use selfheal_core::status::status;

use crate::cli::JsonArgs;
use crate::error::CliError;
use crate::session::Session;

/// Shows the status.
///
/// # Errors
/// The stack cannot be read.
pub fn run(session: &Session, args: &JsonArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Status)?;
    let plan = plan(&session.spec, &observed);
    let report = status(&session.spec, &observed, &plan);
    if args.json {
        session.output.json(&report)?;
    } else {
        session.output.text(&report.to_string())?;
    }
    Ok(crate::exit::DONE)
}
