//! The sizes that IAM allows.

use std::fmt;

/// A quota on the size of a policy, in characters without white space.
///
/// Source: "IAM and AWS STS quotas".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// All inline policies of one role together: 10,240.
    RoleInline,
    /// One managed policy: 6,144.
    Managed,
    /// All managed policies that a user, a group or a role may have at once, ten of them: 61,440.
    ManagedTogether,
    /// A role's trust policy: 2,048, which a quota request can raise to 4,096.
    Trust,
}

impl Limit {
    /// Returns the number of characters.
    #[must_use]
    pub const fn characters(self) -> usize {
        match self {
            Self::RoleInline => 10_240,
            Self::Managed => 6_144,
            Self::ManagedTogether => 61_440,
            Self::Trust => 2_048,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoleInline => "the quota of a role's inline policies",
            Self::Managed => "the quota of a managed policy",
            Self::ManagedTogether => "the quota of ten managed policies",
            Self::Trust => "the quota of a trust policy",
        })
    }
}
