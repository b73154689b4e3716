//! The validated types of a spec.

use std::fmt;

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

/// Processor architecture, as EC2 spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `x86_64`.
    X86_64,
    /// `arm64`.
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// Which machine image to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageRef {
    /// `ami-…`.
    Id(String),
    /// A distribution's public parameter, known by a short name such as `al2023-arm64`.
    Alias {
        /// The short name, as written in the spec.
        alias: String,
        /// The public SSM parameter that holds the image's id.
        parameter: String,
        /// Name of the image's root device, which differs between distributions.
        root_device: String,
        /// The image's architecture.
        architecture: Architecture,
    },
    /// `ssm:/path`: a parameter of the user's own.
    Parameter(String),
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Alias { alias, .. } => f.write_str(alias),
            Self::Parameter(path) => write!(f, "ssm:{path}"),
        }
    }
}

/// The Elastic IP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpec {
    /// An allocation that exists, to be adopted instead of allocating one.
    pub allocation: Option<String>,
}

/// The data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    /// Size in GiB, 1 to 65,536.
    pub size_gib: u32,
    /// Where it is mounted: an absolute path, not `/` nor a directory of the system's.
    pub mount: String,
    /// The filesystem it is formatted with, once.
    pub filesystem: Filesystem,
    /// The volume's type.
    pub volume_type: VolumeType,
    /// Provisioned IOPS; without it, the type's default.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, gp3 alone; without it, the type's default.
    pub throughput_mibps: Option<u32>,
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
    /// The hosted zone's name, without the final dot. It exists already.
    pub zone: String,
    /// The record's name, without the final dot: the zone's own name or one below it.
    pub name: String,
    /// Time to live in seconds, 1 to 86,400.
    pub ttl_s: u32,
}

/// What runs on the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpec {
    /// The user's script, run once an instance after the data volume is mounted.
    pub setup: Option<Setup>,
}

/// The user's setup script, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// Its content.
    pub body: Vec<u8>,
}
