//! Groups as callers make, change and delete them.

use std::collections::{BTreeMap, BTreeSet};

use selfheal_core::names::Tags;
use selfheal_core::world::{
    Activity, ActivityStatus, Group, GroupInstance, GroupSettings, HealthStatus, InstanceId, LaunchTemplateId,
    LifecycleHook, SubnetId,
};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::ids;
use super::super::pages::{Page, cut};
use super::super::state::{ActivityRecord, GroupRecord, MemberRecord};
use super::super::trace::TraceKind;
use super::super::world::World;
use super::hooks::check_hook;
use crate::backend::CallResult;

/// The processes that can be suspended.
///
/// Source: Auto Scaling API reference, `ScalingProcessQuery`.
const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

/// A group as a read tells it.
fn describe(record: &GroupRecord) -> Group {
    let settings = &record.settings;
    let instance = |member: &MemberRecord| GroupInstance {
        id: member.id.clone(),
        lifecycle: member.lifecycle.clone(),
        health: if member.healthy {
            HealthStatus::Healthy
        } else {
            HealthStatus::Unhealthy
        },
        template_version: Some(member.template_version.to_string()),
        instance_type: member.instance_type.clone(),
    };
    Group {
        name: settings.name.clone(),
        min: settings.min,
        max: settings.max,
        desired: settings.desired,
        subnets: vec![settings.subnet.clone()],
        template_id: Some(settings.template_id.clone()),
        template_version: Some(settings.template_version.to_string()),
        mixed: settings.mixed.clone(),
        health_check_type: settings.health_check_type.clone(),
        health_check_grace_s: settings.health_check_grace_s,
        suspended: record.suspended.iter().cloned().collect(),
        deleting: record.deleting,
        instances: record.members.iter().map(instance).collect(),
        tags: record.tags.clone(),
    }
}

impl World {
    pub(super) fn describe_groups(
        &self,
        names: &BTreeSet<String>,
        page: (Option<String>, usize),
    ) -> Page<String, Group> {
        // Names are no filter: pages are cut out of what is named.
        let exists = |record: &GroupRecord| names.contains(&record.settings.name) && self.sees(record.visible_ms);
        cut(&self.groups, page, exists, |record| Some(describe(record)))
    }

    pub(super) fn describe_hooks(&self, group: &str) -> Vec<LifecycleHook> {
        let seen = self.groups.get(group).filter(|record| self.sees(record.visible_ms));
        seen.map(|record| record.hooks.clone()).unwrap_or_default()
    }

    pub(in crate::sim) fn describe_activities(&self, group: &str, limit: u32) -> Vec<Activity> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let of_group = self.activities.iter().rev().filter(|activity| activity.group == group);
        of_group
            .take(limit)
            .map(|record| Activity {
                id: record.id.clone(),
                description: record.description.clone(),
                cause: record.cause.clone(),
                status: record.status.clone(),
                status_message: record.message.clone(),
                started_at: self.time_of(record.started_ms),
                ended_at: record.ended_ms.map(|ms| self.time_of(ms)),
            })
            .collect()
    }

    /// `CreateAutoScalingGroup`. What it would launch is checked as EC2 checks it.
    pub(super) fn create_group(&mut self, settings: &GroupSettings) -> CallResult<()> {
        const ACTION: &str = "autoscaling:CreateAutoScalingGroup";
        let name = &settings.name;
        if name.is_empty() || name.len() > 255 || name.contains(':') {
            return fail(ACTION, "ValidationError", format!("Invalid group name '{name}'"));
        }
        if self.groups.contains_key(name) {
            let message =
                format!("AutoScalingGroup by this name already exists - A group with the name {name} already exists");
            return fail(ACTION, "AlreadyExists", message);
        }
        self.check_settings(ACTION, settings)?;
        settings.hooks.iter().try_for_each(|hook| check_hook(ACTION, hook))?;
        let record = GroupRecord {
            settings: settings.clone(),
            uuid: ids::uuid(&mut self.rng_ids),
            hooks: settings.hooks.clone(),
            suspended: BTreeSet::new(),
            deleting: false,
            members: Vec::new(),
            tags: settings.tags.clone(),
            failed_launches: 0,
            next_launch_ms: 0,
            failing_since_ms: None,
            visible_ms: self.visible_from(),
            scheduled: BTreeMap::new(),
            notifications: BTreeMap::new(),
            scheduled_generation: 0,
            resized: Some(format!(
                "At {:.0} a user request created an AutoScalingGroup changing the desired capacity from 0 to {}.",
                self.now(),
                settings.desired
            )),
        };
        self.groups.insert(name.clone(), record);
        self.reconcile_soon(name);
        Ok(())
    }

    fn check_settings(&self, action: &'static str, settings: &GroupSettings) -> CallResult<()> {
        let GroupSettings { min, max, desired, .. } = settings;
        if min > max {
            let message = format!("Max bound, {max}, must be greater than or equal to min bound, {min}");
            return fail(action, "ValidationError", message);
        }
        if !(min..=max).contains(&desired) {
            let message =
                format!("Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}");
            return fail(action, "ValidationError", message);
        }
        self.check_launch(&settings.template_id, settings.template_version, &settings.subnet)
            .or_else(|why| {
                let message = format!("You must use a valid fully-formed launch template. {why}");
                fail(action, "ValidationError", message)
            })
    }

    /// Checks what a launch needs, as EC2 does; answers why it refuses, in its words.
    pub(in crate::sim) fn check_launch(
        &self,
        template_id: &LaunchTemplateId,
        version: u64,
        subnet: &SubnetId,
    ) -> Result<(), String> {
        let found = self
            .templates
            .get(template_id)
            .filter(|template| self.sees(template.visible_ms));
        let Some(template) = found else {
            return Err(format!(
                "The specified launch template, with template ID {template_id}, does not exist."
            ));
        };
        let Some(data) = template.version(version) else {
            return Err(format!(
                "Could not find the specified version {version} for the launch template with ID {template_id}."
            ));
        };
        let Some(subnet) = self.subnets.get(subnet).map(|record| &record.subnet) else {
            return Err(format!("The subnet ID '{subnet}' does not exist"));
        };
        if !self.images.contains_key(&data.image_id) {
            return Err(format!("The image id '[{}]' does not exist", data.image_id));
        }
        for id in &data.security_groups {
            match self.security_groups.get(id) {
                None => return Err(format!("The security group '{id}' does not exist")),
                Some(record) if record.group.vpc_id != subnet.vpc_id => {
                    return Err(format!(
                        "Security group {id} and subnet {} belong to different networks.",
                        subnet.id
                    ));
                }
                Some(_) => {}
            }
        }
        self.check_profile(&data.profile_arn)
    }

    fn check_profile(&self, arn: &str) -> Result<(), String> {
        if arn.is_empty() {
            return Ok(());
        }
        let known = self.profiles.values().find(|record| record.profile.arn == arn);
        // A profile that IAM has not spread yet is, to EC2, one that does not exist.
        let Some(record) = known.filter(|record| self.sees(record.propagated_ms)) else {
            return Err(format!(
                "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
            ));
        };
        if record.profile.role.is_none() {
            return Err(format!("IAM Instance Profile \"{arn}\" has no associated IAM Roles"));
        }
        Ok(())
    }

    /// A group that callers can see and that is not being deleted.
    pub(in crate::sim) fn live_group_mut(&mut self, action: &'static str, name: &str) -> CallResult<&mut GroupRecord> {
        let now_ms = self.now_ms;
        match self.groups.get_mut(name).filter(|record| record.visible_ms <= now_ms) {
            None => fail(
                action,
                "ValidationError",
                format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"),
            ),
            Some(record) if record.deleting => {
                let message = format!("You cannot change AutoScalingGroup {name} while it is pending delete.");
                fail(action, "ScalingActivityInProgress", message)
            }
            Some(record) => Ok(record),
        }
    }

    /// `UpdateAutoScalingGroup` without a desired capacity. Instances that run stay as they are; only the bounds act at once.
    pub(super) fn update_group(&mut self, settings: &GroupSettings) -> CallResult<()> {
        const ACTION: &str = "autoscaling:UpdateAutoScalingGroup";
        self.live_group_mut(ACTION, &settings.name)?;
        // The request has no desired capacity: AWS brings the group's own within the bounds.
        let sent = GroupSettings {
            desired: settings.min,
            ..settings.clone()
        };
        self.check_settings(ACTION, &sent)?;
        if let Some(policy) = &settings.mixed
            && (policy.types.is_empty() || policy.on_demand_percent > 100)
        {
            return fail(ACTION, "ValidationError", "Invalid mixed instances policy");
        }
        let record = self.live_group_mut(ACTION, &settings.name)?;
        let before = record.settings.clone();
        record.settings = GroupSettings {
            hooks: before.hooks,
            tags: before.tags,
            desired: before.desired,
            ..settings.clone()
        };
        self.keep_within_bounds(&settings.name);
        // What was bought otherwise is replaced.
        self.reconcile_soon(&settings.name);
        Ok(())
    }

    pub(super) fn resume_processes(&mut self, group: &str, processes: &[String]) -> CallResult<()> {
        const ACTION: &str = "autoscaling:ResumeProcesses";
        check_processes(ACTION, processes)?;
        let record = self.live_group_mut(ACTION, group)?;
        if processes.is_empty() {
            record.suspended.clear();
        }
        record.suspended.retain(|process| !processes.contains(process));
        self.look_again(group);
        Ok(())
    }

    pub(in crate::sim) fn suspend_processes(&mut self, group: &str, processes: &[String]) -> CallResult<()> {
        const ACTION: &str = "autoscaling:SuspendProcesses";
        check_processes(ACTION, processes)?;
        let record = self.live_group_mut(ACTION, group)?;
        if processes.is_empty() {
            record.suspended.extend(PROCESSES.map(str::to_owned));
        }
        record.suspended.extend(processes.iter().cloned());
        Ok(())
    }

    pub(super) fn delete_group_tags(&mut self, group: &str, keys: &[String]) -> CallResult<()> {
        let record = self.live_group_mut("autoscaling:DeleteTags", group)?;
        record.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    }

    /// `CreateOrUpdateTags` of a group.
    pub(in crate::sim) fn set_group_tags(&mut self, group: &str, tags: &Tags) -> CallResult<()> {
        const ACTION: &str = "autoscaling:CreateOrUpdateTags";
        if tags
            .iter()
            .any(|(key, value)| key.chars().count() > 128 || value.chars().count() > 256)
        {
            return fail(ACTION, "ValidationError", "Tag key or value exceeds its length");
        }
        let record = self.live_group_mut(ACTION, group)?;
        record.tags.extend(tags.clone());
        Ok(())
    }

    /// The tags of a group, as `DescribeTags` tells them; empty when there is no such group.
    pub(in crate::sim) fn group_tags(&self, group: &str) -> Tags {
        self.groups
            .get(group)
            .map(|record| record.tags.clone())
            .unwrap_or_default()
    }

    /// `DeleteAutoScalingGroup`. It takes as long as its instances take to terminate; hooks are skipped.
    pub(super) fn delete_group(&mut self, name: &str, force: bool) -> CallResult<()> {
        const ACTION: &str = "autoscaling:DeleteAutoScalingGroup";
        if self.groups.get(name).is_some_and(|record| record.deleting) {
            return Ok(());
        }
        let record = self.live_group_mut(ACTION, name)?;
        if !force && !record.members.is_empty() {
            let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance \
                           request(s) still in the group.";
            return fail(ACTION, "ResourceInUse", message);
        }
        record.deleting = true;
        let members: Vec<InstanceId> = record.members.iter().map(|member| member.id.clone()).collect();
        for id in members {
            self.begin_termination(name, &id, "the group is being deleted with force", true);
        }
        self.reconcile_soon(name);
        Ok(())
    }

    pub(in crate::sim) fn group_gone(&mut self, name: &str) {
        let empty = |record: &GroupRecord| record.deleting && record.members.is_empty();
        if self.groups.get(name).is_some_and(empty) {
            self.groups.remove(name);
            self.record(TraceKind::GroupDeleted { group: name.to_owned() });
        }
    }

    /// Lets the group look at itself after its reaction time.
    pub(in crate::sim) fn reconcile_soon(&mut self, group: &str) {
        self.after(
            self.config.timings.group_reaction,
            WorldEvent::Reconcile(group.to_owned()),
        );
    }

    /// Begins an activity; answers its id.
    pub(super) fn begin_activity(&mut self, group: &str, description: String, cause: &str) -> String {
        let id = ids::uuid(&mut self.rng_ids);
        self.activities.push(ActivityRecord {
            id: id.clone(),
            group: group.to_owned(),
            description,
            cause: cause.to_owned(),
            status: ActivityStatus::InProgress,
            message: None,
            started_ms: self.now_ms,
            ended_ms: None,
        });
        id
    }

    /// Ends an activity.
    pub(super) fn end_activity(&mut self, id: &str, status: ActivityStatus, message: Option<String>) {
        let now_ms = self.now_ms;
        if let Some(activity) = self.activities.iter_mut().rev().find(|activity| activity.id == id) {
            activity.status = status;
            activity.message = message;
            activity.ended_ms = Some(now_ms);
            let ended = activity.clone();
            self.tell_activity(&ended);
        }
    }
}

fn check_processes(action: &'static str, processes: &[String]) -> CallResult<()> {
    match processes.iter().find(|process| !PROCESSES.contains(&process.as_str())) {
        Some(unknown) => fail(action, "ValidationError", format!("Unknown process type: {unknown}")),
        None => Ok(()),
    }
}
