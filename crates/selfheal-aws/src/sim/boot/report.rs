//! Failures: counted where they survive the instance, and the circuit breaker.

use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_PARKED, Tags};

use super::super::World;
use super::super::call::Caller;
use super::super::state::Lifecycle;
use super::{BootConfig, BootPhase};

/// What is suspended when a stack parks itself: never Launch without ReplaceUnhealthy (S13).
const PARKED_PROCESSES: [&str; 3] = ["HealthCheck", "Launch", "ReplaceUnhealthy"];
/// Characters of an error that are kept in a tag.
const ERROR_MAX: usize = 200;

impl World {
    /// A boot failed: count it, park the stack at the limit, and give the launch up.
    pub(super) fn boot_failed(&mut self, id: &str, me: &Caller, config: &BootConfig, why: &str) {
        self.enter(id, BootPhase::Failed);
        self.say(id, format!("failed: {why}"));
        let counted = self.count_failure(me, config, why);
        if let Err(error) = counted {
            self.say(id, format!("could not count the failure: {error}"));
        }
        let held = self.groups.get(&config.group).is_some_and(|group| {
            group
                .members
                .iter()
                .any(|member| member.id == id && member.lifecycle == Lifecycle::PendingWait)
        });
        self.unmount(id);
        if held {
            let given_up = self.api_complete_lifecycle_action(me, &config.group, &config.launch_hook, id, "ABANDON");
            if let Err(error) = given_up {
                self.say(id, format!("could not give the launch up: {error}"));
            }
        }
    }

    fn count_failure(&mut self, me: &Caller, config: &BootConfig, why: &str) -> Result<(), crate::CallError> {
        let tags = self.api_describe_group_tags(me, &config.group)?;
        let before: u32 = tags
            .get(TAG_FAILED_BOOTS)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let failed = before.saturating_add(1);
        let mut marks = Tags::from([
            (TAG_FAILED_BOOTS.to_owned(), failed.to_string()),
            (TAG_LAST_ERROR.to_owned(), why.chars().take(ERROR_MAX).collect()),
        ]);
        if failed >= config.breaker_limit {
            let processes = PARKED_PROCESSES.map(str::to_owned);
            self.api_suspend_processes(me, &config.group, &processes)?;
            marks.insert(
                TAG_PARKED.to_owned(),
                format!("{} {failed} failed replacements", self.now()),
            );
        }
        self.api_set_group_tags(me, &config.group, &marks)
    }

    /// A boot went well: failures in a row end here.
    pub(super) fn boots_are_well(&mut self, id: &str, me: &Caller, config: &BootConfig) {
        let Ok(tags) = self.api_describe_group_tags(me, &config.group) else {
            return;
        };
        if tags.get(TAG_FAILED_BOOTS).is_none_or(|count| count == "0") {
            return;
        }
        let zero = Tags::from([(TAG_FAILED_BOOTS.to_owned(), "0".to_owned())]);
        if let Err(error) = self.api_set_group_tags(me, &config.group, &zero) {
            self.say(id, format!("could not reset the count of failures: {error}"));
        }
    }
}
