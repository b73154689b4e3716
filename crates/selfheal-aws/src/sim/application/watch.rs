//! AWS asks: once a minute from the end of the initial grace, until nothing changes any more.
//!
//! A check that has come to a verdict is not asked further until something happens to what it asks about, so that a world
//! comes to rest. The minutes in between would tell nothing new, and the grid that the requests lie on stays the same.

use selfheal_core::spec::Source;
use selfheal_core::world::{ApplicationStatus, InstanceId, InstanceState};

use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{ApplicationResult, ApplicationVerdict, BootPhase, InstanceRecord};
use super::super::trace::TraceKind;
use super::super::world::World;

impl World {
    /// What AWS reports of an instance: its checks taken together.
    ///
    /// Source: EC2 API reference, `ApplicationStatus`.
    pub(in crate::sim) fn application_status(&self, instance: &InstanceId) -> ApplicationStatus {
        let of_check = |check: &String| {
            let found = self
                .application_results
                .get(instance)
                .and_then(|results| results.get(check));
            found.map_or(ApplicationVerdict::Initializing, |result| result.verdict)
        };
        let verdicts: Vec<ApplicationVerdict> = self.checks_of(instance, true).iter().map(of_check).collect();
        if verdicts.is_empty() {
            ApplicationStatus::NotApplicable
        } else if verdicts.contains(&ApplicationVerdict::Failed) {
            ApplicationStatus::Impaired
        } else if verdicts.contains(&ApplicationVerdict::Initializing) {
            ApplicationStatus::Initializing
        } else if verdicts.contains(&ApplicationVerdict::InsufficientData) {
            ApplicationStatus::InsufficientData
        } else {
            ApplicationStatus::Ok
        }
    }

    /// The checks whose tags an instance bears; with `included`, those alone that count for it.
    fn checks_of(&self, instance: &InstanceId, included: bool) -> Vec<String> {
        let Some(record) = self.instances.get(instance) else {
            return Vec::new();
        };
        let bears = |(key, value): &(String, String)| record.tags.get(key) == Some(value);
        let live = self.application_checks.values().map(|record| &record.check);
        live.filter(|check| !check.deleted && check.targets.iter().any(bears))
            .filter(|check| !included || check.settings.aggregation == "included")
            .map(|check| check.id.clone())
            .collect()
    }

    /// Something about an instance has changed that its checks may notice.
    pub(in crate::sim) fn wake_checks(&mut self, instance: &InstanceId) {
        for check in self.checks_of(instance, false) {
            self.ask_next(instance, &check);
        }
    }

    /// Every instance is asked anew, as after a change of a check or of what may reach an instance.
    pub(in crate::sim) fn ask_anew(&mut self) {
        let ids: Vec<InstanceId> = self.instances.keys().cloned().collect();
        for id in ids {
            self.wake_checks(&id);
        }
    }

    /// Drops what a check has found.
    pub(super) fn forget_results(&mut self, check: &str) {
        for results in self.application_results.values_mut() {
            results.remove(check);
        }
        self.application_results.retain(|_, results| !results.is_empty());
    }

    /// Lets a check ask an instance at its next minute, unless it is going to.
    fn ask_next(&mut self, instance: &InstanceId, check: &str) {
        let (Some(record), Some(asked)) = (self.instances.get(instance), self.application_checks.get(check)) else {
            return;
        };
        if !matches!(record.state, InstanceState::Pending | InstanceState::Running) {
            return;
        }
        let event = WorldEvent::ApplicationCheck {
            instance: instance.to_owned(),
            check: check.to_owned(),
        };
        if self.queue.iter().any(|scheduled| scheduled.event == event) {
            return;
        }
        let settings = &asked.check.settings;
        let first_ms = record.launched_ms + u64::from(settings.initial_grace_s) * 1_000;
        let delay_ms = match self.now_ms.checked_sub(first_ms) {
            None => first_ms - self.now_ms,
            Some(since_ms) => {
                let interval_ms = u64::from(settings.interval_s.max(1)) * 1_000;
                interval_ms - since_ms % interval_ms
            }
        };
        self.after_ms(delay_ms, event);
    }

    /// A check asks an instance.
    pub(in crate::sim) fn application_checked(&mut self, instance: &InstanceId, check: &str) {
        let asked = self.checks_of(instance, false).iter().any(|id| id == check);
        let running = self
            .instances
            .get(instance)
            .is_some_and(|record| record.state == InstanceState::Running);
        let Some(settings) = self
            .application_checks
            .get(check)
            .map(|record| record.check.settings.clone())
        else {
            return;
        };
        if !asked || !running {
            return;
        }
        let before = self.application_status(instance);
        let answers = self.app_answers(instance, settings.port);
        let results = self.application_results.entry(instance.to_owned()).or_default();
        let result = results.entry(check.to_owned()).or_default();
        let verdict = result.verdict;
        result.count(answers, settings.failure_threshold, settings.success_threshold);
        let (now, rests) = (result.verdict, result.rests(answers));
        if now != verdict {
            self.record(TraceKind::Application {
                instance: instance.to_owned(),
                check: check.to_owned(),
                status: now,
            });
        }
        if !rests {
            self.ask_next(instance, check);
        }
        if before != ApplicationStatus::Impaired && self.application_status(instance) == ApplicationStatus::Impaired {
            // The boot program asks once a minute, and the group takes some to act.
            self.wake_watch(instance, Range::exactly(1));
            self.tell_group(instance);
        }
    }

    /// The group of an instance hears after a while that its application is impaired.
    ///
    /// AWS does not say after how long. The model is quick about it, which is the harder case for whoever must not be
    /// replaced for a status that is out of date.
    pub(in crate::sim) fn tell_group(&mut self, instance: &InstanceId) {
        if let Some(group) = self.group_of(instance) {
            let instance = instance.to_owned();
            self.after(
                self.config.timings.health_detect,
                WorldEvent::ApplicationImpaired { group, instance },
            );
        }
    }

    /// Whether the app on an instance answers a request from outside; `None` where nobody can tell.
    fn app_answers(&self, instance: &InstanceId, port: u16) -> Option<bool> {
        // A lab that boots its instances for real knows about their apps, and this world does not.
        if !self.config.boot_model {
            return None;
        }
        let record = self.instances.get(instance)?;
        let serves = matches!(
            record.boot.phase,
            BootPhase::Address | BootPhase::Complete | BootPhase::Settle | BootPhase::Ready
        );
        Some(serves && !record.boot.app_fails() && !record.impaired && self.lets_in(record, port))
    }

    /// Whether a security group of the instance lets TCP in on a port from an address of the VPC. AWS asks from a group of its
    /// own, whose id nobody knows before, so that rules about groups and lists let nobody in.
    fn lets_in(&self, instance: &InstanceRecord, port: u16) -> bool {
        let groups = instance.data.security_groups.iter();
        let mut rules = groups
            .filter_map(|id| self.security_groups.get(id))
            .flat_map(|record| &record.group.ingress);
        rules.any(|rule| {
            let about = rule.protocol == "-1"
                || (rule.protocol == "tcp" && (rule.from_port..=rule.to_port).contains(&i32::from(port)));
            about && rule.source.parse().is_ok_and(|source: Source| source.has_private())
        })
    }
}

impl ApplicationResult {
    /// Counts an answer, or its absence, in a row with those before.
    fn count(&mut self, answers: Option<bool>, failures_max: u32, successes_min: u32) {
        match answers {
            None => self.verdict = ApplicationVerdict::InsufficientData,
            Some(true) => {
                self.failures = 0;
                self.successes = self.successes.saturating_add(1);
                if self.successes >= successes_min {
                    self.verdict = ApplicationVerdict::Passed;
                }
            }
            Some(false) => {
                self.successes = 0;
                self.failures = self.failures.saturating_add(1);
                if self.failures >= failures_max {
                    self.verdict = ApplicationVerdict::Failed;
                }
            }
        }
    }

    /// Whether the same answer again would change nothing.
    fn rests(&self, answers: Option<bool>) -> bool {
        match answers {
            None => true,
            Some(true) => self.verdict == ApplicationVerdict::Passed,
            Some(false) => self.verdict == ApplicationVerdict::Failed,
        }
    }
}
