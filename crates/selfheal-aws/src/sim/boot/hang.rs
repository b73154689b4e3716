//! A machine that panics or hangs: it starts anew by itself, with what it holds, where its boot program has set that up.

use selfheal_core::world::{InstanceId, InstanceState};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, InstanceRecord};
use super::super::world::World;

/// From a panic to the start anew: `kernel.panic`.
pub(in crate::sim) const PANIC: Range = Range::new(10_000, 10_500);
/// From a hang to the start anew: systemd speaks to its watchdog every 15 s, and that waits for 30.
pub(in crate::sim) const HANG: Range = Range::new(15_000, 30_000);

impl World {
    /// Lets the kernel of an instance panic, or all of it hang, for so long until it starts anew; where nobody has set that up, for
    /// good. Answers whether it was running.
    pub(in crate::sim) fn hang(&mut self, id: &InstanceId, pause: Range) -> bool {
        if !self.impair(id) {
            return false;
        }
        let Some(instance) = self.instances.get(id).filter(|_| self.config.boot_model) else {
            return true;
        };
        // What a first boot installs is not there before it begins.
        let installed = instance.boot.phase != BootPhase::Off || instance.boots > 1;
        let set_up = instance
            .boot
            .config
            .as_ref()
            .is_some_and(|config| config.reboot_on_hang);
        if installed && set_up {
            let boot = instance.boots;
            let instance = id.to_owned();
            self.after(pause, WorldEvent::StartsAnew { instance, boot });
        }
        true
    }

    /// The kernel, or the watchdog, starts the machine anew.
    pub(in crate::sim) fn starts_anew(&mut self, id: &InstanceId, boot: u32) {
        let hangs = |it: &&mut InstanceRecord| it.state == InstanceState::Running && it.impaired && it.boots == boot;
        let Some(instance) = self.instances.get_mut(id).filter(hangs) else {
            return;
        };
        instance.impaired = false;
        instance.boot.abrupt |= instance.boot.phase == BootPhase::Ready;
        self.reboot(id);
    }

    /// Counts the start of a machine that had not shut down; the watchdog tries once more what cannot be told.
    pub(super) fn count_restart(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        // It is counted where repairs are at all.
        if !std::mem::replace(&mut instance.boot.abrupt, false) || !config.repairs {
            return;
        }
        let started_ms = instance.boot.started_ms;
        let why = "the machine had not shut down";
        self.say(id, format!("repaired in place: {why}"));
        self.note_repair(id, now_ms.saturating_sub(started_ms), why);
        self.tell(id, me, config, &format!("repaired in place: {why}"));
        self.count_repairs(id, me, config);
    }
}
