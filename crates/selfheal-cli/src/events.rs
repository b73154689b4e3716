//! What the commands that change something print with `--json`: a line for each event of the run, and one for its end.

use std::io;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use selfheal_aws::Event;
use selfheal_core::drill::{DrillReport, Entry, RestoreDrillReport};
use selfheal_core::plan::{StepId, StepKind, WaitFor};
use selfheal_core::watch::{Failing, Phase, Reached, Stands};
use serde::Serialize;

use crate::done::DoneStep;
use crate::error::CliError;
use crate::failure::Failure;
use crate::output::Output;
use crate::report::{
    Applied, Asleep, Awake, Copied, Destroyed, Replaced, Restored, Resumed, Seen, Served, SnapshotTaken,
};

/// A line of `apply`, `destroy`, `resume`, `replace`, `rollback`, `wait`, `status --watch`, `sleep`, `wake`, `snapshot` or `restore` with `--json`: one JSON object, written as soon as it happens.
/// The last line is the result, also of a run that fails. Kinds of events and fields are added, never renamed or removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Line<'a> {
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
        /// The IAM action of the call, such as `ec2:CreateVolume`.
        action: &'a str,
        /// The resource that the call was about, where it named one.
        resource: Option<&'a str>,
        /// AWS's code of the error, where there was an answer that had one.
        code: Option<&'a str>,
        /// AWS's own words, or what went wrong on the way.
        message: &'a str,
        /// The id of the request, for AWS's support.
        request_id: Option<&'a str>,
        /// After how many milliseconds it is made again.
        pause_ms: u64,
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
    /// Somebody who waits until the stack serves sees a phase for the first time; somebody who looks on, that an instance has
    /// come to it.
    Reached {
        /// The phase.
        #[serde(flatten)]
        reached: &'a Reached,
        /// What comes next; `null` where nothing is missing any more.
        next: Option<Phase>,
    },
    /// Somebody who looks on sees that an instance is no longer in a phase that it was in.
    Lost {
        /// The phase, and when that was seen.
        #[serde(flatten)]
        lost: &'a Reached,
    },
    /// Somebody who looks on sees how the stack as a whole stands: at first, and whenever that changes.
    Stands {
        /// How it stands.
        #[serde(flatten)]
        stands: &'a Stands,
    },
    /// A moment of a drill.
    Moment {
        /// What came to pass, and when.
        #[serde(flatten)]
        entry: &'a Entry,
    },
    /// Something keeps the stack from serving, and may pass.
    Failing {
        /// What it is.
        #[serde(flatten)]
        failing: &'a Failing,
    },
    /// The run is over. The last line.
    Result(Last),
}

/// How a run ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Last {
    /// The steps that ran, in the order in which they ended; empty where there was nothing to do.
    done: Vec<DoneStep>,
    /// The steps that are not done, or not known to be; empty where the run reached its goal, or ended
    /// before its first step.
    left: Vec<StepKind>,
    /// What came of the run.
    #[serde(flatten)]
    outcome: Outcome,
}

/// What came of a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The stack is as its file says.
    Applied(Applied),
    /// The stack is removed.
    Destroyed(Destroyed),
    /// The group replaces its instance again.
    Resumed(Resumed),
    /// The stack falls asleep.
    Asleep(Asleep),
    /// The stack wakes, or is in service where the run waited for that.
    Awake(Awake),
    /// A snapshot of the data volume is taken.
    Snapshot(SnapshotTaken),
    /// A volume is made that nothing uses.
    Copied(Copied),
    /// Another volume is the data volume.
    Restored(Restored),
    /// The stack serves.
    Serving(Served),
    /// Another instance is to take the place of one.
    Replaced(Replaced),
    /// Nobody looks on any more.
    Watched(Seen),
    /// The stack was made to fail, and this came of it.
    Drilled(DrillReport),
    /// A copy was made of a snapshot's data, and this was seen of it.
    RestoreDrilled(RestoreDrillReport),
    /// The run did not reach its goal.
    Failed(Failure),
}

impl<'a> Line<'a> {
    /// Tells of an event; `None` of one that has no line.
    fn of(event: &Event<'a>) -> Option<Self> {
        Some(match event {
            Event::Started { step } => Self::Started { step },
            Event::Finished { step, detail } => Self::Finished { step, detail },
            Event::Retrying { error, pause } => Self::Retrying {
                action: error.action,
                resource: error.resource.as_deref(),
                code: error.code.as_deref(),
                message: &error.message,
                request_id: error.request_id.as_deref(),
                pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            },
            Event::Waiting { wait } => Self::Waiting { wait },
            Event::Arrived { wait } => Self::Arrived { wait },
            Event::Reached { reached, next } => Self::Reached { reached, next: *next },
            Event::Lost { lost } => Self::Lost { lost },
            Event::Stands { stands } => Self::Stands { stands },
            Event::Moment { entry } => Self::Moment { entry },
            Event::Failing { failing } => Self::Failing { failing },
            _ => return None,
        })
    }

    /// Tells of a run that reached its goal.
    fn reached(done: Vec<DoneStep>, outcome: Outcome) -> Self {
        Self::Result(Last {
            done,
            left: Vec::new(),
            outcome,
        })
    }

    /// Tells of a run that failed.
    #[must_use]
    pub fn failed(error: &CliError) -> Self {
        Self::Result(Last {
            done: error.done(),
            left: error.left(),
            outcome: Outcome::Failed(Failure::of(error)),
        })
    }
}

/// The lines of one run, on standard output.
///
/// Whoever stops reading does not stop the run: a stack that is half made is worse than one whose making nobody saw. The
/// first line that cannot be written is the last that is tried, and the end of the run tells of it.
#[derive(Debug)]
pub struct Events {
    output: Output,
    broken: Mutex<Option<io::Error>>,
}

impl Events {
    /// Begins.
    #[must_use]
    pub fn new(output: Output) -> Self {
        Self {
            output,
            broken: Mutex::default(),
        }
    }

    /// Writes the line of an event.
    pub fn event(&self, event: &Event<'_>) {
        let Some(line) = Line::of(event) else { return };
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_none() {
            *broken = match self.output.line(&line) {
                Err(CliError::Output(error)) => Some(error),
                _ => None,
            };
        }
    }

    /// Whether every line so far could be written.
    #[must_use]
    pub fn is_read(&self) -> bool {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.is_none()
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// [`CliError::Output`], also where an earlier line could not be written.
    pub fn end(&self, done: Vec<DoneStep>, outcome: Outcome) -> Result<(), CliError> {
        if let Some(error) = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(CliError::Output(error));
        }
        self.output.line(&Line::reached(done, outcome))
    }
}
