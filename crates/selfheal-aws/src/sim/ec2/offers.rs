//! What EC2 offers: instance types and their zones, routes, and the key that encrypts by default.

use async_trait::async_trait;
use selfheal_core::doctor::{ADDRESS_QUOTA, quota_of_type};
use selfheal_core::spec::{Architecture, Market};
use selfheal_core::world::{
    DefaultRoute, ImageId, InstanceState, InstanceTypeDetails, MixedPolicy, RunningInstance, SubnetId, VpcId,
};

use super::super::call::Call;
use super::super::runtime::Sim;
use super::super::state::InstanceRecord;
use super::super::target::Target;
use super::super::world::World;
use crate::backend::{CallResult, Offers, Quotas};

/// An instance type that the simulated Region has.
struct Kind {
    name: &'static str,
    architectures: &'static [&'static str],
    nvme: &'static str,
    baseline_mbps: u32,
    maximum_mbps: u32,
}

/// How many vCPUs a type has, by its size.
///
/// Source: EC2 user guide, "Instance types": `medium` and what is smaller has two of the burstable T3 and T4g, and else one.
fn vcpus(name: &str) -> u32 {
    let (family, size) = name.split_once('.').unwrap_or((name, ""));
    match size.strip_suffix("xlarge") {
        Some("") => 4,
        Some(times) => 4 * times.parse().unwrap_or(1),
        None if size == "large" || family.starts_with("t3") || family.starts_with("t4") => 2,
        None => 1,
    }
}

const ARM64: &[&str] = &["arm64"];
const X86_64: &[&str] = &["x86_64"];
const REQUIRED: &str = "required";

const fn kind(
    name: &'static str,
    architectures: &'static [&'static str],
    nvme: &'static str,
    baseline_mbps: u32,
    maximum_mbps: u32,
) -> Kind {
    Kind {
        name,
        architectures,
        nvme,
        baseline_mbps,
        maximum_mbps,
    }
}

/// Source: EC2 user guide, "Amazon EBS-optimized instance types"; t2 and m4 are of the Xen generation.
const KINDS: &[Kind] = &[
    kind("t3.nano", X86_64, REQUIRED, 43, 2_085),
    kind("t3.micro", X86_64, REQUIRED, 87, 2_085),
    kind("t3.small", X86_64, REQUIRED, 174, 2_085),
    kind("t4g.nano", ARM64, REQUIRED, 43, 2_085),
    kind("t4g.micro", ARM64, REQUIRED, 87, 2_085),
    kind("t4g.small", ARM64, REQUIRED, 174, 2_085),
    kind("t4g.medium", ARM64, REQUIRED, 347, 2_085),
    kind("t4g.large", ARM64, REQUIRED, 695, 2_780),
    kind("m7g.medium", ARM64, REQUIRED, 315, 10_000),
    kind("m7g.large", ARM64, REQUIRED, 630, 10_000),
    kind("m7i.large", X86_64, REQUIRED, 650, 10_000),
    kind("t2.micro", &["i386", "x86_64"], "unsupported", 0, 0),
    kind("m4.large", X86_64, "unsupported", 450, 450),
];

impl World {
    /// The zones that offer a type: all of the Region, unless the configuration says otherwise.
    pub(in crate::sim) fn type_zones(&self, name: &str) -> Vec<String> {
        if self.type_details(name).is_none() {
            return Vec::new();
        }
        let zones: std::collections::BTreeSet<String> = match self.config.type_zones.get(name) {
            Some(letters) => letters
                .iter()
                .map(|letter| format!("{}{letter}", self.config.region))
                .collect(),
            None => self.subnets.values().map(|record| record.subnet.zone.clone()).collect(),
        };
        zones.into_iter().collect()
    }

    pub(in crate::sim) fn type_details(&self, name: &str) -> Option<InstanceTypeDetails> {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            // One that the configuration adds is what its name says, and of today's generation.
            let architecture =
                Architecture::of_instance_type(name).filter(|_| self.config.type_zones.contains_key(name))?;
            return Some(InstanceTypeDetails {
                architectures: vec![architecture.to_string()],
                nvme: REQUIRED.to_owned(),
                ebs_baseline_mbps: None,
                ebs_maximum_mbps: None,
                vcpus: Some(vcpus(name)),
            });
        };
        let known = |mbps: u32| (mbps > 0).then_some(mbps);
        Some(InstanceTypeDetails {
            architectures: kind.architectures.iter().map(|&name| name.to_owned()).collect(),
            nvme: kind.nvme.to_owned(),
            ebs_baseline_mbps: known(kind.baseline_mbps),
            ebs_maximum_mbps: known(kind.maximum_mbps),
            vcpus: Some(vcpus(name)),
        })
    }

    /// Why EC2 refuses to launch this type from this image in this zone, in its words.
    pub(in crate::sim) fn check_type(
        &self,
        name: &str,
        image_id: &ImageId,
        root_gib: u32,
        zone: &str,
    ) -> Result<(), String> {
        let Some(details) = self.type_details(name) else {
            return Err(format!("The following supplied instance types do not exist: [{name}]"));
        };
        let zones = self.type_zones(name);
        if !zones.iter().any(|offered| offered == zone) {
            return Err(format!(
                "Your requested instance type ({name}) is not supported in your requested Availability Zone ({zone}). \
                 Please retry your request by not specifying an Availability Zone or choosing {}.",
                zones.join(", ")
            ));
        }
        let Some(image) = self.images.get(image_id) else {
            return Err(format!("The image id '[{image_id}]' does not exist"));
        };
        if let Some(architecture) = image
            .architecture
            .as_ref()
            .filter(|has| !details.architectures.contains(has))
        {
            return Err(format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{architecture}' of \
                 the specified AMI.",
                details.architectures.join(",")
            ));
        }
        if let Some(least) = image.root_size_gib.filter(|least| *least > root_gib) {
            return Err(format!(
                "Volume of size {root_gib}GB is smaller than snapshot, expect size >= {least}GB"
            ));
        }
        Ok(())
    }

    /// What runs or is about to.
    fn running(&self) -> Vec<RunningInstance> {
        let up = |it: &&InstanceRecord| matches!(it.state, InstanceState::Pending | InstanceState::Running);
        let seen = self.instances.values().filter(up);
        seen.map(|it| {
            let group = it.group.as_ref().and_then(|name| self.groups.get(name));
            let mixed = group.and_then(|record| record.settings.mixed.as_ref());
            RunningInstance {
                id: it.id.clone(),
                instance_type: it.data.instance_type.clone(),
                vcpus: vcpus(&it.data.instance_type),
                spot: mixed.is_some_and(MixedPolicy::is_spot),
            }
        })
        .collect()
    }

    /// Why the account's quota does not let a type be launched, in EC2's words.
    pub(in crate::sim) fn check_quota(&self, name: &str, spot: bool) -> Result<(), String> {
        let market = if spot { Market::Spot } else { Market::OnDemand };
        let Some(quota) = quota_of_type(name, market) else {
            return Ok(());
        };
        let Some(allowed) = self.config.quotas.get(quota.code) else {
            return Ok(());
        };
        let counted = |it: &RunningInstance| it.spot == spot && quota_of_type(&it.instance_type, market) == Some(quota);
        let used: u32 = self.running().into_iter().filter(counted).map(|it| it.vcpus).sum();
        if used + vcpus(name) <= *allowed {
            return Ok(());
        }
        Err(if spot {
            "MaxSpotInstanceCountExceeded - Max spot instance count exceeded".to_owned()
        } else {
            format!(
                "VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of {allowed} allows for \
                 the instance bucket that the specified instance type belongs to. Please visit \
                 http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
            )
        })
    }

    /// The ARN of the key that AWS keeps for the account, which nobody needs rights for.
    pub(in crate::sim) fn own_key(&self) -> String {
        self.arn("kms", "key/00000000-0000-4000-8000-000000000000")
    }

    fn default_route(&self, subnet_id: &SubnetId) -> DefaultRoute {
        let target = match self.config.routes.get(subnet_id) {
            Some(target) => target.clone(),
            None => Some("igw-00000000000000001".to_owned()),
        };
        DefaultRoute {
            subnet_id: subnet_id.clone(),
            target,
        }
    }
}

#[async_trait]
impl Offers for Sim {
    async fn describe_instance_type(&self, name: &str) -> CallResult<Option<InstanceTypeDetails>> {
        let (call, name) = (Call::read("ec2:DescribeInstanceTypes").about(name), name.to_owned());
        self.call(call, move |world| Ok(world.type_details(&name))).await
    }

    async fn describe_type_zones(&self, name: &str) -> CallResult<Vec<String>> {
        let call = Call::read("ec2:DescribeInstanceTypeOfferings").about(name);
        let name = name.to_owned();
        self.call(call, move |world| Ok(world.type_zones(&name))).await
    }

    async fn describe_default_route(&self, subnet_id: &SubnetId, vpc_id: &VpcId) -> CallResult<DefaultRoute> {
        let call = Call::read("ec2:DescribeRouteTables").about(vpc_id.as_str());
        let subnet_id = subnet_id.clone();
        self.call(call, move |world| Ok(world.default_route(&subnet_id))).await
    }

    async fn default_kms_key(&self) -> CallResult<Option<String>> {
        self.call(Call::read("ec2:GetEbsDefaultKmsKeyId"), |world| {
            Ok(world.config.default_key.clone())
        })
        .await
    }

    async fn running_instances(&self) -> CallResult<Vec<RunningInstance>> {
        self.call(Call::read("ec2:DescribeInstances"), |world| Ok(world.running()))
            .await
    }
}

/// What Service Quotas allows whoever has asked for no more, of what is counted here.
const DEFAULT_QUOTA: u32 = 64;

#[async_trait]
impl Quotas for Sim {
    async fn ec2_quota(&self, code: &str) -> CallResult<Option<u32>> {
        let call = Call::read("servicequotas:GetServiceQuota")
            .about(code)
            .on(Target::Quota(code.to_owned()));
        let code = code.to_owned();
        self.call(call, move |world| {
            if code == ADDRESS_QUOTA.code {
                return Ok(u32::try_from(world.config.address_quota).ok());
            }
            Ok(world.config.quotas.get(&code).copied())
        })
        .await
    }

    async fn default_ec2_quota(&self, code: &str) -> CallResult<Option<u32>> {
        let call = Call::read("servicequotas:GetAWSDefaultServiceQuota").about(code);
        self.call(call, |_| Ok(Some(DEFAULT_QUOTA))).await
    }
}
