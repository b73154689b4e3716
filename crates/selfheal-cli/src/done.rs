//! What a run has done so far.

use schemars::JsonSchema;
use selfheal_aws::Done;
use selfheal_core::plan::{Plan, StepKind};
use serde::Serialize;

/// A step that ran, as JSON.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DoneStep {
    /// The step's kind, as in `plan --json`.
    pub kind: StepKind,
    /// What came of it: an id, an address, a version; empty where there is nothing to tell.
    pub detail: String,
}

impl DoneStep {
    /// Takes it from a run's report.
    #[must_use]
    pub fn of(done: &Done) -> Self {
        Self {
            kind: done.step.kind,
            detail: done.detail.clone(),
        }
    }
}

/// Prints the step as people read it: what it is, and what came of it.
impl std::fmt::Display for DoneStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.subject())?;
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, " {}", self.detail)
    }
}

/// How far a run came.
#[derive(Debug)]
pub struct Report {
    /// What was done.
    pub done: Vec<DoneStep>,
    /// Steps that began and did not end: whether they took effect is unknown.
    pub under_way: Vec<String>,
    /// The steps of the plan that are not known to be done.
    pub left: Vec<StepKind>,
}

impl Report {
    /// Says what is left of a plan.
    #[must_use]
    pub fn out_of(mut self, plan: &Plan) -> Self {
        self.left = plan.steps.iter().map(|step| step.kind).collect();
        for done in &self.done {
            if let Some(at) = self.left.iter().position(|kind| *kind == done.kind) {
                self.left.remove(at);
            }
        }
        self
    }
}
