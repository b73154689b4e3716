//! Destroying a stack: everything but the address and the data, which go only where each is named.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::builder::{Builder, Draft, Later};
use super::{Change, Need, Plan, StepKey, WorldWait, application_check, volume};
use crate::action::{ARecord, Action};
use crate::names::{POLICY_NAME, Role, TAG_FINAL, TAG_STACK};
use crate::observed::{Address, Observed, Snapshot, Volume};
use crate::spec::Spec;

/// How long after it was started a last snapshot still counts as the last.
///
/// Terminated instances stay visible for about an hour, so that within this time no instance can have written since without
/// being seen.
const FINAL_SNAPSHOT_VALID: SignedDuration = SignedDuration::from_mins(50);

/// What a destroy takes with it beyond what can be made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DestroyOptions {
    /// Release the Elastic IP.
    pub release_address: bool,
    /// Delete the data volume, after a snapshot of it is completed.
    pub delete_data: bool,
}

/// Plans what removes the stack.
///
/// # Guarantees
/// - Total, like [`plan`](super::plan()).
/// - The address and the data volume stay unless their option is set; the volume goes only after a snapshot that was started
///   when no instance of the stack could write any more is completed.
/// - A resource that does not bear the stack's tags is left alone and noted.
#[must_use]
pub fn plan_destroy(spec: &Spec, observed: &Observed, options: &DestroyOptions) -> Plan {
    let mut builder = Builder::new(spec, observed);
    delete_record(&mut builder);
    let stopped = stop_instances(&mut builder);
    let unchecked = application_check::delete_all(&mut builder, "made by this stack");
    delete_template(&mut builder, &unchecked);
    delete_security_group(&mut builder, &stopped);
    delete_identity(&mut builder, &stopped);
    if options.release_address {
        release_addresses(&mut builder, &stopped);
    }
    if options.delete_data {
        delete_volumes(&mut builder, &stopped);
    }
    tell_kept(&mut builder, options);
    builder.finish()
}

fn delete_record(builder: &mut Builder<'_>) {
    let Some(zone) = &builder.observed.hosted_zone else {
        return;
    };
    let ours: Vec<Address> = addresses(builder);
    for record in builder
        .observed
        .records
        .iter()
        .filter(|record| record.record_type == "A")
    {
        let (Some(ttl_s), [value], None) = (record.ttl_s, record.values.as_slice(), &record.set_identifier) else {
            continue;
        };
        if !ours.iter().any(|address| address.public_ip == *value) {
            builder.note(
                "record-kept",
                format!("`{}` points at {value}, which is not ours: it stays", record.name),
            );
            continue;
        }
        let action = Action::DeleteRecord(ARecord {
            zone_id: zone.id.clone(),
            name: record.name.clone(),
            value: value.clone(),
            ttl_s,
        });
        let draft = Draft::new(StepKey::DeleteRecord, Change::Delete, "the name points at our address")
            .target(record.name.clone())
            .removes("value", value.clone());
        builder.step(draft, Later::Known(action));
    }
}

/// The addresses of the stack: tagged, or adopted by the spec and not another stack's.
fn addresses(builder: &Builder<'_>) -> Vec<Address> {
    let adopted = builder.spec.address.allocation.as_deref();
    let foreign = |address: &Address| {
        address
            .tags
            .get(TAG_STACK)
            .is_some_and(|stack| *stack != builder.spec.name)
    };
    let of_stack = |address: &&Address| {
        builder.names.owns(&address.tags, Role::Address)
            || (adopted == Some(address.allocation_id.as_str()) && !foreign(address))
    };
    builder.observed.addresses.iter().filter(of_stack).cloned().collect()
}

/// Deletes the group, and answers what must be done until nothing of the stack runs.
fn stop_instances(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    if let Some(group) = &builder.observed.group {
        if !builder.names.owns(&group.tags, Role::Group) {
            builder.refuse_foreign("Auto Scaling group", &group.name);
        } else if group.deleting {
            needs.insert(builder.wait(WorldWait::GroupGone {
                name: group.name.clone(),
            }));
        } else {
            let draft = Draft::new(StepKey::DeleteGroup, Change::Delete, "with its instance")
                .target(group.name.clone())
                .removes(
                    "size",
                    format!("min {}, max {}, desired {}", group.min, group.max, group.desired),
                );
            builder.step(
                draft,
                Later::Known(Action::DeleteGroup {
                    name: group.name.clone(),
                }),
            );
            needs.insert(Need::Step(StepKey::DeleteGroup));
        }
    }
    let running: Vec<String> = builder
        .observed
        .instances
        .iter()
        .filter(|instance| instance.state != "terminated")
        .map(|instance| instance.id.clone())
        .collect();
    if !running.is_empty() {
        needs.insert(builder.wait(WorldWait::InstancesGone { ids: running }));
    }
    needs
}

/// Deletes the launch template, after `before`: its tag is how a check is found that the spec does not ask for.
fn delete_template(builder: &mut Builder<'_>, before: &BTreeSet<Need>) {
    let Some(template) = &builder.observed.launch_template else {
        return;
    };
    if template.data.instance_tags.get(TAG_STACK) != Some(&builder.spec.name) {
        builder.refuse_foreign("launch template", &format!("{} ({})", template.name, template.id));
        return;
    }
    let after_group = match builder.observed.group {
        Some(_) => Later::after(StepKey::DeleteGroup),
        None => Later::Known(()),
    };
    let id = template.id.clone();
    let draft = Draft::new(StepKey::DeleteLaunchTemplate, Change::Delete, "with all its versions").target(id.clone());
    let after_group = match &builder.observed.group {
        Some(group) if group.deleting => Later::After(
            [builder.wait(WorldWait::GroupGone {
                name: group.name.clone(),
            })]
            .into(),
        ),
        _ => after_group,
    };
    let action = after_group.map(|()| Action::DeleteLaunchTemplate { id });
    builder.step(draft, action.not_before(before));
}

fn delete_security_group(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let name = builder.names.security_group.clone();
    for group in builder
        .observed
        .security_groups
        .iter()
        .filter(|group| group.name == name)
    {
        if !builder.names.owns(&group.tags, Role::SecurityGroup) {
            builder.note(
                "foreign-resource",
                format!("the security group {} is not ours: it stays", group.id),
            );
            continue;
        }
        let id = group.id.clone();
        let draft = Draft::new(StepKey::DeleteSecurityGroup, Change::Delete, "made by this stack").target(id.clone());
        builder.step(
            draft,
            Later::Known(Action::DeleteSecurityGroup { id }).not_before(stopped),
        );
    }
}

/// Role and profile go last: a terminating instance still acts under them.
fn delete_identity(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let mut before_role = stopped.clone();
    if let Some(profile) = &builder.observed.profile {
        if builder.names.owns(&profile.tags, Role::Profile) {
            let name = profile.name.clone();
            let mut before_profile = stopped.clone();
            if let Some(role) = &profile.role {
                let draft = Draft::new(
                    StepKey::RemoveRoleFromProfile,
                    Change::Delete,
                    "before the profile can go",
                )
                .target(name.clone())
                .removes("role", role.clone());
                let action = Action::RemoveRoleFromProfile {
                    profile: name.clone(),
                    role: role.clone(),
                };
                builder.step(draft, Later::Known(action).not_before(stopped));
                before_profile.insert(Need::Step(StepKey::RemoveRoleFromProfile));
                before_role.insert(Need::Step(StepKey::RemoveRoleFromProfile));
            }
            let draft =
                Draft::new(StepKey::DeleteInstanceProfile, Change::Delete, "made by this stack").target(name.clone());
            let action = Later::Known(Action::DeleteInstanceProfile { name });
            builder.step(draft, action.not_before(&before_profile));
        } else {
            builder.note(
                "foreign-resource",
                format!("the instance profile {} is not ours: it stays", profile.name),
            );
        }
    }
    let Some(role) = &builder.observed.role else { return };
    if !builder.names.owns(&role.tags, Role::Role) {
        builder.note(
            "foreign-resource",
            format!("the IAM role {} is not ours: it stays", role.name),
        );
        return;
    }
    let name = role.name.clone();
    if builder.observed.role_policy.is_some() {
        let draft =
            Draft::new(StepKey::DeleteRolePolicy, Change::Delete, "before the role can go").target(name.clone());
        let action = Action::DeleteRolePolicy {
            role: name.clone(),
            policy_name: POLICY_NAME.to_owned(),
        };
        builder.step(draft, Later::Known(action).not_before(stopped));
        before_role.insert(Need::Step(StepKey::DeleteRolePolicy));
    }
    let draft = Draft::new(StepKey::DeleteRole, Change::Delete, "made by this stack").target(name.clone());
    builder.step(
        draft,
        Later::Known(Action::DeleteRole { name }).not_before(&before_role),
    );
}

fn release_addresses(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let addresses = addresses(builder);
    if refuse_several(
        builder,
        "Elastic IPs",
        addresses.iter().map(|address| &address.allocation_id),
    ) {
        return;
    }
    let Some(address) = addresses.first() else { return };
    let mut before = stopped.clone();
    if let Some(association_id) = address.association_id.clone() {
        let draft = Draft::new(
            StepKey::DisassociateAddress,
            Change::Delete,
            "before the address can go",
        )
        .target(address.public_ip.clone());
        let action = Later::Known(Action::DisassociateAddress { association_id });
        builder.step(draft, action.not_before(stopped));
        before.insert(Need::Step(StepKey::DisassociateAddress));
    }
    let draft = Draft::new(
        StepKey::ReleaseAddress,
        Change::Delete,
        "asked for: the address is gone for good",
    )
    .target(format!("{} ({})", address.allocation_id, address.public_ip));
    let action = Later::Known(Action::ReleaseAddress {
        allocation_id: address.allocation_id.clone(),
    });
    builder.step(draft, action.not_before(&before));
}

fn delete_volumes(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    // One at a time, like the address.
    let Some(volume) = volume::existing(builder).first().copied() else {
        return;
    };
    let mut before = stopped.clone();
    match last_snapshot(builder, volume).filter(|_| stopped.is_empty()) {
        Some(snapshot) if snapshot.state == "completed" => {}
        Some(snapshot) => {
            before.insert(builder.wait(WorldWait::SnapshotCompleted {
                id: snapshot.id.clone(),
            }));
        }
        None => {
            let mut tags = builder.names.tags(Role::Snapshot);
            tags.insert(TAG_FINAL.to_owned(), "true".to_owned());
            let draft = Draft::new(
                StepKey::CreateSnapshot,
                Change::Create,
                "the data is kept as a snapshot",
            )
            .sets("volume", volume.id.clone());
            let action = Action::CreateSnapshot {
                volume_id: volume.id.clone(),
                description: format!(
                    "selfheal {}: last snapshot before the volume was deleted",
                    builder.spec.name
                ),
                tags,
            };
            builder.step(draft, Later::Known(action).not_before(stopped));
            before.insert(Need::Step(StepKey::CreateSnapshot));
        }
    }
    let draft = Draft::new(
        StepKey::DeleteVolume,
        Change::Delete,
        "asked for: after its snapshot is completed",
    )
    .target(volume.id.clone())
    .removes("size", format!("{} GiB", volume.size_gib));
    builder.step(
        draft,
        Later::Known(Action::DeleteVolume { id: volume.id.clone() }).not_before(&before),
    );
}

/// Refuses to choose what to give up for good where there are several.
fn refuse_several<'a>(builder: &mut Builder<'_>, what: &str, ids: impl ExactSizeIterator<Item = &'a String>) -> bool {
    if ids.len() < 2 {
        return false;
    }
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    builder.refuse(
        "several",
        format!(
            "several {what} bear the tags of stack `{}`: {}",
            builder.spec.name,
            ids.join(", ")
        ),
        "what goes for good is not guessed: remove the stack's tags from those that are not to go",
    );
    true
}

/// The snapshot that holds the volume's last state, if one was taken since the last instance ran.
fn last_snapshot<'a>(builder: &Builder<'a>, volume: &Volume) -> Option<&'a Snapshot> {
    let observed = builder.observed;
    let last_launch = observed.instances.iter().map(|instance| instance.launched_at).max();
    observed
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.volume_id == volume.id && snapshot.tags.contains_key(TAG_FINAL))
        .filter(|snapshot| snapshot.state != "error")
        .filter(|snapshot| {
            let since_launch = last_launch.is_none_or(|launched| snapshot.started_at > launched);
            let recent = observed.observed_at.duration_since(snapshot.started_at) < FINAL_SNAPSHOT_VALID;
            observed.own_snapshots.contains(&snapshot.id) || (since_launch && recent)
        })
        .max_by_key(|snapshot| snapshot.started_at)
}

fn tell_kept(builder: &mut Builder<'_>, options: &DestroyOptions) {
    if !options.release_address {
        for address in addresses(builder) {
            builder.note(
                "address-kept",
                format!(
                    "the Elastic IP {} ({}) is kept, and costs money while it is: --release-address gives it up",
                    address.allocation_id, address.public_ip
                ),
            );
        }
    }
    if !options.delete_data {
        for volume in volume::existing(builder) {
            builder.note(
                "data-kept",
                format!(
                    "the data volume {} ({} GiB) is kept: --delete-data deletes it",
                    volume.id, volume.size_gib
                ),
            );
        }
    }
}
