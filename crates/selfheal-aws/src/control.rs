//! What the executor takes from outside: time, randomness, and somebody to tell.

use std::fmt::{self, Debug};
use std::time::Duration;

use selfheal_core::drill::Entry;
use selfheal_core::plan::{StepId, WaitFor};
use selfheal_core::watch::{Failing, Glance, Phase, Reached, Stands};

use crate::backend::{Clock, Jitter};
use crate::error::CallError;

/// Time, randomness and progress of one run.
#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// Randomness.
    pub jitter: &'a dyn Jitter,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// Somebody who is told how a run goes.
pub trait Progress: Send + Sync + Debug {
    /// Takes one event. It must return at once.
    fn event(&self, event: &Event<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// How a run goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step begins.
    Started {
        /// The step.
        step: &'a StepId,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: &'a StepId,
        /// What came of it: an id, an address, a version; empty where there is nothing to tell.
        detail: &'a str,
    },
    /// A call failed and is made again.
    Retrying {
        /// The failure.
        error: &'a CallError,
        /// After how long.
        pause: Duration,
    },
    /// The run waits for something that AWS does by itself.
    Waiting {
        /// What for.
        wait: &'a WaitFor,
    },
    /// The wait is over.
    Arrived {
        /// What for.
        wait: &'a WaitFor,
    },
    /// Somebody who waits for the stack to serve sees a phase for the first time.
    Reached {
        /// The phase.
        reached: &'a Reached,
        /// What comes next; `None` where nothing is missing any more.
        next: Option<Phase>,
    },
    /// Somebody who looks on sees that an instance is no longer in a phase.
    Lost {
        /// The phase, and when that was seen.
        lost: &'a Reached,
    },
    /// Somebody who looks on sees that the stack as a whole stands otherwise.
    Stands {
        /// How it stands now.
        stands: &'a Stands,
    },
    /// Somebody who looks on has read the stack again.
    Looked {
        /// How it is.
        glance: &'a Glance,
    },
    /// A moment of a drill.
    Moment {
        /// What came to pass, and when.
        entry: &'a Entry,
    },
    /// Somebody who waits for the stack to serve sees what keeps it from that, and may pass.
    Failing {
        /// What it is.
        failing: &'a Failing,
    },
}

/// An event in one line, for people.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { step } => write!(f, "begins: {step}"),
            Self::Finished { step, detail: "" } => write!(f, "done: {step}"),
            Self::Finished { step, detail } => write!(f, "done: {step} {detail}"),
            Self::Retrying { error, pause } => write!(f, "again in {} ms: {error}", pause.as_millis()),
            Self::Waiting { wait } => write!(f, "waiting for {wait}"),
            Self::Reached { reached, .. } => {
                let (id, what) = (&reached.instance, reached.phase.happened());
                write!(f, "{id} {what} after {} s", reached.after_ms / 1_000)
            }
            Self::Lost { lost } => {
                let (id, what) = (&lost.instance, lost.phase.undone());
                write!(f, "{id} {what} after {} s", lost.after_ms / 1_000)
            }
            Self::Stands { stands } => write!(f, "{}", stands.standing),
            Self::Looked { glance } => write!(f, "read at {}", glance.at),
            Self::Moment { entry } => {
                let (id, what) = (&entry.instance, entry.what.happened());
                write!(f, "{id} {what} after {} s", entry.after_ms / 1_000)
            }
            Self::Failing { failing } => write!(f, "{failing}"),
            Self::Arrived { wait } => write!(f, "no longer waiting for {wait}"),
        }
    }
}
