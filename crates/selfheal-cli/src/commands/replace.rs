//! `selfheal replace`: another instance takes the place of the running one. `selfheal rollback`: one of an earlier version.
//! `selfheal wait`: until one serves.

use jiff::SignedDuration;
use selfheal_aws::{Goal, Patience, Scope};
use selfheal_core::Observed;
use selfheal_core::watch::is_to_serve;
use selfheal_core::world::{Group, GroupInstance, InstanceId};

use super::change::{How, change};
use crate::awaiting::{UNTIL_IT_FAILS, await_serving, begin};
use crate::cli::{ReplaceArgs, RollbackArgs, WaitArgs};
use crate::done::DoneStep;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::Replaced;
use crate::session::Session;

/// Replaces the instance that serves, or is on its way there, by the next one.
///
/// # Errors
/// Those of [`change`], and of waiting.
pub fn replace(session: &Session, args: &ReplaceArgs) -> Result<u8, CliError> {
    let before = session.observe(Scope::Replace)?;
    let turn = Turn {
        instance: foremost(&before).map(|member| member.id.clone()),
        yes: args.yes,
        waits: !args.no_wait,
        back: foremost(&before).and_then(|member| rolls_back_to(&before, &member.id)),
    };
    let (replaced, steps) = take_turn(session, &before, &turn)?;
    finish(session, steps, replaced)
}

/// Pins the group to an earlier version of its launch template, and replaces the instance where it is of another one.
///
/// # Errors
/// Those of [`change`], and of waiting.
pub fn rollback(session: &Session, args: &RollbackArgs) -> Result<u8, CliError> {
    let before = session.observe(Scope::Replace)?;
    // A stack without a group is refused by its plan, which has the reason.
    let previous = before.group.as_ref().map_or(0, Group::version_before);
    let version = args.to.unwrap_or(previous);
    let how = How {
        goal: Goal::Rollback(version),
        yes: args.yes,
        question: Question::YesNo("Go back, and replace the instance? The stack is down until the next one serves."),
    };
    let changed = change(session, &how)?;
    let mut steps = changed.steps();
    let old = foremost(&changed.observed).filter(|member| {
        if !is_to_serve(&changed.observed) {
            return false;
        }
        let runs = member.template_version.as_ref();
        runs.is_none_or(|runs| *runs != version.to_string())
    });
    let replaced = match old {
        Some(member) => {
            let turn = Turn {
                instance: Some(member.id.clone()),
                yes: true,
                waits: !args.no_wait,
                back: None,
            };
            let (replaced, more) = take_turn(session, &changed.observed, &turn)?;
            steps.extend(more);
            replaced
        }
        None => Replaced {
            stack: changed.plan.stack.clone(),
            instance_id: None,
            served: None,
        },
    };
    finish(session, steps, replaced)
}

/// One instance that another is to take the place of.
struct Turn {
    /// `None` of a stack that has none, for the plan to refuse.
    instance: Option<InstanceId>,
    yes: bool,
    waits: bool,
    /// The version that the instance is of, where the next one is of another.
    back: Option<String>,
}

fn foremost(observed: &Observed) -> Option<&GroupInstance> {
    observed.group.as_ref()?.foremost().into_iter().next()
}

/// The version to go back to should the next instance fail: that of the one which runs, or has just been ended, where the next is of
/// another.
pub(super) fn rolls_back_to(observed: &Observed, old: &InstanceId) -> Option<String> {
    let group = observed.group.as_ref()?;
    let member = group.instances.iter().find(|member| member.id == *old)?;
    let runs = member.template_version.clone()?;
    (group.template_version.as_ref() != Some(&runs)).then_some(runs)
}

fn take_turn(session: &Session, before: &Observed, turn: &Turn) -> Result<(Replaced, Vec<DoneStep>), CliError> {
    let begun = begin(session, before);
    let how = How {
        goal: Goal::Replace(turn.instance.clone()),
        yes: turn.yes,
        question: Question::YesNo("Replace the instance? The stack is down until the next one serves."),
    };
    let changed = change(session, &how)?;
    let steps = changed.steps();
    let served = match &turn.instance {
        Some(id) if turn.waits => {
            let begun = begun.replacing(id.clone());
            let waited = await_serving(session, begun, changed.observed.clone(), UNTIL_IT_FAILS, &steps);
            Some(waited.map_err(|error| with_way_back(error, turn.back.as_deref()))?)
        }
        _ => None,
    };
    let replaced = Replaced {
        stack: changed.plan.stack.clone(),
        instance_id: turn.instance.clone(),
        served,
    };
    Ok((replaced, steps))
}

/// Tells whoever rolled out what does not boot how to go back.
pub(super) fn with_way_back(error: CliError, back: Option<&str>) -> CliError {
    match (error, back) {
        (CliError::NotServing { message, help, done }, Some(version)) => CliError::NotServing {
            message,
            help: format!("`selfheal rollback --to {version}` goes back to what ran before; else {help}"),
            done,
        },
        (error, _) => error,
    }
}

fn finish(session: &Session, steps: Vec<DoneStep>, report: Replaced) -> Result<u8, CliError> {
    let text = match (&report.instance_id, &report.served) {
        (Some(id), Some(served)) => {
            format!(
                "\n{} serves in the place of {id} after {} s.\n",
                served.instance_id, served.seconds
            )
        }
        (Some(id), None) => format!("\n{id} goes. `selfheal wait` waits for the one that takes its place.\n"),
        (None, _) => "\nNo instance of another version runs.\n".to_owned(),
    };
    match &session.events {
        Some(events) => events.end(steps, Outcome::Replaced(report))?,
        None => session.output.text(&text)?,
    }
    Ok(exit::DONE)
}

/// Waits until the stack serves.
///
/// # Errors
/// Those of reading and of waiting.
pub fn wait(session: &Session, args: &WaitArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Status)?;
    let begun = begin(session, &observed);
    let how = Patience {
        at_most: SignedDuration::try_from(args.timeout).unwrap_or(SignedDuration::MAX),
        lets_group_try_again: true,
    };
    let served = await_serving(session, begun, observed, how, &[])?;
    let text = format!("{} serves.\n", served.instance_id);
    match &session.events {
        Some(events) => events.end(Vec::new(), Outcome::Serving(served))?,
        None => session.output.text(&text)?,
    }
    Ok(exit::DONE)
}
