//! What came of the commands that change something, beside the steps that ran. Fields are added, never renamed or removed.

use schemars::JsonSchema;
use selfheal_core::world::{AllocationId, SnapshotId};
use serde::Serialize;

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

/// What came of `wake`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Awake {
    /// The stack's name.
    pub stack: String,
    /// Whether its instance is in service, which only a run that waits for it knows.
    pub in_service: bool,
}
