//! What the linter finds.

use std::fmt;

/// The kind of policy that a document is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DocumentKind {
    /// The inline policy of an instance's role; address and volume are named exactly.
    InstanceRole,
    /// The inline policy of the role under which Data Lifecycle Manager acts.
    LifecycleRole,
    /// A policy of an operator, attached to a user or a role.
    Operator,
    /// A role's trust policy.
    Trust,
}

/// The kind of a finding: what is wrong.
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

/// One thing that is wrong, and where.
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

/// The findings so far, and the statement at hand.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Finding>,
    pub(super) at: Option<(usize, String)>,
}

impl Findings {
    pub(super) fn add(&mut self, rule: Rule, message: impl Into<String>) {
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
