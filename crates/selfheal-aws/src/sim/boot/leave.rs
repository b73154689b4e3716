//! What happens after a boot: a failed application, a lost volume, and the way out.

use selfheal_core::world::{
    ApplicationStatus, AttachmentState, HealthStatus, InstanceId, InstanceState, LifecycleState,
};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::ledger::What;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, InstanceRecord};
use super::super::world::World;
use super::{CALL_MS_MAX, OUTAGE_MS_MAX, RETRY, SLOW, is_outage};
use crate::backend::CallResult;

/// How often the watchers of one boot act on what they see.
const WATCHED_MAX: u32 = 100;
/// How long the way out waits for a volume that takes nothing any more.
const STALL_MS_MAX: u64 = 80_000;
/// Between two heartbeats of the termination hook meanwhile.
const STALL_LOOK: Range = Range::exactly(15_000);
/// From an address that the metadata does not show any more to the question to EC2.
const ADDRESS_LOOK: Range = Range::new(60_000, 66_000);
/// How long an application must stay well until its boot counts as good.
const STABLE: Range = Range::new(300_000, 600_000);
/// The same where AWS asks, which must have had the time to find it impaired.
const STABLE_WITH_AWS: Range = Range::new(1_500_000, 1_800_000);

/// How long the application must stay well, where somebody watches it.
pub(super) const fn stable(config: &BootConfig) -> Option<Range> {
    match (config.watchdog, config.asks_aws) {
        (_, true) => Some(STABLE_WITH_AWS),
        (true, false) => Some(STABLE),
        (false, false) => None,
    }
}

impl World {
    /// Lets the application on an instance fail, until it is restarted where that is said to mend it; answers whether the
    /// instance is running and its application watched.
    pub(in crate::sim) fn fail_app(&mut self, id: &InstanceId, mendable: bool) -> bool {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Running)
        else {
            return false;
        };
        if mendable {
            instance.boot.app_hangs = true;
        } else {
            instance.boot.app_failed = true;
        }
        let watched = instance.boot.config.as_ref().is_some_and(|config| config.watchdog);
        self.wake_watch(id, self.config.timings.watchdog);
        self.wake_checks(id);
        watched
    }

    /// An instance has become ready: whatever happened during its boot is looked at, and its application watched.
    pub(super) fn begin_watch(&mut self, id: &InstanceId, config: &BootConfig) {
        self.wake_watch(id, RETRY);
        if let Some(stable) = stable(config) {
            self.wake_watch(id, stable);
        }
    }

    /// The watchers of a ready instance: the volume first, since whoever has lost it may not serve.
    pub(super) fn boot_watch(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        if self.lost_volume(id, config) {
            self.leave_service(id, me, config);
            return;
        }
        self.mind_address(id, me, config);
        if let Some(why) = self.follow_size(id, me, config) {
            self.watch_again(id, RETRY, &why);
        }
        let failed = config.watchdog && self.instances.get(id).is_some_and(|it| it.boot.app_fails());
        let impaired = config.asks_aws && self.hears_impaired(id, me);
        if impaired && !self.count_once(id, me, config, "AWS finds the app impaired") {
            return;
        }
        if !failed {
            self.note_reboot(id, me, config);
            self.count_repairs(id, me, config);
            let settled = stable(config).is_some_and(|stable| self.well_for_ms(id) >= stable.min);
            let known = self.instances.get(id).is_some_and(|instance| instance.boot.stable);
            let stable = settled && !impaired && (known || self.end_failures(id, me, config));
            if let Some(instance) = self.instances.get_mut(id) {
                instance.boot.stable = stable;
            }
            return;
        }
        if config.repairs && self.restart_app(id, me, config) || config.reboots && self.reboot_for_app(id) {
            return;
        }
        if !self.count_once(id, me, config, "the app failed its probes") {
            return;
        }
        match self.api_set_instance_health(me, id, &HealthStatus::Unhealthy, true) {
            // Within the grace period the report is ignored, so that it is made again until the instance leaves.
            Ok(()) => self.watch_again(id, self.config.timings.watchdog, "reported unhealthy, and still here"),
            Err(error) => self.watch_again(id, RETRY, &error.to_string()),
        }
    }

    /// Asks AWS what it finds of this instance. An answer that does not come says nothing.
    fn hears_impaired(&mut self, id: &InstanceId, me: &Caller) -> bool {
        if self.application_status(id) != ApplicationStatus::Impaired {
            // The program asks all the same; the model leaves out what would tell it nothing.
            return false;
        }
        match self.api_describe_application_status(me, &[id.to_owned()]) {
            Ok(found) => found
                .iter()
                .any(|(of, status)| of == id && *status == ApplicationStatus::Impaired),
            Err(error) => {
                self.watch_again(id, RETRY, &error.to_string());
                false
            }
        }
    }

    /// Counts this boot's failure, once, and tells of it; answers whether that is over. It is tried for as long as the program
    /// bears with refusals, and told even where it could not be counted.
    fn count_once(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, why: &str) -> bool {
        if self.instances.get(id).is_none_or(|instance| instance.boot.counted) {
            return true;
        }
        let counted = self.count_failure(id, me, config, why, false);
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id) else {
            return true;
        };
        if let Err(error) = counted {
            let since_ms = *instance.boot.counting_ms.get_or_insert(now_ms);
            self.say(id, format!("could not count the failure: {error}"));
            if now_ms - since_ms < CALL_MS_MAX {
                self.wake_watch(id, RETRY);
                return false;
            }
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.counted = true;
        }
        self.happened(id, What::Failed);
        self.tell_failure(id, me, config, why);
        true
    }

    /// Lets the watchers look again, but not without end: a world must come to rest.
    pub(super) fn watch_again(&mut self, id: &InstanceId, delay: Range, why: &str) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.boot.watched += 1;
        if instance.boot.watched <= WATCHED_MAX {
            self.wake_watch(id, delay);
        } else {
            self.say(id, format!("gave up: {why}"));
        }
    }

    /// EC2 takes the instance back: the group is told, so that it launches the next one meanwhile, and everything is given
    /// back. What remains is to wait for the end.
    pub(super) fn on_interruption(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let Some(instance) = self.instances.get_mut(id).filter(|instance| !instance.boot.noticed) else {
            return;
        };
        instance.boot.noticed = true;
        self.say(id, "leaving: EC2 takes this instance back");
        let abandoned = self.waits_at_launch(id)
            && self
                .api_complete_lifecycle_action(me, &config.group, &config.launch_hook, id, "ABANDON")
                .is_ok();
        if !abandoned && let Err(error) = self.api_set_instance_health(me, id, &HealthStatus::Unhealthy, false) {
            self.say(id, format!("could not report: {error}"));
        }
        self.unmount(id);
        if let Some(volume) = config.volume.as_ref().filter(|volume| self.has_device(id, volume))
            && let Err(error) = self.api_detach_volume(me, volume, Some(id))
        {
            self.say(id, format!("could not detach: {error}"));
        }
        self.ship(id, me, config);
        if let Err(error) = self.free_own_address(id, me, config) {
            self.say(id, format!("could not give the address up: {error}"));
        }
    }

    /// Whether the instance is held by the launch hook.
    fn waits_at_launch(&self, id: &InstanceId) -> bool {
        let group = self.group_of(id).and_then(|group| self.groups.get(&group));
        let mut members = group.into_iter().flat_map(|group| &group.members);
        members.any(|member| member.id == *id && member.lifecycle == LifecycleState::PendingWait)
    }

    fn lost_volume(&self, id: &InstanceId, config: &BootConfig) -> bool {
        let Some(volume) = &config.volume else {
            return false;
        };
        let held = self
            .volumes
            .get(volume)
            .and_then(|record| record.volume.attachment.as_ref());
        // Busy is asked to leave: the device goes, as soon as nothing uses it.
        held.is_none_or(|held| held.instance_id != *id || held.state != AttachmentState::Attached)
    }

    /// An instance that lost the volume unmounts, tells the group, for hours if need be, and gives the address up, so that
    /// the winner proceeds.
    fn leave_service(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        self.say(id, "lost the volume");
        self.unmount(id);
        let told = self.api_set_instance_health(me, id, &HealthStatus::Unhealthy, false);
        if self.instances.get(id).is_some_and(|it| it.boot.lost_ms.is_none()) {
            self.tell(id, me, config, "lost the data volume");
        }
        let freed = self.free_own_address(id, me, config);
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let lost_ms = *instance.boot.lost_ms.get_or_insert(now_ms);
        match told {
            Err(error) if is_outage(&error) && now_ms - lost_ms < OUTAGE_MS_MAX => self.wake_watch(id, SLOW),
            Err(error) => self.power_off(id, &error),
            Ok(()) => {
                if let Err(error) = freed {
                    self.watch_again(id, RETRY, &error.to_string());
                }
            }
        }
    }

    /// Takes the address again where somebody took it off. The metadata tells; EC2 is asked only if that differs.
    fn mind_address(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let allocation = &config.allocation_id;
        let ip = self
            .addresses
            .get(allocation)
            .map(|record| record.address.public_ip.clone());
        if ip.is_none() || self.public_ip(id) == ip || !self.wanted(id) {
            return;
        }
        let found = match self.api_describe_addresses(me, std::slice::from_ref(allocation)) {
            Ok(found) => found.into_iter().find(|it| it.allocation_id == *allocation),
            Err(error) => return self.watch_again(id, ADDRESS_LOOK, &error.to_string()),
        };
        let Some(address) = found.filter(|it| it.instance_id.as_ref() != Some(id)) else {
            return;
        };
        let claims = match &config.volume {
            Some(volume) => self.has_device(id, volume),
            // Where another instance has it, that is the newer one.
            None => address.association_id.is_none(),
        };
        if claims {
            self.say(id, "the address is not here any more: taking it again");
            if let Err(error) = self.take_address(id, me, allocation) {
                self.watch_again(id, ADDRESS_LOOK, &error.to_string());
            }
        }
    }

    /// An address has moved: the instances that are made for it see that in their metadata, and look after a minute.
    pub(in crate::sim) fn address_missed(&mut self, allocation: &str) {
        let ip = self
            .addresses
            .get(allocation)
            .map(|record| record.address.public_ip.clone());
        let misses = |it: &&InstanceRecord| {
            let made_for = it.boot.config.as_ref().map(|config| config.allocation_id.as_str());
            it.boot.phase == BootPhase::Ready && made_for == Some(allocation) && self.public_ip(&it.id) != ip
        };
        let missing = self.instances.values().filter(misses);
        let missing: Vec<(InstanceId, u32)> = missing.map(|it| (it.id.clone(), it.boots)).collect();
        for (instance, boot) in missing {
            self.after_ms(ADDRESS_LOOK.max, WorldEvent::Watch { instance, boot });
        }
    }

    /// Takes the address off this instance. The association's id is its own, so nothing is taken from a replacement.
    pub(super) fn free_own_address(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> CallResult<()> {
        let allocation = &config.allocation_id;
        let found = self.api_describe_addresses(me, std::slice::from_ref(allocation))?;
        let ours = found.iter().find(|it| it.instance_id.as_ref() == Some(id));
        match ours.and_then(|address| address.association_id.as_ref()) {
            Some(association) => self.api_disassociate_address(me, association),
            None => Ok(()),
        }
    }

    /// Waits for a volume that stalls, but not for ever, and keeps the termination hook meanwhile; answers whether it goes on
    /// waiting.
    fn waits_for_volume(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> bool {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id) else {
            return false;
        };
        if now_ms - *instance.boot.stuck_ms.get_or_insert(now_ms) >= STALL_MS_MAX {
            self.say(id, "the volume stays attached until the instance ends");
            return false;
        }
        if let Some(hook) = &config.terminate_hook
            && let Err(error) = self.api_heartbeat(me, &config.group, hook, id)
        {
            self.say(id, format!("could not record a heartbeat: {error}"));
        }
        self.wake_watch(id, STALL_LOOK);
        true
    }

    /// Lets the volume of an instance stall; answers whether the instance is running and its application watched.
    pub(in crate::sim) fn stall_volume(&mut self, id: &InstanceId) -> bool {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.stalled = true;
        }
        self.fail_app(id, false)
    }

    /// Held by the termination hook: stop, unmount, detach, let the hook go, and the address last.
    pub(super) fn leave(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        if self
            .instances
            .get(id)
            .is_some_and(|instance| instance.boot.phase == BootPhase::Left)
        {
            return;
        }
        // What gives back what a boot takes comes with the bundle, as what takes it does.
        let whole = config.bundle.is_none() || self.instances.get(id).is_some_and(|instance| instance.boot.unpacked);
        let stalled = self.instances.get(id).is_some_and(|instance| instance.boot.stalled);
        if stalled && self.waits_for_volume(id, me, config) {
            return;
        }
        if !stalled {
            self.unmount(id);
        }
        if let Some(volume) = config
            .volume
            .as_ref()
            .filter(|volume| whole && !stalled && self.has_device(id, volume))
            && let Err(error) = self.api_detach_volume(me, volume, Some(id))
        {
            self.say(id, format!("could not detach: {error}"));
            self.watch_again(id, RETRY, "could not detach");
            return;
        }
        self.retell(id, me, config);
        self.ship(id, me, config);
        if let Some(hook) = &config.terminate_hook
            && let Err(error) = self.api_complete_lifecycle_action(me, &config.group, hook, id, "CONTINUE")
            && !error.message.contains("No active Lifecycle Action")
        {
            self.say(id, format!("could not complete the termination hook: {error}"));
            self.watch_again(id, RETRY, "could not complete the termination hook");
            return;
        }
        if whole && let Err(error) = self.free_own_address(id, me, config) {
            self.say(id, format!("could not give the address up: {error}"));
        }
        self.enter(id, BootPhase::Left);
    }
}
