//! CloudWatch Logs.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use jiff::Timestamp;
use selfheal_core::names::Tags;

use super::Sdk;
use super::convert::{field, int, uint};
use super::error::failed;
use crate::backend::{CallResult, LogEvent, LogPage, LogQuery, Logs};
use crate::error::CallErrorKind;

#[async_trait]
impl Logs for Sdk {
    async fn describe_log_group(&self, name: &str) -> CallResult<Option<(String, Option<u32>)>> {
        const ACTION: &str = "logs:DescribeLogGroups";
        let call = self.clients.logs.describe_log_groups().log_group_name_prefix(name);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(ACTION, Some(name)))?;
            for group in page.log_groups.unwrap_or_default() {
                if group.log_group_name.as_deref() != Some(name) {
                    continue;
                }
                // One form of the ARN ends in `:*`; the calls about tags take the other.
                let arn = group.log_group_arn.or(group.arn);
                let arn = field(arn, ACTION, "ARN of the log group")?;
                let arn = arn.strip_suffix(":*").unwrap_or(&arn).to_owned();
                return Ok(Some((arn, group.retention_in_days.map(uint))));
            }
        }
        Ok(None)
    }

    async fn list_log_group_tags(&self, arn: &str) -> CallResult<Tags> {
        let call = self.clients.logs.list_tags_for_resource().resource_arn(arn);
        let output = call.send().await;
        let output = output.map_err(failed("logs:ListTagsForResource", Some(arn)))?;
        Ok(output.tags.unwrap_or_default().into_iter().collect())
    }

    async fn create_log_group(&self, name: &str, tags: &Tags) -> CallResult<()> {
        let tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let call = self.clients.logs.create_log_group().log_group_name(name);
        let call = call.set_tags(Some(tags));
        call.send().await.map_err(failed("logs:CreateLogGroup", Some(name)))?;
        Ok(())
    }

    async fn put_retention_policy(&self, name: &str, days: u32) -> CallResult<()> {
        let call = self.clients.logs.put_retention_policy().log_group_name(name);
        let call = call.retention_in_days(int(days));
        call.send()
            .await
            .map_err(failed("logs:PutRetentionPolicy", Some(name)))?;
        Ok(())
    }

    async fn delete_log_group(&self, name: &str) -> CallResult<()> {
        let call = self.clients.logs.delete_log_group().log_group_name(name);
        call.send().await.map_err(failed("logs:DeleteLogGroup", Some(name)))?;
        Ok(())
    }

    async fn filter_log_events(&self, query: &LogQuery) -> CallResult<Option<LogPage>> {
        const ACTION: &str = "logs:FilterLogEvents";
        let mut call = self.clients.logs.filter_log_events().log_group_name(&query.group);
        if let Some(stream) = &query.stream {
            call = call.log_stream_names(stream);
        }
        // From the tail AWS takes no beginning before 2024, and none is needed from the head.
        let output = call
            .start_time(query.from.as_millisecond())
            .start_from_head(!query.newest_first)
            .set_next_token(query.page.clone())
            .send()
            .await;
        let output = match output.map_err(failed(ACTION, Some(&query.group))) {
            Ok(output) => output,
            Err(error) if error.kind() == CallErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let event = |event: FilteredLogEvent| {
            let at = field(event.timestamp, ACTION, "time of an event")?;
            Ok(LogEvent {
                id: field(event.event_id, ACTION, "id of an event")?,
                stream: field(event.log_stream_name, ACTION, "stream of an event")?,
                at: field(
                    Timestamp::from_millisecond(at).ok(),
                    ACTION,
                    "time of an event that can be told",
                )?,
                message: event.message.unwrap_or_default(),
            })
        };
        let events: CallResult<Vec<LogEvent>> = output.events.unwrap_or_default().into_iter().map(event).collect();
        Ok(Some(LogPage {
            events: events?,
            next: output.next_token.filter(|token| !token.is_empty()),
        }))
    }
}
