//! Amazon Resource Names, exact or with wildcards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::partition::Partition;
use crate::pattern;

/// The longest ARN that is accepted, in bytes; AWS documents 1,011 to 2,048 depending on the service.
pub const ARN_BYTES_MAX: usize = 2_048;

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
///
/// It may hold wildcards (`*`, `?`) and policy variables where IAM allows them: in every component except `arn` and the
/// service. The resource keeps its own colons and slashes. Policies may also leave components out at the end; reading a
/// [`crate::ResourcePattern`] completes them.
///
/// Source: "Identify AWS resources with Amazon Resource Names" and "IAM JSON policy elements: Resource".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// The byte offsets of the five colons that separate the components.
    colons: [usize; 5],
}

/// The error of a text that is not an ARN: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the ARN")]
pub struct ArnError {
    kind: ArnErrorKind,
    offset: usize,
}

impl ArnError {
    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ArnErrorKind {
        self.kind
    }

    /// Returns the byte offset in the text at which the error is.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// The kind of an [`ArnError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArnErrorKind {
    /// The text does not begin with `arn:`.
    #[error("`arn:` expected")]
    Scheme,
    /// The text ends before the sixth component.
    #[error("six components separated by colons expected")]
    Components,
    /// The partition is empty or holds a character that no partition has.
    #[error("a partition such as `aws` expected")]
    Partition,
    /// The service is empty, holds a wildcard, or a character that no service has.
    #[error("a service without wildcards expected")]
    Service,
    /// The Region holds a character that no Region has.
    #[error("a Region, a wildcard or nothing expected")]
    Region,
    /// The account is not twelve digits, `aws`, a wildcard or empty.
    #[error("an account of twelve digits, `aws`, a wildcard or nothing expected")]
    Account,
    /// The resource is empty.
    #[error("a resource expected")]
    Resource,
    /// The text holds a control character or white space where none can be.
    #[error("unexpected character")]
    Character,
    /// A policy variable is not closed.
    #[error("policy variable without its closing brace")]
    Variable,
    /// The text is longer than [`ARN_BYTES_MAX`].
    #[error("too long")]
    TooLong,
}

impl Arn {
    /// Builds an ARN from its components.
    ///
    /// # Errors
    /// When a component is not one that IAM accepts; the offset counts in the joined text.
    pub fn new(
        partition: Partition,
        service: &str,
        region: &str,
        account: &str,
        resource: &str,
    ) -> Result<Self, ArnError> {
        format!("arn:{partition}:{service}:{region}:{account}:{resource}").parse()
    }

    fn component(&self, index: usize) -> &str {
        let start = self.colons[index - 1] + 1;
        let end = self.colons.get(index).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    /// Returns the whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the partition, if it is one that selfheal knows and not a wildcard.
    #[must_use]
    pub fn partition(&self) -> Option<Partition> {
        self.component(1).parse().ok()
    }

    /// Returns the service's prefix, such as `ec2`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.component(2)
    }

    /// Returns the Region; empty for global services.
    #[must_use]
    pub fn region(&self) -> &str {
        self.component(3)
    }

    /// Returns the account; empty for resources that belong to none, such as images.
    #[must_use]
    pub fn account(&self) -> &str {
        self.component(4)
    }

    /// Returns the resource with its type, such as `volume/vol-0123456789abcdef0`.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.component(5)
    }

    /// Returns the part of the resource before its first slash or colon, such as `volume`.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        self.resource().split(['/', ':']).next().unwrap_or_default()
    }

    /// Tells whether it stands for more than one resource.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        pattern::has_wildcard(&self.text)
    }

    /// Returns the five components after `arn`, in order.
    #[must_use]
    pub fn components(&self) -> [&str; 5] {
        [1, 2, 3, 4, 5].map(|index| self.component(index))
    }

    /// Tells whether it, taken as a resource of a policy without variables, matches another ARN.
    ///
    /// Within a component `*` and `?` stop at its colon, unless the `*` is its last character: it "can expand to match
    /// beyond the colon boundaries". Within the resource both match slashes and colons. Source: "IAM JSON policy
    /// elements: Resource".
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.matches_with(other, &|_| None)
    }

    /// Does the same as [`Arn::matches`], with values for policy variables; one that has none matches nothing.
    pub(crate) fn matches_with(&self, other: &Self, value_of: &dyn Fn(&str) -> Option<String>) -> bool {
        let tokens = |component: &&str| pattern::expand(component, value_of);
        let Some(parts) = self.components().iter().map(tokens).collect::<Option<Vec<_>>>() else {
            return false;
        };
        covers(&parts, other)
    }

    /// Does the same as [`Arn::matches`] for a document in which variables are plain text.
    pub(crate) fn matches_as_text(&self, other: &Self) -> bool {
        covers(&self.components().map(pattern::tokens), other)
    }

    /// Completes a text with fewer than six components: IAM adds `*` for each that is missing.
    ///
    /// Source: "IAM identifiers", IAM ARNs: "specifying `arn:aws:sqs` is equivalent to `arn:aws:sqs:*:*:*`". Partition
    /// and service cannot be left out.
    pub(crate) fn of_policy(text: &str) -> Result<Self, ArnError> {
        // The text is not made longer before it is known to be short enough.
        if text.len() > ARN_BYTES_MAX || !text.starts_with("arn:") {
            return text.parse();
        }
        let colons = colons(text)?;
        if (2..5).contains(&colons.len()) {
            format!("{text}{}", ":*".repeat(5 - colons.len())).parse()
        } else {
            text.parse()
        }
    }
}

/// Tells whether the components of a pattern match an ARN, as IAM matches a resource of a policy.
fn covers(pattern: &[Vec<pattern::Token>], arn: &Arn) -> bool {
    let Some((resource, components)) = pattern.split_last() else {
        return false;
    };
    // `reach` holds the parts of the ARN at which the next component of the pattern may begin.
    let text = &arn.text["arn:".len()..];
    let parts: Vec<&str> = text.split(':').collect();
    let mut reach = vec![false; parts.len()];
    reach[0] = true;
    for component in components {
        let runs_on = component.last() == Some(&pattern::Token::Any);
        let mut next = vec![false; parts.len()];
        for (at, part) in parts.iter().enumerate().filter(|(at, _)| reach[*at]) {
            if pattern::matches(component, part) {
                let end = if runs_on { parts.len() } else { at + 2 };
                next[(at + 1).min(parts.len())..end.min(parts.len())].fill(true);
                if runs_on {
                    // Whatever else begins later reaches no further.
                    break;
                }
            }
        }
        reach = next;
    }
    let starts = std::iter::once(0).chain(text.match_indices(':').map(|(at, _)| at + 1));
    starts
        .zip(reach)
        .any(|(start, reached)| reached && pattern::matches(resource, &text[start..]))
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |kind, offset| Err(ArnError { kind, offset });
        if text.len() > ARN_BYTES_MAX {
            return fail(ArnErrorKind::TooLong, ARN_BYTES_MAX);
        }
        if let Some(offset) = text.find(|c: char| c.is_control()) {
            return fail(ArnErrorKind::Character, offset);
        }
        if !text.starts_with("arn:") {
            return fail(ArnErrorKind::Scheme, 0);
        }
        let colons = separators(text)?;
        let arn = Self {
            text: text.to_owned(),
            colons,
        };
        let start = |index: usize| colons[index - 1] + 1;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let checks: [(usize, ArnErrorKind, bool); 5] = [
            (1, ArnErrorKind::Partition, valid(arn.component(1), false, plain)),
            (
                2,
                ArnErrorKind::Service,
                !arn.service().is_empty() && arn.service().chars().all(plain),
            ),
            (3, ArnErrorKind::Region, valid(arn.region(), true, plain)),
            (4, ArnErrorKind::Account, valid_account(arn.account())),
            (5, ArnErrorKind::Resource, !arn.resource().is_empty()),
        ];
        for (index, kind, good) in checks {
            if !good {
                return fail(kind, start(index));
            }
        }
        Ok(arn)
    }
}

/// Finds the five separating colons.
fn separators(text: &str) -> Result<[usize; 5], ArnError> {
    <[usize; 5]>::try_from(colons(text)?).map_err(|_| ArnError {
        kind: ArnErrorKind::Components,
        offset: text.len(),
    })
}

/// Finds the separating colons, five at most; colons inside of policy variables do not count.
fn colons(text: &str) -> Result<Vec<usize>, ArnError> {
    let mut colons = Vec::with_capacity(5);
    let mut at = 0;
    while let Some(step) = text[at..].find([':', '$']) {
        at += step;
        if text[at..].starts_with("${") {
            let Some(close) = text[at..].find('}') else {
                return Err(ArnError {
                    kind: ArnErrorKind::Variable,
                    offset: at,
                });
            };
            at += close + 1;
        } else {
            if text[at..].starts_with(':') && colons.len() < 5 {
                colons.push(at);
            }
            at += 1;
        }
    }
    Ok(colons)
}

/// Splits a text into the five components after `arn`, without checking them; `None` if it is not `arn:` and five more.
///
/// Conditions compare ARNs that no resource could have, such as ones with a wildcard for the service.
pub(crate) fn split(text: &str) -> Option<[&str; 5]> {
    if !text.starts_with("arn:") {
        return None;
    }
    let colons = separators(text).ok()?;
    Some([1, 2, 3, 4, 5].map(|index| &text[colons[index - 1] + 1..colons.get(index).copied().unwrap_or(text.len())]))
}

/// Checks one component: its literal text by the predicate, wildcards and variables as they are.
fn valid(component: &str, empty_allowed: bool, plain: impl Fn(char) -> bool) -> bool {
    if component.is_empty() {
        return empty_allowed;
    }
    pattern::pieces(component).iter().all(|piece| match piece {
        pattern::Piece::Text(text) => text.chars().all(|c| plain(c) || c == '*' || c == '?'),
        pattern::Piece::Escaped(_) => false,
        pattern::Piece::Variable { .. } => true,
    })
}

fn valid_account(account: &str) -> bool {
    let exact = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let pattern = pattern::has_wildcard(account) || account.contains("${");
    account.is_empty() || account == "aws" || exact || (pattern && valid(account, true, |c| c.is_ascii_digit()))
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Arn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_what_they_say() {
        let text = "arn:aws-cn:autoscaling:cn-north-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.partition(), Some(Partition::AwsCn));
        assert_eq!(arn.service(), "autoscaling");
        assert_eq!(arn.region(), "cn-north-1");
        assert_eq!(arn.account(), "123456789012");
        assert_eq!(arn.resource(), "autoScalingGroup:*:autoScalingGroupName/web");
        assert_eq!(arn.resource_type(), "autoScalingGroup");
        assert!(arn.has_wildcard());
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn errors_say_what_and_where() {
        for (text, kind, offset) in [
            ("", ArnErrorKind::Scheme, 0),
            ("urn:aws:ec2:::x", ArnErrorKind::Scheme, 0),
            ("arn:aws:ec2", ArnErrorKind::Components, 11),
            ("arn::ec2:::x", ArnErrorKind::Partition, 4),
            ("arn:AWS:ec2:::x", ArnErrorKind::Partition, 4),
            ("arn:aws::::x", ArnErrorKind::Service, 8),
            ("arn:aws:e*:::x", ArnErrorKind::Service, 8),
            ("arn:aws:ec2:EU:1:x", ArnErrorKind::Region, 12),
            ("arn:aws:ec2:eu-west-1:12345:x", ArnErrorKind::Account, 22),
            ("arn:aws:ec2:eu-west-1:123456789012:", ArnErrorKind::Resource, 35),
            (
                "arn:aws:iam::123456789012:user/${aws:username",
                ArnErrorKind::Variable,
                31,
            ),
            ("arn:aws:iam::${aws:x", ArnErrorKind::Variable, 13),
            ("arn:aws:s3:::a\nb", ArnErrorKind::Character, 14),
        ] {
            let error = text.parse::<Arn>().unwrap_err();
            assert_eq!((error.kind(), error.offset()), (kind, offset), "{text}");
        }
    }

    #[test]
    fn a_wildcard_stays_in_its_component() {
        let check = |pattern: &str, arn: &str| pattern.parse::<Arn>().unwrap().matches(&arn.parse().unwrap());
        assert!(check("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c"));
        assert!(check(
            "arn:aws:ec2:*:*:volume/*",
            "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1"
        ));
        assert!(!check(
            "arn:aws:ec2:eu-*::volume/*",
            "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1"
        ));
        assert!(!check(
            "arn:aws:ec2:eu-west-1:123456789012:Volume/*",
            "arn:aws:ec2:eu-west-1:123456789012:volume/v"
        ));
    }

    #[test]
    fn variables_may_hold_colons() {
        let arn: Arn = "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}"
            .parse()
            .unwrap();
        assert_eq!(arn.account(), "${aws:PrincipalAccount}");
        let user: Arn = "arn:aws:iam::123456789012:user/jo".parse().unwrap();
        let value = |key: &str| match key {
            "aws:PrincipalAccount" => Some("123456789012".to_owned()),
            "aws:username" => Some("jo".to_owned()),
            _ => None,
        };
        assert!(arn.matches_with(&user, &value));
        assert!(!arn.matches(&user));
    }
}
