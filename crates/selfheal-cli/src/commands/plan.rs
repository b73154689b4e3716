//! `selfheal plan`: what would change, and why.

use selfheal_aws::Scope;
use selfheal_core::plan;

use crate::cli::PlanArgs;
use crate::error::CliError;
use crate::exit;
use crate::session::Session;

/// Shows the plan.
///
/// # Errors
/// The stack cannot be read; the plan refuses, which is an error once it was shown.
pub fn run(session: &Session, args: &PlanArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Plan)?;
    let plan = plan(&session.spec, &observed);
    if args.json {
        session.output.json(&plan)?;
    } else {
        session.output.text(&plan.to_string())?;
    }
    if plan.is_refused() {
        return Err(CliError::Refused(plan.refusals));
    }
    Ok(if args.check && !plan.is_empty() {
        exit::PENDING
    } else {
        exit::DONE
    })
}
