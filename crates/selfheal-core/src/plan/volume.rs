//! The data volume. Nothing here ever deletes, shrinks or replaces it.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::volume_modify::modify;
use super::{Change, Need, StepKind, WaitFor, encryption};
use crate::existing::volume::{Choice, aside, choose, key_of, tagged, unfinished};
use crate::existing::{instance_type, mark};
use crate::names::{ResourceKind, TAG_FILESYSTEM, TAG_FIRST_USE, TAG_KEY, TAG_RESTORED_FROM, TAG_STACK};
use crate::spec::{DataSpec, Filesystem, ImageRef, VolumeType};
use crate::token::client_token;
use crate::witness::is_of_group;
use crate::world::{
    Action, AttachmentState, CreateVolume, GroupInstance, InstanceId, InstanceTypeDetails, LaunchTemplate, Observed,
    Subnet, TagCall, Volume, VolumeCall, VolumeId, VolumeState,
};

/// What gp3 reads in a second where nothing more is provisioned, in MiB.
const GP3_MIBPS: u32 = 125;
/// What io2 reads in a second: a quarter of a MiB for each IOPS, up to this.
const IO2_IOPS_PER_MIBPS: u32 = 4;
const IO2_MIBPS_MAX: u32 = 4_000;
/// For how long an instance reaches its maximal bandwidth to EBS. Source: EC2 user guide, "Amazon EBS-optimized instance
/// types": for 30 minutes at least once every 24 hours.
const EBS_BURST_S: u64 = 30 * 60;
/// Whole KiB in a megabit.
const KIB_PER_MEGABIT: u64 = 122;
/// How long the reading of a new volume may take: the launch hook holds an instance for 25 hours.
const FIRST_READING_MIN_MAX: u64 = 24 * 60;

/// The data volume as the rest of the plan needs it.
pub(super) struct DataVolume {
    /// Its id, once known; `None` where the spec has no data volume.
    pub(super) id: Deferred<Option<VolumeId>>,
    /// The volume that the role's policy names although the spec has none any more: an instance still uses it.
    pub(super) still_used: Option<VolumeId>,
    /// The customer's key that encrypts it, where there is one.
    pub(super) key: Option<String>,
    /// What must be done before an instance may count on it.
    pub(super) usable_after: BTreeSet<Need>,
}

/// Plans the data volume, in the subnet's zone.
pub(super) fn plan(builder: &mut Builder<'_>, subnet: Option<&Subnet>) -> DataVolume {
    check_tools(builder);
    tell_aside(builder);
    let choice = choose(builder);
    let chosen = choice.volume();
    if let Some(volume) = chosen {
        put_tags(builder, volume);
    }
    let Some(data) = &builder.spec.data else {
        let kept = tagged(builder);
        for volume in &kept {
            tell_unused(builder, volume);
        }
        return DataVolume {
            id: Deferred::Known(None),
            key: kept
                .iter()
                .find(|volume| still_used(builder.observed, volume))
                .and_then(|volume| key_of(builder.spec, volume)),
            still_used: kept
                .into_iter()
                .find(|volume| still_used(builder.observed, volume))
                .map(|volume| volume.id.clone()),
            usable_after: BTreeSet::new(),
        };
    };
    let volume = match choice {
        Choice::Nothing => return create(builder, data, subnet),
        Choice::Problem(problem) => {
            builder.refuse(problem.code, problem.message, problem.help);
            return DataVolume {
                id: Deferred::After([].into()),
                key: None,
                still_used: None,
                usable_after: BTreeSet::new(),
            };
        }
        Choice::Volume(volume) => volume,
    };
    for other in tagged(builder).into_iter().filter(|other| other.id != volume.id) {
        let held = other.attachment.as_ref().map(|held| &held.instance_id);
        if let Some(instance) = held.filter(|instance| is_of_group(builder.observed, instance)) {
            builder.note(
                "volume-switches",
                format!(
                    "{instance} holds {} until it is replaced; its successor takes {}",
                    other.id, volume.id
                ),
            );
        }
        builder.note(
            "duplicate-volume",
            format!(
                "the volume {} bears the stack's tags too; {} is used and it is left alone",
                other.id, volume.id
            ),
        );
    }
    keep(builder, data, volume, subnet)
}

/// Puts the stack's tags on a volume that is the stack's by the spec's word, or by that of its other witnesses. The mark of
/// first use is never among them: what the volume holds was not made by this run.
fn put_tags(builder: &mut Builder<'_>, volume: &Volume) {
    if builder.names.owns(&volume.tags, ResourceKind::Volume) {
        return;
    }
    let adopted = builder.spec.data.as_ref().is_some_and(|data| data.volume.is_some());
    let reason = if adopted {
        "the spec adopts it; nothing else is done to it today"
    } else {
        "the stack uses it, and it has lost its tags; nothing else is done to it today"
    };
    let mut tags = builder.names.tags(ResourceKind::Volume);
    if volume.tags.contains_key("Name") {
        tags.remove("Name");
    }
    let draft = Draft::new(StepKind::TagVolume, Change::Update, reason)
        .target(volume.id.clone())
        .sets(TAG_STACK, builder.spec.name.clone());
    let resource = volume.id.to_string();
    builder.step(
        draft,
        Deferred::Known(Action::Tag(TagCall::CreateTags { resource, tags })),
    );
}

/// Tells of the stack's other volumes, and of a restore that is not finished.
fn tell_aside(builder: &mut Builder<'_>) {
    if let Some((volume, _)) = unfinished(builder) {
        let from = volume.tags.get(TAG_RESTORED_FROM).map_or("", String::as_str);
        builder.note(
            "restore-unfinished",
            format!(
                "a restore from {from} is not finished: `selfheal restore --from {from}` finishes it, and `selfheal restore \
                 --undo` gives it up"
            ),
        );
    }
    let ids: Vec<String> = aside(builder).iter().map(|volume| volume.id.to_string()).collect();
    if !ids.is_empty() {
        builder.note(
            "volumes-kept",
            format!(
                "{} kept beside the data volume, at a cost: `selfheal snapshots` tells what they hold",
                ids.join(" and ")
            ),
        );
    }
}

/// Tells of a volume that the spec does not ask for any more.
fn tell_unused(builder: &mut Builder<'_>, volume: &Volume) {
    let id = &volume.id;
    let now = match holder(volume) {
        Some(holder) => format!(
            "{holder} uses it, and the role keeps its rights to it, until that instance is replaced; the next one does not \
             attach it"
        ),
        None => "no new instance attaches it".to_owned(),
    };
    builder.note(
        "volume-unused",
        format!("the data volume {id} is kept, and costs money, though the spec has no `[data]`: {now}"),
    );
}

/// The instance that holds a volume, in any state of the attachment but detached.
fn holder(volume: &Volume) -> Option<&InstanceId> {
    let attachment = volume
        .attachment
        .as_ref()
        .filter(|attachment| attachment.state != AttachmentState::Detached)?;
    Some(&attachment.instance_id)
}

/// Whether an instance that was launched while the spec had a data volume still needs its rights to it, to give it back:
/// one that holds it; or, where the policy names it, any that was launched from a version which does, as far as can be told,
/// and may yet take it.
///
/// What an apply changes does not change the answer, so that no run ends otherwise than it was shown.
fn still_used(observed: &Observed, volume: &Volume) -> bool {
    let instances = observed
        .group
        .as_ref()
        .map(|group| group.instances.as_slice())
        .unwrap_or_default();
    let holds = holder(volume).is_some_and(|holder| instances.iter().any(|instance| instance.id == *holder));
    let may_take = |instance: &GroupInstance| {
        observed.launch_template.as_ref().is_none_or(|template| {
            instance.template_version != Some(template.version.to_string()) || names_volume(template, &volume.id)
        })
    };
    holds
        || (observed
            .role_policy
            .as_ref()
            .is_some_and(|policy| policy.contains(volume.id.as_str()))
            && instances.iter().any(may_take))
}

/// Whether the latest version's boot program attaches the volume.
fn names_volume(template: &LaunchTemplate, id: &VolumeId) -> bool {
    let script = template.data.user_data.script().unwrap_or_default();
    let id = id.as_str().as_bytes();
    script.windows(id.len()).any(|part| part == id)
}

/// Refuses a filesystem that the image has no tools for: nothing is downloaded before the volume is mounted.
fn check_tools(builder: &mut Builder<'_>) {
    let ImageRef::Alias { alias, .. } = &builder.spec.instance.image else {
        return;
    };
    let xfs = builder
        .spec
        .data
        .as_ref()
        .is_some_and(|data| data.filesystem == Filesystem::Xfs);
    if xfs && alias.starts_with("debian-") {
        builder.refuse(
            "filesystem-tools",
            format!("the image {alias} comes without xfsprogs, which XFS needs"),
            "write filesystem = \"ext4\", or choose an image that has them",
        );
    }
}

fn create(builder: &mut Builder<'_>, data: &DataSpec, subnet: Option<&Subnet>) -> DataVolume {
    let key = encryption::of_new_volume(builder, data);
    encryption::check_vanished(builder, key.as_deref());
    let mut tags = builder.names.tags(ResourceKind::Volume);
    if let Some(key) = key.as_ref().filter(|_| data.kms_key.is_none()) {
        tags.insert(TAG_KEY.to_owned(), key.clone());
    }
    tags.extend(mark(builder.spec));
    tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned());
    tags.insert(TAG_FILESYSTEM.to_owned(), data.filesystem.to_string());
    // Without a subnet the plan has been refused already, and the zone is not looked at.
    let zone = subnet.map(|subnet| subnet.zone.clone()).unwrap_or_default();
    let reason = if builder.options.new_volume {
        "asked for: new and empty, since no volume of the stack exists"
    } else {
        "no volume bears the stack's tags"
    };
    let mut draft = Draft::new(StepKind::CreateVolume, Change::Create, reason)
        .sets("size", format!("{} GiB", data.size_gib))
        .sets("type", data.volume_type.to_string())
        .sets("zone", zone.clone())
        .sets(
            "encrypted",
            key.as_ref().map_or_else(|| "yes".to_owned(), |key| format!("by {key}")),
        );
    let minutes = check_first_reading(builder, data);
    if minutes > 0 {
        draft = draft.sets(
            "first boot",
            format!("about {minutes} min longer: all of it is read before it is formatted"),
        );
    }
    if let Some(iops) = data.iops {
        draft = draft.sets("iops", iops.to_string());
    }
    if let Some(throughput) = data.throughput_mibps {
        draft = draft.sets("throughput", format!("{throughput} MiB/s"));
    }
    let mut input = CreateVolume {
        zone,
        size_gib: data.size_gib,
        volume_type: data.volume_type.to_string(),
        iops: data.iops,
        throughput_mibps: data.throughput_mibps,
        encrypted: true,
        kms_key: key.clone(),
        snapshot_id: None,
        tags,
        client_token: String::new(),
    };
    input.client_token = client_token(
        &builder.observed.identity.account,
        &input,
        &[],
        &builder.observed.run.spent_tokens,
    );
    let created = builder.step(draft, Deferred::Known(Action::Volume(VolumeCall::CreateVolume(input))));
    DataVolume {
        id: Deferred::after(created),
        still_used: None,
        key,
        usable_after: BTreeSet::new(),
    }
}

/// Refuses a volume whose first reading takes longer than AWS holds a launch; answers how many minutes it takes.
fn check_first_reading(builder: &mut Builder<'_>, data: &DataSpec) -> u64 {
    // The first instance may be of the slowest type.
    let details = instance_type::details(builder).into_iter();
    let minutes = details.map(|details| first_reading_min(data, Some(details))).max();
    let minutes = minutes.unwrap_or_else(|| first_reading_min(data, None));
    if minutes > FIRST_READING_MIN_MAX {
        let by_itself = first_reading_min(data, None) > FIRST_READING_MIN_MAX;
        let (pace, help) = if by_itself {
            ("its", "choose more throughput (for io2, more IOPS), or a smaller size")
        } else {
            (
                "the instance type's",
                "choose a type with more bandwidth to EBS, or a smaller size",
            )
        };
        builder.refuse(
            "volume-reading",
            format!(
                "the first boot reads all of the volume before it is formatted, which takes {} hours at {pace} pace",
                minutes / 60
            ),
            format!("AWS holds a launch for a day at most: {help}"),
        );
    }
    minutes
}

/// What the first boot's proof costs that the volume is blank, in minutes: all of it is read, at the volume's pace or at
/// that of the instance's own way to EBS, which falls to a baseline after half an hour.
fn first_reading_min(data: &DataSpec, details: Option<&InstanceTypeDetails>) -> u64 {
    let volume_mibps = match data.volume_type {
        VolumeType::Gp3 => data.throughput_mibps.unwrap_or(GP3_MIBPS),
        VolumeType::Io2 => (data.iops.unwrap_or_default() / IO2_IOPS_PER_MIBPS).clamp(1, IO2_MIBPS_MAX),
    };
    let pace = |limit: Option<u32>| {
        let limit = limit.map_or(u64::MAX, |mbps| u64::from(mbps) * KIB_PER_MEGABIT);
        (u64::from(volume_mibps) * 1024).min(limit).max(1)
    };
    let kib = u64::from(data.size_gib) * 1024 * 1024;
    let baseline = pace(details.and_then(|details| details.ebs_baseline_mbps));
    let burst = pace(details.and_then(|details| details.ebs_maximum_mbps)).max(baseline);
    let in_burst = kib.min(burst * EBS_BURST_S);
    (in_burst / burst + (kib - in_burst) / baseline) / 60
}

/// Refuses a volume that cannot be the data volume of this spec, in this subnet.
pub(super) fn check(builder: &mut Builder<'_>, data: &DataSpec, volume: &Volume, subnet: Option<&Subnet>) {
    if let Some(subnet) = subnet.filter(|subnet| subnet.zone != volume.zone) {
        builder.refuse(
            "volume-zone",
            format!(
                "the data volume {} is in {}, the subnet {} in {}",
                volume.id, volume.zone, subnet.id, subnet.zone
            ),
            format!("a volume cannot leave its zone: choose a subnet in {}", volume.zone),
        );
    }
    encryption::check_volume(builder, data, volume);
    let formatted = volume.tags.get(TAG_FILESYSTEM);
    if let Some(formatted) = formatted.filter(|formatted| **formatted != data.filesystem.to_string()) {
        builder.refuse(
            "filesystem-changes",
            format!(
                "the data volume {} is for {formatted}, the spec says {}",
                volume.id, data.filesystem
            ),
            format!("a volume is formatted once: write filesystem = \"{formatted}\""),
        );
    }
}

pub(super) fn keep(builder: &mut Builder<'_>, data: &DataSpec, volume: &Volume, subnet: Option<&Subnet>) -> DataVolume {
    let mut usable_after = BTreeSet::new();
    check(builder, data, volume, subnet);
    let key = key_of(builder.spec, volume);
    // A boot waits for a volume that is still being created; one that no reading has shown may not exist at all, and one
    // under a customer's key is gone again where the key cannot be used.
    let tentative = volume.state == VolumeState::Creating && key.is_some();
    if tentative || builder.observed.run.volumes.unseen.contains(&volume.id) {
        usable_after.insert(builder.wait(WaitFor::VolumeSeen { id: volume.id.clone() }));
    }
    if volume.state == VolumeState::Error {
        builder.refuse(
            "volume-failed",
            format!("the data volume {} is in the state error", volume.id),
            "AWS cannot bring it back: `selfheal restore --from latest` makes a volume of the last snapshot; or delete this one \
             and start with a new, empty one: `selfheal apply --new-volume`",
        );
    }
    if !volume.encrypted {
        builder.note(
            "volume-unencrypted",
            format!("the data volume {} is not encrypted", volume.id),
        );
    }
    modify(builder, data, volume);
    DataVolume {
        // Nothing names what may be gone in a moment: what a stack's witnesses name counts as having held its data.
        id: if tentative {
            Deferred::After(usable_after.clone())
        } else {
            Deferred::Known(Some(volume.id.clone()))
        },
        still_used: None,
        key,
        usable_after,
    }
}
