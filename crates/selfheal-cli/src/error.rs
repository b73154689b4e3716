//! How a command fails, and how that is shown.

use std::path::PathBuf;

use selfheal_aws::{ApplyError, ApplyErrorKind, CallError};
use selfheal_core::plan::{Deviation, Refusal, StepKind};
use selfheal_core::spec::SpecErrors;

use crate::done::{DoneStep, Report};
use crate::files::FileError;

/// How a command fails.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The stack's file is invalid.
    #[error("{} has {} {}", .path.display(), .errors.problems().len(), if .errors.problems().len() == 1 { "problem" } else { "problems" })]
    Spec {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// What is wrong.
        errors: SpecErrors,
    },
    /// The stack's file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    SpecUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: FileError,
    },
    /// The command line contradicts the stack's file or this build.
    #[error("{0}")]
    Usage(String),
    /// The plan refuses. What it refuses was shown with it, and is not said twice.
    #[error("the plan is refused, and nothing was changed")]
    Refused(Vec<Refusal>),
    /// The stack, or its file, is no longer as a saved plan has it.
    #[error("the saved plan does not hold any more, and nothing was changed: {0}")]
    Moved(Deviation),
    /// The person said no.
    #[error("{0}: nothing was changed")]
    Declined(&'static str),
    /// There was nobody to ask.
    #[error("there is no terminal to ask on: nothing was changed")]
    NotConfirmed(&'static str),
    /// A read failed.
    #[error("{error}")]
    Call {
        /// The failure.
        #[source]
        error: Box<CallError>,
        /// The statement that the operator's policy lacks, as JSON.
        statement: Option<String>,
    },
    /// An apply failed.
    #[error("{error}")]
    Apply {
        /// The failure.
        #[source]
        error: Box<ApplyError>,
        /// The statement that the operator's policy lacks, as JSON.
        statement: Option<String>,
    },
    /// Interrupted; with how far it came, where running the command again continues something.
    #[cfg_attr(
        not(feature = "sdk"),
        expect(dead_code, reason = "the simulated AWS takes no time to interrupt")
    )]
    #[error("interrupted{}", .0.as_ref().map(how_far).unwrap_or_default())]
    Interrupted(Option<Report>),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// The simulated AWS cannot be kept in its file, or failed.
    #[error("the simulated AWS in {}: {message}", .path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// Why: a clause.
        message: String,
    },
    /// The demo showed something that it should not have.
    #[cfg_attr(
        not(feature = "sim"),
        expect(dead_code, reason = "the demo runs on the simulated AWS")
    )]
    #[error("the demo's own check failed: {0}")]
    Demo(String),
    /// The AWS CLI or its plug-in is not on this machine.
    #[error("not installed: {}", .missing.join(", "))]
    ToolMissing {
        /// What is missing.
        missing: Vec<&'static str>,
        /// What installs it here.
        help: String,
    },
    /// There is no instance that can be reached.
    #[error("{message}")]
    NotConnected {
        /// Why: a clause.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// What was to be done is done, and the stack does not serve.
    #[error("{message}")]
    NotServing {
        /// Why: a clause.
        message: String,
        /// What to do about it.
        help: String,
        /// The steps that were done before.
        done: Vec<DoneStep>,
    },
    /// A command on the instance did not run to its end.
    #[error("{0}")]
    Command(String),
    /// Something else, which the text says.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Says what to do about it, where there is something.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::SpecUnreadable { error, .. } if error.is_missing() => Some(
                "a stack is described by a `selfheal.toml` in the current folder, or by the file that `-f` names"
                    .to_owned(),
            ),
            Self::Moved(_) => Some("`selfheal plan --out` saves a new one".to_owned()),
            Self::NotConfirmed(help) => Some((*help).to_owned()),
            Self::ToolMissing { help, .. } | Self::NotConnected { help, .. } | Self::NotServing { help, .. } => {
                Some(help.clone())
            }
            Self::Call {
                statement: Some(statement),
                ..
            }
            | Self::Apply {
                statement: Some(statement),
                ..
            } => {
                let these = if statement.starts_with('[') {
                    "these statements"
                } else {
                    "this statement"
                };
                Some(format!("the operator's policy needs {these}:\n{statement}"))
            }
            Self::Interrupted(Some(_)) => Some("nothing is lost: the same command continues from here".to_owned()),
            Self::World { path, .. } => Some(format!("delete {} to begin with a new world", path.display())),
            _ => None,
        }
    }

    /// Returns what the plan refuses, before anything was done or in the middle of a run.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            Self::Refused(refusals) => refusals,
            Self::Apply { error, .. } => match &error.kind {
                ApplyErrorKind::Refused(refusals) => refusals,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// Returns the steps that were done before, in order.
    #[must_use]
    pub fn done(&self) -> Vec<DoneStep> {
        match self {
            Self::Apply { error, .. } => error.done.iter().map(DoneStep::of).collect(),
            Self::Interrupted(Some(report)) => report.done.clone(),
            Self::NotServing { done, .. } => done.clone(),
            _ => Vec::new(),
        }
    }

    /// Returns the steps that are not done, or not known to be.
    #[must_use]
    pub fn left(&self) -> Vec<StepKind> {
        match self {
            Self::Apply { error, .. } => error.left.iter().map(|step| step.kind).collect(),
            Self::Interrupted(Some(report)) => report.left.clone(),
            _ => Vec::new(),
        }
    }

    /// Tells whether somebody simply stopped reading, as `head` does.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

fn how_far(report: &Report) -> String {
    let list = |what: &str, steps: &[String]| {
        if steps.is_empty() {
            String::new()
        } else {
            format!("\n{what}:\n  {}", steps.join("\n  "))
        }
    };
    let done: Vec<String> = report.done.iter().map(ToString::to_string).collect();
    let done = list("done before", &done);
    done + &list("under way, with or without effect", &report.under_way)
}
