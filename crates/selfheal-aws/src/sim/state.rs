//! The records that a world consists of: what AWS tells callers of a resource, and what only AWS knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use selfheal_core::names::Tags;
use selfheal_core::world::{
    ActivityStatus, Address, ApplicationCheck, GroupSettings, HostedZoneId, IamRole, InstanceId, InstanceProfile,
    InstanceState, LaunchTemplate, LaunchTemplateId, LifecycleHook, LifecyclePolicy, LifecycleState, ModificationState,
    NetworkInterfaceId, PolicyText, RecordSet, ScheduledAction, SecurityGroup, Snapshot, Subnet, SubnetId,
    TemplateData, Volume, VolumeId, VpcId,
};
use serde::{Deserialize, Serialize};

mod boot;
mod certificate;
mod past;
mod topic;

pub use boot::{BootConfig, BootPhase, BootState, BundleRef, Fetching, HeldParameter, ParametersRef};
pub use certificate::{CertificateRecord, OrderRecord};
pub(super) use past::{Past, Shown};
pub use topic::{MessageRecord, SubscriptionRecord, TopicRecord};

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubnetRecord {
    /// The fields that a read answers.
    pub subnet: Subnet,
    /// Whether it is the default of its zone.
    pub default: bool,
}

/// A parameter of Parameter Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterRecord {
    /// Its value.
    pub value: String,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
    /// Whether it is a secret.
    #[serde(default)]
    pub secret: bool,
    /// ARN of the customer's key that encrypts it.
    #[serde(default)]
    pub kms_key: Option<String>,
    /// Its version, from 1 on.
    #[serde(default)]
    pub version: u64,
    /// When it got its value, in logical milliseconds.
    #[serde(default)]
    pub changed_ms: u64,
    /// What callers see until they see this.
    #[serde(default)]
    pub before: Option<Box<ParameterRecord>>,
}

impl ParameterRecord {
    /// A value of the type `String` and the version 1.
    pub(super) fn plain(value: &str, visible_ms: u64) -> Self {
        Self {
            value: value.to_owned(),
            visible_ms,
            secret: false,
            kms_key: None,
            version: 1,
            changed_ms: visible_ms,
            before: None,
        }
    }
}

/// A command of Run Command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandRecord {
    /// Instance that runs it.
    pub instance: InstanceId,
    /// What its shell runs.
    pub script: String,
    /// When it begins, in logical milliseconds.
    pub begins_ms: u64,
    /// When it ends if nothing ends it before, in logical milliseconds.
    pub ends_ms: u64,
    /// When its time is over, in logical milliseconds.
    pub deadline_ms: u64,
    /// When it was cancelled, in logical milliseconds.
    pub cancelled_ms: Option<u64>,
}

/// An Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AddressRecord {
    /// The fields that a read answers.
    pub address: Address,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

/// The content of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Zeroes alone.
    Blank,
    /// A filesystem.
    Filesystem {
        /// Such as `xfs`.
        kind: String,
        /// Id of the instance that made it, or of the snapshot that it comes from.
        made_by: String,
        /// Number of boots that have written to it: stands for the data that must survive.
        writes: u64,
        /// How large it is, in GiB: as large as its volume once an instance has seen that grow.
        #[serde(default)]
        size_gib: u32,
        /// The marker that a drill has left there.
        #[serde(default)]
        marker: Option<String>,
    },
    /// Something that selfheal did not write, such as a partition table.
    Foreign(String),
}

/// The last modification of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Modification {
    /// Its state.
    pub state: ModificationState,
    /// When it was requested, in logical milliseconds.
    pub started_ms: u64,
    /// The new size in GiB. `DescribeVolumes` shows the old values while the state is `modifying`.
    pub size_gib: u32,
    /// The new volume type.
    pub volume_type: String,
    /// The new IOPS.
    pub iops: Option<u32>,
    /// The new throughput in MiB/s.
    pub throughput_mibps: Option<u32>,
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeRecord {
    /// The fields that a read answers. Deleted volumes are kept, since a `ClientToken` still leads to them.
    pub volume: Volume,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its content.
    pub content: Content,
    /// The last modification.
    pub modification: Option<Modification>,
    /// Whether it is deleted when its instance is terminated, as a root volume is.
    pub delete_on_termination: bool,
    /// The device name of its attachment.
    pub device: Option<String>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SnapshotRecord {
    /// The fields that a read answers.
    pub snapshot: Snapshot,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// The content of the volume when it was taken.
    pub content: Content,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityGroupRecord {
    /// The fields that a read answers.
    pub group: SecurityGroup,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

/// A launch template with all its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateRecord {
    /// `lt-…`.
    pub id: LaunchTemplateId,
    /// Its name.
    pub name: String,
    /// Its versions: number 1 is at index 0. A version never changes.
    pub versions: Vec<TemplateData>,
    /// Tags of the template itself.
    pub tags: Tags,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

impl TemplateRecord {
    /// Returns the data of a version, counted from 1.
    #[must_use]
    pub fn version(&self, number: u64) -> Option<&TemplateData> {
        self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Returns the latest version, as a read tells it.
    #[must_use]
    pub fn latest(&self) -> Option<LaunchTemplate> {
        let data = self.versions.last()?.clone();
        Some(LaunchTemplate {
            id: self.id.clone(),
            name: self.name.clone(),
            version: self.versions.len() as u64,
            data,
        })
    }
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceRecord {
    /// `i-…`.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// When it was launched, in logical milliseconds.
    pub launched_ms: u64,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its zone.
    pub zone: String,
    /// Its subnet.
    pub subnet_id: SubnetId,
    /// Its VPC.
    pub vpc_id: VpcId,
    /// Its primary network interface.
    pub interface_id: NetworkInterfaceId,
    /// Its network interfaces besides the primary one.
    pub more_interfaces: Vec<NetworkInterfaceId>,
    /// The public IPv4 address that it got at launch, where the template asks for one.
    pub launch_ip: Option<String>,
    /// The launch template that it was launched from.
    pub template_id: LaunchTemplateId,
    /// The version of the launch template.
    pub template_version: u64,
    /// The data of that version.
    pub data: TemplateData,
    /// Name of the Auto Scaling group that launched it.
    pub group: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Whether its status checks report `impaired`.
    pub impaired: bool,
    /// The volume that it has mounted read-write.
    pub mounted: Option<VolumeId>,
    /// When it was terminated, in logical milliseconds.
    pub terminated_ms: Option<u64>,
    /// Number of its boots. A scheduled event of an earlier boot is ignored.
    pub boots: u32,
    /// The progress of its boot program.
    pub boot: BootState,
}

/// An application status check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplicationCheckRecord {
    /// The fields that a read answers. Deleted checks are kept, since a `ClientToken` still leads to them.
    pub check: ApplicationCheck,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// When it was deleted, in logical milliseconds.
    pub deleted_ms: Option<u64>,
}

/// A lifecycle policy of Data Lifecycle Manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LifecyclePolicyRecord {
    /// The fields that a read answers.
    pub policy: LifecyclePolicy,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// How often it was changed: what was armed before acts no more.
    pub(super) generation: u64,
}

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogGroupRecord {
    /// Days after which events are deleted; `None` where they are kept for ever.
    pub retention_days: Option<u32>,
    /// Its tags.
    pub tags: Tags,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its streams by name, each with its events in the order in which they came.
    #[serde(default)]
    pub streams: BTreeMap<String, Vec<LogEventRecord>>,
}

/// A log event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogEventRecord {
    /// The number from which its id is made.
    pub seq: u64,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: i64,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its text.
    pub message: String,
}

/// The status of an instance by one application status check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationVerdict {
    /// Neither threshold is reached yet.
    #[default]
    Initializing,
    /// The success threshold is reached.
    Passed,
    /// The failure threshold is reached.
    Failed,
    /// The check cannot tell.
    InsufficientData,
}

impl fmt::Display for ApplicationVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ApplicationVerdict {
    /// Returns the status as `DescribeApplicationStatus` spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::InsufficientData => "insufficient-data",
        }
    }
}

/// The results of one application status check for one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplicationResult {
    /// The status that follows from them.
    pub verdict: ApplicationVerdict,
    /// Failures in a row.
    pub failures: u32,
    /// Successes in a row.
    pub successes: u32,
}

/// How a group buys its instances: by a launch template alone, or by the base and the percentage of a mixed instances policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purchase {
    /// On demand, as the launch template says.
    Template,
    /// By a mixed instances policy.
    Mixed {
        /// Instances that are on demand before any other.
        base: u32,
        /// Of a hundred further ones, how many are on demand.
        percent: u32,
    },
}

impl Purchase {
    /// How a group with these settings buys what it launches from now on.
    #[must_use]
    pub fn of(settings: &GroupSettings) -> Self {
        match &settings.mixed {
            None => Self::Template,
            Some(policy) => Self::Mixed {
                base: policy.on_demand_base,
                percent: policy.on_demand_percent,
            },
        }
    }
}

/// An instance in its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberRecord {
    /// The instance.
    pub id: InstanceId,
    /// Its lifecycle state.
    pub lifecycle: LifecycleState,
    /// Whether its health status in the group is `Healthy`.
    pub healthy: bool,
    /// The template version that it was launched from.
    pub template_version: u64,
    /// Its instance type.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// How the group bought it; `None` in worlds that were saved before groups bought in several ways.
    #[serde(default)]
    pub purchase: Option<Purchase>,
    /// When it came into service, in logical milliseconds.
    pub in_service_ms: Option<u64>,
    /// Name of the lifecycle hook at which it waits.
    pub held_by: Option<String>,
    /// When it began to wait there, in logical milliseconds.
    pub held_since_ms: Option<u64>,
    /// Number of its waits and heartbeats. A scheduled time-out of an earlier one is ignored.
    pub heartbeat: u32,
    /// Id of the scaling activity in progress.
    pub activity: Option<String>,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupRecord {
    /// The settings that the caller gave last; their hooks and tags are those of the creation.
    pub settings: GroupSettings,
    /// The UUID of its ARN.
    pub uuid: String,
    /// Its hooks.
    pub hooks: Vec<LifecycleHook>,
    /// Suspended processes.
    pub suspended: BTreeSet<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its instances.
    pub members: Vec<MemberRecord>,
    /// Its tags.
    pub tags: Tags,
    /// Launches in a row that failed or were abandoned.
    pub failed_launches: u32,
    /// The earliest time of the next launch, in logical milliseconds.
    pub next_launch_ms: u64,
    /// When EC2 began to refuse every launch of the group, in logical milliseconds.
    #[serde(default)]
    pub failing_since_ms: Option<u64>,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its scheduled actions by name.
    #[serde(default)]
    pub scheduled: BTreeMap<String, ScheduledActionRecord>,
    /// What it tells to topics: the types of notifications, by the topic's ARN.
    #[serde(default)]
    pub notifications: BTreeMap<String, Vec<String>>,
    /// Counts the scheduled actions that were put, so that what an earlier one has set going is void.
    #[serde(default)]
    pub scheduled_generation: u64,
    /// Why its desired capacity last changed, in AWS's words.
    #[serde(default)]
    pub resized: Option<String>,
}

/// A scheduled action of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduledActionRecord {
    /// What the caller put.
    pub action: ScheduledAction,
    /// Which of the group's puts it is.
    pub generation: u64,
}

/// A scaling activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActivityRecord {
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// Its description, as AWS words it.
    pub description: String,
    /// Its cause, as AWS words it.
    pub cause: String,
    /// Its status.
    pub status: ActivityStatus,
    /// The reason of its failure.
    pub message: Option<String>,
    /// When it began, in logical milliseconds.
    pub started_ms: u64,
    /// When it ended, in logical milliseconds.
    pub ended_ms: Option<u64>,
}

/// An inline policy of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RolePolicyRecord {
    /// The document that a read answers.
    pub document: PolicyText,
    /// The document in force until `effective_ms`; `None` when there was none.
    pub before: Option<PolicyText>,
    /// When `document` comes into force, in logical milliseconds.
    pub effective_ms: u64,
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleRecord {
    /// The fields that a read answers.
    pub role: IamRole,
    /// Inline policies by name.
    pub policies: BTreeMap<String, RolePolicyRecord>,
    /// ARNs of managed policies.
    pub attached: Vec<String>,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfileRecord {
    /// The fields that a read answers.
    pub profile: InstanceProfile,
    /// When EC2 and Auto Scaling begin to know it with its role, in logical milliseconds.
    pub propagated_ms: u64,
    /// When reads begin to show it, in logical milliseconds.
    pub visible_ms: u64,
}

/// A hosted zone and its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ZoneRecord {
    /// `Z…`.
    pub id: HostedZoneId,
    /// Its name without the final dot.
    pub name: String,
    /// Whether it answers inside some VPCs alone.
    #[serde(default)]
    pub private: bool,
    /// Its record sets.
    pub records: Vec<RecordSet>,
}

impl ZoneRecord {
    /// The servers that answer for it: four, of as many top-level domains, by names that nobody else's zone has.
    #[must_use]
    pub fn name_servers(&self) -> Vec<String> {
        let number = self
            .id
            .as_str()
            .bytes()
            .fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 512);
        let at = |offset: u32, domain: &str| format!("ns-{}.awsdns-{:02}.{domain}", number + offset, number % 64);
        vec![at(0, "com"), at(512, "net"), at(1024, "org"), at(1536, "co.uk")]
    }
}

/// The first request with a `ClientToken`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRecord {
    /// The inputs of the request, as JSON.
    pub inputs: String,
    /// Id of the resource that it made.
    pub resource: String,
}

/// An action that a statement of a caller's policies has allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Granted {
    /// Whether an operator made the call; an instance did otherwise.
    pub operator: bool,
    /// The statement's identifier.
    pub statement: String,
    /// The action that AWS evaluated, which may be another than that of the call: `ec2:RunInstances` of a group, say.
    pub action: String,
}
