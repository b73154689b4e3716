//! The last drill, as it is kept in a tag of the address.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drill::{How, TAG_DRILL};
use crate::existing::Existing;

/// The last drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LastDrill {
    /// When the stack was made to fail, RFC 3339.
    pub at: Timestamp,
    /// How.
    pub how: How,
    /// Whether it healed, with all that must hold.
    pub passed: bool,
    /// Seconds until it served again; `null` where it did not.
    pub seconds: Option<u32>,
}

impl LastDrill {
    /// Reads the tag of the stack's address; `None` where there is none, or it is not what a drill writes.
    pub(super) fn in_tags(existing: &Existing) -> Option<Self> {
        Self::of(existing.address.as_ref()?.tags.get(TAG_DRILL)?)
    }

    fn of(tag: &str) -> Option<Self> {
        let mut words = tag.split(' ');
        let (at, how, end) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
        let passed = match end {
            "passed" => true,
            "failed" => false,
            _ => return None,
        };
        let seconds = match words.next() {
            Some(seconds) => Some(seconds.parse().ok()?),
            None => None,
        };
        words.next().is_none().then_some(Self {
            at,
            how,
            passed,
            seconds,
        })
    }

    /// A line for a person.
    pub(super) fn describe(&self) -> String {
        let end = match (self.passed, self.seconds) {
            (true, Some(seconds)) => format!("healed within {seconds} s"),
            (false, Some(seconds)) => format!("failed: it served after {seconds} s, and not everything held"),
            (_, None) => "failed: it did not heal".to_owned(),
        };
        format!("{} by `{}`: {end}", self.at, self.how)
    }
}
