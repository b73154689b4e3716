//! One run of a command: the stack's file, the backend, and reading the stack.

use selfheal_aws::{CallError, CallErrorKind, Scope, observe};
use selfheal_core::operator::operator_scope;
use selfheal_core::{Observed, Spec};
use selfheal_policy::Purpose;

use crate::backend::Backend;
use crate::cli::{Global, Prints};
use crate::error::CliError;
use crate::events::Events;
use crate::output::Output;
use crate::progress::Reporter;
use crate::spec::{self, Named};

/// One run of a command.
#[derive(Debug)]
pub struct Session {
    /// The stack.
    pub spec: Spec,
    /// Where it lives.
    pub backend: Backend,
    /// Standard output.
    pub output: Output,
    /// Who is told of the run's events on standard output, where that is for a program.
    pub events: Option<Events>,
    /// Which of the operator's policies the command needs, where it is one that has a policy.
    purpose: Option<Purpose>,
}

impl Session {
    /// Reads the stack's file and opens the backend.
    ///
    /// # Errors
    /// Those of either.
    pub fn open(global: &Global, output: Output, named: Named, prints: Prints) -> Result<Self, CliError> {
        let spec = spec::load(&global.file, named)?;
        let backend = Backend::open(global, &spec)?;
        Ok(Self {
            spec,
            backend,
            output,
            events: (prints == Prints::Events).then(|| Events::new(output)),
            purpose: None,
        })
    }

    /// The same, of a command that needs this policy of the operator's.
    #[must_use]
    pub fn for_command(self, purpose: Option<Purpose>) -> Self {
        Self { purpose, ..self }
    }

    /// Runs a command in the session and closes it, whatever came of the command.
    ///
    /// # Errors
    /// Those of the command; else those of closing.
    pub fn run<T>(self, command: impl FnOnce(&Self) -> Result<T, CliError>) -> Result<T, CliError> {
        let result = command(&self);
        let closed = self.backend.close();
        result.and_then(|value| closed.map(|()| value))
    }

    /// Reads the stack.
    ///
    /// # Errors
    /// The first call that failed for good, with what the operator's policy lacks where that is why.
    pub fn observe(&self, scope: Scope) -> Result<Observed, CliError> {
        let reporter = Reporter::new("reading the stack", self.events.as_ref());
        let control = self.backend.control(&reporter);
        let observed = self
            .backend
            .block_on(observe(self.backend.aws(), &self.spec, scope, &control));
        reporter.finish();
        observed?.map_err(|error| self.refused(error))
    }

    /// The failure of a command by this call, with what the operator's policy lacks where that is why.
    #[must_use]
    pub fn refused(&self, error: CallError) -> CliError {
        let statement = self.missing_statement(&error, None);
        CliError::Call {
            error: Box::new(error),
            statement,
        }
    }

    /// Makes a call or a few.
    ///
    /// # Errors
    /// The call that failed for good, with what the operator's policy lacks where that is why.
    pub fn ask<T>(&self, calls: impl Future<Output = Result<T, CallError>>) -> Result<T, CliError> {
        self.backend.block_on(calls)?.map_err(|error| {
            let statement = self.missing_statement(&error, None);
            CliError::Call {
                error: Box::new(error),
                statement,
            }
        })
    }

    /// Returns the statements that the operator's policy may lack, as JSON, where a call was denied: those of the action that
    /// AWS names, which need not be the call's own.
    #[must_use]
    pub fn missing_statement(&self, error: &CallError, account: Option<&str>) -> Option<String> {
        if error.kind() != CallErrorKind::Denied {
            return None;
        }
        // Who am I needs no permission, and is only asked where nothing has told yet.
        let asked = match account {
            Some(_) => None,
            None => self
                .backend
                .block_on(self.backend.aws().caller_identity())
                .ok()?
                .ok()
                .map(|me| me.account),
        };
        let observed = Observed::default();
        let scope = operator_scope(&self.spec, account.or(asked.as_deref())?, &observed);
        let actions = error.missing_actions();
        let mut statements: Vec<_> = actions
            .iter()
            .flat_map(|action| selfheal_policy::operator_statements_for(&scope, self.purpose, action, error.action))
            .collect();
        match statements.len() {
            0 => None,
            1 => serde_json::to_string_pretty(&statements.remove(0)).ok(),
            _ => serde_json::to_string_pretty(&statements).ok(),
        }
    }
}
