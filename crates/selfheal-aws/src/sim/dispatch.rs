//! Hands each of the world's own events to what it happens to.

use super::events::{Scheduled, WorldEvent};
use super::world::World;

impl World {
    /// When the next event happens, and its place among those of the same instant.
    pub(super) fn next_event(&self) -> Option<(u64, u64)> {
        self.queue.first().map(|scheduled| (scheduled.at_ms, scheduled.seq))
    }

    /// Whether nothing is about to happen but the looks of running instances at their configuration, none of which is under way.
    pub(super) fn only_looks(&self) -> bool {
        let looks = |scheduled: &Scheduled| matches!(scheduled.event, WorldEvent::Refresh { .. });
        self.queue.iter().all(looks) && self.instances.values().all(|instance| instance.boot.fetching.is_none())
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
            E::TakenBack(id) => {
                self.terminate_ec2(&id, "taken back by EC2");
            }
            E::InstanceStopped(id) => self.instance_stopped(&id),
            E::Boot { instance, boot } => self.boot_step(&instance, boot),
            E::Watch { instance, boot } => self.watch_step(&instance, boot),
            E::Off { instance, boot } => self.off_step(&instance, boot),
            E::StartsAnew { instance, boot } => self.starts_anew(&instance, boot),
            E::Ship { instance, boot } => self.ship_step(&instance, boot),
            E::Retell { instance, boot } => self.retell_step(&instance, boot),
            E::Certificate { instance, boot } => self.certificate_step(&instance, boot),
            E::Request { instance, boot } => self.request_step(&instance, boot),
            E::Refresh { instance, boot } => self.refresh_step(&instance, boot),
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
            E::ScheduledAction {
                group,
                name,
                generation,
                arm,
            } => self.scheduled_action(&group, &name, generation, arm),
            E::LifecyclePolicy { id, generation, arm } => self.lifecycle_policy_due(&id, generation, arm),
            E::Reconcile(group) => self.reconcile(&group),
            E::GroupGone(name) => self.group_gone(&name),
            E::DnsInSync { zone, name } => self.dns_in_sync(&zone, &name),
            E::ChangeInSync(id) => self.change_in_sync(&id),
        }
    }
}
