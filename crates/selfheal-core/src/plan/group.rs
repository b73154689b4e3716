//! The Auto Scaling group of exactly one, and its lifecycle hooks.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::iam::Identity;
use super::step::{PARKED, SUSPENDED};
use super::template::Pin;
use super::volume::DataVolume;
use super::{Change, Need, StepKind, WaitFor, replacement};
use crate::desired::{LAUNCH_HOOK_HEARTBEAT_S, TERMINATE_HOOK_HEARTBEAT_S, health_check_grace_s};
use crate::names::{LAUNCH_HOOK, ResourceKind, TAG_LAST_ERROR, TAG_PARKED, TERMINATE_HOOK};
use crate::world::{
    Action, Group, GroupCall, GroupSettings, InstanceId, InstanceState, LifecycleHook, MixedPolicy, Subnet,
};

/// Plans the group and its hooks.
pub(super) fn plan(
    builder: &mut Builder<'_>,
    subnet: Option<&Subnet>,
    template: &Deferred<Pin>,
    identity: &Identity,
    volume: &DataVolume,
) {
    // Without a subnet the plan has been refused already.
    let Some(subnet) = subnet else { return };
    let mut before: BTreeSet<Need> = identity.needs.union(&volume.usable_after).cloned().collect();
    let settings = template.clone().map(|pin| settings(builder, subnet, &pin));
    match &builder.observed.group {
        Some(group) if !builder.names.owns(&group.tags, ResourceKind::Group) => {
            builder.refuse_foreign(ResourceKind::Group, "Auto Scaling group", &group.name);
        }
        Some(group) if !group.deleting => {
            update(builder, group, subnet, template, settings.not_before(&before));
            tell_state(builder, group);
        }
        deleting => {
            if let Some(group) = deleting {
                before.insert(builder.wait(WaitFor::GroupGone {
                    name: group.name.clone(),
                }));
            }
            create(builder, subnet, template, settings.not_before(&before));
        }
    }
    let why = "a new instance waits until its boot program is done";
    plan_hook(builder, StepKind::PutLaunchHook, why, launch_hook());
    let why = "an instance stops its app and gives the volume back before it goes";
    plan_hook(builder, StepKind::PutTerminateHook, why, terminate_hook());
}

fn settings(builder: &Builder<'_>, subnet: &Subnet, pin: &Pin) -> GroupSettings {
    GroupSettings {
        name: builder.names.group.clone(),
        min: min_size(builder),
        max: MAX_SIZE,
        desired: 1,
        subnet: subnet.id.clone(),
        template_id: pin.template_id.clone(),
        template_version: pin.version,
        mixed: wanted(builder),
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: health_check_grace_s(builder.spec),
        hooks: vec![launch_hook(), terminate_hook()],
        tags: builder.names.tags(ResourceKind::Group),
    }
}

/// Only one instance can hold the volume and the address.
const MAX_SIZE: u32 = 1;

/// A stack that may sleep has a minimum of 0 for good: with any other one AWS would launch an instance for the sake of the
/// minimum, at an apply in the middle of the night. The two bounds are the spec's, and the desired capacity in between is
/// never sent: whatever changes it, an apply cannot undo it.
fn min_size(builder: &Builder<'_>) -> u32 {
    let group = builder.observed.group.as_ref().filter(|group| !group.deleting);
    let may_sleep = builder.spec.schedule.is_some() || group.is_some_and(Group::may_sleep);
    u32::from(!may_sleep)
}

fn launch_hook() -> LifecycleHook {
    LifecycleHook {
        name: LAUNCH_HOOK.to_owned(),
        transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
        heartbeat_s: LAUNCH_HOOK_HEARTBEAT_S,
        default_result: "ABANDON".to_owned(),
    }
}

fn terminate_hook() -> LifecycleHook {
    LifecycleHook {
        name: TERMINATE_HOOK.to_owned(),
        transition: "autoscaling:EC2_INSTANCE_TERMINATING".to_owned(),
        heartbeat_s: TERMINATE_HOOK_HEARTBEAT_S,
        default_result: "CONTINUE".to_owned(),
    }
}

fn create(builder: &mut Builder<'_>, subnet: &Subnet, template: &Deferred<Pin>, settings: Deferred<GroupSettings>) {
    let draft = Draft::new(
        StepKind::CreateGroup,
        Change::Create,
        "it keeps exactly one instance alive",
    )
    .target(builder.names.group.clone())
    .sets("size", format!("min {}, max {MAX_SIZE}, desired 1", min_size(builder)))
    .sets("subnet", format!("{} ({})", subnet.id, subnet.zone));
    let draft = match wanted(builder) {
        Some(policy) => draft
            .sets("instance types", show_types(Some(&policy)))
            .sets("market", show_market(Some(&policy))),
        None => draft,
    };
    let draft = draft.sets_later("launch template version", template.show(|pin| pin.version.to_string()));
    builder.step(draft, settings.map(|settings| GroupCall::CreateGroup(settings).into()));
}

fn update(
    builder: &mut Builder<'_>,
    group: &Group,
    subnet: &Subnet,
    template: &Deferred<Pin>,
    settings: Deferred<GroupSettings>,
) {
    let min = min_size(builder);
    let none = || "none".to_owned();
    let (have, want) = (group.mixed.as_ref(), wanted(builder));
    let mut draft = Draft::new(StepKind::UpdateGroup, Change::Update, "the group differs")
        .target(group.name.clone())
        // Each by itself: what changes one of them in the middle of a run changes nothing that was shown of the others.
        .changes("minimum size", group.min.to_string(), min.to_string())
        .changes("maximum size", group.max.to_string(), MAX_SIZE.to_string())
        // AWS brings it within the bounds.
        .changes(
            "desired capacity",
            group.desired.to_string(),
            group.desired.clamp(min, MAX_SIZE).to_string(),
        )
        .changes("instance types", show_types(have), show_types(want.as_ref()))
        .changes("market", show_market(have), show_market(want.as_ref()))
        .changes("subnet", group.subnets.join(", "), subnet.id.clone());
    if builder.planned(StepKind::CreateTemplateVersion).is_empty() {
        let have = group.template_id.as_ref().map_or_else(none, String::from);
        draft = draft.changes_later(
            "launch template",
            have,
            template.show(|pin| pin.template_id.to_string()),
        );
    }
    let draft = draft
        .changes_later(
            "launch template version",
            group.template_version.clone().unwrap_or_else(none),
            template.show(|pin| pin.version.to_string()),
        )
        .changes("health check", group.health_check_type.clone(), "EC2")
        .changes(
            "grace period",
            format!("{} s", group.health_check_grace_s),
            format!("{} s", health_check_grace_s(builder.spec)),
        );
    let mut done = BTreeSet::new();
    let mut replaces = group.is_replacing();
    if draft.has_changes() {
        let mut before = BTreeSet::new();
        if replacement::replaces(have, want.as_ref()) {
            before = replacement::begin(builder, group, &settings);
            replaces |= !before.is_empty();
        }
        let action = settings.map(|settings| GroupCall::UpdateGroup(settings).into());
        done.insert(builder.step(draft, action.not_before(&before)));
    }
    if replaces {
        replacement::end(builder, group, &done);
    }
}

/// The mixed instances policy that the spec asks for: only where one type at the on-demand price does not say it all.
fn wanted(builder: &Builder<'_>) -> Option<MixedPolicy> {
    let instance = &builder.spec.instance;
    instance
        .is_mixed()
        .then(|| MixedPolicy::new(instance.types().cloned(), instance.market))
}

fn show_types(policy: Option<&MixedPolicy>) -> String {
    policy.map_or_else(
        || "that of the launch template".to_owned(),
        |policy| policy.types.join(", then "),
    )
}

fn show_market(policy: Option<&MixedPolicy>) -> String {
    let Some(policy) = policy else {
        return "on-demand".to_owned();
    };
    let MixedPolicy {
        on_demand_base: base,
        on_demand_percent: percent,
        on_demand_strategy,
        spot_strategy,
        ..
    } = policy;
    match (base, percent) {
        (0, 100) => format!("on-demand, {on_demand_strategy}"),
        (0, 0) => format!("spot, {spot_strategy}"),
        _ => format!("{base} and {percent} % on demand ({on_demand_strategy}), the rest spot ({spot_strategy})"),
    }
}

/// Writes a hook where it is missing or differs.
///
/// A group is created with its hooks, which AWS adds before it launches the first instance. So they need no call of their own
/// then: the step is there until the group is, and is done with it.
fn plan_hook(builder: &mut Builder<'_>, key: StepKind, why: &str, want: LifecycleHook) {
    let have = builder.observed.hooks.iter().find(|hook| hook.name == want.name);
    let exists = builder.observed.group.as_ref().is_some_and(|group| !group.deleting);
    let draft = match have.filter(|_| exists) {
        None => Draft::new(key, Change::Create, why)
            .sets("heartbeat", format!("{} s", want.heartbeat_s))
            .sets("default result", want.default_result.clone()),
        Some(have) => Draft::new(key, Change::Update, "the hook differs")
            .changes("transition", have.transition.clone(), want.transition.clone())
            .changes(
                "heartbeat",
                format!("{} s", have.heartbeat_s),
                format!("{} s", want.heartbeat_s),
            )
            .changes(
                "default result",
                have.default_result.clone(),
                want.default_result.clone(),
            ),
    };
    if !draft.has_changes() {
        return;
    }
    let draft = draft.target(want.name.clone());
    let action = Action::Group(GroupCall::PutLifecycleHook {
        group: builder.names.group.clone(),
        hook: want,
    });
    let action = if exists {
        Deferred::Known(action)
    } else {
        Deferred::After(builder.planned(StepKind::CreateGroup))
    };
    builder.step(draft, action);
}

/// Tells what a person should know about a group that apply leaves as it is.
pub(super) fn tell_state(builder: &mut Builder<'_>, group: &Group) {
    let held_back: Vec<&str> = group.held_back_by().map(String::as_str).collect();
    if let Some(parked) = group.tags.get(TAG_PARKED) {
        let error = group
            .tags
            .get(TAG_LAST_ERROR)
            .map(|error| format!("; last error: {error}"))
            .unwrap_or_default();
        let schedule = if builder.observed.scheduled_actions.is_empty() {
            ""
        } else {
            ". Its schedule does not wake it"
        };
        builder.note(
            PARKED,
            format!("the stack has parked itself ({parked}{error}): `selfheal resume` lifts it{schedule}"),
        );
    } else if !held_back.is_empty() && !group.is_replacing() {
        builder.note(
            SUSPENDED,
            format!(
                "the group's processes {} are suspended: `selfheal resume` lifts it",
                held_back.join(", ")
            ),
        );
    }
}

/// Deletes the group, and answers what must be done until nothing of the stack runs.
pub(super) fn stop(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    if let Some(group) = &builder.observed.group {
        if !builder.names.owns(&group.tags, ResourceKind::Group) {
            builder.refuse_foreign(ResourceKind::Group, "Auto Scaling group", &group.name);
        } else if group.deleting {
            needs.insert(builder.wait(WaitFor::GroupGone {
                name: group.name.clone(),
            }));
        } else {
            let draft = Draft::new(StepKind::DeleteGroup, Change::Delete, "with its instance")
                .target(group.name.clone())
                .removes(
                    "size",
                    format!("min {}, max {}, desired {}", group.min, group.max, group.desired),
                );
            let name = group.name.clone();
            let action = Action::Group(GroupCall::DeleteGroup { name });
            needs.insert(builder.step(draft, Deferred::Known(action)));
        }
    }
    let running: Vec<InstanceId> = builder
        .observed
        .instances
        .iter()
        .filter(|instance| instance.state != InstanceState::Terminated)
        .map(|instance| instance.id.clone())
        .collect();
    if !running.is_empty() {
        needs.insert(builder.wait(WaitFor::InstancesGone { ids: running }));
    }
    needs
}
