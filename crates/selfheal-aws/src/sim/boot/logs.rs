//! What an instance says, to its console and to its log stream.

use selfheal_core::world::InstanceId;

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase};
use super::super::world::World;
use crate::error::CallErrorKind;

/// Between two looks of the shipper.
const SHIP: Range = Range::exactly(5_000);
/// How often the shipper tries in a row: a world must come to rest.
const FAILURES_MAX: u32 = 100;
/// Lines of the console that are kept.
const CONSOLE_LINES: usize = 100;

impl World {
    /// An instance says a line.
    pub(super) fn say_line(&mut self, id: &InstanceId, says: &str) {
        let at_ms = self.now().as_millisecond();
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let boot = &mut instance.boot;
        boot.said.push(format!("selfheal: {says}"));
        if boot.said.len() > CONSOLE_LINES {
            boot.said.remove(0);
        }
        if boot.config.as_ref().is_none_or(|config| config.log_group.is_none()) {
            return;
        }
        let line = format!("info selfheal-boot.service selfheal[1]: selfheal: {says}");
        boot.unshipped.push((at_ms, line));
        self.wake_shipper(id);
    }

    /// Lets the shipper of an instance look, where it has something to ship and is not about to.
    pub(super) fn wake_shipper(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        if instance.boot.unshipped.is_empty() || std::mem::replace(&mut instance.boot.shipping, true) {
            return;
        }
        let event = WorldEvent::Ship {
            instance: id.clone(),
            boot: instance.boots,
        };
        self.after(SHIP, event);
    }

    /// An instance says how far its boot is.
    pub(super) fn say_phase(&mut self, id: &InstanceId, phase: BootPhase) {
        let says = match phase {
            BootPhase::Device => "the volume is ours",
            BootPhase::Setup => "setup starts",
            BootPhase::Complete => "the address is ours",
            BootPhase::Settle => "launch completed",
            BootPhase::Ready => "boot is done",
            BootPhase::Left => "left",
            BootPhase::Off | BootPhase::Bundle | BootPhase::Attach | BootPhase::Mount | BootPhase::Address => return,
            // The reason is said by itself.
            BootPhase::Failed | BootPhase::Config => return,
        };
        self.say_line(id, says);
    }

    /// The shipper looks whether there is anything to ship.
    pub(in crate::sim) fn ship_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, _, config)) = self.booting(id, boot) else {
            return;
        };
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.shipping = false;
        }
        if !self.ship(id, &me, &config) {
            self.wake_shipper(id);
        }
    }

    /// Ships what is to be shipped. Answers whether that is over: all is shipped, or it was tried too often.
    pub(super) fn ship(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> bool {
        let Some(group) = &config.log_group else {
            return true;
        };
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return true;
        };
        let events = std::mem::take(&mut boot.unshipped);
        if events.is_empty() {
            return true;
        }
        let mut put = self.api_put_log_events(me, group, id.as_str(), &events);
        if put.as_ref().is_err_and(|error| error.kind() == CallErrorKind::NotFound) {
            let made = self.api_create_log_stream(me, group, id.as_str());
            if made.is_ok() || made.is_err_and(|error| error.kind() == CallErrorKind::AlreadyExists) {
                put = self.api_put_log_events(me, group, id.as_str(), &events);
            }
        }
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return true;
        };
        match put {
            Ok(_) => {
                boot.ship_failures = 0;
                true
            }
            Err(_) => {
                boot.unshipped.splice(0..0, events);
                boot.ship_failures += 1;
                boot.ship_failures >= FAILURES_MAX
            }
        }
    }
}
