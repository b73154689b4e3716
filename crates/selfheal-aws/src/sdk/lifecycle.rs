//! Data Lifecycle Manager.

use async_trait::async_trait;
use aws_sdk_dlm::types::{
    CreateRule, IntervalUnitValues, PolicyDetails, PolicyTypeValues, ResourceTypeValues, RetainRule,
    RetentionIntervalUnitValues, Schedule, SettablePolicyStateValues, Tag,
};
use selfheal_core::names::Tags;
use selfheal_core::world::{LifecyclePolicy, LifecycleSettings};

use super::Sdk;
use super::convert::{field, int, text, time, uint};
use super::error::failed;
use crate::backend::{CallResult, Lifecycle};
use crate::error::CallErrorKind;

/// What people read of the one schedule of a policy.
const SCHEDULE: &str = "selfheal";

#[async_trait]
impl Lifecycle for Sdk {
    async fn find_lifecycle_policies(&self, key: &str, value: &str) -> CallResult<Vec<String>> {
        const ACTION: &str = "dlm:GetLifecyclePolicies";
        let tag = format!("{key}={value}");
        let call = self.clients.dlm.get_lifecycle_policies().target_tags(&tag);
        let output = call.send().await.map_err(failed(ACTION, Some(&tag)))?;
        let policies = output.policies.unwrap_or_default().into_iter();
        policies
            .map(|policy| field(policy.policy_id, ACTION, "id of a lifecycle policy"))
            .collect()
    }

    async fn get_lifecycle_policy(&self, id: &str) -> CallResult<Option<LifecyclePolicy>> {
        const ACTION: &str = "dlm:GetLifecyclePolicy";
        let call = self.clients.dlm.get_lifecycle_policy().policy_id(id);
        let policy = match call.send().await.map_err(failed(ACTION, Some(id))) {
            Ok(output) => field(output.policy, ACTION, "lifecycle policy")?,
            Err(error) if error.kind() == CallErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let state = field(policy.state, ACTION, "state of the lifecycle policy")?;
        let role_arn = policy.execution_role_arn.unwrap_or_default();
        Ok(Some(LifecyclePolicy {
            id: field(policy.policy_id, ACTION, "id of the lifecycle policy")?,
            message: text(policy.status_message.as_deref()).filter(|message| message != state.as_str()),
            state: state.as_str().to_owned(),
            created_at: time(policy.date_created.as_ref()),
            settings: settings(role_arn, policy.policy_details),
            tags: policy.tags.unwrap_or_default().into_iter().collect(),
        }))
    }

    async fn create_lifecycle_policy(
        &self,
        description: &str,
        settings: &LifecycleSettings,
        tags: &Tags,
    ) -> CallResult<String> {
        const ACTION: &str = "dlm:CreateLifecyclePolicy";
        let tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let call = self.clients.dlm.create_lifecycle_policy().description(description);
        let call = call
            .state(SettablePolicyStateValues::Enabled)
            .execution_role_arn(&settings.role_arn)
            .policy_details(details(settings))
            .set_tags(Some(tags));
        let output = call.send().await.map_err(failed(ACTION, None))?;
        field(output.policy_id, ACTION, "id of the lifecycle policy")
    }

    async fn update_lifecycle_policy(&self, id: &str, settings: &LifecycleSettings) -> CallResult<()> {
        let call = self.clients.dlm.update_lifecycle_policy().policy_id(id);
        let call = call
            .state(SettablePolicyStateValues::Enabled)
            .execution_role_arn(&settings.role_arn)
            .policy_details(details(settings));
        call.send()
            .await
            .map_err(failed("dlm:UpdateLifecyclePolicy", Some(id)))?;
        Ok(())
    }

    async fn delete_lifecycle_policy(&self, id: &str) -> CallResult<()> {
        let call = self.clients.dlm.delete_lifecycle_policy().policy_id(id);
        call.send()
            .await
            .map_err(failed("dlm:DeleteLifecyclePolicy", Some(id)))?;
        Ok(())
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn details(settings: &LifecycleSettings) -> PolicyDetails {
    let tags = settings.snapshot_tags.iter().map(|(key, value)| tag(key, value));
    let create = CreateRule::builder()
        .interval(int(settings.every_h))
        .interval_unit(IntervalUnitValues::Hours)
        .times(&settings.at)
        .build();
    let retain = RetainRule::builder()
        .interval(int(settings.keep_days))
        .interval_unit(RetentionIntervalUnitValues::Days)
        .build();
    let schedule = Schedule::builder()
        .name(SCHEDULE)
        .copy_tags(false)
        .set_tags_to_add(Some(tags.collect()))
        .create_rule(create)
        .retain_rule(retain)
        .build();
    let (key, value) = &settings.target;
    PolicyDetails::builder()
        .policy_type(PolicyTypeValues::EbsSnapshotManagement)
        .resource_types(ResourceTypeValues::Volume)
        .target_tags(tag(key, value))
        .schedules(schedule)
        .build()
}

/// What a policy does, as far as it is of the kind that this tool makes; what somebody has made otherwise reads as nought.
fn settings(role_arn: String, details: Option<PolicyDetails>) -> LifecycleSettings {
    let pair = |tag: Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let (targets, schedules) = details.map_or_else(Default::default, |details| {
        (
            details.target_tags.unwrap_or_default(),
            details.schedules.unwrap_or_default(),
        )
    });
    let schedule = schedules.into_iter().next();
    let create = schedule.as_ref().and_then(|schedule| schedule.create_rule.as_ref());
    let retain = schedule.as_ref().and_then(|schedule| schedule.retain_rule.as_ref());
    let in_days = |rule: &&RetainRule| rule.interval_unit == Some(RetentionIntervalUnitValues::Days);
    LifecycleSettings {
        role_arn,
        target: targets.into_iter().next().map(pair).unwrap_or_default(),
        every_h: create.and_then(|rule| rule.interval).map_or(0, uint),
        at: create
            .and_then(|rule| rule.times.clone()?.into_iter().next())
            .unwrap_or_default(),
        keep_days: retain.filter(in_days).and_then(|rule| rule.interval).map_or(0, uint),
        snapshot_tags: schedule
            .and_then(|schedule| schedule.tags_to_add)
            .unwrap_or_default()
            .into_iter()
            .map(pair)
            .collect(),
    }
}
