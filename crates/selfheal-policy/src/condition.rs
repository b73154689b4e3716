//! Condition operators and condition blocks.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How the values of a multivalued key are taken together: a set operator.
///
/// Source: "Set operators for multivalued context keys".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantifier {
    /// No set operator: for keys that have one value.
    One,
    /// `ForAllValues:`: every value of the request must match; true if there is none.
    ForAllValues,
    /// `ForAnyValue:`: at least one value of the request must match; false if there is none.
    ForAnyValue,
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A comparison that IAM knows, without set operator and without `IfExists`.
        ///
        /// Source: "IAM JSON policy elements: Condition operators".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Comparison {
            $($(#[$doc])* $name,)*
        }

        impl Comparison {
            /// Every comparison that IAM knows.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name as policies spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

comparisons! {
    /// Exact, case-sensitive.
    StringEquals,
    /// The negation of `StringEquals`.
    StringNotEquals,
    /// Exact, ignoring case.
    StringEqualsIgnoreCase,
    /// The negation of `StringEqualsIgnoreCase`.
    StringNotEqualsIgnoreCase,
    /// Case-sensitive with `*` and `?`.
    StringLike,
    /// The negation of `StringLike`.
    StringNotLike,
    /// Equal numbers.
    NumericEquals,
    /// The negation of `NumericEquals`.
    NumericNotEquals,
    /// Less than.
    NumericLessThan,
    /// Less than or equal.
    NumericLessThanEquals,
    /// Greater than.
    NumericGreaterThan,
    /// Greater than or equal.
    NumericGreaterThanEquals,
    /// The same moment.
    DateEquals,
    /// The negation of `DateEquals`.
    DateNotEquals,
    /// Earlier.
    DateLessThan,
    /// Earlier or the same.
    DateLessThanEquals,
    /// Later.
    DateGreaterThan,
    /// Later or the same.
    DateGreaterThanEquals,
    /// `true` or `false`.
    Bool,
    /// Equal bytes, given in base64.
    BinaryEquals,
    /// An address in the range.
    IpAddress,
    /// The negation of `IpAddress`.
    NotIpAddress,
    /// An ARN, component by component, with `*` and `?`; the same as `ArnLike`.
    ArnEquals,
    /// The negation of `ArnEquals`.
    ArnNotEquals,
    /// An ARN, component by component, with `*` and `?`.
    ArnLike,
    /// The negation of `ArnLike`.
    ArnNotLike,
    /// Tells whether the key is absent (`true`) or present (`false`).
    Null,
}

impl Comparison {
    /// Tells whether it is the negation of another one, and thus true of a key that the request does not have.
    #[must_use]
    pub const fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }
}

/// A condition operator: a set operator, a comparison and `IfExists`, such as `ForAllValues:StringEqualsIfExists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    quantifier: Quantifier,
    comparison: Comparison,
    if_exists: bool,
}

/// The error of an operator that IAM does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown condition operator `{0}`")]
pub struct UnknownOperator(pub String);

impl Operator {
    /// Builds the operator of one comparison.
    #[must_use]
    pub const fn new(comparison: Comparison) -> Self {
        Self {
            quantifier: Quantifier::One,
            comparison,
            if_exists: false,
        }
    }

    /// Returns it with a set operator; `None` for `Null`, which takes none.
    #[must_use]
    pub fn quantified(self, quantifier: Quantifier) -> Option<Self> {
        (self.comparison != Comparison::Null || quantifier == Quantifier::One).then_some(Self { quantifier, ..self })
    }

    /// Returns it with `IfExists`; `None` for `Null`, which takes none.
    #[must_use]
    pub fn if_exists(self) -> Option<Self> {
        (self.comparison != Comparison::Null).then_some(Self {
            if_exists: true,
            ..self
        })
    }

    /// Returns the set operator.
    #[must_use]
    pub const fn quantifier(self) -> Quantifier {
        self.quantifier
    }

    /// Returns the comparison.
    #[must_use]
    pub const fn comparison(self) -> Comparison {
        self.comparison
    }

    /// Tells whether it is true of a key that the request does not have, by `IfExists`.
    #[must_use]
    pub const fn has_if_exists(self) -> bool {
        self.if_exists
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::One => "",
            Quantifier::ForAllValues => "ForAllValues:",
            Quantifier::ForAnyValue => "ForAnyValue:",
        })?;
        f.write_str(self.comparison.as_str())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

impl FromStr for Operator {
    type Err = UnknownOperator;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = text.to_ascii_lowercase();
        let (quantifier, rest) = match folded.split_once(':') {
            None => (Quantifier::One, folded.as_str()),
            Some(("forallvalues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("foranyvalue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return Err(UnknownOperator(text.to_owned())),
        };
        let (name, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |name| (name, true));
        let unknown = || UnknownOperator(text.to_owned());
        let comparison = Comparison::ALL
            .iter()
            .find(|comparison| comparison.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(unknown)?;
        let mut operator = Self::new(*comparison).quantified(quantifier).ok_or_else(unknown)?;
        if if_exists {
            operator = operator.if_exists().ok_or_else(unknown)?;
        }
        Ok(operator)
    }
}

/// The condition block of a statement: every operator, key and its values, all of which must hold.
///
/// Keys are compared without regard to case, so one key cannot stand twice under one operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    entries: BTreeMap<Operator, BTreeMap<ConditionKey, Vec<String>>>,
}

/// A condition key such as `aws:ResourceTag/selfheal:stack`; compared without regard to case.
///
/// The part of a tag key after the slash is compared without regard to case as well, as IAM does.
#[derive(Clone, Debug)]
pub struct ConditionKey(String);

impl ConditionKey {
    /// Builds a key; any text is one, and the linter knows which exist.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the key as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for ConditionKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ConditionKey {}

impl PartialOrd for ConditionKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ConditionKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl Conditions {
    /// Builds an empty block, which always holds.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds values to a key under an operator.
    #[must_use]
    pub fn with<S: Into<String>>(mut self, operator: Operator, key: &str, values: impl IntoIterator<Item = S>) -> Self {
        let entry = self
            .entries
            .entry(operator)
            .or_default()
            .entry(ConditionKey::new(key))
            .or_default();
        entry.extend(values.into_iter().map(Into::into));
        self
    }

    /// Adds one value to a key under a plain comparison.
    #[must_use]
    pub fn when(self, comparison: Comparison, key: &str, value: impl Into<String>) -> Self {
        self.with(Operator::new(comparison), key, [value.into()])
    }

    /// Tells whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns every operator, key and its values, in the order in which they are printed.
    pub fn iter(&self) -> impl Iterator<Item = (Operator, &ConditionKey, &[String])> {
        self.entries.iter().flat_map(|(operator, keys)| {
            keys.iter()
                .map(move |(key, values)| (*operator, key, values.as_slice()))
        })
    }

    /// Returns the keys and values by operator, for printing.
    pub(crate) fn by_operator(&self) -> impl Iterator<Item = (Operator, &BTreeMap<ConditionKey, Vec<String>>)> {
        self.entries.iter().map(|(operator, keys)| (*operator, keys))
    }

    /// Puts values under a key; false if the key stands there already.
    pub(crate) fn insert(&mut self, operator: Operator, key: &str, values: Vec<String>) -> bool {
        self.entries
            .entry(operator)
            .or_default()
            .insert(ConditionKey::new(key), values)
            .is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_round_trips() {
        for comparison in Comparison::ALL {
            for quantifier in [Quantifier::One, Quantifier::ForAllValues, Quantifier::ForAnyValue] {
                let Some(plain) = Operator::new(*comparison).quantified(quantifier) else {
                    continue;
                };
                assert_eq!(plain.to_string().parse(), Ok(plain));
                assert_eq!(plain.to_string().to_uppercase().parse(), Ok(plain));
                if let Some(lenient) = plain.if_exists() {
                    assert_eq!(lenient.to_string().parse(), Ok(lenient));
                }
            }
        }
    }

    #[test]
    fn unknown_operators_are_named() {
        for text in [
            "",
            "StringEqual",
            "NullIfExists",
            "ForAllValues:Null",
            "ForSome:StringEquals",
            "IfExists",
        ] {
            assert_eq!(text.parse::<Operator>(), Err(UnknownOperator(text.to_owned())));
        }
    }

    #[test]
    fn keys_ignore_case() {
        let one = Conditions::none().when(Comparison::StringEquals, "aws:RequestedRegion", "eu-west-1");
        let other = Conditions::none().when(Comparison::StringEquals, "AWS:requestedregion", "eu-west-1");
        assert_eq!(one, other);
    }
}
