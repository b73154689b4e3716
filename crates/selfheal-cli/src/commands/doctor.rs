//! `selfheal doctor`: what would stop a first apply, or a replacement tomorrow.

use selfheal_aws::facts;
use selfheal_core::doctor::{DoctorReport, before_first_apply, examine};
use selfheal_core::{Observed, Spec};

use crate::cli::DoctorArgs;
use crate::error::CliError;
use crate::exit;
use crate::progress::Reporter;
use crate::session::Session;

/// Asks all that can be asked, and shows what was found.
///
/// # Errors
/// Interrupted. What cannot be read is told as not known.
pub fn run(session: &Session, args: &DoctorArgs) -> Result<u8, CliError> {
    let reporter = Reporter::new("examining the stack", None);
    let control = session.backend.control(&reporter);
    let resolver = session.backend.resolver();
    let asked = facts(session.backend.aws(), &*resolver, &session.spec, &control);
    let facts = session.backend.block_on(asked);
    reporter.finish();
    let report = examine(&session.spec, &facts?);
    if args.json {
        session.output.report(&report)?;
    } else {
        session.output.text(&report.to_string())?;
    }
    Ok(if report.well { exit::DONE } else { exit::CANNOT_HEAL })
}

/// Tells on standard error, before the first apply of a stack, what the doctor says of what was read for its plan.
pub fn tell_before_first_apply(spec: &Spec, observed: &Observed) {
    if let Some(report) = before_first_apply(spec, observed) {
        eprint!("{}", told(&report));
    }
}

fn told(report: &DoctorReport) -> String {
    let failing: Vec<_> = report.failing().collect();
    let mut text = String::new();
    for check in &failing {
        text.push_str(&format!("! {}: {}\n", check.code.word(), check.found));
        if let Some(mend) = &check.mend {
            text.push_str(&format!("    {mend}\n"));
        }
    }
    let checks = report.checks.len();
    text.push_str(&match failing.len() {
        0 => format!("{checks} checks before the first apply found nothing amiss"),
        fails => format!("{fails} of {checks} checks before the first apply fail"),
    });
    text + "; `selfheal doctor` asks further for quotas, permissions and the name\n"
}
