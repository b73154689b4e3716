//! What identifies a step, and the facts about each kind of step.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::world::Part;

/// The class of a step's call: it decides after which failures the call may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatClass {
    /// It makes something new: it is repeated only after a failure that certainly had no effect.
    Create,
    /// It names something that this run may have just made, or that something else may still depend on: it is repeated also
    /// where AWS does not know the id yet, or says that it is in use.
    Change,
    /// It deletes a volume, which its terminated instance may hold for minutes: it is repeated for longer than the others.
    VolumeRemoval,
}

/// Identifies a step, within a plan and in the later plans of the same run: by its kind and its target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StepId {
    /// Its kind.
    pub kind: StepKind,
    /// The name or id of the resource that it changes; `None` where it is not known before the step runs.
    pub target: Option<String>,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// Declares the kinds of steps in one table. The columns:
///
/// 1. the variant;
/// 2. its code in JSON;
/// 3. the IAM action that its call needs;
/// 4. the noun that people read;
/// 5. the [`Part`] of the world that is read to learn whether the call took effect;
/// 6. the [`RepeatClass`] of its call;
/// 7. its flags, the fields of [`Flags`].
macro_rules! steps {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $action:literal, $subject:literal, $part:ident, $repeat:ident,
        [$($flag:ident),*];)*) => {
        /// The kind of a step: what its call does to what.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum StepKind {
            $($(#[$doc])* #[serde(rename = $code)] $kind,)*
        }

        impl StepKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Returns the code in JSON: a stable word for scripts.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// Returns the IAM action that the step's call needs.
            #[must_use]
            pub const fn iam_action(self) -> &'static str {
                match self { $(Self::$kind => $action,)* }
            }

            /// Returns the noun that people read, such as `Elastic IP`.
            #[must_use]
            pub const fn subject(self) -> &'static str {
                match self { $(Self::$kind => $subject,)* }
            }

            /// Returns the part of the world that is read to learn whether the step took effect.
            #[must_use]
            pub const fn part(self) -> Part {
                match self { $(Self::$kind => Part::$part,)* }
            }

            /// Returns the class that decides after which failures the step's call may be made again.
            #[must_use]
            pub const fn repeat(self) -> RepeatClass {
                match self { $(Self::$kind => RepeatClass::$repeat,)* }
            }

            #[expect(clippy::needless_update, reason = "one kind sets every flag, and the rest rely on the update")]
            const fn flags(self) -> Flags {
                match self { $(Self::$kind => Flags { $($flag: true,)* ..Flags::NONE },)* }
            }

            /// Whether the step removes something. A removal of what is gone already counts as done.
            #[must_use]
            pub const fn is_removal(self) -> bool {
                self.flags().removes
            }

            /// Whether the step is about the DNS record alone, which nothing else of the stack needs: if it fails, the other
            /// steps run all the same, and its failure is reported at the end.
            #[must_use]
            pub const fn is_for_name(self) -> bool {
                self.flags().name_alone
            }
        }
    };
}

/// Facts that hold for some kinds of steps.
#[derive(Clone, Copy)]
struct Flags {
    /// It removes something: see [`StepKind::is_removal`].
    removes: bool,
    /// It is about the DNS record alone: see [`StepKind::is_for_name`].
    name_alone: bool,
}

impl Flags {
    const NONE: Self = Self {
        removes: false,
        name_alone: false,
    };
}

steps! {
    /// Allocates the Elastic IP.
    AllocateAddress = "allocate-address", "ec2:AllocateAddress", "Elastic IP", Addresses, Create, [];
    /// Puts the stack's tags on an adopted address.
    TagAddress = "tag-address", "ec2:CreateTags", "Elastic IP", Addresses, Change, [];
    /// Creates the data volume.
    CreateVolume = "create-volume", "ec2:CreateVolume", "data volume", Volumes, Create, [];
    /// Puts the stack's tags on an adopted data volume, or back on its own.
    TagVolume = "tag-volume", "ec2:CreateTags", "data volume", Volumes, Change, [];
    /// Marks the data volume as one of which snapshots are taken by schedule, or as none any more.
    MarkForSnapshots = "mark-for-snapshots", "ec2:CreateTags", "data volume's mark", Volumes, Change, [];
    /// Changes size, type, IOPS or throughput of the data volume.
    ModifyVolume = "modify-volume", "ec2:ModifyVolume", "data volume", Volumes, Change, [];
    /// Creates the security group.
    CreateSecurityGroup = "create-security-group", "ec2:CreateSecurityGroup", "security group", SecurityGroups, Create, [];
    /// Opens ports.
    AuthorizeIngress = "authorize-ingress", "ec2:AuthorizeSecurityGroupIngress", "ingress rules", SecurityGroups, Change, [];
    /// Closes ports.
    RevokeIngress = "revoke-ingress", "ec2:RevokeSecurityGroupIngress", "ingress rules", SecurityGroups, Change, [removes];
    /// Creates the instance role.
    CreateRole = "create-role", "iam:CreateRole", "IAM role", Role, Create, [];
    /// Replaces the role's trust policy.
    UpdateTrustPolicy = "update-trust-policy", "iam:UpdateAssumeRolePolicy", "trust policy", Role, Change, [];
    /// Sets the role's permissions boundary.
    PutPermissionsBoundary = "put-permissions-boundary", "iam:PutRolePermissionsBoundary",
        "permissions boundary", Role, Change, [];
    /// Takes the role's permissions boundary away.
    DeletePermissionsBoundary = "delete-permissions-boundary", "iam:DeleteRolePermissionsBoundary",
        "permissions boundary", Role, Change, [removes];
    /// Writes the inline policy with what the instance needs in order to heal.
    PutRolePolicy = "put-role-policy", "iam:PutRolePolicy", "role policy", RolePolicy, Change, [];
    /// Writes the inline policy with what the app needs.
    PutAppPolicy = "put-app-policy", "iam:PutRolePolicy", "app policy", AppPolicy, Change, [];
    /// Creates the instance profile.
    CreateInstanceProfile = "create-instance-profile", "iam:CreateInstanceProfile", "instance profile", Profile, Create, [];
    /// Puts the role into the profile.
    AddRoleToProfile = "add-role-to-profile", "iam:AddRoleToInstanceProfile", "role in profile", Profile, Change, [];
    /// Creates the launch template with its first version.
    CreateLaunchTemplate = "create-launch-template", "ec2:CreateLaunchTemplate",
        "launch template", LaunchTemplate, Change, [];
    /// Adds a version to the launch template.
    CreateTemplateVersion = "create-template-version", "ec2:CreateLaunchTemplateVersion",
        "launch template version", LaunchTemplate, Change, [];
    /// Creates EC2's application status check.
    CreateApplicationStatusCheck = "create-application-status-check", "ec2:CreateApplicationStatusCheck",
        "application check", ApplicationChecks, Create, [];
    /// Associates the application status check with the tag of the stack's instances.
    AssociateApplicationStatusCheck = "associate-application-status-check", "ec2:AssociateApplicationStatusCheck",
        "application check's instances", ApplicationChecks, Change, [];
    /// Changes what the application status check asks.
    ModifyApplicationStatusCheck = "modify-application-status-check", "ec2:ModifyApplicationStatusCheck",
        "application check", ApplicationChecks, Change, [];
    /// Deletes the application status check.
    DeleteApplicationStatusCheck = "delete-application-status-check", "ec2:DeleteApplicationStatusCheck",
        "application check", ApplicationChecks, Change, [removes];
    /// Creates the log group.
    CreateLogGroup = "create-log-group", "logs:CreateLogGroup", "log group", LogGroup, Change, [];
    /// Sets for how long the log group keeps what was logged.
    PutRetentionPolicy = "put-retention-policy", "logs:PutRetentionPolicy", "retention of logs", LogGroup, Change, [];
    /// Deletes the log group.
    DeleteLogGroup = "delete-log-group", "logs:DeleteLogGroup", "log group", LogGroup, Change, [removes];
    /// Creates the role under which Data Lifecycle Manager takes snapshots.
    CreateSnapshotRole = "create-snapshot-role", "iam:CreateRole", "IAM role of snapshots", SnapshotRole, Create, [];
    /// Replaces that role's trust policy.
    UpdateSnapshotTrust = "update-snapshot-trust", "iam:UpdateAssumeRolePolicy",
        "trust policy of snapshots", SnapshotRole, Change, [];
    /// Sets that role's permissions boundary.
    BoundSnapshotRole = "bound-snapshot-role", "iam:PutRolePermissionsBoundary",
        "permissions boundary of snapshots", SnapshotRole, Change, [];
    /// Takes that role's permissions boundary away.
    UnboundSnapshotRole = "unbound-snapshot-role", "iam:DeleteRolePermissionsBoundary",
        "permissions boundary of snapshots", SnapshotRole, Change, [removes];
    /// Writes that role's inline policy.
    PutSnapshotPolicy = "put-snapshot-policy", "iam:PutRolePolicy", "policy of snapshots", SnapshotRole, Change, [];
    /// Deletes that role's inline policy.
    DeleteSnapshotPolicy = "delete-snapshot-policy", "iam:DeleteRolePolicy",
        "policy of snapshots", SnapshotRole, Change, [removes];
    /// Deletes the role.
    DeleteSnapshotRole = "delete-snapshot-role", "iam:DeleteRole", "IAM role of snapshots", SnapshotRole, Change, [removes];
    /// Creates the lifecycle policy that takes snapshots of the data volume.
    CreateLifecyclePolicy = "create-lifecycle-policy", "dlm:CreateLifecyclePolicy",
        "lifecycle policy", LifecyclePolicies, Create, [];
    /// Changes when the lifecycle policy takes snapshots, and for how long it keeps them.
    UpdateLifecyclePolicy = "update-lifecycle-policy", "dlm:UpdateLifecyclePolicy",
        "lifecycle policy", LifecyclePolicies, Change, [];
    /// Deletes the lifecycle policy.
    DeleteLifecyclePolicy = "delete-lifecycle-policy", "dlm:DeleteLifecyclePolicy",
        "lifecycle policy", LifecyclePolicies, Change, [removes];
    /// Creates the SNS topic.
    CreateTopic = "create-topic", "sns:CreateTopic", "SNS topic", Topic, Change, [];
    /// Asks somebody to confirm that he wants the topic's messages.
    Subscribe = "subscribe", "sns:Subscribe", "subscription", Topic, Change, [];
    /// Ends a subscription.
    Unsubscribe = "unsubscribe", "sns:Unsubscribe", "subscription", Topic, Change, [removes];
    /// Deletes the SNS topic, with its subscriptions.
    DeleteTopic = "delete-topic", "sns:DeleteTopic", "SNS topic", Topic, Change, [removes];
    /// Says of what the group tells a topic.
    PutNotificationConfiguration = "put-notification-configuration", "autoscaling:PutNotificationConfiguration",
        "notifications of the group", Notifications, Change, [];
    /// Ends what the group tells a topic.
    DeleteNotificationConfiguration = "delete-notification-configuration", "autoscaling:DeleteNotificationConfiguration",
        "notifications of the group", Notifications, Change, [removes];
    /// Writes a part of what does not fit into user data.
    PutBundle = "put-bundle", "ssm:PutParameter", "part of the bundle", Bundle, Change, [];
    /// Deletes parts of what did not fit into user data.
    DeleteBundle = "delete-bundle", "ssm:DeleteParameters", "parts of bundles", Bundle, Change, [removes];
    /// Creates the Auto Scaling group.
    CreateGroup = "create-group", "autoscaling:CreateAutoScalingGroup", "Auto Scaling group", Group, Change, [];
    /// Updates the group: the pinned version, sizes, the subnet, the health check.
    UpdateGroup = "update-group", "autoscaling:UpdateAutoScalingGroup", "Auto Scaling group", Group, Change, [];
    /// Lets the group have no instance, and changes nothing else of it.
    SetMinSize = "set-min-size", "autoscaling:UpdateAutoScalingGroup", "minimum size", Group, Change, [];
    /// Puts the stack to sleep, or wakes it.
    SetDesiredCapacity = "set-desired-capacity", "autoscaling:SetDesiredCapacity", "desired capacity", Group, Change, [];
    /// Keeps the schedule from waking the stack.
    SuspendSchedule = "suspend-schedule", "autoscaling:SuspendProcesses", "schedule", Group, Change, [];
    /// Lets the schedule act again.
    ResumeSchedule = "resume-schedule", "autoscaling:ResumeProcesses", "schedule", Group, Change, [];
    /// Keeps the group from launching an instance beside the one that is to be replaced.
    SuspendLaunches = "suspend-launches", "autoscaling:SuspendProcesses", "launches", Group, Change, [];
    /// Terminates the instance, so that another takes its place.
    ReplaceInstance = "replace-instance", "autoscaling:TerminateInstanceInAutoScalingGroup",
        "instance", Group, Change, [removes];
    /// Lets the group launch the instance that takes the place.
    ResumeLaunches = "resume-launches", "autoscaling:ResumeProcesses", "launches", Group, Change, [];
    /// Writes a scheduled action.
    PutScheduledAction = "put-scheduled-action", "autoscaling:PutScheduledUpdateGroupAction",
        "scheduled action", ScheduledActions, Change, [];
    /// Deletes a scheduled action.
    DeleteScheduledAction = "delete-scheduled-action", "autoscaling:DeleteScheduledAction",
        "scheduled action", ScheduledActions, Change, [removes];
    /// Writes the launch hook.
    PutLaunchHook = "put-launch-hook", "autoscaling:PutLifecycleHook", "launch hook", Hooks, Change, [];
    /// Writes the terminate hook.
    PutTerminateHook = "put-terminate-hook", "autoscaling:PutLifecycleHook", "terminate hook", Hooks, Change, [];
    /// Writes the A record.
    UpsertRecord = "upsert-record", "route53:ChangeResourceRecordSets", "DNS record", Dns, Change, [name_alone];
    /// Notes the A record in the tags of the address, before the record is written.
    RememberRecord = "remember-record", "ec2:CreateTags", "note of the DNS record", Addresses, Change, [name_alone];
    /// Deletes an A record that the stack wrote and that the spec no longer names.
    DeleteFormerRecord = "delete-former-record", "route53:ChangeResourceRecordSets",
        "former DNS record", Addresses, Change, [removes, name_alone];
    /// Deletes the A record.
    DeleteRecord = "delete-record", "route53:ChangeResourceRecordSets", "DNS record", Dns, Change, [removes, name_alone];
    /// Deletes the group and its instance.
    DeleteGroup = "delete-group", "autoscaling:DeleteAutoScalingGroup", "Auto Scaling group", Group, Change, [removes];
    /// Deletes the launch template.
    DeleteLaunchTemplate = "delete-launch-template", "ec2:DeleteLaunchTemplate",
        "launch template", LaunchTemplate, Change, [removes];
    /// Deletes the security group.
    DeleteSecurityGroup = "delete-security-group", "ec2:DeleteSecurityGroup",
        "security group", SecurityGroups, Change, [removes];
    /// Takes the role out of the profile.
    RemoveRoleFromProfile = "remove-role-from-profile", "iam:RemoveRoleFromInstanceProfile",
        "role in profile", Profile, Change, [removes];
    /// Deletes the instance profile.
    DeleteInstanceProfile = "delete-instance-profile", "iam:DeleteInstanceProfile",
        "instance profile", Profile, Change, [removes];
    /// Deletes the inline policy with what the app needed.
    DeleteAppPolicy = "delete-app-policy", "iam:DeleteRolePolicy", "app policy", AppPolicy, Change, [removes];
    /// Deletes the inline policy with what the instance needed in order to heal.
    DeleteRolePolicy = "delete-role-policy", "iam:DeleteRolePolicy", "role policy", RolePolicy, Change, [removes];
    /// Deletes the role.
    DeleteRole = "delete-role", "iam:DeleteRole", "IAM role", Role, Change, [removes];
    /// Disassociates the address from the instance or network interface that it is associated with.
    DisassociateAddress = "disassociate-address", "ec2:DisassociateAddress",
        "address association", Addresses, Change, [removes];
    /// Releases the address.
    ReleaseAddress = "release-address", "ec2:ReleaseAddress", "Elastic IP", Addresses, Change, [removes];
    /// Takes a last snapshot of the data volume.
    CreateSnapshot = "create-snapshot", "ec2:CreateSnapshot", "snapshot", Snapshots, Change, [];
    /// Makes a volume of a snapshot, which is to take the place of the data volume.
    RestoreVolume = "restore-volume", "ec2:CreateVolume", "volume of a snapshot", Volumes, Create, [];
    /// Copies the data volume.
    CopyVolume = "copy-volume", "ec2:CopyVolumes", "copy of the data volume", Volumes, Create, [];
    /// Marks a volume that is there as the one that is to take the place of the data volume.
    MarkVolume = "mark-volume", "ec2:CreateTags", "volume to go back to", Volumes, Change, [];
    /// Stops the instance, so that its data volume can be changed.
    StopServing = "stop-serving", "autoscaling:SetDesiredCapacity", "instance", Group, Change, [];
    /// Names another volume the data volume.
    SwitchVolume = "switch-volume", "ec2:CreateTags", "data volume", Volumes, Change, [];
    /// Says that a volume is the data volume no more.
    SetVolumeAside = "set-volume-aside", "ec2:CreateTags", "previous data volume", Volumes, Change, [];
    /// Starts an instance again, with the other data volume.
    StartServing = "start-serving", "autoscaling:SetDesiredCapacity", "instance", Group, Change, [];
    /// Marks a restore as finished.
    FinishRestore = "finish-restore", "ec2:CreateTags", "end of the restore", Volumes, Change, [];
    /// Deletes the data volume.
    DeleteVolume = "delete-volume", "ec2:DeleteVolume", "data volume", Volumes, VolumeRemoval, [removes];
    /// Resumes the group's suspended processes.
    ResumeProcesses = "resume-processes", "autoscaling:ResumeProcesses", "suspended processes", Group, Change, [];
    /// Removes from the group the tags that mark the stack as parked.
    ClearParked = "clear-parked", "autoscaling:DeleteTags", "parked mark", Group, Change, [];
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject())
    }
}
