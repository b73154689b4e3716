//! The observed world: what of a stack exists, as AWS tells it.
//!
//! Every type here is plain data in AWS's own terms. A backend fills it; the planner reads it and nothing else.

mod dns;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::{TAG_APPLICATION_CHECK, Tags};

mod launch;

pub use launch::{DefaultRoute, InstanceType, InstanceTypeDetails};

pub use dns::{FormerRecord, HostedZone, RecordSet};

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
    /// The spec's instance type. Read while no group of the stack launches it from its template, and before a data volume is
    /// made.
    pub instance_type: Option<InstanceType>,
    /// The way out of the spec's subnet. Read where the spec names one in which there is no group of the stack yet.
    pub default_route: Option<DefaultRoute>,
    /// The image of the launch template's latest version, where it is not the spec's, was looked for, and is gone.
    pub gone_image: Option<String>,
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
    /// Client tokens that AWS refused in this run, because what they made is gone: a token outlives its resource. Each
    /// leads to the next one, the same for everybody.
    pub spent_tokens: Vec<String>,
    /// Volumes that a create of this run answered with.
    pub own_volumes: Vec<String>,
    /// Those of them that the last reading did not show.
    pub unseen_volumes: Vec<String>,
    /// Those of them that no reading shows and that are given up: AWS took them back.
    pub vanished_volumes: Vec<String>,
    /// What this run made and no reading has shown yet, by id, or by kind and name: a listing lags behind.
    pub unseen: BTreeSet<String>,
    /// Whether this run has made the instance role, whose name is unique: nobody made anything of the stack before then.
    pub made_role: bool,
    /// Whether the addresses were read for as long as a listing lags behind since the role was seen.
    pub addresses_settled: bool,
    /// Ids of volumes and Elastic IPs that AWS says do not exist, asked for each by itself.
    pub gone: BTreeSet<String>,
    /// Volumes that an earlier reading of this run showed and the last one did not: to be read by their ids.
    pub missed_volumes: BTreeSet<String>,
    /// Instances of which the attached volumes were read.
    pub attachments_read: BTreeSet<String>,
    /// Volumes whose tags this run has set: nothing else is done to them in the same run.
    pub tagged_volumes: BTreeSet<String>,
    /// Last modifications of volumes, by volume, where one was read; `None` where a volume never was modified.
    pub modifications: BTreeMap<String, Option<VolumeModification>>,
    /// Snapshots that this run started: no other counts as the last one of a volume.
    pub own_snapshots: Vec<String>,
    /// The security group that bears our name, or those that the spec names.
    pub security_groups: Vec<SecurityGroup>,
    /// The launch template that bears our name, at its latest version.
    pub launch_template: Option<LaunchTemplate>,
    /// EC2's application status checks that bear the stack's tags. Read where the spec asks for one, and where the latest
    /// version of the launch template says that there may be one.
    pub application_checks: Vec<ApplicationCheck>,
    /// Application status checks of the stack that are known to be gone, sorted: AWS may repeat the first answer to a
    /// token, also when the check was deleted since. They make the next token differ.
    pub dead_checks: Vec<String>,
    /// What EC2's application status checks make of the stack's instances, by instance: `ok`, `impaired`,
    /// `initializing`, … Read for status alone, where the spec asks for a check.
    pub application_status: BTreeMap<String, String>,
    /// The Auto Scaling group that bears our name.
    pub group: Option<Group>,
    /// The group's lifecycle hooks.
    pub hooks: Vec<LifecycleHook>,
    /// The group's last scaling activities, the newest first. Read for status alone, where no instance is in service.
    pub activities: Vec<Activity>,
    /// The instance role that bears our name.
    pub role: Option<IamRole>,
    /// The role's inline policy of our name, as JSON.
    pub role_policy: Option<String>,
    /// The role's inline policy with what the app needs, as JSON. Read where the spec names one, and where the role's own
    /// policy says that there may be one.
    #[serde(default)]
    pub role_app_policy: Option<String>,
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
    /// Instances that bear the stack's tags, in any state. Read for status and destroy, not for apply.
    pub instances: Vec<Instance>,
    /// Snapshots of the data volume that bear the stack's tags. Read for status and destroy, not for apply.
    pub snapshots: Vec<Snapshot>,
}

impl Observed {
    /// Why AWS refuses to launch an instance, in its own words: the newest attempt to launch one failed.
    #[must_use]
    pub fn launch_failure(&self) -> Option<&str> {
        let is_launch = |activity: &&Activity| activity.description.starts_with("Launching");
        let newest = self.activities.iter().find(is_launch)?;
        let words = newest.status_message.as_deref().unwrap_or("AWS gives no reason");
        (newest.status == "Failed").then_some(words)
    }
}

/// Whose credentials are in use, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account's twelve digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
    /// The Region that is read and written.
    pub region: String,
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Name of its root device, such as `/dev/xvda`.
    pub root_device: String,
    /// `x86_64` or `arm64`, where it is known.
    pub architecture: Option<String>,
    /// Size of its root snapshot in GiB, where it is known: a root volume cannot be smaller.
    pub root_size_gib: Option<u32>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its Availability Zone, such as `eu-west-1a`.
    pub zone: String,
}

/// An Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// `eipalloc-…`.
    pub allocation_id: String,
    /// The IPv4 address.
    pub public_ip: String,
    /// The association, when it is associated.
    pub association_id: Option<String>,
    /// The instance it is associated with.
    pub instance_id: Option<String>,
    /// The network interface it is associated with, an instance's or that of something else, such as a NAT gateway.
    #[serde(default)]
    pub interface_id: Option<String>,
    /// The service that manages it, such as `alb` or `rnat`; nobody else can move it then.
    #[serde(default)]
    pub service_managed: Option<String>,
    /// Whether it is from a pool of addresses that the account brought itself; such ones do not count towards the quota.
    #[serde(default)]
    pub own_pool: bool,
    /// Its tags.
    pub tags: Tags,
}

/// State of a volume, as `DescribeVolumes` spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// Being created.
    Creating,
    /// Attached to nothing.
    Available,
    /// Attached.
    InUse,
    /// Being deleted.
    Deleting,
    /// Gone.
    Deleted,
    /// Failed.
    Error,
    /// A state that this version does not know.
    Other(String),
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// `vol-…`.
    pub id: String,
    /// Its Availability Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// `gp3`, `io2`, …
    pub volume_type: String,
    /// Provisioned IOPS.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s.
    pub throughput_mibps: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, AWS's own or a customer's.
    pub kms_key: Option<String>,
    /// Its state.
    pub state: VolumeState,
    /// The snapshot that it was made from.
    pub snapshot_id: Option<String>,
    /// Its attachment; volumes of ours have at most one.
    pub attachment: Option<Attachment>,
    /// Its tags.
    pub tags: Tags,
}

/// A volume's attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The instance.
    pub instance_id: String,
    /// `attaching`, `attached`, `detaching`, `detached` or `busy`.
    pub state: String,
}

/// A modification of a volume: what it was to become, and how far that is.
///
/// While it is [under way](Self::is_modifying), `DescribeVolumes` shows the old values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeModification {
    /// `modifying`, `optimizing`, `completed` or `failed`.
    pub state: String,
    /// Size in GiB that it leads to.
    pub size_gib: Option<u32>,
    /// Type that it leads to.
    pub volume_type: Option<String>,
    /// IOPS that it leads to.
    pub iops: Option<u32>,
    /// Throughput in MiB/s that it leads to.
    pub throughput_mibps: Option<u32>,
    /// When it began, where that is known.
    pub started_at: Option<Timestamp>,
}

impl VolumeModification {
    /// Whether the volume does not show its new values yet, and cannot be attached.
    #[must_use]
    pub fn is_modifying(&self) -> bool {
        self.state == "modifying"
    }

    /// Whether AWS refuses another one until this one is done.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.state.as_str(), "modifying" | "optimizing")
    }
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Ingress rules, one for each protocol, port range and source.
    pub ingress: Vec<IngressRule>,
    /// Egress rules, likewise; a new group lets everything out.
    pub egress: Vec<IngressRule>,
    /// Its tags.
    pub tags: Tags,
}

/// One rule of a security group: a protocol, a port range and one peer, which is the source of ingress and the target of
/// egress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IngressRule {
    /// `tcp`, `udp`, `icmp` or `-1` for all.
    pub protocol: String,
    /// First port, or -1.
    pub from_port: i32,
    /// Last port, or -1.
    pub to_port: i32,
    /// The peer: a CIDR block (IPv4 or IPv6), a prefix list or a group id.
    pub source: String,
}

impl IngressRule {
    /// Everything, from or to every IPv4 address: the egress that AWS gives to a new security group.
    #[must_use]
    pub fn everywhere() -> Self {
        Self {
            protocol: "-1".to_owned(),
            from_port: -1,
            to_port: -1,
            source: "0.0.0.0/0".to_owned(),
        }
    }

    /// Whether it is about HTTPS, whoever the peer is.
    fn covers_https(&self) -> bool {
        self.protocol == "-1" || (self.protocol == "tcp" && (self.from_port..=self.to_port).contains(&443))
    }
}

impl SecurityGroup {
    /// Whether it lets requests out that could reach AWS: HTTPS, to any peer at all.
    #[must_use]
    pub fn lets_https_out(&self) -> bool {
        self.egress.iter().any(IngressRule::covers_https)
    }
}

/// A launch template at its latest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The number of the latest version, from 1.
    pub version: u64,
    /// What the latest version holds.
    pub data: TemplateData,
}

impl LaunchTemplate {
    /// Whether its latest version tags instances for an application status check, so that there may be one.
    #[must_use]
    pub fn tells_of_check(&self) -> bool {
        self.data.instance_tags.contains_key(TAG_APPLICATION_CHECK)
    }
}

/// What a version of our launch template holds, in the fields that this tool sets.
///
/// Fields that the tool does not know are not read and not compared: a comparison of whole documents would see changes
/// where AWS merely fills in defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateData {
    /// `ami-…`.
    pub image_id: String,
    /// Instance type.
    pub instance_type: String,
    /// ARN of the instance profile.
    pub profile_arn: String,
    /// Security groups of the one network interface, sorted.
    pub security_groups: Vec<String>,
    /// Whether the interface gets a public address at launch, with which it reaches AWS before the Elastic IP is there.
    pub public_ip: bool,
    /// The root volume.
    pub root: RootVolume,
    /// User data, base64 as EC2 keeps it.
    pub user_data: String,
    /// `required` or `optional`.
    pub http_tokens: String,
    /// Hop limit of metadata answers.
    pub hop_limit: u32,
    /// `enabled` or `disabled`: tags in the instance metadata.
    pub metadata_tags: String,
    /// Tags of the instance.
    pub instance_tags: Tags,
    /// Tags of the volumes that are made with it.
    pub volume_tags: Tags,
    /// Tags of its network interface.
    pub interface_tags: Tags,
}

/// The root volume in a launch template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootVolume {
    /// Device name, such as `/dev/xvda`.
    pub device: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, where the template names one.
    #[serde(default)]
    pub kms_key: Option<String>,
}

/// An EC2 application status check: a request that AWS makes to every instance of some tags, from its own side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCheck {
    /// `asc-…`.
    pub id: String,
    /// What it asks, and how it judges.
    pub settings: ApplicationCheckSettings,
    /// Keys and values of the tags that it is associated with: instances that have one of them are asked.
    pub targets: Vec<(String, String)>,
    /// Whether it was deleted: AWS still shows a check for a while after that.
    pub deleted: bool,
    /// Its own tags.
    pub tags: Tags,
}

/// What an application status check asks, and how it judges, in the fields that this tool sets.
///
/// Its network paths are not among them: without any, AWS asks from the instance's own subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCheckSettings {
    /// `included` where it counts for the instance, and its group therefore acts on it; else `excluded`.
    pub aggregation: String,
    /// `http` or `https`.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// The path, which begins with `/`.
    pub path: String,
    /// Index of the network device that is asked.
    pub device_index: u32,
    /// `ipv4` or `ipv6`.
    pub ip_version: String,
    /// `private`.
    pub ip_scope: String,
    /// Seconds between two requests; AWS knows 60 alone.
    pub interval_s: u32,
    /// Seconds to wait for an answer, 1 to 30.
    pub timeout_s: u32,
    /// Failures in a row that make it fail.
    pub failure_threshold: u32,
    /// Successes in a row that make it pass.
    pub success_threshold: u32,
    /// Status codes that are a success, such as `200-399`.
    pub status_codes: String,
    /// Seconds after the launch of an instance before it is asked first, 1 to 600.
    pub initial_grace_s: u32,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Minimum size.
    pub min: u32,
    /// Maximum size.
    pub max: u32,
    /// Desired capacity.
    pub desired: u32,
    /// Subnets.
    pub subnets: Vec<String>,
    /// The launch template's id, when it uses one.
    pub template_id: Option<String>,
    /// The launch template's version as the group names it: a number, `$Latest` or `$Default`.
    pub template_version: Option<String>,
    /// `EC2`, or a comma list.
    pub health_check_type: String,
    /// Grace period in seconds.
    pub health_check_grace_s: u32,
    /// Processes that are suspended, sorted.
    pub suspended: Vec<String>,
    /// Set while the group is being deleted.
    pub deleting: bool,
    /// Its instances.
    pub instances: Vec<GroupInstance>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance as its group sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInstance {
    /// `i-…`.
    pub id: String,
    /// Lifecycle state such as `InService` or `Pending:Wait`.
    pub lifecycle: String,
    /// `Healthy` or `Unhealthy`.
    pub health: String,
    /// The launch template version it was launched from.
    pub template_version: Option<String>,
}

/// A scaling activity: what the group did and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// What it did, such as `Launching a new EC2 instance: i-…`.
    pub description: String,
    /// Why.
    pub cause: String,
    /// `Successful`, `Failed`, `InProgress`, …
    pub status: String,
    /// The reason of a failure.
    pub status_message: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A lifecycle hook, as it is and as it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleHook {
    /// Its name.
    pub name: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `…_TERMINATING`.
    pub transition: String,
    /// Heartbeat time-out in seconds, 30 to 7,200.
    pub heartbeat_s: u32,
    /// `ABANDON` or `CONTINUE`.
    pub default_result: String,
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamRole {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its trust policy, as JSON (already percent-decoded).
    pub trust_policy: String,
    /// ARN of the managed policy that is its permissions boundary, where it has one.
    #[serde(default)]
    pub permissions_boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The role in it; AWS allows one.
    pub role: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance as EC2 sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    pub state: String,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// Its zone.
    pub zone: String,
    /// Its public address, when it has one.
    pub public_ip: Option<String>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// The volume it was taken of.
    pub volume_id: String,
    /// `pending`, `completed` or `error`.
    pub state: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}
