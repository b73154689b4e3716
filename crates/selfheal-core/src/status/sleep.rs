//! A stack that sleeps: since when, until when and by whom.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::display::age;
use crate::plan::next_wake;
use crate::spec::Spec;
use crate::world::{Activity, Group, Observed, SCHEDULED_ACTIONS};

/// How many of the schedule's next turns are told.
const TURNS: usize = 3;

/// A stack that sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AsleepStatus {
    /// When its instance began to go, RFC 3339; `null` where AWS tells of it no more, which is after six weeks.
    pub since: Option<Timestamp>,
    /// Who put it to sleep, as far as AWS says; `null` where it does not.
    pub by: Option<Sleeper>,
    /// Why its instance went, in AWS's own words.
    pub cause: Option<String>,
    /// When it wakes by itself, RFC 3339; `null` where it does not.
    pub until: Option<Timestamp>,
    /// The same as the schedule's clock shows it.
    pub until_local: Option<String>,
    /// Whether its schedule is suspended, so that only `selfheal wake` wakes it.
    pub schedule_suspended: bool,
}

/// Who put a stack to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sleeper {
    /// A scheduled action.
    Schedule,
    /// A request of somebody: `selfheal sleep`, or the console.
    Request,
}

/// One of the schedule's next turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TurnStatus {
    /// `start` or `stop`.
    pub turn: String,
    /// When, RFC 3339.
    pub at: Timestamp,
    /// The same as the schedule's clock shows it.
    pub local: String,
}

/// How the stack sleeps; `None` where it does not.
pub(super) fn asleep(observed: &Observed, group: &Group) -> Option<AsleepStatus> {
    if !group.is_asleep() || group.deleting {
        return None;
    }
    // What took the last instance out is the last thing that the group did.
    let is_end = |activity: &&Activity| activity.description.starts_with("Terminating");
    let end = observed.activities.iter().find(is_end);
    let until = next_wake(&observed.scheduled_actions, group, observed.observed_at);
    Some(AsleepStatus {
        since: end.map(|activity| activity.started_at),
        by: end.and_then(|activity| sleeper(&activity.cause)),
        cause: end.map(|activity| activity.cause.clone()),
        until_local: until.as_ref().map(|(at, zone)| zone.show(*at)),
        until: until.map(|(at, _)| at),
        schedule_suspended: group.suspends(SCHEDULED_ACTIONS),
    })
}

/// Who a scaling activity's cause names: the last of what led to it.
///
/// Source: Amazon EC2 Auto Scaling User Guide, "Verify a scaling activity for an Auto Scaling group".
fn sleeper(cause: &str) -> Option<Sleeper> {
    let places = [
        ("scheduled action", Sleeper::Schedule),
        ("user request", Sleeper::Request),
    ];
    let found = places
        .into_iter()
        .filter_map(|(words, who)| Some((cause.rfind(words)?, who)));
    found.max_by_key(|(place, _)| *place).map(|(_, who)| who)
}

/// What the schedule does next.
pub(super) fn schedule(spec: &Spec, now: Timestamp) -> Vec<TurnStatus> {
    let Some(schedule) = &spec.schedule else {
        return Vec::new();
    };
    let zone = schedule.zone();
    let turns = schedule.next(now, TURNS).into_iter();
    turns
        .map(|(turn, time)| TurnStatus {
            turn: turn.as_str().to_owned(),
            at: time.at,
            local: zone.show(time.at),
        })
        .collect()
}

impl AsleepStatus {
    /// What people read.
    pub(super) fn describe(&self, now: Timestamp) -> String {
        let since = self.since.map_or_else(
            || "for longer than AWS tells".to_owned(),
            |since| format!("for {}", age(now.duration_since(since))),
        );
        let by = match self.by {
            Some(Sleeper::Schedule) => ", by its schedule",
            Some(Sleeper::Request) => ", by somebody's request",
            None => "",
        };
        let until = match (&self.until_local, self.schedule_suspended) {
            (Some(until), _) => format!("until {until}"),
            (None, true) => "until `selfheal wake`: its schedule is suspended".to_owned(),
            (None, false) => "until `selfheal wake`".to_owned(),
        };
        format!("{since}{by}, {until}")
    }
}
