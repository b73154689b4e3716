//! What keeps a stack from serving or from healing, each with what mends it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The stack does not serve.
    Down,
    /// It may serve, and would not come back by itself if its instance were lost now.
    CannotHeal,
    /// It serves and heals; its data are not kept beside it as the spec says.
    Unprotected,
    /// It serves and heals; its instance is older than what a replacement would be, its certificate late, or its filesystem smaller
    /// than its volume.
    Outdated,
    /// It serves and heals; somebody who is to be told when something happens is not.
    Unheard,
}

/// Declares the findings in one table, worst first: the variant, its word, its severity.
macro_rules! findings {
    ($($(#[$doc:meta])* $code:ident = $word:literal, $severity:ident;)*) => {
        /// What can be wrong with a stack, the worst first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum FindingCode {
            $($(#[$doc])* #[serde(rename = $word)] $code,)*
        }

        impl FindingCode {
            /// Every code there is, the worst first.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// A stable word for scripts, as JSON spells it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }

            /// How much it matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }
        }
    };
}

findings! {
    /// Nothing of the stack exists that could serve.
    StackMissing = "stack-missing", Down;
    /// There is no Auto Scaling group.
    GroupMissing = "group-missing", Down;
    /// The group does not bear the stack's tags.
    GroupForeign = "group-foreign", Down;
    /// The group is being deleted.
    GroupDeleting = "group-deleting", Down;
    /// The group is to have no instance, and the stack does not sleep.
    DesiredZero = "desired-zero", Down;
    /// The group tries to launch an instance, and AWS refuses.
    LaunchFailing = "launch-failing", Down;
    /// The group has no instance.
    InstanceMissing = "instance-missing", Down;
    /// The instance is not in service, or not healthy.
    InstanceNotInService = "instance-not-in-service", Down;
    /// The instance does not run.
    InstanceNotRunning = "instance-not-running", Down;
    /// A restore was cut off while the stack was stopped.
    RestoreUnfinished = "restore-unfinished", Down;
    /// The data volume is in the state `error`.
    VolumeFailed = "volume-failed", Down;
    /// The stack has no data volume, though its spec has one.
    VolumeMissing = "volume-missing", Down;
    /// The data volume is not at the instance.
    VolumeElsewhere = "volume-elsewhere", Down;
    /// The stack has no Elastic IP.
    AddressMissing = "address-missing", Down;
    /// The Elastic IP is not at the instance.
    AddressElsewhere = "address-elsewhere", Down;
    /// AWS's application status check finds the instance impaired.
    CheckImpaired = "check-impaired", Down;
    /// The DNS name does not point at the address.
    NameElsewhere = "name-elsewhere", Down;
    /// The certificate has expired, so that visitors are turned away.
    CertificateExpired = "certificate-expired", Down;
    /// The stack has parked itself.
    Parked = "parked", CannotHeal;
    /// An apply was cut off while it replaced the instance.
    ReplacementUnfinished = "replacement-unfinished", CannotHeal;
    /// Processes of the group are suspended.
    Suspended = "suspended", CannotHeal;
    /// The group is to have more than one instance.
    DesiredMany = "desired-many", CannotHeal;
    /// The group's launch template does not exist.
    TemplateMissing = "template-missing", CannotHeal;
    /// The group uses another launch template than the stack's.
    TemplateElsewhere = "template-elsewhere", CannotHeal;
    /// The instance role does not exist.
    RoleMissing = "role-missing", CannotHeal;
    /// EC2 may not assume the role, or somebody else may.
    TrustChanged = "trust-changed", CannotHeal;
    /// The role has no policy of ours.
    RolePolicyMissing = "role-policy-missing", CannotHeal;
    /// The role's policy was changed.
    RolePolicyChanged = "role-policy-changed", CannotHeal;
    /// The instance profile does not exist.
    ProfileMissing = "profile-missing", CannotHeal;
    /// The instance profile holds another role, or none.
    ProfileChanged = "profile-changed", CannotHeal;
    /// A lifecycle hook does not exist.
    HookMissing = "hook-missing", CannotHeal;
    /// A lifecycle hook was changed.
    HookChanged = "hook-changed", CannotHeal;
    /// The security group lets no request out to AWS.
    EgressClosed = "egress-closed", CannotHeal;
    /// Data Lifecycle Manager takes no snapshots of the data volume, though it is to.
    SnapshotsStopped = "snapshots-stopped", Unprotected;
    /// The last snapshot of the data volume is older than twice the interval.
    SnapshotsLate = "snapshots-late", Unprotected;
    /// The instance was launched from an older version than the group launches now.
    VersionBehind = "version-behind", Outdated;
    /// The certificate should have been renewed long ago.
    CertificateExpiring = "certificate-expiring", Outdated;
    /// There is no certificate for all names, and one cannot be had.
    CertificateMissing = "certificate-missing", Outdated;
    /// The data volume has grown, and its filesystem has not.
    FilesystemBehind = "filesystem-behind", Outdated;
    /// The topic does not exist, or the group does not tell it what it does.
    NotificationsMissing = "notifications-missing", Unheard;
    /// Somebody who is to be told has not confirmed a subscription, or has ended it.
    SubscriptionPending = "subscription-pending", Unheard;
}

/// One thing that is wrong with a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Finding {
    /// What it is: a stable word for scripts.
    pub code: FindingCode,
    /// How much it matters.
    pub severity: Severity,
    /// What it is: a clause.
    pub message: String,
    /// What mends it: a clause.
    pub help: String,
}

impl Finding {
    /// A finding, with the severity of its code.
    pub(super) fn new(code: FindingCode, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
