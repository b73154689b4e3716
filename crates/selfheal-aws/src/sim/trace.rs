//! The trace: every API call and every event of the world, each a stable line.

use std::fmt;

use selfheal_core::world::{
    AllocationId, InstanceId, InstanceState, LifecycleState, SnapshotId, SnapshotState, VolumeId,
};
use serde::{Deserialize, Serialize};

use super::state::ApplicationVerdict;

/// One entry of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TraceEvent {
    /// Logical milliseconds since the world began.
    pub at_ms: u64,
    /// What happened.
    pub what: TraceKind,
}

/// Kind of an entry of the trace, with what it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum TraceKind {
    /// An API call took effect, or was refused.
    Call(CallTrace),
    /// An instance changed its state.
    Instance {
        /// The instance.
        id: InstanceId,
        /// Its new state, or what else happened to it.
        state: InstanceChange,
        /// Why, where that is known.
        why: String,
    },
    /// A group's view of an instance changed.
    Lifecycle {
        /// The group.
        group: String,
        /// The instance.
        instance: InstanceId,
        /// Its new lifecycle state.
        state: LifecycleState,
    },
    /// An application status check came to a verdict about an instance.
    Application {
        /// The instance.
        instance: InstanceId,
        /// The check.
        check: String,
        /// The verdict.
        status: ApplicationVerdict,
    },
    /// A group found an instance unhealthy.
    Unhealthy {
        /// The group.
        group: String,
        /// The instance.
        instance: InstanceId,
        /// Why.
        why: String,
    },
    /// A group failed to launch an instance.
    LaunchFailed {
        /// The group.
        group: String,
        /// Why.
        why: String,
    },
    /// The time of a scheduled action has come.
    Scheduled {
        /// The group.
        group: String,
        /// The action.
        action: String,
        /// Whether nothing was done, because the process that does it is suspended.
        skipped: bool,
    },
    /// Data Lifecycle Manager took a snapshot, or deleted one that had had its time.
    LifecyclePolicy {
        /// The lifecycle policy.
        policy: String,
        /// The snapshot.
        snapshot: SnapshotId,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// A group is gone.
    GroupDeleted {
        /// The group.
        group: String,
    },
    /// A volume changed its state or attachment.
    Volume {
        /// The volume.
        id: VolumeId,
        /// What happened to it.
        state: VolumeChange,
        /// The instance, where one is concerned.
        instance: Option<InstanceId>,
    },
    /// A snapshot is complete.
    Snapshot {
        /// The snapshot.
        id: SnapshotId,
        /// Its state.
        state: SnapshotState,
    },
    /// An address moved.
    Address {
        /// The allocation.
        id: AllocationId,
        /// The address.
        ip: String,
        /// Where it points now.
        instance: Option<InstanceId>,
    },
    /// A record changed.
    Dns {
        /// Its name.
        name: String,
        /// Its value; `None` when it is gone.
        value: Option<String>,
        /// `PENDING` or `INSYNC`.
        state: String,
    },
    /// The boot program's model says something.
    Boot {
        /// The instance.
        instance: InstanceId,
        /// What it says.
        says: String,
    },
    /// A caller was cut off.
    Crash {
        /// Who.
        caller: String,
        /// The call at which it was cut off, counted from 1 since the faults were set.
        call: u64,
    },
    /// A safety invariant does not hold.
    Violation {
        /// Which, such as `S3`.
        invariant: String,
        /// What was seen.
        detail: String,
    },
}

/// What happened to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum InstanceChange {
    /// It came to another state.
    State(InstanceState),
    /// Its status checks report `impaired`.
    Impaired,
    /// It was rebooted.
    Rebooted,
}

impl InstanceChange {
    /// Returns the change in one word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::State(state) => state.as_str(),
            Self::Impaired => "impaired",
            Self::Rebooted => "rebooted",
        }
    }
}

impl From<String> for InstanceChange {
    fn from(word: String) -> Self {
        match word.as_str() {
            "impaired" => Self::Impaired,
            "rebooted" => Self::Rebooted,
            state => Self::State(state.into()),
        }
    }
}

impl From<InstanceChange> for String {
    fn from(change: InstanceChange) -> Self {
        change.as_str().to_owned()
    }
}

impl fmt::Display for InstanceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happened to a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeChange {
    /// It was created, and can be used.
    Available,
    /// It was attached.
    Attached,
    /// It was detached, or its instance is gone.
    Released,
    /// It was deleted.
    Deleted,
    /// It was formatted.
    Formatted,
    /// It was mounted.
    Mounted,
    /// It was unmounted.
    Unmounted,
    /// A modification of it is complete.
    Modified,
}

impl VolumeChange {
    /// Returns the change in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Attached => "attached",
            Self::Released => "released",
            Self::Deleted => "deleted",
            Self::Formatted => "formatted",
            Self::Mounted => "mounted",
            Self::Unmounted => "unmounted",
            Self::Modified => "modified",
        }
    }
}

impl fmt::Display for VolumeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One API call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallTrace {
    /// Number of the call, from 1, since the faults were set.
    pub index: u64,
    /// Name of the caller: the operator's, or the instance's id.
    pub caller: String,
    /// The IAM action, such as `ec2:CreateVolume`.
    pub action: String,
    /// Resource that it was about, or that it made.
    pub resource: String,
    /// Whether the call is one that changes something.
    pub mutating: bool,
    /// Outcome of it.
    pub outcome: Outcome,
}

/// Outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Took effect, and the caller knows.
    Done,
    /// Took effect, and the answer was lost.
    AnswerLost,
    /// Had no effect: the code of the error.
    Refused(String),
}

impl CallTrace {
    /// Returns whether the call changed something.
    #[must_use]
    pub fn took_effect(&self) -> bool {
        self.mutating && !matches!(self.outcome, Outcome::Refused(_))
    }
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6}.{:03} {}", self.at_ms / 1000, self.at_ms % 1000, self.what)
    }
}

impl fmt::Display for TraceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => write!(f, "{call}"),
            Self::Instance { id, state, why } if why.is_empty() => write!(f, "instance {id} {state}"),
            Self::Instance { id, state, why } => write!(f, "instance {id} {state}: {why}"),
            Self::Lifecycle { group, instance, state } => write!(f, "group {group} {instance} {state}"),
            Self::Application {
                instance,
                check,
                status,
            } => write!(f, "application check {check} {instance} {status}"),
            Self::Unhealthy { group, instance, why } => write!(f, "group {group} {instance} unhealthy: {why}"),
            Self::LaunchFailed { group, why } => write!(f, "group {group} launch failed: {why}"),
            Self::Scheduled { group, action, skipped } => {
                let skipped = if *skipped { " skipped" } else { "" };
                write!(f, "group {group} scheduled action {action}{skipped}")
            }
            Self::LifecyclePolicy {
                policy,
                snapshot,
                deleted,
            } => {
                let did = if *deleted { "deleted" } else { "took" };
                write!(f, "lifecycle policy {policy} {did} {snapshot}")
            }
            Self::GroupDeleted { group } => write!(f, "group {group} deleted"),
            Self::Volume {
                id,
                state,
                instance: Some(instance),
            } => write!(f, "volume {id} {state} {instance}"),
            Self::Volume {
                id,
                state,
                instance: None,
            } => write!(f, "volume {id} {state}"),
            Self::Snapshot { id, state } => write!(f, "snapshot {id} {state}"),
            Self::Address {
                id,
                ip,
                instance: Some(instance),
            } => write!(f, "address {ip} ({id}) on {instance}"),
            Self::Address { id, ip, instance: None } => write!(f, "address {ip} ({id}) on nothing"),
            Self::Dns {
                name,
                value: Some(value),
                state,
            } => write!(f, "dns {name} {value} {state}"),
            Self::Dns {
                name,
                value: None,
                state,
            } => write!(f, "dns {name} removed {state}"),
            Self::Boot { instance, says } => write!(f, "boot {instance} {says}"),
            Self::Crash { caller, call } => write!(f, "crash of {caller} at call {call}"),
            Self::Violation { invariant, detail } => write!(f, "VIOLATION {invariant}: {detail}"),
        }
    }
}

impl fmt::Display for CallTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} {} {}", self.index, self.caller, self.action)?;
        if !self.resource.is_empty() {
            write!(f, " {}", self.resource)?;
        }
        match &self.outcome {
            Outcome::Done => f.write_str(" ok"),
            Outcome::AnswerLost => f.write_str(" ok, answer lost"),
            Outcome::Refused(code) => write!(f, " refused: {code}"),
        }
    }
}
