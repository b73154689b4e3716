//! A snapshot, or a copy, of the data volume that somebody asked for.

use super::builder::{Builder, Deferred, Draft};
use super::restore::own_copy;
use super::{Change, Plan, StepKind, WaitFor, schema};
use crate::existing::volume::{Choice, choose};
use crate::names::{ResourceKind, TAG_BY_HAND, TAG_FILESYSTEM, TAG_KEY, TAG_RESTORED_FROM};
use crate::token::copy_token;
use crate::world::{
    Action, CopyVolume, Observed, Snapshot, SnapshotCall, SnapshotState, Volume, VolumeCall, VolumeState,
};

/// What is taken of the data volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Whether the run waits until it is completed.
    pub wait: bool,
    /// A copy of the volume in its own zone, which can be used at once, in place of a snapshot. It costs what a volume costs.
    pub instant: bool,
}

impl Observed {
    /// The snapshots that this run was asked for and has started.
    pub fn snapshots_by_hand(&self) -> impl Iterator<Item = &Snapshot> {
        let mark = self.observed_at.to_string();
        let snapshots = self.snapshots.iter();
        snapshots.filter(move |snapshot| snapshot.tags.get(TAG_BY_HAND) == Some(&mark))
    }
}

/// Composes a snapshot, or a copy.
pub(super) fn compose(mut builder: Builder<'_>, options: SnapshotOptions) -> Plan {
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    match choose(&builder) {
        Choice::Volume(volume) if options.instant => copy(&mut builder, volume),
        Choice::Volume(volume) => snapshot(&mut builder, volume, options.wait),
        Choice::Nothing => builder.refuse(
            "no-data-volume",
            format!("the stack `{}` has no data volume", builder.spec.name),
            "a spec with `[data]`, applied, has one",
        ),
        Choice::Problem(problem) => builder.refuse(problem.code, problem.message, problem.help),
    }
    builder.finish()
}

fn snapshot(builder: &mut Builder<'_>, volume: &Volume, wait: bool) {
    match builder.observed.snapshots_by_hand().next() {
        Some(own) if own.state == SnapshotState::Error => builder.refuse(
            "snapshot-failed",
            format!("AWS could not complete the snapshot {}", own.id),
            "take another",
        ),
        Some(own) if wait && own.state != SnapshotState::Completed => {
            builder.wait(WaitFor::SnapshotCompleted { id: own.id.clone() });
        }
        Some(_) => {}
        None => {
            let mut tags = builder.names.tags(ResourceKind::Snapshot);
            tags.insert(TAG_BY_HAND.to_owned(), builder.observed.observed_at.to_string());
            let draft =
                Draft::new(StepKind::CreateSnapshot, Change::Create, "asked for").sets("volume", volume.id.clone());
            let call = SnapshotCall::CreateSnapshot {
                volume_id: volume.id.clone(),
                description: format!("selfheal {}: taken by hand", builder.spec.name),
                tags,
            };
            builder.step(draft, Deferred::Known(Action::Snapshot(call)));
        }
    }
}

fn copy(builder: &mut Builder<'_>, volume: &Volume) {
    if let Some(made) = own_copy(builder) {
        if made.state == VolumeState::Creating {
            builder.wait(WaitFor::VolumeSeen { id: made.id.clone() });
        }
        return;
    }
    let mut tags = builder.names.tags(ResourceKind::VolumeCopy);
    tags.insert(TAG_BY_HAND.to_owned(), builder.observed.observed_at.to_string());
    tags.insert(TAG_RESTORED_FROM.to_owned(), volume.id.to_string());
    // What the boot program and a later restore have to know of it.
    for key in [TAG_FILESYSTEM, TAG_KEY] {
        tags.extend(volume.tags.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    let mut input = CopyVolume {
        source: volume.id.clone(),
        size_gib: volume.size_gib,
        volume_type: volume.volume_type.clone(),
        iops: volume.iops,
        throughput_mibps: volume.throughput_mibps,
        tags,
        client_token: String::new(),
    };
    let run = &builder.observed.run;
    input.client_token = copy_token(&builder.observed.identity.account, &input, &run.spent_tokens);
    let draft = Draft::new(
        StepKind::CopyVolume,
        Change::Create,
        "asked for: nothing of the stack uses it",
    )
    .sets("volume", volume.id.clone())
    .sets("zone", volume.zone.clone())
    .sets("size", format!("{} GiB", volume.size_gib));
    builder.step(draft, Deferred::Known(Action::Volume(VolumeCall::CopyVolume(input))));
}
