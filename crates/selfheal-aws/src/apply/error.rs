//! How a run fails.

use std::fmt;

use selfheal_core::plan::{Deviation, Refusal, StepId, WaitFor};

use crate::error::{CallError, CallErrorKind};

/// A run that did not reach its goal. Its text says what was made and what is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub struct ApplyError {
    /// What went wrong.
    pub kind: ApplyErrorKind,
    /// The steps that were done before, in order.
    pub done: Vec<Done>,
    /// The steps that were not done.
    pub left: Vec<StepId>,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyErrorKind {
    /// The stack could not be read.
    Reading(CallError),
    /// A step failed for good.
    Step {
        /// The step.
        step: StepId,
        /// Why.
        error: CallError,
    },
    /// The world is no longer as it was when the plan was shown.
    Changed(Deviation),
    /// The world changed so that going on would be unsafe.
    Refused(Vec<Refusal>),
    /// Somebody else worked on the stack meanwhile and this run lost: what it removed is there again, or what it built on
    /// is gone.
    Overtaken(Vec<String>),
    /// AWS did not finish something in the time that it is given.
    TimedOut(WaitFor),
    /// What a step made could not be seen afterwards, or it had to be repeated too often.
    NoProgress(StepId),
}

/// A step that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The step.
    pub step: StepId,
    /// What came of it: an id, an address, a version; empty where there is nothing to tell.
    pub detail: String,
}

impl ApplyError {
    pub(super) fn reading(error: CallError) -> Self {
        Self {
            kind: ApplyErrorKind::Reading(error),
            done: Vec::new(),
            left: Vec::new(),
        }
    }

    /// The failed call, where one failed.
    #[must_use]
    pub const fn call(&self) -> Option<&CallError> {
        match &self.kind {
            ApplyErrorKind::Reading(error) | ApplyErrorKind::Step { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Whether the failure is one of permission or credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.call()
            .is_some_and(|error| matches!(error.kind(), CallErrorKind::Denied | CallErrorKind::Unauthenticated))
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.done.is_empty() {
            write!(f, "\ndone before:")?;
        }
        for done in &self.done {
            write!(f, "\n  {}", done.step)?;
            if !done.detail.is_empty() {
                write!(f, " {}", done.detail)?;
            }
        }
        if !self.left.is_empty() {
            let left: Vec<&str> = self.left.iter().map(|step| step.kind.subject()).collect();
            write!(f, "\nnot done: {}", left.join(", "))?;
            if !matches!(self.kind, ApplyErrorKind::Overtaken(_) | ApplyErrorKind::Changed(_)) {
                write!(f, "\nnothing is lost: the same command continues from here")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ApplyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(error) => write!(f, "the stack could not be read: {error}"),
            Self::Step { step, error } => write!(f, "{step} failed: {error}"),
            Self::Changed(deviation) => {
                write!(
                    f,
                    "the stack changed after the plan was shown: {deviation}; look at a new plan"
                )
            }
            Self::Refused(refusals) => {
                let texts: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
                write!(f, "going on would be unsafe: {}", texts.join("; "))
            }
            Self::Overtaken(what) => {
                write!(
                    f,
                    "somebody else worked on the stack at the same time, and this run lost: {}; look at a new plan",
                    what.join(", ")
                )
            }
            Self::TimedOut(wait) => write!(f, "AWS took too long: {}", describe(wait)),
            Self::NoProgress(step) => write!(f, "{step} was tried several times and still is not there"),
        }
    }
}

/// What is waited for, as a clause.
#[must_use]
fn describe(wait: &WaitFor) -> String {
    match wait {
        WaitFor::VolumeSeen { id } => format!("no reading shows the volume {id} yet"),
        WaitFor::AddressesSettled => "an address that an earlier run may have allocated does not show".to_owned(),
        WaitFor::VolumesSettled => "a restore that somebody else may have begun does not show".to_owned(),
        WaitFor::Stopped { ids, .. } => format!("{} not terminated yet", ids.join(", ")),
        WaitFor::Rested { group } => format!("{group} was not read again"),
        WaitFor::DnsAnswers => "Route 53 does not answer".to_owned(),
        WaitFor::Awake { group } => {
            format!("the instance of {group} is not in service yet: `selfheal status` says why")
        }
        WaitFor::Restored { group, volume } => {
            format!(
                "the instance of {group} is not in service with {volume} yet: `selfheal status` tells why, and `selfheal \
                 restore --undo` goes back"
            )
        }
        WaitFor::Serving { group } => format!("the instance of {group} is not in service with its address yet"),
        WaitFor::GroupGone { name } => format!("the group {name} is still being deleted"),
        WaitFor::InstancesLeft { group, ids } => format!("{} has not left {group} yet", ids.join(", ")),
        WaitFor::InstancesGone { ids } => format!("{} not terminated yet", ids.join(", ")),
        WaitFor::SnapshotCompleted { id } => format!("the snapshot {id} is not completed yet"),
    }
}
