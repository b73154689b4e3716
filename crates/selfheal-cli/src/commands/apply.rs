//! `selfheal apply`: makes the stack as its file says.

use schemars::JsonSchema;
use selfheal_aws::Goal;
use selfheal_core::existing;
use selfheal_core::plan::PlanOptions;
use serde::Serialize;

use super::change::{Changed, How, change, changes};
use crate::cli::ApplyArgs;
use crate::done::DoneStep;
use crate::error::CliError;
use crate::exit;
use crate::prompt::Question;
use crate::session::Session;

/// What `apply --json` prints. Fields are added, never renamed or removed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The stack's name.
    stack: String,
    /// The Region.
    region: String,
    /// The account's twelve digits.
    account: String,
    /// The steps that ran, in the order in which they ended; empty when there was nothing to do.
    done: Vec<DoneStep>,
    /// The Elastic IP's allocation.
    allocation_id: Option<String>,
    /// The Elastic IP.
    public_ip: Option<String>,
    /// The DNS name, where the spec has one.
    name: Option<String>,
}

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
        json: args.json,
        question,
    };
    let changed = change(session, &how)?;
    let report = report(session, &changed);
    if args.json {
        session.output.report(&report)?;
    } else {
        session.output.text(&text(&report))?;
    }
    Ok(exit::DONE)
}

fn report(session: &Session, changed: &Changed) -> Report {
    let address = existing(&session.spec, &changed.observed).address;
    Report {
        stack: changed.plan.stack.clone(),
        region: changed.plan.region.clone(),
        account: changed.plan.account.clone(),
        done: changed.steps(),
        allocation_id: address.as_ref().map(|address| address.allocation_id.clone()),
        public_ip: address.map(|address| address.public_ip),
        name: session.spec.dns.as_ref().map(|dns| dns.name.clone()),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<8} {value}\n"));
    if let (Some(ip), Some(id)) = (&report.public_ip, &report.allocation_id) {
        line("address", &format!("{ip} ({id})"));
    }
    if let Some(name) = &report.name {
        line("name", name);
    }
    if report.done.is_empty() {
        return format!("\n{text}");
    }
    let done = changes(report.done.len());
    format!("\nApplied {done}. `selfheal status` shows when the instance is in service.\n\n{text}")
}
