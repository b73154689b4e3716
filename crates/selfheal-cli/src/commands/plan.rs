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
        session.output.report(&plan)?;
    } else {
        session.output.text(&plan.to_string())?;
    }
    if plan.is_refused() {
        // With --json the plan itself, which was printed, is the one document on standard output.
        return if args.json {
            Ok(exit::REFUSED)
        } else {
            Err(CliError::Refused(plan.refusals))
        };
    }
    Ok(if args.check && (!plan.is_empty() || plan.held_back().is_some()) {
        exit::PENDING
    } else {
        exit::DONE
    })
}
