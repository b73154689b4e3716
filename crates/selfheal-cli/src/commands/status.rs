//! `selfheal status`: how the stack is.

use selfheal_aws::Scope;
use selfheal_core::plan;
use selfheal_core::status::{Severity, status};

use crate::cli::StatusArgs;
use crate::error::CliError;
use crate::exit;
use crate::session::Session;

/// Shows the status.
///
/// # Errors
/// The stack cannot be read.
pub fn run(session: &Session, args: &StatusArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Status)?;
    let plan = plan(&session.spec, &observed);
    let report = status(&session.spec, &observed, &plan);
    if args.json {
        session.output.report(&report)?;
    } else {
        session.output.text(&report.to_string())?;
    }
    Ok(match report.severity.filter(|_| args.check) {
        None => exit::DONE,
        Some(Severity::Outdated | Severity::Unprotected | Severity::Unheard) => exit::PENDING,
        Some(Severity::CannotHeal) => exit::CANNOT_HEAL,
        Some(Severity::Down) => exit::DOWN,
    })
}
