//! What decides whether an instance can be launched as the spec says: read while nothing has been launched so yet.

use serde::{Deserialize, Serialize};

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
}

/// Where a subnet sends what leaves its VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRoute {
    /// The subnet.
    pub subnet_id: String,
    /// The target of its route for `0.0.0.0/0`, such as `igw-…` or `nat-…`; `None` where there is none that works.
    pub target: Option<String>,
}
