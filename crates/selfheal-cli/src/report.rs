//! What came of the commands that change something, beside the steps that ran. Fields are added, never renamed or removed.

use schemars::JsonSchema;
use selfheal_core::watch::{Reached, Standing};
use selfheal_core::world::{AllocationId, InstanceId, SnapshotId, VolumeId};
use serde::Serialize;

/// What somebody who waited for the stack has seen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Served {
    /// The instance that serves.
    pub instance_id: InstanceId,
    /// Seconds for which was waited.
    pub seconds: u64,
    /// The phases that were seen, in the order in which they were.
    pub timeline: Vec<Reached>,
}

/// How somebody who looked on left the stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Seen {
    /// The stack's name.
    pub stack: String,
    /// Seconds for which somebody looked on.
    pub seconds: u64,
    /// How the stack stood at the end.
    #[serde(flatten)]
    pub standing: Standing,
}

/// What came of `apply`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Applied {
    /// The stack's name.
    pub stack: String,
    /// The Region.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// The Elastic IP's allocation.
    pub allocation_id: Option<AllocationId>,
    /// The Elastic IP.
    pub public_ip: Option<String>,
    /// The DNS name, where the spec has one.
    pub name: Option<String>,
    /// The instance whose place another one takes, with `--replace` or where the spec buys instances in another way; `null` where
    /// the running one stays.
    pub replaced: Option<InstanceId>,
    /// The instance that serves, and how it came to; `null` where nobody waited for one: with `--no-wait`, and where the stack
    /// is to have none at the moment.
    pub served: Option<Served>,
}

/// What came of `replace` and `rollback`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replaced {
    /// The stack's name.
    pub stack: String,
    /// The instance whose place another one takes; `null` where none runs that is of another version than what to go back to.
    pub instance_id: Option<InstanceId>,
    /// The instance that serves now, and how it came to; `null` with `--no-wait`.
    pub served: Option<Served>,
}

/// What came of `destroy`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Destroyed {
    /// The stack's name.
    pub stack: String,
    /// The Region.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// What was kept, and why: the plan's notes, and the last snapshot of a data volume that was deleted.
    pub kept: Vec<String>,
    /// The last snapshot of the data volume, where this run took one.
    pub snapshot_id: Option<SnapshotId>,
}

/// What came of `resume`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Resumed {
    /// The stack's name.
    pub stack: String,
}

/// What came of `sleep`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asleep {
    /// The stack's name.
    pub stack: String,
    /// Until when it sleeps: a clause.
    pub until: String,
}

/// What came of `snapshot`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SnapshotTaken {
    /// The stack's name.
    pub stack: String,
    /// `snap-…`.
    pub snapshot_id: Option<SnapshotId>,
    /// Whether it is completed, so that a volume can be made of it.
    pub completed: bool,
}

/// What came of `snapshot --instant` and of `restore --as-copy`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Copied {
    /// The stack's name.
    pub stack: String,
    /// `vol-…`: nothing of the stack uses it.
    pub volume_id: Option<VolumeId>,
}

/// What came of `restore`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Restored {
    /// The stack's name.
    pub stack: String,
    /// `vol-…`: the data volume now.
    pub volume_id: Option<VolumeId>,
    /// The stack's volumes that are kept beside it.
    pub kept: Vec<VolumeId>,
    /// Whether the stack is awake, and then in service; one that slept before sleeps again.
    pub in_service: bool,
}

/// What came of `wake`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Awake {
    /// The stack's name.
    pub stack: String,
    /// Whether its instance is in service, which only a run that waits for it knows.
    pub in_service: bool,
}
