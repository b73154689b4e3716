//! Repair in place: the application is restarted once before the group hears of it.

use selfheal_core::names::{TAG_REPAIRS, Tags};
use selfheal_core::world::InstanceId;

use super::super::call::Caller;
use super::super::ledger::What;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootState};
use super::super::world::World;
use super::RETRY;
use super::leave::stable;
use crate::backend::CallResult;

/// From a restart that did not help to the next probe.
const GRACE: Range = Range::new(30_000, 40_000);
/// For how long no second restart follows the first: ten times the threshold of looks.
const ONCE_MS: u64 = 300_000;
/// For how long no second reboot follows the first.
const REBOOT_PAUSE_MS: u64 = 3_600_000;

impl BootState {
    /// Whether the application fails, for whatever reason.
    pub(in crate::sim) const fn app_fails(&self) -> bool {
        self.app_failed || self.app_hangs
    }
}

impl World {
    /// Restarts the application, unless that was tried a moment ago; answers whether the group need not hear of it yet.
    pub(super) fn restart_app(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> bool {
        let now_ms = self.now_ms;
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return false;
        };
        if boot
            .repaired_ms
            .is_some_and(|repaired_ms| now_ms < repaired_ms + ONCE_MS)
        {
            return false;
        }
        if boot.stalled {
            self.say(id, "the volume takes nothing: the app is not restarted");
            return false;
        }
        boot.repaired_ms = Some(now_ms);
        boot.stable = false;
        boot.app_hangs = false;
        if boot.app_failed {
            self.say(id, "the restart has not mended the app");
            self.wake_watch(id, GRACE);
            return true;
        }
        self.note_repair(id, self.config.timings.watchdog.min, "the app failed its probes");
        self.happened(id, What::Repaired);
        self.say(id, "repaired in place");
        self.wake_checks(id);
        self.tell(id, me, config, "repaired in place: the app failed its probes");
        self.count_repairs(id, me, config);
        if let Some(stable) = stable(config) {
            self.wake_watch(id, stable);
        }
        true
    }

    /// Since when the application has not been restarted, in this boot.
    pub(super) fn well_for_ms(&self, id: &InstanceId) -> u64 {
        let repaired_ms = self.instances.get(id).and_then(|instance| instance.boot.repaired_ms);
        let since_ms = repaired_ms.map_or(u64::MAX, |repaired_ms| self.now_ms - repaired_ms);
        self.in_phase_ms(id).min(since_ms)
    }

    /// Counts repairs in the group's tags, with the last one; again at a later look, where that fails.
    pub(super) fn count_repairs(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let uncounted = self.instances.get(id).map_or(0, |instance| instance.boot.uncounted);
        if uncounted == 0 {
            return;
        }
        match self.add_repairs(id, me, config, uncounted) {
            Ok(()) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.boot.uncounted = 0;
                }
            }
            Err(error) => self.watch_again(id, RETRY, &error.to_string()),
        }
    }

    fn add_repairs(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, more: u32) -> CallResult<()> {
        let tags = self.api_describe_group_tags(me, &config.group)?;
        let before = tags
            .get(TAG_REPAIRS)
            .and_then(|tag| tag.split(' ').next()?.parse().ok());
        let count = before.unwrap_or(0_u32).saturating_add(more);
        let last = self.instances.get(id).map(|instance| instance.boot.last_repair.clone());
        let last = last.unwrap_or_default();
        // An answer that was lost.
        if tags
            .get(TAG_REPAIRS)
            .is_some_and(|tag| tag.ends_with(&format!(" {last}")))
        {
            return Ok(());
        }
        let noted = Tags::from([(TAG_REPAIRS.to_owned(), format!("{count} {last}"))]);
        self.api_set_group_tags(me, &config.group, &noted)
    }

    /// Reboots an instance whose application no restart has mended, unless that was done within the hour; answers whether it does.
    pub(super) fn reboot_for_app(&mut self, id: &InstanceId) -> bool {
        let now_ms = self.now_ms;
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return false;
        };
        let soon = |rebooted_ms: u64| now_ms < rebooted_ms + REBOOT_PAUSE_MS;
        if boot.rebooted_ms.is_some_and(soon) {
            return false;
        }
        boot.rebooted_ms = Some(now_ms);
        boot.reboot_open = true;
        self.say(id, "rebooting: the app failed its probes");
        self.reboot(id)
    }

    /// Notes a reboot that has mended the application, once.
    pub(super) fn note_reboot(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let now_ms = self.now_ms;
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return;
        };
        if !std::mem::replace(&mut boot.reboot_open, false) {
            return;
        }
        let took_ms = now_ms.saturating_sub(boot.rebooted_ms.unwrap_or(now_ms));
        self.note_repair(id, took_ms, "the app failed its probes and a reboot helped");
        self.tell(
            id,
            me,
            config,
            "repaired in place: the app failed its probes and a reboot helped",
        );
    }

    /// Notes a repair that took so long; the group's tags hear of it later.
    pub(super) fn note_repair(&mut self, id: &InstanceId, took_ms: u64, why: &str) {
        let now_ms = self.now_ms;
        if let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) {
            boot.uncounted += 1;
            // The instance's clock tells one from the next, as its answer may be lost.
            boot.last_repair = format!("{} {now_ms} {id} {why}", took_ms / 1_000);
        }
    }
}
