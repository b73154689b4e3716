//! `selfheal apply`: makes the stack as its file says.

use selfheal_aws::Goal;
use selfheal_core::existing;
use selfheal_core::plan::{Plan, PlanOptions, StepKind};
use selfheal_core::watch::is_to_serve;
use selfheal_core::world::InstanceId;

use super::change::{Changed, How, change_within, changes};
use super::replace::{rolls_back_to, with_way_back};
use crate::awaiting::{UNTIL_IT_FAILS, await_serving, begin};
use crate::cli::ApplyArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::{Applied, Served};
use crate::saved;
use crate::session::Session;

/// Makes the stack as its file says.
///
/// # Errors
/// Those of [`change_within`], and of reading a saved plan.
pub fn run(session: &Session, args: &ApplyArgs) -> Result<u8, CliError> {
    let what = match (args.new_volume, args.new_address) {
        (true, true) => "An EMPTY data volume and a new address take the place of what is gone.",
        (true, false) => "An EMPTY data volume takes the place of one that is gone.",
        (false, true) => "A new address takes the place of one that is gone.",
        (false, false) => "",
    };
    let shown = args.plan.as_deref().map(saved::load).transpose()?;
    let was_shown = |plan: &Plan| plan.step(StepKind::ReplaceInstance).is_some();
    let replace = args.replace || shown.as_ref().is_some_and(was_shown);
    let question = match (what, replace) {
        ("", false) => Question::YesNo("Apply this plan?"),
        ("", true) => Question::YesNo(
            "Apply this plan? Where it replaces the instance, the stack is down until the next one serves.",
        ),
        _ => Question::Name {
            what,
            name: &session.spec.name,
        },
    };
    let how = How {
        goal: Goal::ApplyWith(PlanOptions {
            new_volume: args.new_volume,
            new_address: args.new_address,
            replace,
        }),
        yes: args.yes,
        question,
    };
    let changed = change_within(session, &how, shown.as_ref())?;
    let served = if !args.no_wait && is_to_serve(&changed.observed) {
        Some(served(session, &changed)?)
    } else {
        None
    };
    let report = report(session, &changed, served);
    match &session.events {
        Some(events) => events.end(changed.steps(), Outcome::Applied(report))?,
        None => session.output.text(&text(&report, changed.done.len()))?,
    }
    Ok(exit::DONE)
}

/// Waits until what was applied serves; asks nothing where that is known already. Where an instance was replaced, only another one
/// counts.
fn served(session: &Session, changed: &Changed) -> Result<Served, CliError> {
    let begun = begin(session, &changed.before);
    let observed = changed.observed.clone();
    let Some(old) = replaced(changed) else {
        return await_serving(session, begun, observed, UNTIL_IT_FAILS, &changed.steps());
    };
    let back = rolls_back_to(&changed.observed, &old);
    let waited = await_serving(
        session,
        begun.replacing(old),
        observed,
        UNTIL_IT_FAILS,
        &changed.steps(),
    );
    waited.map_err(|error| with_way_back(error, back.as_deref()))
}

/// The instance that this run ended, for another one to take its place.
fn replaced(changed: &Changed) -> Option<InstanceId> {
    let mut steps = changed.done.iter().map(|done| &done.step);
    let ended = steps.find(|step| step.kind == StepKind::ReplaceInstance)?;
    ended.target.clone().map(InstanceId::from)
}

fn report(session: &Session, changed: &Changed, served: Option<Served>) -> Applied {
    let address = existing(&session.spec, &changed.observed).address;
    Applied {
        stack: changed.plan.stack.clone(),
        region: changed.plan.region.clone(),
        account: changed.plan.account.clone(),
        allocation_id: address.as_ref().map(|address| address.allocation_id.clone()),
        public_ip: address.map(|address| address.public_ip),
        name: session.spec.dns.as_ref().map(|dns| dns.name.clone()),
        replaced: replaced(changed),
        served,
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
    let serves = match &report.served {
        Some(served) if report.replaced.is_some() => {
            let old = report.replaced.as_ref().map_or("another", InstanceId::as_str);
            format!(
                "{} serves in the place of {old} after {} s.",
                served.instance_id, served.seconds
            )
        }
        None if report.replaced.is_some() => "`selfheal wait` waits for the instance that takes the place.".to_owned(),
        Some(served) if served.seconds > 0 => {
            format!("{} serves after {} s.", served.instance_id, served.seconds)
        }
        Some(served) => format!("{} serves.", served.instance_id),
        None => "`selfheal status` shows when the instance is in service.".to_owned(),
    };
    match done {
        0 if report.served.as_ref().is_none_or(|served| served.seconds == 0) => format!("\n{text}"),
        0 => format!("\n{serves}\n\n{text}"),
        _ => format!("\nApplied {}. {serves}\n\n{text}", changes(done)),
    }
}
