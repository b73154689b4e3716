//! Health: what a group learns about its instances, and when it believes it.

use selfheal_core::world::{ApplicationStatus, HealthStatus, InstanceId, InstanceState};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::state::MemberRecord;
use super::super::trace::TraceKind;
use super::super::world::World;
use crate::backend::CallResult;

impl World {
    /// The group of an instance that is one of its members.
    pub(in crate::sim) fn group_of(&self, instance: &InstanceId) -> Option<String> {
        let group = self.instances.get(instance)?.group.clone()?;
        let member = self
            .groups
            .get(&group)?
            .members
            .iter()
            .any(|member| member.id == *instance);
        member.then_some(group)
    }

    /// An instance is no longer running; its group learns of it after a while. No grace period covers that.
    pub(in crate::sim) fn member_not_running(&mut self, instance: &InstanceId, why: &str) {
        let Some(group) = self.group_of(instance) else { return };
        if self
            .member_mut(&group, instance)
            .is_none_or(|member| member.lifecycle.is_leaving())
        {
            return;
        }
        let event = WorldEvent::HealthDetected {
            group,
            instance: instance.to_owned(),
            why: why.to_owned(),
        };
        self.after(self.config.timings.health_detect, event);
    }

    pub(in crate::sim) fn health_detected(&mut self, group: &str, instance: &InstanceId, why: &str) {
        let suspended = self
            .groups
            .get(group)
            .is_none_or(|record| record.suspends("HealthCheck"));
        let running = self
            .instances
            .get(instance)
            .is_some_and(|it| it.state == InstanceState::Running);
        if !suspended && !running {
            self.mark_unhealthy(group, instance, why);
        }
    }

    /// The status checks have reported `impaired` for long enough.
    pub(in crate::sim) fn impaired_detected(&mut self, group: &str, instance: &InstanceId) {
        let Some(record) = self.groups.get(group) else { return };
        let impaired = self.instances.get(instance).is_some_and(|it| it.impaired);
        let Some(member) = record.members.iter().find(|member| member.id == *instance) else {
            return;
        };
        if record.suspends("HealthCheck") || !impaired {
            return;
        }
        match self.grace_left_ms(member, u64::from(record.settings.health_check_grace_s) * 1_000) {
            0 => self.mark_unhealthy(group, instance, "EC2 status checks report impaired"),
            left => {
                let event = WorldEvent::Impaired {
                    group: group.to_owned(),
                    instance: instance.to_owned(),
                };
                self.after_ms(left, event);
            }
        }
    }

    /// The application status checks report `impaired`. Before the entry into service nobody listens.
    pub(in crate::sim) fn application_impaired(&mut self, group: &str, instance: &InstanceId) {
        let Some(record) = self.groups.get(group) else { return };
        let in_service = |member: &&MemberRecord| member.id == *instance && member.in_service_ms.is_some();
        let Some(member) = record.members.iter().find(in_service) else {
            return;
        };
        if record.suspends("HealthCheck") || self.application_status(instance) != ApplicationStatus::Impaired {
            return;
        }
        match self.grace_left_ms(member, u64::from(record.settings.health_check_grace_s) * 1_000) {
            0 => self.mark_unhealthy(group, instance, "EC2 application status checks report impaired"),
            left => {
                let event = WorldEvent::ApplicationImpaired {
                    group: group.to_owned(),
                    instance: instance.to_owned(),
                };
                self.after_ms(left, event);
            }
        }
    }

    /// Milliseconds of the grace period that are left, counted from the entry into service; it has not begun before.
    fn grace_left_ms(&self, member: &MemberRecord, grace_ms: u64) -> u64 {
        let since = member.in_service_ms.unwrap_or(self.now_ms);
        (since + grace_ms).saturating_sub(self.now_ms)
    }

    fn mark_unhealthy(&mut self, group: &str, instance: &InstanceId, why: &str) {
        let Some(member) = self.member_mut(group, instance) else {
            return;
        };
        if member.lifecycle.is_leaving() || !member.healthy {
            return;
        }
        member.healthy = false;
        let (name, id) = (group.to_owned(), instance.to_owned());
        self.record(TraceKind::Unhealthy {
            group: name,
            instance: id,
            why: why.to_owned(),
        });
        self.reconcile_soon(group);
    }

    /// `SetInstanceHealth`. Within the grace period an `Unhealthy` is accepted and ignored, unless told otherwise.
    pub(in crate::sim) fn set_instance_health(
        &mut self,
        instance: &InstanceId,
        status: &HealthStatus,
        respect_grace: bool,
    ) -> CallResult<()> {
        const ACTION: &str = "autoscaling:SetInstanceHealth";
        let Some(group) = self.group_of(instance) else {
            let message = format!("Instance Id not found - No managed instance found for instance ID {instance}");
            return fail(ACTION, "ValidationError", message);
        };
        let grace_ms = self
            .groups
            .get(&group)
            .map_or(0, |record| u64::from(record.settings.health_check_grace_s) * 1_000);
        let member = self.member_mut(&group, instance).map(|member| member.clone());
        match (status, member) {
            (HealthStatus::Unhealthy, Some(member)) => {
                if !respect_grace || self.grace_left_ms(&member, grace_ms) == 0 {
                    self.mark_unhealthy(&group, instance, "SetInstanceHealth was called");
                }
                Ok(())
            }
            (HealthStatus::Healthy, Some(_)) => {
                if let Some(member) = self
                    .member_mut(&group, instance)
                    .filter(|member| !member.lifecycle.is_leaving())
                {
                    member.healthy = true;
                }
                Ok(())
            }
            _ => fail(ACTION, "ValidationError", format!("Invalid health status '{status}'")),
        }
    }

    /// `TerminateInstanceInAutoScalingGroup` without decrementing the capacity: the group replaces it.
    pub(super) fn terminate_in_group(&mut self, instance: &InstanceId) -> CallResult<()> {
        let Some(group) = self.group_of(instance) else {
            let message = format!("Instance Id not found - No managed instance found for instance ID: {instance}");
            return fail(
                "autoscaling:TerminateInstanceInAutoScalingGroup",
                "ValidationError",
                message,
            );
        };
        self.begin_termination(
            &group,
            instance,
            "instance was taken out of service in response to a user request",
            false,
        );
        self.reconcile_soon(&group);
        Ok(())
    }

    /// An instance refresh; answers whether there is such a group.
    ///
    /// Source: Auto Scaling user guide, "Instance maintenance policies": a minimum of 0 percent terminates first.
    pub(in crate::sim) fn refresh_instances(&mut self, group: &str) -> bool {
        let Some(record) = self.groups.get(group) else {
            return false;
        };
        let ids: Vec<InstanceId> = record.members.iter().map(|member| member.id.clone()).collect();
        for id in ids {
            let cause = "an instance was taken out of service in response to an instance refresh";
            self.begin_termination(group, &id, cause, false);
        }
        self.reconcile_soon(group);
        true
    }

    /// Looks at every member again, as after a suspended process was resumed.
    pub(super) fn look_again(&mut self, group: &str) {
        let Some(record) = self.groups.get(group) else { return };
        let ids: Vec<InstanceId> = record.members.iter().map(|member| member.id.clone()).collect();
        for id in ids {
            if self.application_status(&id) == ApplicationStatus::Impaired {
                self.tell_group(&id);
            }
            match self
                .instances
                .get(&id)
                .map(|instance| (instance.state.clone(), instance.impaired))
            {
                Some((InstanceState::Running, true)) => {
                    let event = WorldEvent::Impaired {
                        group: group.to_owned(),
                        instance: id,
                    };
                    self.after(self.config.timings.health_impaired, event);
                }
                Some((InstanceState::Running | InstanceState::Pending, _)) | None => {}
                Some(_) => self.member_not_running(&id, "an EC2 instance status change"),
            }
        }
        self.reconcile_soon(group);
    }
}
