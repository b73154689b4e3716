//! SNS topics.

use selfheal_core::names::Tags;
use serde::{Deserialize, Serialize};

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TopicRecord {
    /// Its tags.
    pub tags: Tags,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its subscriptions, in the order in which they were made.
    pub subscriptions: Vec<SubscriptionRecord>,
    /// What was published to it, the oldest first.
    pub messages: Vec<MessageRecord>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionRecord {
    /// Its ARN, which listings tell once it is confirmed.
    pub arn: String,
    /// `email`, `https` or another protocol.
    pub protocol: String,
    /// Whom it tells.
    pub endpoint: String,
    /// Whether it is confirmed: nothing is delivered before.
    pub confirmed: bool,
    /// How often its endpoint was asked to confirm it.
    pub asked: u32,
    /// When it was asked last, in logical milliseconds.
    pub asked_ms: u64,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageRecord {
    /// When it was published, in logical milliseconds.
    pub at_ms: u64,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Endpoints that got it.
    pub delivered: Vec<String>,
}
