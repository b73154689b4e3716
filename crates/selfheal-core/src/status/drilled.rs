//! The last drills, as they are kept in tags of the address.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drill::{How, TAG_DRILL, TAG_RESTORE_DRILL};
use crate::existing::Existing;
use crate::world::SnapshotId;

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

/// The last drill of a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LastRestoreDrill {
    /// When, RFC 3339.
    pub at: Timestamp,
    /// The snapshot that a copy was made of.
    pub snapshot_id: SnapshotId,
    /// Whether the copy could be mounted, with all that must hold.
    pub passed: bool,
    /// Whether the marker on it was compared with the one that was written to the data volume before.
    pub marker_compared: bool,
}

impl LastRestoreDrill {
    /// Reads the tag of the stack's address; `None` where there is none, or it is not what a drill writes.
    pub(super) fn in_tags(existing: &Existing) -> Option<Self> {
        Self::of(existing.address.as_ref()?.tags.get(TAG_RESTORE_DRILL)?)
    }

    fn of(tag: &str) -> Option<Self> {
        let words: Vec<&str> = tag.split(' ').collect();
        let (at, snapshot, end, marker_compared) = match words.as_slice() {
            [at, snapshot, end] => (at, snapshot, end, false),
            [at, snapshot, end, "marker"] => (at, snapshot, end, true),
            _ => return None,
        };
        let passed = match *end {
            "passed" => true,
            "failed" => false,
            _ => return None,
        };
        Some(Self {
            at: at.parse().ok()?,
            snapshot_id: snapshot.starts_with("snap-").then(|| (*snapshot).into())?,
            passed,
            marker_compared,
        })
    }

    /// A line for a person.
    pub(super) fn describe(&self) -> String {
        let end = match (self.passed, self.marker_compared) {
            (true, true) => "a copy of it carries the marker",
            (true, false) => "a copy of it can be mounted",
            (false, _) => "failed",
        };
        format!("{} of {}: {end}", self.at, self.snapshot_id)
    }
}
