//! Resuming a stack that parked itself, or whose processes were suspended.

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Plan, StepKind, schema};
use crate::names::{ResourceKind, TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED};
use crate::world::{Action, GroupCall};

/// Composes what lets a parked stack replace its instance again.
pub(super) fn compose(mut builder: Builder<'_>) -> Plan {
    let (spec, observed) = (builder.spec, builder.observed);
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    let Some(group) = &observed.group else {
        builder.refuse(
            "no-group",
            format!("the stack `{}` has no Auto Scaling group", spec.name),
            "run `selfheal apply`",
        );
        return builder.finish();
    };
    if !builder.names.owns(&group.tags, ResourceKind::Group) {
        builder.refuse_foreign(ResourceKind::Group, "Auto Scaling group", &group.name);
        return builder.finish();
    }
    if group.is_replacing() {
        builder.refuse(
            "replacement-unfinished",
            "an apply was cut off while it replaced the instance, and the group would launch the next one beside it",
            "`selfheal apply` finishes it",
        );
        return builder.finish();
    }
    // The count goes first: an instance that starts with the old count would park the stack at its first failure.
    let marks = [TAG_PARKED, TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG];
    let keys: Vec<String> = marks
        .iter()
        .filter(|key| group.tags.contains_key(**key))
        .map(|key| (*key).to_owned())
        .collect();
    let mut ready = Deferred::Known(());
    if !keys.is_empty() {
        let mut draft = Draft::new(
            StepKind::ClearParked,
            Change::Update,
            "the count of failed boots starts anew",
        )
        .target(group.name.clone());
        for key in &keys {
            draft = draft.removes(key, group.tags[key].clone());
        }
        let group = group.name.clone();
        let action = Action::Group(GroupCall::DeleteGroupTags { group, keys });
        ready = Deferred::after(builder.step(draft, Deferred::Known(action)));
    }
    // Who has suspended the schedule has put the stack to sleep until `selfheal wake`.
    let processes: Vec<String> = group.held_back_by().cloned().collect();
    if !processes.is_empty() {
        let mut draft =
            Draft::new(StepKind::ResumeProcesses, Change::Update, "the group may act again").target(group.name.clone());
        for process in &processes {
            draft = draft.removes("suspended", process.clone());
        }
        let action = Action::Group(GroupCall::ResumeProcesses {
            group: group.name.clone(),
            processes,
        });
        builder.step(draft, ready.map(|()| action));
    }
    builder.finish()
}
