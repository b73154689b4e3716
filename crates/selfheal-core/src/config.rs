//! The app's configuration in Parameter Store, as `selfheal config` looks at it: which versions the running instance has, and
//! which there are. No value is ever part of it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use selfheal_userdata::{PARAMETER_MAX_BYTES, parameter_name, versions_digest};
use serde::{Deserialize, Serialize};

/// What is told of a parameter without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parameter {
    /// Its whole name, such as `/web/DATABASE_URL`.
    pub name: String,
    /// Its type: `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Its version: 1 for the first value, and one more for each after it.
    pub version: u64,
    /// When it got its value; `None` where AWS does not say.
    pub modified: Option<Timestamp>,
}

impl Parameter {
    /// The type of a secret, which is encrypted.
    pub const SECRET: &str = "SecureString";
    /// The type of a value that anybody who may read parameters may see.
    pub const PLAIN: &str = "String";

    /// Says what is told of a parameter.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>, version: u64, modified: Option<Timestamp>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            version,
            modified,
        }
    }

    /// Whether it is a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == Self::SECRET
    }
}

/// The value of a parameter. It shows nowhere by accident: what is formatted of it is that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Keeps a value.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns it as it is.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

/// What is asked of Parameter Store to write a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteParameter {
    /// Its whole name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Whether it is a secret, which is encrypted.
    pub secret: bool,
    /// ARN of the customer's key that encrypts it, where it is a secret; `None` for AWS's own.
    pub kms_key: Option<String>,
}

/// The longest value that is written, in bytes: what a parameter of the tier Standard holds. One of the tier Advanced holds
/// twice as much, costs money every month and never becomes one of the tier Standard again, so that nobody gets one in passing;
/// a boot reads both.
///
/// Source: Systems Manager user guide, "Managing parameter tiers".
pub const VALUE_MAX_BYTES: usize = 4_096;

/// Why a parameter of the app's configuration cannot be written so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitParameter {
    /// The boot program would refuse its name.
    #[error("a parameter cannot be called {name}: its name {expected}")]
    Name {
        /// The name, below the path.
        name: String,
        /// What names accept, as "must be …".
        expected: &'static str,
    },
    /// Another parameter has the same name on the instance.
    #[error("{name} would be the same variable as {other}, {variable}")]
    Taken {
        /// The name, below the path.
        name: String,
        /// The other one.
        other: String,
        /// The variable.
        variable: String,
    },
    /// There is no value.
    #[error("the value is empty, which Parameter Store does not keep")]
    Empty,
    /// Its value is too long.
    #[error(
        "the value has {size} bytes, and a parameter of the tier Standard, the one that costs nothing, holds {VALUE_MAX_BYTES}; \
         one of the tier Advanced, made by `aws ssm put-parameter --tier Advanced`, holds {PARAMETER_MAX_BYTES}, and a boot reads \
         it too"
    )]
    TooLong {
        /// Its bytes.
        size: usize,
    },
    /// Its value has braces in which Parameter Store looks for the name of another parameter.
    #[error(
        "the value holds {{{{…}}}}, which Parameter Store takes for the name of another parameter: encode it, for example in base64"
    )]
    Braces,
    /// Its value holds a code point that is no character, for which systemd refuses the whole environment of a unit.
    #[error(
        "the value holds U+{code:04X}, which Unicode keeps from being a character: encode it, for example in base64"
    )]
    NoCharacter {
        /// The code point.
        code: u32,
    },
    /// Its value holds a NUL, which neither a variable nor the boot program's shell can.
    #[error("the value holds a NUL byte: encode it, for example in base64")]
    Nul,
}

/// Checks what is to be written below a path against what the boot program and Parameter Store take; `present` is what is
/// there.
///
/// # Errors
/// What does not fit. It never says anything of the value but its length.
pub fn check(path: &str, name: &str, value: &Value, present: &[Parameter]) -> Result<(), UnfitParameter> {
    check_name(path, name, present)?;
    let text = value.expose();
    if text.is_empty() {
        return Err(UnfitParameter::Empty);
    }
    if text.len() > VALUE_MAX_BYTES {
        return Err(UnfitParameter::TooLong { size: text.len() });
    }
    if let Some(found) = text.chars().find(|c| is_no_character(*c)) {
        return Err(UnfitParameter::NoCharacter { code: found.into() });
    }
    if text.contains('\0') {
        return Err(UnfitParameter::Nul);
    }
    if text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Err(UnfitParameter::Braces);
    }
    Ok(())
}

/// Whether Unicode has set a code point apart from characters. Source: The Unicode Standard, "Noncharacters".
fn is_no_character(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// Checks the name alone, before anybody is asked for a value.
///
/// # Errors
/// As [`check`].
pub fn check_name(path: &str, name: &str, present: &[Parameter]) -> Result<(), UnfitParameter> {
    let variable = parameter_name(name).map_err(|fault| UnfitParameter::Name {
        name: name.to_owned(),
        expected: fault.expected,
    })?;
    let unfit = |expected| UnfitParameter::Name {
        name: name.to_owned(),
        expected,
    };
    // A slash at either end, or two in a row, are no levels.
    if name.split('/').any(str::is_empty) {
        return Err(unfit("must not have an empty part between slashes"));
    }
    // A name has fifteen levels at most, and the first begins with the slash.
    if path.matches('/').count() + name.split('/').count() > 15 || path.len() + name.len() > 1_000 {
        return Err(unfit("must be shorter, with its path of at most 15 levels"));
    }
    let below = format!("{path}/");
    let others = present.iter().filter_map(|other| other.name.strip_prefix(&below));
    let same = |other: &&str| *other != name && parameter_name(other).as_deref() == Ok(&*variable);
    match others.into_iter().find(same) {
        None => Ok(()),
        Some(other) => Err(UnfitParameter::Taken {
            name: name.to_owned(),
            other: other.to_owned(),
            variable,
        }),
    }
}

/// What a boot noted of the configuration that it fetched, in the group's tag [`TAG_CONFIG`](crate::names::TAG_CONFIG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Path below which it fetched them.
    pub path: String,
    /// The versions.
    pub versions: NotedVersions,
}

/// The versions that a boot noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotedVersions {
    /// Each, by the parameter's name below the path.
    Each(BTreeMap<String, u64>),
    /// The digest of them all, where they are too many for a tag.
    Digest(String),
}

impl Noted {
    /// Reads the tag; `None` for what no boot writes.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let mut words = tag.split_ascii_whitespace();
        let path = words.next()?.to_owned();
        let mut each = BTreeMap::new();
        for word in words {
            if let Some(digest) = word.strip_prefix("sha256:") {
                let versions = NotedVersions::Digest(digest.to_owned());
                return Some(Self { path, versions });
            }
            let (name, version) = word.split_once('=')?;
            each.insert(name.to_owned(), version.parse().ok()?);
        }
        Some(Self {
            path,
            versions: NotedVersions::Each(each),
        })
    }
}

/// How what the running instance has compares with what there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ConfigDiff {
    /// No instance has noted what it has: none has booted with this configuration yet.
    Unknown,
    /// The instance has the parameters of another path.
    OtherPath {
        /// That path.
        path: String,
    },
    /// It has every version that there is, and no other.
    Same,
    /// It has other versions: these.
    Changed {
        /// What differs, in the order of the names.
        changes: Vec<ConfigChange>,
    },
    /// It has other versions. There are too many parameters to say which.
    Differs,
}

/// A parameter of which the running instance has another version than there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigChange {
    /// Its name below the path.
    pub name: String,
    /// The version that the instance has; `null` where it has none.
    pub running: Option<u64>,
    /// The version that there is; `null` where the parameter was removed.
    pub present: Option<u64>,
}

/// Compares what the instance has noted in its group's tag with the parameters below the path.
///
/// By versions alone. A parameter that was removed and made anew begins with version 1 again, so that it may look the same.
#[must_use]
pub fn diff(tag: Option<&str>, path: &str, present: &[Parameter]) -> ConfigDiff {
    let Some(noted) = tag.and_then(Noted::parse) else {
        return ConfigDiff::Unknown;
    };
    if noted.path != path {
        return ConfigDiff::OtherPath { path: noted.path };
    }
    let below = format!("{path}/");
    let relative = |parameter: &Parameter| {
        let name = parameter.name.strip_prefix(&below)?;
        Some((name.to_owned(), parameter.version))
    };
    let present: BTreeMap<String, u64> = present.iter().filter_map(relative).collect();
    let running = match noted.versions {
        NotedVersions::Digest(digest) => {
            return match digest_of(&present) == digest {
                true => ConfigDiff::Same,
                false => ConfigDiff::Differs,
            };
        }
        NotedVersions::Each(running) => running,
    };
    let mut names: Vec<&String> = running.keys().chain(present.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changes: Vec<ConfigChange> = names
        .into_iter()
        .map(|name| ConfigChange {
            name: name.clone(),
            running: running.get(name).copied(),
            present: present.get(name).copied(),
        })
        .filter(|change| change.running != change.present)
        .collect();
    match changes.is_empty() {
        true => ConfigDiff::Same,
        false => ConfigDiff::Changed { changes },
    }
}

/// The digest that an instance with these versions notes.
fn digest_of(present: &BTreeMap<String, u64>) -> String {
    // In the order of the names that they have on the instance, as the files there stand.
    let mut words: Vec<(String, String)> = present
        .iter()
        .map(|(name, version)| {
            let variable = parameter_name(name).unwrap_or_else(|_| name.clone());
            (variable, format!("{name}={version}"))
        })
        .collect();
    words.sort_unstable();
    let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    versions_digest(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(versions: &[(&str, u64)]) -> Vec<Parameter> {
        let of = |(name, version): &(&str, u64)| Parameter::new(format!("/web/{name}"), "String", *version, None);
        versions.iter().map(of).collect()
    }

    #[test]
    fn what_differs_is_named_with_both_versions() {
        let present = parameters(&[("A", 2), ("B", 1), ("tls/key", 1)]);
        let tag = "/web A=1 C=3 tls/key=1";
        let change = |name: &str, running, present| ConfigChange {
            name: name.to_owned(),
            running,
            present,
        };
        let changes = vec![
            change("A", Some(1), Some(2)),
            change("B", None, Some(1)),
            change("C", Some(3), None),
        ];
        assert_eq!(diff(Some(tag), "/web", &present), ConfigDiff::Changed { changes });
        let tag = "/web A=2 B=1 tls/key=1";
        assert_eq!(diff(Some(tag), "/web", &present), ConfigDiff::Same);
        let other = ConfigDiff::OtherPath {
            path: "/web".to_owned(),
        };
        assert_eq!(diff(Some(tag), "/other", &present), other);
        for none in [None, Some(""), Some("/web A"), Some("/web A=x")] {
            assert_eq!(diff(none, "/web", &present), ConfigDiff::Unknown, "{none:?}");
        }
        assert_eq!(diff(Some("/web"), "/web", &[]), ConfigDiff::Same);
    }

    #[test]
    fn what_does_not_fit_says_why_and_never_the_value() {
        let present = parameters(&[("A", 2), ("tls/key", 1)]);
        let check = |name: &str, value: &str| {
            let value = Value::new(value);
            assert!(!format!("{value:?}").contains("secret"));
            check("/web", name, &value, &present).map_err(|error| error.to_string())
        };
        assert_eq!(check("B", "secret }} {{"), Ok(()));
        assert_eq!(check("A", "secret"), Ok(()), "another version");
        assert_eq!(check("tls/key", &"x".repeat(4_096)), Ok(()));
        for (name, value, part) in [
            ("PATH", "secret", "no variable of the system's own"),
            ("a b", "secret", "must be A-Z"),
            ("a//b", "secret", "empty part"),
            ("/a", "secret", "empty part"),
            ("tls.key", "secret", "the same variable as tls/key, tls_key"),
            ("B", "", "empty"),
            ("B", "secret {{x}}", "{{…}}"),
            ("B", "secret\0", "NUL"),
            ("B", "secret\u{ffff}", "U+FFFF"),
            ("B", "secret\u{1fffe}", "U+1FFFE"),
            ("B", "secret\u{fdd0}", "U+FDD0"),
            ("B", &"x".repeat(4_097), "4097 bytes"),
        ] {
            let error = check(name, value).unwrap_err();
            assert!(error.contains(part) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_digest_tells_that_something_differs_and_not_what() {
        // By the names of the variables: AB, A_A, A_B.
        let present = parameters(&[("A/B", 1), ("A.A", 2), ("AB", 3)]);
        let digest = versions_digest(&["AB=3", "A.A=2", "A/B=1"]);
        let tag = format!("/web sha256:{digest}");
        assert_eq!(diff(Some(&tag), "/web", &present), ConfigDiff::Same);
        assert_eq!(diff(Some(&tag), "/web", &present[1..]), ConfigDiff::Differs);
    }
}
