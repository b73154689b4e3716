//! Whose account it is, and what it offers to launch.

use serde::{Deserialize, Serialize};

use super::{ImageId, InstanceId, SubnetId, VpcId};

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
    pub id: ImageId,
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
    pub id: SubnetId,
    /// Its VPC.
    pub vpc_id: VpcId,
    /// Its Availability Zone, such as `eu-west-1a`.
    pub zone: String,
}

/// An instance type, as the Region offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceType {
    /// Its name, such as `t4g.small`.
    pub name: String,
    /// What it can do; `None` where the Region knows no such type.
    pub details: Option<InstanceTypeDetails>,
    /// The zones that offer it, Local Zones among them.
    pub zones: Vec<String>,
}

/// What an instance type can do, in the fields of `DescribeInstanceTypes` that matter here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceTypeDetails {
    /// Its architectures, such as `arm64` or `x86_64`.
    pub architectures: Vec<String>,
    /// Whether its EBS volumes are NVMe devices: `unsupported`, `supported` or `required`.
    pub nvme: String,
    /// The bandwidth to EBS that it can keep up for ever, in megabits per second, where AWS tells.
    pub ebs_baseline_mbps: Option<u32>,
    /// The bandwidth to EBS that it reaches for half an hour a day at least, likewise.
    pub ebs_maximum_mbps: Option<u32>,
    /// How many vCPUs it has, by which the account's quotas count, where AWS tells.
    #[serde(default)]
    pub vcpus: Option<u32>,
}

/// An instance of the account that runs or is about to, whosever it is: what the account's quotas count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningInstance {
    /// `i-…`.
    pub id: InstanceId,
    /// Its type.
    pub instance_type: String,
    /// How many vCPUs it has; nought where AWS does not tell.
    pub vcpus: u32,
    /// Whether it is a spot instance, which other quotas count.
    pub spot: bool,
}

/// Where a subnet sends what leaves its VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRoute {
    /// The subnet.
    pub subnet_id: SubnetId,
    /// The target of its route for `0.0.0.0/0`, such as `igw-…` or `nat-…`; `None` where there is none that works.
    pub target: Option<String>,
}
