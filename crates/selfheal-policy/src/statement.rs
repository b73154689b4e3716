//! Statements and what they are made of.

use std::fmt;
use std::str::FromStr;

use crate::action::ActionPattern;
use crate::arn::{Arn, ArnError};
use crate::condition::Conditions;

/// The effect of a statement: whether it allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Allows what it matches, unless something denies it.
    Allow,
    /// Denies what it matches, whatever allows it.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        })
    }
}

/// A list that holds at least one element, as IAM asks of actions, resources and statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// Builds a list; `None` if there is no element.
    #[must_use]
    pub fn new(elements: Vec<T>) -> Option<Self> {
        if elements.is_empty() {
            None
        } else {
            Some(Self(elements))
        }
    }

    /// Builds a list of one element.
    #[must_use]
    pub fn one(element: T) -> Self {
        Self(vec![element])
    }

    /// Returns the elements.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Returns the elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        self.0.push(element);
    }
}

impl<'a, T> IntoIterator for &'a NonEmpty<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The actions that a statement speaks of, or all but the named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionSet {
    /// `Action`: these.
    Action(NonEmpty<ActionPattern>),
    /// `NotAction`: all but these.
    NotAction(NonEmpty<ActionPattern>),
}

impl ActionSet {
    /// Tells whether the statement speaks of the action.
    #[must_use]
    pub fn contains(&self, action: &str) -> bool {
        match self {
            Self::Action(patterns) => patterns.iter().any(|pattern| pattern.matches(action)),
            Self::NotAction(patterns) => !patterns.iter().any(|pattern| pattern.matches(action)),
        }
    }

    /// Returns the patterns, whichever way they count.
    #[must_use]
    pub fn patterns(&self) -> &[ActionPattern] {
        match self {
            Self::Action(patterns) | Self::NotAction(patterns) => patterns.as_slice(),
        }
    }
}

/// One resource of a statement: `*`, or an ARN that may hold wildcards and policy variables.
///
/// An ARN with fewer than six components is completed when it is read, as IAM does: `arn:aws:sqs` is
/// `arn:aws:sqs:*:*:*`. IAM refuses such a one in a session policy alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourcePattern {
    /// `*`: every resource, and the calls that name none.
    Any,
    /// The resources that the ARN matches.
    Arn(Arn),
}

impl ResourcePattern {
    /// Returns the text as policies spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Arn(arn) => arn.as_str(),
        }
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ResourcePattern {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            Ok(Self::Any)
        } else {
            Arn::of_policy(text).map(Self::Arn)
        }
    }
}

impl From<Arn> for ResourcePattern {
    fn from(arn: Arn) -> Self {
        Self::Arn(arn)
    }
}

/// The resources that a statement speaks of, or all but the named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceSet {
    /// `Resource`: these.
    Resource(NonEmpty<ResourcePattern>),
    /// `NotResource`: all but these.
    NotResource(NonEmpty<ResourcePattern>),
}

impl ResourceSet {
    /// Returns the patterns, whichever way they count.
    #[must_use]
    pub fn patterns(&self) -> &[ResourcePattern] {
        match self {
            Self::Resource(patterns) | Self::NotResource(patterns) => patterns.as_slice(),
        }
    }
}

/// The principals of a trust policy or a resource-based policy: everyone, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principals {
    /// `"*"`: everyone.
    Everyone,
    /// The named principals, at least one.
    Named(NonEmpty<Principal>),
}

/// One principal. Source: "AWS JSON policy elements: Principal".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// `AWS`: an account, a user, a role, or `*`.
    Aws(String),
    /// `Service`: a service such as `ec2.amazonaws.com`.
    Service(String),
    /// `Federated`: an identity provider.
    Federated(String),
    /// `CanonicalUser`: the canonical id of an account, known to S3 alone.
    CanonicalUser(String),
}

impl Principal {
    /// Returns the key under which policies list it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Aws(_) => "AWS",
            Self::Service(_) => "Service",
            Self::Federated(_) => "Federated",
            Self::CanonicalUser(_) => "CanonicalUser",
        }
    }

    /// Returns the value, such as `ec2.amazonaws.com`.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Aws(value) | Self::Service(value) | Self::Federated(value) | Self::CanonicalUser(value) => value,
        }
    }
}

/// The principals that a statement speaks of, or all but the named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalSet {
    /// `Principal`: these.
    Principal(Principals),
    /// `NotPrincipal`: all but these.
    NotPrincipal(Principals),
}

/// The principals and the resources that a statement speaks of, as its kind of policy takes them.
///
/// A statement without either would mean nothing, so it cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An identity policy's statement: the resources; the principal is whoever has the policy.
    Identity(ResourceSet),
    /// A trust policy's statement: the principals; the resource is the role that has the policy.
    Trust(PrincipalSet),
    /// A resource-based policy's statement: both.
    Resource(PrincipalSet, ResourceSet),
}

impl Target {
    /// Returns the resources, if the statement names any.
    #[must_use]
    pub fn resources(&self) -> Option<&ResourceSet> {
        match self {
            Self::Identity(resources) | Self::Resource(_, resources) => Some(resources),
            Self::Trust(_) => None,
        }
    }

    /// Returns the principals, if the statement names any.
    #[must_use]
    pub fn principals(&self) -> Option<&PrincipalSet> {
        match self {
            Self::Trust(principals) | Self::Resource(principals, _) => Some(principals),
            Self::Identity(_) => None,
        }
    }
}

/// A statement's identifier: letters and digits, unique within its document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(String);

/// The error of a text that is not a statement's identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Sid, expected letters and digits")]
pub struct InvalidSid(pub String);

impl Sid {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Sid {
    /// Takes a text of the generators' own; a test reads every generated document back.
    pub(crate) fn of_our_own(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().all(|c| c.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSid(text.to_owned()))
        }
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The identifier, if the statement has one.
    pub sid: Option<Sid>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Which actions it speaks of.
    pub actions: ActionSet,
    /// Whom and what it speaks of.
    pub target: Target,
    /// When it applies; an empty block always applies.
    pub conditions: Conditions,
}

impl Statement {
    /// Returns the identifier's text; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.sid.as_ref().map_or("", Sid::as_str)
    }
}
