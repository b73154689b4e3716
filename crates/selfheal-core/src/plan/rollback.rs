//! Going back to an earlier version of the launch template, whole: what an apply made of the spec is not taken apart.
//!
//! A stack that sleeps or has parked itself goes back as well, and is launched from that version when it wakes or is resumed:
//! what does not boot parks itself within minutes.

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Plan, StepKind, replace, sleep};
use crate::existing::Stack;
use crate::existing::existing;
use crate::existing::volume::unfinished;
use crate::world::{Action, Group, GroupCall, GroupSettings, LaunchTemplateId, SubnetId};

/// Composes what pins the group to a version; nothing where it is pinned to that already.
pub(super) fn compose(mut builder: Builder<'_>, version: u64) -> Plan {
    let Some(group) = sleep::usable(&mut builder) else {
        return builder.finish();
    };
    if replace::refuse_unfinished(&mut builder, group) {
        return builder.finish();
    }
    let pinned = group.template_version.as_deref().unwrap_or("none");
    if version == 0 {
        builder.refuse(
            "no-earlier-version",
            format!("the group is pinned to version {pinned} of its launch template, and there is none before"),
            "`selfheal rollback --to VERSION` names one",
        );
        return builder.finish();
    }
    if pinned == version.to_string() {
        return builder.finish();
    }
    if !refuse_another_stack(&mut builder, version) {
        pin(&mut builder, group, version);
    }
    builder.finish()
}

/// Refuses a version that does not lead to what the stack holds: the role allows the volume and the address of now alone, so that
/// each boot would fail.
fn refuse_another_stack(builder: &mut Builder<'_>, version: u64) -> bool {
    let (spec, observed) = (builder.spec, builder.observed);
    if unfinished(&Stack::new(spec, observed)).is_some() {
        builder.refuse(
            "restore-unfinished",
            "a restore is not finished",
            "`selfheal restore` with what it was begun with finishes it, and `selfheal restore --undo` gives it up",
        );
        return true;
    }
    let template = observed.launch_template.as_ref();
    let Some(template) = template.filter(|template| template.version == version) else {
        builder.refuse(
            "no-such-version",
            format!("the launch template has no version {version}"),
            "`aws ec2 describe-launch-template-versions` lists those that it has",
        );
        return true;
    };
    let settings = template.data.user_data.settings();
    let named = |key: &str| {
        let value = settings.as_ref().and_then(|settings| settings.get(key));
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let existing = existing(spec, observed);
    let volume = existing.volume.map(|volume| volume.id.to_string());
    let address = existing.address.map(|address| address.allocation_id.to_string());
    for (what, names, holds) in [
        ("volume", named("volume_id"), volume),
        ("address", named("allocation_id"), address),
    ] {
        if names != holds {
            let or_none = |id: Option<String>| id.unwrap_or_else(|| "none".to_owned());
            builder.refuse(
                "version-of-other-resources",
                format!(
                    "version {version} is of another time: its {what} is {}, and the stack's is {}",
                    or_none(names),
                    or_none(holds)
                ),
                "put the file back to what it was then, and run `selfheal apply` and `selfheal replace`",
            );
            return true;
        }
    }
    false
}

/// Pins the group to the version, and leaves all else of it as it is.
fn pin(builder: &mut Builder<'_>, group: &Group, version: u64) {
    let pinned = group.template_version.as_deref().unwrap_or("none");
    let (Some(template), [subnet]) = (&group.template_id, &group.subnets[..]) else {
        builder.refuse(
            "group-differs",
            format!(
                "the group {} was changed by hand, and has no launch template or not one subnet",
                group.name
            ),
            "`selfheal apply` mends it",
        );
        return;
    };
    let reason = "what is launched from now on is what it was then";
    let draft = Draft::new(StepKind::UpdateGroup, Change::Update, reason)
        .target(group.name.clone())
        .changes("launch template version", pinned, version.to_string());
    let call = GroupCall::UpdateGroup(settings(builder, group, (template, version), subnet));
    builder.step(draft, Deferred::Known(Action::Group(call)));
    super::group::tell_state(builder, group);
    builder.note(
        "rolled-back",
        "the file still says what the later version was made of: mend it before the next `selfheal apply`, which pins the group to \
         what the file says",
    );
}

/// The group as it is, but for the version.
fn settings(
    builder: &Builder<'_>,
    group: &Group,
    (template, version): (&LaunchTemplateId, u64),
    subnet: &SubnetId,
) -> GroupSettings {
    GroupSettings {
        name: group.name.clone(),
        min: group.min,
        max: group.max,
        desired: group.desired,
        subnet: subnet.clone(),
        template_id: template.clone(),
        template_version: version,
        mixed: group.mixed.clone(),
        health_check_type: group.health_check_type.clone(),
        health_check_grace_s: group.health_check_grace_s,
        hooks: builder.observed.hooks.clone(),
        tags: group.tags.clone(),
    }
}
