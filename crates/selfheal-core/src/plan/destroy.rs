//! Destroying a stack: everything but the address and the data, which go only where each is named.

use std::collections::BTreeSet;

use super::address::{User, user};
use super::builder::{Builder, Draft, Later};
use super::volume_choice::{Choice, choose, several, tagged};
use super::{Change, Need, Plan, StepKind, WaitFor, address, application_check, dns, schema};
use crate::names::{APP_POLICY_NAME, POLICY_NAME, Role, TAG_FINAL, TAG_STACK};
use crate::spec::Spec;
use crate::world::{
    ARecord, Action, Address, AddressCall, GroupCall, InstanceProfileCall, LaunchTemplateCall, Observed, RecordCall,
    RoleCall, SecurityGroupCall, Snapshot, SnapshotCall, Volume, VolumeCall,
};

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
/// - The address and the data volume stay unless their option is set; the volume goes only after a snapshot that this run
///   started when no instance of the stack could write any more is completed.
/// - A resource that does not bear the stack's tags is left alone and noted.
#[must_use]
pub fn plan_destroy(spec: &Spec, observed: &Observed, options: &DestroyOptions) -> Plan {
    let mut builder = Builder::new(spec, observed);
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    check_tags(&mut builder);
    refuse_others(&mut builder);
    let unnamed = delete_records(&mut builder);
    let stopped = stop_instances(&mut builder);
    let unchecked = application_check::delete_all(&mut builder, "made by this stack");
    delete_template(&mut builder, &unchecked);
    delete_security_group(&mut builder, &stopped);
    delete_identity(&mut builder, &stopped);
    if options.release_address {
        // Nothing may point at an address that is somebody else's from then on.
        release_addresses(&mut builder, &stopped.union(&unnamed).cloned().collect());
    }
    if options.delete_data {
        delete_volumes(&mut builder, &stopped);
    }
    tell_kept(&mut builder, options);
    builder.finish()
}

/// Refuses to remove what names the stack's volume and address where they have lost their tags: nothing would lead to them
/// any more.
fn check_tags(builder: &mut Builder<'_>) {
    let volume = choose(builder)
        .volume()
        .filter(|volume| !builder.names.owns(&volume.tags, Role::Volume));
    let address = address::choose(builder).filter(|address| {
        let adopted = builder.spec.address.allocation.is_some();
        let foreign = address
            .tags
            .get(TAG_STACK)
            .is_some_and(|stack| *stack != builder.spec.name);
        !adopted && !foreign && !builder.names.owns(&address.tags, Role::Address)
    });
    let ids = volume
        .map(|volume| volume.id.clone())
        .into_iter()
        .chain(address.map(|address| address.allocation_id));
    for id in ids.collect::<Vec<_>>() {
        builder.refuse(
            "tags-lost",
            format!("{id} is the stack's, and has lost its tags: nothing would lead to it once the stack is gone"),
            "run `selfheal apply` first, which puts them back",
        );
    }
}

/// Deletes the records that point at the stack, the spec's and one that it does not name any more; answers what must be done
/// until none does.
fn delete_records(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    if dns::wait_for_route_53(builder, StepKind::DeleteRecord) {
        return [Need::World(WaitFor::DnsAnswers)].into();
    }
    let mut needs = dns::remove_former(builder);
    delete_record(builder, &mut needs);
    needs
}

fn delete_record(builder: &mut Builder<'_>, needs: &mut BTreeSet<Need>) {
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
        let action = Action::Record(RecordCall::DeleteRecord(ARecord {
            zone_id: zone.id.clone(),
            name: record.name.clone(),
            value: value.clone(),
            ttl_s,
        }));
        let draft = Draft::new(StepKind::DeleteRecord, Change::Delete, "the name points at our address")
            .target(record.name.clone())
            .removes("value", value.clone());
        needs.insert(builder.step(draft, Later::Known(action)));
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
            builder.refuse_foreign(Role::Group, "Auto Scaling group", &group.name);
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
            needs.insert(builder.step(draft, Later::Known(action)));
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
        needs.insert(builder.wait(WaitFor::InstancesGone { ids: running }));
    }
    needs
}

/// Deletes the launch template, after `before`: its tag is how a check is found that the spec does not ask for.
fn delete_template(builder: &mut Builder<'_>, before: &BTreeSet<Need>) {
    let Some(template) = &builder.observed.launch_template else {
        return;
    };
    if template.data.instance_tags.get(TAG_STACK) != Some(&builder.spec.name) {
        super::template::refuse_foreign(builder, template);
        return;
    }
    let after_group = match builder.observed.group {
        Some(_) => Later::After(builder.planned(StepKind::DeleteGroup)),
        None => Later::Known(()),
    };
    let id = template.id.clone();
    let draft = Draft::new(StepKind::DeleteLaunchTemplate, Change::Delete, "with all its versions").target(id.clone());
    let after_group = match &builder.observed.group {
        Some(group) if group.deleting => Later::After(
            [builder.wait(WaitFor::GroupGone {
                name: group.name.clone(),
            })]
            .into(),
        ),
        _ => after_group,
    };
    let action = after_group.map(|()| Action::LaunchTemplate(LaunchTemplateCall::DeleteLaunchTemplate { id }));
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
        let draft = Draft::new(StepKind::DeleteSecurityGroup, Change::Delete, "made by this stack").target(id.clone());
        builder.step(
            draft,
            Later::Known(Action::SecurityGroup(SecurityGroupCall::DeleteSecurityGroup { id })).not_before(stopped),
        );
    }
}

/// Refuses before anything is deleted where others have given the role policies: IAM keeps such a role, so that a destroy
/// would end with it for ever, and what they wanted of it is not ours to undo.
fn refuse_others(builder: &mut Builder<'_>) {
    let observed = builder.observed;
    let Some(role) = observed
        .role
        .as_ref()
        .filter(|role| builder.names.owns(&role.tags, Role::Role))
    else {
        return;
    };
    let ours = [POLICY_NAME, APP_POLICY_NAME];
    let inline: Vec<&str> = observed
        .role_policies
        .iter()
        .map(String::as_str)
        .filter(|name| !ours.contains(name))
        .collect();
    let attached: Vec<&str> = observed.role_attached.iter().map(String::as_str).collect();
    if inline.is_empty() && attached.is_empty() {
        return;
    }
    let name = &role.name;
    let list: Vec<&str> = attached.iter().chain(&inline).copied().collect();
    let undo: Vec<String> = attached
        .iter()
        .map(|arn| format!("aws iam detach-role-policy --role-name {name} --policy-arn {arn}"))
        .chain(
            inline
                .iter()
                .map(|policy| format!("aws iam delete-role-policy --role-name {name} --policy-name {policy}")),
        )
        .collect();
    builder.refuse(
        "role-policies",
        format!(
            "others have given the role {name} policies, with which IAM does not let it go: {}",
            list.join(", ")
        ),
        format!("take them off first: {}", undo.join("; ")),
    );
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
                    StepKind::RemoveRoleFromProfile,
                    Change::Delete,
                    "before the profile can go",
                )
                .target(name.clone())
                .removes("role", role.clone());
                let action = Action::InstanceProfile(InstanceProfileCall::RemoveRoleFromProfile {
                    profile: name.clone(),
                    role: role.clone(),
                });
                let removed = builder.step(draft, Later::Known(action).not_before(stopped));
                before_profile.insert(removed.clone());
                before_role.insert(removed);
            }
            let draft =
                Draft::new(StepKind::DeleteInstanceProfile, Change::Delete, "made by this stack").target(name.clone());
            let action = Later::Known(Action::InstanceProfile(InstanceProfileCall::DeleteInstanceProfile {
                name,
            }));
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
    let observed = builder.observed;
    if observed.role_app_policy.is_some() || observed.role_policies.iter().any(|name| name == APP_POLICY_NAME) {
        let draft =
            Draft::new(StepKind::DeleteAppPolicy, Change::Delete, "before the role can go").target(name.clone());
        let action = Action::Role(RoleCall::DeleteRolePolicy {
            role: name.clone(),
            policy_name: APP_POLICY_NAME.to_owned(),
        });
        before_role.insert(builder.step(draft, Later::Known(action).not_before(stopped)));
    }
    if builder.observed.role_policy.is_some() {
        let draft =
            Draft::new(StepKind::DeleteRolePolicy, Change::Delete, "before the role can go").target(name.clone());
        let action = Action::Role(RoleCall::DeleteRolePolicy {
            role: name.clone(),
            policy_name: POLICY_NAME.to_owned(),
        });
        before_role.insert(builder.step(draft, Later::Known(action).not_before(stopped)));
    }
    let draft = Draft::new(StepKind::DeleteRole, Change::Delete, "made by this stack").target(name.clone());
    builder.step(
        draft,
        Later::Known(Action::Role(RoleCall::DeleteRole { name })).not_before(&before_role),
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
    if let Some(used) = user(builder.observed, address) {
        let by = match used {
            User::Service(service) => format!("the service {service}"),
            User::Interface(interface) => format!("the network interface {interface}, which is no instance's"),
            User::Instance(instance) => format!("the instance {instance}, which is not the stack's"),
        };
        builder.refuse(
            "address-in-use",
            format!(
                "the Elastic IP {} ({}) is in use by {by}",
                address.allocation_id, address.public_ip
            ),
            "take it off there first, or destroy without --release-address",
        );
        return;
    }
    let mut before = stopped.clone();
    if let Some(association_id) = address.association_id.clone() {
        let draft = Draft::new(
            StepKind::DisassociateAddress,
            Change::Delete,
            "before the address can go",
        )
        .target(address.public_ip.clone());
        let action = Later::Known(Action::Address(AddressCall::DisassociateAddress { association_id }));
        before.insert(builder.step(draft, action.not_before(stopped)));
    }
    let draft = Draft::new(
        StepKind::ReleaseAddress,
        Change::Delete,
        "asked for: the address is gone for good",
    )
    .target(format!("{} ({})", address.allocation_id, address.public_ip));
    let action = Later::Known(Action::Address(AddressCall::ReleaseAddress {
        allocation_id: address.allocation_id.clone(),
    }));
    builder.step(draft, action.not_before(&before));
}

fn delete_volumes(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let named = builder.spec.data.as_ref().is_some_and(|data| data.volume.is_some());
    let all = tagged(builder);
    // Also where a witness tells which one is in use: the next run would take the other.
    if all.len() > 1 && !named {
        let problem = several(all.iter().map(|volume| volume.id.as_str()));
        builder.refuse(problem.code, problem.message, problem.help);
        return;
    }
    let volume = match choose(builder) {
        Choice::Volume(volume) => volume,
        Choice::Nothing => return,
        Choice::Problem(problem) if problem.code == "volume-lost" || problem.code == "volume-missing" => {
            builder.note("volume-lost", problem.message);
            return;
        }
        Choice::Problem(problem) => {
            builder.refuse(problem.code, problem.message, problem.help);
            return;
        }
    };
    let mut before = stopped.clone();
    tell_earlier_snapshots(builder, volume);
    let group = builder.observed.group.as_ref();
    if own_snapshots(builder, volume).next().is_some() && group.is_some_and(|group| !group.deleting) {
        builder.refuse(
            "applied-again",
            format!(
                "the stack was applied again after the last snapshot of {} was started",
                volume.id
            ),
            "nothing more is deleted: settle who is to have the stack, then run one of the two commands again",
        );
        return;
    }
    match last_snapshot(builder, volume).filter(|_| stopped.is_empty()) {
        Some(snapshot) if snapshot.state == "completed" => {}
        Some(snapshot) => {
            before.insert(builder.wait(WaitFor::SnapshotCompleted {
                id: snapshot.id.clone(),
            }));
        }
        None => {
            let mut tags = builder.names.tags(Role::Snapshot);
            tags.insert(TAG_FINAL.to_owned(), run_mark(builder.observed));
            let draft = Draft::new(
                StepKind::CreateSnapshot,
                Change::Create,
                "the data is kept as a snapshot",
            )
            .sets("volume", volume.id.clone());
            let action = Action::Snapshot(SnapshotCall::CreateSnapshot {
                volume_id: volume.id.clone(),
                description: format!(
                    "selfheal {}: last snapshot before the volume was deleted",
                    builder.spec.name
                ),
                tags,
            });
            before.insert(builder.step(draft, Later::Known(action).not_before(stopped)));
        }
    }
    let draft = Draft::new(
        StepKind::DeleteVolume,
        Change::Delete,
        "asked for: after its snapshot is completed",
    )
    .target(volume.id.clone())
    .removes("size", format!("{} GiB", volume.size_gib));
    builder.step(
        draft,
        Later::Known(Action::Volume(VolumeCall::DeleteVolume { id: volume.id.clone() })).not_before(&before),
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

/// What tells this run's snapshots from those of others: when it began to read the stack.
fn run_mark(observed: &Observed) -> String {
    observed.observed_at.to_string()
}

impl Observed {
    /// The last snapshots of data volumes that this run started.
    pub fn last_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        let mark = run_mark(self);
        self.snapshots.iter().filter(move |snapshot| {
            snapshot.tags.get(TAG_FINAL) == Some(&mark) || self.run.snapshots.own.contains(&snapshot.id)
        })
    }
}

/// The snapshots of the volume that this run started.
fn own_snapshots<'a>(builder: &Builder<'a>, volume: &Volume) -> impl Iterator<Item = &'a Snapshot> + use<'a> {
    let id = volume.id.clone();
    let own = builder.observed.last_snapshots();
    own.filter(move |snapshot| snapshot.volume_id == id)
}

/// The snapshot that holds the volume's last state: one that this run started.
///
/// Whether an instance has written since an older one cannot be known: AWS soon ceases to show terminated instances, and
/// nothing on the volume tells. An instance that is seen to have come up since is one reason more.
fn last_snapshot<'a>(builder: &Builder<'a>, volume: &Volume) -> Option<&'a Snapshot> {
    let instances = &builder.observed.instances;
    own_snapshots(builder, volume)
        .filter(|snapshot| snapshot.state != "error")
        .filter(|snapshot| {
            instances
                .iter()
                .all(|instance| instance.launched_at < snapshot.started_at)
        })
        .max_by_key(|snapshot| snapshot.started_at)
}

/// Tells of last snapshots that earlier runs took and did not come to use.
fn tell_earlier_snapshots(builder: &mut Builder<'_>, volume: &Volume) {
    let own: Vec<&str> = own_snapshots(builder, volume)
        .map(|snapshot| snapshot.id.as_str())
        .collect();
    let earlier: Vec<String> = builder
        .observed
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.volume_id == volume.id && snapshot.tags.contains_key(TAG_FINAL))
        .filter(|snapshot| !own.contains(&snapshot.id.as_str()) && snapshot.state != "error")
        .map(|snapshot| snapshot.id.clone())
        .collect();
    for id in earlier {
        builder.note(
            "earlier-snapshot",
            format!(
                "an earlier run took the snapshot {id} of {}: it is kept, and another is taken, since data may have been \
                 written after it",
                volume.id
            ),
        );
    }
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
    let deleted = choose(builder)
        .volume()
        .filter(|_| options.delete_data)
        .map(|volume| &volume.id);
    {
        for volume in tagged(builder).into_iter().filter(|volume| Some(&volume.id) != deleted) {
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
