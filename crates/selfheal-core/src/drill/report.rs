//! What a drill has shown.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Drill, Entry, How, Moment, Standing, group_tag};
use crate::existing::existing;
use crate::names::{TAG_FAILED_BOOTS, TAG_PARKED, TAG_REPAIRS};
use crate::spec::Spec;
use crate::world::{AttachmentState, InstanceId, Observed, VolumeId};

/// Tag key on the stack's Elastic IP that holds what the last drill has shown.
///
/// It is the one resource that every stack has and that outlives whatever else may be made anew.
pub const TAG_DRILL: &str = selfheal_policy::TAG_DRILL;

/// One thing that must hold after a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What must hold: a clause.
    pub what: String,
    /// Whether it does.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// What a drill has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillReport {
    /// The stack's name.
    pub stack: String,
    /// How it was made to fail.
    pub how: How,
    /// When, RFC 3339.
    pub began: Timestamp,
    /// Whether it healed, and everything holds.
    pub passed: bool,
    /// The instance that was made to fail.
    pub instance_before: InstanceId,
    /// The instance that serves now; `null` where none does.
    pub instance_after: Option<InstanceId>,
    /// The Elastic IP.
    pub public_ip: String,
    /// The data volume, where there is one.
    pub volume_id: Option<VolumeId>,
    /// Milliseconds for which nobody answered at the address, as seen from here; `null` where that was not looked at, or has not ended.
    pub silent_ms: Option<u64>,
    /// Milliseconds from the failure until the stack served; `null` where it does not.
    pub healed_ms: Option<u64>,
    /// What came to pass, in the order in which it was seen.
    pub timeline: Vec<Entry>,
    /// What must hold afterwards.
    pub checks: Vec<Check>,
}

impl DrillReport {
    /// What is kept of it in [`TAG_DRILL`]: when, how, how it ended, and the seconds until it had healed.
    #[must_use]
    pub fn to_tag(&self) -> String {
        let end = if self.passed { "passed" } else { "failed" };
        let seconds = self.healed_ms.map(|ms| format!(" {}", ms / 1_000)).unwrap_or_default();
        format!(
            "{} {} {end}{seconds}",
            self.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.how
        )
    }
}

pub(super) fn of(
    drill: Drill,
    spec: &Spec,
    observed: &Observed,
    marker: Option<Result<String, String>>,
) -> DrillReport {
    let standing = drill.standing(spec, observed);
    let after = match &standing {
        Standing::Healed(id) => Some(id.clone()),
        _ => None,
    };
    let checks = checks(&drill, &standing, spec, observed, marker);
    let when = |what: Moment| {
        drill
            .entries
            .iter()
            .find(|entry| entry.what == what)
            .map(|entry| entry.after_ms)
    };
    // The marker is read when all is over.
    let last = drill
        .entries
        .iter()
        .filter(|entry| entry.what != Moment::Marker)
        .map(|entry| entry.after_ms)
        .max();
    DrillReport {
        stack: spec.name.clone(),
        how: drill.how,
        began: drill.began,
        passed: checks.iter().all(|check| check.holds),
        instance_before: drill.before.instance.clone(),
        healed_ms: after.as_ref().and(last),
        instance_after: after,
        public_ip: drill.before.public_ip.clone(),
        volume_id: drill.before.volume_id.clone(),
        silent_ms: when(Moment::Answering)
            .zip(when(Moment::Silent))
            .map(|(end, begin)| end.saturating_sub(begin)),
        timeline: drill.entries,
        checks,
    }
}

/// Compares the marker that was written with what was read; answers what is seen as well.
fn compare(written: &str, read: Option<Result<String, String>>) -> (bool, String) {
    match read {
        Some(Ok(read)) => (read == written, read),
        Some(Err(why)) => (false, why),
        None => (false, "nobody could be asked".to_owned()),
    }
}

fn checks(
    drill: &Drill,
    standing: &Standing,
    spec: &Spec,
    observed: &Observed,
    marker: Option<Result<String, String>>,
) -> Vec<Check> {
    let check = |what: &str, holds: bool, seen: String| Check {
        what: what.to_owned(),
        holds,
        seen,
    };
    let before = &drill.before;
    let found = existing(spec, observed);
    let mut checks = vec![match standing {
        Standing::Healed(id) => check("the stack serves again", true, format!("from {id}")),
        Standing::Healing => check("the stack serves again", false, "it does not yet".to_owned()),
        Standing::Failing(failing) => check("the stack serves again", false, failing.to_string()),
    }];
    let after = match standing {
        Standing::Healed(id) => Some(id),
        _ => None,
    };
    let address = found.address.as_ref();
    let same = address.is_some_and(|it| it.allocation_id == before.allocation_id && it.public_ip == before.public_ip);
    let seen = address.map_or_else(|| "there is none".to_owned(), |it| it.public_ip.clone());
    checks.push(check("the address is the same", same, seen));
    if let Some(id) = &before.volume_id {
        let volume = found.volume.as_ref();
        let seen = volume.map_or_else(|| "there is none".to_owned(), |it| it.id.to_string());
        checks.push(check(
            "the volume is the same",
            volume.is_some_and(|it| it.id == *id),
            seen,
        ));
        let holder = volume.and_then(|it| it.attachment.as_ref());
        let one = holder.filter(|it| it.state == AttachmentState::Attached && Some(&it.instance_id) == after);
        let nobody = || "nobody holds it".to_owned();
        let seen = holder.map_or_else(nobody, |it| format!("{} holds it", it.instance_id));
        checks.push(check(
            "the instance that serves holds it, and no other",
            one.is_some(),
            seen,
        ));
    }
    if let Some(written) = &before.marker {
        let (same, seen) = compare(written, marker);
        checks.push(check("the marker on it is the same", same, seen));
    }
    let failed = group_tag(observed, TAG_FAILED_BOOTS);
    let count = |tag: &str| tag.parse().unwrap_or(0_u32);
    let parked = !group_tag(observed, TAG_PARKED).is_empty();
    let seen = format!(
        "{} failed replacements in a row, {} before",
        count(&failed),
        count(&before.failed_boots)
    );
    checks.push(check(
        "the breaker is untouched",
        !parked && count(&failed) == count(&before.failed_boots),
        seen,
    ));
    if drill.how == How::App {
        let repairs = group_tag(observed, TAG_REPAIRS);
        let repaired = repairs != before.repairs && after == Some(&before.instance);
        checks.push(check("the app was repaired in place", repaired, repairs));
    }
    checks
}
