//! Failures: counted where they survive the instance, and the circuit breaker.

use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED, Tags};
use selfheal_core::world::{HealthStatus, InstanceId};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::ledger::What;
use super::super::state::{BootConfig, BootPhase};
use super::super::world::World;
use super::steps::HookEnd;
use super::{AT_ONCE, CALL_MS_MAX, HOOK_MS_MAX, Next, RETRY};
use crate::backend::CallResult;
use crate::error::CallError;

/// What is suspended when a stack parks itself: never Launch without ReplaceUnhealthy (S13).
const PARKED_PROCESSES: [&str; 2] = ["Launch", "ReplaceUnhealthy"];
/// Characters of an error that are kept in a tag.
const ERROR_MAX: usize = 200;

impl World {
    /// A boot failed: from now on it only reports.
    pub(super) fn boot_failed(&mut self, id: &InstanceId, boot: u32, why: String, blameless: bool) {
        self.enter(id, BootPhase::Failed);
        self.happened(id, What::Failed);
        self.say(id, format!("failed: {why}"));
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.failure = Some(why);
            instance.boot.counted = false;
            instance.boot.blameless = blameless;
        }
        let instance = id.to_owned();
        self.after(AT_ONCE, WorldEvent::Boot { instance, boot });
    }

    /// Counts the failure, parks the stack at the limit, and gives the launch up; each with patience.
    pub(super) fn boot_report(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let Some(instance) = self.instances.get(id) else {
            return Next::Rest;
        };
        let (why, blameless) = (
            instance.boot.failure.clone().unwrap_or_default(),
            instance.boot.blameless,
        );
        if !instance.boot.counted {
            match self.count_failure(id, me, config, &why, blameless) {
                Ok(()) => self.mark_counted(id),
                Err(error) => {
                    if let Next::Again(delay) = self.again(id, &error, CALL_MS_MAX) {
                        return Next::Again(delay);
                    }
                    self.say(id, format!("could not count the failure: {error}"));
                    self.mark_counted(id);
                }
            }
            self.tell_failure(id, me, config, &why);
        }
        self.ship(id, me, config);
        let completed = self.instances.get(id).is_some_and(|instance| instance.boot.completed);
        let ended = if completed {
            Ok(HookEnd::Over)
        } else {
            self.complete_launch(id, me, config, "ABANDON")
        };
        let given_up = match ended {
            Ok(HookEnd::Done) => Ok(()),
            Ok(HookEnd::NotYet) if self.in_phase_ms(id) < HOOK_MS_MAX => return Next::Again(RETRY),
            Ok(HookEnd::NotYet | HookEnd::Over) => {
                self.api_set_instance_health(me, id, &HealthStatus::Unhealthy, false)
            }
            Err(error) => Err(error),
        };
        match given_up {
            Ok(()) => Next::Rest,
            Err(error) => match self.again(id, &error, 2 * CALL_MS_MAX) {
                Next::Again(delay) => Next::Again(delay),
                _ => {
                    self.power_off(id, &error);
                    Next::Rest
                }
            },
        }
    }

    /// Nobody can be told that the instance does not serve: that it is off, its group sees by itself. One that its group
    /// does not know is nobody's to replace.
    pub(super) fn power_off(&mut self, id: &InstanceId, error: &CallError) {
        self.say(id, format!("nobody can be told: {error}"));
        if error.code.as_deref() != Some("ValidationError") {
            self.stop_ec2(id, "powered off by itself");
        }
    }

    fn mark_counted(&mut self, id: &InstanceId) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.counted = true;
        }
    }

    /// Counts a failure in the group's tags; at the limit the stack is parked first. What AWS's own outage has cost is noted
    /// and not counted.
    pub(super) fn count_failure(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        why: &str,
        blameless: bool,
    ) -> CallResult<()> {
        let tags = self.api_describe_group_tags(me, &config.group)?;
        let before: u32 = tags
            .get(TAG_FAILED_BOOTS)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let failed = before.saturating_add(u32::from(!blameless));
        let mut marks = Tags::from([
            (TAG_FAILED_BOOTS.to_owned(), failed.to_string()),
            (TAG_LAST_ERROR.to_owned(), why.chars().take(ERROR_MAX).collect()),
            // The model has no log of its own.
            (TAG_LAST_LOG.to_owned(), why.chars().take(ERROR_MAX).collect()),
        ]);
        let parks = !blameless && failed >= config.breaker_limit;
        if parks {
            let processes = PARKED_PROCESSES.map(str::to_owned);
            self.api_suspend_processes(me, &config.group, &processes)?;
            if let Some(instance) = self.instances.get_mut(id) {
                instance.boot.parks = true;
            }
            let parked = format!("{} {failed} failed replacements", self.now());
            marks.insert(TAG_PARKED.to_owned(), parked);
        }
        self.api_set_group_tags(me, &config.group, &marks)
    }

    /// A boot went well: failures in a row end here. Answers whether the group's tags say so.
    pub(super) fn end_failures(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> bool {
        let ended = self.api_describe_group_tags(me, &config.group).and_then(|tags| {
            if tags.get(TAG_FAILED_BOOTS).is_none_or(|count| count == "0") {
                return Ok(());
            }
            let zero = Tags::from([(TAG_FAILED_BOOTS.to_owned(), "0".to_owned())]);
            self.api_set_group_tags(me, &config.group, &zero)
        });
        if let Err(error) = &ended {
            self.say(id, format!("could not reset the count of failures: {error}"));
        }
        ended.is_ok()
    }
}
