//! Checks of a document as a whole.

use std::collections::BTreeSet;

use super::conditions::demands;
use super::finding::{DocumentKind, Findings, Rule};
use crate::document::{Document, Version, normal_form};
use crate::limit::Limit;
use crate::requests::{self, Call, Caller};
use crate::statement::{Effect, PrincipalSet, Principals, Statement, Target};

/// Tells whether the document exceeds its quota, and says so.
pub(super) fn is_too_long(document: &Document, kind: DocumentKind, findings: &mut Findings) -> bool {
    let limit = match kind {
        DocumentKind::InstanceRole | DocumentKind::LifecycleRole => Limit::RoleInline,
        DocumentKind::Operator => Limit::ManagedTogether,
        DocumentKind::Trust => Limit::Trust,
    };
    let size = document.size();
    let too_long = size > limit.characters();
    if too_long {
        let message = format!("{size} characters, {limit} allows {}", limit.characters());
        findings.add(Rule::TooLong, message);
    }
    too_long
}

pub(super) fn check(document: &Document, kind: DocumentKind, findings: &mut Findings) {
    if document.version != Some(Version::V2012) {
        findings.add(
            Rule::Version,
            "the version is not 2012-10-17, so policy variables are plain text",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, statement) in document.statements.iter().enumerate() {
        findings.at = Some((index, statement.name().to_owned()));
        target(statement, kind, findings);
        if !seen.insert(normal_form(statement)) {
            findings.add(Rule::Redundant, "the same statement stands above");
        }
    }
    findings.at = None;
    if kind != DocumentKind::Trust {
        incomplete_calls(document, kind, findings);
    }
}

fn target(statement: &Statement, kind: DocumentKind, findings: &mut Findings) {
    match (&statement.target, kind) {
        (Target::Identity(_), DocumentKind::InstanceRole | DocumentKind::LifecycleRole | DocumentKind::Operator) => {}
        (Target::Trust(principals), DocumentKind::Trust) => trusted(principals, statement.effect, findings),
        (Target::Identity(_), DocumentKind::Trust) => {
            findings.add(Rule::WrongKind, "a trust policy names principals and no resources");
        }
        (Target::Resource(..), DocumentKind::Trust) => {
            findings.add(Rule::WrongKind, "a trust policy names no resources");
        }
        (Target::Trust(_) | Target::Resource(..), _) => {
            findings.add(Rule::WrongKind, "an identity policy names no principals");
        }
    }
}

fn trusted(principals: &PrincipalSet, effect: Effect, findings: &mut Findings) {
    if effect == Effect::Deny {
        return;
    }
    match principals {
        PrincipalSet::NotPrincipal(_) => {
            findings.add(Rule::WildcardResource, "everyone but the named may take the role");
        }
        PrincipalSet::Principal(Principals::Everyone) => {
            findings.add(Rule::WildcardResource, "everyone may take the role");
        }
        PrincipalSet::Principal(Principals::Named(named)) => {
            for principal in named {
                if principal.value().contains(['*', '?']) {
                    findings.add(
                        Rule::WildcardResource,
                        format!("principal `{}` has a wildcard", principal.value()),
                    );
                }
            }
        }
    }
}

/// Finds calls of selfheal's of which the document allows one resource and not another.
///
/// Every resource that a request names is evaluated, so a policy that names the Elastic IP alone allows no
/// AssociateAddress.
fn incomplete_calls(document: &Document, kind: DocumentKind, findings: &mut Findings) {
    for call in requests::calls() {
        let relevant = call.callers.iter().any(|caller| match caller {
            Caller::Instance => kind == DocumentKind::InstanceRole,
            Caller::Lifecycle => kind == DocumentKind::LifecycleRole,
            Caller::Operator(_) => kind == DocumentKind::Operator,
        });
        if !relevant || call.names.len() < 2 || is_allowed_without_some(document, call) {
            continue;
        }
        let covered: Vec<bool> = call
            .names
            .iter()
            .map(|named| covers(document, call, named.resource_type))
            .collect();
        if !covered.contains(&true) {
            continue;
        }
        for (named, covered) in call.names.iter().zip(covered) {
            if !covered {
                let message = format!(
                    "{} also names a {}, which nothing allows",
                    call.action, named.resource_type
                );
                findings.add(Rule::IncompleteCall, message);
            }
        }
    }
}

/// Tells whether the document allows the action whole in another form, in which it names fewer resources: a volume is made
/// with a snapshot and without one, an instance is tagged at its launch and by itself.
fn is_allowed_without_some(document: &Document, call: &Call) -> bool {
    requests::calls().any(|other| {
        other.action == call.action
            && other.names.len() < call.names.len()
            && !other.names.is_empty()
            && other
                .names
                .iter()
                .all(|named| names(call, named.resource_type) && covers(document, other, named.resource_type))
    })
}

fn names(call: &Call, resource_type: &str) -> bool {
    call.names.iter().any(|named| named.resource_type == resource_type)
}

/// Tells whether some allowing statement speaks of the action on the type, and asks for no key that the type lacks.
fn covers(document: &Document, call: &Call, resource_type: &str) -> bool {
    let Some(action) = call.reference() else { return false };
    document.statements.iter().any(|statement| {
        statement.effect == Effect::Allow
            && statement.actions.contains(call.action)
            && statement.target.resources().is_some_and(|set| {
                set.patterns()
                    .iter()
                    .any(|pattern| requests::type_of(action, pattern).contains(&resource_type))
            })
            && statement.conditions.iter().all(|(operator, key, values)| {
                let key = key.as_str();
                !demands(operator, values) || requests::is_global(key) || action.has_key(Some(resource_type), key)
            })
    })
}
