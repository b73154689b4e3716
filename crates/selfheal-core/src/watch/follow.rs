//! Following a stack for as long as somebody looks on: what changes from one reading to the next.
//!
//! A [`Watch`] waits for one thing and tells of each phase once. A [`Follow`] has no end: what a stack has lost is told as
//! what it has come to, and it may come to the same again.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failing, Phase, Reached, Verdict, Watch, newest_launch, phases};
use crate::existing::existing;
use crate::names::TAG_LAST_ERROR;
use crate::spec::Spec;
use crate::world::{InstanceId, Observed};

/// How a stack stands by one reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "stands", rename_all = "kebab-case")]
pub enum Standing {
    /// It serves.
    Serving {
        /// From this instance.
        instance: InstanceId,
    },
    /// It does not serve, and is on its way there.
    Waiting {
        /// What comes next.
        next: Phase,
    },
    /// It does not serve, and this keeps it from that. One that sleeps is among these.
    Failing {
        /// What it is.
        #[serde(flatten)]
        failing: Failing,
    },
}

impl Standing {
    /// Whether it is told that the stack has come from the one to the other. What is waited for next is told by its phases.
    fn is_told_after(&self, before: &Self) -> bool {
        let waits = |standing: &Self| matches!(standing, Self::Waiting { .. });
        !(waits(self) && waits(before)) && self != before
    }
}

/// A clause.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { instance } => write!(f, "the stack serves from {instance}"),
            Self::Waiting { next } => write!(f, "the stack does not serve; it waits for {}", next.awaited()),
            Self::Failing { failing } => write!(f, "{failing}"),
        }
    }
}

/// A change of how a stack stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stands {
    /// How it stands from now on.
    #[serde(flatten)]
    pub standing: Standing,
    /// When it was seen, RFC 3339.
    pub at: Timestamp,
    /// Milliseconds since somebody began to look.
    pub after_ms: u64,
}

/// What a reading shows that the one before did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An instance has come to a phase, for the first time or again.
    Reached(Reached),
    /// An instance is no longer in the phase.
    Lost(Reached),
    /// The stack as a whole.
    Stands(Stands),
}

/// Somebody looks on.
#[derive(Clone, Debug)]
pub struct Follow {
    watch: Watch,
    /// The members of the group, each with the phases that it is in.
    held: BTreeSet<(InstanceId, Phase)>,
    standing: Option<Standing>,
}

impl Follow {
    /// Begins, with what was read of the stack, in the scope of a status.
    #[must_use]
    pub fn new(before: &Observed, began: Timestamp) -> Self {
        Self {
            watch: Watch::new(before, began),
            held: BTreeSet::new(),
            standing: None,
        }
    }

    /// When it began.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.watch.began()
    }

    /// How the stack stands by the last reading; `None` before the first.
    #[must_use]
    pub const fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Takes a reading; answers what has changed since the last one, of the first what there is: first what instances have
    /// lost, then what they have come to, then how the stack stands.
    pub fn look(&mut self, spec: &Spec, observed: &Observed, at: Timestamp) -> Vec<Change> {
        self.watch.look_for_launches(observed);
        let after = at.duration_since(self.began()).as_millis();
        let after_ms = u64::try_from(after).unwrap_or(0);
        let held = held(spec, observed);
        let seen = |(instance, phase): &(InstanceId, Phase)| Reached {
            phase: *phase,
            instance: instance.clone(),
            at,
            after_ms,
        };
        let is_there = |id: &InstanceId| held.contains(&(id.clone(), Phase::Launched));
        let mut changes: Vec<Change> = Vec::new();
        let lost = self.held.difference(&held).filter(|(id, phase)| match phase {
            // Told by what comes after it: an instance that leaves is no longer in service, and has been launched all the same.
            Phase::Launched | Phase::Ending | Phase::Left => false,
            Phase::InService => is_there(id),
            Phase::Named => held.contains(&(id.clone(), Phase::AddressAssociated)),
            Phase::VolumeAttached | Phase::AddressAssociated => true,
        });
        changes.extend(lost.map(|lost| Change::Lost(seen(lost))));
        let was = self.held.iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
        let is = held.iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
        let left = was.difference(&is).map(|id| ((*id).clone(), Phase::Left));
        let mut reached: Vec<(InstanceId, Phase)> = held.difference(&self.held).cloned().chain(left).collect();
        // What an instance that leaves has come to before.
        reached.sort_by_key(|(_, phase)| matches!(phase, Phase::Ending | Phase::Left));
        changes.extend(reached.iter().map(|reached| Change::Reached(seen(reached))));
        let standing = self.stands(spec, observed);
        if self
            .standing
            .as_ref()
            .is_none_or(|before| standing.is_told_after(before))
        {
            changes.push(Change::Stands(Stands {
                standing: standing.clone(),
                at,
                after_ms,
            }));
        }
        if let Standing::Serving { .. } = standing {
            self.watch.forget_failures(observed);
        }
        self.standing = Some(standing);
        self.held = held;
        changes
    }

    /// Says how the stack stands by a reading, without taking it.
    #[must_use]
    pub fn stands(&self, spec: &Spec, observed: &Observed) -> Standing {
        match self.watch.verdict(spec, observed) {
            Verdict::Serving(instance) => Standing::Serving { instance },
            Verdict::Failing(failing) => Standing::Failing { failing },
            Verdict::Waiting(missing) => Standing::Waiting {
                next: missing.first().copied().unwrap_or(Phase::Launched),
            },
        }
    }
}

impl Watch {
    /// Takes all that failed so far for what failed before.
    fn forget_failures(&mut self, observed: &Observed) {
        let group = observed.group.as_ref();
        self.noted = group.and_then(|group| group.tags.get(TAG_LAST_ERROR).cloned());
        if let Some(newest) = newest_launch(observed) {
            self.launch_before = Some(Some(newest.id.clone()));
        }
    }
}

/// The members of the group, each with the phases that it is in.
fn held(spec: &Spec, observed: &Observed) -> BTreeSet<(InstanceId, Phase)> {
    let members = observed.group.iter().flat_map(|group| &group.instances);
    members
        .flat_map(|member| {
            let leaving = member.lifecycle.is_leaving();
            let holds = phases(spec, observed, member).into_iter();
            let phases = holds.filter(move |(phase, holds)| *holds && !(leaving && *phase == Phase::Launched));
            let ending = leaving.then_some(Phase::Ending);
            let phases = phases.map(|(phase, _)| phase).chain(ending);
            phases.map(|phase| (member.id.clone(), phase))
        })
        .collect()
}

/// How a stack stands at the moment, at a glance: a few lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The stack's name.
    pub stack: String,
    /// How it stands.
    pub standing: Standing,
    /// When it was read.
    pub at: Timestamp,
    /// What there is, each with what is said of it.
    pub rows: Vec<(&'static str, String)>,
}

impl Glance {
    /// What a reading shows of a stack that stands so.
    #[must_use]
    pub fn of(spec: &Spec, observed: &Observed, standing: &Standing, at: Timestamp) -> Self {
        let existing = existing(spec, observed);
        let holder = |id: Option<&InstanceId>| id.map_or_else(|| "at no instance".to_owned(), |id| format!("at {id}"));
        let mut rows = Vec::new();
        let members = observed.group.iter().flat_map(|group| group.foremost());
        rows.extend(members.map(|member| {
            let text = format!("{}, {}, {}", member.id, member.health, member.lifecycle);
            ("instance", text)
        }));
        if rows.is_empty() {
            rows.push(("instance", "none".to_owned()));
        }
        if let Some(volume) = &existing.volume {
            let at = volume.attachment.as_ref().map(|attachment| &attachment.instance_id);
            rows.push(("volume", format!("{}, {}", volume.id, holder(at))));
        }
        if let Some(address) = &existing.address {
            let at = holder(address.instance_id.as_ref());
            rows.push(("address", format!("{}, {at}", address.public_ip)));
        }
        if let Some(dns) = &spec.dns {
            let of_name = observed.records.iter().filter(|record| record.name == dns.name);
            let values: Vec<&str> = of_name
                .filter(|record| record.record_type == "A")
                .flat_map(|record| record.values.iter().map(String::as_str))
                .collect();
            let value = if values.is_empty() {
                "nothing".to_owned()
            } else {
                values.join(", ")
            };
            rows.push(("dns", format!("{} -> {value}", dns.name)));
        }
        Self {
            stack: spec.name.clone(),
            standing: standing.clone(),
            at,
            rows,
        }
    }
}

impl fmt::Display for Glance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.stack, self.standing)?;
        for (name, text) in &self.rows {
            writeln!(f, "  {name:<9} {text}")?;
        }
        write!(f, "  {:<9} {}", "read", self.at.strftime("%H:%M:%S UTC"))
    }
}
