//! A drill of a restore: a copy of the last snapshot's data is shown to the running instance, which says what is on it. The data that
//! the stack uses are not touched.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, not_serving};
use crate::existing::{existing, volume};
use crate::names::{Names, ResourceKind, TAG_BY_HAND, TAG_RESTORED_FROM, Tags};
use crate::plan::Refusal;
use crate::snapshots::snapshots;
use crate::spec::Spec;
use crate::token::client_token;
use crate::world::{AllocationId, CreateVolume, InstanceId, Observed, Snapshot, SnapshotId, Volume, VolumeId};

/// Tag key on the stack's Elastic IP that holds what the last drill of a restore has shown.
pub const TAG_RESTORE_DRILL: &str = selfheal_policy::TAG_RESTORE_DRILL;
/// Tag key on the stack's Elastic IP that holds [`Markers`].
pub const TAG_MARKERS: &str = selfheal_policy::TAG_MARKERS;

/// The name under which the copy is attached: the last of those that EC2 recommends for data volumes, as the boot program begins with
/// the first of them.
pub const DRILL_DEVICE: &str = "/dev/sdp";

/// For how long a copy counts as one of a drill that is under way: longer than all that one waits for.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(30);

/// How far the clock of whoever writes a marker may be from that of AWS.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);

/// The markers that were written to the data volume lately, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markers(Vec<Marker>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Marker {
    /// When it was noted.
    at: Timestamp,
    text: String,
    /// Whether the instance has said that it is there. What is not sure may be there all the same, or come to be.
    sure: bool,
}

impl Markers {
    /// How many a tag holds.
    const MOST: usize = 5;

    /// Reads the value of [`TAG_MARKERS`]; what is not of its form is left out.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        let words: Vec<&str> = tag.split(' ').collect();
        let (pairs, _) = words.as_chunks::<2>();
        let read = |[at, text]: &[&str; 2]| {
            let (at, sure) = at.strip_suffix('+').map_or((*at, true), |at| (at, false));
            Some(Marker {
                at: Timestamp::from_second(at.parse().ok()?).ok()?,
                text: (*text).to_owned(),
                sure,
            })
        };
        Self(pairs.iter().filter_map(read).collect())
    }

    /// Reads the tags of an address.
    #[must_use]
    pub fn in_tags(tags: &Tags) -> Self {
        tags.get(TAG_MARKERS).map(|tag| Self::of(tag)).unwrap_or_default()
    }

    /// Adds one that is about to be written.
    #[must_use]
    pub fn with(mut self, at: Timestamp, text: &str) -> Self {
        let marker = Marker {
            at,
            text: text.to_owned(),
            sure: false,
        };
        self.0.insert(0, marker);
        self.0.truncate(Self::MOST);
        self
    }

    /// The same, where that one is there at this time.
    #[must_use]
    pub fn written(mut self, at: Timestamp) -> Self {
        if let Some(newest) = self.0.first_mut() {
            newest.at = at;
            newest.sure = true;
        }
        self
    }

    /// Those that a snapshot may carry which was begun then: the last one that was surely there before, and what was noted since, up to
    /// about that time. Empty where none was surely there before.
    #[must_use]
    pub fn carried(&self, snapshot: Timestamp) -> Vec<String> {
        let noted: Vec<&Marker> = self.0.iter().filter(|it| it.at <= snapshot + CLOCKS).collect();
        let last = noted.iter().position(|it| it.sure && it.at < snapshot - CLOCKS);
        let carried = last.map_or(&[][..], |last| &noted[..=last]);
        carried.iter().map(|it| it.text.clone()).collect()
    }
}

/// As the tag holds it.
impl fmt::Display for Markers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, marker) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let sign = if marker.sure { "" } else { "+" };
            write!(f, "{space}{}{sign} {}", marker.at.as_second(), marker.text)?;
        }
        Ok(())
    }
}

/// What a drill of a restore is about to do.
#[derive(Clone, Debug)]
pub struct RestoreDrill {
    stack: String,
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// When it was begun: it holds what was on the volume then.
    pub taken_at: Timestamp,
    /// The instance that is to look at the copy.
    pub instance: InstanceId,
    /// The call that makes the copy.
    pub copy: CreateVolume,
    /// The stack's Elastic IP, whose tags keep markers and result.
    pub allocation_id: AllocationId,
    /// The markers that were written to the data volume.
    pub markers: Markers,
    /// The copies of earlier drills that were cut off.
    pub left: Vec<VolumeId>,
}

impl RestoreDrill {
    /// Composes it, from what was read in the scope of a drill, at this time.
    ///
    /// # Errors
    /// Why there can be none: no data, no completed snapshot, or no instance that serves.
    pub fn of(spec: &Spec, observed: &Observed, now: Timestamp) -> Result<Self, Vec<Refusal>> {
        let mut refusals: Vec<Refusal> = not_serving(spec, observed, now).into_iter().collect();
        if spec.data.is_none() {
            let message = "the spec has no `[data]`, so that there is nothing to restore";
            refusals.push(refusal(
                "no-data",
                message,
                "a drill without `--restore` shows that the stack heals",
            ));
            return Err(refusals);
        };
        let latest = snapshots(spec, observed).latest;
        let latest = observed.snapshots.iter().find(|it| Some(&it.id) == latest.as_ref());
        if latest.is_none() {
            let help = "`selfheal snapshot --wait` takes one";
            refusals.push(refusal("no-snapshot", "the data have no completed snapshot", help));
        }
        let copies = copies(spec, observed);
        refusals.extend(under_way(&copies, now));
        let found = existing(spec, observed);
        let group = observed.group.as_ref();
        let instance = group.and_then(|group| group.foremost().first().map(|it| it.id.clone()));
        let (Some(snapshot), Some(instance), Some(current), Some(address), []) =
            (latest, instance, &found.volume, &found.address, refusals.as_slice())
        else {
            return Err(refusals);
        };
        Ok(Self {
            stack: spec.name.clone(),
            snapshot_id: snapshot.id.clone(),
            taken_at: snapshot.started_at,
            instance,
            copy: copy_of(spec, observed, snapshot, current, now),
            allocation_id: address.allocation_id.clone(),
            markers: Markers::in_tags(&address.tags),
            left: copies.iter().map(|volume| volume.id.clone()).collect(),
        })
    }

    /// Ends, with what was seen. `began` is when.
    #[must_use]
    pub fn end(self, began: Timestamp, seen: Seen) -> RestoreDrillReport {
        let expected = self.markers.carried(self.taken_at);
        let mut checks = Vec::new();
        let mut check = |what: &str, holds: bool, seen: String| {
            checks.push(Check {
                what: what.to_owned(),
                holds,
                seen,
            });
        };
        let made = seen.copy_id.as_ref();
        check(
            "a volume can be made of the snapshot, and attached",
            seen.read.is_some(),
            match (&seen.trouble, made) {
                (Some(why), _) if seen.read.is_none() => why.clone(),
                (_, Some(id)) => id.to_string(),
                (_, None) => "none was made".to_owned(),
            },
        );
        let mut found = None;
        match seen.read {
            Some(Ok(contents)) => {
                let used = format!("{} MiB of it are used", contents.used_mib);
                check("its filesystem mounts", true, used);
                if !expected.is_empty() {
                    let marker = contents.marker.clone();
                    let holds = marker.as_ref().is_some_and(|marker| expected.contains(marker));
                    let told = marker.unwrap_or_else(|| "there is none".to_owned());
                    check("it carries the marker that was written before", holds, told);
                }
                found = Some(contents);
            }
            Some(Err(why)) => check("its filesystem mounts", false, why),
            None => {}
        }
        if made.is_some() {
            let told = seen.left.as_ref().map_or_else(
                || "it is deleted".to_owned(),
                |id| format!("{id} is left: the next drill of a restore removes it"),
            );
            check("nothing is left of it", seen.left.is_none(), told);
        }
        RestoreDrillReport {
            stack: self.stack,
            began,
            passed: checks.iter().all(|check| check.holds),
            snapshot_id: self.snapshot_id,
            taken_at: self.taken_at,
            instance_id: self.instance,
            marker_compared: found.is_some() && !expected.is_empty(),
            marker: found.as_ref().and_then(|contents| contents.marker.clone()),
            used_mib: found.map(|contents| contents.used_mib),
            read_ms: seen.read_ms,
            left: seen.left,
            checks,
        }
    }
}

fn refusal(code: &str, message: &str, help: &str) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

/// What drills have made of snapshots, and not taken away so far.
fn copies<'a>(spec: &Spec, observed: &'a Observed) -> Vec<&'a Volume> {
    let names = Names::of(spec);
    let is_copy = |volume: &&Volume| names.owns(&volume.tags, ResourceKind::DrillCopy);
    observed.volumes.iter().filter(is_copy).collect()
}

/// That one of these copies may be in use.
fn under_way(copies: &[&Volume], now: Timestamp) -> Option<Refusal> {
    let made = |volume: &Volume| volume.tags.get(TAG_BY_HAND)?.parse::<Timestamp>().ok();
    let young = |volume: &&&Volume| made(volume).is_some_and(|at| now.duration_since(at) < UNDER_WAY);
    let copy = copies.iter().find(young)?;
    let message = format!(
        "another drill of a restore is under way, or was cut off: {} is its copy",
        copy.id
    );
    let help =
        "wait until it has ended; from half an hour after its beginning on, the next one removes what is left of it";
    Some(refusal("under-way", &message, help))
}

/// The call that makes a copy of a snapshot's data, beside the data volume.
fn copy_of(spec: &Spec, observed: &Observed, snapshot: &Snapshot, current: &Volume, now: Timestamp) -> CreateVolume {
    let mut tags = Names::of(spec).tags(ResourceKind::DrillCopy);
    tags.insert(TAG_RESTORED_FROM.to_owned(), snapshot.id.to_string());
    tags.insert(TAG_BY_HAND.to_owned(), now.to_string());
    let mut copy = CreateVolume {
        zone: current.zone.clone(),
        size_gib: snapshot.size_gib,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: volume::key_of(spec, current),
        snapshot_id: Some(snapshot.id.clone()),
        tags,
        client_token: String::new(),
    };
    // A token lives on when its volume is gone: by its time, each drill has one of its own.
    copy.client_token = client_token(&observed.identity.account, &copy, &[], &[]);
    copy
}

/// What a volume holds, as an instance tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The marker, where there is one.
    pub marker: Option<String>,
    /// MiB of its filesystem that are used.
    pub used_mib: u64,
}

impl Contents {
    /// Reads what an instance answers: a marker or `none`, and the MiB.
    ///
    /// # Errors
    /// The answer, where it is of another form.
    pub fn of(words: &str) -> Result<Self, String> {
        let read = || {
            let (marker, used) = words.split_once(' ')?;
            let marker = (marker != "none").then(|| marker.to_owned());
            Some(Self {
                marker,
                used_mib: used.parse().ok()?,
            })
        };
        read().ok_or_else(|| words.to_owned())
    }
}

/// What was seen of the copy.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The copy, where one was made.
    pub copy_id: Option<VolumeId>,
    /// What the instance says of it, or why that is nothing; `None` where it was not asked.
    pub read: Option<Result<Contents, String>>,
    /// Milliseconds from the beginning until it had.
    pub read_ms: Option<u64>,
    /// What kept it from being asked.
    pub trouble: Option<String>,
    /// The copy, where it could not be taken away.
    pub left: Option<VolumeId>,
}

/// What a drill of a restore has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RestoreDrillReport {
    /// The stack's name.
    pub stack: String,
    /// When, RFC 3339.
    pub began: Timestamp,
    /// Whether everything holds.
    pub passed: bool,
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// When it was begun, RFC 3339.
    pub taken_at: Timestamp,
    /// The instance that looked at the copy.
    pub instance_id: InstanceId,
    /// Whether the marker was compared: `false` where none was written before the snapshot, as far as it is known.
    pub marker_compared: bool,
    /// The marker on the copy; `null` where there is none.
    pub marker: Option<String>,
    /// MiB of its filesystem that are used; `null` where it was not read.
    pub used_mib: Option<u64>,
    /// Milliseconds from the beginning until the instance had read the copy; `null` where it did not.
    pub read_ms: Option<u64>,
    /// The copy, where it could not be taken away.
    pub left: Option<VolumeId>,
    /// What must hold.
    pub checks: Vec<Check>,
}

impl RestoreDrillReport {
    /// What is kept of it in [`TAG_RESTORE_DRILL`]: when, of which snapshot, how it ended, and whether the marker was compared.
    #[must_use]
    pub fn to_tag(&self) -> String {
        let end = if self.passed { "passed" } else { "failed" };
        let marker = if self.marker_compared { " marker" } else { "" };
        let began = self.began.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("{began} {} {end}{marker}", self.snapshot_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn markers_are_read_back_from_their_tag_which_holds_five() {
        let markers = (0..7).fold(Markers::default(), |markers, nth| {
            markers.with(at(nth), &format!("{nth:032x}"))
        });
        assert_eq!(markers.0.len(), 5);
        assert_eq!(markers.0[0].text, format!("{:032x}", 6));
        let tag = markers.to_string();
        assert!(tag.len() <= 256, "{}", tag.len());
        assert_eq!(Markers::of(&tag), markers);
        for strange in ["", " ", "x y", "1800000000", "99999999999999999 a"] {
            assert_eq!(Markers::of(strange), Markers::default(), "{strange}");
        }
    }

    #[test]
    fn a_snapshot_carries_the_last_marker_before_it() {
        let written = |markers: Markers, seconds, text| markers.with(at(seconds), text).written(at(seconds));
        let markers = written(written(written(Markers::default(), 0, "a"), 1_000, "b"), 2_000, "c");
        assert_eq!(markers.carried(at(-100)), [""; 0]);
        assert_eq!(markers.carried(at(500)), ["a"]);
        assert_eq!(markers.carried(at(3_000)), ["c"]);
        // Within a minute the clocks do not tell which was first.
        assert_eq!(markers.carried(at(1_030)), ["b", "a"]);
        assert_eq!(markers.carried(at(970)), ["b", "a"]);
        // It may be older than the first of all.
        assert_eq!(markers.carried(at(30)), [""; 0]);
        // What was cut off before it was known to be there proves nothing, and refutes nothing.
        let unsure = markers.with(at(3_000), "d");
        assert_eq!(Markers::of(&unsure.to_string()), unsure);
        assert_eq!(unsure.carried(at(4_000)), ["d", "c"]);
        assert_eq!(written(unsure, 5_000, "e").carried(at(6_000)), ["e"]);
        assert_eq!(Markers::default().with(at(0), "a").carried(at(1_000)), [""; 0]);
    }

    #[test]
    fn contents_are_a_marker_or_none_and_a_number() {
        let contents = |marker: Option<&str>, used_mib| {
            Ok(Contents {
                marker: marker.map(str::to_owned),
                used_mib,
            })
        };
        assert_eq!(Contents::of("00ff 12"), contents(Some("00ff"), 12));
        assert_eq!(Contents::of("none 0"), contents(None, 0));
        for strange in ["", "none", "none x", "a b c"] {
            assert_eq!(Contents::of(strange), Err(strange.to_owned()));
        }
    }
}
