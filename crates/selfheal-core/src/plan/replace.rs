//! Replacing the running instance because a person asks for it: what a new version of the template changes reaches it thereby.
//!
//! The group ends the instance and launches the next one at once, which waits for the volume that the old one gives back: the
//! way of every healing, and no other order. An instance refresh would do the same with bounds on the healthy share that a
//! group of one cannot keep, and would go on by itself after whoever began it is gone.

use super::builder::{Builder, Deferred, Draft};
use super::template::Pin;
use super::{Change, Plan, StepKind, sleep};
use crate::names::TAG_PARKED;
use crate::world::{Action, Group, GroupCall, GroupInstance, InstanceId};

/// Composes what replaces an instance; nothing where that is no longer the group's, or on its way out. Refused of nobody: the
/// group launches one by itself.
pub(super) fn compose(mut builder: Builder<'_>, id: Option<&InstanceId>) -> Plan {
    let Some(group) = sleep::usable(&mut builder) else {
        return builder.finish();
    };
    if refuse(&mut builder, group) {
        return builder.finish();
    }
    let Some(id) = id else {
        builder.refuse(
            "no-instance",
            "the group has no instance at the moment",
            "`selfheal wait` waits for the one that it launches",
        );
        return builder.finish();
    };
    let member = group.instances.iter().find(|member| member.id == *id);
    let Some(member) = member.filter(|member| !member.lifecycle.is_leaving()) else {
        return builder.finish();
    };
    let reason = "the group launches the next one: down until that serves";
    let draft = Draft::new(StepKind::ReplaceInstance, Change::Delete, reason).target(member.id.clone());
    let draft = versions(draft, group, member);
    let call = GroupCall::TerminateInstance {
        group: group.name.clone(),
        id: member.id.clone(),
    };
    builder.step(draft, Deferred::Known(Action::Group(call)));
    builder.finish()
}

/// Composes what replaces the running instance at the end of an apply that was asked for it, where it is not what the group launches
/// then. Nothing where there is none: the group launches one by itself.
pub(super) fn after_apply(builder: &mut Builder<'_>, template: &Deferred<Pin>) {
    if !builder.options.replace {
        return;
    }
    let group = builder.observed.group.as_ref();
    let Some(group) = group.filter(|group| !group.deleting) else {
        return;
    };
    let member = group.foremost().into_iter().next();
    let Some(member) = member.filter(|member| !member.lifecycle.is_leaving()) else {
        return;
    };
    // A change of how instances are bought replaces it anyway.
    if group.is_replacing() || !builder.planned(StepKind::ReplaceInstance).is_empty() {
        return;
    }
    let Some(draft) = outdated(builder, group, member, template) else {
        return;
    };
    if refuse(builder, group) {
        return;
    }
    let call = GroupCall::TerminateInstance {
        group: group.name.clone(),
        id: member.id.clone(),
    };
    let last = builder.all_planned();
    builder.step(draft, Deferred::Known(Action::Group(call)).not_before(&last));
}

/// In what the instance differs from what the group launches once the spec is applied; `None` where it does not, as far as the
/// group tells.
fn outdated(builder: &Builder<'_>, group: &Group, member: &GroupInstance, template: &Deferred<Pin>) -> Option<Draft> {
    let reason = "the group launches the next one, as the spec says by then: down until that serves";
    let mut draft = Draft::new(StepKind::ReplaceInstance, Change::Delete, reason).target(member.id.clone());
    let is_other_template = match (template, &group.template_id) {
        (Deferred::Known(pin), Some(id)) => pin.template_id != *id,
        _ => false,
    };
    if let Some(runs) = &member.template_version {
        let pinned = template.show(|pin| pin.version.to_string());
        draft = match is_other_template {
            true => draft.sets_later("launch template version", pinned),
            false => draft.changes_later("launch template version", runs, pinned),
        };
    }
    let mut types = builder.spec.instance.types();
    if let Some(runs) = &member.instance_type
        && !types.any(|named| named == runs)
    {
        let types: Vec<&str> = builder.spec.instance.types().map(String::as_str).collect();
        draft = draft.changes("instance type", runs, types.join(", else "));
    }
    draft.has_changes().then_some(draft)
}

/// Refuses what would take the instance away and bring none back.
fn refuse(builder: &mut Builder<'_>, group: &Group) -> bool {
    let held_back: Vec<&str> = group.held_back_by().map(String::as_str).collect();
    if let Some(parked) = group.tags.get(TAG_PARKED) {
        builder.refuse(
            "stack-parked",
            format!("the stack has parked itself, and nothing would take the instance's place: {parked}"),
            "`selfheal resume` lifts it",
        );
    } else if refuse_unfinished(builder, group) {
    } else if !held_back.is_empty() {
        builder.refuse(
            "launch-suspended",
            format!(
                "the group's processes {} are suspended, and nothing would take the instance's place",
                held_back.join(", ")
            ),
            "`selfheal resume` lifts it",
        );
    } else if group.desired == 0 {
        builder.refuse(
            "stack-asleep",
            "the stack sleeps, and has no instance to replace",
            "`selfheal wake` launches one, of the version that the group is pinned to",
        );
    } else {
        return false;
    }
    true
}

/// Refuses to change what an apply was about to replace.
pub(super) fn refuse_unfinished(builder: &mut Builder<'_>, group: &Group) -> bool {
    if group.is_replacing() {
        builder.refuse(
            "replacement-unfinished",
            "an apply was cut off while it replaced the instance",
            "`selfheal apply` finishes it",
        );
    }
    group.is_replacing()
}

/// What the next instance differs in from this one, as far as the group tells.
fn versions(draft: Draft, group: &Group, member: &GroupInstance) -> Draft {
    match (&member.template_version, &group.template_version) {
        (Some(runs), Some(pinned)) if runs != pinned => draft.changes("launch template version", runs, pinned),
        (_, Some(pinned)) => draft.sets("launch template version", pinned),
        _ => draft,
    }
}
