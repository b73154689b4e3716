//! Snapshots of the data volume.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::list;
use super::{Answer, Observed, SnapshotId, SnapshotState, VolumeId};
use crate::names::Tags;

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The volume it was taken of.
    pub volume_id: VolumeId,
    /// Size of that volume in GiB, which is the least that a volume made of it may have.
    #[serde(default)]
    pub size_gib: u32,
    /// Its state.
    pub state: SnapshotState,
    /// When it was started.
    pub started_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// One mutating call about snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum SnapshotCall {
    /// `ec2:CreateSnapshot`.
    CreateSnapshot {
        /// The volume.
        volume_id: VolumeId,
        /// What people read.
        description: String,
        /// Its tags.
        tags: Tags,
    },
}

/// What a run knows of the snapshots beyond what a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRun {
    /// Snapshots that this run started: no other counts as the last one of a volume.
    pub own: Vec<SnapshotId>,
}

pub(super) fn record(observed: &mut Observed, call: &SnapshotCall, answer: Answer) {
    match call {
        SnapshotCall::CreateSnapshot { .. } => {
            let Answer::Snapshot(snapshot) = answer else { return };
            observed.run.snapshots.own.push(snapshot.id.clone());
            observed.run.unseen.insert(snapshot.id.to_string());
            observed.snapshots.push(snapshot);
        }
    }
}

impl Observed {
    /// Puts a new reading of the snapshots into the observed world.
    pub fn read_snapshots(&mut self, snapshots: Vec<Snapshot>) {
        list(&mut self.snapshots, snapshots, &mut self.run.unseen, |snapshot| {
            snapshot.id.to_string()
        });
    }
}
