//! What a run is about: the stack that it serves, and the plan that a person was shown.

use selfheal_core::Plan;

/// What a run was given to do. What it does beyond that violates S6 or S7.
#[derive(Clone, Debug, Default)]
pub(super) struct Charge {
    /// The stack that it serves.
    pub(super) stack: Option<String>,
    /// What it was shown to do.
    pub(super) shown: Option<Vec<Shown>>,
    /// Text of the plan, in which no secret may stand.
    pub(super) text: String,
}

/// A step of a plan, as an API call would show it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    action: &'static str,
    target: Option<String>,
}

impl Charge {
    /// Takes down what a plan shows.
    pub(super) fn show(&mut self, plan: &Plan) {
        let shown = plan.steps.iter().map(|step| Shown {
            action: step.kind.iam_action(),
            target: step.target.clone(),
        });
        self.shown = Some(shown.collect());
        self.text = plan.to_string();
    }

    /// Whether a call that changes something was shown; any is where nobody was shown anything.
    pub(super) fn shows(&self, action: &str, resource: &str) -> bool {
        let is_it = |shown: &Shown| shown.action == action && shown.may_be(resource);
        self.shown.as_ref().is_none_or(|shown| shown.iter().any(is_it))
    }
}

impl Shown {
    /// Whether the step may be about this resource: one without an id, or which is told by its name, may be about any.
    fn may_be(&self, resource: &str) -> bool {
        let is_id = |text: &str| {
            text.split_once('-')
                .is_some_and(|(kind, _)| KINDS_OF_IDS.contains(&kind))
        };
        // An address is told with its number behind its id.
        let target = self
            .target
            .as_deref()
            .and_then(|target| target.split_whitespace().next());
        match target {
            Some(target) if is_id(target) && is_id(resource) => target == resource,
            _ => true,
        }
    }
}

/// What the ids that EC2 gives begin with.
const KINDS_OF_IDS: [&str; 6] = ["eipalloc", "vol", "sg", "lt", "asc", "snap"];
