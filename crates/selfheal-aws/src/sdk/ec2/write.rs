//! From our types to the parts of EC2's requests.

use aws_sdk_ec2::operation::create_snapshot::CreateSnapshotOutput;
use aws_sdk_ec2::operation::create_volume::CreateVolumeOutput;
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, Snapshot, Tag, TagSpecification, UserIdGroupPair,
    Volume,
};
use selfheal_core::names::Tags;
use selfheal_core::world::IngressRule;

pub(super) fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Tags at creation, for a resource of this type; AWS refuses a specification without tags.
pub(super) fn tagged(resource_type: &str, of: &Tags) -> Option<Vec<TagSpecification>> {
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::from(resource_type))
        .set_tags(Some(tags(of)))
        .build();
    (!of.is_empty()).then(|| vec![specification])
}

pub(super) fn permission(rule: &IngressRule) -> IpPermission {
    let permission = IpPermission::builder().ip_protocol(&rule.protocol);
    let permission = if rule.protocol == "-1" {
        permission
    } else {
        permission.from_port(rule.from_port).to_port(rule.to_port)
    };
    let source = rule.source.as_str();
    if source.starts_with("sg-") {
        permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(source).build())
    } else if source.starts_with("pl-") {
        permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(source).build())
    } else if source.contains(':') {
        permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(source).build())
    } else {
        permission.ip_ranges(IpRange::builder().cidr_ip(source).build())
    }
    .build()
}

/// The volume in the answer of its creation, which has a type of its own with the same fields.
pub(super) fn volume_of(output: CreateVolumeOutput) -> Volume {
    Volume::builder()
        .set_volume_id(output.volume_id)
        .set_availability_zone(output.availability_zone)
        .set_size(output.size)
        .set_volume_type(output.volume_type)
        .set_iops(output.iops)
        .set_throughput(output.throughput)
        .set_encrypted(output.encrypted)
        .set_kms_key_id(output.kms_key_id)
        .set_state(output.state)
        .set_snapshot_id(output.snapshot_id)
        .set_attachments(output.attachments)
        .set_tags(output.tags)
        .build()
}

/// The snapshot in the answer of its creation, likewise.
pub(super) fn snapshot_of(output: CreateSnapshotOutput) -> Snapshot {
    Snapshot::builder()
        .set_snapshot_id(output.snapshot_id)
        .set_volume_id(output.volume_id)
        .set_volume_size(output.volume_size)
        .set_state(output.state)
        .set_start_time(output.start_time)
        .set_tags(output.tags)
        .build()
}
