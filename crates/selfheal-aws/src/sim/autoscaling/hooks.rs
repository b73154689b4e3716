//! Lifecycle hooks: they hold an instance until somebody completes the action, or their time is over.

use selfheal_core::world::{InstanceId, LifecycleHook, LifecycleState};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::MemberRecord;
use super::super::trace::TraceKind;
use super::super::world::World;
use crate::backend::CallResult;

/// The transition of a launch hook.
const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
/// The transition of a termination hook.
pub(super) const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// How long a hook may hold an instance, however often its heartbeat is recorded; a hundred heartbeats end it, too.
///
/// Source: Auto Scaling API reference, `PutLifecycleHook`: 48 hours or 100 times the heartbeat time-out.
const HELD_MS_MAX: u64 = 48 * 3_600_000;

/// How long the watchers of an instance take to see its target lifecycle state in the metadata.
const WATCH: Range = Range::new(1_000, 6_000);

/// Refuses hooks that Auto Scaling refuses.
pub(super) fn check_hook(action: &'static str, hook: &LifecycleHook) -> CallResult<()> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    if hook.name.is_empty() || hook.name.len() > 255 || !hook.name.chars().all(valid) {
        return fail(
            action,
            "ValidationError",
            format!("Invalid lifecycle hook name '{}'", hook.name),
        );
    }
    if ![LAUNCHING, TERMINATING].contains(&hook.transition.as_str()) {
        return fail(
            action,
            "ValidationError",
            format!("Invalid lifecycle transition '{}'", hook.transition),
        );
    }
    if !(30..=7_200).contains(&hook.heartbeat_s) {
        return fail(
            action,
            "ValidationError",
            "HeartbeatTimeout must be between 30 and 7200 seconds.",
        );
    }
    if !["ABANDON", "CONTINUE"].contains(&hook.default_result.as_str()) {
        return fail(action, "ValidationError", "DefaultResult must be ABANDON or CONTINUE.");
    }
    Ok(())
}

impl World {
    pub(super) fn put_hook(&mut self, group: &str, hook: &LifecycleHook) -> CallResult<()> {
        const ACTION: &str = "autoscaling:PutLifecycleHook";
        check_hook(ACTION, hook)?;
        let record = self.live_group_mut(ACTION, group)?;
        match record.hooks.iter_mut().find(|existing| existing.name == hook.name) {
            Some(existing) => *existing = hook.clone(),
            None => record.hooks.push(hook.clone()),
        }
        Ok(())
    }

    /// The group and the member that an instance is.
    pub(super) fn member_mut(&mut self, group: &str, instance: &InstanceId) -> Option<&mut MemberRecord> {
        self.groups
            .get_mut(group)?
            .members
            .iter_mut()
            .find(|member| member.id == *instance)
    }

    /// Changes a member's lifecycle state.
    pub(super) fn set_lifecycle(&mut self, group: &str, instance: &InstanceId, lifecycle: LifecycleState) {
        if let Some(member) = self.member_mut(group, instance) {
            member.lifecycle = lifecycle.clone();
            self.record(TraceKind::Lifecycle {
                group: group.to_owned(),
                instance: instance.to_owned(),
                state: lifecycle,
            });
        }
    }

    /// Holds a member by the hook of the transition; answers whether there is one.
    pub(super) fn hold(&mut self, group: &str, instance: &InstanceId, transition: &str, state: LifecycleState) -> bool {
        let Some(record) = self.groups.get_mut(group) else {
            return false;
        };
        let Some(hook) = record.hooks.iter().find(|hook| hook.transition == transition).cloned() else {
            return false;
        };
        if let Some(member) = record.members.iter_mut().find(|member| member.id == *instance) {
            member.held_by = Some(hook.name.clone());
        }
        let leaves = state == LifecycleState::TerminatingWait;
        self.set_lifecycle(group, instance, state);
        self.arm_heartbeat(group, instance, &hook);
        if leaves {
            self.wake_watch(instance, WATCH);
        }
        true
    }

    fn arm_heartbeat(&mut self, group: &str, instance: &InstanceId, hook: &LifecycleHook) {
        self.disarm_heartbeat(group, instance);
        let now_ms = self.now_ms;
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        member.heartbeat += 1;
        let heartbeat = member.heartbeat;
        let held_since_ms = *member.held_since_ms.get_or_insert(now_ms);
        let event = WorldEvent::HookTimeout {
            group: group.to_owned(),
            instance: instance.to_owned(),
            heartbeat,
        };
        let heartbeat_ms = u64::from(hook.heartbeat_s) * 1_000;
        let last_ms = held_since_ms + HELD_MS_MAX.min(100 * heartbeat_ms);
        self.after_ms(heartbeat_ms.min(last_ms.saturating_sub(now_ms)), event);
    }

    /// Takes the time-out of an instance's hook out of the queue, so that a world at rest has nothing left to do.
    pub(super) fn disarm_heartbeat(&mut self, group: &str, instance: &InstanceId) {
        self.queue.retain(|scheduled| {
            !matches!(&scheduled.event, WorldEvent::HookTimeout { group: g, instance: i, .. } if g == group && i == instance)
        });
    }

    /// What the instance's metadata tells as `autoscaling/target-lifecycle-state`: nothing until its group has come to the
    /// launch hook, or to putting it in service.
    ///
    /// Source: Auto Scaling user guide, "Retrieve the target lifecycle state through instance metadata".
    #[must_use]
    pub fn target_state(&self, instance: &InstanceId) -> Option<LifecycleState> {
        if let Some(state) = self.target_states.get(instance) {
            return Some(state.clone());
        }
        let group = self.groups.get(&self.group_of(instance)?)?;
        let member = group.members.iter().find(|member| member.id == *instance)?;
        match &member.lifecycle {
            LifecycleState::Pending => None,
            lifecycle if lifecycle.is_leaving() => Some(LifecycleState::Terminated),
            _ => Some(LifecycleState::InService),
        }
    }

    /// The group sees that an instance runs: its launch hook holds it, or it is in service.
    pub(in crate::sim) fn member_running(&mut self, instance: &InstanceId) {
        let Some(group) = self.instances.get(instance).and_then(|record| record.group.clone()) else {
            return;
        };
        let pending = self
            .member_mut(&group, instance)
            .is_some_and(|it| it.lifecycle == LifecycleState::Pending);
        if pending && !self.hold(&group, instance, LAUNCHING, LifecycleState::PendingWait) {
            self.in_service(&group, instance);
        }
    }

    pub(in crate::sim) fn hook_timeout(&mut self, group: &str, instance: &InstanceId, heartbeat: u32) {
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        if member.heartbeat != heartbeat {
            return;
        }
        let Some(hook) = member.held_by.clone() else { return };
        let Some(record) = self.groups.get(group) else { return };
        let found = record.hooks.iter().find(|existing| existing.name == hook);
        let result = found.map_or("ABANDON".to_owned(), |hook| hook.default_result.clone());
        self.finish_hook(group, instance, &result, "the lifecycle hook's heartbeat timed out");
    }

    /// `CompleteLifecycleAction`.
    pub(in crate::sim) fn complete_lifecycle_action(
        &mut self,
        group: &str,
        hook: &str,
        instance: &InstanceId,
        result: &str,
    ) -> CallResult<()> {
        const ACTION: &str = "autoscaling:CompleteLifecycleAction";
        self.held_member(ACTION, group, hook, instance)?;
        if !["ABANDON", "CONTINUE"].contains(&result) {
            return fail(
                ACTION,
                "ValidationError",
                format!("Invalid lifecycle action result '{result}'"),
            );
        }
        self.finish_hook(
            group,
            instance,
            result,
            "the lifecycle action was completed with ABANDON",
        );
        Ok(())
    }

    /// `RecordLifecycleActionHeartbeat`: the hook's time begins again.
    pub(in crate::sim) fn record_heartbeat(
        &mut self,
        group: &str,
        hook: &str,
        instance: &InstanceId,
    ) -> CallResult<()> {
        self.held_member("autoscaling:RecordLifecycleActionHeartbeat", group, hook, instance)?;
        let settings = self
            .groups
            .get(group)
            .and_then(|record| record.hooks.iter().find(|it| it.name == hook))
            .cloned();
        if let Some(settings) = settings {
            self.arm_heartbeat(group, instance, &settings);
        }
        Ok(())
    }

    fn held_member(&mut self, action: &'static str, group: &str, hook: &str, instance: &InstanceId) -> CallResult<()> {
        // A group that is being deleted skips its hooks, so that there is nothing left to complete.
        let held = self
            .member_mut(group, instance)
            .is_some_and(|member| member.held_by.as_deref() == Some(hook));
        if held {
            return Ok(());
        }
        fail(
            action,
            "ValidationError",
            format!("No active Lifecycle Action found with instance ID {instance}"),
        )
    }

    fn finish_hook(&mut self, group: &str, instance: &InstanceId, result: &str, why: &str) {
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        member.held_by = None;
        member.held_since_ms = None;
        let lifecycle = member.lifecycle.clone();
        self.disarm_heartbeat(group, instance);
        let event = WorldEvent::Proceed {
            group: group.to_owned(),
            instance: instance.to_owned(),
        };
        match lifecycle {
            LifecycleState::PendingWait if result == "CONTINUE" => {
                // What it does from here on it does as one that serves.
                self.happened_by_service(group, instance);
                self.set_lifecycle(group, instance, LifecycleState::PendingProceed);
                self.after(self.config.timings.group_reaction, event);
            }
            LifecycleState::PendingWait => {
                self.launch_abandoned(group, why);
                // A termination hook applies here, too, as the lifecycle diagram has it; not verified on a live account.
                self.begin_termination(group, instance, why, false);
                self.reconcile_soon(group);
            }
            // Either result lets a termination go on.
            LifecycleState::TerminatingWait => {
                self.set_lifecycle(group, instance, LifecycleState::TerminatingProceed);
                self.after(self.config.timings.group_reaction, event);
            }
            _ => {}
        }
    }

    pub(in crate::sim) fn proceed(&mut self, group: &str, instance: &InstanceId) {
        match self.member_mut(group, instance).map(|member| &member.lifecycle) {
            Some(LifecycleState::PendingProceed) => self.in_service(group, instance),
            Some(LifecycleState::TerminatingProceed) => self.terminate_member(group, instance),
            _ => {}
        }
    }
}
