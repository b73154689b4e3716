//! Errors of a configuration that cannot be rendered.

use thiserror::Error;

/// Reason why a configuration cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A string holds a NUL byte, which no shell word can hold.
    #[error("a NUL byte cannot be passed to a shell")]
    Nul,
    /// A value is outside what its field allows.
    #[error("{field} {expected}, not {value:?}")]
    Invalid {
        /// Field of [`BootConfig`](crate::BootConfig), as written in Rust.
        field: &'static str,
        /// Values that the field accepts, as "must be …".
        expected: &'static str,
        /// Refused value.
        value: String,
    },
    /// The user data is larger than EC2 accepts, even compressed and without what a bundle can hold.
    #[error("user data is {size} bytes compressed, {} over EC2's limit of {limit}", size - limit)]
    TooLarge {
        /// Bytes that EC2 would get.
        size: usize,
        /// Bytes that EC2 accepts: [`USER_DATA_MAX_BYTES`](crate::USER_DATA_MAX_BYTES).
        limit: usize,
    },
    /// The setup script and the files are larger than the parameters of a bundle hold.
    #[error("the setup script and the files are {size} bytes compressed, {} over the limit of {limit}", size - limit)]
    BundleTooLarge {
        /// Bytes after compression.
        size: usize,
        /// Bytes that fit: [`BUNDLE_MAX_BYTES`](crate::BUNDLE_MAX_BYTES).
        limit: usize,
    },
}

/// Kind of a [`RenderError`], for callers that branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenderErrorKind {
    /// A field of the configuration must change.
    Invalid,
    /// The setup script or a file must shrink.
    TooLarge,
}

impl RenderError {
    /// Returns the kind of this error.
    #[must_use]
    pub const fn kind(&self) -> RenderErrorKind {
        match self {
            Self::Nul | Self::Invalid { .. } => RenderErrorKind::Invalid,
            Self::TooLarge { .. } | Self::BundleTooLarge { .. } => RenderErrorKind::TooLarge,
        }
    }
}
