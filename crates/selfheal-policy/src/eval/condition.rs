//! Conditions.

use super::context::View;
use super::value::{Moment, Number, base64, in_range};
use crate::arn;
use crate::condition::{Comparison, Conditions, Operator, Quantifier};
use crate::pattern;

/// Tells whether every part of a condition block holds.
pub(crate) fn hold(conditions: &Conditions, view: View<'_>, variables: bool) -> bool {
    conditions
        .iter()
        .all(|(operator, key, wanted)| holds(operator, view.get(key.as_str()), wanted, view, variables))
}

fn holds(operator: Operator, found: Option<&[String]>, wanted: &[String], view: View<'_>, variables: bool) -> bool {
    let comparison = operator.comparison();
    if comparison == Comparison::Null {
        return wanted
            .iter()
            .any(|value| value.eq_ignore_ascii_case(if found.is_some() { "false" } else { "true" }));
    }
    let Some(found) = found else {
        return operator.has_if_exists()
            || match operator.quantifier() {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => false,
                Quantifier::One => comparison.is_negated(),
            };
    };
    let wanted = prepare(comparison, wanted, view, variables);
    // One value of the request matches if one of the policy's does; under a negated operator, if none of them does.
    let matches =
        |value: &String| wanted.iter().any(|wanted| wanted.matches(comparison, value)) != comparison.is_negated();
    match operator.quantifier() {
        Quantifier::ForAllValues => found.iter().all(matches),
        Quantifier::ForAnyValue => found.iter().any(matches),
        // AWS leaves open what a plain operator makes of several values. Here a match needs one of them, and a negated
        // operator needs all of them, so that adding a value to a request never turns a deny off.
        Quantifier::One if comparison.is_negated() => found.iter().all(matches),
        Quantifier::One => found.iter().any(matches),
    }
}

/// A value of the policy, made ready to compare.
enum Wanted<'a> {
    Text(&'a str),
    Tokens(Vec<pattern::Token>),
    Arn(Vec<Vec<pattern::Token>>),
}

/// Replaces variables, and leaves out the values of which one has none: nothing equals what has no value, so that it
/// matches nothing, and a negated operator holds of it ("Policy variables with no value"). The other values stay.
///
/// Variables count in string and ARN operators alone ("Where you can use policy variables").
fn prepare<'a>(comparison: Comparison, wanted: &'a [String], view: View<'_>, variables: bool) -> Vec<Wanted<'a>> {
    let tokens = |text: &str, wild: bool| -> Option<Vec<pattern::Token>> {
        if !variables {
            return Some(if wild {
                pattern::tokens(text)
            } else {
                pattern::literals(text)
            });
        }
        let tokens = pattern::expand(text, &|key| view.variable(key))?;
        Some(if wild {
            tokens
        } else {
            pattern::without_wildcards(tokens)
        })
    };
    wanted
        .iter()
        .filter_map(|text| match comparison {
            Comparison::StringEquals
            | Comparison::StringNotEquals
            | Comparison::StringEqualsIgnoreCase
            | Comparison::StringNotEqualsIgnoreCase => tokens(text, false).map(Wanted::Tokens),
            Comparison::StringLike | Comparison::StringNotLike => tokens(text, true).map(Wanted::Tokens),
            Comparison::ArnEquals | Comparison::ArnNotEquals | Comparison::ArnLike | Comparison::ArnNotLike => {
                match arn::split(text) {
                    Some(parts) => parts
                        .iter()
                        .map(|part| tokens(part, true))
                        .collect::<Option<Vec<_>>>()
                        .map(Wanted::Arn),
                    None => tokens(text, true).map(Wanted::Tokens),
                }
            }
            _ => Some(Wanted::Text(text)),
        })
        .collect()
}

impl Wanted<'_> {
    /// Compares without regard to negation.
    fn matches(&self, comparison: Comparison, found: &str) -> bool {
        match self {
            Self::Arn(parts) => arn::split(found).is_some_and(|found| {
                parts
                    .iter()
                    .zip(found)
                    .all(|(part, found)| pattern::matches(part, found))
            }),
            Self::Tokens(tokens) => match comparison {
                Comparison::StringEqualsIgnoreCase | Comparison::StringNotEqualsIgnoreCase => {
                    pattern::matches(&pattern::folded(tokens), &found.to_lowercase())
                }
                _ => pattern::matches(tokens, found),
            },
            Self::Text(wanted) => typed(comparison, wanted, found),
        }
    }
}

/// Compares numbers, dates, booleans, bytes and addresses. What cannot be read as such matches nothing.
fn typed(comparison: Comparison, wanted: &str, found: &str) -> bool {
    let numbers = || Some((Number::parse(found)?, Number::parse(wanted)?));
    let moments = || Some((Moment::parse(found)?, Moment::parse(wanted)?));
    match comparison {
        Comparison::NumericEquals | Comparison::NumericNotEquals => numbers().is_some_and(|(a, b)| a == b),
        Comparison::NumericLessThan => numbers().is_some_and(|(a, b)| a < b),
        Comparison::NumericLessThanEquals => numbers().is_some_and(|(a, b)| a <= b),
        Comparison::NumericGreaterThan => numbers().is_some_and(|(a, b)| a > b),
        Comparison::NumericGreaterThanEquals => numbers().is_some_and(|(a, b)| a >= b),
        Comparison::DateEquals | Comparison::DateNotEquals => moments().is_some_and(|(a, b)| a == b),
        Comparison::DateLessThan => moments().is_some_and(|(a, b)| a < b),
        Comparison::DateLessThanEquals => moments().is_some_and(|(a, b)| a <= b),
        Comparison::DateGreaterThan => moments().is_some_and(|(a, b)| a > b),
        Comparison::DateGreaterThanEquals => moments().is_some_and(|(a, b)| a >= b),
        Comparison::Bool => ["true", "false"]
            .iter()
            .any(|word| found.eq_ignore_ascii_case(word) && wanted.eq_ignore_ascii_case(word)),
        Comparison::BinaryEquals => base64(wanted).is_some_and(|bytes| base64(found) == Some(bytes)),
        Comparison::IpAddress | Comparison::NotIpAddress => in_range(found, wanted),
        _ => false,
    }
}
