//! Replacing the instance where the group would do it by itself, and in the wrong order.
//!
//! A group that comes to launch from a mixed instances policy, or ceases to, or changes how its instances are paid for,
//! launches what the policy wants before it terminates what it does not want: the newcomer waits for the volume that the old
//! one holds, and fails. So the group is kept from launching, updated, and its instance terminated; once that has left, and has
//! given the volume back, the group launches the next one.
//!
//! How far a replacement is stands in the group's suspended processes alone: [`REPLACING`] are set before the update and
//! lifted last, so that whatever instance the group has in between was there before. A run that was cut off is gone on with
//! by the next one.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind, WaitFor};
use crate::world::{Action, Group, GroupCall, GroupInstance, GroupSettings, InstanceId, MixedPolicy, REPLACING};

/// Whether the group replaces its instance by itself when it comes from the one policy to the other.
///
/// Source: API reference of `UpdateAutoScalingGroup`: "existing instances may be replaced to match the new purchasing options";
/// it "launches new instances before terminating the old ones". Other types replace nothing.
pub(super) fn replaces(have: Option<&MixedPolicy>, want: Option<&MixedPolicy>) -> bool {
    let purchase = |policy: &MixedPolicy| (policy.on_demand_base, policy.on_demand_percent);
    have.map(purchase) != want.map(purchase)
}

/// The instances that the group is to have no longer, and those that it has no longer but for their end.
fn members(group: &Group) -> (Vec<InstanceId>, Vec<InstanceId>) {
    let (leaving, staying): (Vec<&GroupInstance>, Vec<&GroupInstance>) =
        group.instances.iter().partition(|member| member.lifecycle.is_leaving());
    let ids = |members: Vec<&GroupInstance>| members.into_iter().map(|member| member.id.clone()).collect();
    (ids(staying), ids(leaving))
}

/// Keeps the group from launching before an update after which it would replace its instance; answers what the update waits
/// for.
pub(super) fn begin(builder: &mut Builder<'_>, group: &Group, ready: &Deferred<GroupSettings>) -> BTreeSet<Need> {
    // A restore stops the instance by itself, and updates the group after that.
    let stops = !builder.planned(StepKind::StopServing).is_empty();
    if group.is_replacing() || stops || members(group).0.is_empty() {
        return BTreeSet::new();
    }
    let suspended: Vec<&str> = group.held_back_by().map(String::as_str).collect();
    if !suspended.is_empty() {
        builder.refuse(
            "replacement-suspended",
            format!(
                "what the spec changes of `[instance]` replaces the instance, and the group's processes {} are suspended",
                suspended.join(", ")
            ),
            "`selfheal resume` lifts that first",
        );
        return BTreeSet::new();
    }
    let reason = "the group would launch the next instance before this one is gone, which holds the volume";
    let draft = Draft::new(StepKind::SuspendLaunches, Change::Update, reason)
        .target(group.name.clone())
        .sets("suspended", REPLACING.join(", "));
    let call = GroupCall::SuspendProcesses {
        group: group.name.clone(),
        processes: REPLACING.map(str::to_owned).to_vec(),
    };
    [builder.step(draft, ready.as_ref().map(|_| Action::Group(call)))].into()
}

/// Terminates the instance after these, and lets the group launch again once it has left.
pub(super) fn end(builder: &mut Builder<'_>, group: &Group, after: &BTreeSet<Need>) {
    let (staying, leaving) = members(group);
    let mut before = after.clone();
    for id in staying {
        let reason = "another one takes its place: down until that serves";
        let draft = Draft::new(StepKind::ReplaceInstance, Change::Delete, reason).target(id.clone());
        let call = GroupCall::TerminateInstance {
            group: group.name.clone(),
            id,
        };
        before.insert(builder.step(draft, Deferred::Known(Action::Group(call)).not_before(after)));
    }
    if !leaving.is_empty() {
        before.insert(builder.wait(WaitFor::InstancesLeft {
            group: group.name.clone(),
            ids: leaving,
        }));
    }
    let reason = "the group launches the instance that takes the place";
    let draft = Draft::new(StepKind::ResumeLaunches, Change::Update, reason)
        .target(group.name.clone())
        .sets("resumed", REPLACING.join(", "));
    let call = GroupCall::ResumeProcesses {
        group: group.name.clone(),
        processes: REPLACING.map(str::to_owned).to_vec(),
    };
    builder.step(draft, Deferred::Known(Action::Group(call)).not_before(&before));
}
