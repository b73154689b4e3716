//! Checks of actions.

use super::{Findings, Rule, allows};
use crate::pattern;
use crate::reference::reference;
use crate::statement::{ActionSet, Statement};

pub(super) fn check(statement: &Statement, findings: &mut Findings) {
    if matches!(statement.actions, ActionSet::NotAction(_)) && allows(statement) {
        findings.add(
            Rule::WildcardAction,
            "NotAction allows every action but the named, also those to come",
        );
    }
    let patterns = statement.actions.patterns();
    for (index, action) in patterns.iter().enumerate() {
        if action.has_wildcard() && allows(statement) {
            findings.add(Rule::WildcardAction, format!("action `{action}` has a wildcard"));
        }
        if !exists(action.service(), action.name()) {
            findings.add(Rule::UnknownAction, format!("action `{action}` does not exist"));
        }
        let contained = patterns.iter().enumerate().any(|(other_index, other)| {
            other_index != index && other.matches(action.as_str()) && (other_index < index || other != action)
        });
        if contained {
            findings.add(Rule::Redundant, format!("action `{action}` stands in the list twice"));
        }
    }
}

/// Tells whether some action of the reference is meant; what it does not hold counts as existing.
fn exists(service: &str, name: &str) -> bool {
    if service.contains(['*', '?']) {
        return true;
    }
    let reference = reference();
    if reference.service(service).is_none() {
        return true;
    }
    if !name.contains(['*', '?']) {
        return reference.action(&format!("{service}:{name}")).is_some();
    }
    let name = name.to_ascii_lowercase();
    reference
        .actions()
        .filter(|action| action.service().eq_ignore_ascii_case(service))
        .any(|action| pattern::glob(&name, &action.name().to_ascii_lowercase()))
}
