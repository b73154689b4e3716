//! `selfheal resume`: lets a stack that has parked itself replace its instance again.

use selfheal_aws::Goal;

use super::change::{How, change};
use crate::cli::ResumeArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::Resumed;
use crate::session::Session;

/// Resumes the stack.
///
/// # Errors
/// Those of [`change`].
pub fn run(session: &Session, args: &ResumeArgs) -> Result<u8, CliError> {
    let question = Question::YesNo("Let the group replace the instance again?");
    let how = How {
        goal: Goal::Resume,
        yes: args.yes,
        question,
    };
    let changed = change(session, &how)?;
    if let Some(events) = &session.events {
        let stack = changed.plan.stack.clone();
        events.end(changed.steps(), Outcome::Resumed(Resumed { stack }))?;
    } else if !changed.done.is_empty() {
        session
            .output
            .text("\nResumed. `selfheal status` shows when an instance is in service.\n")?;
    }
    Ok(exit::DONE)
}
