//! The end of the data volume, which only a person who names it can ask for: after a snapshot of this very run.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind, WaitFor};
use crate::existing::volume::{Choice, choose, several, tagged};
use crate::names::{ResourceKind, TAG_FINAL};
use crate::world::{Action, Observed, Snapshot, SnapshotCall, SnapshotId, SnapshotState, Volume, VolumeCall};

pub(super) fn delete(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let named = builder.spec.data.as_ref().is_some_and(|data| data.volume.is_some());
    let all = tagged(builder);
    // Also where a witness tells which one is in use: the next run would take the other.
    if all.len() > 1 && !named {
        let problem = several(all.iter().map(|volume| volume.id.as_str()));
        builder.refuse(problem.code, problem.message, problem.help);
        return;
    }
    let volume = match choose(builder) {
        Choice::Volume(volume) => volume,
        Choice::Nothing => return,
        Choice::Problem(problem) if problem.code == "volume-lost" || problem.code == "volume-missing" => {
            builder.note("volume-lost", problem.message);
            return;
        }
        Choice::Problem(problem) => {
            builder.refuse(problem.code, problem.message, problem.help);
            return;
        }
    };
    let mut before = stopped.clone();
    tell_earlier_snapshots(builder, volume);
    let group = builder.observed.group.as_ref();
    if own_snapshots(builder, volume).next().is_some() && group.is_some_and(|group| !group.deleting) {
        builder.refuse(
            "applied-again",
            format!(
                "the stack was applied again after the last snapshot of {} was started",
                volume.id
            ),
            "nothing more is deleted: settle who is to have the stack, then run one of the two commands again",
        );
        return;
    }
    match last_snapshot(builder, volume).filter(|_| stopped.is_empty()) {
        Some(snapshot) if snapshot.state == SnapshotState::Completed => {}
        Some(snapshot) => {
            before.insert(builder.wait(WaitFor::SnapshotCompleted {
                id: snapshot.id.clone(),
            }));
        }
        None => {
            before.insert(take_snapshot(builder, volume, stopped));
        }
    }
    let draft = Draft::new(
        StepKind::DeleteVolume,
        Change::Delete,
        "asked for: after its snapshot is completed",
    )
    .target(volume.id.clone())
    .removes("size", format!("{} GiB", volume.size_gib));
    builder.step(
        draft,
        Deferred::Known(Action::Volume(VolumeCall::DeleteVolume { id: volume.id.clone() })).not_before(&before),
    );
}

/// Takes the last snapshot, once nothing writes any more.
fn take_snapshot(builder: &mut Builder<'_>, volume: &Volume, stopped: &BTreeSet<Need>) -> Need {
    let mut tags = builder.names.tags(ResourceKind::Snapshot);
    tags.insert(TAG_FINAL.to_owned(), run_mark(builder.observed));
    let draft = Draft::new(
        StepKind::CreateSnapshot,
        Change::Create,
        "the data is kept as a snapshot",
    )
    .sets("volume", volume.id.clone());
    let action = Action::Snapshot(SnapshotCall::CreateSnapshot {
        volume_id: volume.id.clone(),
        description: format!(
            "selfheal {}: last snapshot before the volume was deleted",
            builder.spec.name
        ),
        tags,
    });
    builder.step(draft, Deferred::Known(action).not_before(stopped))
}

/// What tells this run's snapshots from those of others: when it began to read the stack.
fn run_mark(observed: &Observed) -> String {
    observed.observed_at.to_string()
}

impl Observed {
    /// The last snapshots of data volumes that this run started.
    pub fn last_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        let mark = run_mark(self);
        self.snapshots.iter().filter(move |snapshot| {
            snapshot.tags.get(TAG_FINAL) == Some(&mark) || self.run.snapshots.own.contains(&snapshot.id)
        })
    }
}

/// The snapshots of the volume that this run started.
fn own_snapshots<'a>(builder: &Builder<'a>, volume: &Volume) -> impl Iterator<Item = &'a Snapshot> + use<'a> {
    let id = volume.id.clone();
    let own = builder.observed.last_snapshots();
    own.filter(move |snapshot| snapshot.volume_id == id)
}

/// The snapshot that holds the volume's last state: one that this run started.
///
/// Whether an instance has written since an older one cannot be known: AWS soon ceases to show terminated instances, and
/// nothing on the volume tells. An instance that is seen to have come up since is one reason more.
fn last_snapshot<'a>(builder: &Builder<'a>, volume: &Volume) -> Option<&'a Snapshot> {
    let instances = &builder.observed.instances;
    own_snapshots(builder, volume)
        .filter(|snapshot| snapshot.state != SnapshotState::Error)
        .filter(|snapshot| {
            instances
                .iter()
                .all(|instance| instance.launched_at < snapshot.started_at)
        })
        .max_by_key(|snapshot| snapshot.started_at)
}

/// Tells of last snapshots that earlier runs took and did not come to use.
fn tell_earlier_snapshots(builder: &mut Builder<'_>, volume: &Volume) {
    let own: Vec<&SnapshotId> = own_snapshots(builder, volume).map(|snapshot| &snapshot.id).collect();
    let earlier: Vec<SnapshotId> = builder
        .observed
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.volume_id == volume.id && snapshot.tags.contains_key(TAG_FINAL))
        .filter(|snapshot| !own.contains(&&snapshot.id) && snapshot.state != SnapshotState::Error)
        .map(|snapshot| snapshot.id.clone())
        .collect();
    for id in earlier {
        builder.note(
            "earlier-snapshot",
            format!(
                "an earlier run took the snapshot {id} of {}: it is kept, and another is taken, since data may have been \
                 written after it",
                volume.id
            ),
        );
    }
}
