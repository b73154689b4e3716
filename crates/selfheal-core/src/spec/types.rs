//! The validated types of a spec.

use std::fmt;

use selfheal_policy::Document;

use super::{HealthSpec, ImageRef};

/// One stack: one instance that heals itself.
///
/// A value of this type has been validated: names fit AWS's limits, sizes are in range and nothing contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The stack's name: 1 to 32 of `a-z`, `0-9` and `-`, starting with a letter and not ending in `-`.
    pub name: String,
    /// The AWS Region, such as `eu-west-1`.
    pub region: String,
    /// The instance.
    pub instance: InstanceSpec,
    /// The Elastic IP.
    pub address: AddressSpec,
    /// The data volume, where there is one.
    pub data: Option<DataSpec>,
    /// The DNS record, where there is one.
    pub dns: Option<DnsSpec>,
    /// What runs on the instance.
    pub app: AppSpec,
    /// How people get at the instance.
    pub access: AccessSpec,
}

impl Spec {
    /// Size of the root volume where the spec does not say, in GiB: what every image with an alias fits in.
    pub const ROOT_SIZE_GIB_DEFAULT: u32 = 8;

    /// The smallest stack: an instance and an address, nothing open to the world, no data volume, no DNS record.
    ///
    /// The parts are taken as they are, unlike those of a file that [`SpecFile`](super::SpecFile) parses: a caller that
    /// does not know them to be valid renders the spec with [`Spec::to_toml`] and parses that.
    #[must_use]
    pub fn minimal(
        name: impl Into<String>,
        region: impl Into<String>,
        instance_type: impl Into<String>,
        image: ImageRef,
    ) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            instance: InstanceSpec {
                instance_type: instance_type.into(),
                image,
                subnet: None,
                ingress: Ingress::Ports(Vec::new()),
                root_size_gib: Self::ROOT_SIZE_GIB_DEFAULT,
                permissions_boundary: None,
                kms_key: None,
            },
            address: AddressSpec::default(),
            data: None,
            dns: None,
            app: AppSpec::default(),
            access: AccessSpec::default(),
        }
    }

    /// Whether the spec asks AWS to probe the app, by an EC2 application status check.
    #[must_use]
    pub fn asks_aws(&self) -> bool {
        self.app
            .health
            .as_ref()
            .is_some_and(|health| health.from.probes_from_aws())
    }

    /// When the address moves: as the spec says, else once the app is healthy where there is a probe, else as soon as the
    /// data volume is mounted. The first probe is always the instance's own.
    #[must_use]
    pub fn address_when(&self) -> AddressWhen {
        self.address.when.unwrap_or(match &self.app.health {
            Some(_) => AddressWhen::Healthy,
            None => AddressWhen::Mounted,
        })
    }
}

/// How people get at the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSpec {
    /// Whether the instance's role lets Session Manager open sessions on it.
    pub session_manager: bool,
}

impl Default for AccessSpec {
    /// Without it nobody gets at an instance that has no key and no open port.
    fn default() -> Self {
        Self { session_manager: true }
    }
}

/// The instance and its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The instance type, such as `t4g.small`.
    pub instance_type: String,
    /// Which machine image it boots.
    pub image: ImageRef,
    /// The subnet; without one, the default VPC's subnet in the data volume's zone.
    pub subnet: Option<String>,
    /// Either a security group of our own, or groups that exist.
    pub ingress: Ingress,
    /// Size of the root volume in GiB, 1 to 16,384.
    pub root_size_gib: u32,
    /// ARN of the managed policy that bounds what the instance's role may do, whatever its policies say.
    pub permissions_boundary: Option<String>,
    /// ARN of the KMS key that encrypts the root volume; without it, the account's default key.
    pub kms_key: Option<String>,
}

/// How traffic reaches the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// A security group of ours with these ports open to the world, sorted and without duplicates.
    Ports(Vec<(u16, Protocol)>),
    /// Security groups that somebody else keeps, 1 to 5 of them.
    Groups(Vec<String>),
}

/// Transport protocol of an ingress rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// The Elastic IP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpec {
    /// An allocation that exists, to be adopted instead of allocating one.
    pub allocation: Option<String>,
    /// Whether the adopted address may be taken from another instance that uses it.
    pub take: bool,
    /// When the address moves to a new instance, where the spec says; see [`Spec::address_when`].
    pub when: Option<AddressWhen>,
}

/// When the address moves to a new instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressWhen {
    /// As soon as the instance holds the data volume and has mounted it.
    Mounted,
    /// Once the app answers its probe.
    Healthy,
}

impl fmt::Display for AddressWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mounted => "mounted",
            Self::Healthy => "healthy",
        })
    }
}

/// The data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    /// Size in GiB: 1 to 65,536 for gp3, 4 to 65,536 for io2.
    pub size_gib: u32,
    /// Where it is mounted: an absolute path of `A-Za-z0-9._-/`, not `/` nor a directory of the system's.
    pub mount: String,
    /// The filesystem it is formatted with, once.
    pub filesystem: Filesystem,
    /// The volume's type.
    pub volume_type: VolumeType,
    /// Provisioned IOPS; without it, the type's default. An io2 volume always has it.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, gp3 alone; without it, the type's default.
    pub throughput_mibps: Option<u32>,
    /// A volume that exists, to be adopted instead of creating one, or to be used of several that bear the stack's tags.
    pub volume: Option<String>,
    /// ARN of the KMS key that encrypts the volume; without it, the account's default key at its creation.
    pub kms_key: Option<String>,
}

/// Filesystem of the data volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filesystem {
    /// XFS.
    Xfs,
    /// ext4.
    Ext4,
}

impl fmt::Display for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        })
    }
}

/// EBS volume type of the data volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeType {
    /// General purpose, the default.
    Gp3,
    /// Provisioned IOPS.
    Io2,
}

impl fmt::Display for VolumeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gp3 => "gp3",
            Self::Io2 => "io2",
        })
    }
}

/// The A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSpec {
    /// The hosted zone, which exists already.
    pub zone: ZoneRef,
    /// The record's name, without the final dot: the zone's own name or one below it.
    pub name: String,
    /// Whether a record that somebody else made may be pointed at the stack, once its instance serves.
    pub overwrite: bool,
    /// Time to live in seconds, 1 to 86,400.
    pub ttl_s: u32,
}

/// Which hosted zone a record is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneRef {
    /// The public one of this name, without the final dot.
    Name(String),
    /// The one with this id, `Z…`: where several have the same name.
    Id(String),
}

impl fmt::Display for ZoneRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(zone) | Self::Id(zone) => f.write_str(zone),
        }
    }
}

/// What runs on the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// The user's script, run once an instance after the data volume is mounted.
    pub setup: Option<Setup>,
    /// Seconds that the script may take before its boot has failed, 60 to 43,200.
    pub setup_timeout_s: u32,
    /// How to tell that the app works, where there is a way.
    pub health: Option<HealthSpec>,
    /// Replacements in a row that fail to become healthy before the stack parks itself, 1 to 10.
    pub breaker_limit: u32,
    /// What the app may do in AWS beyond what heals the instance, where it needs anything.
    pub policy: Option<AppPolicy>,
}

impl AppSpec {
    /// Three in a row: one may be bad luck with a host and two may share its cause, the third is the app's own.
    pub const BREAKER_LIMIT_DEFAULT: u32 = 3;
    /// Package installations take minutes; an hour is a hang.
    pub const SETUP_TIMEOUT_S_DEFAULT: u32 = 3_600;
    /// Half a day: AWS holds a launch for 25 hours at most, and the wait for the volume, for a new volume to be read whole
    /// and for the app's start-up want their share of it.
    pub const SETUP_TIMEOUT_S_MAX: u32 = 43_200;
}

impl Default for AppSpec {
    fn default() -> Self {
        Self {
            setup: None,
            setup_timeout_s: Self::SETUP_TIMEOUT_S_DEFAULT,
            health: None,
            breaker_limit: Self::BREAKER_LIMIT_DEFAULT,
            policy: None,
        }
    }
}

/// The app's own policy, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPolicy {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// What it says.
    pub document: Document,
}

/// The user's setup script, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// Its content, which begins with `#!`; empty where it was [not read](Setup::unread).
    pub body: Vec<u8>,
}

impl Setup {
    /// A script that was not read, for what can be done without it: a status, a destroy. An apply is refused.
    #[must_use]
    pub fn unread(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            body: Vec::new(),
        }
    }

    /// Whether it was not read.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.body.is_empty()
    }
}
