//! Reads policy documents, in every form that IAM accepts, and says where an error is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::condition::{Conditions, Operator};
use crate::document::{Document, Version};
use crate::json::{DOCUMENT_BYTES_MAX, Node};
use crate::statement::{
    ActionSet, Effect, NonEmpty, Principal, PrincipalSet, Principals, ResourceSet, Sid, Statement, Target,
};

/// The place of an error in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A place in the text, both counted from one: where the JSON itself is malformed.
    Text {
        /// The line.
        line: usize,
        /// The column, in bytes.
        column: usize,
    },
    /// A path in well-formed JSON, such as `Statement[2].Condition.StringEquals`; empty for the whole document.
    Path(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { line, column } => write!(f, "line {line}, column {column}"),
            Self::Path(path) if path.is_empty() => f.write_str("the top of the document"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

/// The error of a text that is not a policy document: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {location})")]
pub struct ParseError {
    kind: ParseErrorKind,
    location: Location,
    message: String,
}

impl ParseError {
    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Returns where it is wrong.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }
}

/// The kind of a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is longer than [`DOCUMENT_BYTES_MAX`].
    TooLong,
    /// The text is not JSON, or is nested too deeply.
    Syntax,
    /// A value has another type than the element takes.
    Type,
    /// An object holds a key twice.
    Duplicate,
    /// An object holds a key that IAM does not know.
    UnknownElement,
    /// A required element is missing, or a list is empty.
    Missing,
    /// Two elements exclude each other, such as `Action` and `NotAction`.
    Contradiction,
    /// The version is not one of the policy language.
    Version,
    /// The effect is neither `Allow` nor `Deny`.
    Effect,
    /// The identifier is malformed, or occurs twice.
    Sid,
    /// An action is malformed.
    Action,
    /// A resource is neither `*` nor an ARN.
    Resource,
    /// A principal is malformed.
    Principal,
    /// A condition operator is unknown.
    Operator,
    /// An element that this kind of policy does not take, such as `Principal` in an identity policy.
    WrongKind,
}

type Parsed<T> = Result<T, ParseError>;

fn fail<T>(kind: ParseErrorKind, path: &str, message: impl Into<String>) -> Parsed<T> {
    Err(ParseError {
        kind,
        location: Location::Path(path.to_owned()),
        message: message.into(),
    })
}

impl Document {
    /// Parses the policy of a user, a role or a group, a permissions boundary or a session policy.
    ///
    /// # Errors
    /// When the text is no policy document, or a statement names a principal: IAM refuses to store such a policy.
    pub fn parse_identity(text: &str) -> Result<Self, ParseError> {
        document_as(text, &IDENTITY)
    }

    /// Parses a role's trust policy.
    ///
    /// # Errors
    /// When the text is no policy document, or a statement names a resource: IAM refuses to store such a policy.
    pub fn parse_trust(text: &str) -> Result<Self, ParseError> {
        document_as(text, &TRUST)
    }
}

impl FromStr for Document {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).map(|(_, document)| document)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        document_of(&node).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        statement(&node, "").map_err(de::Error::custom)
    }
}

/// Parses a text into its JSON and the document that it is.
fn read(text: &str) -> Parsed<(Node, Document)> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let message = format!(
            "a document of {} bytes, at most {DOCUMENT_BYTES_MAX} are read",
            text.len()
        );
        return fail(ParseErrorKind::TooLong, "", message);
    }
    let node: Node = serde_json::from_str(text).map_err(|error| ParseError {
        kind: ParseErrorKind::Syntax,
        location: Location::Text {
            line: error.line(),
            column: error.column(),
        },
        message: "malformed JSON".to_owned(),
    })?;
    let document = document_of(&node)?;
    Ok((node, document))
}

/// Parses a document from JSON.
fn document_of(node: &Node) -> Parsed<Document> {
    let elements = object(node, "", &["Version", "Id", "Statement"])?;
    let version = match get(elements, "Version") {
        None => None,
        Some(node) => Some(match string(node, "Version")? {
            "2012-10-17" => Version::V2012,
            "2008-10-17" => Version::V2008,
            other => {
                return fail(
                    ParseErrorKind::Version,
                    "Version",
                    format!("unknown policy version `{other}`"),
                );
            }
        }),
    };
    let id = get(elements, "Id")
        .map(|node| string(node, "Id").map(str::to_owned))
        .transpose()?;
    let statements = match get(elements, "Statement") {
        None => return fail(ParseErrorKind::Missing, "", "no Statement"),
        Some(Node::Array(list)) if list.is_empty() => {
            return fail(ParseErrorKind::Missing, "Statement", "no statement in the list");
        }
        Some(Node::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, node)| statement(node, &format!("Statement[{index}]")))
            .collect::<Parsed<Vec<_>>>()?,
        Some(one) => vec![statement(one, "Statement")?],
    };
    let mut seen = std::collections::BTreeSet::new();
    for (index, statement) in statements.iter().enumerate() {
        if let Some(sid) = &statement.sid
            && !sid.as_str().is_empty()
            && !seen.insert(sid)
        {
            return fail(
                ParseErrorKind::Sid,
                &format!("Statement[{index}].Sid"),
                format!("Sid `{sid}` occurs twice"),
            );
        }
    }
    Ok(Document {
        version,
        id,
        statements,
    })
}

/// A kind of policy: what it is called, and which elements it does not take.
struct Kind {
    name: &'static str,
    none_of: [&'static str; 2],
    what: &'static str,
}

/// Policies of users, roles and groups, permissions boundaries and session policies.
const IDENTITY: Kind = Kind {
    name: "an identity policy",
    none_of: ["Principal", "NotPrincipal"],
    what: "principals",
};

/// Trust policies of roles.
const TRUST: Kind = Kind {
    name: "a trust policy",
    none_of: ["Resource", "NotResource"],
    what: "resources",
};

/// Parses a document that must be of a kind.
///
/// A statement has a target, so that one without what its kind forbids has what its kind asks for.
fn document_as(text: &str, kind: &Kind) -> Parsed<Document> {
    let (node, document) = read(text)?;
    let statements = match &node {
        Node::Object(elements) => get(elements, "Statement"),
        _ => None,
    };
    let listed = match statements {
        Some(Node::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(at, one)| (format!("Statement[{at}]"), one))
            .collect(),
        Some(one) => vec![("Statement".to_owned(), one)],
        None => Vec::new(),
    };
    for (path, statement) in listed {
        let Node::Object(elements) = statement else { continue };
        if let Some(name) = kind.none_of.into_iter().find(|name| get(elements, name).is_some()) {
            let message = format!("{} names no {}", kind.name, kind.what);
            return fail(ParseErrorKind::WrongKind, &join(&path, name), message);
        }
    }
    Ok(document)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

fn statement(node: &Node, path: &str) -> Parsed<Statement> {
    let elements = object(node, path, &STATEMENT_ELEMENTS)?;
    let sid = match get(elements, "Sid") {
        None => None,
        Some(node) => {
            let path = join(path, "Sid");
            let text = string(node, &path)?;
            Some(
                text.parse::<Sid>()
                    .or_else(|error| fail(ParseErrorKind::Sid, &path, error.to_string()))?,
            )
        }
    };
    let effect = match get(elements, "Effect") {
        None => return fail(ParseErrorKind::Missing, path, "no Effect"),
        Some(node) => {
            let path = join(path, "Effect");
            match string(node, &path)? {
                "Allow" => Effect::Allow,
                "Deny" => Effect::Deny,
                other => {
                    let message = format!("`{other}` is not an effect, expected Allow or Deny");
                    return fail(ParseErrorKind::Effect, &path, message);
                }
            }
        }
    };
    Ok(Statement {
        sid,
        effect,
        actions: actions(elements, path)?,
        target: target(elements, path)?,
        conditions: get(elements, "Condition").map_or_else(
            || Ok(Conditions::none()),
            |node| conditions(node, &join(path, "Condition")),
        )?,
    })
}

/// Returns the one of two elements that exclude each other, and whether it is the second.
fn either<'a>(
    elements: &'a [(String, Node)],
    path: &str,
    names: [&'static str; 2],
) -> Parsed<Option<(&'a Node, String, bool)>> {
    match names.map(|name| get(elements, name)) {
        [Some(_), Some(_)] => fail(
            ParseErrorKind::Contradiction,
            path,
            format!("both {} and {}", names[0], names[1]),
        ),
        [Some(node), None] => Ok(Some((node, join(path, names[0]), false))),
        [None, Some(node)] => Ok(Some((node, join(path, names[1]), true))),
        [None, None] => Ok(None),
    }
}

fn actions(elements: &[(String, Node)], path: &str) -> Parsed<ActionSet> {
    let Some((node, path, negated)) = either(elements, path, ["Action", "NotAction"])? else {
        return fail(ParseErrorKind::Missing, path, "neither Action nor NotAction");
    };
    let patterns = list(node, &path, |text, path| {
        text.parse()
            .or_else(|error: crate::action::InvalidAction| fail(ParseErrorKind::Action, path, error.to_string()))
    })?;
    Ok(if negated {
        ActionSet::NotAction(patterns)
    } else {
        ActionSet::Action(patterns)
    })
}

fn target(elements: &[(String, Node)], path: &str) -> Parsed<Target> {
    let resources = match either(elements, path, ["Resource", "NotResource"])? {
        None => None,
        Some((node, path, negated)) => {
            let patterns = list(node, &path, |text, path| {
                text.parse().or_else(|error: crate::arn::ArnError| {
                    fail(
                        ParseErrorKind::Resource,
                        path,
                        format!("malformed resource `{text}`: {error}"),
                    )
                })
            })?;
            Some(if negated {
                ResourceSet::NotResource(patterns)
            } else {
                ResourceSet::Resource(patterns)
            })
        }
    };
    let principals = match either(elements, path, ["Principal", "NotPrincipal"])? {
        None => None,
        Some((node, path, negated)) => {
            let principals = principals(node, &path)?;
            Some(if negated {
                PrincipalSet::NotPrincipal(principals)
            } else {
                PrincipalSet::Principal(principals)
            })
        }
    };
    match (principals, resources) {
        (None, Some(resources)) => Ok(Target::Identity(resources)),
        (Some(principals), None) => Ok(Target::Trust(principals)),
        (Some(principals), Some(resources)) => Ok(Target::Resource(principals, resources)),
        (None, None) => fail(ParseErrorKind::Missing, path, "neither a resource nor a principal"),
    }
}

fn principals(node: &Node, path: &str) -> Parsed<Principals> {
    if let Node::String(text) = node {
        if text == "*" {
            return Ok(Principals::Everyone);
        }
        return fail(
            ParseErrorKind::Principal,
            path,
            format!("`{text}` is not a principal, expected `*` or an object"),
        );
    }
    let elements = object(node, path, &["AWS", "Service", "Federated", "CanonicalUser"])?;
    let mut named = Vec::new();
    for (kind, node) in elements {
        let path = join(path, kind);
        let values = list(node, &path, |text, path| {
            if text.is_empty() {
                fail(ParseErrorKind::Principal, path, "empty principal")
            } else {
                Ok(text.to_owned())
            }
        })?;
        for value in values.as_slice() {
            let value = value.clone();
            named.push(match kind.as_str() {
                "AWS" => Principal::Aws(value),
                "Service" => Principal::Service(value),
                "Federated" => Principal::Federated(value),
                _ => Principal::CanonicalUser(value),
            });
        }
    }
    match NonEmpty::new(named) {
        Some(named) => Ok(Principals::Named(named)),
        None => fail(ParseErrorKind::Missing, path, "no principal"),
    }
}

fn conditions(node: &Node, path: &str) -> Parsed<Conditions> {
    let Node::Object(operators) = node else {
        return fail(
            ParseErrorKind::Type,
            path,
            format!("an object expected, not {}", node.type_name()),
        );
    };
    let mut out = Conditions::none();
    for (name, block) in operators {
        let path = join(path, name);
        let operator: Operator = name.parse().or_else(|error: crate::condition::UnknownOperator| {
            fail(ParseErrorKind::Operator, &path, error.to_string())
        })?;
        let Node::Object(keys) = block else {
            return fail(
                ParseErrorKind::Type,
                &path,
                format!("an object expected, not {}", block.type_name()),
            );
        };
        for (key, values) in keys {
            let path = join(&path, key);
            if key.is_empty() {
                return fail(ParseErrorKind::Missing, &path, "empty condition key");
            }
            let values = condition_values(values, &path)?;
            if !out.insert(operator, key, values) {
                return fail(
                    ParseErrorKind::Duplicate,
                    &path,
                    format!("condition key `{key}` occurs twice"),
                );
            }
        }
    }
    Ok(out)
}

/// Reads the values of a condition: strings, and booleans and numbers, which IAM takes for their text.
fn condition_values(node: &Node, path: &str) -> Parsed<Vec<String>> {
    let one = |node: &Node, path: &str| match node {
        Node::String(text) => Ok(text.clone()),
        Node::Bool(value) => Ok(value.to_string()),
        Node::Number(text) => Ok(text.clone()),
        other => fail(
            ParseErrorKind::Type,
            path,
            format!("a string expected, not {}", other.type_name()),
        ),
    };
    match node {
        Node::Array(values) => values
            .iter()
            .enumerate()
            .map(|(index, node)| one(node, &format!("{path}[{index}]")))
            .collect(),
        node => one(node, path).map(|value| vec![value]),
    }
}

/// Reads a string or a list of at least one string.
fn list<T>(node: &Node, path: &str, element: impl Fn(&str, &str) -> Parsed<T>) -> Parsed<NonEmpty<T>> {
    let Node::Array(nodes) = node else {
        return element(string(node, path)?, path).map(NonEmpty::one);
    };
    let elements = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let path = format!("{path}[{index}]");
            element(string(node, &path)?, &path)
        })
        .collect::<Parsed<Vec<_>>>()?;
    NonEmpty::new(elements).map_or_else(|| fail(ParseErrorKind::Missing, path, "an empty list"), Ok)
}

fn get<'a>(elements: &'a [(String, Node)], name: &str) -> Option<&'a Node> {
    elements.iter().find(|(key, _)| key == name).map(|(_, node)| node)
}

fn string<'a>(node: &'a Node, path: &str) -> Parsed<&'a str> {
    match node {
        Node::String(text) => Ok(text),
        other => fail(
            ParseErrorKind::Type,
            path,
            format!("a string expected, not {}", other.type_name()),
        ),
    }
}

/// Returns the entries of an object that holds only known keys, each once.
fn object<'a>(node: &'a Node, path: &str, known: &[&str]) -> Parsed<&'a [(String, Node)]> {
    let Node::Object(entries) = node else {
        return fail(
            ParseErrorKind::Type,
            path,
            format!("an object expected, not {}", node.type_name()),
        );
    };
    for (index, (key, _)) in entries.iter().enumerate() {
        if !known.contains(&key.as_str()) {
            let message = format!("unknown element `{key}`, expected one of {}", known.join(", "));
            return fail(ParseErrorKind::UnknownElement, &join(path, key), message);
        }
        if entries[..index].iter().any(|(other, _)| other == key) {
            return fail(
                ParseErrorKind::Duplicate,
                &join(path, key),
                format!("element `{key}` occurs twice"),
            );
        }
    }
    Ok(entries)
}
