//! A machine that goes off: what its group has not asked for, the instance says by itself.

use selfheal_core::names::TAG_PARKED;
use selfheal_core::world::{HealthStatus, InstanceId, InstanceState};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase};
use super::super::world::World;

/// From the power button until the app has stopped and the volume is unmounted.
const STOPS: Range = Range::new(500, 15_000);

impl World {
    /// Presses the power button of an instance, as a stop does; answers whether it was running.
    pub(in crate::sim) fn press_power(&mut self, id: &InstanceId) -> bool {
        let booted = self.instances.get(id).map(|instance| instance.boots);
        if !self.stop_ec2(id, "the power button was pressed") {
            return false;
        }
        if let Some(boot) = booted.filter(|_| self.config.boot_model) {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.boot.goes_off = true;
            }
            let instance = id.to_owned();
            self.after(STOPS, WorldEvent::Off { instance, boot });
        }
        true
    }

    /// The app has stopped. Who does not serve, or is not wanted, or is of a stack that has parked itself, says nothing; what fails
    /// is left to whoever notices that the machine is off.
    pub(in crate::sim) fn off_step(&mut self, id: &InstanceId, boot: u32) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.goes_off = false;
        }
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let state = &instance.boot;
        let serves = state.phase == BootPhase::Ready && !state.noticed && state.lost_ms.is_none();
        let goes_off = matches!(instance.state, InstanceState::Stopping | InstanceState::ShuttingDown);
        if !serves || !goes_off || instance.boots != boot || instance.impaired || !self.wanted(id) {
            return;
        }
        if let Some(config) = state.config.clone() {
            self.leave_by_itself(id, &Caller::Instance(id.to_owned()), &config);
        }
    }

    fn leave_by_itself(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        self.enter(id, BootPhase::Left);
        let tags = self.api_describe_group_tags(me, &config.group).unwrap_or_default();
        if tags.get(TAG_PARKED).is_some_and(|parked| !parked.is_empty()) {
            return;
        }
        self.say(id, "leaving: the machine goes off");
        self.unmount(id);
        let volume = config.volume.as_ref().filter(|volume| self.has_device(id, volume));
        let detached = volume.map_or(Ok(()), |volume| self.api_detach_volume(me, volume, Some(id)).map(drop));
        let told = self.api_set_instance_health(me, id, &HealthStatus::Unhealthy, false);
        let freed = self.free_own_address(id, me, config);
        for error in [detached, told, freed].into_iter().filter_map(Result::err) {
            self.say(id, format!("could not leave: {error}"));
        }
    }
}
