//! `selfheal plan`: what would change, and why.

use selfheal_aws::Scope;
use selfheal_core::plan::{PlanOptions, StepKind, plan_but_for_image, plan_with};

use super::change::shown_text;
use crate::cli::PlanArgs;
use crate::error::CliError;
use crate::exit;
use crate::saved;
use crate::session::Session;

/// Shows the plan.
///
/// # Errors
/// The stack cannot be read; the plan refuses, which is an error once it was shown.
pub fn run(session: &Session, args: &PlanArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Plan)?;
    let options = PlanOptions {
        replace: args.replace,
        ..PlanOptions::default()
    };
    let plan = plan_with(&session.spec, &observed, &options);
    if args.json {
        session.output.report(&plan)?;
    } else {
        session.output.text(&shown_text(session, &plan, &observed))?;
    }
    if plan.is_refused() {
        // With --json the plan itself, which was printed, is the one document on standard output.
        return if args.json {
            Ok(exit::REFUSED)
        } else {
            Err(CliError::Refused(plan.refusals))
        };
    }
    if let Some(path) = &args.out {
        saved::save(path, &plan)?;
        eprintln!(
            "saved; `selfheal apply --plan {}` applies this and nothing else",
            path.display()
        );
    }
    let pending = !plan.is_empty() || plan.held_back().is_some();
    if !args.check || !pending {
        return Ok(exit::DONE);
    }
    let but_for_image = plan_but_for_image(&session.spec, &observed);
    let replaces = plan.step(StepKind::ReplaceInstance).is_some();
    if !args.image && !replaces && but_for_image.is_empty() && but_for_image.held_back().is_none() {
        eprintln!("note: only the image has moved on, which is no drift; `--image` counts it");
        return Ok(exit::DONE);
    }
    Ok(exit::PENDING)
}
