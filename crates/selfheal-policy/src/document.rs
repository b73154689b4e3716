//! Policy documents.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::action::ActionPattern;
use crate::condition::{ConditionKey, Conditions};
use crate::limit::Limit;
use crate::statement::{
    ActionSet, NonEmpty, Principal, PrincipalSet, Principals, ResourcePattern, ResourceSet, Statement,
};

/// The version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2008-10-17`, the default of a document that names none; policy variables are plain text in it.
    V2008,
    /// `2012-10-17`, the current one.
    V2012,
}

impl Version {
    /// Returns the text as policies spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

/// A policy document.
///
/// It reads every form that IAM accepts (a string or a list of strings, one statement or a list, booleans and numbers
/// as condition values) and prints one: lists of one element as a string, keys in a fixed order, conditions sorted.
/// Equal documents thus print equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The version of the language; `None` means [`Version::V2008`].
    pub version: Option<Version>,
    /// The document's own identifier, which few services use.
    pub id: Option<String>,
    /// The statements, in the order in which they are printed.
    pub statements: Vec<Statement>,
}

impl Document {
    /// Builds a document of the current version.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Self {
        Self {
            version: Some(Version::V2012),
            id: None,
            statements,
        }
    }

    /// Prints the document without white space.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Neither a map with keys other than strings nor a failing writer can occur, so there is no error to report.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Prints the document with indentation, for people.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Counts the characters as IAM does for its quotas: all but white space.
    ///
    /// Source: "IAM and AWS STS quotas": "IAM doesn't count white space when calculating the size of a policy".
    #[must_use]
    pub fn size(&self) -> usize {
        let mut counter = Counter(0);
        // Neither a document nor a counter can fail.
        let _ = serde_json::to_writer(&mut counter, self);
        counter.0
    }

    /// Tells whether two documents mean the same.
    ///
    /// The order of statements and of the values in lists, the form (string or list), the case of actions and of
    /// condition keys, identifiers and repeated entries do not matter. It is meant for drift: a policy read back from
    /// IAM is equivalent to the one that was sent unless somebody changed what it grants. Statements are compared one
    /// by one, so two documents that split the same rights differently are *not* equivalent.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        let meaning = |document: &Self| {
            let mut statements: Vec<String> = document.statements.iter().map(normal_form).collect();
            statements.sort_unstable();
            statements.dedup();
            (document.version.unwrap_or(Version::V2008), statements)
        };
        meaning(self) == meaning(other)
    }

    /// Distributes the statements over as few documents as keep within the limit, in order.
    ///
    /// The documents together allow and deny what this one does, since IAM evaluates every attached policy.
    ///
    /// # Errors
    /// With the first statement that exceeds the limit by itself.
    pub fn split(&self, limit: Limit) -> Result<Vec<Self>, Box<Statement>> {
        let with = |statements| Self {
            version: self.version,
            id: self.id.clone(),
            statements,
        };
        // Sizes add up, so that no document is printed anew for each statement.
        let empty = with(Vec::new()).size();
        let mut documents: Vec<Self> = Vec::new();
        let mut size = 0;
        for statement in &self.statements {
            let own = with(vec![statement.clone()]).size() - empty;
            if empty + own > limit.characters() {
                return Err(Box::new(statement.clone()));
            }
            // A comma stands between two.
            size += own + 1;
            match documents.last_mut() {
                Some(last) if size <= limit.characters() => last.statements.push(statement.clone()),
                _ => {
                    documents.push(with(vec![statement.clone()]));
                    size = empty + own;
                }
            }
        }
        Ok(documents)
    }

    /// Returns the statement with the identifier.
    #[must_use]
    pub fn statement(&self, sid: &str) -> Option<&Statement> {
        self.statements.iter().find(|statement| statement.name() == sid)
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort_unstable();
    values.dedup();
    values
}

/// Prints a statement so that two print the same exactly if they mean the same; `{:?}` keeps strings apart.
pub(crate) fn normal_form(statement: &Statement) -> String {
    let (action_word, actions) = match &statement.actions {
        ActionSet::Action(patterns) => ("Action", patterns),
        ActionSet::NotAction(patterns) => ("NotAction", patterns),
    };
    let actions = sorted(actions.iter().map(ActionPattern::folded).collect());
    let resources = statement.target.resources().map(|set| {
        let word = if matches!(set, ResourceSet::Resource(_)) {
            "Resource"
        } else {
            "NotResource"
        };
        (word, sorted(set.patterns().iter().map(ToString::to_string).collect()))
    });
    let principals = statement.target.principals().map(|set| {
        let (word, principals) = match set {
            PrincipalSet::Principal(principals) => ("Principal", principals),
            PrincipalSet::NotPrincipal(principals) => ("NotPrincipal", principals),
        };
        let names = match principals {
            Principals::Everyone => vec!["*".to_owned()],
            Principals::Named(named) => named
                .iter()
                .map(|one| format!("{} {}", one.kind(), one.value()))
                .collect(),
        };
        (word, sorted(names))
    });
    let conditions: Vec<_> = statement
        .conditions
        .iter()
        .map(|(operator, key, values)| (operator.to_string(), key.folded(), sorted(values.to_vec())))
        .collect();
    format!(
        "{:?} {action_word} {actions:?} {resources:?} {principals:?} {conditions:?}",
        statement.effect
    )
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(version) = self.version {
            map.serialize_entry("Version", version.as_str())?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("Id", id)?;
        }
        map.serialize_entry("Statement", &self.statements)?;
        map.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            map.serialize_entry("Sid", sid.as_str())?;
        }
        map.serialize_entry("Effect", &self.effect.to_string())?;
        match self.target.principals() {
            Some(PrincipalSet::Principal(principals)) => map.serialize_entry("Principal", principals)?,
            Some(PrincipalSet::NotPrincipal(principals)) => map.serialize_entry("NotPrincipal", principals)?,
            None => {}
        }
        let actions: Vec<&str> = self.actions.patterns().iter().map(ActionPattern::as_str).collect();
        match &self.actions {
            ActionSet::Action(_) => map.serialize_entry("Action", &OneOrMany(&actions))?,
            ActionSet::NotAction(_) => map.serialize_entry("NotAction", &OneOrMany(&actions))?,
        }
        if let Some(set) = self.target.resources() {
            let word = if matches!(set, ResourceSet::Resource(_)) {
                "Resource"
            } else {
                "NotResource"
            };
            let resources: Vec<&str> = set.patterns().iter().map(ResourcePattern::as_str).collect();
            map.serialize_entry(word, &OneOrMany(&resources))?;
        }
        if !self.conditions.is_empty() {
            map.serialize_entry("Condition", &self.conditions)?;
        }
        map.end()
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// Prints a list of one element as the element.
struct OneOrMany<'a, T>(&'a [T]);

impl<T: AsRef<str>> Serialize for OneOrMany<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one.as_ref()),
            many => serializer.collect_seq(many.iter().map(AsRef::as_ref)),
        }
    }
}

impl Serialize for Principals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everyone => serializer.serialize_str("*"),
            Self::Named(named) => serialize_principals(named, serializer),
        }
    }
}

fn serialize_principals<S: Serializer>(named: &NonEmpty<Principal>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for kind in ["AWS", "Service", "Federated", "CanonicalUser"] {
        let values: Vec<&str> = named
            .iter()
            .filter(|one| one.kind() == kind)
            .map(Principal::value)
            .collect();
        if !values.is_empty() {
            map.serialize_entry(kind, &OneOrMany(&values))?;
        }
    }
    map.end()
}

impl Serialize for Conditions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (operator, keys) in self.by_operator() {
            map.serialize_entry(&operator.to_string(), &KeyBlock(keys))?;
        }
        map.end()
    }
}

struct KeyBlock<'a>(&'a std::collections::BTreeMap<ConditionKey, Vec<String>>);

impl Serialize for KeyBlock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, values)| (key.as_str(), OneOrMany(values))))
    }
}
/// Counts the characters of a text that is written to it, all but white space.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        // What JSON writes at once ends where a character does.
        self.0 += if text.is_ascii() {
            text.iter().filter(|byte| !char::from(**byte).is_whitespace()).count()
        } else {
            let text = String::from_utf8_lossy(text);
            text.chars().filter(|character| !character.is_whitespace()).count()
        };
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
