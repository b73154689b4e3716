//! Notification configurations: what a group tells to topics.

use selfheal_core::world::{ActivityStatus, NotificationConfiguration};

use super::super::call::fail;
use super::super::state::ActivityRecord;
use super::super::world::World;
use crate::backend::CallResult;

/// Topics that one group tells.
///
/// Source: Amazon EC2 Auto Scaling API reference, `PutNotificationConfiguration`.
const TOPICS_MAX: usize = 10;
/// The types of notifications.
const TYPES: [&str; 4] = [
    "autoscaling:EC2_INSTANCE_LAUNCH",
    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE",
    "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
];

impl World {
    /// `DescribeNotificationConfigurations`, a row for each topic; nothing of a group that does not exist.
    pub(super) fn describe_notifications(&self, group: &str) -> Vec<NotificationConfiguration> {
        let seen = self.groups.get(group).filter(|record| self.sees(record.visible_ms));
        let told = seen.into_iter().flat_map(|record| &record.notifications);
        told.map(|(topic, types)| NotificationConfiguration {
            topic: topic.clone(),
            types: types.clone(),
        })
        .collect()
    }

    /// `PutNotificationConfiguration`. It sends a message to try whether it can.
    pub(super) fn put_notification(&mut self, group: &str, topic: &str, types: &[String]) -> CallResult<()> {
        const ACTION: &str = "autoscaling:PutNotificationConfiguration";
        if types.is_empty() || types.iter().any(|kind| !TYPES.contains(&kind.as_str())) {
            return fail(ACTION, "ValidationError", "Invalid Notification Type");
        }
        let record = self.live_group_mut(ACTION, group)?;
        if record.notifications.len() == TOPICS_MAX && !record.notifications.contains_key(topic) {
            return fail(
                ACTION,
                "LimitExceeded",
                "You have reached the limit of notification configurations",
            );
        }
        let message = format!("Event: autoscaling:TEST_NOTIFICATION\nGroup: {group}");
        if self
            .publish(topic, "Auto Scaling: test notification", &message)
            .is_err()
        {
            let message = "Unable to publish test message to notification target";
            return fail(ACTION, "ValidationError", format!("{message} {topic}"));
        }
        let mut types = types.to_vec();
        types.sort();
        let record = self.live_group_mut(ACTION, group)?;
        record.notifications.insert(topic.to_owned(), types);
        Ok(())
    }

    /// `DeleteNotificationConfiguration`.
    pub(super) fn delete_notification(&mut self, group: &str, topic: &str) -> CallResult<()> {
        const ACTION: &str = "autoscaling:DeleteNotificationConfiguration";
        let record = self.live_group_mut(ACTION, group)?;
        match record.notifications.remove(topic) {
            Some(_) => Ok(()),
            None => fail(ACTION, "ValidationError", "Notification configuration not found"),
        }
    }

    /// Tells those topics of an activity that has ended which are to hear of such. What cannot be told is lost.
    pub(super) fn tell_activity(&mut self, activity: &ActivityRecord) {
        let launch = activity.description.starts_with("Launching");
        let kind = match (launch, activity.status == ActivityStatus::Successful) {
            (true, true) => TYPES[0],
            (true, false) => TYPES[1],
            (false, true) => TYPES[2],
            (false, false) => TYPES[3],
        };
        let record = self.groups.get(&activity.group);
        let told = record.into_iter().flat_map(|record| &record.notifications);
        let topics: Vec<String> = told
            .filter(|(_, types)| types.iter().any(|wanted| wanted == kind))
            .map(|(topic, _)| topic.clone())
            .collect();
        if kind == TYPES[2] && !topics.is_empty() {
            self.judge_end_told(&activity.group, &activity.cause);
        }
        let text = format!("Event: {kind}\nGroup: {}\nCause: {}", activity.group, activity.cause);
        for topic in topics {
            // Delivery is best effort.
            drop(self.publish(&topic, &format!("Auto Scaling: {kind}"), &text));
        }
    }
}
