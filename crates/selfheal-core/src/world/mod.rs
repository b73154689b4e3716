//! The world: what of a stack exists, as AWS tells it, and the calls that change it.
//!
//! One file a resource holds what is read of it, its mutating calls, and what an answer to each of them changes in what was
//! read. Every type is plain data in AWS's own terms. A backend fills [`Observed`]; the planner reads it and nothing else.

mod account;
mod address;
mod agent;
mod application_check;
mod bundle;
mod group;
mod instance_profile;
mod launch_template;
mod lifecycle_policy;
mod listing;
mod log_group;
mod notification;
mod record;
mod role;
mod scheduled_action;
mod security_group;
mod snapshot;
mod state;
mod tag;
mod text;
mod topic;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::ids::{
    AllocationId, AssociationId, HostedZoneId, ImageId, InstanceId, LaunchTemplateId, NetworkInterfaceId,
    SecurityGroupId, SnapshotId, SubnetId, VolumeId, VpcId,
};
pub use account::{DefaultRoute, Identity, Image, InstanceType, InstanceTypeDetails, RunningInstance, Subnet};
pub use address::{Address, AddressCall, AddressRun};
pub use agent::{Agent, Agents};
pub use application_check::{
    ApplicationCheck, ApplicationCheckCall, ApplicationCheckRun, ApplicationCheckSettings, CreateApplicationStatusCheck,
};
pub use bundle::{BundleCall, DELETED_AT_ONCE};
pub use group::{
    Activity, Group, GroupCall, GroupInstance, GroupSettings, Instance, LifecycleHook, MixedPolicy, REPLACING,
    SCHEDULED_ACTIONS,
};
pub use instance_profile::{InstanceProfile, InstanceProfileCall};
pub use launch_template::{LaunchTemplate, LaunchTemplateCall, RootVolume, TemplateData};
pub use lifecycle_policy::{LifecyclePolicy, LifecyclePolicyCall, LifecycleSettings};
pub use log_group::{LogGroup, LogGroupCall};
pub use notification::{NotificationCall, NotificationConfiguration};
pub use record::{ARecord, FormerRecord, HostedZone, RecordCall, RecordSet};
pub use role::{IamRole, RoleCall, RoleRun};
pub use scheduled_action::{ScheduledAction, ScheduledActionCall};
pub use security_group::{IngressRule, SecurityGroup, SecurityGroupCall};
pub use snapshot::{Snapshot, SnapshotCall, SnapshotRun};
pub use state::{
    ActivityStatus, AgentPing, ApplicationStatus, AttachmentState, CommandStatus, HealthStatus, InstanceState,
    LifecycleState, ModificationState, SnapshotState, Unlisted, VolumeState,
};
pub use tag::TagCall;
pub use text::{PolicyText, UserDataText};
pub use topic::{Subscription, Topic, TopicCall};
pub use volume::{
    Attachment, CopyVolume, CreateVolume, ModifyVolume, Volume, VolumeCall, VolumeModification, VolumeRun,
};

/// Everything that was read about one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// When the reading began.
    pub observed_at: Timestamp,
    /// Whose credentials are in use.
    pub identity: Identity,
    /// The image that the spec's reference resolves to; `None` when there is none.
    pub image: Option<Image>,
    /// The subnet named by the spec, or the default subnets of the default VPC.
    pub subnets: Vec<Subnet>,
    /// The spec's instance types, in its order. Read while no group of the stack launches them, and before a data volume is
    /// made.
    pub instance_types: Vec<InstanceType>,
    /// The way out of the spec's subnet. Read where the spec names one in which there is no group of the stack yet.
    pub default_route: Option<DefaultRoute>,
    /// The image of the launch template's latest version, where it is not the spec's, was looked for, and is gone.
    pub gone_image: Option<ImageId>,
    /// The customer's key by which the account encrypts volumes that name none, as EC2 tells it; `None` where it is AWS's
    /// own. Read before something is made that names none.
    pub default_key: Option<String>,
    /// The account's addresses in the Region, whosever they are.
    pub addresses: Vec<Address>,
    /// How many Elastic IPs the account may hold in the Region. Read where one has to be allocated and the account holds
    /// as many as AWS allows by default; `None` also where it may not be asked.
    pub address_quota: Option<u32>,
    /// Volumes that bear the stack's tags in the volume role, in any state but deleted.
    pub volumes: Vec<Volume>,
    /// Last modifications of volumes, by volume, where one was read; `None` where a volume never was modified.
    pub modifications: BTreeMap<VolumeId, Option<VolumeModification>>,
    /// The security group that bears our name, or those that the spec names.
    pub security_groups: Vec<SecurityGroup>,
    /// The launch template that bears our name, at its latest version.
    pub launch_template: Option<LaunchTemplate>,
    /// EC2's application status checks that bear the stack's tags. Read where the spec asks for one, and where the latest
    /// version of the launch template says that there may be one.
    pub application_checks: Vec<ApplicationCheck>,
    /// What EC2's application status checks make of the stack's instances, by instance. Read for status alone, where the
    /// spec asks for a check.
    pub application_status: BTreeMap<InstanceId, ApplicationStatus>,
    /// The Auto Scaling group that bears our name.
    pub group: Option<Group>,
    /// The group's lifecycle hooks.
    pub hooks: Vec<LifecycleHook>,
    /// The group's scheduled actions. Read where the spec has a schedule, and where the group's minimum tells that the stack
    /// may sleep.
    #[serde(default)]
    pub scheduled_actions: Vec<ScheduledAction>,
    /// The group's last scaling activities, the newest first. Read for status, and by whoever waits for an instance.
    pub activities: Vec<Activity>,
    /// The instance role that bears our name.
    pub role: Option<IamRole>,
    /// The role's inline policy of our name, as JSON.
    pub role_policy: Option<PolicyText>,
    /// The role's inline policy with what the app needs, as JSON. Read where the spec names one, and where the role's own
    /// policy says that there may be one.
    #[serde(default)]
    pub role_app_policy: Option<PolicyText>,
    /// Names of the role's inline policies, whoever put them. Read for destroy alone.
    #[serde(default)]
    pub role_policies: Vec<String>,
    /// ARNs of the managed policies that are attached to the role. Read for destroy alone.
    #[serde(default)]
    pub role_attached: Vec<String>,
    /// The instance profile that bears our name.
    pub profile: Option<InstanceProfile>,
    /// The hosted zone that the spec names: the public one of exactly this name, or the one with this id.
    pub hosted_zone: Option<HostedZone>,
    /// Further public hosted zones of the same name: nothing tells which one is meant.
    pub other_zones: Vec<HostedZone>,
    /// Record sets at the spec's DNS name, of any type.
    pub records: Vec<RecordSet>,
    /// Records that addresses of the stack remember and that are not the spec's, as they are.
    pub former_records: Vec<FormerRecord>,
    /// Why Route 53 could not be read about the spec's record, where it could not.
    pub dns_unread: Option<String>,
    /// Why Route 53 could not be read about a record that is not the spec's any more, where it could not.
    pub former_unread: Option<String>,
    /// The log group that bears our name. Read where the spec asks for one, and where the role's policy tells of one.
    #[serde(default)]
    pub log_group: Option<LogGroup>,
    /// Lifecycle policies for volumes that bear the stack's tag of them. Read where the spec asks for snapshots by schedule, and
    /// where that tag tells of one.
    #[serde(default)]
    pub lifecycle_policies: Vec<LifecyclePolicy>,
    /// The role of the lifecycle policy that bears our name. Read with the lifecycle policies.
    #[serde(default)]
    pub snapshot_role: Option<IamRole>,
    /// That role's inline policy of our name, as JSON.
    #[serde(default)]
    pub snapshot_role_policy: Option<PolicyText>,
    /// The SNS topic that bears our name. Read where the spec asks for one, and where the role's policy tells of one.
    #[serde(default)]
    pub topic: Option<Topic>,
    /// What the group tells to topics. Read where the spec has notifications, and where the role's policy tells of them.
    #[serde(default)]
    pub notifications: Vec<NotificationConfiguration>,
    /// Parameters of the stack's bundles, by their names. Read for the bundle that the spec needs; for destroy all of them, where
    /// the spec needs one or the role's policy tells of one.
    #[serde(default)]
    pub bundles: BTreeMap<String, String>,
    /// Instances that bear the stack's tags, in any state. Read for status, restore and destroy, not for apply.
    pub instances: Vec<Instance>,
    /// Systems Manager's agents on the group's instances. Read for status alone, where the spec lets Session Manager in.
    #[serde(default)]
    pub agents: Agents,
    /// Snapshots of the data volume that bear the stack's tags. Read for status, snapshot, restore and destroy, not for apply.
    pub snapshots: Vec<Snapshot>,
    /// What this run made and learned beside what AWS shows.
    #[serde(default)]
    pub run: RunState,
}

/// What a run made and learned beside what AWS shows: a listing lags behind, and a token outlives its resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// What this run made and no reading has shown yet, by id, or by kind and name.
    pub unseen: BTreeSet<String>,
    /// Ids of volumes and Elastic IPs that AWS says do not exist, asked for each by itself.
    pub gone: BTreeSet<String>,
    /// Client tokens that AWS refused in this run, because what they made is gone. Each leads to the next one, the same for
    /// everybody.
    pub spent_tokens: Vec<String>,
    /// Of the addresses.
    pub addresses: AddressRun,
    /// Of the application status checks.
    pub application_checks: ApplicationCheckRun,
    /// Of the instance role.
    pub role: RoleRun,
    /// Of the snapshots.
    pub snapshots: SnapshotRun,
    /// Of the volumes.
    pub volumes: VolumeRun,
}

/// What AWS answers to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and nothing more to know.
    Done,
    /// The address that was allocated.
    Address(Address),
    /// The volume that was created.
    Volume(Volume),
    /// The id of the security group that was created.
    SecurityGroup(SecurityGroupId),
    /// The role that was created.
    Role(IamRole),
    /// The profile that was created.
    Profile(InstanceProfile),
    /// The id of the launch template that was created.
    Template(LaunchTemplateId),
    /// The number of the version that was created.
    Version(u64),
    /// The snapshot that was started.
    Snapshot(Snapshot),
    /// The application status check that was created.
    ApplicationCheck(ApplicationCheck),
    /// The id of the lifecycle policy that was created.
    LifecyclePolicy(String),
}

/// A part of the world that is read by itself to learn whether a call took effect, or whether a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The account's Elastic IPs.
    Addresses,
    /// The stack's application status checks.
    ApplicationChecks,
    /// The role's policy of what the app needs.
    AppPolicy,
    /// The bundle that the spec needs.
    Bundle,
    /// The hosted zone, and the record sets at the spec's name.
    Dns,
    /// The Auto Scaling group.
    Group,
    /// The group's lifecycle hooks.
    Hooks,
    /// The stack's instances.
    Instances,
    /// The launch template.
    LaunchTemplate,
    /// The lifecycle policies of the data volume.
    LifecyclePolicies,
    /// The log group.
    LogGroup,
    /// The group's notification configurations.
    Notifications,
    /// The instance profile.
    Profile,
    /// The instance role, with its policies.
    Role,
    /// The role's policy that lets the instance heal.
    RolePolicy,
    /// The group's scheduled actions.
    ScheduledActions,
    /// The stack's security groups.
    SecurityGroups,
    /// The role of the lifecycle policy, with its policy.
    SnapshotRole,
    /// The stack's snapshots.
    Snapshots,
    /// The SNS topic with its subscriptions.
    Topic,
    /// The stack's volumes.
    Volumes,
}

/// Declares the resources in one table: the variant of [`Action`], its calls, and what their answers change.
macro_rules! resources {
    ($($(#[$doc:meta])* $resource:ident($call:ident) recorded by $record:path;)*) => {
        /// One mutating API call, complete. Nothing is left for the executor to choose.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(untagged)]
        pub enum Action {
            $($(#[$doc])* $resource($call),)*
        }

        $(impl From<$call> for Action {
            fn from(call: $call) -> Self {
                Self::$resource(call)
            }
        })*

        impl Observed {
            /// Puts the answer of an action that succeeded into the observed world, so that the next plan sees its effect
            /// without reading it again.
            ///
            /// Guarantees that the step that carried the action is not planned again. An answer that does not fit its
            /// action changes nothing, so that the step is planned again and the mistake is seen.
            pub fn record_answer(&mut self, action: &Action, answer: Answer) {
                match action {
                    $(Action::$resource(call) => $record(self, call, answer),)*
                }
            }
        }
    };
}

resources! {
    /// Elastic IPs.
    Address(AddressCall) recorded by address::record;
    /// Data volumes.
    Volume(VolumeCall) recorded by volume::record;
    /// Snapshots of data volumes.
    Snapshot(SnapshotCall) recorded by snapshot::record;
    /// Security groups.
    SecurityGroup(SecurityGroupCall) recorded by security_group::record;
    /// The instance role.
    Role(RoleCall) recorded by role::record;
    /// The instance profile.
    InstanceProfile(InstanceProfileCall) recorded by instance_profile::record;
    /// The launch template.
    LaunchTemplate(LaunchTemplateCall) recorded by launch_template::record;
    /// Application status checks.
    ApplicationCheck(ApplicationCheckCall) recorded by application_check::record;
    /// The Auto Scaling group.
    Group(GroupCall) recorded by group::record;
    /// Scheduled actions of the group.
    ScheduledAction(ScheduledActionCall) recorded by scheduled_action::record;
    /// DNS records.
    Record(RecordCall) recorded by record::record;
    /// The log group.
    LogGroup(LogGroupCall) recorded by log_group::record;
    /// Lifecycle policies of the data volume.
    LifecyclePolicy(LifecyclePolicyCall) recorded by lifecycle_policy::record;
    /// The SNS topic and its subscriptions.
    Topic(TopicCall) recorded by topic::record;
    /// Notification configurations of the group.
    Notification(NotificationCall) recorded by notification::record;
    /// What does not fit into user data.
    Bundle(BundleCall) recorded by bundle::record;
    /// Tags of what exists already.
    Tag(TagCall) recorded by tag::record;
}

impl Action {
    /// The client token that the call carries, where it has one that derives from its inputs.
    #[must_use]
    pub fn client_token(&self) -> Option<&str> {
        match self {
            Self::Volume(VolumeCall::CreateVolume(input)) => Some(&input.client_token),
            Self::Volume(VolumeCall::CopyVolume(input)) => Some(&input.client_token),
            Self::ApplicationCheck(ApplicationCheckCall::CreateApplicationStatusCheck(input)) => {
                Some(&input.client_token)
            }
            _ => None,
        }
    }
}

impl Observed {
    /// A Region of an account of which nothing else is known: nothing of a stack exists, and nothing that it could use.
    #[must_use]
    pub fn empty(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            identity: Identity {
                account: account.into(),
                arn: String::new(),
                region: region.into(),
            },
            ..Self::default()
        }
    }

    /// Takes down that AWS refused the client token of an action, because what it made is gone: the next one differs.
    ///
    /// Answers whether the action has a token at all.
    pub fn spend_token(&mut self, action: &Action) -> bool {
        let token = action.client_token();
        self.run.spent_tokens.extend(token.map(str::to_owned));
        token.is_some()
    }
}
