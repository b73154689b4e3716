//! Making a volume of a snapshot, or marking one that is there already.

use std::collections::BTreeSet;

use super::super::builder::{Builder, Deferred, Draft};
use super::super::{Change, Need, Plan, StepKind, WaitFor, schema};
use super::switch::put_tags;
use super::volumes::{Volumes, snapshot};
use crate::existing::volume::{aside, choose, key_of, unfinished_of};
use crate::names::{
    ResourceKind, TAG_BY_HAND, TAG_FILESYSTEM, TAG_KEY, TAG_REPLACES, TAG_RESTORE, TAG_RESTORED_FROM, Tags,
};
use crate::spec::DataSpec;
use crate::token::client_token;
use crate::witness::is_of_group;
use crate::world::{Action, CreateVolume, InstanceId, Snapshot, SnapshotId, Subnet, Volume, VolumeCall, VolumeState};

/// Composes a volume of a snapshot that nothing of the stack uses.
pub(in crate::plan) fn copy(mut builder: Builder<'_>, id: &SnapshotId, zone: Option<String>) -> Plan {
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    let Some(data) = &builder.spec.data else {
        builder.refuse(
            "no-data",
            NO_DATA,
            "a volume of any snapshot is made by `aws ec2 create-volume`",
        );
        return builder.finish();
    };
    let Some(snapshot) = snapshot(&mut builder, id) else {
        return builder.finish();
    };
    let own = own_copy(&builder);
    if let Some(made) = own {
        if made.state == VolumeState::Creating {
            builder.wait(WaitFor::VolumeSeen { id: made.id.clone() });
        }
        return builder.finish();
    }
    let group = builder.observed.group.as_ref().and_then(|group| group.subnets.first());
    let of_group = group.and_then(|id| builder.observed.subnets.iter().find(|subnet| subnet.id == *id));
    let current = choose(&builder).volume();
    let has = current
        .map(|volume| &volume.zone)
        .or(of_group.map(|subnet| &subnet.zone));
    let Some(zone) = zone.or_else(|| has.cloned()) else {
        builder.refuse(
            "no-zone",
            "nothing tells in which zone the copy is to be",
            "name it: --zone",
        );
        return builder.finish();
    };
    let mut tags = builder.names.tags(ResourceKind::VolumeCopy);
    tags.insert(TAG_BY_HAND.to_owned(), builder.observed.observed_at.to_string());
    tags.insert(TAG_RESTORED_FROM.to_owned(), id.to_string());
    tags.insert(TAG_FILESYSTEM.to_owned(), data.filesystem.to_string());
    let key = key_of_new(&builder, data, current);
    let of_snapshot = (snapshot, data.size_gib.max(snapshot.size_gib));
    let input = input(&builder, data, of_snapshot, (zone, key, tags));
    let draft = Draft::new(
        StepKind::RestoreVolume,
        Change::Create,
        "asked for: nothing of the stack uses it",
    );
    let draft = shown(draft, &input);
    builder.step(draft, Deferred::Known(Action::Volume(VolumeCall::CreateVolume(input))));
    builder.finish()
}

/// The copy that this run has made.
pub(in crate::plan) fn own_copy<'a>(builder: &Builder<'a>) -> Option<&'a Volume> {
    let mark = builder.observed.observed_at.to_string();
    let is_own = |volume: &Volume| {
        builder.names.owns(&volume.tags, ResourceKind::VolumeCopy) && volume.tags.get(TAG_BY_HAND) == Some(&mark)
    };
    let volumes = builder.observed.volumes.iter();
    volumes.into_iter().find(|volume| is_own(volume))
}

pub(super) const NO_DATA: &str = "the spec has no `[data]`, so that the stack has no data volume";

/// The tags by which a restore is found again.
pub(super) fn marks(volumes: &Volumes<'_>, from: &str) -> Tags {
    let replaces = volumes.old.map_or_else(String::new, |old| old.id.to_string());
    Tags::from([
        (TAG_RESTORE.to_owned(), volumes.state()),
        (TAG_RESTORED_FROM.to_owned(), from.to_owned()),
        (TAG_REPLACES.to_owned(), replaces),
    ])
}

/// The key of a volume that is made of a snapshot: the spec's, else that of the data volume, else the account's.
pub(super) fn key_of_new(builder: &Builder<'_>, data: &DataSpec, current: Option<&Volume>) -> Option<String> {
    let had = current.and_then(|volume| key_of(builder.spec, volume));
    data.kms_key
        .clone()
        .or(had)
        .or_else(|| builder.observed.default_key.clone())
}

/// Makes the new volume; answers what has to be done until it can be used.
pub(super) fn create(
    builder: &mut Builder<'_>,
    data: &DataSpec,
    subnet: Option<&Subnet>,
    volumes: &Volumes<'_>,
    snapshot: Option<&Snapshot>,
) -> BTreeSet<Need> {
    // Without a subnet the plan has been refused already; without a snapshot there is a volume.
    let (Some(subnet), Some(snapshot)) = (subnet, snapshot) else {
        return BTreeSet::new();
    };
    let key = key_of_new(builder, data, volumes.old);
    let mut tags = builder.names.tags(ResourceKind::RestoringVolume);
    tags.extend(marks(volumes, snapshot.id.as_str()));
    tags.insert(TAG_FILESYSTEM.to_owned(), data.filesystem.to_string());
    if let Some(key) = key.as_ref().filter(|_| data.kms_key.is_none()) {
        tags.insert(TAG_KEY.to_owned(), key.clone());
    }
    let of_snapshot = (snapshot, data.size_gib.max(snapshot.size_gib));
    let input = input(builder, data, of_snapshot, (subnet.zone.clone(), key, tags));
    let draft = Draft::new(
        StepKind::RestoreVolume,
        Change::Create,
        "it holds the data as they were",
    );
    let draft = shown(draft, &input);
    [builder.step(draft, Deferred::Known(Action::Volume(VolumeCall::CreateVolume(input))))].into()
}

/// The call that makes a volume of a snapshot, with this size, in this zone, with this key and these tags.
pub(super) fn input(
    builder: &Builder<'_>,
    data: &DataSpec,
    (snapshot, size_gib): (&Snapshot, u32),
    (zone, kms_key, tags): (String, Option<String>, Tags),
) -> CreateVolume {
    let mut input = CreateVolume {
        zone,
        size_gib,
        volume_type: data.volume_type.to_string(),
        iops: data.iops,
        throughput_mibps: data.throughput_mibps,
        encrypted: true,
        kms_key,
        snapshot_id: Some(snapshot.id.clone()),
        tags,
        client_token: String::new(),
    };
    // Those that the same snapshot was made into before, and that have had their time.
    let others: Vec<String> = aside(builder).iter().map(|volume| volume.id.to_string()).collect();
    let run = &builder.observed.run;
    input.client_token = client_token(&builder.observed.identity.account, &input, &others, &run.spent_tokens);
    input
}

pub(super) fn shown(draft: Draft, input: &CreateVolume) -> Draft {
    let snapshot = input
        .snapshot_id
        .as_ref()
        .map_or_else(String::new, SnapshotId::to_string);
    draft
        .sets("snapshot", snapshot)
        .sets("size", format!("{} GiB", input.size_gib))
        .sets("type", input.volume_type.clone())
        .sets("zone", input.zone.clone())
}

/// Marks a volume that is there already as the one that is to take the place, and waits for one that is being made.
pub(super) fn mark(builder: &mut Builder<'_>, new: &Volume, volumes: &Volumes<'_>) -> BTreeSet<Need> {
    let holder = new.attachment.as_ref().map(|attachment| &attachment.instance_id);
    let ours =
        |id: &InstanceId| is_of_group(builder.observed, id) || builder.observed.instances.iter().any(|it| it.id == *id);
    if let Some(other) = holder.filter(|id| !ours(id)) {
        builder.refuse(
            "volume-in-use",
            format!("the volume {} is attached to {other}, which is not the stack's", new.id),
            "unmount it there and detach it first",
        );
        return BTreeSet::new();
    }
    if unfinished_of(new).is_none() {
        let tags = marks(volumes, new.id.as_str());
        let draft = Draft::new(StepKind::MarkVolume, Change::Update, "it is to be the data volume")
            .target(new.id.clone())
            .sets(TAG_REPLACES, tags[TAG_REPLACES].clone());
        return [builder.step(draft, put_tags(&new.id, tags))].into();
    }
    let mut needs: BTreeSet<Need> = remember(builder, new, volumes).into_iter().collect();
    let unseen = builder.observed.run.volumes.unseen.contains(&new.id);
    if new.state == VolumeState::Creating || unseen {
        return [builder.wait(WaitFor::VolumeSeen { id: new.id.clone() })].into();
    }
    if new.state == VolumeState::Error {
        builder.refuse(
            "volume-failed",
            format!("the volume {} is in the state error", new.id),
            "delete it, and restore again",
        );
    }
    if !builder.observed.run.volumes.settled {
        needs.insert(builder.wait(WaitFor::VolumesSettled));
    }
    needs
}

/// Notes on the new volume what was not decided yet when it was marked: that the stack was woken since, or that its zone is
/// taken to be lost.
pub(super) fn remember(builder: &mut Builder<'_>, new: &Volume, volumes: &Volumes<'_>) -> Option<Need> {
    let state = volumes.state();
    let noted = new.tags.get(TAG_RESTORE).filter(|_| unfinished_of(new).is_some())?;
    if *noted == state {
        return None;
    }
    let draft = Draft::new(
        StepKind::MarkVolume,
        Change::Update,
        "whoever goes on with the restore has to know",
    )
    .target(new.id.clone())
    .changes(TAG_RESTORE, noted.clone(), state.clone());
    let tags = Tags::from([(TAG_RESTORE.to_owned(), state)]);
    Some(builder.step(draft, put_tags(&new.id, tags)))
}
