//! Auto Scaling.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_autoscaling::types::{
    self, InstanceMaintenancePolicy, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides,
    LaunchTemplateSpecification, LifecycleHookSpecification, MixedInstancesPolicy, Tag,
};
use jiff::Timestamp;
use selfheal_core::names::Tags;
use selfheal_core::world::{
    Activity, Group, GroupInstance, GroupSettings, InstanceId, LifecycleHook, MixedPolicy, NotificationConfiguration,
    ScheduledAction,
};

use super::Sdk;
use super::convert::{date_time, field, int, text, time, uint};
use super::error::{absent, failed};
use crate::backend::{AutoScaling, CallResult};

/// The only kind of resource that Auto Scaling tags.
const TAGGED: &str = "auto-scaling-group";
/// As many activities as one page holds.
const ACTIVITIES_PER_PAGE: u32 = 100;

#[async_trait]
impl AutoScaling for Sdk {
    async fn describe_groups(&self, names: &[&str]) -> CallResult<Vec<Group>> {
        // No names at all would mean every group to AWS.
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let about = (names.len() == 1).then(|| names[0].clone());
        let call = self.clients.autoscaling.describe_auto_scaling_groups();
        let pages = call.set_auto_scaling_group_names(Some(names)).into_paginator();
        let groups = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let groups = groups.map_err(failed("autoscaling:DescribeAutoScalingGroups", about.as_deref()))?;
        Ok(groups.into_iter().map(group).collect())
    }

    async fn describe_hooks(&self, group: &str) -> CallResult<Vec<LifecycleHook>> {
        const ACTION: &str = "autoscaling:DescribeLifecycleHooks";
        let call = self
            .clients
            .autoscaling
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group);
        let output = absent(call.send().await.map_err(failed(ACTION, Some(group))))?;
        Ok(output
            .and_then(|output| output.lifecycle_hooks)
            .unwrap_or_default()
            .into_iter()
            .map(hook)
            .collect())
    }

    async fn describe_activities(&self, group: &str, limit: u32) -> CallResult<Vec<Activity>> {
        const ACTION: &str = "autoscaling:DescribeScalingActivities";
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut token = None;
        while found.len() < wanted {
            let call = self
                .clients
                .autoscaling
                .describe_scaling_activities()
                .auto_scaling_group_name(group);
            let call = call
                .max_records(int(limit.min(ACTIVITIES_PER_PAGE)))
                .set_next_token(token);
            let Some(page) = absent(call.send().await.map_err(failed(ACTION, Some(group))))? else {
                break;
            };
            for one in page.activities.unwrap_or_default() {
                found.push(activity(one)?);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        found.truncate(wanted);
        Ok(found)
    }

    async fn create_group(&self, settings: &GroupSettings) -> CallResult<()> {
        let hooks: Vec<_> = settings.hooks.iter().map(hook_specification).collect();
        let call = self.clients.autoscaling.create_auto_scaling_group();
        let call = call
            .auto_scaling_group_name(&settings.name)
            .min_size(int(settings.min))
            .max_size(int(settings.max))
            .desired_capacity(int(settings.desired))
            .vpc_zone_identifier(&settings.subnet)
            .set_launch_template(template(settings))
            .set_mixed_instances_policy(mixed(settings))
            .health_check_type(&settings.health_check_type)
            .health_check_grace_period(int(settings.health_check_grace_s))
            .instance_maintenance_policy(terminate_first())
            .new_instances_protected_from_scale_in(false)
            .set_lifecycle_hook_specification_list((!hooks.is_empty()).then_some(hooks))
            .set_tags(Some(group_tags(&settings.name, &settings.tags)));
        call.send()
            .await
            .map_err(failed("autoscaling:CreateAutoScalingGroup", Some(&settings.name)))?;
        Ok(())
    }

    async fn update_group(&self, settings: &GroupSettings) -> CallResult<()> {
        let call = self.clients.autoscaling.update_auto_scaling_group();
        let call = call
            .auto_scaling_group_name(&settings.name)
            .min_size(int(settings.min))
            .max_size(int(settings.max))
            .vpc_zone_identifier(&settings.subnet)
            .set_launch_template(template(settings))
            .set_mixed_instances_policy(mixed(settings))
            .health_check_type(&settings.health_check_type)
            .health_check_grace_period(int(settings.health_check_grace_s))
            .instance_maintenance_policy(terminate_first());
        call.send()
            .await
            .map_err(failed("autoscaling:UpdateAutoScalingGroup", Some(&settings.name)))?;
        Ok(())
    }

    async fn describe_scheduled_actions(&self, group: &str) -> CallResult<Vec<ScheduledAction>> {
        const ACTION: &str = "autoscaling:DescribeScheduledActions";
        let call = self.clients.autoscaling.describe_scheduled_actions();
        let pages = call.auto_scaling_group_name(group).into_paginator();
        let actions = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let actions = absent(actions.map_err(failed(ACTION, Some(group))))?;
        Ok(actions.unwrap_or_default().into_iter().map(scheduled_action).collect())
    }

    async fn put_scheduled_action(&self, group: &str, action: &ScheduledAction) -> CallResult<()> {
        const ACTION: &str = "autoscaling:PutScheduledUpdateGroupAction";
        let call = self.clients.autoscaling.put_scheduled_update_group_action();
        let call = call
            .auto_scaling_group_name(group)
            .scheduled_action_name(&action.name)
            .set_recurrence(action.recurrence.clone())
            .set_time_zone(action.timezone.clone())
            .set_start_time(action.start.map(date_time))
            .set_end_time(action.end.map(date_time))
            .set_min_size(action.min.map(int))
            .set_max_size(action.max.map(int))
            .set_desired_capacity(action.desired.map(int));
        call.send().await.map_err(failed(ACTION, Some(group)))?;
        Ok(())
    }

    async fn delete_scheduled_action(&self, group: &str, name: &str) -> CallResult<()> {
        let call = self.clients.autoscaling.delete_scheduled_action();
        let call = call.auto_scaling_group_name(group).scheduled_action_name(name);
        call.send()
            .await
            .map_err(failed("autoscaling:DeleteScheduledAction", Some(group)))?;
        Ok(())
    }

    async fn describe_notifications(&self, group: &str) -> CallResult<Vec<NotificationConfiguration>> {
        const ACTION: &str = "autoscaling:DescribeNotificationConfigurations";
        let call = self.clients.autoscaling.describe_notification_configurations();
        let pages = call.auto_scaling_group_names(group).into_paginator();
        let rows = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        // AWS tells a row for each type that a topic is told of.
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows.map_err(failed(ACTION, Some(group)))? {
            let topic = field(row.topic_arn, ACTION, "topic of a notification")?;
            let kind = field(row.notification_type, ACTION, "type of a notification")?;
            told.entry(topic).or_default().push(kind);
        }
        let sorted = |(topic, mut types): (String, Vec<String>)| {
            types.sort();
            NotificationConfiguration { topic, types }
        };
        Ok(told.into_iter().map(sorted).collect())
    }

    async fn put_notifications(&self, group: &str, topic: &str, types: &[String]) -> CallResult<()> {
        let call = self.clients.autoscaling.put_notification_configuration();
        let call = call.auto_scaling_group_name(group).topic_arn(topic);
        let call = call.set_notification_types(Some(types.to_vec()));
        call.send()
            .await
            .map_err(failed("autoscaling:PutNotificationConfiguration", Some(group)))?;
        Ok(())
    }

    async fn delete_notifications(&self, group: &str, topic: &str) -> CallResult<()> {
        let call = self.clients.autoscaling.delete_notification_configuration();
        let call = call.auto_scaling_group_name(group).topic_arn(topic);
        call.send()
            .await
            .map_err(failed("autoscaling:DeleteNotificationConfiguration", Some(group)))?;
        Ok(())
    }

    async fn set_desired_capacity(&self, group: &str, desired: u32) -> CallResult<()> {
        let call = self.clients.autoscaling.set_desired_capacity();
        let call = call
            .auto_scaling_group_name(group)
            .desired_capacity(int(desired))
            .honor_cooldown(false);
        call.send()
            .await
            .map_err(failed("autoscaling:SetDesiredCapacity", Some(group)))?;
        Ok(())
    }

    async fn set_min_size(&self, group: &str, min: u32) -> CallResult<()> {
        let call = self.clients.autoscaling.update_auto_scaling_group();
        let call = call.auto_scaling_group_name(group).min_size(int(min));
        call.send()
            .await
            .map_err(failed("autoscaling:UpdateAutoScalingGroup", Some(group)))?;
        Ok(())
    }

    async fn suspend_processes(&self, group: &str, processes: &[String]) -> CallResult<()> {
        // No processes at all would mean every process to AWS.
        if processes.is_empty() {
            return Ok(());
        }
        let call = self.clients.autoscaling.suspend_processes();
        let call = call
            .auto_scaling_group_name(group)
            .set_scaling_processes(Some(processes.to_vec()));
        call.send()
            .await
            .map_err(failed("autoscaling:SuspendProcesses", Some(group)))?;
        Ok(())
    }

    async fn put_lifecycle_hook(&self, group: &str, hook: &LifecycleHook) -> CallResult<()> {
        let call = self.clients.autoscaling.put_lifecycle_hook();
        let call = call
            .auto_scaling_group_name(group)
            .lifecycle_hook_name(&hook.name)
            .lifecycle_transition(&hook.transition)
            .heartbeat_timeout(int(hook.heartbeat_s))
            .default_result(&hook.default_result);
        call.send()
            .await
            .map_err(failed("autoscaling:PutLifecycleHook", Some(group)))?;
        Ok(())
    }

    async fn resume_processes(&self, group: &str, processes: &[String]) -> CallResult<()> {
        // No processes at all would mean every process to AWS.
        if processes.is_empty() {
            return Ok(());
        }
        let call = self
            .clients
            .autoscaling
            .resume_processes()
            .auto_scaling_group_name(group);
        let call = call.set_scaling_processes(Some(processes.to_vec()));
        call.send()
            .await
            .map_err(failed("autoscaling:ResumeProcesses", Some(group)))?;
        Ok(())
    }

    async fn delete_group_tags(&self, group: &str, keys: &[String]) -> CallResult<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let tag = |key: &String| Tag::builder().resource_id(group).resource_type(TAGGED).key(key).build();
        let call = self
            .clients
            .autoscaling
            .delete_tags()
            .set_tags(Some(keys.iter().map(tag).collect()));
        call.send()
            .await
            .map_err(failed("autoscaling:DeleteTags", Some(group)))?;
        Ok(())
    }

    async fn delete_group(&self, name: &str) -> CallResult<()> {
        let call = self
            .clients
            .autoscaling
            .delete_auto_scaling_group()
            .auto_scaling_group_name(name);
        let call = call.force_delete(true);
        call.send()
            .await
            .map_err(failed("autoscaling:DeleteAutoScalingGroup", Some(name)))?;
        Ok(())
    }

    async fn terminate_instance(&self, instance_id: &InstanceId) -> CallResult<()> {
        const ACTION: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";
        let call = self
            .clients
            .autoscaling
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance_id.as_str());
        let call = call.should_decrement_desired_capacity(false);
        call.send().await.map_err(failed(ACTION, Some(instance_id.as_str())))?;
        Ok(())
    }
}

/// The launch template where it is sent alone: AWS takes it or a mixed instances policy, which names it then.
fn template(settings: &GroupSettings) -> Option<LaunchTemplateSpecification> {
    settings.mixed.is_none().then(|| template_of(settings))
}

fn template_of(settings: &GroupSettings) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id(&settings.template_id)
        .version(settings.template_version.to_string())
        .build()
}

fn mixed(settings: &GroupSettings) -> Option<MixedInstancesPolicy> {
    let policy = settings.mixed.as_ref()?;
    let of_type = |name: &String| LaunchTemplateOverrides::builder().instance_type(name).build();
    let template = LaunchTemplate::builder()
        .launch_template_specification(template_of(settings))
        .set_overrides(Some(policy.types.iter().map(of_type).collect()));
    let distribution = InstancesDistribution::builder()
        .on_demand_allocation_strategy(&policy.on_demand_strategy)
        .on_demand_base_capacity(int(policy.on_demand_base))
        .on_demand_percentage_above_base_capacity(int(policy.on_demand_percent))
        .spot_allocation_strategy(&policy.spot_strategy);
    Some(
        MixedInstancesPolicy::builder()
            .launch_template(template.build())
            .instances_distribution(distribution.build())
            .build(),
    )
}

/// What AWS says of a mixed instances policy, with its defaults where it says nothing.
///
/// Source: API reference, `InstancesDistribution`.
fn policy(policy: &MixedInstancesPolicy) -> MixedPolicy {
    let overrides = policy.launch_template.iter().filter_map(|it| it.overrides.as_deref());
    let distribution = policy.instances_distribution.as_ref();
    let strategy = |named: Option<&Option<String>>, default: &str| {
        let named = named.and_then(Clone::clone);
        named.unwrap_or_else(|| default.to_owned())
    };
    MixedPolicy {
        // Requirements of an instance, by which somebody has replaced its type, are no type of the stack's.
        types: overrides
            .flatten()
            .map(|it| it.instance_type.clone().unwrap_or_default())
            .collect(),
        on_demand_base: distribution.and_then(|it| it.on_demand_base_capacity).map_or(0, uint),
        on_demand_percent: distribution
            .and_then(|it| it.on_demand_percentage_above_base_capacity)
            .map_or(100, uint),
        on_demand_strategy: strategy(distribution.map(|it| &it.on_demand_allocation_strategy), "prioritized"),
        spot_strategy: strategy(distribution.map(|it| &it.spot_allocation_strategy), "lowest-price"),
    }
}

/// Never two instances at once: the new one could not get the volume, and the address would move too early.
fn terminate_first() -> InstanceMaintenancePolicy {
    InstanceMaintenancePolicy::builder()
        .min_healthy_percentage(0)
        .max_healthy_percentage(100)
        .build()
}

fn hook_specification(hook: &LifecycleHook) -> LifecycleHookSpecification {
    LifecycleHookSpecification::builder()
        .lifecycle_hook_name(&hook.name)
        .lifecycle_transition(&hook.transition)
        .heartbeat_timeout(int(hook.heartbeat_s))
        .default_result(&hook.default_result)
        .build()
}

fn group_tags(group: &str, tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        let tag = Tag::builder().resource_id(group).resource_type(TAGGED);
        // The launch template tags what it launches; a propagated tag would claim the group's role for the instance.
        tag.key(key).value(value).propagate_at_launch(false).build()
    };
    tags.iter().map(tag).collect()
}

fn group(group: types::AutoScalingGroup) -> Group {
    let mixed = group.mixed_instances_policy.as_ref().map(policy);
    let of_policy = group.mixed_instances_policy.and_then(|policy| policy.launch_template);
    let template = group
        .launch_template
        .or(of_policy.and_then(|template| template.launch_template_specification));
    let mut suspended: Vec<String> = group
        .suspended_processes
        .unwrap_or_default()
        .into_iter()
        .filter_map(|process| process.process_name)
        .collect();
    suspended.sort();
    let subnets = group.vpc_zone_identifier.unwrap_or_default();
    let tags = group.tags.unwrap_or_default();
    Group {
        name: group.auto_scaling_group_name.unwrap_or_default(),
        min: group.min_size.map_or(0, uint),
        max: group.max_size.map_or(0, uint),
        desired: group.desired_capacity.map_or(0, uint),
        subnets: subnets
            .split(',')
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(Into::into)
            .collect(),
        template_id: template
            .as_ref()
            .and_then(|template| template.launch_template_id.as_deref().map(Into::into)),
        template_version: template.and_then(|template| template.version),
        mixed,
        health_check_type: group.health_check_type.unwrap_or_default(),
        health_check_grace_s: group.health_check_grace_period.map_or(0, uint),
        suspended,
        // `Status` is there only while the group is being deleted.
        deleting: group.status.is_some_and(|status| !status.is_empty()),
        instances: group.instances.unwrap_or_default().into_iter().map(instance).collect(),
        tags: tags
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
    }
}

fn instance(instance: types::Instance) -> GroupInstance {
    GroupInstance {
        id: instance.instance_id.unwrap_or_default().into(),
        lifecycle: instance
            .lifecycle_state
            .as_ref()
            .map_or("", |state| state.as_str())
            .into(),
        health: instance.health_status.unwrap_or_default().into(),
        template_version: instance.launch_template.and_then(|template| template.version),
        instance_type: text(instance.instance_type.as_deref()),
    }
}

fn hook(hook: types::LifecycleHook) -> LifecycleHook {
    LifecycleHook {
        name: hook.lifecycle_hook_name.unwrap_or_default(),
        transition: hook.lifecycle_transition.unwrap_or_default(),
        heartbeat_s: hook.heartbeat_timeout.map_or(0, uint),
        default_result: hook.default_result.unwrap_or_default(),
    }
}

fn scheduled_action(action: types::ScheduledUpdateGroupAction) -> ScheduledAction {
    ScheduledAction {
        name: action.scheduled_action_name.unwrap_or_default(),
        recurrence: text(action.recurrence.as_deref()),
        timezone: text(action.time_zone.as_deref()),
        start: time(action.start_time.as_ref()),
        end: time(action.end_time.as_ref()),
        min: action.min_size.map(uint),
        max: action.max_size.map(uint),
        desired: action.desired_capacity.map(uint),
    }
}

fn activity(activity: types::Activity) -> CallResult<Activity> {
    const ACTION: &str = "autoscaling:DescribeScalingActivities";
    let started_at: Timestamp = field(time(activity.start_time.as_ref()), ACTION, "start time")?;
    Ok(Activity {
        id: activity.activity_id.unwrap_or_default(),
        description: activity.description.unwrap_or_default(),
        cause: activity.cause.unwrap_or_default(),
        status: activity
            .status_code
            .as_ref()
            .map_or("", |status| status.as_str())
            .into(),
        status_message: text(activity.status_message.as_deref()),
        started_at,
        ended_at: time(activity.end_time.as_ref()),
    })
}
