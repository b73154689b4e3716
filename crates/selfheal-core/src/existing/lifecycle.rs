//! The stack's lifecycle policy, and what tells that there may be one.

use super::stack::Stack;
use crate::names::{ResourceKind, TAG_SNAPSHOTS, Tags};
use crate::spec::Spec;
use crate::world::{LifecyclePolicy, Observed, Volume};

/// The stack's lifecycle policies, the one to use first: more than one is there where the answer to a create was lost.
pub(crate) fn policies<'a>(stack: &Stack<'a>) -> Vec<&'a LifecyclePolicy> {
    let all = stack.observed.lifecycle_policies.iter();
    let mut ours: Vec<&LifecyclePolicy> = all
        .filter(|policy| stack.names.owns(&policy.tags, ResourceKind::LifecyclePolicy))
        .collect();
    ours.sort_by_key(|policy| &policy.id);
    ours
}

/// The mark that the data volume bears where the spec asks for snapshots by schedule.
pub(crate) fn mark(spec: &Spec) -> Tags {
    match spec.snapshots() {
        Some(_) => Tags::from([(TAG_SNAPSHOTS.to_owned(), spec.name.clone())]),
        None => Tags::new(),
    }
}

/// Whether a volume is marked as one of which a lifecycle policy takes snapshots.
pub(crate) fn is_marked(volume: &Volume) -> bool {
    volume.tags.get(TAG_SNAPSHOTS).is_some_and(|stack| !stack.is_empty())
}

/// Whether a volume of the stack bears the mark of a lifecycle policy: the policy and its role are looked for then, also where
/// the spec has ceased to ask for them.
#[must_use]
pub fn marked_for_snapshots(observed: &Observed) -> bool {
    observed.volumes.iter().any(is_marked)
}
