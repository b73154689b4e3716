//! Auto Scaling: groups that keep their size, whatever happens to their instances.

mod capacity;
mod group;
mod health;
mod hooks;
mod notify;
mod replace;
mod schedule;

use std::collections::BTreeSet;

use async_trait::async_trait;
use selfheal_core::world::{
    Activity, Group, GroupSettings, InstanceId, LifecycleHook, NotificationConfiguration, ScheduledAction,
};

use super::call::{Call, fail};
use super::pages::cut_list;
use super::runtime::Sim;
use super::target::Target;
use crate::backend::{AutoScaling, CallResult};

/// Groups that a request names at most, and that are on a page.
///
/// Source: API reference of `DescribeAutoScalingGroups`, "AutoScalingGroupNames".
const NAMES_MAX: usize = 50;
/// Notification configurations on a page.
const NOTIFICATIONS_PAGE: usize = 50;
/// Scheduled actions on a page.
const SCHEDULED_ACTIONS_PAGE: usize = 50;
/// Activities on a page.
const ACTIVITIES_PAGE: usize = 100;

#[async_trait]
impl AutoScaling for Sim {
    async fn describe_groups(&self, names: &[&str]) -> CallResult<Vec<Group>> {
        const ACTION: &str = "autoscaling:DescribeAutoScalingGroups";
        if names.len() > NAMES_MAX {
            let message = format!("AutoScalingGroupNames may have {NAMES_MAX} members at most");
            return fail(ACTION, "ValidationError", message);
        }
        let call = Call::read(ACTION).about(&names.join(","));
        let names: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.listing(call, NAMES_MAX, move |world, page| {
            Ok(world.describe_groups(&names, page))
        })
        .await
    }

    async fn describe_hooks(&self, group: &str) -> CallResult<Vec<LifecycleHook>> {
        let (call, group) = (
            Call::read("autoscaling:DescribeLifecycleHooks").about(group),
            group.to_owned(),
        );
        self.call(call, move |world| Ok(world.describe_hooks(&group))).await
    }

    async fn describe_activities(&self, group: &str, limit: u32) -> CallResult<Vec<Activity>> {
        let (call, group) = (
            Call::read("autoscaling:DescribeScalingActivities").about(group),
            group.to_owned(),
        );
        self.listing(call, ACTIVITIES_PAGE, move |world, page| {
            Ok(cut_list(&world.describe_activities(&group, limit), page))
        })
        .await
    }

    async fn create_group(&self, settings: &GroupSettings) -> CallResult<()> {
        let call = Call::change("autoscaling:CreateAutoScalingGroup")
            .about(&settings.name)
            .tagging(&settings.tags)
            .on(Target::NewGroup(settings.clone()));
        let settings = settings.clone();
        self.call(call, move |world| world.create_group(&settings)).await
    }

    async fn update_group(&self, settings: &GroupSettings) -> CallResult<()> {
        let call = Call::change("autoscaling:UpdateAutoScalingGroup")
            .about(&settings.name)
            .on(Target::ChangedGroup(settings.clone()));
        let settings = settings.clone();
        self.call(call, move |world| world.update_group(&settings)).await
    }

    async fn describe_scheduled_actions(&self, group: &str) -> CallResult<Vec<ScheduledAction>> {
        let (call, group) = (
            Call::read("autoscaling:DescribeScheduledActions").about(group),
            group.to_owned(),
        );
        self.listing(call, SCHEDULED_ACTIONS_PAGE, move |world, page| {
            Ok(cut_list(&world.describe_scheduled_actions(&group), page))
        })
        .await
    }

    async fn put_scheduled_action(&self, group: &str, action: &ScheduledAction) -> CallResult<()> {
        let call = Call::change("autoscaling:PutScheduledUpdateGroupAction")
            .about(group)
            .on(Target::GroupBounds(group.to_owned(), action.min, action.max));
        let (group, action) = (group.to_owned(), action.clone());
        self.call(call, move |world| world.put_scheduled_action(&group, &action))
            .await
    }

    async fn delete_scheduled_action(&self, group: &str, name: &str) -> CallResult<()> {
        let call = Call::change("autoscaling:DeleteScheduledAction")
            .about(group)
            .on(Target::Group(group.to_owned()));
        let (group, name) = (group.to_owned(), name.to_owned());
        self.call(call, move |world| world.delete_scheduled_action(&group, &name))
            .await
    }

    async fn describe_notifications(&self, group: &str) -> CallResult<Vec<NotificationConfiguration>> {
        let call = Call::read("autoscaling:DescribeNotificationConfigurations").about(group);
        let group = group.to_owned();
        self.listing(call, NOTIFICATIONS_PAGE, move |world, page| {
            Ok(cut_list(&world.describe_notifications(&group), page))
        })
        .await
    }

    async fn put_notifications(&self, group: &str, topic: &str, types: &[String]) -> CallResult<()> {
        let call = Call::change("autoscaling:PutNotificationConfiguration").about(group);
        let call = call.on(Target::Group(group.to_owned()));
        let (group, topic, types) = (group.to_owned(), topic.to_owned(), types.to_vec());
        self.call(call, move |world| world.put_notification(&group, &topic, &types))
            .await
    }

    async fn delete_notifications(&self, group: &str, topic: &str) -> CallResult<()> {
        let call = Call::change("autoscaling:DeleteNotificationConfiguration").about(group);
        let call = call.on(Target::Group(group.to_owned()));
        let (group, topic) = (group.to_owned(), topic.to_owned());
        self.call(call, move |world| world.delete_notification(&group, &topic))
            .await
    }

    async fn set_desired_capacity(&self, group: &str, desired: u32) -> CallResult<()> {
        let call = Call::change("autoscaling:SetDesiredCapacity")
            .about(group)
            .on(Target::Group(group.to_owned()));
        let group = group.to_owned();
        self.call(call, move |world| world.set_desired_capacity(&group, desired))
            .await
    }

    async fn set_min_size(&self, group: &str, min: u32) -> CallResult<()> {
        let call = Call::change("autoscaling:UpdateAutoScalingGroup")
            .about(group)
            .on(Target::GroupBounds(group.to_owned(), Some(min), None));
        let group = group.to_owned();
        self.call(call, move |world| world.set_min_size(&group, min)).await
    }

    async fn suspend_processes(&self, group: &str, processes: &[String]) -> CallResult<()> {
        let call = Call::change("autoscaling:SuspendProcesses")
            .about(group)
            .on(Target::Group(group.to_owned()));
        let (group, processes) = (group.to_owned(), processes.to_vec());
        self.call(call, move |world| world.suspend_processes(&group, &processes))
            .await
    }

    async fn put_lifecycle_hook(&self, group: &str, hook: &LifecycleHook) -> CallResult<()> {
        let call = Call::change("autoscaling:PutLifecycleHook")
            .about(group)
            .on(Target::Group(group.to_owned()));
        let (group, hook) = (group.to_owned(), hook.clone());
        self.call(call, move |world| world.put_hook(&group, &hook)).await
    }

    async fn resume_processes(&self, group: &str, processes: &[String]) -> CallResult<()> {
        let call = Call::change("autoscaling:ResumeProcesses")
            .about(group)
            .on(Target::Group(group.to_owned()));
        let (group, processes) = (group.to_owned(), processes.to_vec());
        self.call(call, move |world| world.resume_processes(&group, &processes))
            .await
    }

    async fn delete_group_tags(&self, group: &str, keys: &[String]) -> CallResult<()> {
        let mut call = Call::change("autoscaling:DeleteTags")
            .about(group)
            .on(Target::Group(group.to_owned()));
        call.tag_keys = keys.to_vec();
        let (group, keys) = (group.to_owned(), keys.to_vec());
        self.call(call, move |world| world.delete_group_tags(&group, &keys))
            .await
    }

    async fn delete_group(&self, name: &str) -> CallResult<()> {
        let call = Call::change("autoscaling:DeleteAutoScalingGroup")
            .about(name)
            .on(Target::Group(name.to_owned()));
        let name = name.to_owned();
        self.call(call, move |world| world.delete_group(&name, true)).await
    }

    async fn terminate_instance(&self, instance_id: &InstanceId) -> CallResult<()> {
        let call = Call::change("autoscaling:TerminateInstanceInAutoScalingGroup")
            .about(instance_id.as_str())
            .on(Target::GroupOf(instance_id.to_owned()));
        let instance_id = instance_id.to_owned();
        self.call(call, move |world| world.terminate_in_group(&instance_id))
            .await
    }
}
