//! Auto Scaling: groups that keep their size, whatever happens to their instances.

mod group;
mod health;
mod hooks;
mod replace;

use async_trait::async_trait;
use selfheal_core::world::{Activity, Group, GroupSettings, LifecycleHook};

use super::call::Call;
use super::runtime::Sim;
use super::target::Target;
use crate::backend::{AutoScaling, CallResult};

#[async_trait]
impl AutoScaling for Sim {
    async fn describe_group(&self, name: &str) -> CallResult<Option<Group>> {
        let (call, name) = (
            Call::read("autoscaling:DescribeAutoScalingGroups").about(name),
            name.to_owned(),
        );
        self.call(call, move |world| Ok(world.describe_group(&name))).await
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
        self.call(call, move |world| Ok(world.describe_activities(&group, limit)))
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

    async fn terminate_instance(&self, instance_id: &str) -> CallResult<()> {
        let call = Call::change("autoscaling:TerminateInstanceInAutoScalingGroup")
            .about(instance_id)
            .on(Target::GroupOf(instance_id.to_owned()));
        let instance_id = instance_id.to_owned();
        self.call(call, move |world| world.terminate_in_group(&instance_id))
            .await
    }
}
