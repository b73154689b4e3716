//! What happens after a boot: a failed application, a lost volume, and the way out.

use super::super::World;
use super::super::call::Caller;
use super::super::rng::Range;
use super::super::state::InstanceState;
use super::{BootConfig, BootPhase, RETRY};
use crate::backend::CallResult;

/// How often the watchers of one boot act on what they see.
const WATCHED_MAX: u32 = 100;
/// From an application's failure to the watchdog's report: a few probes in a row.
const WATCHDOG: Range = Range::new(30_000, 90_000);

impl World {
    /// Lets the application on an instance fail; answers whether the instance is running.
    pub(in crate::sim) fn fail_app(&mut self, id: &str) -> bool {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Running)
        else {
            return false;
        };
        instance.boot.app_failed = true;
        self.wake_watch(id, WATCHDOG);
        true
    }

    /// The watchers of a ready instance: the volume first, since whoever has lost it may not serve.
    pub(super) fn boot_watch(&mut self, id: &str, me: &Caller, config: &BootConfig) {
        if self.lost_volume(id, config) {
            match self.give_up_address(id, me, config) {
                Ok(()) => {}
                Err(error) => self.watch_again(id, RETRY, &error.to_string()),
            }
            return;
        }
        let failed = self.instances.get(id).is_some_and(|instance| instance.boot.app_failed);
        if !failed {
            return;
        }
        match self.api_set_instance_health(me, id, "Unhealthy", true) {
            // Within the grace period the report is ignored, so that it is made again until the instance leaves.
            Ok(()) => self.watch_again(id, WATCHDOG, "reported unhealthy, and still here"),
            Err(error) => self.watch_again(id, RETRY, &error.to_string()),
        }
    }

    /// Lets the watchers look again, but not without end: a world must come to rest.
    fn watch_again(&mut self, id: &str, delay: Range, why: &str) {
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

    fn lost_volume(&self, id: &str, config: &BootConfig) -> bool {
        let Some(record) = config.volume.as_ref().and_then(|volume| self.volumes.get(volume)) else {
            return false;
        };
        !super::attached_to(&record.volume, id)
    }

    /// An instance that lost the volume unmounts and gives the address up, so that the winner may proceed.
    fn give_up_address(&mut self, id: &str, me: &Caller, config: &BootConfig) -> CallResult<()> {
        self.say(id, "lost the volume");
        self.unmount(id);
        let address = config
            .allocation
            .as_ref()
            .and_then(|allocation| self.addresses.get(allocation));
        let ours = address.filter(|record| record.address.instance_id.as_deref() == Some(id));
        if let Some(association) = ours.and_then(|record| record.address.association_id.clone()) {
            self.api_disassociate_address(me, &association)?;
        }
        self.api_set_instance_health(me, id, "Unhealthy", false)
    }

    /// Held by the termination hook: stop, unmount, detach, and let the hook go.
    pub(super) fn leave(&mut self, id: &str, me: &Caller, config: &BootConfig) {
        if self
            .instances
            .get(id)
            .is_some_and(|instance| instance.boot.phase == BootPhase::Left)
        {
            return;
        }
        self.unmount(id);
        if let Some(volume) = &config.volume
            && let Err(error) = self.api_detach_volume(me, volume, Some(id))
        {
            self.say(id, format!("could not detach: {error}"));
        }
        let Some(hook) = &config.terminate_hook else { return };
        match self.api_complete_lifecycle_action(me, &config.group, hook, id, "CONTINUE") {
            Ok(()) => self.enter(id, BootPhase::Left),
            Err(error) => {
                self.say(id, format!("could not complete the termination hook: {error}"));
                self.wake_watch(id, RETRY);
            }
        }
    }
}
