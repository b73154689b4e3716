//! What the safety invariants remember.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use selfheal_core::world::{InstanceId, VolumeId};
use serde::{Deserialize, Serialize};

/// A safety invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Violation {
    /// Which, such as `S3`.
    pub invariant: String,
    /// What was seen.
    pub detail: String,
}

impl Violation {
    pub(super) fn new(invariant: &str, detail: String) -> Self {
        Self {
            invariant: invariant.to_owned(),
            detail,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

/// Acts that the invariants judge and that the state alone does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Volumes whose deletion was confirmed, and addresses whose release was.
    pub(super) permitted: BTreeSet<String>,
    pub(super) faults: Vec<Violation>,
    pub(super) known: BTreeSet<Violation>,
    pub(super) violations: Vec<Violation>,
    /// How many of `faults` were told.
    #[serde(default)]
    pub(super) told: usize,
    /// What callers' runs have done so far, by their names.
    #[serde(default)]
    runs: BTreeMap<String, Run>,
    /// Who made the filesystem of each volume and how often it was written to: what must be on it as long as it exists.
    #[serde(default)]
    pub(super) written: BTreeMap<VolumeId, (String, u64)>,
    /// What instances had to tell, the oldest first.
    #[serde(default)]
    pub(super) happenings: Vec<Happening>,
}

/// Something that an instance has to tell its stack's topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Happening {
    pub(super) instance: InstanceId,
    /// Number of the instance's boot in which it happened.
    pub(super) boot: u32,
    pub(super) what: What,
    /// When it happened, in logical milliseconds.
    pub(super) at_ms: u64,
    /// From when on it could have been told: no call of the instance has failed since.
    pub(super) since_ms: u64,
    /// When the instance was last seen able to tell it.
    pub(super) seen_ms: u64,
    /// Whether it is known to have happened: it may be told a moment before.
    pub(super) happened: bool,
    /// Number of messages of it that have reached the topic.
    pub(super) told: u32,
    /// Number of messages of it that were refused, or whose answer was lost.
    pub(super) refused: u32,
    /// Whether nothing of it is awaited any more.
    pub(super) closed: bool,
}

impl Happening {
    pub(super) fn new(instance: &InstanceId, boot: u32, what: What, now_ms: u64) -> Self {
        Self {
            instance: instance.clone(),
            boot,
            what,
            at_ms: now_ms,
            since_ms: now_ms,
            seen_ms: now_ms,
            happened: true,
            told: 0,
            refused: 0,
            closed: false,
        }
    }
}

/// What an instance tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum What {
    /// Its boot or its app failed.
    Failed,
    /// That has parked the stack.
    Parked,
    /// It has taken another one's place.
    Healed,
    /// Its data volume went away.
    Lost,
    /// Its app was restarted.
    Repaired,
}

impl What {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Parked => "parked the stack",
            Self::Healed => "took another one's place",
            Self::Lost => "lost its volume",
            Self::Repaired => "was repaired in place",
        }
    }
}

/// What a run has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Calls that it made, if an operator runs it.
    pub(super) calls: u32,
    /// Since when it has changed nothing, as far as that is counted: since its last call that changes something, or the last
    /// hour without one.
    #[serde(default)]
    pub(super) looks_on_since: Option<Timestamp>,
    /// Calls that were refused the last time, with how often in a row.
    pub(super) refused: BTreeMap<String, u32>,
}

impl Ledger {
    /// A process of an operator begins.
    pub(super) fn begin_runs(&mut self) {
        self.runs.retain(|name, _| name.starts_with("i-"));
    }

    /// What a caller's run has done so far.
    pub(super) fn run(&mut self, caller: &str) -> &mut Run {
        if !self.runs.contains_key(caller) {
            self.runs.insert(caller.to_owned(), Run::default());
        }
        self.runs.entry(caller.to_owned()).or_default()
    }

    /// An address was released.
    pub(super) fn release(&mut self, allocation_id: &str) {
        if !self.permitted.contains(allocation_id) {
            self.faults.push(Violation::new(
                "S2",
                format!("{allocation_id} was released without being named"),
            ));
        }
    }

    /// A volume was deleted; `saved` says whether it was blank, or a completed snapshot holds what was on it.
    pub(super) fn delete(&mut self, volume: &str, saved: bool) {
        if !self.permitted.contains(volume) {
            self.faults.push(Violation::new(
                "S1",
                format!("{volume} was deleted without being named"),
            ));
        } else if !saved {
            self.faults.push(Violation::new(
                "S1",
                format!("{volume} was deleted without a completed snapshot of what is on it"),
            ));
        }
    }

    /// A volume was formatted that should not have been.
    pub(super) fn format(&mut self, volume: &str, instance: &InstanceId, why_not: &str) {
        let detail = format!("{volume} was formatted by {instance} although {why_not}");
        self.faults.push(Violation::new("S4", detail));
    }

    /// An operator changed something that bears no stack's tag.
    pub(super) fn stranger(&mut self, action: &str, resource: &str) {
        let detail = format!("{action} on {resource}, which bears no stack's tag");
        self.faults.push(Violation::new("S6", detail));
    }

    /// Somebody who serves one stack changed something that bears another one's tag.
    pub(super) fn of_another(&mut self, action: &str, resource: &str, owner: &str, served: &str) {
        let detail = format!("{action} on {resource}, which is of stack {owner}, in the service of {served}");
        self.faults.push(Violation::new("S6", detail));
    }

    /// A volume or an address was taken by an instance that its group does not want in service.
    pub(super) fn unwanted(&mut self, resource: &str, instance: &InstanceId, state: &str) {
        let detail = format!("{resource} was taken by {instance}, whose target state is {state}");
        self.faults.push(Violation::new("S9", detail));
    }

    /// An address was pointed at an instance that does not hold its stack's volume.
    pub(super) fn stray_address(&mut self, allocation_id: &str, instance: &InstanceId) {
        let detail = format!("{allocation_id} was pointed at {instance}, which does not hold the volume");
        self.faults.push(Violation::new("S9", detail));
    }
}
