//! Notification configurations of the group: which of its doings Auto Scaling tells to which topic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Observed};

/// What Auto Scaling tells to one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationConfiguration {
    /// The topic, by its ARN.
    pub topic: String,
    /// The types of notifications, sorted, such as `autoscaling:EC2_INSTANCE_LAUNCH_ERROR`.
    pub types: Vec<String>,
}

/// One mutating call about a notification configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum NotificationCall {
    /// `autoscaling:PutNotificationConfiguration`: says of what the topic is told, in the place of what was said before.
    PutNotificationConfiguration {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
        /// The types, sorted.
        types: Vec<String>,
    },
    /// `autoscaling:DeleteNotificationConfiguration`: the topic is told of nothing more.
    DeleteNotificationConfiguration {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
    },
}

pub(super) fn record(observed: &mut Observed, call: &NotificationCall, answer: Answer) {
    // An answer that does not fit changes nothing.
    if answer != Answer::Done {
        return;
    }
    match call {
        NotificationCall::PutNotificationConfiguration { topic, types, .. } => {
            observed.notifications.retain(|have| have.topic != *topic);
            observed.notifications.push(NotificationConfiguration {
                topic: topic.clone(),
                types: types.clone(),
            });
        }
        NotificationCall::DeleteNotificationConfiguration { topic, .. } => {
            observed.notifications.retain(|have| have.topic != *topic);
        }
    }
}
