//! The volumes of a restore: which is to be the data volume, and which is to be set aside.

use super::super::builder::Builder;
use super::options::{RestoreFrom, RestoreOptions};
use crate::existing::volume::{
    Afterwards, Choice, ZONE_LOST, aside, choose, is_for_lost_zone, several, tagged, unfinished, unfinished_of,
};
use crate::names::{ResourceKind, TAG_REPLACES, TAG_RESTORE, TAG_RESTORED_FROM, TAG_ROLE, TAG_STACK};
use crate::world::{Snapshot, SnapshotId, SnapshotState, Volume};

/// The volumes of a restore, as they are.
pub(super) struct Volumes<'a> {
    /// The one that is to be the data volume, where it exists.
    pub(super) new: Option<&'a Volume>,
    /// What the stack is to be afterwards.
    pub(super) afterwards: Afterwards,
    /// The one that is to be set aside, where there is one: it may be lost, or set aside already.
    pub(super) old: Option<&'a Volume>,
    /// Whether the zone that the stack is in is taken to be lost.
    zone_lost: bool,
}

impl Volumes<'_> {
    /// The value of [`TAG_RESTORE`] while the restore is not finished: what whoever goes on with it has to know.
    pub(super) fn state(&self) -> String {
        let afterwards = self.afterwards.as_str();
        if self.zone_lost {
            format!("{afterwards} {ZONE_LOST}")
        } else {
            afterwards.to_owned()
        }
    }

    /// Whether the new one has taken the place.
    pub(super) fn are_switched(&self) -> bool {
        let is_data = |volume: &Volume| {
            let role = volume.tags.get(TAG_ROLE);
            role.is_some_and(|role| role == ResourceKind::Volume.as_str())
        };
        self.new.is_some_and(is_data) && self.old.is_none()
    }
}

/// The options, with what was decided when the restore was begun: whoever goes on with it need not say it again.
pub(in crate::plan) fn as_begun(builder: &Builder<'_>, options: &RestoreOptions) -> RestoreOptions {
    let begun = target(builder, options).is_some_and(is_for_lost_zone);
    RestoreOptions {
        zone_lost: options.zone_lost || begun,
        ..options.clone()
    }
}

/// The zone in which the data volume is to be; `None` where nothing tells.
pub(in crate::plan) fn zone<'a>(builder: &Builder<'a>, options: &'a RestoreOptions) -> Option<&'a String> {
    let new = target(builder, options).map(|volume| &volume.zone);
    new.or(options.zone.as_ref())
}

/// The volume that is to be the data volume, where it exists.
pub(super) fn target<'a>(builder: &Builder<'a>, options: &RestoreOptions) -> Option<&'a Volume> {
    match &options.from {
        RestoreFrom::Volume(id) => {
            let volumes = builder.observed.volumes.iter();
            volumes.into_iter().find(|volume| volume.id == *id)
        }
        RestoreFrom::Snapshot(id) => {
            let done = done(builder);
            let finished = |volume: &&&Volume| volume.tags.get(TAG_RESTORE) == Some(&done);
            let found = match tagged(builder).iter().find(finished) {
                Some(finished) => finished,
                None => unfinished(builder)?.0,
            };
            let from = found.tags.get(TAG_RESTORED_FROM);
            from.is_some_and(|from| from == id.as_str()).then_some(found)
        }
    }
}

/// Finds the volumes, or refuses.
pub(super) fn find<'a>(builder: &mut Builder<'a>, options: &RestoreOptions) -> Option<Volumes<'a>> {
    let new = target(builder, options);
    let is_new = |volume: &&Volume| new.is_some_and(|new| new.id == volume.id);
    if let RestoreFrom::Volume(id) = &options.from {
        let ours = tagged(builder)
            .iter()
            .chain(&aside(builder))
            .any(|volume| volume.id == *id);
        if !ours {
            builder.refuse(
                "not-the-stacks",
                format!("no volume {id} bears the stack's tags"),
                "`selfheal snapshots` lists what there is to go back to",
            );
            return None;
        }
    }
    // What serves is not taken from its place by that, and may be gone on with or gone back to.
    let is_data = new.is_some_and(|new| builder.names.owns(&new.tags, ResourceKind::Volume));
    if let Some((other, _)) = unfinished(builder).filter(|(found, _)| !is_new(found) && !is_data)
        && !builder.names.owns(&other.tags, ResourceKind::Volume)
        && !replaces(other, new)
    {
        refuse_second(builder, other);
        return None;
    }
    let others: Vec<&Volume> = tagged(builder).into_iter().filter(|volume| !is_new(volume)).collect();
    // Between two volumes: the one that was to be the data volume goes the way of any that was.
    let begun = unfinished(builder)
        .map(|(found, _)| found)
        .filter(|found| !is_new(found));
    let old = match others.as_slice() {
        [] if !is_data && begun.is_some_and(|begun| replaces(begun, new)) => begun,
        [] => match choose(builder) {
            Choice::Volume(volume) => Some(volume).filter(|volume| !is_new(volume)),
            Choice::Nothing => None,
            Choice::Problem(problem) if matches!(problem.code, "volume-lost" | "volume-set-aside") => None,
            Choice::Problem(problem) => {
                builder.refuse(problem.code, problem.message, problem.help);
                return None;
            }
        },
        [only] => Some(*only),
        all => {
            let problem = several(all.iter().map(|volume| volume.id.as_str()));
            builder.refuse(problem.code, problem.message, problem.help);
            return None;
        }
    };
    if refuse_without_tags(builder, old) {
        return None;
    }
    let group = builder.observed.group.as_ref().filter(|group| !group.deleting);
    let awake = group.is_none_or(|group| group.desired > 0);
    // What another restore that was cut off was to end with holds for this one.
    let begun = new
        .and_then(unfinished_of)
        .or(unfinished(builder).map(|(_, then)| then));
    // One that was woken in the meantime is awake afterwards.
    let afterwards = Some(Afterwards::Awake).filter(|_| awake).or(begun);
    Some(Volumes {
        new,
        afterwards: afterwards.unwrap_or(Afterwards::Asleep),
        old,
        zone_lost: options.zone_lost,
    })
}

/// Refuses to begin a restore while another one runs, or was cut off.
fn refuse_second(builder: &mut Builder<'_>, other: &Volume) {
    let from = other.tags.get(TAG_RESTORED_FROM).cloned().unwrap_or_default();
    let replaced = other.tags.get(TAG_REPLACES).filter(|id| !id.is_empty());
    let place = replaced.map_or_else(String::new, |id| format!(" in the place of {id}"));
    builder.refuse(
        "restore-unfinished",
        format!(
            "a restore from {from} is not finished: {} in {} is to be the data volume{place}",
            other.id, other.zone
        ),
        format!(
            "if nobody runs it any more, `selfheal restore --from {from}` finishes it, and `selfheal restore --undo` gives it up"
        ),
    );
}

/// Refuses to set a volume aside while the data volume has lost its tags: nothing would lead back to it.
fn refuse_without_tags(builder: &mut Builder<'_>, old: Option<&Volume>) -> bool {
    let serves = if unfinished(builder).is_some() {
        None
    } else {
        choose(builder).volume()
    };
    let untagged = |volume: &&Volume| !builder.names.owns(&volume.tags, ResourceKind::Volume);
    let Some(volume) = serves.filter(|_| old.is_some()).filter(untagged) else {
        return false;
    };
    builder.refuse(
        "tags-lost",
        format!("{} is the stack's data volume, and has lost its tags", volume.id),
        "run `selfheal apply` first, which puts them back",
    );
    true
}

/// Whether the volume was to take the place of this one.
pub(super) fn replaces(volume: &Volume, other: Option<&Volume>) -> bool {
    other.is_some_and(|other| volume.tags.get(TAG_REPLACES).is_some_and(|id| *id == other.id.as_str()))
}

/// The snapshot, where a volume can be made of it.
pub(super) fn snapshot<'a>(builder: &mut Builder<'a>, id: &SnapshotId) -> Option<&'a Snapshot> {
    let found = builder.observed.snapshots.iter().find(|snapshot| snapshot.id == *id);
    let Some(found) = found else {
        builder.refuse(
            "no-snapshot",
            format!("no snapshot {id} bears the stack's tags"),
            format!(
                "`selfheal snapshots` lists those that do; one that is the stack's by your word becomes so by the tag {}={}",
                TAG_STACK,
                builder.spec.name
            ),
        );
        return None;
    };
    if found.state != SnapshotState::Completed {
        builder.refuse(
            "snapshot-incomplete",
            format!("the snapshot {id} is {}", found.state),
            "a volume is made of a completed one: wait for it, or choose another",
        );
        return None;
    }
    Some(found)
}

/// The value of [`TAG_RESTORE`] of what this run has finished: with the time at which it began to read, by which it knows
/// its own again after a lost answer, and does not begin another.
pub(super) fn done(builder: &Builder<'_>) -> String {
    format!("done {}", builder.observed.observed_at)
}
