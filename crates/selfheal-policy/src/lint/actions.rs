//! Checks of actions.

use super::finding::{Findings, Rule};
use super::redundant::redundant;
use crate::action::ActionPattern;
use crate::pattern;
use crate::reference::reference;
use crate::statement::{ActionSet, Effect, Statement};

pub(super) fn check(statement: &Statement, findings: &mut Findings) {
    if matches!(statement.actions, ActionSet::NotAction(_)) && statement.effect == Effect::Allow {
        findings.add(
            Rule::WildcardAction,
            "NotAction allows every action but the named, also those to come",
        );
    }
    let patterns = statement.actions.patterns();
    for action in patterns {
        if action.has_wildcard() && statement.effect == Effect::Allow {
            findings.add(Rule::WildcardAction, format!("action `{action}` has a wildcard"));
        }
        if !exists(action.service(), action.name()) {
            findings.add(Rule::UnknownAction, format!("action `{action}` does not exist"));
        }
    }
    let contains = |outer: &ActionPattern, inner: &ActionPattern| outer.matches(inner.as_str());
    for action in redundant(patterns, ActionPattern::folded, ActionPattern::has_wildcard, contains) {
        findings.add(Rule::Redundant, format!("action `{action}` stands in the list twice"));
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
    let name = pattern::tokens(&name.to_ascii_lowercase());
    reference
        .service(service)
        .is_some_and(|service| service.folded_names().any(|action| pattern::matches(&name, action)))
}
