//! `selfheal sleep` and `selfheal wake`: the stack without an instance for a while.

use std::time::Duration;

use jiff::Timestamp;
use selfheal_aws::Goal;
use selfheal_core::plan::SleepUntil;
use selfheal_core::world::GroupInstance;

use super::change::{How, change};
use crate::cli::{SleepArgs, WakeArgs};
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::{Asleep, Awake};
use crate::session::Session;

/// Puts the stack to sleep.
///
/// # Errors
/// Those of [`change`].
pub fn sleep(session: &Session, args: &SleepArgs) -> Result<u8, CliError> {
    let until = match args.at_least {
        None if args.until_wake => SleepUntil::Wake,
        None => SleepUntil::Schedule,
        Some(duration) => SleepUntil::Time(later(session, duration)?),
    };
    let how = How {
        goal: Goal::Sleep(until),
        yes: args.yes,
        question: Question::YesNo("Put the stack to sleep?"),
    };
    let changed = change(session, &how)?;
    let told = changed.plan.notes.iter().find(|note| note.code == "sleeps-until");
    let report = Asleep {
        stack: changed.plan.stack.clone(),
        until: told.map(|note| note.message.clone()).unwrap_or_default(),
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Asleep(report))?;
    } else if !changed.done.is_empty() {
        let text = format!("\nAsleep within minutes. {}.\n", capital(&report.until));
        session.output.text(&text)?;
    }
    Ok(exit::DONE)
}

/// Wakes the stack. Nothing is asked: an instance comes, and nothing goes.
///
/// # Errors
/// Those of [`change`].
pub fn wake(session: &Session, args: &WakeArgs) -> Result<u8, CliError> {
    let how = How {
        goal: Goal::Wake { wait: args.wait },
        yes: true,
        question: Question::YesNo("Wake the stack?"),
    };
    let changed = change(session, &how)?;
    let group = changed.observed.group.as_ref();
    let serves = group.is_some_and(|group| group.instances.iter().any(GroupInstance::is_serving));
    let report = Awake {
        stack: changed.plan.stack.clone(),
        in_service: args.wait && serves,
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Awake(report))?;
    } else if report.in_service {
        session.output.text("\nAwake: its instance is in service.\n")?;
    } else if !changed.done.is_empty() {
        session
            .output
            .text("\nWoken. `selfheal status` shows when an instance is in service.\n")?;
    }
    Ok(exit::DONE)
}

/// The instant that lies so far ahead.
fn later(session: &Session, duration: Duration) -> Result<Timestamp, CliError> {
    let now = session.backend.now();
    now.checked_add(duration)
        .map_err(|error| CliError::Failed(error.to_string()))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), chars.as_str())
}
