//! The resources that a request names.

use selfheal_core::world::{
    ARecord, AllocationId, AssociationId, CopyVolume, CreateVolume, GroupSettings, HostedZoneId, InstanceId,
    LaunchTemplateId, RecordSet, SecurityGroupId, SnapshotId, VolumeId, VpcId,
};

/// A resource that a request names, and AWS therefore evaluates.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Address(AllocationId),
    Association(AssociationId),
    Volume(VolumeId),
    Instance(InstanceId),
    /// The network interface of an instance.
    Interface(InstanceId),
    /// The network interface that an association is on.
    AssociatedInterface(AssociationId),
    SecurityGroup(SecurityGroupId),
    Template(LaunchTemplateId),
    Snapshot(SnapshotId),
    Vpc(VpcId),
    Group(String),
    /// The group of an instance.
    GroupOf(InstanceId),
    Role(String),
    Profile(String),
    /// A role that is read, which need not exist.
    ReadRole(String),
    /// An instance profile that is read, which need not exist.
    ReadProfile(String),
    Zone(HostedZoneId),
    Record {
        record: ARecord,
        change: &'static str,
    },
    /// Records of a zone in one change.
    Records {
        zone: HostedZoneId,
        records: Vec<RecordSet>,
        change: String,
    },
    /// A change of records, by its id.
    RecordChange(String),
    Parameter(String),
    /// A document of Systems Manager that is AWS's own.
    Document(&'static str),
    ApplicationCheck(String),
    LifecyclePolicy(String),
    LogGroup(String),
    /// A log group in a call about its tags, which AWS judges by another form of the ARN.
    LogGroupTags(String),
    /// A log stream, by the name of its group and its own.
    LogStream(String, String),
    /// A topic, by its name.
    Topic(String),
    /// A topic, by its name, in a call that subscribes to it by this protocol.
    Subscription(String, String),
    /// A customer's key, by its ARN.
    Key(String),
    /// A user or a role, by its ARN.
    Principal(String),
    /// A quota of EC2, by its code.
    Quota(String),
    NewApplicationCheck,
    NewLifecyclePolicy,
    NewAddress,
    NewVolume(CreateVolume),
    CopiedVolume(CopyVolume),
    NewSnapshot,
    /// A security group in this VPC.
    NewSecurityGroup(VpcId),
    NewTemplate,
    NewGroup(GroupSettings),
    ChangedGroup(GroupSettings),
    /// A group in a call that sets its bounds, where it sets them, and nothing of what it launches.
    GroupBounds(String, Option<u32>, Option<u32>),
    Unknown,
}

impl Target {
    /// The target that an EC2 id stands for.
    pub(super) fn of_ec2_id(id: &str) -> Self {
        let own = id.to_owned();
        match id.split_once('-').map(|(prefix, _)| prefix) {
            Some("eipalloc") => Self::Address(own.into()),
            Some("vol") => Self::Volume(own.into()),
            Some("i") => Self::Instance(own.into()),
            Some("sg") => Self::SecurityGroup(own.into()),
            Some("lt") => Self::Template(own.into()),
            Some("snap") => Self::Snapshot(own.into()),
            Some("asc") => Self::ApplicationCheck(own),
            _ => Self::Unknown,
        }
    }

    /// Whether the action makes this, so that the tags of the request are for it.
    pub(super) fn is_made_by(&self, action: &str) -> bool {
        match self {
            Self::NewAddress
            | Self::NewVolume(_)
            | Self::CopiedVolume(_)
            | Self::NewSnapshot
            | Self::NewSecurityGroup(_)
            | Self::NewTemplate
            | Self::NewApplicationCheck
            | Self::NewLifecyclePolicy
            | Self::NewGroup(_) => true,
            Self::Role(_) | Self::Profile(_) => action.starts_with("iam:Create"),
            Self::LogGroup(_) => action == "logs:CreateLogGroup",
            Self::Topic(_) => action == "sns:CreateTopic",
            _ => false,
        }
    }
}
