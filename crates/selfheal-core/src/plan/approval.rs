//! What a person has seen, and whether a step stays within it.

use std::collections::BTreeMap;

use super::{Change, Plan, Step, StepKey, Value};

/// The steps of a plan that was shown. Nothing else is executed.
#[derive(Clone, Debug)]
pub struct Approval {
    shown: BTreeMap<StepKey, (Change, Settings)>,
}

/// What a step sets: the name and the new value of each of its fields.
type Settings = Vec<(String, Option<Value>)>;

/// A step that goes beyond what was shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is not as it was shown: {detail}")]
#[non_exhaustive]
pub struct Deviation {
    /// The step.
    pub key: StepKey,
    /// In what it differs: a clause.
    pub detail: String,
}

impl Approval {
    /// Takes down what a plan shows.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let shown = plan
            .steps
            .iter()
            .map(|step| (step.key, (step.change, settings(step))))
            .collect();
        Self { shown }
    }

    /// Checks that a step was shown, and sets nothing but what was shown or was to be known after apply.
    ///
    /// # Errors
    /// Where it was not shown, or a value differs from the one that was.
    pub fn check(&self, step: &Step) -> Result<(), Deviation> {
        let deviation = |detail: String| Err(Deviation { key: step.key, detail });
        let Some((change, shown)) = self.shown.get(&step.key) else {
            return deviation("it was not part of the plan".to_owned());
        };
        if *change != step.change {
            return deviation("it was shown as another kind of change".to_owned());
        }
        for (name, after) in settings(step) {
            let fits = |value: &Option<Value>| *value == Some(Value::AfterApply) || *value == after;
            if !shown.iter().any(|(shown, value)| *shown == name && fits(value)) {
                return deviation(format!("`{name}` would become {}", describe(after.as_ref())));
            }
        }
        Ok(())
    }
}

fn settings(step: &Step) -> Settings {
    step.fields
        .iter()
        .map(|field| (field.name.clone(), field.after.clone()))
        .collect()
}

fn describe(value: Option<&Value>) -> String {
    match value {
        Some(Value::Known(value)) => format!("`{value}`"),
        Some(Value::AfterApply) => "something not known yet".to_owned(),
        None => "nothing".to_owned(),
    }
}
