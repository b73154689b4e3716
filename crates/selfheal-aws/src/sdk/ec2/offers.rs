//! What EC2 offers: instance types and their zones, routes, and the key that encrypts by default; and what runs of it already.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    self, Filter, InstanceLifecycleType, InstanceTypeInfo, LocationType, Route, RouteState, RouteTable,
};
use selfheal_core::world::{DefaultRoute, InstanceTypeDetails, RunningInstance, SubnetId, VpcId};

use super::super::Sdk;
use super::super::convert::{field, text, uint};
use super::super::error::{absent, failed};
use super::{filter, instances};
use crate::backend::{CallResult, Offers};

/// What EC2 tells of the key where it is its own.
const AWS_OWN_KEY: &str = "alias/aws/ebs";

#[async_trait]
impl Offers for Sdk {
    async fn describe_instance_type(&self, name: &str) -> CallResult<Option<InstanceTypeDetails>> {
        const ACTION: &str = "ec2:DescribeInstanceTypes";
        let call = self.clients.ec2.describe_instance_types().instance_types(name.into());
        match absent(call.send().await.map_err(failed(ACTION, Some(name)))) {
            Ok(output) => Ok(output
                .and_then(|output| output.instance_types)
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(details)),
            Err(error) if error.code.as_deref() == Some("InvalidInstanceType") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe_type_zones(&self, name: &str) -> CallResult<Vec<String>> {
        const ACTION: &str = "ec2:DescribeInstanceTypeOfferings";
        let call = self.clients.ec2.describe_instance_type_offerings();
        let call = call
            .location_type(LocationType::AvailabilityZone)
            .filters(filter("instance-type", name));
        let offerings = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, Some(name)))?;
        let mut zones: Vec<String> = offerings.into_iter().filter_map(|offering| offering.location).collect();
        zones.sort();
        Ok(zones)
    }

    async fn describe_default_route(&self, subnet_id: &SubnetId, vpc_id: &VpcId) -> CallResult<DefaultRoute> {
        const ACTION: &str = "ec2:DescribeRouteTables";
        let call = self
            .clients
            .ec2
            .describe_route_tables()
            .filters(filter("vpc-id", vpc_id.as_str()));
        let tables = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, Some(vpc_id.as_str())))?;
        let table = tables
            .iter()
            .find(|table| is_of_subnet(table, subnet_id))
            .or_else(|| tables.iter().find(|table| is_main(table)));
        // A VPC has a main table always.
        let table = field(table, ACTION, "main table of the VPC")?;
        Ok(DefaultRoute {
            subnet_id: subnet_id.clone(),
            target: table.routes().iter().find_map(target),
        })
    }

    async fn default_kms_key(&self) -> CallResult<Option<String>> {
        const ACTION: &str = "ec2:GetEbsDefaultKmsKeyId";
        let call = self.clients.ec2.get_ebs_default_kms_key_id();
        let output = call.send().await.map_err(failed(ACTION, None))?;
        let key = field(output.kms_key_id, ACTION, "key")?;
        Ok(Some(key).filter(|key| !key.ends_with(AWS_OWN_KEY)))
    }

    async fn running_instances(&self) -> CallResult<Vec<RunningInstance>> {
        let up = Filter::builder()
            .name("instance-state-name")
            .values("pending")
            .values("running");
        let found = instances(self, up.build()).await?;
        found.into_iter().map(running).collect()
    }
}

fn details(info: InstanceTypeInfo) -> InstanceTypeDetails {
    let architectures = info
        .processor_info
        .and_then(|processor| processor.supported_architectures)
        .unwrap_or_default();
    let ebs = info.ebs_info;
    let optimized = ebs.as_ref().and_then(|ebs| ebs.ebs_optimized_info.as_ref());
    InstanceTypeDetails {
        architectures: architectures.iter().map(|kind| kind.as_str().to_owned()).collect(),
        nvme: ebs
            .as_ref()
            .and_then(|ebs| ebs.nvme_support.as_ref())
            .map(|support| support.as_str().to_owned())
            .unwrap_or_default(),
        ebs_baseline_mbps: optimized.and_then(|info| info.baseline_bandwidth_in_mbps).map(uint),
        ebs_maximum_mbps: optimized.and_then(|info| info.maximum_bandwidth_in_mbps).map(uint),
        vcpus: info.v_cpu_info.and_then(|info| info.default_v_cpus).map(uint),
    }
}

/// An instance as the quotas count it: by its vCPUs, which are its cores times their threads.
fn running(instance: types::Instance) -> CallResult<RunningInstance> {
    let options = instance.cpu_options;
    let each = |value: Option<i32>| value.map_or(0, uint);
    let vcpus = options.map_or(0, |options| {
        each(options.core_count).saturating_mul(each(options.threads_per_core))
    });
    Ok(RunningInstance {
        id: field(instance.instance_id, "ec2:DescribeInstances", "id of an instance")?.into(),
        instance_type: instance
            .instance_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        vcpus,
        spot: instance.instance_lifecycle == Some(InstanceLifecycleType::Spot),
    })
}

fn is_of_subnet(table: &RouteTable, subnet_id: &SubnetId) -> bool {
    let of = table.associations();
    of.iter()
        .any(|association| association.subnet_id() == Some(subnet_id.as_str()))
}

fn is_main(table: &RouteTable) -> bool {
    table
        .associations()
        .iter()
        .any(|association| association.main() == Some(true))
}

/// Where a route for everything leads, if it is one and works: a gateway that was deleted leaves a black hole.
fn target(route: &Route) -> Option<String> {
    let works = route.state() != Some(&RouteState::Blackhole);
    if route.destination_cidr_block() != Some("0.0.0.0/0") || !works {
        return None;
    }
    let targets = [
        route.gateway_id(),
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.network_interface_id(),
        route.vpc_peering_connection_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
    ];
    let found = targets.into_iter().find_map(text);
    Some(found.unwrap_or_else(|| "something else".to_owned()))
}
