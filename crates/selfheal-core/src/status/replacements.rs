//! What was replaced, as the group's own activities tell it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::display::age;
use crate::world::{Activity, ActivityStatus};

/// How many of a group's activities one call tells, which are read for a status. AWS keeps those of six weeks.
///
/// Source: API reference of `DescribeScalingActivities`.
pub const ACTIVITIES_MAX: u32 = 100;

/// What AWS says of a first start and of a wake, and of nothing else: neither takes another instance's place.
const STARTED: &str = "changing the desired capacity from 0";

/// Instances that have taken another one's place, among the group's last hundred activities, of which AWS keeps those of six weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ReplacementsStatus {
    /// How many have come into service.
    pub count: u32,
    /// Whether there may have been more: AWS tells no more than a hundred activities at once.
    pub at_least: bool,
    /// When the last one came into service, RFC 3339.
    pub last_at: Timestamp,
    /// Seconds of the last one, from the group's decision to end the instance before it until it was in service itself; `null` where AWS
    /// no longer tells of the decision.
    pub last_seconds: Option<u32>,
    /// Why the instance before it was ended, in AWS's words; `null` where AWS no longer tells.
    pub last_reason: Option<String>,
}

impl ReplacementsStatus {
    /// Counts them in activities, the newest first; `None` where there is none.
    pub(super) fn of(activities: &[Activity]) -> Option<Self> {
        let replaces = |activity: &&Activity| {
            let launches = activity.description.starts_with("Launching") && !activity.cause.contains(STARTED);
            launches && activity.status == ActivityStatus::Successful && activity.ended_at.is_some()
        };
        let last = activities.iter().find(replaces)?;
        let last_at = last.ended_at?;
        let ended = activities
            .iter()
            .filter(|activity| activity.description.starts_with("Terminating"))
            .find(|activity| activity.started_at <= last.started_at);
        let seconds = |ended: &Activity| u32::try_from(last_at.duration_since(ended.started_at).as_secs()).ok();
        Some(Self {
            count: u32::try_from(activities.iter().filter(replaces).count()).unwrap_or(u32::MAX),
            at_least: activities.len() >= usize::try_from(ACTIVITIES_MAX).unwrap_or(usize::MAX),
            last_at,
            last_seconds: ended.and_then(seconds),
            last_reason: ended.map(|ended| ended.cause.clone()),
        })
    }

    /// A line for a person.
    pub(super) fn describe(&self, now: Timestamp) -> String {
        let or_more = if self.at_least { " or more" } else { "" };
        let took = self
            .last_seconds
            .map_or_else(String::new, |seconds| format!(", in {seconds} s"));
        let why = self
            .last_reason
            .as_ref()
            .map_or_else(String::new, |why| format!(": {why}"));
        let ago = age(now.duration_since(self.last_at));
        format!("{}{or_more} in six weeks, the last {ago} ago{took}{why}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::ReplacementsStatus;
    use crate::world::{Activity, ActivityStatus};

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);
    const HEALTH: &str =
        "At 2025-12-31T23:00:00Z an instance was taken out of service in response to an EC2 health check.";
    const GROWS: &str = "At 2025-12-31T23:00:02Z an instance was started in response to a difference between desired and actual \
                         capacity, increasing the capacity from 0 to 1.";
    const FIRST: &str =
        "At 2025-12-01T00:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 1.";

    fn activity(description: &str, cause: &str, status: ActivityStatus, ago_s: i64, took_s: i64) -> Activity {
        let started_at = NOW - SignedDuration::from_secs(ago_s);
        Activity {
            id: ago_s.to_string(),
            description: description.to_owned(),
            cause: cause.to_owned(),
            status,
            status_message: None,
            started_at,
            ended_at: Some(started_at + SignedDuration::from_secs(took_s)),
        }
    }

    #[test]
    fn launches_that_took_a_place_are_counted_and_first_starts_and_failures_are_not() {
        let activities = [
            activity(
                "Launching a new EC2 instance: i-d",
                GROWS,
                ActivityStatus::Cancelled,
                100,
                50,
            ),
            activity(
                "Terminating EC2 instance: i-d",
                "abandoned",
                ActivityStatus::Successful,
                110,
                50,
            ),
            activity(
                "Launching a new EC2 instance: i-c",
                GROWS,
                ActivityStatus::Successful,
                7_000,
                80,
            ),
            activity(
                "Terminating EC2 instance: i-b",
                HEALTH,
                ActivityStatus::Successful,
                7_002,
                40,
            ),
            activity(
                "Launching a new EC2 instance: i-b",
                GROWS,
                ActivityStatus::Successful,
                90_000,
                60,
            ),
            activity(
                "Terminating EC2 instance: i-a",
                HEALTH,
                ActivityStatus::Successful,
                90_002,
                40,
            ),
            activity(
                "Launching a new EC2 instance: i-a",
                FIRST,
                ActivityStatus::Successful,
                100_000,
                60,
            ),
        ];
        let told = ReplacementsStatus::of(&activities).unwrap();
        assert_eq!((told.count, told.at_least, told.last_seconds), (2, false, Some(82)));
        assert_eq!(told.last_reason.as_deref(), Some(HEALTH));
        let line = format!("2 in six weeks, the last 115 min ago, in 82 s: {HEALTH}");
        assert_eq!(told.describe(NOW), line);
        assert_eq!(
            ReplacementsStatus::of(&activities[6..]),
            None,
            "a first start replaces nobody"
        );
        // What AWS has forgotten is not made up.
        let told = ReplacementsStatus::of(&activities[2..3]).unwrap();
        assert_eq!((told.count, told.last_seconds, told.last_reason), (1, None, None));
    }

    #[test]
    fn a_hundred_activities_may_not_be_all() {
        let one = activity(
            "Launching a new EC2 instance: i-c",
            GROWS,
            ActivityStatus::Successful,
            60,
            30,
        );
        let told = ReplacementsStatus::of(&vec![one; 100]).unwrap();
        assert!(told.at_least);
        assert!(told.describe(NOW).starts_with("100 or more in six weeks"), "{told:?}");
    }
}
