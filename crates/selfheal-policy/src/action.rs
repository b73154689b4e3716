//! Names of actions, exact or with wildcards.

use std::fmt;
use std::str::FromStr;

use crate::pattern;

/// An action such as `ec2:AttachVolume`, a pattern such as `ec2:Describe*`, or `*`.
///
/// Compared without regard to case, as IAM does ("IAM JSON policy elements: Action").
#[derive(Clone, Debug)]
pub struct ActionPattern(String);

/// The error of a text that is not an action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an action, expected `service:Name` or `*`")]
pub struct InvalidAction(pub String);

impl ActionPattern {
    /// Returns the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the service's prefix; `*` for the pattern of all actions.
    #[must_use]
    pub fn service(&self) -> &str {
        self.0.split_once(':').map_or("*", |(service, _)| service)
    }

    /// Returns the name after the prefix; `*` for the pattern of all actions.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("*", |(_, name)| name)
    }

    /// Tells whether it can stand for more than one action.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Tells whether the action is this one, or one of those that the pattern stands for.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        if self.has_wildcard() {
            pattern::glob(&self.folded(), &action.to_ascii_lowercase())
        } else {
            self.0.eq_ignore_ascii_case(action)
        }
    }

    /// Takes a text of the generators' own; a test reads every generated document back.
    pub(crate) fn of_our_own(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for ActionPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ActionPattern {}

impl FromStr for ActionPattern {
    type Err = InvalidAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wild = |c: char| c == '*' || c == '?';
        let service_character = |c: char| c.is_ascii_alphanumeric() || c == '-' || wild(c);
        let name_character = |c: char| c.is_ascii_alphanumeric() || c == '_' || wild(c);
        let valid = text == "*"
            || text.split_once(':').is_some_and(|(service, name)| {
                !service.is_empty()
                    && !name.is_empty()
                    && service.chars().all(service_character)
                    && name.chars().all(name_character)
            });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAction(text.to_owned()))
        }
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        let action: ActionPattern = "EC2:describe*".parse().unwrap();
        assert!(action.matches("ec2:DescribeVolumes"));
        assert!(!action.matches("ec2:AttachVolume"));
        assert_eq!(action, "ec2:Describe*".parse().unwrap());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "ec2", "ec2:", ":x", "ec2:A B", "ec2:A:B", "ec2:Ä", "e c2:A"] {
            assert_eq!(text.parse::<ActionPattern>(), Err(InvalidAction(text.to_owned())));
        }
    }
}
