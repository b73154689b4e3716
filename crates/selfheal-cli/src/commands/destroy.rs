//! `selfheal destroy`: removes the stack, and keeps the address, the data and the logs unless each is named.

use selfheal_aws::Goal;
use selfheal_core::plan::DestroyOptions;

use super::change::{How, change, changes};
use crate::cli::DestroyArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::Destroyed;
use crate::session::Session;

/// Removes the stack.
///
/// # Errors
/// Those of [`change`].
pub fn run(session: &Session, args: &DestroyArgs) -> Result<u8, CliError> {
    let options = DestroyOptions {
        release_address: args.release_address,
        delete_data: args.delete_data,
        delete_logs: args.delete_logs,
    };
    let mut what = match (args.release_address, args.delete_data) {
        (true, true) => "The address and the data volume go for good.",
        (true, false) => "The address goes for good.",
        (false, true) => "The data volume goes; its last snapshot stays.",
        (false, false) => "",
    }
    .to_owned();
    if args.delete_logs {
        let space = if what.is_empty() { "" } else { " " };
        what.push_str(&format!("{space}What was logged goes for good."));
    }
    let question = if what.is_empty() {
        Question::YesNo("Destroy the stack?")
    } else {
        Question::Name {
            what: &what,
            name: &session.spec.name,
        }
    };
    let how = How {
        goal: Goal::Destroy(options),
        yes: args.yes,
        question,
    };
    let changed = change(session, &how)?;
    let snapshot_id = changed
        .observed
        .last_snapshots()
        .last()
        .map(|snapshot| snapshot.id.clone());
    let in_snapshot = snapshot_id
        .as_ref()
        .map(|id| format!("the data is in the snapshot {id}"));
    let notes = changed.plan.notes.iter().map(|note| note.message.clone());
    let report = Destroyed {
        stack: changed.plan.stack.clone(),
        region: changed.plan.region.clone(),
        account: changed.plan.account.clone(),
        kept: notes.chain(in_snapshot.clone()).collect(),
        snapshot_id,
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Destroyed(report))?;
    } else if !changed.done.is_empty() {
        let kept = in_snapshot.map_or_else(String::new, |kept| format!("; {kept}"));
        session.output.text(&format!(
            "\nDestroyed {}: {}{kept}.\n",
            report.stack,
            changes(changed.done.len())
        ))?;
    }
    Ok(exit::DONE)
}
