//! EC2.

mod application;
mod by_id;
mod inventory;
mod offers;
mod read;
mod template;
mod write;

use async_trait::async_trait;
use aws_sdk_ec2::types::{self, DomainType, Filter, VolumeType};
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::world::{
    Address, AllocationId, AssociationId, CopyVolume, CreateVolume, Image, ImageId, IngressRule, Instance, InstanceId,
    LaunchTemplate, LaunchTemplateId, ModifyVolume, SecurityGroup, SecurityGroupId, Snapshot, SnapshotId, Subnet,
    TemplateData, Volume, VolumeId, VolumeModification, VpcId,
};
use selfheal_userdata::decode;

use super::Sdk;
use super::convert::{field, int};
use super::error::{absent, failed};
use crate::backend::{CallResult, Ec2, SecurityGroupQuery, SubnetQuery};

/// Items on a page, as many as `DescribeVolumes` gives; every listing here has a few items at most.
const PAGE: i32 = 500;

/// The call that lists instances.
const INSTANCES: &str = "ec2:DescribeInstances";

/// Lists the instances that a filter lets through, in whatever reservation they came.
async fn instances(sdk: &Sdk, filter: Filter) -> CallResult<Vec<types::Instance>> {
    let call = sdk.clients.ec2.describe_instances().filters(filter);
    let pages = call.into_paginator().page_size(PAGE).items().send();
    let reservations = pages
        .collect::<Result<Vec<_>, _>>()
        .await
        .map_err(failed(INSTANCES, None))?;
    let instances = reservations
        .into_iter()
        .flat_map(|reservation| reservation.instances.unwrap_or_default());
    Ok(instances.collect())
}

#[async_trait]
impl Ec2 for Sdk {
    async fn describe_image(&self, id: &ImageId) -> CallResult<Option<Image>> {
        const ACTION: &str = "ec2:DescribeImages";
        let call = self.clients.ec2.describe_images().image_ids(id);
        match absent(call.send().await.map_err(failed(ACTION, Some(id.as_str())))) {
            Ok(output) => Ok(output
                .and_then(|output| output.images)
                .unwrap_or_default()
                .into_iter()
                .find_map(read::image)),
            // What AWS says of an image that was deregistered while something still refers to it.
            Err(error) if error.code.as_deref() == Some("InvalidAMIID.Unavailable") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe_subnets(&self, query: &SubnetQuery) -> CallResult<Vec<Subnet>> {
        // By filter, also for an id: a subnet that does not exist is then an empty answer and not an error.
        let filter = match query {
            SubnetQuery::DefaultForZone => filter("default-for-az", "true"),
            SubnetQuery::Ids(ids) if ids.is_empty() => return Ok(Vec::new()),
            SubnetQuery::Ids(ids) => any_of("subnet-id", ids),
        };
        let pages = self
            .clients
            .ec2
            .describe_subnets()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let subnets = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed("ec2:DescribeSubnets", None))?;
        Ok(subnets.into_iter().map(read::subnet).collect())
    }

    async fn describe_addresses(&self) -> CallResult<Vec<Address>> {
        const ACTION: &str = "ec2:DescribeAddresses";
        let output = self
            .clients
            .ec2
            .describe_addresses()
            .send()
            .await
            .map_err(failed(ACTION, None))?;
        Ok(output
            .addresses
            .unwrap_or_default()
            .into_iter()
            .filter_map(read::address)
            .collect())
    }

    async fn address_quota(&self) -> CallResult<Option<u32>> {
        const ACTION: &str = "ec2:DescribeAccountAttributes";
        let call = self.clients.ec2.describe_account_attributes();
        let call = call.attribute_names("vpc-max-elastic-ips".into());
        let output = call.send().await.map_err(failed(ACTION, None))?;
        let values = output.account_attributes.unwrap_or_default().into_iter();
        let mut values = values.flat_map(|attribute| attribute.attribute_values.unwrap_or_default());
        Ok(values.find_map(|value| value.attribute_value?.parse().ok()))
    }

    async fn describe_volumes(&self, stacks: &[&str]) -> CallResult<Vec<Volume>> {
        const ACTION: &str = "ec2:DescribeVolumes";
        let call = self.clients.ec2.describe_volumes().filters(of_stacks(stacks));
        let pages = call.into_paginator().page_size(PAGE).items().send();
        let volumes = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, None))?;
        volumes.into_iter().map(|volume| read::volume(volume, ACTION)).collect()
    }

    async fn describe_volume(&self, id: &VolumeId) -> CallResult<Option<Volume>> {
        by_id::volume(self, id.as_str()).await
    }

    async fn describe_attached_volumes(&self, instance_id: &InstanceId) -> CallResult<Vec<Volume>> {
        by_id::attached_volumes(self, instance_id.as_str()).await
    }

    async fn describe_volume_modification(&self, volume_id: &VolumeId) -> CallResult<Option<VolumeModification>> {
        by_id::volume_modification(self, volume_id.as_str()).await
    }

    async fn describe_address(&self, allocation_id: &AllocationId) -> CallResult<Option<Address>> {
        by_id::address(self, allocation_id.as_str()).await
    }

    async fn describe_security_groups(&self, query: &SecurityGroupQuery) -> CallResult<Vec<SecurityGroup>> {
        const ACTION: &str = "ec2:DescribeSecurityGroups";
        let filter = match query {
            SecurityGroupQuery::Named(names) if names.is_empty() => return Ok(Vec::new()),
            SecurityGroupQuery::Named(names) => any_of("group-name", names),
            SecurityGroupQuery::Ids(ids) if ids.is_empty() => return Ok(Vec::new()),
            SecurityGroupQuery::Ids(ids) => any_of("group-id", ids),
        };
        let pages = self
            .clients
            .ec2
            .describe_security_groups()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let groups = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, None))?;
        Ok(groups.into_iter().map(read::security_group).collect())
    }

    async fn describe_launch_template(&self, name: &str, version: Option<u64>) -> CallResult<Option<LaunchTemplate>> {
        const ACTION: &str = "ec2:DescribeLaunchTemplateVersions";
        let call = self
            .clients
            .ec2
            .describe_launch_template_versions()
            .launch_template_name(name)
            .versions(version.map_or_else(|| "$Latest".to_owned(), |version| version.to_string()));
        let Some(output) = absent(call.send().await.map_err(failed(ACTION, Some(name))))? else {
            return Ok(None);
        };
        let versions = output.launch_template_versions.unwrap_or_default();
        versions
            .into_iter()
            .next()
            .map(|version| template::read(version, ACTION))
            .transpose()
    }

    async fn describe_launch_templates(&self) -> CallResult<Vec<LaunchTemplate>> {
        template::read_all(self).await
    }

    async fn describe_instances(&self, stacks: &[&str]) -> CallResult<Vec<Instance>> {
        let found = instances(self, of_stacks(stacks)).await?;
        found
            .into_iter()
            .map(|instance| read::instance(instance, INSTANCES))
            .collect()
    }

    async fn console_output(&self, instance_id: &InstanceId, latest: bool) -> CallResult<Option<String>> {
        const ACTION: &str = "ec2:GetConsoleOutput";
        let call = self.clients.ec2.get_console_output().instance_id(instance_id);
        let call = call.set_latest(latest.then_some(true));
        let output = absent(call.send().await.map_err(failed(ACTION, Some(instance_id.as_str()))))?;
        let Some(text) = output
            .and_then(|output| output.output)
            .filter(|text| !text.trim().is_empty())
        else {
            return Ok(None);
        };
        let bytes = field(decode(&text), ACTION, "console that is base64")?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn describe_snapshots(&self, stacks: &[&str]) -> CallResult<Vec<Snapshot>> {
        const ACTION: &str = "ec2:DescribeSnapshots";
        let call = self
            .clients
            .ec2
            .describe_snapshots()
            .owner_ids("self")
            .filters(of_stacks(stacks));
        let pages = call.into_paginator().page_size(PAGE).items().send();
        let snapshots = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, None))?;
        snapshots
            .into_iter()
            .map(|snapshot| read::snapshot(snapshot, ACTION))
            .collect()
    }

    async fn allocate_address(&self, tags: &Tags) -> CallResult<Address> {
        const ACTION: &str = "ec2:AllocateAddress";
        let call = self.clients.ec2.allocate_address().domain(DomainType::Vpc);
        let call = call.set_tag_specifications(write::tagged("elastic-ip", tags));
        let output = call.send().await.map_err(failed(ACTION, None))?;
        Ok(Address {
            allocation_id: field(output.allocation_id, ACTION, "allocation id")?.into(),
            public_ip: field(output.public_ip, ACTION, "public address")?,
            association_id: None,
            instance_id: None,
            interface_id: None,
            service_managed: None,
            own_pool: false,
            tags: tags.clone(),
        })
    }

    async fn create_tags(&self, resource: &str, tags: &Tags) -> CallResult<()> {
        let call = self
            .clients
            .ec2
            .create_tags()
            .resources(resource)
            .set_tags(Some(write::tags(tags)));
        call.send().await.map_err(failed("ec2:CreateTags", Some(resource)))?;
        Ok(())
    }

    async fn create_volume(&self, input: &CreateVolume) -> CallResult<Volume> {
        const ACTION: &str = "ec2:CreateVolume";
        let call = self.clients.ec2.create_volume();
        let call = call
            .availability_zone(&input.zone)
            .size(int(input.size_gib))
            .volume_type(VolumeType::from(input.volume_type.as_str()))
            .set_iops(input.iops.map(int))
            .set_throughput(input.throughput_mibps.map(int))
            .encrypted(input.encrypted)
            .set_kms_key_id(input.kms_key.clone())
            .set_snapshot_id(input.snapshot_id.as_ref().map(SnapshotId::to_string))
            .set_tag_specifications(write::tagged("volume", &input.tags))
            .client_token(&input.client_token);
        let output = call.send().await.map_err(failed(ACTION, None))?;
        read::volume(write::volume_of(output), ACTION)
    }

    async fn copy_volume(&self, input: &CopyVolume) -> CallResult<Volume> {
        const ACTION: &str = "ec2:CopyVolumes";
        let call = self.clients.ec2.copy_volumes();
        let call = call
            .source_volume_id(&input.source)
            .size(int(input.size_gib))
            .volume_type(VolumeType::from(input.volume_type.as_str()))
            .set_iops(input.iops.map(int))
            .set_throughput(input.throughput_mibps.map(int))
            .set_tag_specifications(write::tagged("volume", &input.tags))
            .client_token(&input.client_token);
        let output = call.send().await.map_err(failed(ACTION, Some(input.source.as_str())))?;
        let copy = output.volumes.unwrap_or_default().pop();
        read::volume(field(copy, ACTION, "copy")?, ACTION)
    }

    async fn modify_volume(&self, input: &ModifyVolume) -> CallResult<()> {
        let call = self.clients.ec2.modify_volume().volume_id(&input.id);
        let call = call
            .set_size(input.size_gib.map(int))
            .set_volume_type(input.volume_type.as_deref().map(VolumeType::from))
            .set_iops(input.iops.map(int))
            .set_throughput(input.throughput_mibps.map(int));
        call.send()
            .await
            .map_err(failed("ec2:ModifyVolume", Some(input.id.as_str())))?;
        Ok(())
    }

    async fn create_security_group(&self, name: &str, vpc_id: &VpcId, tags: &Tags) -> CallResult<SecurityGroupId> {
        const ACTION: &str = "ec2:CreateSecurityGroup";
        let call = self.clients.ec2.create_security_group().group_name(name).vpc_id(vpc_id);
        // AWS demands a description, and it cannot be changed afterwards.
        let call = call.description(format!("What may reach {name}; managed by selfheal"));
        let call = call.set_tag_specifications(write::tagged("security-group", tags));
        let output = call.send().await.map_err(failed(ACTION, Some(name)))?;
        field(output.group_id.map(Into::into), ACTION, "group id")
    }

    async fn authorize_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        let call = self.clients.ec2.authorize_security_group_ingress().group_id(group_id);
        let call = call.set_ip_permissions(Some(rules.iter().map(write::permission).collect()));
        call.send()
            .await
            .map_err(failed("ec2:AuthorizeSecurityGroupIngress", Some(group_id.as_str())))?;
        Ok(())
    }

    async fn revoke_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        let call = self.clients.ec2.revoke_security_group_ingress().group_id(group_id);
        let call = call.set_ip_permissions(Some(rules.iter().map(write::permission).collect()));
        call.send()
            .await
            .map_err(failed("ec2:RevokeSecurityGroupIngress", Some(group_id.as_str())))?;
        Ok(())
    }

    async fn create_launch_template(
        &self,
        name: &str,
        data: &TemplateData,
        tags: &Tags,
    ) -> CallResult<LaunchTemplateId> {
        const ACTION: &str = "ec2:CreateLaunchTemplate";
        let call = self.clients.ec2.create_launch_template().launch_template_name(name);
        let call = call.launch_template_data(template::request(data));
        let call = call.set_tag_specifications(write::tagged("launch-template", tags));
        let output = call.send().await.map_err(failed(ACTION, Some(name)))?;
        template::log_warning(ACTION, output.warning.as_ref());
        let id = output.launch_template.and_then(|template| template.launch_template_id);
        field(id.map(Into::into), ACTION, "template id")
    }

    async fn create_template_version(&self, template_id: &LaunchTemplateId, data: &TemplateData) -> CallResult<u64> {
        const ACTION: &str = "ec2:CreateLaunchTemplateVersion";
        // Without a source version: the new one holds this data and nothing else.
        let call = self
            .clients
            .ec2
            .create_launch_template_version()
            .launch_template_id(template_id);
        let call = call.launch_template_data(template::request(data));
        let output = call.send().await.map_err(failed(ACTION, Some(template_id.as_str())))?;
        template::log_warning(ACTION, output.warning.as_ref());
        let number = output
            .launch_template_version
            .and_then(|version| version.version_number);
        field(
            number.and_then(|number| u64::try_from(number).ok()),
            ACTION,
            "version number",
        )
    }

    async fn delete_launch_template(&self, id: &LaunchTemplateId) -> CallResult<()> {
        let call = self.clients.ec2.delete_launch_template().launch_template_id(id);
        call.send()
            .await
            .map_err(failed("ec2:DeleteLaunchTemplate", Some(id.as_str())))?;
        Ok(())
    }

    async fn delete_security_group(&self, id: &SecurityGroupId) -> CallResult<()> {
        let call = self.clients.ec2.delete_security_group().group_id(id);
        call.send()
            .await
            .map_err(failed("ec2:DeleteSecurityGroup", Some(id.as_str())))?;
        Ok(())
    }

    async fn disassociate_address(&self, association_id: &AssociationId) -> CallResult<()> {
        let call = self.clients.ec2.disassociate_address().association_id(association_id);
        call.send()
            .await
            .map_err(failed("ec2:DisassociateAddress", Some(association_id.as_str())))?;
        Ok(())
    }

    async fn release_address(&self, allocation_id: &AllocationId) -> CallResult<()> {
        let call = self.clients.ec2.release_address().allocation_id(allocation_id);
        call.send()
            .await
            .map_err(failed("ec2:ReleaseAddress", Some(allocation_id.as_str())))?;
        Ok(())
    }

    async fn create_snapshot(&self, volume_id: &VolumeId, description: &str, tags: &Tags) -> CallResult<Snapshot> {
        const ACTION: &str = "ec2:CreateSnapshot";
        let call = self
            .clients
            .ec2
            .create_snapshot()
            .volume_id(volume_id)
            .description(description);
        let call = call.set_tag_specifications(write::tagged("snapshot", tags));
        let output = call.send().await.map_err(failed(ACTION, Some(volume_id.as_str())))?;
        read::snapshot(write::snapshot_of(output), ACTION)
    }

    async fn attach_volume(&self, id: &VolumeId, instance_id: &InstanceId, device: &str) -> CallResult<()> {
        let call = self.clients.ec2.attach_volume().volume_id(id);
        let call = call.instance_id(instance_id).device(device);
        call.send()
            .await
            .map_err(failed("ec2:AttachVolume", Some(id.as_str())))?;
        Ok(())
    }

    async fn detach_volume(&self, id: &VolumeId, instance_id: &InstanceId) -> CallResult<()> {
        let call = self.clients.ec2.detach_volume().volume_id(id).instance_id(instance_id);
        call.send()
            .await
            .map_err(failed("ec2:DetachVolume", Some(id.as_str())))?;
        Ok(())
    }

    async fn delete_volume(&self, id: &VolumeId) -> CallResult<()> {
        let call = self.clients.ec2.delete_volume().volume_id(id);
        call.send()
            .await
            .map_err(failed("ec2:DeleteVolume", Some(id.as_str())))?;
        Ok(())
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// What has any of these values.
fn any_of<T>(name: &str, values: &[T]) -> Filter
where
    for<'v> &'v T: Into<String>,
{
    let values = values.iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// Everything that bears the tag of one of these stacks, whatever its role.
fn of_stacks(stacks: &[&str]) -> Filter {
    let stacks: Vec<String> = stacks.iter().map(|&stack| stack.to_owned()).collect();
    any_of(&format!("tag:{TAG_STACK}"), &stacks)
}
