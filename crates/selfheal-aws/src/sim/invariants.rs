//! The safety invariants, as functions of a world.

use std::collections::{BTreeMap, BTreeSet};

use selfheal_core::names::{ResourceKind, TAG_ROLE, TAG_STACK, Tags};
use selfheal_core::world::{InstanceId, InstanceState, LifecycleState, VolumeState};

use super::ledger::Violation;
use super::state::{Content, InstanceRecord};
use super::trace::TraceKind;
use super::world::World;

impl World {
    /// Checks the invariants, where the configuration asks for it, and records each violation once.
    pub(super) fn check_invariants(&mut self) {
        if !self.config.check_invariants {
            return;
        }
        self.note_hollow();
        self.note_written();
        self.judge_told();
        let acts = self.ledger.faults[self.ledger.told.min(self.ledger.faults.len())..].to_vec();
        self.ledger.told = self.ledger.faults.len();
        for violation in acts.into_iter().chain(states(self)) {
            if self.ledger.known.insert(violation.clone()) {
                let Violation { invariant, detail } = violation.clone();
                self.record(TraceKind::Violation { invariant, detail });
                self.ledger.violations.push(violation);
            }
        }
    }
}

/// Returns every violation of a safety invariant (ARCHITECTURE.md lists them) that a world shows: of S1 to S16; and of L4,
/// where an instance is in service for more than five hours without its volume.
///
/// S1, S3, S5, S13, S15 and S16 are judged by what the world is; S1 and S16 also, and all the others, by what is done, when it is done, and
/// stay in the answer. [`Sim::permit`](super::Sim::permit) stands for the user's confirmation in S1, S2 and S5, and by
/// `GROUP terminations` for the wish in S16 to be told of every end; [`Sim::serving`](super::Sim::serving) tells S6 which stack a run
/// serves, and [`Sim::showing`](super::Sim::showing) tells S7 what a person was shown. What S11 holds for secrets are the account's
/// parameters, AWS's own apart.
#[must_use]
pub fn invariants(world: &World) -> Vec<Violation> {
    let mut found = world.ledger.faults.clone();
    found.extend(states(world));
    found
}

/// What is wrong with the world as it is.
fn states(world: &World) -> Vec<Violation> {
    let mut found = Vec::new();
    one_writer(world, &mut found);
    one_of_each(world, &mut found);
    one_in_service(world, &mut found);
    no_deadly_suspension(world, &mut found);
    none_hollow_for_long(world, &mut found);
    few_orders(world, &mut found);
    one_fetch(world, &mut found);
    found
}

/// How long an instance may stay in service without its volume: it tells its group for four hours, then powers off.
const HOLLOW_MS_MAX: u64 = 5 * 3_600_000;

impl World {
    /// Notes which instances their groups hold for good although they are without the volume that they are made for. One
    /// that hangs cannot say so, and one whose group replaces nothing stays.
    fn note_hollow(&mut self) {
        let mut hollow = Vec::new();
        for group in self.groups.values() {
            if group.deleting || group.suspends("ReplaceUnhealthy") || group.suspends("Terminate") {
                continue;
            }
            for member in &group.members {
                let without = |instance: &&InstanceRecord| {
                    let volume = instance.boot.config.as_ref().and_then(|config| config.volume.as_ref());
                    let up = instance.state == InstanceState::Running && !instance.impaired;
                    up && volume.is_some() && volume != instance.mounted.as_ref()
                };
                let kept = member.healthy && member.lifecycle == LifecycleState::InService;
                if kept && self.instances.get(&member.id).filter(without).is_some() {
                    hollow.push(member.id.clone());
                }
            }
        }
        let now_ms = self.now_ms;
        self.hollow_since.retain(|id, _| hollow.contains(id));
        for id in hollow {
            self.hollow_since.entry(id).or_insert(now_ms);
        }
    }
}

impl World {
    /// Notes what is on the volumes, and where it is not what it was (S1): data does not go, whatever writes over it.
    fn note_written(&mut self) {
        let mut lost = Vec::new();
        for record in self.volumes.values().filter(|record| !record.delete_on_termination) {
            let id = &record.volume.id;
            let now = match &record.content {
                Content::Filesystem { made_by, writes, .. } => Some((made_by, *writes)),
                Content::Blank | Content::Foreign(_) => None,
            };
            if let Some((made_by, writes)) = self.ledger.written.get(id)
                && now.is_none_or(|now| now.0 != made_by || now.1 < *writes)
            {
                lost.push(Violation::new(
                    "S1",
                    format!("what {made_by} made on {id} is not there any more"),
                ));
            }
            // Before the first mount there is a filesystem, and nothing in it that anybody would miss.
            match now.filter(|now| now.1 > 0) {
                None => drop(self.ledger.written.remove(id)),
                Some((made_by, writes)) => match self.ledger.written.get_mut(id) {
                    Some(have) if have.0 == *made_by => have.1 = writes,
                    _ => drop(self.ledger.written.insert(id.clone(), (made_by.clone(), writes))),
                },
            }
        }
        self.ledger.faults.extend(lost);
    }
}

/// S5: no stack has two instances in service, but where somebody has asked for them.
fn one_in_service(world: &World, found: &mut Vec<Violation>) {
    let mut serving: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, group) in &world.groups {
        let Some(stack) = group
            .tags
            .get(TAG_STACK)
            .filter(|_| !world.ledger.permitted.contains(name))
        else {
            continue;
        };
        let in_service = group
            .members
            .iter()
            .filter(|it| it.lifecycle == LifecycleState::InService);
        let in_service = in_service.map(|member| member.id.as_str());
        serving.entry(stack).or_default().extend(in_service);
    }
    for (stack, instances) in serving.into_iter().filter(|(_, instances)| instances.len() > 1) {
        let detail = format!("stack {stack} has {} in service", instances.join(" and "));
        found.push(Violation::new("S5", detail));
    }
}

/// L4, with a bound: no instance is held for good without its volume.
fn none_hollow_for_long(world: &World, found: &mut Vec<Violation>) {
    for (id, since_ms) in &world.hollow_since {
        if world.now_ms - since_ms > HOLLOW_MS_MAX {
            let detail = format!("{id} is in service without its volume, and its group does not know");
            found.push(Violation::new("L4", detail));
        }
    }
}

/// Returns what has not healed in a world that has come to rest: the liveness that the catalogue asks for once faults stop.
///
/// L4: every group that is neither parked nor being deleted has its desired number of instances in service, each with the
/// volume and the address that its user data names. S9 as a state: no other instance has that address. Where instances
/// boot for real, a lab has to report what they mounted.
#[must_use]
pub fn unhealed(world: &World) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, group) in &world.groups {
        if group.deleting || group.suspends("Launch") {
            continue;
        }
        let serving = group
            .members
            .iter()
            .filter(|member| member.healthy && member.lifecycle == LifecycleState::InService);
        let serving: Vec<&InstanceId> = serving.map(|member| &member.id).collect();
        if serving.len() != group.settings.desired as usize {
            let detail = format!(
                "group {name} wants {} and has {} in service",
                group.settings.desired,
                serving.len()
            );
            found.push(Violation::new("L4", detail));
        }
        for id in serving {
            found.extend(missing(world, id).map(|what| Violation::new("L4", format!("{id} is without {what}"))));
        }
    }
    for record in world.addresses.values() {
        let Some(holder) = record
            .address
            .instance_id
            .as_ref()
            .and_then(|id| world.instances.get(id))
        else {
            continue;
        };
        let volume = holder.boot.config.as_ref().and_then(|config| config.volume.as_ref());
        if volume.is_some() && volume != holder.mounted.as_ref() {
            let detail = format!(
                "{} is at {}, which has no volume",
                record.address.allocation_id, holder.id
            );
            found.push(Violation::new("S9", detail));
        }
    }
    found
}

/// What an instance lacks of what its user data names.
fn missing(world: &World, instance: &InstanceId) -> Option<String> {
    let record = world.instances.get(instance)?;
    let config = record.boot.config.as_ref()?;
    if config.volume.is_some() && config.volume != record.mounted {
        return config.volume.clone().map(String::from);
    }
    let address = &config.allocation_id;
    let holder = world
        .addresses
        .get(address)
        .and_then(|it| it.address.instance_id.as_ref());
    (holder != Some(instance)).then(|| address.to_string())
}

/// S3: at most one instance has the volume mounted, and it is the one to which it is attached.
fn one_writer(world: &World, found: &mut Vec<Violation>) {
    let mut writers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for instance in world.instances.values() {
        if let Some(volume) = &instance.mounted {
            writers.entry(volume.as_str()).or_default().push(instance.id.as_str());
        }
    }
    for (volume, instances) in writers {
        if instances.len() > 1 {
            found.push(Violation::new(
                "S3",
                format!("{volume} is mounted by {}", instances.join(" and ")),
            ));
        }
        let holder = world
            .volumes
            .get(volume)
            .and_then(|record| record.volume.attachment.as_ref());
        for instance in instances {
            if holder.is_none_or(|held| held.instance_id != instance) {
                found.push(Violation::new(
                    "S3",
                    format!("{volume} is mounted by {instance} and not attached to it"),
                ));
            }
        }
    }
}

/// S15: what an instance holds of the app's configuration, one fetch has brought.
fn one_fetch(world: &World, found: &mut Vec<Violation>) {
    for instance in world.instances.values() {
        let fetches: BTreeSet<u64> = instance.boot.held.values().map(|parameter| parameter.fetch).collect();
        if fetches.len() > 1 {
            let detail = format!("{} holds a configuration of {} fetches", instance.id, fetches.len());
            found.push(Violation::new("S15", detail));
        }
    }
}

/// S5: at most one live resource for each stack and role.
fn one_of_each<'a>(world: &'a World, found: &mut Vec<Violation>) {
    let mut owned: Vec<(&str, &str, &str)> = Vec::new();
    let mut own = |id: &'a str, tags: &'a Tags| {
        if let (Some(stack), Some(role)) = (tags.get(TAG_STACK), tags.get(TAG_ROLE)) {
            owned.push((stack, role, id));
        }
    };
    world
        .addresses
        .values()
        .for_each(|record| own(record.address.allocation_id.as_str(), &record.address.tags));
    for record in world.volumes.values() {
        let gone = matches!(record.volume.state, VolumeState::Deleted | VolumeState::Deleting);
        // Root volumes come and go with their instances, of which two overlap in a replacement. Of copies, and of volumes
        // that were the data volume before, a stack may have any number; of volumes that are to become it, those of two
        // people who began a restore at once, one of whom is refused before anything is stopped.
        let any = record.volume.tags.get(TAG_ROLE).is_some_and(|role| {
            [
                ResourceKind::VolumeCopy,
                ResourceKind::DrillCopy,
                ResourceKind::PreviousVolume,
                ResourceKind::RestoringVolume,
            ]
            .iter()
            .any(|kind| role == kind.as_str())
        });
        if !gone && !record.delete_on_termination && !any {
            own(record.volume.id.as_str(), &record.volume.tags);
        }
    }
    for record in world.application_checks.values().filter(|record| !record.check.deleted) {
        own(&record.check.id, &record.check.tags);
    }
    world
        .security_groups
        .values()
        .for_each(|record| own(record.group.id.as_str(), &record.group.tags));
    world
        .templates
        .values()
        .for_each(|record| own(record.id.as_str(), &record.tags));
    world
        .groups
        .values()
        .for_each(|record| own(&record.settings.name, &record.tags));
    world
        .roles
        .values()
        .for_each(|record| own(&record.role.name, &record.role.tags));
    world
        .profiles
        .values()
        .for_each(|record| own(&record.profile.name, &record.profile.tags));
    owned.sort_unstable();
    for same in owned.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        if let [(stack, role, _), _, ..] = same {
            let ids: Vec<&str> = same.iter().map(|(_, _, id)| *id).collect();
            let detail = format!("stack {stack} has {} of role {role}: {}", ids.len(), ids.join(", "));
            found.push(Violation::new("S5", detail));
        }
    }
}

/// S14: no data volume costs a certificate authority more than three orders an hour, however many instances come and go.
fn few_orders(world: &World, found: &mut Vec<Violation>) {
    for (at, order) in world.orders.iter().enumerate() {
        let before = world.orders[..at].iter().rev();
        let recent = before
            .take_while(|former| order.at_ms - former.at_ms < 3_600_000)
            .filter(|former| former.volume == order.volume);
        let count = recent.count() + 1;
        if count > 3 {
            let detail = format!("the certificate of {} cost {count} orders within an hour", order.volume);
            found.push(Violation::new("S14", detail));
        }
    }
}

/// S13: never `ReplaceUnhealthy` active with `Launch` suspended.
fn no_deadly_suspension(world: &World, found: &mut Vec<Violation>) {
    for (name, group) in &world.groups {
        // One without members has nothing to lose: AWS itself suspends the launches of one that has none for a day.
        let loses = !group.suspends("ReplaceUnhealthy") && !group.suspends("Terminate") && !group.members.is_empty();
        if group.suspends("Launch") && loses {
            let detail = format!("group {name} would terminate an unhealthy instance and launch none");
            found.push(Violation::new("S13", detail));
        }
    }
}
