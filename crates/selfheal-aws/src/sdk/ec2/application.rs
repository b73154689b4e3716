//! Application status checks.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AggregationStatusEnum, ApplicationStatusCheckResponseObject, CustomTagKeyValueRequestPair, IpScopeEnum,
    IpVersionEnum, NetworkProtocolEnum, UnsuccessfulAssociationResponseObject,
};
use selfheal_core::names::TAG_STACK;
use selfheal_core::world::{
    ApplicationCheck, ApplicationCheckSettings, ApplicationStatus, CreateApplicationStatusCheck, InstanceId,
};

use super::super::Sdk;
use super::super::convert::{field, int, uint};
use super::super::error::{absent, failed};
use super::{read, write};
use crate::backend::{ApplicationChecks, CallResult};
use crate::error::{CallError, CallErrorKind};

/// Pages that a listing is read for; the SDK has no paginators for these calls.
///
/// An account has 50 checks by default, and a stack's instances are few: one page each. A listing that does not end is an
/// error, so that no run goes on for ever.
const PAGES_MAX: usize = 100;

/// Fills what a check asks into a request that creates or modifies one.
macro_rules! with_settings {
    ($call:expr, $settings:expr) => {
        $call
            .aggregation(AggregationStatusEnum::from($settings.aggregation.as_str()))
            .protocol(NetworkProtocolEnum::from($settings.protocol.as_str()))
            .port(i32::from($settings.port))
            .path(&$settings.path)
            .device_index(int($settings.device_index))
            .ip_version(IpVersionEnum::from($settings.ip_version.as_str()))
            .ip_scope(IpScopeEnum::from($settings.ip_scope.as_str()))
            .interval(int($settings.interval_s))
            .timeout(int($settings.timeout_s))
            .failure_threshold(int($settings.failure_threshold))
            .success_threshold(int($settings.success_threshold))
            .status_code_matcher(&$settings.status_codes)
            .initialization_grace_period_seconds(int($settings.initial_grace_s))
    };
}

#[async_trait]
impl ApplicationChecks for Sdk {
    async fn describe_application_status_checks(&self, stacks: &[&str]) -> CallResult<Vec<ApplicationCheck>> {
        const ACTION: &str = "ec2:DescribeApplicationStatusChecks";
        let mut checks = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let call = self.clients.ec2.describe_application_status_checks();
            let call = call.include_all(true).set_next_token(token);
            let output = call.send().await.map_err(failed(ACTION, None))?;
            for found in output.application_status_checks.unwrap_or_default() {
                checks.push(check(found, ACTION)?);
            }
            token = output.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                // The call has no filter for tags.
                checks.retain(|check| {
                    check
                        .tags
                        .get(TAG_STACK)
                        .is_some_and(|stack| stacks.contains(&stack.as_str()))
                });
                return Ok(checks);
            }
        }
        endless(ACTION)
    }

    async fn describe_application_status(
        &self,
        instances: &[InstanceId],
    ) -> CallResult<Vec<(InstanceId, ApplicationStatus)>> {
        const ACTION: &str = "ec2:DescribeApplicationStatus";
        let mut found = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let call = self.clients.ec2.describe_application_status();
            let call = call
                .set_instance_ids(Some(instances.iter().map(String::from).collect()))
                .set_next_token(token);
            // An instance that went meanwhile makes the whole call fail; what is left of it is asked for next time.
            let Some(output) = absent(call.send().await.map_err(failed(ACTION, None)))? else {
                return Ok(found);
            };
            let statuses = output.application_statuses.and_then(|statuses| statuses.instances);
            found.extend(statuses.unwrap_or_default().into_iter().filter_map(|instance| {
                let status = instance.application_status?.status?;
                Some((instance.instance_id?.into(), ApplicationStatus::from(status.as_str())))
            }));
            token = output.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        endless(ACTION)
    }

    async fn create_application_status_check(
        &self,
        input: &CreateApplicationStatusCheck,
    ) -> CallResult<ApplicationCheck> {
        const ACTION: &str = "ec2:CreateApplicationStatusCheck";
        let call = with_settings!(self.clients.ec2.create_application_status_check(), input.settings)
            .set_tag_specifications(write::tagged("application-status-check", &input.tags))
            .client_token(&input.client_token);
        let output = call.send().await.map_err(failed(ACTION, None))?;
        check(field(output.application_status_check, ACTION, "check")?, ACTION)
    }

    async fn associate_application_status_check(&self, id: &str, key: &str, value: &str) -> CallResult<()> {
        const ACTION: &str = "ec2:AssociateApplicationStatusCheck";
        let tag = CustomTagKeyValueRequestPair::builder().key(key).value(value).build();
        // Without a token of ours the SDK draws one: what was associated, and taken away by hand, is associated anew.
        let call = self.clients.ec2.associate_application_status_check();
        let call = call.application_status_check_id(id).target_tag_associations(tag);
        let output = call.send().await.map_err(failed(ACTION, Some(id)))?;
        let refused = output.unsuccessful_results.unwrap_or_default();
        refused.into_iter().try_for_each(|refused| refusal(ACTION, id, refused))
    }

    async fn modify_application_status_check(&self, id: &str, settings: &ApplicationCheckSettings) -> CallResult<()> {
        // Without a token of ours, for the same reason: from A to B to A are two changes.
        let call = self.clients.ec2.modify_application_status_check();
        let call = with_settings!(call.application_status_check_id(id), settings);
        call.send()
            .await
            .map_err(failed("ec2:ModifyApplicationStatusCheck", Some(id)))?;
        Ok(())
    }

    async fn delete_application_status_check(&self, id: &str) -> CallResult<()> {
        let call = self.clients.ec2.delete_application_status_check();
        let call = call.application_status_check_id(id);
        call.send()
            .await
            .map_err(failed("ec2:DeleteApplicationStatusCheck", Some(id)))?;
        Ok(())
    }
}

fn check(check: ApplicationStatusCheckResponseObject, action: &'static str) -> CallResult<ApplicationCheck> {
    let targets = check.target_tag_associations.unwrap_or_default();
    Ok(ApplicationCheck {
        id: field(check.application_status_check_id, action, "id of the check")?,
        settings: ApplicationCheckSettings {
            aggregation: spelled(check.aggregation.as_ref().map(AggregationStatusEnum::as_str)),
            protocol: spelled(check.protocol.as_ref().map(NetworkProtocolEnum::as_str)),
            port: check.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
            path: spelled(check.path.as_deref()),
            device_index: check.device_index.map_or(0, uint),
            ip_version: spelled(check.ip_version.as_ref().map(IpVersionEnum::as_str)),
            ip_scope: spelled(check.ip_scope.as_ref().map(IpScopeEnum::as_str)),
            interval_s: check.interval.map_or(0, uint),
            timeout_s: check.timeout.map_or(0, uint),
            failure_threshold: check.failure_threshold.map_or(0, uint),
            success_threshold: check.success_threshold.map_or(0, uint),
            status_codes: spelled(check.status_code_matcher.as_deref()),
            initial_grace_s: check.initialization_grace_period_seconds.map_or(0, uint),
        },
        targets: targets
            .into_iter()
            .filter_map(|target| Some((target.key?, target.value.unwrap_or_default())))
            .collect(),
        deleted: check.deletion_time.is_some(),
        tags: read::tags(check.tags),
    })
}

fn spelled(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// An association that AWS did not make, told in an answer that is a success. It names no code.
fn refusal(action: &'static str, id: &str, refused: UnsuccessfulAssociationResponseObject) -> CallResult<()> {
    let reason = refused.reason.unwrap_or_else(|| "no reason given".to_owned());
    let words = reason.to_ascii_lowercase();
    // What is asked for is so.
    if words.contains("already") {
        return Ok(());
    }
    let missing = words.contains("not found") || words.contains("does not exist");
    let kind = if missing {
        CallErrorKind::NotFound
    } else {
        CallErrorKind::Other
    };
    Err(CallError::new(kind, action, reason).about(id))
}

fn endless<T>(action: &'static str) -> CallResult<T> {
    let message = format!("the listing has more than {PAGES_MAX} pages");
    Err(CallError::new(CallErrorKind::Other, action, message))
}
