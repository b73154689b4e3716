//! What the world does by itself, each at its instant.

use serde::{Deserialize, Serialize};

use super::World;

/// Something that the world will do by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum WorldEvent {
    VolumeAvailable(String),
    VolumeAttached(String),
    VolumeDetached(String),
    VolumeDeleted(String),
    VolumeModified(String),
    VolumeOptimized(String),
    VolumesReleased(String),
    SnapshotCompleted(String),
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
    Reconcile(String),
    GroupGone(String),
    DnsInSync {
        zone: String,
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

impl World {
    /// When the next event happens, and its place among those of the same instant.
    pub(super) fn next_event(&self) -> Option<(u64, u64)> {
        self.queue.first().map(|scheduled| (scheduled.at_ms, scheduled.seq))
    }

    /// Lets the next event happen, at its instant.
    pub(super) fn run_next_event(&mut self) {
        let Some(scheduled) = self.queue.pop_first() else {
            return;
        };
        self.now_ms = self.now_ms.max(scheduled.at_ms);
        self.happen(scheduled.event);
        self.check_invariants();
    }

    fn happen(&mut self, event: WorldEvent) {
        use WorldEvent as E;
        match event {
            E::VolumeAvailable(id) => self.volume_available(&id),
            E::VolumeAttached(id) => self.volume_attached(&id),
            E::VolumeDetached(id) => self.volume_detached(&id),
            E::VolumeDeleted(id) => self.volume_deleted(&id),
            E::VolumeModified(id) => self.volume_modified(&id),
            E::VolumeOptimized(id) => self.volume_optimized(&id),
            E::VolumesReleased(instance) => self.volumes_released(&instance),
            E::SnapshotCompleted(id) => self.snapshot_completed(&id),
            E::InstanceRunning(id) => self.instance_running(&id),
            E::MemberRunning(id) => self.member_running(&id),
            E::InstanceTerminated(id) => self.instance_terminated(&id),
            E::InstanceStopped(id) => self.instance_stopped(&id),
            E::Boot { instance, boot } => self.boot_step(&instance, boot),
            E::Watch { instance, boot } => self.watch_step(&instance, boot),
            E::HookTimeout {
                group,
                instance,
                heartbeat,
            } => self.hook_timeout(&group, &instance, heartbeat),
            E::Proceed { group, instance } => self.proceed(&group, &instance),
            E::HealthDetected { group, instance, why } => self.health_detected(&group, &instance, &why),
            E::Impaired { group, instance } => self.impaired_detected(&group, &instance),
            E::ApplicationCheck { instance, check } => self.application_checked(&instance, &check),
            E::ApplicationImpaired { group, instance } => self.application_impaired(&group, &instance),
            E::Reconcile(group) => self.reconcile(&group),
            E::GroupGone(name) => self.group_gone(&name),
            E::DnsInSync { zone, name } => self.dns_in_sync(&zone, &name),
        }
    }
}
