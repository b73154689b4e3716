//! Which of the volumes is the stack's, and whether anything that should be there is missing.

use std::collections::BTreeSet;

use super::stack::Stack;
use crate::names::{ResourceKind, TAG_FIRST_USE, TAG_KEY, TAG_REPLACES, TAG_RESTORE, TAG_RESTORED_FROM, TAG_STACK};
use crate::spec::Spec;
use crate::witness::{is_of_group, is_there};
use crate::world::{Volume, VolumeId};

/// What is known of the stack's data volume.
pub(crate) enum Choice<'a> {
    /// There is none, and nothing says that there ever was.
    Nothing,
    /// The one.
    Volume(&'a Volume),
    /// A person has to decide.
    Problem(Problem),
}

/// Why a person has to decide.
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl<'a> Choice<'a> {
    /// The volume, where there is one and no doubt about it.
    pub(crate) fn volume(&self) -> Option<&'a Volume> {
        match self {
            Self::Volume(volume) => Some(volume),
            _ => None,
        }
    }
}

/// The volumes that bear the stack's tags, by id.
pub(crate) fn tagged<'a>(stack: &Stack<'a>) -> Vec<&'a Volume> {
    let observed = stack.observed;
    let mut volumes: Vec<&Volume> = observed
        .volumes
        .iter()
        .filter(|volume| stack.names.owns(&volume.tags, ResourceKind::Volume) && is_there(volume))
        .collect();
    volumes.sort_by_key(|volume| &volume.id);
    volumes
}

/// The stack's volumes that are its data volume no more, or not yet, or never: by id.
pub(crate) fn aside<'a>(stack: &Stack<'a>) -> Vec<&'a Volume> {
    let observed = stack.observed;
    let mut volumes: Vec<&Volume> = observed
        .volumes
        .iter()
        .filter(|volume| is_there(volume) && is_aside(stack, volume))
        .collect();
    volumes.sort_by_key(|volume| &volume.id);
    volumes
}

/// Whether the volume's tags say that it is another of the stack's volumes than that which holds its data.
fn is_aside(stack: &Stack<'_>, volume: &Volume) -> bool {
    [
        ResourceKind::RestoringVolume,
        ResourceKind::PreviousVolume,
        ResourceKind::VolumeCopy,
        ResourceKind::DrillCopy,
    ]
    .iter()
    .any(|kind| stack.names.owns(&volume.tags, *kind))
}

/// What the stack is to be once a restore is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Awake,
    Asleep,
}

impl Afterwards {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Awake => "awake",
            Self::Asleep => "asleep",
        }
    }
}

/// What is to be afterwards, where the volume is that of a restore which is not finished.
pub(crate) fn unfinished_of(volume: &Volume) -> Option<Afterwards> {
    match volume.tags.get(TAG_RESTORE)?.split(' ').next() {
        Some("awake") => Some(Afterwards::Awake),
        Some("asleep") => Some(Afterwards::Asleep),
        _ => None,
    }
}

/// The word in [`TAG_RESTORE`] of a restore that was begun because the stack's zone is lost.
pub(crate) const ZONE_LOST: &str = "zone-lost";

/// Whether the volume is that of a restore which is not finished, and was begun because the stack's zone is lost.
pub(crate) fn is_for_lost_zone(volume: &Volume) -> bool {
    let state = volume.tags.get(TAG_RESTORE).filter(|_| unfinished_of(volume).is_some());
    state.is_some_and(|state| state.split(' ').any(|word| word == ZONE_LOST))
}

/// The volume of a restore that is not finished: it is about to take the place of the data volume, or has just taken it. Of
/// several it is the one whose place none of the others takes: the last one that was asked for.
pub(crate) fn unfinished<'a>(stack: &Stack<'a>) -> Option<(&'a Volume, Afterwards)> {
    let ours = tagged(stack).into_iter().chain(aside(stack));
    let open: Vec<(&'a Volume, Afterwards)> = ours
        .filter_map(|volume| Some((volume, unfinished_of(volume)?)))
        .collect();
    let replaced = |volume: &Volume| {
        let mut by = open.iter().filter_map(|(other, _)| other.tags.get(TAG_REPLACES));
        by.any(|id| *id == volume.id.as_str())
    };
    let last = open.iter().find(|(volume, _)| !replaced(volume));
    // Where each takes the other's place, the way back was begun while that volume was still aside.
    last.or(open.last()).copied()
}

/// Finds the stack's volume: the one that the spec names; else the one that the role's policy, the launch template or an
/// attachment to the group's instance names; else the one that bears the tags. Two of a rank are for a person to tell apart.
pub(crate) fn choose<'a>(stack: &Stack<'a>) -> Choice<'a> {
    let observed = stack.observed;
    let tagged = tagged(stack);
    let live = |id: &VolumeId| {
        observed
            .volumes
            .iter()
            .find(|volume| volume.id == *id && is_there(volume))
    };
    if let Some(id) = stack.spec.data.as_ref().and_then(|data| data.volume.as_ref()) {
        return match live(id) {
            Some(volume) => given(stack, volume),
            None => problem(
                "volume-missing",
                format!("there is no volume {id} in {}", stack.spec.region),
                "check `data.volume`, the region and the account, or leave it out to create one".to_owned(),
            ),
        };
    }
    let named = stack.named();
    if let Some((volume, other)) = named.volumes.iter().filter_map(live).find_map(|it| foreign(stack, it)) {
        return claimed(volume, other);
    }
    // One that was set aside may still be named by what a restore has not come to.
    let serves = |id: &VolumeId| live(id).is_some_and(|volume| !is_aside(stack, volume));
    let mut witnessed: BTreeSet<&VolumeId> = named.volumes.iter().filter(|id| serves(id)).collect();
    let in_use = |volume: &&&Volume| {
        let attachment = volume.attachment.as_ref();
        attachment.is_some_and(|attachment| is_of_group(observed, &attachment.instance_id))
    };
    witnessed.extend(tagged.iter().filter(in_use).map(|volume| &volume.id));
    match (witnessed.len(), tagged.as_slice()) {
        (0, []) => match aside(stack).first() {
            Some(other) if !stack.new_volume => set_aside(stack, other),
            _ => nothing(stack, &named.volumes),
        },
        (0, [volume]) => Choice::Volume(volume),
        (0, several) => ambiguous(several.iter().map(|volume| volume.id.as_str())),
        (1, _) => witnessed
            .first()
            .and_then(|id| live(id))
            .map_or(Choice::Nothing, Choice::Volume),
        _ => ambiguous(witnessed.into_iter().map(VolumeId::as_str)),
    }
}

/// The volume that the spec names, unless it cannot be the stack's.
fn given<'a>(stack: &Stack<'a>, volume: &'a Volume) -> Choice<'a> {
    if let Some((volume, other)) = foreign(stack, volume) {
        return claimed(volume, other);
    }
    if stack.names.owns(&volume.tags, ResourceKind::Volume) {
        return Choice::Volume(volume);
    }
    let elsewhere = volume.attachment.as_ref().map(|attachment| &attachment.instance_id);
    if let Some(instance) = elsewhere.filter(|instance| !is_of_group(stack.observed, instance)) {
        return problem(
            "volume-in-use",
            format!(
                "the volume {} is attached to {instance}, which is not the stack's",
                volume.id
            ),
            "stop what uses it, unmount it and detach it first".to_owned(),
        );
    }
    if volume.tags.contains_key(TAG_FIRST_USE) {
        return problem(
            "volume-first-use",
            format!(
                "the volume {} bears the tag {TAG_FIRST_USE}, and this stack did not create it",
                volume.id
            ),
            format!(
                "remove the tag: an adopted volume is never formatted, so it must hold {}",
                wanted(stack)
            ),
        );
    }
    Choice::Volume(volume)
}

fn wanted(stack: &Stack<'_>) -> String {
    stack
        .spec
        .data
        .as_ref()
        .map_or_else(String::new, |data| data.filesystem.to_string())
}

/// The volume with the other stack that it belongs to.
fn foreign<'a>(stack: &Stack<'_>, volume: &'a Volume) -> Option<(&'a Volume, &'a str)> {
    let other = volume.tags.get(TAG_STACK).filter(|other| **other != stack.spec.name)?;
    Some((volume, other))
}

fn claimed<'a>(volume: &Volume, other: &str) -> Choice<'a> {
    problem(
        "volume-claimed",
        format!("the volume {} belongs to the stack `{other}`", volume.id),
        "a volume serves one stack: name another one as `data.volume`, or destroy that stack first".to_owned(),
    )
}

/// Nothing bears the stack's tags: whether a new volume may be made depends on whether there ever was one.
fn nothing<'a>(stack: &Stack<'a>, named: &BTreeSet<VolumeId>) -> Choice<'a> {
    let observed = stack.observed;
    let gone: Vec<&str> = named
        .iter()
        .map(VolumeId::as_str)
        .filter(|id| observed.run.gone.contains(*id))
        .collect();
    if !gone.is_empty() && !stack.new_volume {
        return problem(
            "volume-lost",
            format!(
                "the data volume {} is gone: AWS says that it does not exist",
                gone.join(", ")
            ),
            "`selfheal snapshots` lists what there is to go back to, and `selfheal restore --from latest` makes a volume of \
             the last one; or start with a new, empty one: `selfheal apply --new-volume`"
                .to_owned(),
        );
    }
    let root = |volume: &&Volume| {
        volume
            .tags
            .get(crate::names::TAG_ROLE)
            .is_some_and(|role| role == ResourceKind::RootVolume.as_str())
    };
    let held: Vec<&str> = observed
        .volumes
        .iter()
        .filter(|volume| is_there(volume) && !root(volume) && !stack.new_volume)
        .filter(|volume| {
            let attachment = volume.attachment.as_ref();
            attachment.is_some_and(|it| observed.run.volumes.attachments_read.contains(&it.instance_id))
        })
        .map(|volume| volume.id.as_str())
        .collect();
    if held.is_empty() {
        return Choice::Nothing;
    }
    problem(
        "volume-unnamed",
        format!("no volume bears the stack's tags, and its instance holds {}", held.join(", ")),
        "name the one that holds the data as `data.volume`; or start with a new, empty one: `selfheal apply --new-volume`"
            .to_owned(),
    )
}

/// None is the data volume, and there are others: what has become of it is for a person to say.
fn set_aside<'a>(stack: &Stack<'a>, other: &Volume) -> Choice<'a> {
    if let Some((_, from)) = unfinished(stack).and_then(|(found, _)| found.tags.get_key_value(TAG_RESTORED_FROM)) {
        return problem(
            "volume-set-aside",
            format!("a restore from {from} is not finished"),
            format!("`selfheal restore --from {from}` finishes it, and `selfheal restore --undo` gives it up"),
        );
    }
    problem(
        "volume-set-aside",
        format!("the stack has no data volume, and others, such as {}", other.id),
        format!(
            "`selfheal restore --from {}` takes that one; or start with a new, empty one: `selfheal apply --new-volume`",
            other.id
        ),
    )
}

fn ambiguous<'a>(ids: impl Iterator<Item = &'a str>) -> Choice<'static> {
    Choice::Problem(several(ids))
}

/// The problem of several volumes of which none is told apart.
pub(crate) fn several<'a>(ids: impl Iterator<Item = &'a str>) -> Problem {
    let ids: Vec<&str> = ids.collect();
    Problem {
        code: "several-volumes",
        message: format!("several volumes may be the stack's: {}", ids.join(", ")),
        help: "which one holds the data is not guessed: name it as `data.volume`".to_owned(),
    }
}

fn problem<'a>(code: &'static str, message: String, help: String) -> Choice<'a> {
    Choice::Problem(Problem { code, message, help })
}

/// The customer's key of a data volume that exists; `None` where it is AWS's own, as far as is known.
pub(crate) fn key_of(spec: &Spec, volume: &Volume) -> Option<String> {
    let named = spec.data.as_ref().and_then(|data| data.kms_key.clone());
    named.or_else(|| volume.tags.get(TAG_KEY).cloned())
}
