//! What a person has seen, and whether a step stays within it.

use super::{Change, Field, Plan, Step, StepId, Value};

/// The steps of a plan that was shown. Nothing else is executed.
#[derive(Clone, Debug)]
pub struct Approval {
    shown: Vec<Shown>,
}

/// What was shown of a step.
#[derive(Clone, Debug)]
struct Shown {
    /// Its target is `None` where the step changes what another step of the plan makes.
    id: StepId,
    change: Change,
    fields: Vec<Field>,
}

/// A step that goes beyond what was shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step} is not as it was shown: {detail}")]
#[non_exhaustive]
pub struct Deviation {
    /// The step.
    pub step: StepId,
    /// In what it differs: a clause.
    pub detail: String,
}

impl Approval {
    /// Takes down what a plan shows.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let shown = plan.steps.iter().map(|step| Shown {
            id: step.id(),
            change: step.change,
            fields: step.fields.clone(),
        });
        Self { shown: shown.collect() }
    }

    /// Checks that a step was shown: the same kind of change of the same resource, from the values that were shown, to
    /// values that were shown or were to be known after apply.
    ///
    /// A value that has meanwhile become what it was to be is no longer among the step's fields; one that has become
    /// something else was changed by somebody who knew better than this plan, which is then out of date.
    ///
    /// # Errors
    /// Where it was not shown, or what it changes or sets differs from what was.
    pub fn check(&self, step: &Step) -> Result<(), Deviation> {
        let deviation = |detail: String| {
            Err(Deviation {
                step: step.id(),
                detail,
            })
        };
        let same_kind: Vec<&Shown> = self.shown.iter().filter(|shown| shown.id.kind == step.kind).collect();
        if same_kind.is_empty() {
            return deviation("it was not part of the plan".to_owned());
        }
        let hits = |shown: &&&Shown| shown.id.target.is_none() || shown.id.target == step.target;
        let Some(shown) = same_kind.iter().find(hits) else {
            let target = step.target.as_deref().unwrap_or("something new");
            return deviation(format!("it would be about {target}"));
        };
        if shown.change != step.change {
            return deviation("it was shown as another kind of change".to_owned());
        }
        for field in &step.fields {
            let named: Vec<&Field> = shown.fields.iter().filter(|shown| shown.name == field.name).collect();
            let leads_there = |shown: &&&Field| shown.after == Some(Value::AfterApply) || shown.after == field.after;
            if named
                .iter()
                .filter(leads_there)
                .any(|shown| shown.before == field.before)
            {
                continue;
            }
            let detail = match named.iter().find(leads_there) {
                Some(_) => format!(
                    "`{}` is {} by now",
                    field.name,
                    field.before.as_deref().unwrap_or("nothing")
                ),
                None => format!("`{}` would become {}", field.name, describe(field.after.as_ref())),
            };
            return deviation(detail);
        }
        Ok(())
    }
}

fn describe(value: Option<&Value>) -> String {
    match value {
        Some(Value::Known(value)) => format!("`{value}`"),
        Some(Value::AfterApply) => "something not known yet".to_owned(),
        None => "nothing".to_owned(),
    }
}
