//! Snapshots by schedule: what a status tells of them, and whether they are taken.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SnapshotStatus;
use super::finding::{Finding, FindingCode as Code};
use crate::existing::{Stack, lifecycle_policies};
use crate::snapshots::age;
use crate::spec::Spec;
use crate::world::{LifecyclePolicy, Observed};

/// The lifecycle policy of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ScheduledSnapshots {
    /// `policy-…`.
    pub policy: String,
    /// `ENABLED`, `DISABLED` or `ERROR`.
    pub state: String,
    /// Hours between two snapshots.
    pub every_h: u32,
    /// Days after which one is deleted.
    pub keep_days: u32,
}

pub(super) fn scheduled(spec: &Spec, observed: &Observed) -> Option<ScheduledSnapshots> {
    let stack = Stack::new(spec, observed);
    let policy = lifecycle_policies(&stack).into_iter().next()?;
    Some(ScheduledSnapshots {
        policy: policy.id.clone(),
        state: policy.state.clone(),
        every_h: policy.settings.every_h,
        keep_days: policy.settings.keep_days,
    })
}

/// What is wrong with the snapshots that the spec asks for.
///
/// That AWS says of a policy that it is enabled proves nothing: that there is a snapshot does.
pub(super) fn diagnose(spec: &Spec, observed: &Observed, last: Option<&SnapshotStatus>) -> Option<Finding> {
    let snapshots = spec.snapshots()?;
    let stack = Stack::new(spec, observed);
    let Some(policy) = lifecycle_policies(&stack).into_iter().next() else {
        return Some(Finding::new(
            Code::SnapshotsStopped,
            "no lifecycle policy takes snapshots of the data volume",
            "`selfheal apply` makes it",
        ));
    };
    if policy.state != LifecyclePolicy::ENABLED {
        let why = policy
            .message
            .as_ref()
            .map_or_else(String::new, |message| format!(": {message}"));
        return Some(Finding::new(
            Code::SnapshotsStopped,
            format!("the lifecycle policy {} is {}{why}", policy.id, policy.state),
            "`selfheal apply` enables it",
        ));
    }
    let now = observed.observed_at;
    let most = SignedDuration::from_hours(i64::from(snapshots.every_h) * 2);
    let since: Option<Timestamp> = last.map(|last| last.started_at).max(policy.created_at);
    if since.is_none_or(|since| now.duration_since(since) <= most) {
        return None;
    }
    let what = match last {
        Some(last) => format!(
            "the last snapshot, {}, was taken {} ago, and one is to be taken every {} h",
            last.id,
            age(last.started_at, now),
            snapshots.every_h
        ),
        None => format!(
            "no snapshot was ever taken, and one is to be taken every {} h",
            snapshots.every_h
        ),
    };
    Some(Finding::new(
        Code::SnapshotsLate,
        what,
        "`selfheal snapshot` takes one now; CloudTrail tells what Data Lifecycle Manager was refused",
    ))
}
