//! What can go wrong in a task.

use std::io;

/// A task's result.
pub type TaskResult<T> = Result<T, TaskError>;

/// A failed task. Messages are fragments that fit "failed to {error}" or stand after a colon.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The operating system refused something.
    #[error("{action}: {source}")]
    Io {
        /// What was being done.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{program} ended with {status}")]
    Command {
        /// The program, with its arguments.
        program: String,
        /// How it ended.
        status: String,
    },
    /// An answer was not what its format promises.
    #[error("{what} cannot be read: {why}")]
    Malformed {
        /// The answer.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The fake AWS refused a call that the task itself made.
    #[error("{action} was refused with HTTP {status}: {body}")]
    Refused {
        /// The call.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// Something is not as it has to be.
    #[error("{0}")]
    Failed(String),
}

impl TaskError {
    /// Makes an error of a message.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Makes an error of an answer that cannot be read.
    pub fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Malformed {
            what: what.into(),
            why: why.to_string(),
        }
    }
}

/// Adds to an I/O error what was being done.
pub trait Context<T> {
    /// Adds what was being done; the text is made only when there is an error.
    fn context(self, action: impl FnOnce() -> String) -> TaskResult<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: impl FnOnce() -> String) -> TaskResult<T> {
        self.map_err(|source| TaskError::Io {
            action: action(),
            source,
        })
    }
}
