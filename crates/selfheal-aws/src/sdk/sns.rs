//! Simple Notification Service.

use async_trait::async_trait;
use aws_sdk_sns::types::{self, Tag};
use selfheal_core::names::Tags;
use selfheal_core::world::Subscription;

use super::Sdk;
use super::convert::field;
use super::error::failed;
use crate::backend::{CallResult, Sns};
use crate::error::{CallError, CallErrorKind};

/// What stands in the place of a subscription's ARN until somebody confirms it.
const PENDING: &str = "PendingConfirmation";
/// What stands there for a while after it was ended.
const DELETED: &str = "Deleted";

#[async_trait]
impl Sns for Sdk {
    async fn list_topic_tags(&self, arn: &str) -> CallResult<Tags> {
        let call = self.clients.sns.list_tags_for_resource().resource_arn(arn);
        let output = call.send().await;
        let output = output.map_err(failed("sns:ListTagsForResource", Some(arn)))?;
        let tags = output.tags.unwrap_or_default().into_iter();
        Ok(tags.map(|tag| (tag.key, tag.value)).collect())
    }

    async fn list_subscriptions(&self, topic: &str) -> CallResult<Vec<Subscription>> {
        const ACTION: &str = "sns:ListSubscriptionsByTopic";
        let call = self.clients.sns.list_subscriptions_by_topic().topic_arn(topic);
        let mut pages = call.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(ACTION, Some(topic)))?;
            for listed in page.subscriptions.unwrap_or_default() {
                found.extend(subscription(listed, ACTION)?);
            }
        }
        Ok(found)
    }

    async fn create_topic(&self, name: &str, tags: &Tags) -> CallResult<()> {
        const ACTION: &str = "sns:CreateTopic";
        let mut call = self.clients.sns.create_topic().name(name);
        for (key, value) in tags {
            let tag = Tag::builder().key(key).value(value).build();
            call = call.tags(tag.map_err(|error| CallError::new(CallErrorKind::Invalid, ACTION, error.to_string()))?);
        }
        call.send().await.map_err(failed(ACTION, Some(name)))?;
        Ok(())
    }

    async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str) -> CallResult<()> {
        let call = self.clients.sns.subscribe().topic_arn(topic).protocol(protocol);
        // Without it AWS answers an endpoint that is asked to confirm as if it were none.
        let call = call.endpoint(endpoint).return_subscription_arn(true);
        call.send().await.map_err(failed("sns:Subscribe", Some(topic)))?;
        Ok(())
    }

    async fn unsubscribe(&self, subscription: &str) -> CallResult<()> {
        let call = self.clients.sns.unsubscribe().subscription_arn(subscription);
        call.send()
            .await
            .map_err(failed("sns:Unsubscribe", Some(subscription)))?;
        Ok(())
    }

    async fn delete_topic(&self, arn: &str) -> CallResult<()> {
        let call = self.clients.sns.delete_topic().topic_arn(arn);
        call.send().await.map_err(failed("sns:DeleteTopic", Some(arn)))?;
        Ok(())
    }

    async fn publish(&self, topic: &str, subject: &str, text: &str) -> CallResult<()> {
        let call = self.clients.sns.publish().topic_arn(topic);
        let call = call.subject(subject).message(text);
        call.send().await.map_err(failed("sns:Publish", Some(topic)))?;
        Ok(())
    }
}

/// A subscription as it is listed; `None` of one that was ended.
fn subscription(listed: types::Subscription, action: &'static str) -> CallResult<Option<Subscription>> {
    let arn = field(listed.subscription_arn, action, "ARN of a subscription")?;
    if arn == DELETED {
        return Ok(None);
    }
    Ok(Some(Subscription {
        protocol: field(listed.protocol, action, "protocol of a subscription")?,
        endpoint: field(listed.endpoint, action, "endpoint of a subscription")?,
        arn: (arn != PENDING).then_some(arn),
    }))
}
