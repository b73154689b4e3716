//! The records that a world is made of: what AWS tells, and what only AWS knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use selfheal_core::names::Tags;
use selfheal_core::world::{
    ActivityStatus, Address, ApplicationCheck, GroupSettings, HostedZoneId, IamRole, InstanceProfile, InstanceState,
    LaunchTemplate, LaunchTemplateId, LifecycleHook, LifecycleState, ModificationState, NetworkInterfaceId, PolicyText,
    RecordSet, SecurityGroup, Snapshot, Subnet, SubnetId, TemplateData, Volume, VolumeId, VpcId,
};
use serde::{Deserialize, Serialize};

mod boot;
mod past;

pub use boot::{BootConfig, BootPhase, BootState};
pub(super) use past::{Past, Shown};

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubnetRecord {
    /// What AWS tells.
    pub subnet: Subnet,
    /// Whether it is the default of its zone.
    pub default: bool,
}

/// An Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AddressRecord {
    /// What AWS tells.
    pub address: Address,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
}

/// What is on a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Zeroes.
    Blank,
    /// A filesystem.
    Filesystem {
        /// Such as `xfs`.
        kind: String,
        /// Who made it: an instance, or a snapshot.
        made_by: String,
        /// How many boots have written to it: the bytes that must survive.
        writes: u64,
    },
    /// Something that the tool did not write, such as a partition table.
    Foreign(String),
}

/// A modification of a volume that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Modification {
    /// How far it is.
    pub state: ModificationState,
    /// When it was asked for.
    pub started_ms: u64,
    /// Size in GiB that it leads to. Until then `DescribeVolumes` shows the old values.
    pub size_gib: u32,
    /// Type that it leads to.
    pub volume_type: String,
    /// IOPS that it leads to.
    pub iops: Option<u32>,
    /// Throughput in MiB/s that it leads to.
    pub throughput_mibps: Option<u32>,
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeRecord {
    /// What AWS tells. Deleted volumes are kept, since a `ClientToken` still leads to them.
    pub volume: Volume,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
    /// What is on it.
    pub content: Content,
    /// The last modification.
    pub modification: Option<Modification>,
    /// Whether it goes with its instance, as a root volume does.
    pub delete_on_termination: bool,
    /// The device name of its attachment.
    pub device: Option<String>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SnapshotRecord {
    /// What AWS tells.
    pub snapshot: Snapshot,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
    /// What was on the volume.
    pub content: Content,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityGroupRecord {
    /// What AWS tells.
    pub group: SecurityGroup,
    /// From when on callers see it, in logical milliseconds.
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
    /// Its versions, the first at index 0. They never change.
    pub versions: Vec<TemplateData>,
    /// Tags of the template itself.
    pub tags: Tags,
    /// From when on callers see it, in logical milliseconds.
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
    pub id: String,
    /// Its state.
    pub state: InstanceState,
    /// When it was launched, in logical milliseconds.
    pub launched_ms: u64,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
    /// Its zone.
    pub zone: String,
    /// Its subnet.
    pub subnet_id: SubnetId,
    /// Its VPC.
    pub vpc_id: VpcId,
    /// Its primary network interface.
    pub interface_id: NetworkInterfaceId,
    /// Its network interfaces beside the primary one.
    pub more_interfaces: Vec<NetworkInterfaceId>,
    /// The public address that it got at launch.
    pub launch_ip: Option<String>,
    /// Its template.
    pub template_id: LaunchTemplateId,
    /// The version of the template.
    pub template_version: u64,
    /// What the version held when it was launched.
    pub data: TemplateData,
    /// The group that launched it.
    pub group: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Whether its status checks report `impaired`.
    pub impaired: bool,
    /// The volume that it has mounted read-write.
    pub mounted: Option<VolumeId>,
    /// When it was terminated, in logical milliseconds.
    pub terminated_ms: Option<u64>,
    /// How often it has booted; the boot events of an earlier boot are void.
    pub boots: u32,
    /// Where its boot program stands.
    pub boot: BootState,
}

/// An application status check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplicationCheckRecord {
    /// What AWS tells. Deleted checks are kept, since a `ClientToken` still leads to them.
    pub check: ApplicationCheck,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
    /// When it was deleted, in logical milliseconds.
    pub deleted_ms: Option<u64>,
}

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogGroupRecord {
    /// Days after which events are deleted; `None` where they are kept for ever.
    pub retention_days: Option<u32>,
    /// Its tags.
    pub tags: Tags,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
}

/// What an application status check makes of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationVerdict {
    /// It has reached no threshold yet.
    #[default]
    Initializing,
    /// It has reached its success threshold.
    Passed,
    /// It has reached its failure threshold.
    Failed,
    /// It cannot tell.
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

/// What an application status check has found of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplicationResult {
    /// What it makes of it.
    pub verdict: ApplicationVerdict,
    /// Failures in a row.
    pub failures: u32,
    /// Successes in a row.
    pub successes: u32,
}

/// An instance in its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberRecord {
    /// The instance.
    pub id: String,
    /// Its lifecycle state.
    pub lifecycle: LifecycleState,
    /// Whether the group holds it for healthy.
    pub healthy: bool,
    /// The template version that it was launched from.
    pub template_version: u64,
    /// Since when it is in service, in logical milliseconds.
    pub in_service_ms: Option<u64>,
    /// The hook that holds it.
    pub held_by: Option<String>,
    /// Since when it is held, in logical milliseconds.
    pub held_since_ms: Option<u64>,
    /// Counts heartbeats and hooks, so that an earlier time-out is void.
    pub heartbeat: u32,
    /// The activity that is under way.
    pub activity: Option<String>,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupRecord {
    /// What the caller set; its hook and tags are those of the creation.
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
    /// Before this no launch is tried, in logical milliseconds.
    pub next_launch_ms: u64,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
}

/// A scaling activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActivityRecord {
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// What it does.
    pub description: String,
    /// Why.
    pub cause: String,
    /// How far it is.
    pub status: ActivityStatus,
    /// The reason of a failure.
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
    /// The document that a read tells.
    pub document: PolicyText,
    /// The document in force until `effective_ms`; `None` when there was none.
    pub before: Option<PolicyText>,
    /// From when on `document` is in force, in logical milliseconds.
    pub effective_ms: u64,
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleRecord {
    /// What AWS tells.
    pub role: IamRole,
    /// Inline policies by name.
    pub policies: BTreeMap<String, RolePolicyRecord>,
    /// ARNs of managed policies.
    pub attached: Vec<String>,
    /// From when on callers see it, in logical milliseconds.
    pub visible_ms: u64,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfileRecord {
    /// What AWS tells.
    pub profile: InstanceProfile,
    /// From when on EC2 and Auto Scaling know it as it is, in logical milliseconds.
    pub propagated_ms: u64,
    /// From when on callers see it, in logical milliseconds.
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

/// What a `ClientToken` stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRecord {
    /// The inputs that it came with, as JSON.
    pub inputs: String,
    /// What was made.
    pub resource: String,
}

/// What a statement of a caller's policies has allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Granted {
    /// Whether an operator called; an instance otherwise.
    pub operator: bool,
    /// The statement's identifier.
    pub statement: String,
    /// The action that AWS has checked, which may be another than the call's own.
    pub action: String,
}
