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
    /// `selfheal replace`: reads the group and what its instance holds, and replaces the instance.
    Replace,
    /// `selfheal config`: reads, writes and deletes the parameters of the app's configuration, and reads the group.
    Config,
    /// `selfheal snapshot`: finds the data volume, and takes a snapshot or a copy of it.
    Snapshot,
    /// What `selfheal restore` does beside all that an apply does, whose policy it needs as well: it puts another volume in
    /// the place of the data volume. Both in one would be longer than IAM allows.
    Restore,
    /// `selfheal drill`: reads the group, what its instance holds and the snapshots; asks the instance to act, ends it, and keeps the result.
    Drill,
    /// `selfheal drill --restore`: reads the same; makes a volume of a snapshot, attaches it to the instance and asks what is on it, and
    /// takes it away again.
    DrillRestore,
    /// What a command does beside what it reads where it asks the running instance to act: it writes the tag of a request, and
    /// reads the answer.
    Request,
    /// `selfheal logs`: reads the log group, or else the instance's console.
    Logs,
    /// `selfheal notify`: publishes a message.
    Notify,
    /// `selfheal shell`: finds the instance, and opens a session on it.
    Shell,
    /// `selfheal forward`: finds the instance, and forwards a port to it.
    Forward,
    /// `selfheal run`: finds the instance, and runs a command on it.
    Run,
    /// What `selfheal doctor` reads beside all that a plan and a status read, whose policies it needs as well.
    Doctor,
    /// `selfheal init`: reads what the account has, so that it can be offered.
    Init,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 20] = [
        Self::Plan,
        Self::Apply,
        Self::Status,
        Self::Destroy,
        Self::Resume,
        Self::Sleep,
        Self::Replace,
        Self::Config,
        Self::Snapshot,
        Self::Restore,
        Self::Drill,
        Self::DrillRestore,
        Self::Request,
        Self::Logs,
        Self::Notify,
        Self::Shell,
        Self::Forward,
        Self::Run,
        Self::Doctor,
        Self::Init,
    ];

    /// Tells whether the command reaches the instance and reads what leads to it, and nothing else of the stack.
    #[must_use]
    pub const fn reaches_instance(self) -> bool {
        matches!(self, Self::Shell | Self::Forward | Self::Run)
    }

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
            Self::Replace => "replace",
            Self::Config => "config",
            Self::Snapshot => "snapshot",
            Self::Restore => "restore",
            Self::Drill => "drill",
            Self::DrillRestore => "drill-restore",
            Self::Request => "request",
            Self::Logs => "logs",
            Self::Notify => "notify",
            Self::Shell => "shell",
            Self::Forward => "forward",
            Self::Run => "run",
            Self::Doctor => "doctor",
            Self::Init => "init",
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
#[error("unknown purpose `{0}`, expected one of {known}", known = Purpose::ALL.map(Purpose::as_str).join(", "))]
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
