//! Errors of the generators.

use crate::arn::ArnError;
use crate::limit::Limit;

/// The error of a scope from which no document can be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A field holds what cannot be the value of that field.
    #[error("{field} is `{value}`, expected {expected}")]
    Field {
        /// The field of the scope.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A field that the others need is empty.
    #[error("{field} is missing: {reason}")]
    Missing {
        /// The field of the scope.
        field: &'static str,
        /// Why it is needed.
        reason: &'static str,
    },
    /// Two fields contradict each other.
    #[error("{field} is `{value}`, which does not belong to {other}")]
    Contradiction {
        /// The field of the scope.
        field: &'static str,
        /// What it holds.
        value: String,
        /// The field and value that it contradicts.
        other: String,
    },
    /// A field makes a malformed ARN.
    #[error("malformed ARN `{text}`")]
    Arn {
        /// The text.
        text: String,
        /// What is wrong with it, and where.
        #[source]
        source: ArnError,
    },
    /// The document is longer than IAM accepts.
    #[error("the policy has {size} characters, {limit} allows {}", limit.characters())]
    TooLong {
        /// The characters that IAM would count.
        size: usize,
        /// The limit that is exceeded.
        limit: Limit,
    },
}

/// The kind of a [`ScopeError`], for callers that branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeErrorKind {
    /// A field is malformed or missing.
    Field,
    /// Two fields contradict each other.
    Contradiction,
    /// The document is too long.
    TooLong,
}

impl ScopeError {
    /// Returns the kind of error.
    #[must_use]
    pub const fn kind(&self) -> ScopeErrorKind {
        match self {
            Self::Field { .. } | Self::Missing { .. } | Self::Arn { .. } => ScopeErrorKind::Field,
            Self::Contradiction { .. } => ScopeErrorKind::Contradiction,
            Self::TooLong { .. } => ScopeErrorKind::TooLong,
        }
    }
}
