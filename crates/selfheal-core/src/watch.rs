//! Whether a stack comes to serve: what somebody who waits for it is shown, phase by phase.
//!
//! A [`Watch`] takes one reading after another and says what each shows for the first time. It reads no clock: who reads says
//! when. What is seen is when it was *seen*, which is up to a pause between two readings after it happened.

mod follow;

pub use follow::{Change, Follow, Glance, Standing, Stands};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::existing::existing;
use crate::names::{TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED};
use crate::spec::Spec;
use crate::world::{Activity, ActivityStatus, AttachmentState, Group, GroupInstance, InstanceId, Observed};

/// A phase of a launch or of a replacement, in the order in which they usually come to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The group ends the instance that is replaced.
    Ending,
    /// The instance that is replaced has left the group.
    Left,
    /// The group has launched an instance.
    Launched,
    /// The data volume is attached to it.
    VolumeAttached,
    /// The Elastic IP is associated with it.
    AddressAssociated,
    /// Its boot is over, and the group takes it to be healthy.
    InService,
    /// The DNS record has the address as its one value. Resolvers may remember an older value for the record's TTL.
    Named,
}

impl Phase {
    /// What has come to pass: a clause.
    #[must_use]
    pub const fn happened(self) -> &'static str {
        match self {
            Self::Ending => "is being ended",
            Self::Left => "has left the group",
            Self::Launched => "is launched",
            Self::VolumeAttached => "holds the data volume",
            Self::AddressAssociated => "holds the address",
            Self::InService => "is in service",
            Self::Named => "is what the name leads to",
        }
    }

    /// What is no longer so: a clause.
    #[must_use]
    pub const fn undone(self) -> &'static str {
        match self {
            Self::Ending => "is no longer being ended",
            Self::Left => "is in the group again",
            Self::Launched => "is gone",
            Self::VolumeAttached => "no longer holds the data volume",
            Self::AddressAssociated => "no longer holds the address",
            Self::InService => "is no longer in service",
            Self::Named => "is no longer what the name leads to",
        }
    }

    /// What is waited for before it has: a noun.
    #[must_use]
    pub const fn awaited(self) -> &'static str {
        match self {
            Self::Ending => "the group to end the instance",
            Self::Left => "the instance to leave the group",
            Self::Launched => "the group to launch an instance",
            Self::VolumeAttached => "the data volume",
            Self::AddressAssociated => "the app, and then the address",
            Self::InService => "the end of the boot",
            Self::Named => "the name",
        }
    }
}

/// A phase that was seen for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// The phase.
    pub phase: Phase,
    /// The instance that it is about.
    pub instance: InstanceId,
    /// When it was seen, RFC 3339.
    pub at: Timestamp,
    /// Milliseconds since the watch began.
    pub after_ms: u64,
}

/// What keeps a stack from coming to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Failing {
    /// A boot failed. The group tries again, until the stack parks itself.
    BootFailed {
        /// Time, instance and reason, as the instance noted them.
        error: String,
        /// The end of the boot's log, lines parted by ` / `.
        log: Option<String>,
    },
    /// AWS refused to launch an instance. The group tries again.
    LaunchFailed {
        /// AWS's words.
        message: String,
    },
    /// The stack has parked itself after failed boots; `selfheal resume` lifts that.
    Parked {
        /// Since when and why.
        parked: String,
        /// The end of the last boot's log, lines parted by ` / `.
        log: Option<String>,
    },
    /// The stack sleeps.
    Asleep,
    /// Launching is suspended.
    Suspended,
    /// There is no Auto Scaling group.
    NoGroup,
}

impl Failing {
    /// Whether it may pass without anybody's doing.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::BootFailed { .. } | Self::LaunchFailed { .. })
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::BootFailed { .. } => "the group tries again; `selfheal logs --boot` shows the whole of it",
            Self::LaunchFailed { .. } => "the group tries again; `selfheal status` says what helps",
            Self::Parked { .. } => "mend what it says, `selfheal apply`, and `selfheal resume`",
            Self::Asleep => "`selfheal wake` wakes it",
            Self::Suspended => "`selfheal resume` lets the group launch again",
            Self::NoGroup => "`selfheal apply` makes it",
        }
    }
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let with_log = |f: &mut std::fmt::Formatter<'_>, log: &Option<String>| match log {
            Some(log) => write!(f, "\n  its log ends: {}", log.replace(" / ", "\n    ")),
            None => Ok(()),
        };
        match self {
            Self::BootFailed { error, log } => {
                write!(f, "a boot failed: {error}")?;
                with_log(f, log)
            }
            Self::LaunchFailed { message } => write!(f, "AWS does not launch an instance: {message}"),
            Self::Parked { parked, log } => {
                write!(f, "the stack has parked itself: {parked}")?;
                with_log(f, log)
            }
            Self::Asleep => f.write_str("the stack sleeps"),
            Self::Suspended => f.write_str("the group is kept from launching"),
            Self::NoGroup => f.write_str("there is no Auto Scaling group"),
        }
    }
}

/// What a reading says of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The stack serves from this instance.
    Serving(InstanceId),
    /// These phases are still to come, the next one first.
    Waiting(Vec<Phase>),
    /// Something keeps it from serving.
    Failing(Failing),
}

/// Somebody waits for a stack to serve.
#[derive(Clone, Debug)]
pub struct Watch {
    began: Timestamp,
    replaced: Option<InstanceId>,
    /// What was noted of a failed boot before.
    noted: Option<String>,
    /// The newest launch before, which may have failed for what is mended by now; of a group that was not there, none. `None` until
    /// a reading tells of launches, which those that plan do not.
    launch_before: Option<Option<String>>,
    reached: Vec<Reached>,
}

impl Watch {
    /// Waits for whatever instance the group has or launches, from what was read before anything was done about it.
    #[must_use]
    pub fn new(before: &Observed, began: Timestamp) -> Self {
        let group = before.group.as_ref();
        Self {
            began,
            replaced: None,
            noted: group.and_then(|group| group.tags.get(TAG_LAST_ERROR).cloned()),
            launch_before: group.is_none().then_some(None),
            reached: Vec::new(),
        }
    }

    /// The same for an instance that takes the place of this one.
    #[must_use]
    pub fn replacing(self, id: InstanceId) -> Self {
        Self {
            replaced: Some(id),
            ..self
        }
    }

    /// When it began.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// Everything that was seen so far, in the order in which it was seen.
    #[must_use]
    pub fn reached(&self) -> &[Reached] {
        &self.reached
    }

    /// Takes a reading; answers what it shows for the first time.
    pub fn look(&mut self, spec: &Spec, observed: &Observed, at: Timestamp) -> Vec<Reached> {
        self.look_for_launches(observed);
        let mut now = Vec::new();
        if let (Some(old), Some(group)) = (&self.replaced, &observed.group) {
            let member = group.instances.iter().find(|member| member.id == *old);
            if member.is_none_or(|member| member.lifecycle.is_leaving()) {
                now.push((Phase::Ending, old.clone()));
            }
            if member.is_none() {
                now.push((Phase::Left, old.clone()));
            }
        }
        if let Some(member) = self.candidate(observed) {
            let holds = phases(spec, observed, member);
            now.extend(
                holds
                    .into_iter()
                    .filter(|(_, holds)| *holds)
                    .map(|(phase, _)| (phase, member.id.clone())),
            );
        }
        let after = at.duration_since(self.began).as_millis();
        let new: Vec<Reached> = now
            .into_iter()
            .filter(|(phase, id)| {
                !self
                    .reached
                    .iter()
                    .any(|seen| seen.phase == *phase && seen.instance == *id)
            })
            .map(|(phase, instance)| Reached {
                phase,
                instance,
                at,
                after_ms: u64::try_from(after).unwrap_or(0),
            })
            .collect();
        self.reached.extend(new.iter().cloned());
        new
    }

    /// Remembers which launch was the newest before anything was waited for, from the first reading that tells of any.
    fn look_for_launches(&mut self, observed: &Observed) {
        if let Some(newest) = newest_launch(observed) {
            self.launch_before.get_or_insert_with(|| Some(newest.id.clone()));
        }
    }

    /// Says how it stands by a reading that [`Watch::look`] has taken.
    #[must_use]
    pub fn verdict(&self, spec: &Spec, observed: &Observed) -> Verdict {
        let Some(group) = observed.group.as_ref().filter(|group| !group.deleting) else {
            return Verdict::Failing(Failing::NoGroup);
        };
        if let Some(member) = self.candidate(observed)
            && phases(spec, observed, member).iter().all(|(_, holds)| *holds)
        {
            return Verdict::Serving(member.id.clone());
        }
        if let Some(failing) = self.failing(group, observed) {
            return Verdict::Failing(failing);
        }
        Verdict::Waiting(self.missing(spec, observed))
    }

    /// The phases that are still to come, the next one first, whatever keeps the stack from them.
    #[must_use]
    pub fn missing(&self, spec: &Spec, observed: &Observed) -> Vec<Phase> {
        let seen = |phase: Phase| self.reached.iter().any(|reached| reached.phase == phase);
        let old = [Phase::Ending, Phase::Left];
        let mut missing: Vec<Phase> = Vec::new();
        // Once another holds the address, nobody waits for the end of the old one.
        if self.replaced.is_some() && !seen(Phase::AddressAssociated) {
            missing.extend(old.into_iter().filter(|phase| !seen(*phase)));
        }
        match self.candidate(observed) {
            Some(member) => {
                let holds = phases(spec, observed, member);
                missing.extend(holds.into_iter().filter(|(_, holds)| !holds).map(|(phase, _)| phase));
            }
            None => missing.push(Phase::Launched),
        }
        missing
    }

    /// The instance that serves or is to serve.
    fn candidate<'o>(&self, observed: &'o Observed) -> Option<&'o GroupInstance> {
        let members = observed.group.as_ref()?.foremost();
        members
            .into_iter()
            .find(|member| !member.lifecycle.is_leaving() && self.replaced.as_ref() != Some(&member.id))
    }

    fn failing(&self, group: &Group, observed: &Observed) -> Option<Failing> {
        let tag = |key: &str| group.tags.get(key).cloned();
        if let Some(parked) = tag(TAG_PARKED) {
            let log = tag(TAG_LAST_LOG);
            return Some(Failing::Parked { parked, log });
        }
        if group.suspends("Launch") {
            return Some(Failing::Suspended);
        }
        if group.desired == 0 {
            return Some(Failing::Asleep);
        }
        if let Some(error) = tag(TAG_LAST_ERROR).filter(|error| self.noted.as_ref() != Some(error)) {
            let log = tag(TAG_LAST_LOG);
            return Some(Failing::BootFailed { error, log });
        }
        let newest = newest_launch(observed)?;
        let before = self
            .launch_before
            .as_ref()
            .is_some_and(|before| before.as_ref() == Some(&newest.id));
        (!before && newest.status == ActivityStatus::Failed).then(|| Failing::LaunchFailed {
            message: newest
                .status_message
                .clone()
                .unwrap_or_else(|| "it gives no reason".to_owned()),
        })
    }
}

fn newest_launch(observed: &Observed) -> Option<&Activity> {
    let mut activities = observed.activities.iter();
    activities.find(|activity| activity.description.starts_with("Launching"))
}

/// Whether somebody who has just applied a stack has an instance to wait for: its group is to have one, and may launch it.
#[must_use]
pub fn is_to_serve(observed: &Observed) -> bool {
    observed.group.as_ref().is_some_and(|group| {
        let parked = group.tags.contains_key(TAG_PARKED);
        !group.deleting && !parked && group.desired > 0 && !group.suspends("Launch")
    })
}

/// The phases that an instance goes through, and whether it is through each.
fn phases(spec: &Spec, observed: &Observed, member: &GroupInstance) -> Vec<(Phase, bool)> {
    let existing = existing(spec, observed);
    let mut phases = vec![(Phase::Launched, true)];
    if spec.data.is_some() {
        let attached = existing.volume.as_ref().and_then(|volume| volume.attachment.as_ref());
        let holds = attached.is_some_and(|attachment| {
            attachment.instance_id == member.id && attachment.state == AttachmentState::Attached
        });
        phases.push((Phase::VolumeAttached, holds));
    }
    let address = existing.address.as_ref();
    let holds = address.is_some_and(|address| address.instance_id.as_ref() == Some(&member.id));
    phases.push((Phase::AddressAssociated, holds));
    phases.push((Phase::InService, member.is_serving()));
    if let Some(dns) = &spec.dns {
        let values = observed
            .records
            .iter()
            .filter(|record| record.record_type == "A" && record.name == dns.name)
            .flat_map(|record| &record.values);
        let leads = holds && address.is_some_and(|address| values.eq([&address.public_ip]));
        phases.push((Phase::Named, leads));
    }
    phases
}
