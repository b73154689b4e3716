//! Scheduled actions of the group: what changes its desired capacity by the clock.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Observed};

/// A scheduled action, as it is and as it is put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduledAction {
    /// Its name, which is unique within the group.
    pub name: String,
    /// The cron expression; `None` of an action that happens once.
    pub recurrence: Option<String>,
    /// The time zone of the recurrence; `None` is UTC.
    pub timezone: Option<String>,
    /// As it is put: the first instant at which it may happen. As it is read: when it happens next, whether or not one was
    /// put.
    pub start: Option<Timestamp>,
    /// From when on it happens no more.
    pub end: Option<Timestamp>,
    /// The minimum size that it sets, where it sets one.
    pub min: Option<u32>,
    /// The maximum size that it sets, where it sets one.
    pub max: Option<u32>,
    /// The desired capacity that it sets, where it sets one.
    pub desired: Option<u32>,
}

/// One mutating call about a scheduled action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum ScheduledActionCall {
    /// `autoscaling:PutScheduledUpdateGroupAction`: makes the action of this name, or replaces it.
    PutScheduledAction {
        /// The group.
        group: String,
        /// The action.
        action: ScheduledAction,
    },
    /// `autoscaling:DeleteScheduledAction`.
    DeleteScheduledAction {
        /// The group.
        group: String,
        /// The action's name.
        name: String,
    },
}

pub(super) fn record(observed: &mut Observed, call: &ScheduledActionCall, answer: Answer) {
    // An answer that does not fit changes nothing.
    if answer != Answer::Done {
        return;
    }
    match call {
        ScheduledActionCall::PutScheduledAction { action, .. } => {
            observed.scheduled_actions.retain(|have| have.name != action.name);
            observed.scheduled_actions.push(action.clone());
        }
        ScheduledActionCall::DeleteScheduledAction { name, .. } => {
            observed.scheduled_actions.retain(|have| have.name != *name);
        }
    }
}
