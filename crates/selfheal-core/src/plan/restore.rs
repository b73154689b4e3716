//! Going back: another volume takes the place of the data volume, and the one that was stays.
//!
//! How far a restore is stands in the volumes' own tags and nowhere else, so that a run which was cut off is gone on with by
//! the next one, whoever starts it. The order: the other volume is there and can be used; nothing of the stack runs any more;
//! the volume that was the data volume is set aside; the other one is named so. In between no volume is, and an apply is
//! refused. Everything that names the data volume follows as in any apply, and then the stack is woken.

mod make;
mod options;
mod stop;
mod switch;
mod volumes;

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::volume::{DataVolume, check, keep};
use super::volume_modify::refuse_to_shrink;
use super::{Change, Need, StepKind, WaitFor};
use crate::existing::volume::{Afterwards, choose, key_of, unfinished, unfinished_of};
use crate::names::{TAG_REPLACES, TAG_RESTORE, TAG_RESTORED_FROM, Tags};
use crate::snapshots::age;
use crate::spec::DataSpec;
use crate::world::{Group, Snapshot, Subnet, Volume, VolumeState};
use make::{NO_DATA, create, key_of_new, mark, remember};
use stop::{group, running, set_desired, stop, stop_strays, stopped};
use switch::{put_tags, save, set_volume_aside, switch};
use volumes::{Volumes, done, find, snapshot};

pub(super) use make::{copy, own_copy};
pub use options::{RestoreFrom, RestoreOptions};
pub(super) use volumes::{as_begun, zone};

/// What `restore --undo` goes back to, or goes on with.
///
/// # Errors
/// The reason why there is nothing to go back to: a clause.
pub(super) fn undone(builder: &Builder<'_>) -> Result<RestoreFrom, String> {
    let volume = |id: &str| RestoreFrom::Volume(id.into());
    let of = |volume: &Volume, key: &str| volume.tags.get(key).filter(|value| !value.is_empty()).cloned();
    // Each of the two then says that it takes the other's place.
    let goes_back = |found: &Volume| {
        let other = of(found, TAG_REPLACES);
        let volumes = builder.observed.volumes.iter();
        let mut other = volumes.filter(|it| other.as_deref() == Some(it.id.as_str()));
        of(found, TAG_RESTORED_FROM).is_some_and(|from| from == found.id.as_str())
            && other.any(|other| of(other, TAG_REPLACES).is_some_and(|id| id == found.id.as_str()))
    };
    let data = choose(builder).volume();
    let current = match unfinished(builder) {
        // One that was cut off is gone on with.
        Some((found, _)) if goes_back(found) => return Ok(volume(found.id.as_str())),
        // One that has not come to the change of volumes is given up, whichever volume has taken the place since it began.
        Some((found, _)) => match data.filter(|data| data.id != found.id) {
            Some(data) => return Ok(volume(data.id.as_str())),
            None => found,
        },
        None => data.ok_or("the stack has no data volume")?,
    };
    let previous = of(current, TAG_REPLACES).ok_or_else(|| format!("{} took no other volume's place", current.id))?;
    let there = builder.observed.volumes.iter().any(|it| it.id.as_str() == previous);
    if there {
        Ok(volume(&previous))
    } else {
        Err(format!("{previous}, whose place {} took, is gone", current.id))
    }
}

/// What a restore that is not finished goes back to, where there is one.
pub(super) fn begun(builder: &Builder<'_>) -> Option<RestoreFrom> {
    let (volume, _) = unfinished(builder)?;
    let from = volume.tags.get(TAG_RESTORED_FROM)?;
    Some(if from.starts_with("snap-") {
        RestoreFrom::Snapshot(from.as_str().into())
    } else {
        RestoreFrom::Volume(volume.id.clone())
    })
}

/// Plans the change of volumes, in the subnet's zone.
pub(super) fn volume(builder: &mut Builder<'_>, subnet: Option<&Subnet>, options: &RestoreOptions) -> DataVolume {
    let unknown = || DataVolume {
        id: Deferred::After([].into()),
        key: None,
        still_used: None,
        usable_after: BTreeSet::new(),
    };
    let Some(data) = &builder.spec.data else {
        builder.refuse("no-data", NO_DATA, "add `[data]` to it first");
        return unknown();
    };
    if let Some(id) = &data.volume {
        builder.refuse(
            "restore-adopted",
            format!("the spec says that the data volume is {id}, and would say so afterwards"),
            "take `data.volume` out of the spec: the volume bears the stack's tags, by which it is found",
        );
        return unknown();
    }
    let Some(volumes) = find(builder, options) else {
        return unknown();
    };
    if let (Some(zone), Some(subnet)) = (&options.zone, subnet)
        && *zone != subnet.zone
    {
        builder.refuse(
            "restore-zone",
            format!("the stack would be in {} and not in {zone}", subnet.zone),
            "the spec's subnet and a volume that exists decide the zone: name a subnet there as `instance.subnet`, or \
             restore from a snapshot",
        );
    }
    if let Some(new) = volumes.new.filter(|_| volumes.are_switched()) {
        let noted = remember(builder, new, &volumes).into_iter().collect();
        if !options.zone_lost {
            stop_strays(builder, &noted);
        }
        return keep(builder, data, new, subnet);
    }
    let Some(snapshot) = check_source(builder, data, subnet, (options, &volumes)) else {
        return unknown();
    };
    tell_loss(builder, &volumes, snapshot);
    let usable = match volumes.new {
        Some(new) => mark(builder, new, &volumes),
        None => create(builder, data, subnet, &volumes, snapshot),
    };
    let mut before = stop(builder, options, &usable);
    before.extend(usable);
    let goes_back = matches!(options.from, RestoreFrom::Snapshot(_)) && !options.zone_lost;
    // AWS takes no snapshot of a volume in any other state, such as `error`.
    let can_be_saved = |old: &&Volume| matches!(old.state, VolumeState::Available | VolumeState::InUse);
    if let Some(old) = volumes.old.filter(|_| goes_back).filter(can_be_saved) {
        before.extend(save(builder, old, volumes.new, &before));
    }
    DataVolume {
        id: Deferred::After(switch(builder, &volumes, &before)),
        key: match volumes.new {
            Some(new) => key_of(builder.spec, new),
            None => key_of_new(builder, data, volumes.old),
        },
        still_used: None,
        usable_after: BTreeSet::new(),
    }
}

/// Refuses whatever an apply would refuse, before anything is stopped; answers of which snapshot a volume has yet to be made,
/// if of any. `None` where that snapshot cannot be used.
fn check_source<'a>(
    builder: &mut Builder<'a>,
    data: &DataSpec,
    subnet: Option<&Subnet>,
    (options, volumes): (&RestoreOptions, &Volumes<'_>),
) -> Option<Option<&'a Snapshot>> {
    match (&options.from, volumes.new) {
        (RestoreFrom::Snapshot(id), None) => {
            let snapshot = snapshot(builder, id)?;
            refuse_to_shrink(builder, data, &format!("of {id}"), snapshot.size_gib);
            Some(Some(snapshot))
        }
        (_, new) => {
            if let Some(new) = new {
                check(builder, data, new, subnet);
                refuse_to_shrink(builder, data, new.id.as_str(), new.size_gib);
            }
            Some(None)
        }
    }
}

/// Tells what the stack goes back behind.
fn tell_loss(builder: &mut Builder<'_>, volumes: &Volumes<'_>, snapshot: Option<&Snapshot>) {
    let kept = match volumes.old {
        Some(old) => format!("what was written since stays on {}, which is kept", old.id),
        None => "what was written since is lost with the volume".to_owned(),
    };
    if let Some(snapshot) = snapshot {
        let now = builder.observed.observed_at;
        let age = age(snapshot.started_at, now);
        builder.note(
            "data-as-of",
            format!(
                "the data will be as it was at {} ({age} ago): {kept}",
                snapshot.started_at
            ),
        );
    } else if let Some(old) = volumes.old {
        builder.note(
            "data-as-of",
            format!(
                "the data will be what the other volume holds; {} is kept as it is",
                old.id
            ),
        );
    }
}

/// Wakes the stack once everything names the new volume, and marks the restore as finished once it serves from it.
pub(super) fn finish(builder: &mut Builder<'_>, options: &RestoreOptions) {
    // Without a data volume that could be found there is a refusal already.
    if builder.is_refused() {
        return;
    }
    let Some(volumes) = find(builder, options) else { return };
    let before = builder.all_planned();
    let mut last = before.clone();
    if volumes.afterwards == Afterwards::Awake
        && let Some(group) = group(builder)
    {
        let stops = !builder.planned(StepKind::StopServing).is_empty();
        if stops || group.desired == 0 {
            let mut needs = before;
            if !stops && !options.zone_lost {
                let running = running(builder);
                needs.extend((!running.is_empty()).then(|| stopped(builder, group, running)));
            }
            last.insert(set_desired(builder, StepKind::StartServing, group, 1, &needs));
        } else if group.suspends("Launch") {
            // Nothing is launched, and nothing to wait for: the plan tells of it.
        } else if let Some(new) = volumes.new.filter(|new| !serves_from(group, new)) {
            last.insert(builder.wait(WaitFor::Restored {
                group: group.name.clone(),
                volume: new.id.clone(),
            }));
        }
    }
    let sleeps = volumes.afterwards == Afterwards::Asleep && volumes.are_switched();
    // Somebody may have woken it while its volumes changed places, with the one that was.
    if let Some(group) = group(builder).filter(|_| sleeps && last.is_empty() && !builder.observed.run.volumes.rested) {
        let is_open = volumes.new.is_some_and(|new| unfinished_of(new).is_some());
        last.extend(is_open.then(|| {
            builder.wait(WaitFor::Rested {
                group: group.name.clone(),
            })
        }));
    }
    end(builder, &volumes, &last);
}

/// Marks the restore as finished.
fn end(builder: &mut Builder<'_>, volumes: &Volumes<'_>, last: &BTreeSet<Need>) {
    // Where the data volume stays what it was, the other one is given up.
    let given_up = unfinished(builder).filter(|(found, _)| volumes.new.is_some_and(|new| new.id != found.id));
    // One that somebody else began in the same moment is not this run's, which has come to its own end.
    let own = done(builder);
    let is_over = volumes.new.is_some_and(|new| new.tags.get(TAG_RESTORE) == Some(&own));
    if let Some((other, _)) = given_up.filter(|_| volumes.are_switched() && !is_over) {
        set_volume_aside(builder, other, "it is not to be the data volume", last);
        return;
    }
    let is_marked = volumes.new.is_none_or(|new| unfinished_of(new).is_some());
    if !is_marked && volumes.are_switched() {
        return;
    }
    let draft = Draft::new(
        StepKind::FinishRestore,
        Change::Update,
        "the stack serves from the new volume",
    )
    .sets(TAG_RESTORE, "done");
    let tags = Tags::from([(TAG_RESTORE.to_owned(), own)]);
    let (draft, action) = match volumes.new {
        Some(new) => (draft.target(new.id.clone()), put_tags(&new.id, tags).not_before(last)),
        None => (draft, Deferred::After(last.clone())),
    };
    builder.step(draft, action);
}

/// Whether an instance of the group is in service and holds the volume.
fn serves_from(group: &Group, volume: &Volume) -> bool {
    let holder = volume
        .attachment
        .as_ref()
        .map(|attachment| attachment.instance_id.as_str());
    let mut serving = group.instances.iter().filter(|instance| instance.is_serving());
    serving.any(|instance| Some(instance.id.as_str()) == holder)
}
