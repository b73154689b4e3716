//! The parts of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StepId, StepKind};
use crate::world::{Action, ImageId, InstanceId, SnapshotId, VolumeId};

/// Code of the note that the stack has parked itself.
pub(super) const PARKED: &str = "parked";
/// Code of the note that processes of the group are suspended.
pub(super) const SUSPENDED: &str = "suspended";
/// Codes of the notes that tell of a stack which would not heal.
const HELD_BACK: [&str; 2] = [PARKED, SUSPENDED];

/// What would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Plan {
    /// The stack.
    pub stack: String,
    /// The account whose credentials are in use.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The image that instances boot, once resolved.
    pub image: Option<PlannedImage>,
    /// The steps, in the order in which people read them.
    pub steps: Vec<Step>,
    /// What must not be done. A plan with a refusal has no ready step.
    pub refusals: Vec<Refusal>,
    /// What a person should know though nothing is done about it.
    pub notes: Vec<Note>,
    /// What the world must finish by itself before the steps that wait for it.
    pub waits: Vec<WaitFor>,
}

/// The image that instances boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedImage {
    /// What the spec asks for: an id, an alias or a parameter.
    pub asked: String,
    /// `ami-…`: what that is today.
    pub id: ImageId,
}

impl Plan {
    /// Whether there is nothing to do and nothing refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty()
    }

    /// Whether something in it must not be done.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// What keeps the stack from healing though an apply would leave it so: it has parked itself, or somebody suspended
    /// its processes.
    #[must_use]
    pub fn held_back(&self) -> Option<&Note> {
        self.notes.iter().find(|note| HELD_BACK.contains(&note.code.as_str()))
    }

    /// The steps whose inputs are all known, with their actions.
    pub fn ready(&self) -> impl Iterator<Item = (&Step, &Action)> {
        self.steps.iter().filter_map(|step| match &step.readiness {
            Readiness::Ready { action } => Some((step, &**action)),
            Readiness::Waiting { .. } => None,
        })
    }

    /// The first step of this kind.
    #[must_use]
    pub fn step(&self, kind: StepKind) -> Option<&Step> {
        self.steps.iter().find(|step| step.kind == kind)
    }

    /// Whether this step is part of it; a target that is not known yet is any.
    #[must_use]
    pub fn has(&self, id: &StepId) -> bool {
        let about = |step: &Step| id.target.is_none() || step.target == id.target;
        self.steps.iter().any(|step| step.kind == id.kind && about(step))
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Step {
    /// Its kind; with its target it identifies the step.
    pub kind: StepKind,
    /// Whether it creates, updates or deletes.
    pub change: Change,
    /// The name or id of what it changes, where one is known.
    pub target: Option<String>,
    /// Why it is needed: a clause that a person understands.
    pub reason: String,
    /// What it sets, old and new.
    pub fields: Vec<Field>,
    /// Whether it can run now.
    pub readiness: Readiness,
}

impl Step {
    /// What identifies it.
    #[must_use]
    pub fn id(&self) -> StepId {
        StepId {
            kind: self.kind,
            target: self.target.clone(),
        }
    }
}

/// Whether a step creates, updates or deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-`
    Delete,
}

impl Change {
    /// The sign in front of the step.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Delete => '-',
        }
    }
}

/// A value that a step sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it was; `None` where there was nothing.
    pub before: Option<String>,
    /// What it will be; `None` where nothing will be.
    pub after: Option<Value>,
}

/// A value that may not be known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Known.
    Known(String),
    /// Known after apply.
    AfterApply,
}

/// Whether a step can run now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Every input is known.
    Ready {
        /// The call.
        action: Box<Action>,
    },
    /// Inputs are missing.
    Waiting {
        /// What for.
        needs: Vec<Need>,
    },
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The answer of another step.
    Step(StepId),
    /// Something that AWS does by itself.
    World(WaitFor),
}

impl Need {
    /// A step that a later part of the plan adds.
    pub(super) fn step(kind: StepKind, target: &str) -> Self {
        Self::Step(StepId {
            kind,
            target: Some(target.to_owned()),
        })
    }
}

/// Something that AWS finishes by itself, to be polled for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitFor {
    /// A volume that was just created shows in a reading.
    VolumeSeen {
        /// The volume.
        id: VolumeId,
    },
    /// An address that an earlier run may have allocated has had the time to show in a listing.
    AddressesSettled,
    /// The volume of a restore that somebody else may have begun has had the time to show in a listing.
    VolumesSettled,
    /// Route 53 answers.
    DnsAnswers,
    /// The group's instance is in service and holds the address.
    Serving {
        /// The group.
        group: String,
    },
    /// The group's instance is in service, after the stack was woken.
    Awake {
        /// The group.
        group: String,
    },
    /// The group's instance is in service and holds this volume, after a restore.
    Restored {
        /// The group.
        group: String,
        /// The volume.
        volume: VolumeId,
    },
    /// A group that is being deleted, with its instance, is gone.
    GroupGone {
        /// The group.
        name: String,
    },
    /// Instances have left the group: they are terminated.
    InstancesLeft {
        /// The group.
        group: String,
        /// The instances.
        ids: Vec<InstanceId>,
    },
    /// The stack's instances are terminated, and its group is to have none, while its volumes change places.
    Stopped {
        /// The group.
        group: String,
        /// The instances.
        ids: Vec<InstanceId>,
    },
    /// The group was read again after a restore of a stack that sleeps: nobody has woken it meanwhile.
    Rested {
        /// The group.
        group: String,
    },
    /// The stack's instances are terminated, so that nothing writes any more.
    InstancesGone {
        /// The instances.
        ids: Vec<InstanceId>,
    },
    /// A snapshot is completed.
    SnapshotCompleted {
        /// The snapshot.
        id: SnapshotId,
    },
}

/// Something that must not be done, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Refusal {
    /// A stable word for scripts, such as `volume-shrinks`.
    pub code: String,
    /// What is refused: a clause.
    pub message: String,
    /// What to do: a clause.
    pub help: String,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Note {
    /// A stable word for scripts, such as `duplicate-address`.
    pub code: String,
    /// What it is: a clause.
    pub message: String,
}
