//! A failure as `--json` prints it.

use schemars::JsonSchema;
use selfheal_core::plan::Refusal;
use serde::Serialize;

use crate::error::CliError;
use crate::exit;

/// What a command prints with `--json` in the place of its report when it fails, where the key `error` tells which it is.
/// Fields are added, never renamed or removed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// What went wrong.
    error: Problem,
    /// What the plan refuses; empty where it was something else.
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Problem {
    /// A word for the exit code, such as `refused` or `denied`.
    code: &'static str,
    /// The exit code.
    exit: u8,
    /// What went wrong, for people.
    message: String,
    /// What to do about it, where there is something.
    help: Option<String>,
}

impl Failure {
    /// Tells of an error.
    #[must_use]
    pub fn of(error: &CliError) -> Self {
        let exit = exit::of(error);
        Self {
            error: Problem {
                code: exit::word(exit),
                exit,
                message: error.to_string(),
                help: error.help(),
            },
            refusals: error.refusals().to_vec(),
        }
    }
}
