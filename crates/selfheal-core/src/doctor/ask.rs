//! What IAM's simulator is asked: the operator's own policy, statement by statement, as requests that it allows.

use selfheal_policy::requests::taken_by;
use selfheal_policy::{Comparison, Conditions, Effect, Purpose, Quantifier, ResourceSet, Statement, operator_policy};

use crate::operator::operator_scope;
use crate::spec::Spec;
use crate::world::Observed;

/// One question to IAM's simulator: may each of these actions be done on each of these resources?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRequest {
    /// The actions.
    pub actions: Vec<String>,
    /// The resources; none where the actions take none.
    pub resources: Vec<String>,
    /// What the request says of itself beside.
    pub context: Vec<ContextValue>,
}

/// A condition key with its values in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextValue {
    /// The key, such as `aws:RequestTag/selfheal:stack`.
    pub key: String,
    /// Of which type its values are.
    pub kind: ContextKind,
    /// The values.
    pub values: Vec<String>,
}

/// The type of a condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextKind {
    /// One text.
    Text,
    /// Several texts.
    TextList,
    /// One number.
    Number,
    /// `true` or `false`.
    Flag,
}

/// The questions that tell whether a caller may do all that an apply of this stack does; empty where the stack is such that no
/// policy can be made for it.
///
/// Each is made of one statement of the operator's policy: its actions on its resources under conditions that it meets.
/// Whoever has that policy, or one that allows more, is allowed each of them. Who has another policy that would do as well may be
/// denied some.
#[must_use]
pub fn permission_requests(spec: &Spec, observed: &Observed) -> Vec<PermissionRequest> {
    let scope = operator_scope(spec, &observed.identity.account, observed);
    let statements = operator_policy(&scope, Purpose::Apply).map(|policy| policy.statements);
    statements.unwrap_or_default().iter().flat_map(requests).collect()
}

/// The requests that a statement allows: one for all of its actions that take the same of its resources.
fn requests(statement: &Statement) -> Vec<PermissionRequest> {
    // What AWS fills in by who calls, nobody else can.
    let filled_in = |text: &str| text.contains("${");
    let set = statement.target.resources().map_or(&[][..], ResourceSet::patterns);
    let mut values = statement.conditions.iter().flat_map(|(_, _, values)| values);
    let beyond = values.any(|value| filled_in(value)) || set.iter().any(|resource| filled_in(resource.as_str()));
    if statement.effect != Effect::Allow || beyond {
        return Vec::new();
    }
    let context = context(&statement.conditions);
    let mut requests: Vec<PermissionRequest> = Vec::new();
    for action in statement.actions.patterns() {
        let taken = taken_by(action.as_str(), set).into_iter();
        let resources: Vec<String> = taken
            .map(|resource| resource.as_str().to_owned())
            .filter(|resource| resource != "*")
            .collect();
        let action = action.as_str().to_owned();
        match requests.iter_mut().find(|request| request.resources == resources) {
            Some(request) => request.actions.push(action),
            None => requests.push(PermissionRequest {
                actions: vec![action],
                resources,
                context: context.clone(),
            }),
        }
    }
    requests
}

/// Keys that meet all conditions.
fn context(conditions: &Conditions) -> Vec<ContextValue> {
    let mut context: Vec<ContextValue> = Vec::new();
    let mut present = Vec::new();
    for (operator, key, values) in conditions.iter() {
        // What is true of a key that is not there is met by its absence.
        if operator.comparison().is_negated() || operator.has_if_exists() {
            continue;
        }
        if operator.comparison() == Comparison::Null {
            if values.iter().any(|value| value == "false") {
                present.push(key.as_str());
            }
            continue;
        }
        let known = context.iter().any(|value| value.key.eq_ignore_ascii_case(key.as_str()));
        let Some(first) = values.first().filter(|_| !known) else {
            continue;
        };
        let kind = match (operator.quantifier(), operator.comparison()) {
            (Quantifier::ForAllValues | Quantifier::ForAnyValue, _) => ContextKind::TextList,
            (Quantifier::One, Comparison::Bool) => ContextKind::Flag,
            (Quantifier::One, Comparison::NumericEquals | Comparison::NumericLessThanEquals) => ContextKind::Number,
            (Quantifier::One, _) => ContextKind::Text,
        };
        context.push(ContextValue {
            key: key.as_str().to_owned(),
            kind,
            values: vec![first.clone()],
        });
    }
    for key in present {
        if !context.iter().any(|value| value.key.eq_ignore_ascii_case(key)) {
            context.push(ContextValue {
                key: key.to_owned(),
                kind: ContextKind::Text,
                values: vec!["any".to_owned()],
            });
        }
    }
    context
}
