//! EC2: the trait's calls, each handed to the effect of its kind of resource.

mod address;
mod attach;
mod instance;
mod inventory;
mod offers;
mod past;
mod security_group;
mod snapshot;
mod template;
mod token;
mod volume;

use async_trait::async_trait;
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::request::TAG_REQUEST;
use selfheal_core::world::{
    Address, AllocationId, AssociationId, CopyVolume, CreateVolume, Image, ImageId, IngressRule, Instance, InstanceId,
    LaunchTemplate, LaunchTemplateId, ModifyVolume, SecurityGroup, SecurityGroupId, Snapshot, Subnet, SubnetId,
    TemplateData, Volume, VolumeId, VolumeModification, VolumeState, VpcId,
};

use super::call::{Call, fail};
use super::pages::{Page, cut};
use super::runtime::Sim;
use super::state::{InstanceRecord, SubnetRecord, VolumeRecord};
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, Ec2, SecurityGroupQuery, SubnetQuery};

/// Items on a page where the SDK asks for as many as `DescribeVolumes` gives, and where it leaves that to EC2.
const PAGE_ASKED: usize = 500;
const PAGE: usize = 1_000;
/// Versions on a page of launch templates.
const VERSIONS_PAGE: usize = 200;

/// Whether the tags say that the resource belongs to one of the stacks.
fn of_stacks(tags: &Tags, stacks: &[String]) -> bool {
    tags.get(TAG_STACK).is_some_and(|stack| stacks.contains(stack))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// The code with which EC2 says that a resource does not exist.
pub(super) fn missing_code(resource: &str) -> &'static str {
    match resource.split_once('-').map(|(prefix, _)| prefix) {
        Some("eipalloc") => "InvalidAllocationID.NotFound",
        Some("vol") => "InvalidVolume.NotFound",
        Some("snap") => "InvalidSnapshot.NotFound",
        Some("sg") => "InvalidGroup.NotFound",
        Some("lt") => "InvalidLaunchTemplateId.NotFound",
        Some("i") => "InvalidInstanceID.NotFound",
        // Not in the references yet; spelled as EC2 spells the others.
        Some("asc") => "InvalidApplicationStatusCheckId.NotFound",
        _ => "InvalidID",
    }
}

/// Refuses tags that the metadata of their instance cannot have, in EC2's words.
pub(super) fn check_metadata_tags(tags: &Tags) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-=.,_:@".contains(c);
    let may_be = |key: &str| key.chars().all(plain) && !matches!(key, "." | ".." | "_index");
    match tags.keys().find(|key| !may_be(key)) {
        Some(key) => Err(format!(
            "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not be a \
             reserved name ('.', '..', '_index')"
        )),
        None => Ok(()),
    }
}

/// Refuses tags that EC2 refuses.
pub(super) fn check_tags(action: &'static str, tags: &Tags) -> CallResult<()> {
    if tags.len() > 50 {
        return fail(
            action,
            "TagLimitExceeded",
            "The maximum number of tags for a resource has been reached.",
        );
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return fail(
                action,
                "InvalidParameterValue",
                format!("Tag key or value exceeds its length: '{key}'"),
            );
        }
        if key.starts_with("aws:") {
            let message = format!("Tag keys starting with 'aws:' are reserved for internal use: '{key}'");
            return fail(action, "InvalidParameterValue", message);
        }
    }
    Ok(())
}

impl World {
    fn create_tags(&mut self, resource: &str, tags: &Tags) -> CallResult<()> {
        const ACTION: &str = "ec2:CreateTags";
        check_tags(ACTION, tags)?;
        self.check_keys_in_metadata(ACTION, resource, tags)?;
        let Some(existing) = self.ec2_tags_mut(resource) else {
            return fail(
                ACTION,
                missing_code(resource),
                format!("The ID '{resource}' does not exist"),
            );
        };
        existing.extend(tags.clone());
        if tags.contains_key(TAG_REQUEST) {
            self.show_request(&resource.into());
        }
        Ok(())
    }

    /// What an instance shows in its metadata by the names of its tags cannot have every name.
    ///
    /// Source: EC2 user guide, "View tags for your EC2 instances using instance metadata".
    fn check_keys_in_metadata(&self, action: &'static str, resource: &str, tags: &Tags) -> CallResult<()> {
        let shows = |instance: &&InstanceRecord| instance.data.metadata_tags == "enabled";
        if self.instances.get(resource).filter(shows).is_none() {
            return Ok(());
        }
        check_metadata_tags(tags).or_else(|why| fail(action, "InvalidParameterValue", why))
    }

    /// The tags of an EC2 resource.
    pub(super) fn ec2_tags_mut(&mut self, resource: &str) -> Option<&mut Tags> {
        let tags = match resource.split_once('-')?.0 {
            "asc" => self.check_tags_mut(resource)?,
            "eipalloc" => &mut self.addresses.get_mut(resource)?.address.tags,
            "vol" => {
                let live = |record: &&mut VolumeRecord| record.volume.state != VolumeState::Deleted;
                &mut self.volumes.get_mut(resource).filter(live)?.volume.tags
            }
            "snap" => &mut self.snapshots.get_mut(resource)?.snapshot.tags,
            "sg" => &mut self.security_groups.get_mut(resource)?.group.tags,
            "lt" => &mut self.templates.get_mut(resource)?.tags,
            "i" => &mut self.instances.get_mut(resource)?.tags,
            _ => return None,
        };
        Some(tags)
    }

    fn describe_subnets(&self, query: &SubnetQuery, page: (Option<SubnetId>, usize)) -> Page<SubnetId, Subnet> {
        let wanted = |record: &SubnetRecord| match query {
            SubnetQuery::DefaultForZone => record.default,
            SubnetQuery::Ids(ids) => ids.contains(&record.subnet.id),
        };
        let show = |record: &SubnetRecord| wanted(record).then(|| record.subnet.clone());
        cut(&self.subnets, page, |_| true, show)
    }
}

#[async_trait]
impl Ec2 for Sim {
    async fn describe_image(&self, id: &ImageId) -> CallResult<Option<Image>> {
        let (call, id) = (Call::read("ec2:DescribeImages").about(id.as_str()), id.to_owned());
        self.call(call, move |world| Ok(world.images.get(&id).cloned())).await
    }

    async fn describe_subnets(&self, query: &SubnetQuery) -> CallResult<Vec<Subnet>> {
        let query = query.clone();
        self.listing(Call::read("ec2:DescribeSubnets"), PAGE, move |world, page| {
            Ok(world.describe_subnets(&query, page))
        })
        .await
    }

    async fn describe_addresses(&self) -> CallResult<Vec<Address>> {
        self.call(Call::read("ec2:DescribeAddresses"), |world| {
            let mut addresses = world.describe_addresses();
            addresses.retain(|address| !world.unlisted.contains(address.allocation_id.as_str()));
            Ok(addresses)
        })
        .await
    }

    async fn address_quota(&self) -> CallResult<Option<u32>> {
        self.call(Call::read("ec2:DescribeAccountAttributes"), |world| {
            Ok(u32::try_from(world.config.address_quota).ok())
        })
        .await
    }

    async fn describe_volumes(&self, stacks: &[&str]) -> CallResult<Vec<Volume>> {
        let stacks = owned(stacks);
        let call = Call::read("ec2:DescribeVolumes");
        self.listing(call, PAGE_ASKED, move |world, page| {
            let listed =
                |volume: &Volume| of_stacks(&volume.tags, &stacks) && !world.unlisted.contains(volume.id.as_str());
            Ok(world.page_of_volumes(page, listed))
        })
        .await
    }

    async fn describe_volume(&self, id: &VolumeId) -> CallResult<Option<Volume>> {
        let (call, id) = (Call::read("ec2:DescribeVolumes").about(id.as_str()), id.to_owned());
        self.call(call, move |world| {
            Ok(world.describe_volumes(|volume| volume.id == id).into_iter().next())
        })
        .await
    }

    async fn describe_attached_volumes(&self, instance_id: &InstanceId) -> CallResult<Vec<Volume>> {
        let (call, instance) = (
            Call::read("ec2:DescribeVolumes").about(instance_id.as_str()),
            instance_id.to_owned(),
        );
        self.listing(call, PAGE_ASKED, move |world, page| {
            let held = |volume: &Volume| {
                let held = volume
                    .attachment
                    .as_ref()
                    .is_some_and(|held| held.instance_id == instance);
                held && !world.unlisted.contains(volume.id.as_str())
            };
            Ok(world.page_of_volumes(page, held))
        })
        .await
    }

    async fn describe_volume_modification(&self, volume_id: &VolumeId) -> CallResult<Option<VolumeModification>> {
        let call = Call::read("ec2:DescribeVolumesModifications").about(volume_id.as_str());
        let id = volume_id.to_owned();
        self.call(call, move |world| Ok(world.describe_volume_modification(&id)))
            .await
    }

    async fn describe_address(&self, allocation_id: &AllocationId) -> CallResult<Option<Address>> {
        let call = Call::read("ec2:DescribeAddresses").about(allocation_id.as_str());
        let id = allocation_id.to_owned();
        self.call(call, move |world| {
            let mut found = world.describe_addresses().into_iter();
            Ok(found.find(|address| address.allocation_id == id))
        })
        .await
    }

    async fn describe_security_groups(&self, query: &SecurityGroupQuery) -> CallResult<Vec<SecurityGroup>> {
        let query = query.clone();
        let call = Call::read("ec2:DescribeSecurityGroups");
        self.listing(call, PAGE, move |world, page| {
            Ok(world.describe_security_groups(&query, page))
        })
        .await
    }

    async fn describe_launch_template(&self, name: &str, version: Option<u64>) -> CallResult<Option<LaunchTemplate>> {
        let (call, name) = (
            Call::read("ec2:DescribeLaunchTemplateVersions").about(name),
            name.to_owned(),
        );
        self.call(call, move |world| Ok(world.describe_template(&name, version)))
            .await
    }

    async fn describe_launch_templates(&self) -> CallResult<Vec<LaunchTemplate>> {
        let call = Call::read("ec2:DescribeLaunchTemplateVersions");
        self.listing(call, VERSIONS_PAGE, |world, page| Ok(world.describe_templates(page)))
            .await
    }

    async fn describe_instances(&self, stacks: &[&str]) -> CallResult<Vec<Instance>> {
        let (call, stacks) = (Call::read("ec2:DescribeInstances"), owned(stacks));
        self.listing(call, PAGE_ASKED, move |world, page| {
            Ok(world.describe_instances(&stacks, page))
        })
        .await
    }

    async fn console_output(&self, instance_id: &InstanceId, _: bool) -> CallResult<Option<String>> {
        let call = Call::read("ec2:GetConsoleOutput").about(instance_id.as_str());
        let call = call.on(Target::Instance(instance_id.clone()));
        let id = instance_id.clone();
        self.call(call, move |world| {
            let instance = world.instances.get(&id);
            let said = instance.map(|instance| instance.boot.said.iter().map(|line| format!("{line}\r\n")).collect());
            Ok(said.filter(|said: &String| !said.is_empty()))
        })
        .await
    }

    async fn describe_snapshots(&self, stacks: &[&str]) -> CallResult<Vec<Snapshot>> {
        let (call, stacks) = (Call::read("ec2:DescribeSnapshots"), owned(stacks));
        self.listing(call, PAGE_ASKED, move |world, page| {
            Ok(world.describe_snapshots(&stacks, page))
        })
        .await
    }

    async fn allocate_address(&self, tags: &Tags) -> CallResult<Address> {
        let call = Call::change("ec2:AllocateAddress").tagging(tags).on(Target::NewAddress);
        let tags = tags.clone();
        self.call(call, move |world| world.allocate_address(&tags)).await
    }

    async fn create_tags(&self, resource: &str, tags: &Tags) -> CallResult<()> {
        let mut call = Call::change("ec2:CreateTags")
            .about(resource)
            .on(Target::of_ec2_id(resource));
        call.tags = tags.clone();
        let (resource, tags) = (resource.to_owned(), tags.clone());
        self.call(call, move |world| world.create_tags(&resource, &tags)).await
    }

    async fn create_volume(&self, input: &CreateVolume) -> CallResult<Volume> {
        let call = Call::change("ec2:CreateVolume")
            .tagging(&input.tags)
            .on(Target::NewVolume(input.clone()));
        let call = match &input.snapshot_id {
            Some(id) => call.on(Target::Snapshot(id.clone())),
            None => call,
        };
        let (caller, input) = (self.caller().clone(), input.clone());
        self.call(call, move |world| world.create_volume(&caller, &input)).await
    }

    async fn copy_volume(&self, input: &CopyVolume) -> CallResult<Volume> {
        let call = Call::change("ec2:CopyVolumes")
            .about(input.source.as_str())
            .tagging(&input.tags)
            .on(Target::CopiedVolume(input.clone()));
        let (caller, input) = (self.caller().clone(), input.clone());
        self.call(call, move |world| world.copy_volume(&caller, &input)).await
    }

    async fn modify_volume(&self, input: &ModifyVolume) -> CallResult<()> {
        let call = Call::change("ec2:ModifyVolume")
            .about(input.id.as_str())
            .on(Target::Volume(input.id.clone()));
        let input = input.clone();
        self.call(call, move |world| world.modify_volume(&input)).await
    }

    async fn create_security_group(&self, name: &str, vpc_id: &VpcId, tags: &Tags) -> CallResult<SecurityGroupId> {
        let call = Call::change("ec2:CreateSecurityGroup")
            .about(name)
            .tagging(tags)
            .on(Target::NewSecurityGroup(vpc_id.clone()))
            .on(Target::Vpc(vpc_id.clone()));
        let (name, vpc_id, tags) = (name.to_owned(), vpc_id.clone(), tags.clone());
        self.call(call, move |world| world.create_security_group(&name, &vpc_id, &tags))
            .await
    }

    async fn authorize_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        let call = Call::change("ec2:AuthorizeSecurityGroupIngress")
            .about(group_id.as_str())
            .on(Target::SecurityGroup(group_id.clone()));
        let (group_id, rules) = (group_id.clone(), rules.to_vec());
        self.call(call, move |world| world.authorize_ingress(&group_id, &rules))
            .await
    }

    async fn revoke_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        let call = Call::change("ec2:RevokeSecurityGroupIngress")
            .about(group_id.as_str())
            .on(Target::SecurityGroup(group_id.clone()));
        let (group_id, rules) = (group_id.clone(), rules.to_vec());
        self.call(call, move |world| world.revoke_ingress(&group_id, &rules))
            .await
    }

    async fn create_launch_template(
        &self,
        name: &str,
        data: &TemplateData,
        tags: &Tags,
    ) -> CallResult<LaunchTemplateId> {
        let call = Call::change("ec2:CreateLaunchTemplate")
            .about(name)
            .tagging(tags)
            .on(Target::NewTemplate);
        let (name, data, tags) = (name.to_owned(), data.clone(), tags.clone());
        self.call(call, move |world| world.create_template(&name, &data, &tags))
            .await
    }

    async fn create_template_version(&self, template_id: &LaunchTemplateId, data: &TemplateData) -> CallResult<u64> {
        let call = Call::change("ec2:CreateLaunchTemplateVersion")
            .about(template_id.as_str())
            .on(Target::Template(template_id.clone()));
        let (template_id, data) = (template_id.clone(), data.clone());
        self.call(call, move |world| world.create_template_version(&template_id, &data))
            .await
    }

    async fn delete_launch_template(&self, id: &LaunchTemplateId) -> CallResult<()> {
        let call = Call::change("ec2:DeleteLaunchTemplate")
            .about(id.as_str())
            .on(Target::Template(id.to_owned()));
        let id = id.to_owned();
        self.call(call, move |world| world.delete_template(&id)).await
    }

    async fn delete_security_group(&self, id: &SecurityGroupId) -> CallResult<()> {
        let call = Call::change("ec2:DeleteSecurityGroup")
            .about(id.as_str())
            .on(Target::SecurityGroup(id.to_owned()));
        let id = id.to_owned();
        self.call(call, move |world| world.delete_security_group(&id)).await
    }

    async fn disassociate_address(&self, association_id: &AssociationId) -> CallResult<()> {
        let call = Call::change("ec2:DisassociateAddress")
            .about(association_id.as_str())
            .on(Target::Association(association_id.to_owned()))
            .on(Target::AssociatedInterface(association_id.to_owned()));
        let association_id = association_id.to_owned();
        self.call(call, move |world| world.disassociate_address(&association_id))
            .await
    }

    async fn release_address(&self, allocation_id: &AllocationId) -> CallResult<()> {
        let call = Call::change("ec2:ReleaseAddress")
            .about(allocation_id.as_str())
            .on(Target::Address(allocation_id.to_owned()));
        let allocation_id = allocation_id.to_owned();
        self.call(call, move |world| world.release_address(&allocation_id))
            .await
    }

    async fn create_snapshot(&self, volume_id: &VolumeId, description: &str, tags: &Tags) -> CallResult<Snapshot> {
        let call = Call::change("ec2:CreateSnapshot")
            .about(volume_id.as_str())
            .tagging(tags)
            .on(Target::Volume(volume_id.to_owned()))
            .on(Target::NewSnapshot);
        let (volume_id, description, tags) = (volume_id.to_owned(), description.to_owned(), tags.clone());
        self.call(call, move |world| {
            world.create_snapshot(&volume_id, &description, &tags)
        })
        .await
    }

    async fn attach_volume(&self, id: &VolumeId, instance_id: &InstanceId, device: &str) -> CallResult<()> {
        let call = Call::change("ec2:AttachVolume")
            .about(id.as_str())
            .on(Target::Volume(id.to_owned()))
            .on(Target::Instance(instance_id.to_owned()));
        let (id, instance_id, device) = (id.to_owned(), instance_id.to_owned(), device.to_owned());
        let caller = self.caller().clone();
        self.call(call, move |world| {
            world.check_key_of(&caller, &id)?;
            world.attach_volume(&id, &instance_id, &device).map(drop)
        })
        .await
    }

    async fn detach_volume(&self, id: &VolumeId, instance_id: &InstanceId) -> CallResult<()> {
        let call = Call::change("ec2:DetachVolume")
            .about(id.as_str())
            .on(Target::Volume(id.to_owned()))
            .on(Target::Instance(instance_id.to_owned()));
        let (id, instance_id) = (id.to_owned(), instance_id.to_owned());
        self.call(call, move |world| {
            world.detach_volume(&id, Some(&instance_id)).map(drop)
        })
        .await
    }

    async fn delete_volume(&self, id: &VolumeId) -> CallResult<()> {
        let call = Call::change("ec2:DeleteVolume")
            .about(id.as_str())
            .on(Target::Volume(id.to_owned()));
        let id = id.to_owned();
        self.call(call, move |world| world.delete_volume(&id)).await
    }
}
