//! What the world does by itself, each at its instant.

use selfheal_core::world::{HostedZoneId, SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};

/// Something that the world will do by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum WorldEvent {
    VolumeAvailable(VolumeId),
    VolumeAttached(VolumeId),
    VolumeDetached(VolumeId),
    VolumeDeleted(VolumeId),
    VolumeModified(VolumeId),
    VolumeOptimized(VolumeId),
    VolumesReleased(String),
    SnapshotCompleted(SnapshotId),
    InstanceRunning(String),
    MemberRunning(String),
    InstanceTerminated(String),
    InstanceStopped(String),
    Boot {
        instance: String,
        boot: u32,
    },
    Watch {
        instance: String,
        boot: u32,
    },
    HookTimeout {
        group: String,
        instance: String,
        heartbeat: u32,
    },
    Proceed {
        group: String,
        instance: String,
    },
    HealthDetected {
        group: String,
        instance: String,
        why: String,
    },
    Impaired {
        group: String,
        instance: String,
    },
    ApplicationCheck {
        instance: String,
        check: String,
    },
    ApplicationImpaired {
        group: String,
        instance: String,
    },
    ScheduledAction {
        group: String,
        name: String,
        generation: u64,
        /// Whether it is armed for its next time, or happens.
        arm: bool,
    },
    Reconcile(String),
    GroupGone(String),
    DnsInSync {
        zone: HostedZoneId,
        name: String,
    },
}

/// An event and its instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Scheduled {
    pub(super) at_ms: u64,
    pub(super) seq: u64,
    pub(super) event: WorldEvent,
}
