//! What the parts of the planner share: inputs that may not be known yet, and the plan in the making.

use std::collections::BTreeSet;
use std::ops::Deref;

use super::{
    Change, Field, Need, Note, Plan, PlanOptions, PlannedImage, Readiness, Refusal, Step, StepKind, Value, WaitFor,
};
use crate::existing::Stack;
use crate::memo::Memo;
use crate::names::{ResourceKind, TAG_ROLE, TAG_STACK};
use crate::spec::Spec;
use crate::world::{Action, Observed};

/// A value that is known, or that waits for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deferred<T> {
    /// Known now.
    Known(T),
    /// Known once these are done.
    After(BTreeSet<Need>),
}

impl<T> Deferred<T> {
    /// A value that is known once this is done.
    pub(super) fn after(need: Need) -> Self {
        Self::After(BTreeSet::from([need]))
    }

    pub(super) fn as_ref(&self) -> Deferred<&T> {
        match self {
            Self::Known(value) => Deferred::Known(value),
            Self::After(needs) => Deferred::After(needs.clone()),
        }
    }

    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Deferred<U> {
        match self {
            Self::Known(value) => Deferred::Known(f(value)),
            Self::After(needs) => Deferred::After(needs),
        }
    }

    /// Both values, waiting for what either waits for.
    pub(super) fn and<U>(self, other: Deferred<U>) -> Deferred<(T, U)> {
        match (self, other) {
            (Self::Known(a), Deferred::Known(b)) => Deferred::Known((a, b)),
            (Self::After(a), Deferred::After(b)) => Deferred::After(a.union(&b).cloned().collect()),
            (Self::After(needs), Deferred::Known(_)) | (Self::Known(_), Deferred::After(needs)) => {
                Deferred::After(needs)
            }
        }
    }

    /// The same value, not before these are done.
    pub(super) fn not_before(self, needs: &BTreeSet<Need>) -> Self {
        match self {
            value if needs.is_empty() => value,
            Self::Known(_) => Self::After(needs.clone()),
            Self::After(own) => Self::After(own.union(needs).cloned().collect()),
        }
    }

    /// How the value is shown.
    pub(super) fn show(&self, f: impl FnOnce(&T) -> String) -> Value {
        match self {
            Self::Known(value) => Value::Known(f(value)),
            Self::After(_) => Value::AfterApply,
        }
    }
}

/// The plan in the making.
pub(super) struct Builder<'a> {
    stack: Stack<'a>,
    /// What was asked for beside the spec.
    pub(super) options: PlanOptions,
    /// What was made for this spec before.
    pub(super) memo: &'a Memo,
    plan: Plan,
}

impl<'a> Builder<'a> {
    pub(super) fn new(spec: &'a Spec, observed: &'a Observed, memo: &'a Memo) -> Self {
        let plan = Plan {
            stack: spec.name.clone(),
            account: observed.identity.account.clone(),
            region: spec.region.clone(),
            image: observed.image.as_ref().map(|image| PlannedImage {
                asked: spec.instance.image.to_string(),
                id: image.id.clone(),
            }),
            steps: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            waits: Vec::new(),
        };
        Self {
            stack: Stack::new(spec, observed),
            options: PlanOptions::default(),
            memo,
            plan,
        }
    }

    /// The same, with what was asked for beside the spec.
    pub(super) fn with(mut self, options: PlanOptions) -> Self {
        self.options = options;
        self.stack.new_volume = options.new_volume;
        self
    }

    pub(super) fn refuse(&mut self, code: &str, message: impl Into<String>, help: impl Into<String>) {
        self.plan.refusals.push(Refusal {
            code: code.to_owned(),
            message: message.into(),
            help: help.into(),
        });
    }

    /// Refuses to touch a resource that has our name and not our tags. It may be ours all the same, and in use, so that nobody
    /// is told to remove it.
    pub(super) fn refuse_foreign(&mut self, role: ResourceKind, what: &str, which: &str) {
        self.refuse(
            "foreign-resource",
            format!(
                "the {what} {which} exists and does not bear the tags of stack `{}`",
                self.spec.name
            ),
            format!(
                "if it is somebody else's, choose another `name`; if it is this stack's, its tags were lost: put \
                 {TAG_STACK}={} and {TAG_ROLE}={} back",
                self.spec.name,
                role.as_str()
            ),
        );
    }

    pub(super) fn note(&mut self, code: &str, message: impl Into<String>) {
        self.plan.notes.push(Note {
            code: code.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn wait(&mut self, wait: WaitFor) -> Need {
        if !self.plan.waits.contains(&wait) {
            self.plan.waits.push(wait.clone());
        }
        Need::World(wait)
    }

    /// Adds a step; answers what waits for it.
    pub(super) fn step(&mut self, step: Draft, action: Deferred<Action>) -> Need {
        let readiness = match action {
            Deferred::Known(action) => Readiness::Ready {
                action: Box::new(action),
            },
            Deferred::After(needs) => Readiness::Waiting {
                needs: needs.into_iter().collect(),
            },
        };
        let Draft {
            kind,
            change,
            target,
            reason,
            fields,
        } = step;
        let step = Step {
            kind,
            change,
            target,
            reason,
            fields,
            readiness,
        };
        let need = Need::Step(step.id());
        self.plan.steps.push(step);
        need
    }

    /// The steps of this kind that were added so far, to be waited for.
    pub(super) fn planned(&self, kind: StepKind) -> BTreeSet<Need> {
        let steps = self.plan.steps.iter().filter(|step| step.kind == kind);
        steps.map(|step| Need::Step(step.id())).collect()
    }

    /// All steps that were added so far but those about the name alone, to be waited for.
    pub(super) fn all_planned(&self) -> BTreeSet<Need> {
        let steps = self.plan.steps.iter().filter(|step| !step.kind.is_for_name());
        steps.map(|step| Need::Step(step.id())).collect()
    }

    /// The same, for a data volume that is to be in this zone.
    pub(super) fn in_zone(mut self, zone: Option<String>) -> Self {
        self.stack.zone = zone;
        self
    }

    /// Whether anything is refused so far.
    pub(super) fn is_refused(&self) -> bool {
        self.plan.is_refused()
    }

    /// The finished plan. Where anything is refused no step is ready: a person has to decide first.
    pub(super) fn finish(mut self) -> Plan {
        if self.plan.is_refused() {
            for step in &mut self.plan.steps {
                if matches!(step.readiness, Readiness::Ready { .. }) {
                    step.readiness = Readiness::Waiting { needs: Vec::new() };
                }
            }
        }
        self.plan
    }
}

impl<'a> Deref for Builder<'a> {
    type Target = Stack<'a>;

    fn deref(&self) -> &Self::Target {
        &self.stack
    }
}

/// A step before its readiness is known.
pub(super) struct Draft {
    kind: StepKind,
    change: Change,
    target: Option<String>,
    reason: String,
    fields: Vec<Field>,
}

impl Draft {
    pub(super) fn new(kind: StepKind, change: Change, reason: impl Into<String>) -> Self {
        Self {
            kind,
            change,
            target: None,
            reason: reason.into(),
            fields: Vec::new(),
        }
    }

    pub(super) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// A value that is set where there was none.
    pub(super) fn sets(mut self, name: &str, after: impl Into<String>) -> Self {
        self.push(name, None, Some(Value::Known(after.into())));
        self
    }

    /// A value that is set and may not be known yet.
    pub(super) fn sets_later(mut self, name: &str, after: Value) -> Self {
        self.push(name, None, Some(after));
        self
    }

    /// A value that changes; nothing is shown when it does not.
    pub(super) fn changes(mut self, name: &str, before: impl Into<String>, after: impl Into<String>) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.push(name, Some(before), Some(Value::Known(after)));
        }
        self
    }

    /// A value that changes into one that may not be known yet; nothing is shown when it does not.
    pub(super) fn changes_later(mut self, name: &str, before: impl Into<String>, after: Value) -> Self {
        let before = before.into();
        if after != Value::Known(before.clone()) {
            self.push(name, Some(before), Some(after));
        }
        self
    }

    /// A value that goes away.
    pub(super) fn removes(mut self, name: &str, before: impl Into<String>) -> Self {
        self.push(name, Some(before.into()), None);
        self
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.fields.is_empty()
    }

    fn push(&mut self, name: &str, before: Option<String>, after: Option<Value>) {
        self.fields.push(Field {
            name: name.to_owned(),
            before,
            after,
        });
    }
}
