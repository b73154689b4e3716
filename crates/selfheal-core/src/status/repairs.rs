//! What was repaired in place, as the instance notes it in a tag of the group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Repairs in place, over all instances of the stack: restarts of the app and reboots that have mended it, and starts of a machine that
/// had not shut down, after a panic or a hang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RepairsStatus {
    /// How many there were.
    pub count: u32,
    /// Seconds of the last one: from the first failed probe to the first answer; of a machine that had not shut down, from its start until
    /// it served again.
    pub last_seconds: u32,
    /// Time, instance and reason of the last one.
    pub last: String,
}

impl RepairsStatus {
    /// Reads the tag; `None` where it is not what an instance writes.
    pub(super) fn of(tag: &str) -> Option<Self> {
        let (count, rest) = tag.split_once(' ')?;
        let (seconds, last) = rest.split_once(' ')?;
        Some(Self {
            count: count.parse().ok()?,
            last_seconds: seconds.parse().ok()?,
            last: last.to_owned(),
        })
    }

    /// A line for a person.
    pub(super) fn describe(&self) -> String {
        let Self {
            count,
            last_seconds,
            last,
        } = self;
        format!("{count} in place, the last after {last_seconds} s: {last}")
    }
}
