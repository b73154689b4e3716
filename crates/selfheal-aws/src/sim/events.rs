//! What the world does by itself, each at its instant.

use selfheal_core::world::{HostedZoneId, InstanceId, SnapshotId, VolumeId};
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
    VolumesReleased(InstanceId),
    SnapshotCompleted(SnapshotId),
    InstanceRunning(InstanceId),
    MemberRunning(InstanceId),
    InstanceTerminated(InstanceId),
    /// The two minutes of a notice are over.
    TakenBack(InstanceId),
    InstanceStopped(InstanceId),
    Boot {
        instance: InstanceId,
        boot: u32,
    },
    Watch {
        instance: InstanceId,
        boot: u32,
    },
    Off {
        instance: InstanceId,
        boot: u32,
    },
    StartsAnew {
        instance: InstanceId,
        boot: u32,
    },
    Ship {
        instance: InstanceId,
        boot: u32,
    },
    Retell {
        instance: InstanceId,
        boot: u32,
    },
    Certificate {
        instance: InstanceId,
        boot: u32,
    },
    Request {
        instance: InstanceId,
        boot: u32,
    },
    Refresh {
        instance: InstanceId,
        boot: u32,
    },
    HookTimeout {
        group: String,
        instance: InstanceId,
        heartbeat: u32,
    },
    Proceed {
        group: String,
        instance: InstanceId,
    },
    HealthDetected {
        group: String,
        instance: InstanceId,
        why: String,
    },
    Impaired {
        group: String,
        instance: InstanceId,
    },
    ApplicationCheck {
        instance: InstanceId,
        check: String,
    },
    ApplicationImpaired {
        group: String,
        instance: InstanceId,
    },
    ScheduledAction {
        group: String,
        name: String,
        generation: u64,
        /// Whether it is armed for its next time, or happens.
        arm: bool,
    },
    LifecyclePolicy {
        id: String,
        generation: u64,
        /// Whether it is armed for its next time, or acts.
        arm: bool,
    },
    Reconcile(String),
    GroupGone(String),
    DnsInSync {
        zone: HostedZoneId,
        name: String,
    },
    ChangeInSync(String),
}

/// An event and its instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Scheduled {
    pub(super) at_ms: u64,
    pub(super) seq: u64,
    pub(super) event: WorldEvent,
}
