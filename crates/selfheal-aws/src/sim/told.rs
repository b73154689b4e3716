//! S16: what happens to a stack that has a topic is told at least once and twice at most, and nothing is told that did not happen.
//!
//! What happens is noted where it does, and not where it is told: a failure with its phase or in the group's tags, a healing
//! as the group's instance comes into service, a lost volume as it is unmounted.

use selfheal_core::names::{TAG_LAST_ERROR, TAG_PARKED, TAG_REPAIRS, Tags};
use selfheal_core::world::{AttachmentState, InstanceId, InstanceState, LifecycleState};

use super::ledger::{Happening, Violation, What};
use super::state::{BootPhase, InstanceRecord};
use super::world::World;

/// How often one thing may be told: an answer may be lost, and the watch tries once more.
const TOLD_MAX: u32 = 2;
/// How often it has to be tried.
const TRIED_MIN: u32 = 2;
/// Milliseconds within which an instance tells, from when no call of it fails any more: at once, or a minute later by its watch.
const TELLS_MS_MAX: u64 = 300_000;
/// Milliseconds that an instance has to be up to have tried once; that it healed, it tells at the end of its boot.
const TRIES_MS_MAX: u64 = 10_000;
/// Milliseconds for which what was told is remembered, so that it is known when it is told once more.
const KNOWN_MS: u64 = 3_600_000;
/// Milliseconds after a repair in which there is no second one.
const REPAIRS_APART_MS: u64 = 240_000;
/// What AWS says of a launch that is no replacement: a first start, or a wake.
const WANTED: &str = "changing the desired capacity from 0";
/// What AWS says of an end that somebody wanted: a sleep.
const SLEEPS: &str = "changing the desired capacity from";

impl What {
    /// What a subject tells, behind the stack's name.
    fn told_by(subject: &str) -> Option<Self> {
        let (_, says) = subject.split_once(": ")?;
        let begins = [
            ("failed: ", Self::Failed),
            ("parked: ", Self::Parked),
            ("healed: ", Self::Healed),
            ("lost the data volume", Self::Lost),
            ("repaired in place", Self::Repaired),
        ];
        begins
            .iter()
            .find(|(begin, _)| says.starts_with(begin))
            .map(|(_, what)| *what)
    }
}

impl World {
    /// Something happened that an instance has to tell, where it tells anybody anything.
    pub(super) fn happened(&mut self, id: &InstanceId, what: What) {
        let Some(boot) = self.tells(id).filter(|_| self.config.check_invariants) else {
            return;
        };
        let now_ms = self.now_ms;
        let is_it = |it: &&mut Happening| {
            let again = what == What::Repaired && now_ms - it.at_ms > REPAIRS_APART_MS;
            // A failure that has parked the stack is the same failure.
            let same = it.what == what || (what == What::Failed && it.what == What::Parked);
            it.instance == *id && same && (it.boot == boot || what == What::Healed) && !again
        };
        let known = self.ledger.happenings.iter_mut().rev().find(is_it);
        if let Some(known) = known {
            known.happened = true;
        } else if what != What::Parked || !self.parks_a_failure(id, boot) {
            let happening = Happening::new(id, boot, what, now_ms);
            self.ledger.happenings.push(happening);
        }
    }

    /// A failure that nobody was told of has parked the stack; answers whether there is one.
    fn parks_a_failure(&mut self, id: &InstanceId, boot: u32) -> bool {
        let is_it = |it: &&mut Happening| {
            it.instance == *id && it.boot == boot && it.what == What::Failed && it.told == 0 && it.happened
        };
        let failed = self.ledger.happenings.iter_mut().rev().find(is_it);
        failed.map(|failed| failed.what = What::Parked).is_some()
    }

    /// The tags that an instance has set of its group say what happened to it.
    pub(super) fn happened_by_tags(&mut self, id: &InstanceId, tags: &Tags) {
        if tags.contains_key(TAG_PARKED) {
            self.happened(id, What::Parked);
        } else if tags.contains_key(TAG_LAST_ERROR) {
            self.happened(id, What::Failed);
        }
        // The model says by itself when it repairs; it may be long until its count is noted.
        if tags.contains_key(TAG_REPAIRS) && !self.config.boot_model {
            self.happened(id, What::Repaired);
        }
    }

    /// The group lets an instance into service: a replacement, unless its launch follows from a change of the desired capacity.
    pub(super) fn happened_by_service(&mut self, group: &str, id: &InstanceId) {
        let members = self.groups.get(group).into_iter().flat_map(|group| &group.members);
        let launch = members
            .filter(|member| member.id == *id)
            .find_map(|member| member.activity.as_ref());
        let cause = launch.and_then(|launch| self.activities.iter().rev().find(|it| it.id == *launch));
        if cause.is_some_and(|activity| !activity.cause.contains(WANTED)) {
            self.happened(id, What::Healed);
        }
    }

    /// An instance does not have its volume mounted any more: lost, where somebody took it.
    pub(super) fn happened_by_unmount(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else { return };
        let volume = instance.boot.config.as_ref().and_then(|config| config.volume.as_ref());
        let record = volume.and_then(|volume| self.volumes.get(volume));
        let held = record.and_then(|record| record.volume.attachment.as_ref());
        let here = held.is_some_and(|held| held.instance_id == *id && held.state == AttachmentState::Attached);
        if !here && self.is_up(id) {
            self.happened(id, What::Lost);
        }
    }

    /// A message of an instance's has reached its topic.
    pub(super) fn note_told(&mut self, id: &InstanceId, subject: &str) {
        let (Some(what), Some(boot)) = (What::told_by(subject), self.tells(id)) else {
            return;
        };
        if !self.config.check_invariants {
            return;
        }
        let is_it = |it: &&mut Happening| it.instance == *id && it.what == what;
        let known = self.ledger.happenings.iter_mut().any(|it| is_it(&it));
        if !(known || (what == What::Parked && self.parks_a_failure(id, boot))) {
            let mut told = Happening::new(id, boot, what, self.now_ms);
            told.happened = false;
            self.ledger.happenings.push(told);
        }
        if let Some(it) = self.ledger.happenings.iter_mut().rev().find(is_it) {
            it.told += 1;
            if it.told == TOLD_MAX + 1 {
                let detail = format!("{id} told {} times: {subject}", it.told);
                self.ledger.faults.push(Violation::new("S16", detail));
            }
        }
    }

    /// A message of an instance's was refused, or its answer was lost.
    pub(super) fn note_refused(&mut self, id: &InstanceId, subject: &str) {
        let what = What::told_by(subject);
        let is_it = |it: &&mut Happening| it.instance == *id && Some(it.what) == what;
        if let Some(it) = self.ledger.happenings.iter_mut().rev().find(is_it) {
            it.refused += 1;
        }
    }

    /// A call of an instance failed: what it has to tell may take longer.
    pub(super) fn put_off_telling(&mut self, caller: &str) {
        let now_ms = self.now_ms;
        let of_caller = self.ledger.happenings.iter_mut().filter(|it| it.instance == caller);
        of_caller.for_each(|it| it.since_ms = now_ms);
    }

    /// Judges what was to be told until now.
    pub(super) fn judge_told(&mut self) {
        if self.ledger.happenings.is_empty() {
            return;
        }
        let now_ms = self.now_ms;
        let mut all = std::mem::take(&mut self.ledger.happenings);
        for it in all.iter_mut().filter(|it| !it.closed) {
            let up = self.is_up(&it.instance) && self.tells(&it.instance) == Some(it.boot);
            if up {
                it.seen_ms = now_ms;
            }
            let phase = self.instances.get(&it.instance).map(|instance| instance.boot.phase);
            let left = phase == Some(BootPhase::Left);
            // On its way out it may try once more.
            let waits = !up && !left && it.refused == 1 && self.is_held(&it.instance);
            let fault = if waits {
                None
            } else if it.happened {
                it.was_not_told(up, left, now_ms)
            } else if now_ms - it.at_ms > TELLS_MS_MAX {
                Some("was told, and did not happen")
            } else {
                None
            };
            if let Some(fault) = fault {
                let detail = format!("that {} {} {fault}", it.instance, it.what.as_str());
                self.ledger.faults.push(Violation::new("S16", detail));
            }
            it.closed = fault.is_some() || (it.happened && (it.told > 0 || !up) && !waits);
        }
        all.retain(|it| !it.closed || now_ms - it.at_ms < KNOWN_MS);
        self.ledger.happenings = all;
    }

    /// A group tells of an end: of one that its schedule or a person wanted, only where that was asked for.
    pub(super) fn judge_end_told(&mut self, group: &str, cause: &str) {
        let asked = self.ledger.permitted.contains(&format!("{group} terminations"));
        if self.config.check_invariants && cause.contains(SLEEPS) && !asked {
            let detail = format!("{group} tells of each time that it is put to sleep");
            self.ledger.faults.push(Violation::new("S16", detail));
        }
    }

    /// The number of an instance's boot, where it tells anybody anything.
    fn tells(&self, id: &InstanceId) -> Option<u32> {
        let instance = self.instances.get(id)?;
        instance.boot.config.as_ref()?.topic.as_ref()?;
        Some(instance.boots)
    }

    /// Whether an instance runs, and is to stay.
    fn is_up(&self, id: &InstanceId) -> bool {
        let runs = |instance: &InstanceRecord| {
            instance.state == InstanceState::Running && !instance.impaired && !instance.boot.noticed
        };
        self.instances.get(id).is_some_and(runs) && self.wanted(id)
    }

    /// Whether an instance runs and is held by its termination hook.
    fn is_held(&self, id: &InstanceId) -> bool {
        let runs = self
            .instances
            .get(id)
            .is_some_and(|it| it.state == InstanceState::Running && !it.impaired);
        let group = self.group_of(id).and_then(|group| self.groups.get(&group));
        let mut members = group.into_iter().flat_map(|group| &group.members);
        runs && members.any(|it| it.id == *id && it.lifecycle == LifecycleState::TerminatingWait)
    }
}

impl Happening {
    /// Why what happened ought to have been told by now; `None` where it was, or where there is time yet.
    fn was_not_told(&self, up: bool, left: bool, now_ms: u64) -> Option<&'static str> {
        if self.told > 0 {
            return None;
        }
        let tried = self.refused;
        let had_ms = self.seen_ms.saturating_sub(self.since_ms);
        let to_try_ms = if self.what == What::Healed {
            TELLS_MS_MAX
        } else {
            TRIES_MS_MAX
        };
        let silent = if up {
            tried < TRIED_MIN && now_ms - self.since_ms > TELLS_MS_MAX
        } else {
            (tried == 0 && had_ms > to_try_ms) || (left && tried == 1)
        };
        silent.then_some("was not told")
    }
}
