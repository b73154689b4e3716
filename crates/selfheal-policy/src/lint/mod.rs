//! Finds what a policy should not contain.
//!
//! The linter is strict: it asks for the narrowest policy that the Service Authorization Reference allows to write, and
//! is silent on everything that this crate generates. Actions of services that the reference at hand does not hold are
//! checked for wildcards alone.

mod actions;
mod conditions;
mod document;
mod finding;
mod redundant;
mod resources;

use finding::Findings;

use crate::document::Document;
use crate::statement::{ResourcePattern, ResourceSet, Statement};

pub use finding::{DocumentKind, Finding, Rule};

/// Tells whether a statement speaks of the making of snapshots alone. Data Lifecycle Manager makes them in calls that AWS does
/// not describe, so that a condition on the request could keep it from its work.
fn makes_snapshots(statement: &Statement) -> bool {
    let makes = ["ec2:CreateSnapshot", "ec2:CreateTags"];
    let actions = statement.actions.patterns().iter();
    let resources = statement
        .target
        .resources()
        .map(ResourceSet::patterns)
        .unwrap_or_default();
    let is_snapshot = |resource: &ResourcePattern| match resource {
        ResourcePattern::Arn(arn) => arn.resource_type() == "snapshot",
        ResourcePattern::Any => false,
    };
    actions.clone().all(|action| makes.contains(&action.as_str())) && resources.iter().all(is_snapshot)
}

/// Finds what is wrong with a document that is meant to be of a kind.
///
/// Of one that exceeds its quota nothing else is said: IAM refuses it whatever it holds, and what it costs to look at
/// stays bounded.
#[must_use]
pub fn lint(document: &Document, kind: DocumentKind) -> Vec<Finding> {
    let mut findings = Findings::default();
    if document::is_too_long(document, kind, &mut findings) {
        return findings.found;
    }
    document::check(document, kind, &mut findings);
    for (index, statement) in document.statements.iter().enumerate() {
        findings.at = Some((index, statement.name().to_owned()));
        actions::check(statement, &mut findings);
        conditions::check(statement, &mut findings);
        if kind != DocumentKind::Trust {
            resources::check(statement, kind, &mut findings);
        }
        if kind == DocumentKind::LifecycleRole && makes_snapshots(statement) {
            let asks = |finding: &Finding| finding.statement == Some(index) && finding.rule == Rule::MissingCondition;
            findings.found.retain(|finding| !asks(finding));
        }
    }
    findings.found
}
