//! What an operator's policy is for.

use std::fmt;
use std::str::FromStr;

/// The purpose of an operator's policy: the command of that name; of `sleep` also that which undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// `selfheal plan`: reads only.
    Plan,
    /// `selfheal apply`: reads, and makes and changes the stack.
    Apply,
    /// `selfheal status`: reads, the instance and its history too.
    Status,
    /// `selfheal destroy`: reads, and removes the stack.
    Destroy,
    /// `selfheal resume`: reads, and lets a parked group act again.
    Resume,
    /// `selfheal sleep` and `selfheal wake`: reads the group, and puts the stack to sleep and wakes it.
    Sleep,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::Plan,
        Self::Apply,
        Self::Status,
        Self::Destroy,
        Self::Resume,
        Self::Sleep,
    ];

    /// Returns the command's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Status => "status",
            Self::Destroy => "destroy",
            Self::Resume => "resume",
            Self::Sleep => "sleep",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of a purpose that no operator's policy has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose `{0}`, expected plan, apply, status, destroy, resume or sleep")]
pub struct UnknownPurpose(pub String);

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| UnknownPurpose(text.to_owned()))
    }
}
