//! Checks of conditions.

use super::finding::{Findings, Rule};
use crate::condition::{Comparison, ConditionKey, Operator, Quantifier};
use crate::reference::{Action, reference};
use crate::requests::is_global;
use crate::statement::{Effect, Statement};

/// The conditions without which an action gives away more than it says.
///
/// PassRole hands a role to any service; CreateServiceLinkedRole makes a role for any; CreateTags on anything but what
/// is being created lets its holder take a resource over; a grant of a key without `kms:GrantIsForAWSResource` can be
/// given to anybody.
const NEEDED: [(&str, &[&str]); 6] = [
    ("iam:PassRole", &["iam:PassedToService"]),
    ("iam:CreateServiceLinkedRole", &["iam:AWSServiceName"]),
    ("ec2:CreateTags", &["ec2:CreateAction", "aws:TagKeys"]),
    ("ec2:DeleteTags", &["aws:TagKeys"]),
    ("kms:CreateGrant", &["kms:GrantIsForAWSResource"]),
    ("kms:Decrypt", &["kms:ViaService"]),
];

pub(super) fn check(statement: &Statement, findings: &mut Findings) {
    let actions: Vec<&Action> = statement
        .actions
        .patterns()
        .iter()
        .filter_map(|pattern| reference().action(pattern.as_str()))
        .collect();
    for (operator, key, values) in statement.conditions.iter() {
        name_tag(key, findings);
        known(key, &actions, findings);
        types(operator, key, &actions, findings);
        if statement.effect == Effect::Allow {
            hollow(statement, operator, key, findings);
            wildcards(operator, key, values, findings);
        }
        if values.is_empty() {
            findings.add(
                Rule::HollowCondition,
                format!("condition key `{}` has no value", key.as_str()),
            );
        }
    }
    if statement.effect == Effect::Allow {
        needed(statement, findings);
    }
}

/// People rename things, and a condition on the name then breaks what it protects.
fn name_tag(key: &ConditionKey, findings: &mut Findings) {
    let folded = key.folded();
    if (folded.contains(":resourcetag/") || folded.contains(":requesttag/")) && folded.ends_with("/name") {
        findings.add(
            Rule::NameTag,
            format!("condition on `{}`, which people change", key.as_str()),
        );
    }
}

fn known(key: &ConditionKey, actions: &[&Action], findings: &mut Findings) {
    if is_global(key.as_str()) {
        return;
    }
    for action in actions.iter().filter(|action| !action.has_key_anywhere(key.as_str())) {
        let message = format!("{} has no condition key `{}`", action.full_name(), key.as_str());
        findings.add(Rule::UnknownKey, message);
    }
}

fn types(operator: Operator, key: &ConditionKey, actions: &[&Action], findings: &mut Findings) {
    let Some(kind) = actions
        .iter()
        .filter_map(|action| reference().service(action.service()))
        .find_map(|service| service.key_type(key.as_str()))
    else {
        return;
    };
    let fits = match operator.comparison() {
        Comparison::Null => true,
        Comparison::Bool => kind == "Bool",
        Comparison::ArnEquals | Comparison::ArnNotEquals | Comparison::ArnLike | Comparison::ArnNotLike => {
            kind.ends_with("ARN")
        }
        other => match kind {
            "Numeric" => other.as_str().starts_with("Numeric"),
            "Date" => other.as_str().starts_with("Date") || other.as_str().starts_with("Numeric"),
            "String" | "ArrayOfString" => other.as_str().starts_with("String"),
            _ => false,
        },
    };
    if !fits {
        findings.add(
            Rule::OperatorMismatch,
            format!("{operator} on `{}`, which is of type {kind}", key.as_str()),
        );
    }
    let multivalued = kind.starts_with("ArrayOf") || key.folded() == "aws:tagkeys";
    if multivalued && operator.quantifier() == Quantifier::One && operator.comparison() != Comparison::Null {
        let message = format!(
            "{operator} on `{}`, which has several values, without a set operator",
            key.as_str()
        );
        findings.add(Rule::OperatorMismatch, message);
    }
}

/// Finds conditions that hold of a request without the key, and so narrow nothing.
fn hollow(statement: &Statement, operator: Operator, key: &ConditionKey, findings: &mut Findings) {
    let asked = statement
        .conditions
        .iter()
        .any(|(operator, other, values)| other == key && demands(operator, values));
    if operator.quantifier() == Quantifier::ForAllValues && !asked {
        let message = format!(
            "{operator} holds of a request without `{}`; ask for it with Null",
            key.as_str()
        );
        findings.add(Rule::HollowCondition, message);
    }
    if operator.comparison().is_negated() {
        let message = format!("{operator} allows every other value of `{}`, and none", key.as_str());
        findings.add(Rule::HollowCondition, message);
    }
}

/// Beginning of the keys for what a service says of a value that it has KMS encrypt or decrypt.
const CONTEXT: &str = "kms:EncryptionContext:";

/// Finds wildcards in values; an ARN whose last part alone is `*` is a type of resource, which `ArnLike` may ask for.
fn wildcards(operator: Operator, key: &ConditionKey, values: &[String], findings: &mut Findings) {
    for value in values.iter().filter(|value| value.contains(['*', '?'])) {
        let of_a_type = value.strip_suffix("/*").is_some_and(|rest| !rest.contains(['*', '?']));
        let good = match operator.comparison() {
            Comparison::ArnLike => of_a_type,
            // What a service says there is a string to IAM, also where it is an ARN.
            Comparison::StringLike => of_a_type && value.starts_with("arn:") && key.as_str().starts_with(CONTEXT),
            Comparison::StringEquals | Comparison::StringEqualsIgnoreCase => true,
            _ => false,
        };
        if !good {
            let message = format!("{operator} on `{}` takes `{value}`, which has a wildcard", key.as_str());
            findings.add(Rule::WildcardCondition, message);
        }
    }
}

fn needed(statement: &Statement, findings: &mut Findings) {
    for (action, keys) in NEEDED {
        if !statement.actions.contains(action) {
            continue;
        }
        // Null asks for a key and not for its value, so it is not enough by itself.
        let asked = statement.conditions.iter().any(|(operator, key, values)| {
            keys.iter().any(|needed| needed.eq_ignore_ascii_case(key.as_str()))
                && operator.comparison() != Comparison::Null
                && (demands(operator, values) || operator.quantifier() == Quantifier::ForAllValues)
        });
        if !asked {
            findings.add(
                Rule::MissingCondition,
                format!("{action} without a condition on {}", keys.join(" or ")),
            );
        }
    }
}

/// Tells whether a condition keeps out a request that lacks the key.
pub(super) fn demands(operator: Operator, values: &[String]) -> bool {
    match operator.comparison() {
        Comparison::Null => values.iter().all(|value| value.eq_ignore_ascii_case("false")),
        comparison => {
            !operator.has_if_exists() && !comparison.is_negated() && operator.quantifier() != Quantifier::ForAllValues
        }
    }
}
