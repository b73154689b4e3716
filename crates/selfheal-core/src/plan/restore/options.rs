//! What a restore is asked for.

use crate::world::{SnapshotId, VolumeId};

/// What the data volume is to be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreFrom {
    /// A new volume, made of one of the stack's snapshots.
    Snapshot(SnapshotId),
    /// One of the stack's other volumes: one that was the data volume before, or a copy.
    Volume(VolumeId),
}

impl std::fmt::Display for RestoreFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Snapshot(id) => id.fmt(f),
            Self::Volume(id) => id.fmt(f),
        }
    }
}

/// What a restore is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    /// What the data volume is to be made of.
    pub from: RestoreFrom,
    /// The Availability Zone of the new volume, and of the stack from then on; where it is `None`, the one that the stack is
    /// in. A volume that is there already has its own.
    pub zone: Option<String>,
    /// Whether the zone that the stack is in is taken to be lost: no last snapshot is taken of the volume whose place
    /// another takes, and the end of an instance is not waited for.
    pub zone_lost: bool,
}
