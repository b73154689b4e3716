//! From EC2's answers to our types.
//!
//! Enumerations are read as the strings that they are on the wire, so that a value newer than the SDK is no error.

use aws_sdk_ec2::types;
use selfheal_core::names::Tags;
use selfheal_core::spec::Source;
use selfheal_core::world::{
    Address, AssociationId, Attachment, AttachmentState, Image, IngressRule, Instance, InstanceId, NetworkInterfaceId,
    SecurityGroup, Snapshot, SnapshotId, Subnet, Volume, VolumeModification, VolumeState,
};

use super::super::convert::{field, text, time, uint};
use crate::backend::CallResult;

pub(super) fn tags(tags: Option<Vec<types::Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

/// An image that can be launched; one that was deregistered, or failed, is as good as none.
pub(super) fn image(image: types::Image) -> Option<Image> {
    let usable = image
        .state
        .as_ref()
        .is_none_or(|state| !matches!(state.as_str(), "deregistered" | "failed" | "error" | "invalid"));
    let id = image.image_id.filter(|_| usable)?.into();
    let root_device = image.root_device_name.unwrap_or_default();
    let mappings = image.block_device_mappings.unwrap_or_default();
    let root = mappings
        .into_iter()
        .find(|mapping| mapping.device_name.as_deref() == Some(root_device.as_str()));
    Some(Image {
        id,
        root_device,
        architecture: image.architecture.map(|architecture| architecture.as_str().to_owned()),
        root_size_gib: root.and_then(|root| root.ebs).and_then(|ebs| ebs.volume_size).map(uint),
    })
}

pub(super) fn subnet(subnet: types::Subnet) -> Subnet {
    Subnet {
        id: subnet.subnet_id.unwrap_or_default().into(),
        vpc_id: subnet.vpc_id.unwrap_or_default().into(),
        zone: subnet.availability_zone.unwrap_or_default(),
    }
}

/// An Elastic IP; one without an allocation id belongs to EC2-Classic, which is gone, and to nothing of ours.
pub(super) fn address(address: types::Address) -> Option<Address> {
    Some(Address {
        allocation_id: text(address.allocation_id.as_deref())?.into(),
        public_ip: address.public_ip.unwrap_or_default(),
        association_id: text(address.association_id.as_deref()).map(AssociationId::from),
        instance_id: text(address.instance_id.as_deref()).map(InstanceId::from),
        interface_id: text(address.network_interface_id.as_deref()).map(NetworkInterfaceId::from),
        service_managed: address.service_managed.map(|service| service.as_str().to_owned()),
        // Addresses of Amazon's come from a pool of this name, and so do those of an answer that names none.
        own_pool: text(address.public_ipv4_pool.as_deref()).is_some_and(|pool| pool != "amazon"),
        tags: tags(address.tags),
    })
}

pub(super) fn volume(volume: types::Volume, action: &'static str) -> CallResult<Volume> {
    let attachment = volume.attachments.unwrap_or_default().into_iter().find_map(attachment);
    Ok(Volume {
        id: field(volume.volume_id, action, "volume id")?.into(),
        zone: field(volume.availability_zone, action, "zone of the volume")?,
        size_gib: uint(field(volume.size, action, "size of the volume")?),
        volume_type: volume
            .volume_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        iops: volume.iops.map(uint),
        throughput_mibps: volume.throughput.map(uint),
        encrypted: volume.encrypted.unwrap_or(false),
        kms_key: text(volume.kms_key_id.as_deref()),
        state: VolumeState::from(field(volume.state, action, "state of the volume")?.as_str()),
        snapshot_id: text(volume.snapshot_id.as_deref()).map(SnapshotId::from),
        attachment,
        tags: tags(volume.tags),
    })
}

pub(super) fn modification(modification: types::VolumeModification) -> VolumeModification {
    let state = modification.modification_state;
    VolumeModification {
        state: state.as_ref().map_or("", |state| state.as_str()).into(),
        size_gib: modification.target_size.map(uint),
        volume_type: modification.target_volume_type.map(|kind| kind.as_str().to_owned()),
        iops: modification.target_iops.map(uint),
        throughput_mibps: modification.target_throughput.map(uint),
        started_at: time(modification.start_time.as_ref()),
    }
}

/// The attachment, unless it is over: AWS keeps a detached one in the answer for a moment.
fn attachment(attachment: types::VolumeAttachment) -> Option<Attachment> {
    let state = AttachmentState::from(attachment.state.as_ref().map_or("", |state| state.as_str()));
    (state != AttachmentState::Detached).then_some(Attachment {
        instance_id: attachment.instance_id?.into(),
        state,
    })
}

pub(super) fn security_group(group: types::SecurityGroup) -> SecurityGroup {
    let sorted = |permissions: Option<Vec<types::IpPermission>>| {
        let mut rules: Vec<IngressRule> = permissions.unwrap_or_default().into_iter().flat_map(rules).collect();
        rules.sort();
        rules
    };
    SecurityGroup {
        ingress: sorted(group.ip_permissions),
        egress: sorted(group.ip_permissions_egress),
        id: group.group_id.unwrap_or_default().into(),
        name: group.group_name.unwrap_or_default(),
        vpc_id: group.vpc_id.unwrap_or_default().into(),
        tags: tags(group.tags),
    }
}

/// One rule for each peer: AWS groups the peers of a protocol and port range into one permission.
fn rules(permission: types::IpPermission) -> Vec<IngressRule> {
    let protocol = permission.ip_protocol.unwrap_or_default();
    // Ports are left out where the protocol is all of them.
    let (from_port, to_port) = (permission.from_port.unwrap_or(-1), permission.to_port.unwrap_or(-1));
    let v4 = permission
        .ip_ranges
        .unwrap_or_default()
        .into_iter()
        .filter_map(|range| range.cidr_ip);
    let v6 = permission
        .ipv6_ranges
        .unwrap_or_default()
        .into_iter()
        .filter_map(|range| range.cidr_ipv6)
        .map(shortest);
    let lists = permission
        .prefix_list_ids
        .unwrap_or_default()
        .into_iter()
        .filter_map(|list| list.prefix_list_id);
    let groups = permission
        .user_id_group_pairs
        .unwrap_or_default()
        .into_iter()
        .filter_map(|pair| pair.group_id);
    let sources = v4.chain(v6).chain(lists).chain(groups);
    sources
        .map(|source| IngressRule {
            protocol: protocol.clone(),
            from_port,
            to_port,
            source,
        })
        .collect()
}

/// A block of IPv6 in the one form that a spec's has, however it was written when the rule was made.
fn shortest(block: String) -> String {
    match block.parse::<Source>() {
        Ok(source) => source.to_string(),
        Err(_) => block,
    }
}

pub(super) fn instance(instance: types::Instance, action: &'static str) -> CallResult<Instance> {
    let state = instance.state.and_then(|state| state.name);
    Ok(Instance {
        id: field(instance.instance_id, action, "instance id")?.into(),
        state: field(state, action, "state of the instance")?.as_str().into(),
        launched_at: field(time(instance.launch_time.as_ref()), action, "launch time")?,
        zone: instance
            .placement
            .and_then(|placement| placement.availability_zone)
            .unwrap_or_default(),
        public_ip: text(instance.public_ip_address.as_deref()),
        tags: tags(instance.tags),
    })
}

pub(super) fn snapshot(snapshot: types::Snapshot, action: &'static str) -> CallResult<Snapshot> {
    Ok(Snapshot {
        id: field(snapshot.snapshot_id, action, "snapshot id")?.into(),
        volume_id: snapshot.volume_id.unwrap_or_default().into(),
        size_gib: snapshot
            .volume_size
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or_default(),
        state: field(snapshot.state, action, "state of the snapshot")?.as_str().into(),
        started_at: field(time(snapshot.start_time.as_ref()), action, "start time")?,
        tags: tags(snapshot.tags),
    })
}
