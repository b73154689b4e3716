//! CloudWatch Logs: log groups, which keep their events for ever until a retention is set.

use std::collections::BTreeMap;

use async_trait::async_trait;
use selfheal_core::names::Tags;

use super::call::{Call, fail};
use super::runtime::Sim;
use super::state::LogGroupRecord;
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, LogPage, LogQuery, Logs};

/// The retentions that CloudWatch Logs knows, in days.
///
/// Source: Amazon CloudWatch Logs API reference, `PutRetentionPolicy`.
const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// What behind the ARN's account names a log group.
const OF_ARN: &str = ":log-group:";

impl World {
    /// A log group that callers can see.
    pub(super) fn log_group(&mut self, action: &'static str, name: &str) -> CallResult<&mut LogGroupRecord> {
        let now_ms = self.now_ms;
        match self
            .log_groups
            .get_mut(name)
            .filter(|record| record.visible_ms <= now_ms)
        {
            Some(record) => Ok(record),
            None => fail(
                action,
                "ResourceNotFoundException",
                "The specified log group does not exist.",
            ),
        }
    }

    fn create_log_group(&mut self, name: &str, tags: &Tags) -> CallResult<()> {
        const ACTION: &str = "logs:CreateLogGroup";
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
        if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
            let message =
                format!("1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint");
            return fail(ACTION, "InvalidParameterException", message);
        }
        // The name is taken before any listing shows it.
        if self.log_groups.contains_key(name) {
            let message = "The specified log group already exists";
            return fail(ACTION, "ResourceAlreadyExistsException", message);
        }
        let record = LogGroupRecord {
            retention_days: None,
            tags: tags.clone(),
            visible_ms: self.visible_from(),
            streams: BTreeMap::new(),
        };
        self.log_groups.insert(name.to_owned(), record);
        Ok(())
    }

    fn put_retention_policy(&mut self, name: &str, days: u32) -> CallResult<()> {
        const ACTION: &str = "logs:PutRetentionPolicy";
        if !RETENTIONS.contains(&days) {
            let message = format!(
                "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint"
            );
            return fail(ACTION, "InvalidParameterException", message);
        }
        self.log_group(ACTION, name)?.retention_days = Some(days);
        Ok(())
    }

    fn delete_log_group(&mut self, name: &str) -> CallResult<()> {
        self.log_group("logs:DeleteLogGroup", name)?;
        self.log_groups.remove(name);
        Ok(())
    }
}

fn on_group(call: Call, name: &str) -> Call {
    call.about(name).on(Target::LogGroup(name.to_owned()))
}

#[async_trait]
impl Logs for Sim {
    async fn describe_log_group(&self, name: &str) -> CallResult<Option<(String, Option<u32>)>> {
        const ACTION: &str = "logs:DescribeLogGroups";
        let (call, name) = (Call::read(ACTION).about(name), name.to_owned());
        self.call(call, move |world| {
            let arn = world.arn("logs", &format!("log-group:{name}"));
            let found = world.log_group(ACTION, &name).ok();
            Ok(found.map(|record| (arn, record.retention_days)))
        })
        .await
    }

    async fn list_log_group_tags(&self, arn: &str) -> CallResult<Tags> {
        const ACTION: &str = "logs:ListTagsForResource";
        let name = arn
            .split_once(OF_ARN)
            .map(|(_, name)| name)
            .unwrap_or_default()
            .to_owned();
        let call = Call::read(ACTION).about(&name).on(Target::LogGroupTags(name.clone()));
        self.call(call, move |world| Ok(world.log_group(ACTION, &name)?.tags.clone()))
            .await
    }

    async fn create_log_group(&self, name: &str, tags: &Tags) -> CallResult<()> {
        let call = on_group(Call::change("logs:CreateLogGroup"), name).tagging(tags);
        let (name, tags) = (name.to_owned(), tags.clone());
        self.call(call, move |world| world.create_log_group(&name, &tags)).await
    }

    async fn put_retention_policy(&self, name: &str, days: u32) -> CallResult<()> {
        let (call, name) = (on_group(Call::change("logs:PutRetentionPolicy"), name), name.to_owned());
        self.call(call, move |world| world.put_retention_policy(&name, days))
            .await
    }

    async fn delete_log_group(&self, name: &str) -> CallResult<()> {
        let (call, name) = (on_group(Call::change("logs:DeleteLogGroup"), name), name.to_owned());
        self.call(call, move |world| world.delete_log_group(&name)).await
    }

    async fn filter_log_events(&self, query: &LogQuery) -> CallResult<Option<LogPage>> {
        let (call, query) = (
            on_group(Call::read("logs:FilterLogEvents"), &query.group),
            query.clone(),
        );
        self.call(call, move |world| world.filter_log_events(&query)).await
    }
}
