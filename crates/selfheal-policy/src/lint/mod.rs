//! Finds what a policy should not contain.
//!
//! The linter is strict: it asks for the narrowest policy that the Service Authorization Reference allows to write, and
//! is silent on everything that this crate generates. Actions of services that the reference at hand does not hold are
//! checked for wildcards alone.

mod actions;
mod conditions;
mod document;
mod limit;
mod resources;

use std::collections::BTreeMap;
use std::fmt;

use crate::document::Document;
use crate::statement::{Effect, Statement};

pub use limit::Limit;

/// Says what a document is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DocumentKind {
    /// The inline policy of an instance's role; address and volume are named exactly.
    InstanceRole,
    /// A policy of an operator, attached to a user or a role.
    Operator,
    /// A role's trust policy.
    Trust,
}

/// Names what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// An action with a wildcard, or `NotAction`, is allowed.
    WildcardAction,
    /// An action does not exist.
    UnknownAction,
    /// `*`, `NotResource`, or a wildcard in an ARN where a narrower one can be written.
    WildcardResource,
    /// A wildcard in the value of a condition that allows more than a resource's id to vary.
    WildcardCondition,
    /// A resource that no action of the statement takes, or an action that takes none of its resources.
    ResourceMismatch,
    /// A condition is missing that the action should have.
    MissingCondition,
    /// A condition key that the action does not have.
    UnknownKey,
    /// An operator for another type than the key has.
    OperatorMismatch,
    /// A condition that holds of a request without the key.
    HollowCondition,
    /// A condition on the `Name` tag, which people change.
    NameTag,
    /// An entry that another one in the same list contains.
    Redundant,
    /// A call of selfheal's that the document allows in part: a resource that it names as well is not allowed.
    IncompleteCall,
    /// The document is longer than its quota.
    TooLong,
    /// The document is not of the current version.
    Version,
    /// A statement of another kind of policy, or of no use in this one.
    WrongKind,
}

/// Is one thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub rule: Rule,
    /// The index of the statement; `None` for the document as a whole.
    pub statement: Option<usize>,
    /// The identifier of the statement; empty if it has none.
    pub sid: String,
    /// What is wrong, in words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(index) => write!(f, "statement {index} `{}`: {}: {:?}", self.sid, self.message, self.rule),
            None => write!(f, "{}: {:?}", self.message, self.rule),
        }
    }
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
    }
    findings.found
}

/// Collects findings of the statement at hand.
#[derive(Debug, Default)]
struct Findings {
    found: Vec<Finding>,
    at: Option<(usize, String)>,
}

impl Findings {
    fn add(&mut self, rule: Rule, message: impl Into<String>) {
        let (statement, sid) = match &self.at {
            Some((index, sid)) => (Some(*index), sid.clone()),
            None => (None, String::new()),
        };
        self.found.push(Finding {
            rule,
            statement,
            sid,
            message: message.into(),
        });
    }
}

fn allows(statement: &Statement) -> bool {
    statement.effect == Effect::Allow
}

/// Is how many patterns of a list are compared with the others. Each is a finding of its own where it allows; nobody
/// reads on beyond so many, and comparing all with all would cost the square of the list.
const PATTERNS_MAX: usize = 64;

/// Finds the entries of a list that an earlier one repeats, or that a pattern among the others contains.
///
/// `same` is equal for entries that are the same, and `contains` is asked of patterns alone.
fn redundant<T>(
    list: &[T],
    same: impl Fn(&T) -> String,
    is_pattern: impl Fn(&T) -> bool,
    contains: impl Fn(&T, &T) -> bool,
) -> Vec<&T> {
    let names: Vec<String> = list.iter().map(same).collect();
    let mut first = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        first.entry(name).or_insert(index);
    }
    let patterns: Vec<usize> = (0..list.len())
        .filter(|index| is_pattern(&list[*index]))
        .take(PATTERNS_MAX)
        .collect();
    let is_redundant = |index: &usize| {
        let (index, name) = (*index, &names[*index]);
        first.get(name).is_some_and(|first| *first < index)
            || patterns.iter().any(|other| {
                let wider = *other != index && names[*other] != *name && contains(&list[*other], &list[index]);
                // Of two patterns that contain each other the first stays.
                wider && (*other < index || !(is_pattern(&list[index]) && contains(&list[index], &list[*other])))
            })
    };
    (0..list.len()).filter(is_redundant).map(|index| &list[index]).collect()
}
