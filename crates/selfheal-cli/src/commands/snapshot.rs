//! `selfheal snapshot`, `selfheal snapshots` and `selfheal restore`: going back to an earlier state of the data.

use selfheal_aws::{Goal, Scope};
use selfheal_core::plan::{RestoreFrom, RestoreOptions, SnapshotOptions, undo_restore, unfinished_restore};
use selfheal_core::world::{Observed, SnapshotState, VolumeId};
use selfheal_core::{existing, snapshots};

use super::change::{Changed, How, change};
use crate::cli::{RestoreArgs, SnapshotArgs, SnapshotsArgs};
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::prompt::Question;
use crate::report::{Copied, Restored, SnapshotTaken};
use crate::session::Session;

/// Takes a snapshot, or makes a copy. Nothing is asked: it is harmless, and its cost is small.
///
/// # Errors
/// Those of [`change`].
pub fn snapshot(session: &Session, args: &SnapshotArgs) -> Result<u8, CliError> {
    let options = SnapshotOptions {
        wait: args.wait,
        instant: args.instant,
    };
    let how = How {
        goal: Goal::Snapshot(options),
        yes: true,
        question: Question::YesNo("Take a snapshot?"),
    };
    let changed = change(session, &how)?;
    if args.instant {
        return copied(session, &changed);
    }
    let taken = changed.observed.snapshots_by_hand().last();
    let report = SnapshotTaken {
        stack: changed.plan.stack.clone(),
        snapshot_id: taken.map(|snapshot| snapshot.id.clone()),
        completed: taken.is_some_and(|snapshot| snapshot.state == SnapshotState::Completed),
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Snapshot(report))?;
    } else if let Some(id) = &report.snapshot_id {
        let rest = if report.completed {
            "It is completed"
        } else {
            "It holds the data as they are now; AWS completes it by itself, in minutes or, for the first one, hours"
        };
        session.output.text(&format!("\nTook {id}. {rest}.\n"))?;
    }
    Ok(exit::DONE)
}

/// Lists what there is to go back to.
///
/// # Errors
/// The stack cannot be read.
pub fn list(session: &Session, args: &SnapshotsArgs) -> Result<u8, CliError> {
    let report = snapshots(&session.spec, &session.observe(Scope::Snapshot)?);
    if args.json {
        session.output.report(&report)?;
    } else {
        session.output.text(&report.to_string())?;
    }
    Ok(exit::DONE)
}

/// Puts another volume in the place of the data volume; with `--as-copy` makes one that nothing uses.
///
/// # Errors
/// Those of [`change`], and that there is nothing to go back to.
pub fn restore(session: &Session, args: &RestoreArgs) -> Result<u8, CliError> {
    let from = origin(session, args)?;
    if args.as_copy {
        let RestoreFrom::Snapshot(snapshot) = from else {
            let what = "--as-copy makes a volume of a snapshot: name one, or `latest`";
            return Err(CliError::Failed(what.to_owned()));
        };
        let how = How {
            goal: Goal::VolumeOfSnapshot {
                snapshot,
                zone: args.zone.clone(),
            },
            yes: args.yes,
            question: Question::YesNo("Make the copy?"),
        };
        return copied(session, &change(session, &how)?);
    }
    let how = How {
        goal: Goal::Restore(RestoreOptions {
            from,
            zone: args.zone.clone(),
            zone_lost: args.zone_lost,
        }),
        yes: args.yes,
        question: Question::Name {
            what: "The stack is down until its new instance serves, and goes back in time.",
            name: &session.spec.name,
        },
    };
    let changed = change(session, &how)?;
    let volume = existing(&session.spec, &changed.observed).volume;
    let group = changed.observed.group.as_ref();
    let report = Restored {
        stack: changed.plan.stack.clone(),
        volume_id: volume.as_ref().map(|volume| volume.id.clone()),
        kept: kept(session, &changed.observed),
        in_service: group.is_some_and(|group| group.desired > 0),
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Restored(report))?;
    } else if !changed.done.is_empty() {
        let serves = if report.in_service {
            "its instance is in service"
        } else {
            "it sleeps, as it did before"
        };
        let volume = report.volume_id.as_ref().map_or("none", VolumeId::as_str);
        session.output.text(&format!(
            "\nRestored {}: the data volume is {volume}, and {serves}. `selfheal restore --undo` goes back.\n",
            report.stack
        ))?;
    }
    Ok(exit::DONE)
}

/// What the command line says to restore from.
fn origin(session: &Session, args: &RestoreArgs) -> Result<RestoreFrom, CliError> {
    let Some(from) = args.from.as_deref().filter(|from| *from != "latest") else {
        let observed = session.observe(Scope::Restore)?;
        return if args.undo {
            undo_restore(&session.spec, &observed).map_err(|why| CliError::Failed(format!("nothing to undo: {why}")))
        } else if let Some(begun) = unfinished_restore(&session.spec, &observed).filter(|_| !args.as_copy) {
            // The same command goes on with what was cut off.
            Ok(begun)
        } else {
            let latest = snapshots(&session.spec, &observed).latest.map(RestoreFrom::Snapshot);
            latest.ok_or_else(|| CliError::Failed(format!("{} has no completed snapshot", session.spec.name)))
        };
    };
    if from.starts_with("vol-") {
        Ok(RestoreFrom::Volume(from.into()))
    } else {
        Ok(RestoreFrom::Snapshot(from.into()))
    }
}

/// The stack's volumes that are kept beside its data volume.
fn kept(session: &Session, observed: &Observed) -> Vec<VolumeId> {
    let volumes = snapshots(&session.spec, observed).volumes;
    volumes.into_iter().map(|volume| volume.id).collect()
}

/// Tells of the copy that a run has made.
fn copied(session: &Session, changed: &Changed) -> Result<u8, CliError> {
    let made = changed.done.iter().find(|done| !done.detail.is_empty());
    let report = Copied {
        stack: changed.plan.stack.clone(),
        volume_id: made.map(|done| VolumeId::from(done.detail.as_str())),
    };
    if let Some(events) = &session.events {
        events.end(changed.steps(), Outcome::Copied(report))?;
    } else if let Some(id) = &report.volume_id {
        session.output.text(&format!(
            "\nMade {id}, which nothing uses: `selfheal restore --from {id}` makes it the data volume. It costs money while it \
             is kept.\n"
        ))?;
    }
    Ok(exit::DONE)
}
