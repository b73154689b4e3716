//! Stopping the stack while its data volume is changed, and starting it again.

use std::collections::BTreeSet;

use super::super::builder::{Builder, Deferred, Draft};
use super::super::{Change, Need, StepKind, WaitFor, sleep};
use super::options::RestoreOptions;
use crate::existing::volume::aside;
use crate::names::ResourceKind;
use crate::world::{Action, Group, GroupCall, InstanceId, InstanceState};

/// The stack's group, where it has one.
pub(super) fn group<'a>(builder: &Builder<'a>) -> Option<&'a Group> {
    let group = builder.observed.group.as_ref();
    group.filter(|group| !group.deleting && builder.names.owns(&group.tags, ResourceKind::Group))
}

/// The stack's instances that may still write.
pub(super) fn running(builder: &Builder<'_>) -> Vec<InstanceId> {
    let instances = &builder.observed.instances;
    let members = group(builder).into_iter().flat_map(|group| &group.instances);
    let ended = |id: &InstanceId| {
        let mut known = instances.iter().filter(|instance| instance.id == *id);
        known.any(|instance| instance.state == InstanceState::Terminated)
    };
    let alive = instances.iter().filter(|it| it.state != InstanceState::Terminated);
    let ids: BTreeSet<InstanceId> = members
        .map(|member| member.id.clone())
        .filter(|id| !ended(id))
        .chain(alive.map(|instance| instance.id.clone()))
        .collect();
    ids.into_iter().collect()
}

/// Stops the stack once the new volume can be used; answers what has to be done until nothing of it runs.
pub(super) fn stop(builder: &mut Builder<'_>, options: &RestoreOptions, usable: &BTreeSet<Need>) -> BTreeSet<Need> {
    let Some(group) = group(builder) else {
        return BTreeSet::new();
    };
    if group.desired > 0 {
        let mut before = usable.clone();
        if !group.may_sleep() {
            before.insert(sleep::allow_none(builder, group));
        }
        return [set_desired(builder, StepKind::StopServing, group, 0, &before)].into();
    }
    let running = running(builder);
    if running.is_empty() || options.zone_lost {
        return BTreeSet::new();
    }
    [stopped(builder, group, running)].into()
}

/// Waits until nothing of the stack runs. The group is read as well: its schedule, or a person, may wake the stack meanwhile.
pub(super) fn stopped(builder: &mut Builder<'_>, group: &Group, ids: Vec<InstanceId>) -> Need {
    builder.wait(WaitFor::Stopped {
        group: group.name.clone(),
        ids,
    })
}

/// Stops what was launched for a volume that has been set aside since: the stack's schedule, or a person, may have woken it
/// in the middle of a restore.
pub(super) fn stop_strays(builder: &mut Builder<'_>, before: &BTreeSet<Need>) {
    let Some(group) = group(builder).filter(|group| group.desired > 0) else {
        return;
    };
    let aside = aside(builder);
    let stray = |id: &InstanceId| {
        let held = aside.iter().filter_map(|volume| volume.attachment.as_ref());
        held.into_iter().any(|attachment| attachment.instance_id == *id)
    };
    // One that leaves, as in a zone that is lost, is nobody's to stop.
    let members = group.instances.iter().filter(|member| !member.lifecycle.is_leaving());
    let running = running(builder);
    let staying: Vec<&InstanceId> = members.map(|member| &member.id).collect();
    if running.iter().any(|id| staying.contains(&id) && stray(id)) {
        set_desired(builder, StepKind::StopServing, group, 0, before);
    }
}

pub(super) fn set_desired(
    builder: &mut Builder<'_>,
    kind: StepKind,
    group: &Group,
    desired: u32,
    before: &BTreeSet<Need>,
) -> Need {
    let reason = if desired == 0 {
        "the instance gives the volume back, and goes"
    } else {
        "the group launches an instance, which takes the new volume"
    };
    let draft = Draft::new(kind, Change::Update, reason)
        .target(group.name.clone())
        .changes(
            "desired capacity",
            (1 - desired.min(1)).to_string(),
            desired.to_string(),
        );
    let action = Action::Group(GroupCall::SetDesiredCapacity {
        group: group.name.clone(),
        desired,
    });
    builder.step(draft, Deferred::Known(action).not_before(before))
}
