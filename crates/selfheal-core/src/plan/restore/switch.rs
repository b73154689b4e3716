//! The change of volumes itself.

use std::collections::BTreeSet;

use super::super::builder::{Builder, Deferred, Draft};
use super::super::{Change, Need, StepKind};
use super::volumes::{Volumes, done};
use crate::existing::{is_marked, mark};
use crate::names::{ResourceKind, TAG_BEFORE_RESTORE, TAG_RESTORE, TAG_ROLE, TAG_SNAPSHOTS, Tags};
use crate::world::{Action, Snapshot, SnapshotCall, TagCall, Volume, VolumeId};

/// Takes a last snapshot of the volume that is set aside, once nothing writes to it.
pub(super) fn save(
    builder: &mut Builder<'_>,
    old: &Volume,
    new: Option<&Volume>,
    before: &BTreeSet<Need>,
) -> Option<Need> {
    let taken = new.is_some_and(|new| {
        let marked = |snapshot: &Snapshot| {
            snapshot
                .tags
                .get(TAG_BEFORE_RESTORE)
                .is_some_and(|id| *id == new.id.as_str())
        };
        builder.observed.snapshots.iter().any(marked)
    });
    if taken {
        return None;
    }
    let reason = "what is on the volume now is kept a second time";
    let draft = Draft::new(StepKind::CreateSnapshot, Change::Create, reason).sets("volume", old.id.clone());
    let action = match new {
        None => Deferred::After(before.clone()),
        Some(new) => {
            let mut tags = builder.names.tags(ResourceKind::Snapshot);
            tags.insert(TAG_BEFORE_RESTORE.to_owned(), new.id.to_string());
            let call = SnapshotCall::CreateSnapshot {
                volume_id: old.id.clone(),
                description: format!("selfheal {}: before a restore", builder.spec.name),
                tags,
            };
            Deferred::Known(Action::Snapshot(call)).not_before(before)
        }
    };
    Some(builder.step(draft, action))
}

/// Sets the volume that was the data volume aside, and then names the new one so; answers what has to be done until both are.
pub(super) fn switch(builder: &mut Builder<'_>, volumes: &Volumes<'_>, before: &BTreeSet<Need>) -> BTreeSet<Need> {
    let aside = volumes
        .old
        .map(|old| set_volume_aside(builder, old, "it is kept as it is", before));
    let before: BTreeSet<Need> = before.iter().cloned().chain(aside).collect();
    let mut draft = Draft::new(
        StepKind::SwitchVolume,
        Change::Update,
        "it is the data volume from now on",
    )
    .sets(TAG_ROLE, ResourceKind::Volume.as_str());
    let action = match volumes.new {
        None => Deferred::After(before),
        Some(new) => {
            draft = draft.target(new.id.clone());
            let mut tags = role(ResourceKind::Volume);
            tags.extend(mark(builder.spec));
            put_tags(&new.id, tags).not_before(&before)
        }
    };
    [builder.step(draft, action)].into()
}

pub(super) fn set_volume_aside(
    builder: &mut Builder<'_>,
    volume: &Volume,
    reason: &str,
    before: &BTreeSet<Need>,
) -> Need {
    let mut tags = role(ResourceKind::PreviousVolume);
    tags.insert(TAG_RESTORE.to_owned(), done(builder));
    if is_marked(volume) {
        tags.insert(TAG_SNAPSHOTS.to_owned(), String::new());
    }
    let draft = Draft::new(StepKind::SetVolumeAside, Change::Update, reason)
        .target(volume.id.clone())
        .sets(TAG_ROLE, ResourceKind::PreviousVolume.as_str());
    builder.step(draft, put_tags(&volume.id, tags).not_before(before))
}

pub(super) fn role(kind: ResourceKind) -> Tags {
    Tags::from([(TAG_ROLE.to_owned(), kind.as_str().to_owned())])
}

pub(super) fn put_tags(id: &VolumeId, tags: Tags) -> Deferred<Action> {
    let resource = id.to_string();
    Deferred::Known(Action::Tag(TagCall::CreateTags { resource, tags }))
}
