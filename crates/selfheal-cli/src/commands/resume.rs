//! `selfheal resume`: lets a stack that has parked itself replace its instance again.

use schemars::JsonSchema;
use selfheal_aws::Goal;
use serde::Serialize;

use super::change::{How, change};
use crate::cli::ResumeArgs;
use crate::done::DoneStep;
use crate::error::CliError;
use crate::exit;
use crate::prompt::Question;
use crate::session::Session;

/// What `resume --json` prints. Fields are added, never renamed or removed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The stack's name.
    stack: String,
    /// The steps that ran, in the order in which they ended; empty when nothing was parked.
    done: Vec<DoneStep>,
}

/// Resumes the stack.
///
/// # Errors
/// Those of [`change`].
pub fn run(session: &Session, args: &ResumeArgs) -> Result<u8, CliError> {
    let question = Question::YesNo("Let the group replace the instance again?");
    let how = How {
        goal: Goal::Resume,
        yes: args.yes,
        json: args.json,
        question,
    };
    let changed = change(session, &how)?;
    if args.json {
        session.output.report(&Report {
            stack: changed.plan.stack.clone(),
            done: changed.steps(),
        })?;
    } else if !changed.done.is_empty() {
        session
            .output
            .text("\nResumed. `selfheal status` shows when an instance is in service.\n")?;
    }
    Ok(exit::DONE)
}
