//! Names and tags: how a stack is found again without a state file.
//!
//! Everything derives from the stack's name and region, so that a laptop, a CI job and a colleague all see the same
//! thing. A resource that bears our name without our tag is somebody else's.

use std::collections::BTreeMap;

use crate::spec::Spec;

/// Tag key that holds the stack's name, on every resource that can be tagged.
pub const TAG_STACK: &str = "selfheal:stack";
/// Tag key that holds what the resource is to the stack, one of [`ResourceKind`].
pub const TAG_ROLE: &str = "selfheal:role";
/// Tag key that holds the form in which the resource was written: [`SCHEMA`] of the version that created it.
///
/// It is on everything that is created, so that a version which does not know the form leaves the stack alone. Without
/// the tag the form is the first.
pub const TAG_SCHEMA: &str = "selfheal:schema";
/// The form in which this version writes a stack. It grows when an older version could do harm to what this one writes.
pub const SCHEMA: u32 = 1;
/// Tag key on the stack's Elastic IP that holds the name of the DNS record which the stack writes; empty where there is
/// none any more.
///
/// It is there before the record is, so that a record is found again after the spec has ceased to name it.
pub const TAG_RECORD: &str = "selfheal:record";
/// Tag key beside [`TAG_RECORD`] that holds the id of the record's hosted zone: both would not fit into one value.
pub const TAG_RECORD_ZONE: &str = "selfheal:record-zone";
/// Tag key on a data volume that this tool created and that nothing has formatted yet.
///
/// The boot program formats a volume only while this tag is there, and removes it once the filesystem is on disk.
pub const TAG_FIRST_USE: &str = "selfheal:first-use";
/// Tag key on the data volume that names the stack whose lifecycle policy takes snapshots of it; empty where none does any
/// more.
///
/// It is there before the policy is, and until the policy and its role are gone: so both are found after the spec has ceased
/// to ask for them. No other volume bears it, because the policy takes snapshots of all that do.
pub const TAG_SNAPSHOTS: &str = "selfheal:snapshots";
/// Tag key on a data volume that says which filesystem it is formatted with.
pub const TAG_FILESYSTEM: &str = "selfheal:filesystem";
/// Tag key on a data volume that names the customer's key by which this tool encrypted it, where the account chose the key
/// and not the spec: what AWS tells of a volume does not part its own key from a customer's.
pub const TAG_KEY: &str = "selfheal:kms-key";
/// Tag key on the snapshot that `destroy --delete-data` takes once nothing writes any more. Its value is the time at which
/// that run began to read the stack, by which the run knows its own again after a lost answer.
pub const TAG_FINAL: &str = "selfheal:final";
/// Tag key on the snapshot that `restore` takes of the volume whose place another takes. Its value is the id of that other
/// volume, by which a run that was cut off finds it again.
pub const TAG_BEFORE_RESTORE: &str = "selfheal:before-restore";
/// Tag key on a snapshot that somebody asked for. Its value is the time at which that run began to read the stack, by which
/// the run knows its own again after a lost answer.
pub const TAG_BY_HAND: &str = "selfheal:by-hand";
/// Tag key on a volume that takes the place of the stack's data volume, or has taken it: `awake` or `asleep` while that is
/// under way, which is what the stack is to be afterwards, and `done` from then on.
pub const TAG_RESTORE: &str = "selfheal:restore";
/// Tag key beside [`TAG_RESTORE`] that says what the volume was made of: the id of a snapshot, or of the volume itself where
/// it was there before.
pub const TAG_RESTORED_FROM: &str = "selfheal:restored-from";
/// Tag key beside [`TAG_RESTORE`] that names the data volume whose place it takes; empty where that is lost.
pub const TAG_REPLACES: &str = "selfheal:replaces";
/// Tag key on an instance that says which stack's application status check AWS is to ask it.
///
/// A version of the launch template that sets it also says that there may be a check, which is how one is found after the
/// spec has ceased to ask for it.
pub const TAG_APPLICATION_CHECK: &str = "selfheal:application-check";
/// Tag key on the group that counts replacements in a row that never became healthy.
pub const TAG_FAILED_BOOTS: &str = "selfheal:failed-boots";
/// Tag key on the group that says since when and why the stack parked itself.
pub const TAG_PARKED: &str = "selfheal:parked";
/// Tag key on the group that holds time, instance and reason of the last failure.
pub const TAG_LAST_ERROR: &str = "selfheal:last-error";
/// Tag key on the group that holds the end of the log of the last failure: 250 characters, lines parted by ` / `.
pub const TAG_LAST_LOG: &str = "selfheal:last-log";
/// Tag key on the group that counts repairs in place: their number, then of the last one the seconds since the first failed
/// probe, or since the start of a machine that had not shut down, the time, the instance and the reason.
pub const TAG_REPAIRS: &str = "selfheal:repairs";
/// Tag key on the group that names the data volume which a boot has proven blank and begun to format.
///
/// Together with [`TAG_FIRST_USE`] on that volume it says that nothing but mkfs has written to it, so that a formatting
/// that was cut short is done again.
pub const TAG_FORMATTING: &str = "selfheal:formatting";
/// Tag key on the group that says which volume's filesystem has come to which size: the volume, `GiB` and their number, and
/// `failed` where it could not be grown to that.
pub const TAG_GROWN: &str = "selfheal:grown";
/// Tag key on the group that says which versions of the app's configuration its instance has: the path, then `NAME=VERSION`
/// for each parameter, or their digest where a tag has no room for them.
pub const TAG_CONFIG: &str = "selfheal:config";
/// Tag key on the group that says how the instance's certificate is: see [`CertificateStatus`](crate::status::CertificateStatus).
pub const TAG_TLS: &str = "selfheal:tls";
/// IAM path of everything that the tool creates in IAM.
pub const IAM_PATH: &str = "/selfheal/";
/// Name of the inline policy of the instance role that lets it heal.
pub const POLICY_NAME: &str = "selfheal";
/// Name of the inline policy of the instance role that holds what the app needs for itself.
pub const APP_POLICY_NAME: &str = "selfheal-app";
/// Identifier of the statement of [`POLICY_NAME`] that says that [`APP_POLICY_NAME`] is, or is to be, beside it.
///
/// It is how the app's policy is found after the spec has ceased to name one, without a call that every other stack would
/// make as well. What a statement is called changes nothing of what it allows.
pub const SID_BESIDE_APP: &str = "LookBesideApp";
/// Name of the lifecycle hook that holds a new instance until its boot program is done.
pub const LAUNCH_HOOK: &str = "selfheal-launch";

/// Name of the lifecycle hook that lets an instance stop its app and give its volume back before it is terminated.
pub const TERMINATE_HOOK: &str = "selfheal-terminate";

/// Name of the scheduled action that puts the stack to sleep.
pub const STOP_ACTION: &str = "selfheal-stop";

/// Name of the scheduled action that wakes the stack.
pub const START_ACTION: &str = "selfheal-start";

/// Name of the scheduled action that wakes the stack once, after `sleep --for`.
pub const WAKE_ACTION: &str = "selfheal-wake";

/// Tags, sorted by key.
pub type Tags = BTreeMap<String, String>;

/// What a resource is to its stack: the value of [`TAG_ROLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// The Elastic IP.
    Address,
    /// The data volume.
    Volume,
    /// The IAM role of the instance.
    Role,
    /// The instance profile.
    Profile,
    /// The security group made from `ingress`.
    SecurityGroup,
    /// The launch template.
    LaunchTemplate,
    /// The Auto Scaling group.
    Group,
    /// The instance itself.
    Instance,
    /// The instance's root volume.
    RootVolume,
    /// The instance's network interface.
    NetworkInterface,
    /// A volume that is to take the place of the data volume.
    RestoringVolume,
    /// A volume that was the data volume until another one took its place.
    PreviousVolume,
    /// A copy of the data volume, which nothing of the stack uses.
    VolumeCopy,
    /// A volume that a drill makes of a snapshot, and takes away again.
    DrillCopy,
    /// A snapshot of the data volume.
    Snapshot,
    /// EC2's application status check of the instance.
    ApplicationCheck,
    /// The log group.
    LogGroup,
    /// The lifecycle policy that takes snapshots of the data volume.
    LifecyclePolicy,
    /// The IAM role of that policy.
    SnapshotRole,
    /// The SNS topic.
    Topic,
}

impl ResourceKind {
    /// The tag's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Volume => "volume",
            Self::Role => "role",
            Self::Profile => "profile",
            Self::SecurityGroup => "security-group",
            Self::LaunchTemplate => "launch-template",
            Self::Group => "group",
            Self::Instance => selfheal_policy::ROLE_INSTANCE,
            Self::RootVolume => "root-volume",
            Self::NetworkInterface => "network-interface",
            Self::RestoringVolume => "restoring-volume",
            Self::PreviousVolume => "previous-volume",
            Self::VolumeCopy => "volume-copy",
            Self::DrillCopy => selfheal_policy::ROLE_DRILL_COPY,
            Self::Snapshot => "snapshot",
            Self::ApplicationCheck => "application-check",
            Self::LogGroup => "log-group",
            Self::LifecyclePolicy => "lifecycle-policy",
            Self::SnapshotRole => "snapshot-role",
            Self::Topic => "topic",
        }
    }
}

/// The names that derive from a stack's name and region.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// The stack.
    pub stack: String,
    /// Launch template.
    pub launch_template: String,
    /// Auto Scaling group.
    pub group: String,
    /// Security group.
    pub security_group: String,
    /// IAM role. IAM is global, so the region is part of the name.
    pub role: String,
    /// IAM role of the lifecycle policy, under which Data Lifecycle Manager takes snapshots.
    pub snapshot_role: String,
    /// Instance profile.
    pub profile: String,
    /// Log group.
    pub log_group: String,
    /// SNS topic.
    pub topic: String,
    /// Path of the parameters that hold what does not fit into user data.
    pub bundle: String,
}

impl Names {
    /// Derives the names of a stack.
    #[must_use]
    pub fn new(stack: &str, region: &str) -> Self {
        let regional = format!("selfheal-{stack}");
        let global = format!("selfheal-{stack}-{region}");
        Self {
            stack: stack.to_owned(),
            launch_template: regional.clone(),
            group: regional.clone(),
            security_group: regional.clone(),
            topic: regional,
            role: global.clone(),
            snapshot_role: selfheal_policy::snapshot_role_name(stack, region),
            profile: global,
            log_group: format!("/selfheal/{stack}"),
            bundle: format!("/selfheal/{stack}/bundle"),
        }
    }

    /// The names of the stack that a spec describes.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        Self::new(&spec.name, &spec.region)
    }

    /// The tags of a resource of this stack; a `Name` is added for people to read.
    #[must_use]
    pub fn tags(&self, role: ResourceKind) -> Tags {
        Tags::from([
            ("Name".to_owned(), self.launch_template.clone()),
            (TAG_STACK.to_owned(), self.stack.clone()),
            (TAG_ROLE.to_owned(), role.as_str().to_owned()),
            (TAG_SCHEMA.to_owned(), SCHEMA.to_string()),
        ])
    }

    /// Whether these tags say that the resource belongs to this stack in this role.
    #[must_use]
    pub fn owns(&self, tags: &Tags, role: ResourceKind) -> bool {
        tags.get(TAG_STACK).is_some_and(|stack| *stack == self.stack)
            && tags.get(TAG_ROLE).is_some_and(|value| value == role.as_str())
    }
}
