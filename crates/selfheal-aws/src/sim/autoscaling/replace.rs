//! Keeping the size: launching, terminating, and both at once when an instance is unhealthy.

use selfheal_core::world::{ActivityStatus, InstanceId, InstanceState, LifecycleState};

use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{GroupRecord, MemberRecord, Purchase};
use super::super::trace::TraceKind;
use super::super::world::World;
use super::hooks::TERMINATING;

/// How long EC2 may refuse every launch of a group before AWS suspends its launches.
const FAILING_MS_MAX: u64 = 24 * 3_600_000;

impl GroupRecord {
    /// Returns whether a process is suspended.
    #[must_use]
    pub fn suspends(&self, process: &str) -> bool {
        self.suspended.contains(process)
    }

    /// Members that are not on their way out.
    fn staying(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.iter().filter(|member| !member.lifecycle.is_leaving())
    }
}

impl World {
    /// Brings the group nearer to its size: unhealthy members go, and missing ones are launched, at the same time.
    pub(in crate::sim) fn reconcile(&mut self, name: &str) {
        let Some(record) = self.groups.get(name) else { return };
        if record.deleting {
            if record.members.is_empty() {
                self.after(self.config.timings.group_delete, WorldEvent::GroupGone(name.to_owned()));
            }
            return;
        }
        // A suspended Launch does not keep ReplaceUnhealthy from terminating: the trap of invariant S13.
        if !record.suspends("ReplaceUnhealthy") && !record.suspends("Terminate") {
            let sick: Vec<InstanceId> = record
                .staying()
                .filter(|member| !member.healthy)
                .map(|member| member.id.clone())
                .collect();
            for id in sick {
                self.begin_termination(
                    name,
                    &id,
                    "an instance was taken out of service: it is unhealthy",
                    false,
                );
            }
        }
        if !self.rebalance(name) {
            self.resize(name);
        }
    }

    /// Replaces what the group bought in another way than it buys now: **first** the newcomer, and once that is in service, an
    /// end of the others. Answers whether it is at that.
    ///
    /// Source: API reference of `UpdateAutoScalingGroup`: "Amazon EC2 Auto Scaling launches new instances before terminating the
    /// old ones".
    fn rebalance(&mut self, name: &str) -> bool {
        let Some(record) = self.groups.get(name) else {
            return false;
        };
        let wanted = Purchase::of(&record.settings);
        let fits = |member: &&MemberRecord| member.purchase.is_none_or(|bought| bought == wanted);
        let (new, old): (Vec<&MemberRecord>, Vec<&MemberRecord>) = record.staying().partition(fits);
        let desired = record.settings.desired as usize;
        if old.is_empty() || desired == 0 || record.suspends("Launch") {
            return false;
        }
        if new.len() < desired {
            let pause = record.next_launch_ms.saturating_sub(self.now_ms);
            if pause > 0 {
                self.after_ms(pause, WorldEvent::Reconcile(name.to_owned()));
            } else {
                self.launch(name);
            }
        } else if new.iter().all(|member| member.lifecycle == LifecycleState::InService)
            && !record.suspends("Terminate")
        {
            let ids: Vec<InstanceId> = old.iter().map(|member| member.id.clone()).collect();
            for id in ids {
                let cause = "instances were replaced to match the purchase options of the group";
                self.begin_termination(name, &id, cause, false);
            }
        }
        true
    }

    fn resize(&mut self, name: &str) {
        let Some(record) = self.groups.get(name) else { return };
        let desired = record.settings.desired as usize;
        let staying: Vec<InstanceId> = record.staying().map(|member| member.id.clone()).collect();
        if staying.len() > desired && !record.suspends("Terminate") {
            let cause = self.cause_of_shrinking(name);
            for id in staying.into_iter().take(self.surplus(name, desired)) {
                self.begin_termination(name, &id, &cause, false);
            }
        } else if staying.len() < desired && !record.suspends("Launch") {
            if record.next_launch_ms > self.now_ms {
                let pause = record.next_launch_ms - self.now_ms;
                self.after_ms(pause, WorldEvent::Reconcile(name.to_owned()));
            } else {
                for _ in staying.len()..desired {
                    self.launch(name);
                }
            }
        }
    }

    fn surplus(&self, name: &str, desired: usize) -> usize {
        self.groups
            .get(name)
            .map_or(0, |record| record.staying().count().saturating_sub(desired))
    }

    fn launch(&mut self, group: &str) {
        let cause = &self.cause_of_growing(group);
        match self.run_instance(group) {
            Ok(id) => {
                if let Some(record) = self.groups.get_mut(group) {
                    record.failing_since_ms = None;
                    // What follows is a replacement.
                    record.resized = None;
                }
                let activity = self.begin_activity(group, format!("Launching a new EC2 instance: {id}"), cause);
                let instance_type = self.instances.get(&id).map(|it| it.data.instance_type.clone());
                let Some(record) = self.groups.get_mut(group) else {
                    return;
                };
                record.members.push(MemberRecord {
                    id: id.clone(),
                    lifecycle: LifecycleState::Pending,
                    healthy: true,
                    template_version: record.settings.template_version,
                    instance_type,
                    purchase: Some(Purchase::of(&record.settings)),
                    in_service_ms: None,
                    held_by: None,
                    held_since_ms: None,
                    heartbeat: 0,
                    activity: Some(activity),
                });
                self.set_lifecycle(group, &id, LifecycleState::Pending);
            }
            Err(why) => {
                let activity = self.begin_activity(group, "Launching a new EC2 instance".to_owned(), cause);
                self.end_activity(
                    &activity,
                    ActivityStatus::Failed,
                    Some(format!("{why} Launching EC2 instance failed.")),
                );
                self.record(TraceKind::LaunchFailed {
                    group: group.to_owned(),
                    why,
                });
                self.back_off(group);
                self.give_up_launching(group);
                self.reconcile_soon(group);
            }
        }
    }

    /// AWS suspends the launches of a group of which EC2 has refused every one for a day.
    ///
    /// Source: Auto Scaling user guide, "Suspend and resume": "administrative suspensions", for a group that "has been trying to
    /// launch instances for over 24 hours but has not succeeded in launching any".
    fn give_up_launching(&mut self, group: &str) {
        let now_ms = self.now_ms;
        let Some(record) = self.groups.get_mut(group) else {
            return;
        };
        let since_ms = *record.failing_since_ms.get_or_insert(now_ms);
        if now_ms - since_ms > FAILING_MS_MAX && record.suspended.insert("Launch".to_owned()) {
            let why = "Launch was suspended by AWS: no launch has succeeded for 24 hours".to_owned();
            self.record(TraceKind::LaunchFailed {
                group: group.to_owned(),
                why,
            });
        }
    }

    /// Counts a launch that failed and lets the next one wait, twice as long each time up to a factor of 16.
    fn back_off(&mut self, group: &str) {
        let Range { min, max } = self.config.timings.launch_backoff;
        let Some(record) = self.groups.get_mut(group) else {
            return;
        };
        record.failed_launches = record.failed_launches.saturating_add(1);
        let factor = 1_u64 << record.failed_launches.saturating_sub(1).min(4);
        let pause = self.rng_events.between(Range::new(min * factor, max * factor));
        record.next_launch_ms = self.now_ms + pause;
    }

    /// A launch hook said ABANDON. The first replacement follows at once, later ones are rate-limited.
    pub(super) fn launch_abandoned(&mut self, group: &str, why: &str) {
        self.record(TraceKind::LaunchFailed {
            group: group.to_owned(),
            why: why.to_owned(),
        });
        self.back_off(group);
        if let Some(record) = self.groups.get_mut(group).filter(|record| record.failed_launches == 1) {
            record.next_launch_ms = self.now_ms;
        }
    }

    pub(super) fn in_service(&mut self, group: &str, instance: &InstanceId) {
        self.happened_by_service(group, instance);
        let now_ms = self.now_ms;
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        member.in_service_ms = Some(now_ms);
        let activity = member.activity.take();
        self.set_lifecycle(group, instance, LifecycleState::InService);
        if let Some(activity) = activity {
            self.end_activity(&activity, ActivityStatus::Successful, None);
        }
        if let Some(record) = self.groups.get_mut(group) {
            record.failed_launches = 0;
            record.next_launch_ms = 0;
        }
        // What became of the instance while it was held is looked at now.
        self.look_again(group);
    }

    /// Takes a member out: held by its termination hook where there is one, else terminated.
    pub(super) fn begin_termination(&mut self, group: &str, instance: &InstanceId, cause: &str, skip_hooks: bool) {
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        let held_before = member.held_by.take();
        member.held_since_ms = None;
        let leaving = member.lifecycle.is_leaving();
        self.disarm_heartbeat(group, instance);
        if leaving && !(skip_hooks && held_before.is_some()) {
            return;
        }
        let launching = self
            .member_mut(group, instance)
            .and_then(|member| member.activity.take());
        if let Some(activity) = launching {
            self.end_activity(&activity, ActivityStatus::Cancelled, Some(cause.to_owned()));
        }
        let activity = self.begin_activity(group, format!("Terminating EC2 instance: {instance}"), cause);
        if let Some(member) = self.member_mut(group, instance) {
            member.activity = Some(activity);
        }
        self.set_lifecycle(group, instance, LifecycleState::Terminating);
        let running = self
            .instances
            .get(instance)
            .is_some_and(|it| it.state == InstanceState::Running);
        if skip_hooks || !running || !self.hold(group, instance, TERMINATING, LifecycleState::TerminatingWait) {
            self.terminate_member(group, instance);
        }
    }

    /// Terminates a leaving member's instance; one that is gone already leaves the group at once.
    pub(super) fn terminate_member(&mut self, group: &str, instance: &InstanceId) {
        self.terminate_ec2(instance, "terminated by its group");
        if self
            .instances
            .get(instance)
            .is_none_or(|it| it.state == InstanceState::Terminated)
        {
            self.drop_member(group, instance);
        }
    }

    /// An instance is terminated: if it was leaving, it has left.
    pub(in crate::sim) fn member_terminated(&mut self, instance: &InstanceId) {
        let Some(group) = self.instances.get(instance).and_then(|record| record.group.clone()) else {
            return;
        };
        if self
            .member_mut(&group, instance)
            .is_some_and(|member| member.lifecycle.is_leaving())
        {
            self.drop_member(&group, instance);
        }
    }

    fn drop_member(&mut self, group: &str, instance: &InstanceId) {
        let Some(record) = self.groups.get_mut(group) else {
            return;
        };
        let activity = record
            .members
            .iter()
            .find(|member| member.id == *instance)
            .and_then(|it| it.activity.clone());
        record.members.retain(|member| member.id != *instance);
        if let Some(activity) = activity {
            self.end_activity(&activity, ActivityStatus::Successful, None);
        }
        self.reconcile_soon(group);
    }
}
