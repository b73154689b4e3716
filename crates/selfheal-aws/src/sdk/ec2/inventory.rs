//! What an account has, before there is a stack in it.

use async_trait::async_trait;
use aws_sdk_ec2::types;
use selfheal_core::init::InstanceLikeness;
use selfheal_core::world::{HostedZone, InstanceId, Volume};

use super::super::Sdk;
use super::super::convert::field;
use super::super::error::failed;
use super::super::route53;
use super::{INSTANCES, PAGE, filter, instances, read};
use crate::backend::{CallResult, Inventory};

#[async_trait]
impl Inventory for Sdk {
    async fn regions(&self) -> CallResult<Vec<String>> {
        const ACTION: &str = "ec2:DescribeRegions";
        // Without `AllRegions` EC2 tells those alone that the account may use.
        let output = self.clients.ec2.describe_regions().send().await;
        let regions = output.map_err(failed(ACTION, None))?.regions.unwrap_or_default();
        let mut names: Vec<String> = regions.into_iter().filter_map(|region| region.region_name).collect();
        names.sort();
        Ok(names)
    }

    async fn unused_volumes(&self) -> CallResult<Vec<Volume>> {
        const ACTION: &str = "ec2:DescribeVolumes";
        let call = self
            .clients
            .ec2
            .describe_volumes()
            .filters(filter("status", "available"));
        let pages = call.into_paginator().page_size(PAGE).items().send();
        let volumes = pages.collect::<Result<Vec<_>, _>>().await;
        let volumes = volumes.map_err(failed(ACTION, None))?;
        volumes.into_iter().map(|volume| read::volume(volume, ACTION)).collect()
    }

    async fn describe_likeness(&self, instance_id: &InstanceId) -> CallResult<Option<InstanceLikeness>> {
        // By filter: asked by the id, EC2 answers with an error where there is no such instance.
        let found = instances(self, filter("instance-id", instance_id.as_str())).await?;
        found.into_iter().next().map(likeness).transpose()
    }

    async fn public_zones(&self) -> CallResult<Vec<HostedZone>> {
        const ACTION: &str = "route53:ListHostedZones";
        let call = self.clients.route53.list_hosted_zones();
        let zones = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await;
        let zones = zones.map_err(failed(ACTION, None))?;
        let mut public: Vec<HostedZone> = zones
            .into_iter()
            .map(route53::zone)
            .filter(|zone| !zone.private)
            .collect();
        public.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(public)
    }
}

fn likeness(instance: types::Instance) -> CallResult<InstanceLikeness> {
    let name = instance
        .tags
        .iter()
        .flatten()
        .find(|tag| tag.key() == Some("Name"))
        .and_then(|tag| tag.value.clone());
    let groups = instance.security_groups.unwrap_or_default().into_iter();
    let devices = instance.block_device_mappings.unwrap_or_default().into_iter();
    Ok(InstanceLikeness {
        id: field(instance.instance_id, INSTANCES, "id of the instance")?.into(),
        name,
        instance_type: field(instance.instance_type, INSTANCES, "type of the instance")?
            .as_str()
            .to_owned(),
        image_id: field(instance.image_id, INSTANCES, "image of the instance")?.into(),
        subnet_id: instance.subnet_id.map(Into::into),
        security_groups: groups.filter_map(|group| group.group_id).map(Into::into).collect(),
        root_device: instance.root_device_name,
        volumes: devices
            .filter_map(|device| Some((device.device_name?, device.ebs?.volume_id?.into())))
            .collect(),
        spot: instance.instance_lifecycle == Some(types::InstanceLifecycleType::Spot),
    })
}
