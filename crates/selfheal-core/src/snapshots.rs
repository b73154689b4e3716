//! What there is to go back to: the stack's snapshots, and its volumes that are not its data volume.
//!
//! [`SnapshotsReport`] is what `selfheal snapshots --json` prints. Its shape is stable, like that of a status.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::existing::{Stack, volume};
use crate::names::{
    ResourceKind, TAG_BEFORE_RESTORE, TAG_BY_HAND, TAG_FINAL, TAG_REPLACES, TAG_RESTORED_FROM, TAG_ROLE, Tags,
};
use crate::spec::Spec;
use crate::world::{Observed, Snapshot, SnapshotId, SnapshotState, VolumeId, VolumeState};

/// Tag key that Data Lifecycle Manager puts on the snapshots that it takes.
///
/// Source: Amazon EBS User Guide, "Default policies vs custom policies", system tags.
const TAG_POLICY: &str = "aws:dlm:lifecycle-policy-id";

/// What a stack can go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SnapshotsReport {
    /// The stack's name.
    pub stack: String,
    /// When the reading began, RFC 3339.
    pub observed_at: Timestamp,
    /// The snapshots that bear the stack's tags, the newest first.
    pub snapshots: Vec<KeptSnapshot>,
    /// The newest snapshot to go back to: a completed one of the data volume, or else, where that has none, of any other volume
    /// but a root volume; none that a restore took of what it set aside.
    pub latest: Option<SnapshotId>,
    /// The stack's volumes that are not its data volume, by id.
    pub volumes: Vec<KeptVolume>,
}

/// A snapshot of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct KeptSnapshot {
    /// `snap-…`.
    pub id: SnapshotId,
    /// The volume that it was taken of.
    pub volume_id: VolumeId,
    /// Size of that volume in GiB; the snapshot's own, which AWS charges, is what has changed since the one before.
    pub size_gib: u32,
    /// `pending`, `completed` or `error`.
    pub state: SnapshotState,
    /// When it was started, RFC 3339: it holds what was on the volume then.
    pub started_at: Timestamp,
    /// Why it was taken.
    pub cause: Cause,
}

/// A volume of a stack that is not its data volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct KeptVolume {
    /// `vol-…`.
    pub id: VolumeId,
    /// Size in GiB.
    pub size_gib: u32,
    /// Its Availability Zone.
    pub zone: String,
    /// `creating`, `available`, `in-use` or `error`.
    pub state: VolumeState,
    /// `previous-volume`, `volume-copy`, `drill-copy` or `restoring-volume`.
    pub role: String,
    /// What it was made of: the id of a snapshot or of a volume; `null` where that is not known.
    pub from: Option<String>,
    /// The data volume whose place it took or is to take; `null` where there is none.
    pub replaces: Option<String>,
}

/// Why a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// By Data Lifecycle Manager.
    Schedule,
    /// By `selfheal snapshot`.
    ByHand,
    /// Before a restore put another volume in the place of the data volume.
    BeforeRestore,
    /// Before the volume was deleted.
    Final,
    /// By somebody else.
    Other,
}

impl Cause {
    fn of(tags: &Tags) -> Self {
        let causes = [
            (TAG_POLICY, Self::Schedule),
            (TAG_BY_HAND, Self::ByHand),
            (TAG_BEFORE_RESTORE, Self::BeforeRestore),
            (TAG_FINAL, Self::Final),
        ];
        let found = causes.iter().find(|(key, _)| tags.contains_key(*key));
        found.map_or(Self::Other, |(_, cause)| *cause)
    }

    /// How people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "by schedule",
            Self::ByHand => "by hand",
            Self::BeforeRestore => "before a restore",
            Self::Final => "before the volume was deleted",
            Self::Other => "by somebody else",
        }
    }
}

/// Lists what a stack can go back to, from what was read in the scope of a snapshot, a restore or a status.
#[must_use]
pub fn snapshots(spec: &Spec, observed: &Observed) -> SnapshotsReport {
    let stack = Stack::new(spec, observed);
    let mut snapshots: Vec<KeptSnapshot> = observed
        .snapshots
        .iter()
        .map(|snapshot| KeptSnapshot {
            id: snapshot.id.clone(),
            volume_id: snapshot.volume_id.clone(),
            size_gib: snapshot.size_gib,
            state: snapshot.state.clone(),
            started_at: snapshot.started_at,
            cause: Cause::of(&snapshot.tags),
        })
        .collect();
    snapshots.sort_by_key(|snapshot| (std::cmp::Reverse(snapshot.started_at), snapshot.id.clone()));
    let volumes = volume::aside(&stack).into_iter().map(|volume| {
        let tag = |key: &str| volume.tags.get(key).filter(|value| !value.is_empty()).cloned();
        KeptVolume {
            id: volume.id.clone(),
            size_gib: volume.size_gib,
            zone: volume.zone.clone(),
            state: volume.state.clone(),
            role: tag(TAG_ROLE).unwrap_or_default(),
            from: tag(TAG_RESTORED_FROM),
            replaces: tag(TAG_REPLACES),
        }
    });
    SnapshotsReport {
        stack: spec.name.clone(),
        observed_at: observed.observed_at,
        latest: latest(&stack),
        snapshots,
        volumes: volumes.collect(),
    }
}

/// The newest snapshot to go back to.
fn latest(stack: &Stack<'_>) -> Option<SnapshotId> {
    let of_root = |snapshot: &Snapshot| {
        let role = snapshot.tags.get(TAG_ROLE);
        role.is_some_and(|role| role == ResourceKind::RootVolume.as_str())
    };
    let usable = stack.observed.snapshots.iter().filter(|snapshot| {
        snapshot.state == SnapshotState::Completed
            && Cause::of(&snapshot.tags) != Cause::BeforeRestore
            && !of_root(snapshot)
    });
    let newest = |of: &dyn Fn(&Snapshot) -> bool| {
        let found = usable.clone().filter(|snapshot| of(snapshot));
        found.max_by_key(|snapshot| snapshot.started_at).map(|it| it.id.clone())
    };
    let data = volume::choose(stack).volume().map(|volume| &volume.id);
    newest(&|snapshot| Some(&snapshot.volume_id) == data).or_else(|| newest(&|_| true))
}

/// How long ago something was, in the largest unit that tells enough.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    match now.duration_since(then).as_mins().max(0) {
        minutes @ ..120 => format!("{minutes} min"),
        minutes @ 120..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

impl fmt::Display for SnapshotsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.snapshots.is_empty() {
            writeln!(f, "{} has no snapshot: `selfheal snapshot` takes one", self.stack)?;
        }
        for snapshot in &self.snapshots {
            let state = match snapshot.state {
                SnapshotState::Completed => String::new(),
                ref other => format!(", {other}"),
            };
            writeln!(
                f,
                "{}  {:>8} ago  {:>5} GiB  {}{state}",
                snapshot.id,
                age(snapshot.started_at, self.observed_at),
                snapshot.size_gib,
                snapshot.cause.as_str()
            )?;
        }
        if !self.volumes.is_empty() {
            writeln!(f, "\nVolumes that are kept, and cost money while they are:")?;
        }
        for volume in &self.volumes {
            let kind = if volume.role == ResourceKind::PreviousVolume.as_str() {
                "was the data volume".to_owned()
            } else {
                let from = volume
                    .from
                    .as_ref()
                    .map_or_else(String::new, |from| format!(" of {from}"));
                if volume.role == ResourceKind::VolumeCopy.as_str() {
                    format!("a copy{from}")
                } else if volume.role == ResourceKind::DrillCopy.as_str() {
                    format!("a drill's copy{from}: `selfheal drill --restore` removes it")
                } else {
                    format!("is to be the data volume{from}")
                }
            };
            writeln!(f, "{}  {:>5} GiB  {}  {kind}", volume.id, volume.size_gib, volume.zone)?;
        }
        Ok(())
    }
}
