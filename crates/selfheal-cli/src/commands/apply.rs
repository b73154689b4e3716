//! `selfheal apply`: makes the stack as its file says.

use selfheal_aws::Goal;
use selfheal_core::existing;
use selfheal_core::plan::PlanOptions;

use super::change::{Changed, How, change, changes};
use crate::cli::ApplyArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::Applied;
use crate::session::Session;

/// Makes the stack as its file says.
///
/// # Errors
/// Those of [`change`].
pub fn run(session: &Session, args: &ApplyArgs) -> Result<u8, CliError> {
    let what = match (args.new_volume, args.new_address) {
        (true, true) => "An EMPTY data volume and a new address take the place of what is gone.",
        (true, false) => "An EMPTY data volume takes the place of one that is gone.",
        (false, true) => "A new address takes the place of one that is gone.",
        (false, false) => "",
    };
    let question = if what.is_empty() {
        Question::YesNo("Apply this plan?")
    } else {
        Question::Name {
            what,
            name: &session.spec.name,
        }
    };
    let how = How {
        goal: Goal::ApplyWith(PlanOptions {
            new_volume: args.new_volume,
            new_address: args.new_address,
        }),
        yes: args.yes,
        question,
    };
    let changed = change(session, &how)?;
    let report = report(session, &changed);
    match &session.events {
        Some(events) => events.end(changed.steps(), Outcome::Applied(report))?,
        None => session.output.text(&text(&report, changed.done.len()))?,
    }
    Ok(exit::DONE)
}

fn report(session: &Session, changed: &Changed) -> Applied {
    let address = existing(&session.spec, &changed.observed).address;
    Applied {
        stack: changed.plan.stack.clone(),
        region: changed.plan.region.clone(),
        account: changed.plan.account.clone(),
        allocation_id: address.as_ref().map(|address| address.allocation_id.clone()),
        public_ip: address.map(|address| address.public_ip),
        name: session.spec.dns.as_ref().map(|dns| dns.name.clone()),
    }
}

fn text(report: &Applied, done: usize) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<8} {value}\n"));
    if let (Some(ip), Some(id)) = (&report.public_ip, &report.allocation_id) {
        line("address", &format!("{ip} ({id})"));
    }
    if let Some(name) = &report.name {
        line("name", name);
    }
    if done == 0 {
        return format!("\n{text}");
    }
    let done = changes(done);
    format!("\nApplied {done}. `selfheal status` shows when the instance is in service.\n\n{text}")
}
