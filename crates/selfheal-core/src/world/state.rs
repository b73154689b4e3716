//! States: words of AWS as closed lists, with a place for a word that AWS has added since.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// A word that is none of a list's.
///
/// Only reading a word makes one, so that no state can be told in two ways, and what is printed reads back as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unlisted(String);

impl Unlisted {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Declares lists of states. Each reads any word at all, and prints the very word that it was read from.
macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// One that this version does not know.
            Other(Unlisted),
        }

        impl $name {
            /// Every state that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$variant,)*];

            /// The state as AWS spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other(Unlisted(word.to_owned())),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(word: &str) -> Result<Self, Infallible> {
                Ok(Self::from(word))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        /// A string: AWS may add to the list at any time.
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    )*};
}

states! {
    /// State of an instance, as `DescribeInstances` spells it.
    InstanceState {
        /// Being started.
        Pending = "pending",
        /// Running.
        Running = "running",
        /// Being terminated.
        ShuttingDown = "shutting-down",
        /// Gone.
        Terminated = "terminated",
        /// Being stopped.
        Stopping = "stopping",
        /// Off.
        Stopped = "stopped",
    }

    /// Lifecycle state of an instance in its group, as `DescribeAutoScalingGroups` spells it.
    LifecycleState {
        /// Launched, not running yet.
        Pending = "Pending",
        /// Held by a launch hook.
        PendingWait = "Pending:Wait",
        /// Let go by the launch hooks.
        PendingProceed = "Pending:Proceed",
        /// Set apart.
        Quarantined = "Quarantined",
        /// In service.
        InService = "InService",
        /// Leaving.
        Terminating = "Terminating",
        /// Held by a termination hook.
        TerminatingWait = "Terminating:Wait",
        /// Let go by the termination hooks.
        TerminatingProceed = "Terminating:Proceed",
        /// Kept, though a termination hook was abandoned.
        TerminatingRetained = "Terminating:Retained",
        /// Gone.
        Terminated = "Terminated",
        /// Being taken out of its group.
        Detaching = "Detaching",
        /// Out of its group.
        Detached = "Detached",
        /// On its way to standby.
        EnteringStandby = "EnteringStandby",
        /// In the group and not in service, because somebody said so.
        Standby = "Standby",
        /// Its root volume is being replaced.
        ReplacingRootVolume = "ReplacingRootVolume",
        /// Held by a hook before its root volume is replaced.
        ReplacingRootVolumeWait = "ReplacingRootVolume:Wait",
        /// Let go by the hooks before its root volume is replaced.
        ReplacingRootVolumeProceed = "ReplacingRootVolume:Proceed",
        /// Its root volume was replaced.
        RootVolumeReplaced = "RootVolumeReplaced",
        /// On its way into the warm pool.
        WarmedPending = "Warmed:Pending",
        /// Held by a launch hook on its way into the warm pool.
        WarmedPendingWait = "Warmed:Pending:Wait",
        /// Let go by the launch hooks on its way into the warm pool.
        WarmedPendingProceed = "Warmed:Pending:Proceed",
        /// Kept, though a launch hook on its way into the warm pool was abandoned.
        WarmedPendingRetained = "Warmed:Pending:Retained",
        /// Leaving the warm pool for good.
        WarmedTerminating = "Warmed:Terminating",
        /// Held by a termination hook on its way out of the warm pool.
        WarmedTerminatingWait = "Warmed:Terminating:Wait",
        /// Let go by the termination hooks on its way out of the warm pool.
        WarmedTerminatingProceed = "Warmed:Terminating:Proceed",
        /// Kept, though a termination hook on its way out of the warm pool was abandoned.
        WarmedTerminatingRetained = "Warmed:Terminating:Retained",
        /// Gone from the warm pool.
        WarmedTerminated = "Warmed:Terminated",
        /// Off, in the warm pool.
        WarmedStopped = "Warmed:Stopped",
        /// Running, in the warm pool.
        WarmedRunning = "Warmed:Running",
        /// Hibernated, in the warm pool.
        WarmedHibernated = "Warmed:Hibernated",
    }

    /// Health of an instance, as its group sees it.
    HealthStatus {
        /// Healthy.
        Healthy = "Healthy",
        /// To be replaced.
        Unhealthy = "Unhealthy",
    }

    /// Status of a scaling activity, as `DescribeScalingActivities` spells it. Those on the way that matter to nobody here
    /// are not listed.
    ActivityStatus {
        /// Under way.
        InProgress = "InProgress",
        /// Done.
        Successful = "Successful",
        /// Failed.
        Failed = "Failed",
        /// Given up.
        Cancelled = "Cancelled",
    }

    /// State of a volume, as `DescribeVolumes` spells it.
    VolumeState {
        /// Being created.
        Creating = "creating",
        /// Attached to nothing.
        Available = "available",
        /// Attached.
        InUse = "in-use",
        /// Being deleted.
        Deleting = "deleting",
        /// Gone.
        Deleted = "deleted",
        /// Failed.
        Error = "error",
    }

    /// State of a volume's attachment, as `DescribeVolumes` spells it.
    AttachmentState {
        /// Being attached.
        Attaching = "attaching",
        /// Attached.
        Attached = "attached",
        /// Being detached.
        Detaching = "detaching",
        /// Detached.
        Detached = "detached",
        /// To be detached, and still mounted.
        Busy = "busy",
    }

    /// State of a modification of a volume, as `DescribeVolumesModifications` spells it.
    ModificationState {
        /// The volume does not have its new values yet.
        Modifying = "modifying",
        /// The volume has its new values, and does not perform by them yet.
        Optimizing = "optimizing",
        /// Done.
        Completed = "completed",
        /// Failed.
        Failed = "failed",
    }

    /// State of a snapshot, as `DescribeSnapshots` spells it.
    SnapshotState {
        /// Being taken.
        Pending = "pending",
        /// Complete.
        Completed = "completed",
        /// Failed.
        Error = "error",
        /// In the recycle bin.
        Recoverable = "recoverable",
        /// On its way out of the recycle bin.
        Recovering = "recovering",
    }

    /// Whether Systems Manager's agent is connected, as `DescribeInstanceInformation` spells it.
    AgentPing {
        /// Connected.
        Online = "Online",
        /// Not heard of for minutes.
        ConnectionLost = "ConnectionLost",
        /// Not heard of for longer.
        Inactive = "Inactive",
    }

    /// How a command of Run Command stands on an instance, as `GetCommandInvocation` spells it.
    CommandStatus {
        /// Not sent to the instance yet.
        Pending = "Pending",
        /// Sent, or under way.
        InProgress = "InProgress",
        /// Could not be sent yet, and is tried again.
        Delayed = "Delayed",
        /// Ended with status 0.
        Success = "Success",
        /// Ended because it was cancelled.
        Cancelled = "Cancelled",
        /// Could not be sent in time, or took longer than it may.
        TimedOut = "TimedOut",
        /// Ended with another status, or could not be run.
        Failed = "Failed",
        /// About to be cancelled.
        Cancelling = "Cancelling",
    }

    /// What EC2's application status checks make of an instance, as `DescribeApplicationStatus` spells it.
    ApplicationStatus {
        /// Every check passes.
        Ok = "ok",
        /// A check that counts has failed.
        Impaired = "impaired",
        /// A check has reached no threshold yet.
        Initializing = "initializing",
        /// A check cannot tell.
        InsufficientData = "insufficient-data",
        /// No check is about the instance.
        NotApplicable = "not-applicable",
        /// The checks do not count at the moment.
        Suppressed = "suppressed",
    }
}

impl CommandStatus {
    /// Whether the command may still be under way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Pending | Self::InProgress | Self::Delayed | Self::Cancelling
        )
    }
}

impl LifecycleState {
    /// Whether the instance is on its way into service.
    #[must_use]
    pub const fn is_coming(&self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::PendingProceed)
    }

    /// Whether the instance is on its way out of its group, or gone.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        matches!(
            self,
            Self::Terminating
                | Self::TerminatingWait
                | Self::TerminatingProceed
                | Self::TerminatingRetained
                | Self::Terminated
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Holds every known state and any word against the inversion, in print and in JSON.
    macro_rules! inverts {
        ($($name:ident),*) => {
            #[test]
            fn known_states_read_as_themselves() {
                $(for state in $name::KNOWN {
                    assert_eq!($name::from(state.as_str()), *state);
                    assert!(!matches!(state, $name::Other(_)));
                })*
            }

            proptest! {
                #[test]
                fn any_word_prints_as_it_was_read(word in "[A-Za-z:-]{0,20}|pending|Pending:Wait|in-use|ok") {
                    $(
                        let state: $name = word.parse().unwrap();
                        prop_assert_eq!(state.to_string(), word.clone());
                        prop_assert_eq!(state.to_string().parse::<$name>().unwrap(), state.clone());
                        let json = serde_json::to_string(&state).unwrap();
                        prop_assert_eq!(&json, &serde_json::to_string(&word).unwrap());
                        prop_assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), state);
                    )*
                }
            }
        };
    }

    inverts!(
        InstanceState,
        LifecycleState,
        HealthStatus,
        ActivityStatus,
        VolumeState,
        AttachmentState,
        ModificationState,
        SnapshotState,
        AgentPing,
        CommandStatus,
        ApplicationStatus
    );
}
