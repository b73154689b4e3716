//! What is asked of EC2.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::allocate_address::AllocateAddressInput;
use aws_sdk_ec2::operation::authorize_security_group_ingress::AuthorizeSecurityGroupIngressInput;
use aws_sdk_ec2::operation::copy_volumes::CopyVolumesInput;
use aws_sdk_ec2::operation::create_security_group::CreateSecurityGroupInput;
use aws_sdk_ec2::operation::create_snapshot::CreateSnapshotInput;
use aws_sdk_ec2::operation::create_tags::CreateTagsInput;
use aws_sdk_ec2::operation::create_volume::CreateVolumeInput;
use aws_sdk_ec2::operation::modify_volume::ModifyVolumeInput;
use aws_sdk_ec2::types::{
    DomainType, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, Tag, TagSpecification, UserIdGroupPair,
    VolumeType,
};
use aws_smithy_mocks::{Rule, mock};
use selfheal_aws::{CallErrorKind, Ec2};
use selfheal_core::names::Tags;
use selfheal_core::world::{CopyVolume, CreateVolume, IngressRule, ModifyVolume, VolumeState};

use crate::support::{ec2_answer, ec2_error, sdk, tags};

fn sdk_tags(role: &str) -> Vec<Tag> {
    tags(role)
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn tagged(kind: ResourceType, role: &str) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(sdk_tags(role)))
        .build()
}

#[tokio::test]
async fn an_address_is_allocated_with_its_tags() {
    let input = AllocateAddressInput::builder()
        .domain(DomainType::Vpc)
        .tag_specifications(tagged(ResourceType::ElasticIp, "address"))
        .build()
        .unwrap();
    let content = "<publicIp>192.0.2.1</publicIp><domain>vpc</domain><allocationId>eipalloc-1</allocationId>";
    let made = mock!(Client::allocate_address)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("AllocateAddress", content));
    let cut = mock!(Client::allocate_address)
        .then_http_response(|| ec2_answer("AllocateAddress", "<publicIp>192.0.2.1</publicIp>"));
    let over = mock!(Client::allocate_address).then_http_response(|| {
        ec2_error(
            400,
            "AddressLimitExceeded",
            "The maximum number of addresses has been reached.",
        )
    });
    let sdk = sdk(&[&made, &cut, &over]);
    let address = sdk.allocate_address(&tags("address")).await.unwrap();
    assert_eq!(
        (address.allocation_id.as_str(), address.public_ip.as_str()),
        ("eipalloc-1", "192.0.2.1")
    );
    assert_eq!(address.tags, tags("address"));
    // Something was allocated, and which is unknown: a second call would allocate another.
    let error = sdk.allocate_address(&tags("address")).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (CallErrorKind::Ambiguous, "the answer has no allocation id")
    );
    assert_eq!(
        sdk.allocate_address(&tags("address")).await.unwrap_err().kind,
        CallErrorKind::LimitExceeded
    );
}

fn create_volume() -> CreateVolume {
    CreateVolume {
        zone: "eu-west-1a".to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: Some(250),
        encrypted: true,
        kms_key: None,
        snapshot_id: None,
        tags: tags("volume"),
        client_token: "token-1".to_owned(),
    }
}

#[tokio::test]
async fn a_volume_is_created_with_token_and_tags() {
    let input = CreateVolumeInput::builder()
        .availability_zone("eu-west-1a")
        .size(20)
        .volume_type(VolumeType::Gp3)
        .throughput(250)
        .encrypted(true)
        .tag_specifications(tagged(ResourceType::Volume, "volume"))
        .client_token("token-1")
        .build()
        .unwrap();
    let content = "<volumeId>vol-1</volumeId><size>20</size><snapshotId/><availabilityZone>eu-west-1a</availabilityZone>\
        <status>creating</status><createTime>2026-01-01T00:00:00.000Z</createTime><volumeType>gp3</volumeType>\
        <iops>3000</iops><throughput>250</throughput><encrypted>true</encrypted>\
        <tagSet><item><key>selfheal:role</key><value>volume</value></item>\
        <item><key>selfheal:stack</key><value>web</value></item></tagSet>";
    let rule = mock!(Client::create_volume)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("CreateVolume", content));
    let volume = sdk(&[&rule]).create_volume(&create_volume()).await.unwrap();
    assert_eq!(
        (volume.id.as_str(), volume.size_gib, volume.state),
        ("vol-1", 20, VolumeState::Creating)
    );
    assert_eq!(
        (volume.iops, volume.throughput_mibps, volume.encrypted),
        (Some(3000), Some(250), true)
    );
    assert_eq!(
        (volume.snapshot_id, volume.attachment, volume.tags),
        (None, None, tags("volume"))
    );
}

#[tokio::test]
async fn a_volume_of_a_snapshot_names_it() {
    let content = "<volumeId>vol-2</volumeId><size>20</size><snapshotId>snap-1</snapshotId>\
        <availabilityZone>eu-west-1a</availabilityZone><status>creating</status><volumeType>gp3</volumeType>\
        <encrypted>true</encrypted>";
    let rule = mock!(Client::create_volume)
        .match_requests(|request| request.snapshot_id() == Some("snap-1"))
        .then_http_response(move || ec2_answer("CreateVolume", content));
    let input = CreateVolume {
        snapshot_id: Some("snap-1".into()),
        ..create_volume()
    };
    let volume = sdk(&[&rule]).create_volume(&input).await.unwrap();
    assert_eq!(volume.snapshot_id, Some("snap-1".into()));
}

#[tokio::test]
async fn a_copy_names_its_source_and_bears_tags_and_token() {
    let expected = CopyVolumesInput::builder()
        .source_volume_id("vol-1")
        .size(20)
        .volume_type(VolumeType::Gp3)
        .iops(3000)
        .throughput(125)
        .tag_specifications(tagged(ResourceType::Volume, "volume-copy"))
        .client_token("token-1")
        .build()
        .unwrap();
    let item = "<volumeSet><item><volumeId>vol-2</volumeId><sourceVolumeId>vol-1</sourceVolumeId><size>20</size>\
        <availabilityZone>eu-west-1a</availabilityZone><status>creating</status><volumeType>gp3</volumeType>\
        <encrypted>true</encrypted></item></volumeSet>";
    let rule = mock!(Client::copy_volumes)
        .match_requests(move |request| *request == expected)
        .then_http_response(move || ec2_answer("CopyVolumes", item));
    let input = CopyVolume {
        source: "vol-1".into(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: Some(3000),
        throughput_mibps: Some(125),
        tags: tags("volume-copy"),
        client_token: "token-1".to_owned(),
    };
    let copy = sdk(&[&rule]).copy_volume(&input).await.unwrap();
    assert_eq!((copy.id.as_str(), copy.state), ("vol-2", VolumeState::Creating));
    // An answer without the copy is none.
    let rule = mock!(Client::copy_volumes).then_http_response(|| ec2_answer("CopyVolumes", "<volumeSet/>"));
    assert!(sdk(&[&rule]).copy_volume(&input).await.is_err());
}

#[tokio::test]
async fn no_tags_are_no_tag_specification() {
    let rule = mock!(Client::create_volume)
        .match_requests(|request| request.tag_specifications().is_empty())
        .then_http_response(|| ec2_error(400, "InvalidParameterValue", "no"));
    let bare = CreateVolume {
        tags: Tags::new(),
        ..create_volume()
    };
    assert_eq!(
        sdk(&[&rule]).create_volume(&bare).await.unwrap_err().kind,
        CallErrorKind::Invalid
    );
}

#[tokio::test]
async fn a_modification_names_only_what_changes() {
    let input = ModifyVolumeInput::builder()
        .volume_id("vol-1")
        .size(30)
        .build()
        .unwrap();
    let done = mock!(Client::modify_volume)
        .match_requests(move |request| *request == input)
        .then_http_response(|| ec2_answer("ModifyVolume", ""));
    let again = mock!(Client::modify_volume)
        .then_http_response(|| ec2_error(400, "VolumeModificationRateExceeded", "wait six hours"));
    let sdk = sdk(&[&done, &again]);
    let change = ModifyVolume {
        id: "vol-1".into(),
        size_gib: Some(30),
        volume_type: None,
        iops: None,
        throughput_mibps: None,
    };
    sdk.modify_volume(&change).await.unwrap();
    assert_eq!(
        sdk.modify_volume(&change).await.unwrap_err().kind,
        CallErrorKind::LimitExceeded
    );
}

#[tokio::test]
async fn a_security_group_is_made_in_its_vpc() {
    let input = CreateSecurityGroupInput::builder()
        .group_name("selfheal-web")
        .vpc_id("vpc-1")
        .description("What may reach selfheal-web; managed by selfheal")
        .tag_specifications(tagged(ResourceType::SecurityGroup, "security-group"))
        .build()
        .unwrap();
    let made = mock!(Client::create_security_group)
        .match_requests(move |request| *request == input)
        .then_http_response(|| ec2_answer("CreateSecurityGroup", "<return>true</return><groupId>sg-1</groupId>"));
    let there = mock!(Client::create_security_group)
        .then_http_response(|| ec2_error(400, "InvalidGroup.Duplicate", "already exists"));
    let sdk = sdk(&[&made, &there]);
    let make = async || {
        sdk.create_security_group("selfheal-web", &"vpc-1".into(), &tags("security-group"))
            .await
    };
    assert_eq!(make().await.unwrap(), "sg-1");
    let error = make().await.unwrap_err();
    assert_eq!(
        (error.kind, error.resource.as_deref()),
        (CallErrorKind::AlreadyExists, Some("selfheal-web"))
    );
}

#[tokio::test]
async fn each_kind_of_source_has_its_own_field() {
    let tcp = || IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let all = IpPermission::builder().ip_protocol("-1");
    let permissions = vec![
        tcp()
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").build())
            .build(),
        tcp()
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("2001:db8::/32").build())
            .build(),
        tcp()
            .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-1").build())
            .build(),
        tcp()
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-9").build())
            .build(),
        all.ip_ranges(IpRange::builder().cidr_ip("192.0.2.0/24").build())
            .build(),
    ];
    let input = AuthorizeSecurityGroupIngressInput::builder()
        .group_id("sg-1")
        .set_ip_permissions(Some(permissions.clone()))
        .build()
        .unwrap();
    let rules: [Rule; 2] = [
        mock!(Client::authorize_security_group_ingress)
            .match_requests(move |request| *request == input)
            .then_http_response(|| ec2_answer("AuthorizeSecurityGroupIngress", "<return>true</return>")),
        mock!(Client::revoke_security_group_ingress)
            .match_requests(move |request| {
                request.group_id() == Some("sg-1") && request.ip_permissions() == permissions
            })
            .then_http_response(|| ec2_answer("RevokeSecurityGroupIngress", "<return>true</return>")),
    ];
    let rule = |protocol: &str, port: i32, source: &str| IngressRule {
        protocol: protocol.to_owned(),
        from_port: port,
        to_port: port,
        source: source.to_owned(),
    };
    let wanted = [
        rule("tcp", 443, "10.0.0.0/8"),
        rule("tcp", 443, "2001:db8::/32"),
        rule("tcp", 443, "pl-1"),
        rule("tcp", 443, "sg-9"),
        rule("-1", -1, "192.0.2.0/24"),
    ];
    let sdk = sdk(&rules.each_ref());
    sdk.authorize_ingress(&"sg-1".into(), &wanted).await.unwrap();
    sdk.revoke_ingress(&"sg-1".into(), &wanted).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn a_snapshot_is_taken_with_tags() {
    let input = CreateSnapshotInput::builder()
        .volume_id("vol-1")
        .description("before deletion")
        .tag_specifications(tagged(ResourceType::Snapshot, "snapshot"))
        .build()
        .unwrap();
    let content = "<snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>pending</status>\
        <startTime>2026-01-01T00:00:00.000Z</startTime>\
        <tagSet><item><key>selfheal:role</key><value>snapshot</value></item></tagSet>";
    let rule = mock!(Client::create_snapshot)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("CreateSnapshot", content));
    let snapshot = sdk(&[&rule])
        .create_snapshot(&"vol-1".into(), "before deletion", &tags("snapshot"))
        .await
        .unwrap();
    assert_eq!(
        (
            snapshot.id.as_str(),
            snapshot.volume_id.as_str(),
            snapshot.state.as_str()
        ),
        ("snap-1", "vol-1", "pending")
    );
}

#[tokio::test]
async fn a_record_is_noted_on_the_address_as_it_is_allocated_and_taken_off_by_empty_values() {
    let note = |zone: &str, name: &str| -> Tags {
        [("selfheal:record", name), ("selfheal:record-zone", zone)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    };
    let pairs = |tags: &[Tag]| -> Vec<(String, Option<String>)> {
        let pair = |tag: &Tag| (tag.key().unwrap_or_default().to_owned(), tag.value().map(str::to_owned));
        tags.iter().map(pair).collect()
    };
    let some = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    let mut tags = tags("address");
    tags.extend(note("Z1", "app.example.com"));
    let expected = [
        some("selfheal:record", "app.example.com"),
        some("selfheal:record-zone", "Z1"),
        some("selfheal:role", "address"),
        some("selfheal:stack", "web"),
    ];
    let allocated = mock!(Client::allocate_address)
        .match_requests(move |request| {
            request
                .tag_specifications()
                .iter()
                .all(|it| pairs(it.tags()) == expected)
                && request.tag_specifications().len() == 1
        })
        .then_http_response(|| {
            ec2_answer(
                "AllocateAddress",
                "<publicIp>192.0.2.1</publicIp><allocationId>eipalloc-1</allocationId>",
            )
        });
    let emptied = [some("selfheal:record", ""), some("selfheal:record-zone", "")];
    let dropped = mock!(Client::create_tags)
        .match_requests(move |request| request.resources() == ["eipalloc-1"] && pairs(request.tags()) == emptied)
        .then_http_response(|| ec2_answer("CreateTags", "<return>true</return>"));
    let sdk = sdk(&[&allocated, &dropped]);
    let address = sdk.allocate_address(&tags).await.unwrap();
    assert_eq!(address.tags, tags);
    sdk.create_tags(address.allocation_id.as_str(), &note("", ""))
        .await
        .unwrap();
    assert_eq!((allocated.num_calls(), dropped.num_calls()), (1, 1));
}

#[tokio::test]
async fn the_rest_names_its_resource() {
    let tag_input = CreateTagsInput::builder()
        .resources("vol-1")
        .set_tags(Some(sdk_tags("volume")))
        .build()
        .unwrap();
    let done = |operation: &'static str| move || ec2_answer(operation, "<return>true</return>");
    let rules: [Rule; 8] = [
        mock!(Client::create_tags)
            .match_requests(move |request| *request == tag_input)
            .then_http_response(done("CreateTags")),
        mock!(Client::delete_launch_template)
            .match_requests(|request| request.launch_template_id() == Some("lt-1"))
            .then_http_response(done("DeleteLaunchTemplate")),
        mock!(Client::delete_security_group)
            .match_requests(|request| request.group_id() == Some("sg-1"))
            .then_http_response(done("DeleteSecurityGroup")),
        mock!(Client::disassociate_address)
            .match_requests(|request| request.association_id() == Some("eipassoc-1") && request.public_ip().is_none())
            .then_http_response(done("DisassociateAddress")),
        mock!(Client::release_address)
            .match_requests(|request| request.allocation_id() == Some("eipalloc-1") && request.public_ip().is_none())
            .then_http_response(done("ReleaseAddress")),
        mock!(Client::attach_volume)
            .match_requests(|request| {
                request.volume_id() == Some("vol-1")
                    && request.instance_id() == Some("i-1")
                    && request.device() == Some("/dev/sdp")
            })
            .then_http_response(|| {
                let body = "<volumeId>vol-1</volumeId><instanceId>i-1</instanceId><status>attaching</status>";
                ec2_answer("AttachVolume", body)
            }),
        mock!(Client::detach_volume)
            .match_requests(|request| {
                let whose = (request.volume_id(), request.instance_id());
                whose == (Some("vol-1"), Some("i-1")) && request.force().is_none()
            })
            .then_http_response(|| {
                let body = "<volumeId>vol-1</volumeId><instanceId>i-1</instanceId><status>detaching</status>";
                ec2_answer("DetachVolume", body)
            }),
        mock!(Client::delete_volume)
            .match_requests(|request| request.volume_id() == Some("vol-1"))
            .then_http_response(done("DeleteVolume")),
    ];
    let sdk = sdk(&rules.each_ref());
    sdk.create_tags("vol-1", &tags("volume")).await.unwrap();
    sdk.delete_launch_template(&"lt-1".into()).await.unwrap();
    sdk.delete_security_group(&"sg-1".into()).await.unwrap();
    sdk.disassociate_address(&"eipassoc-1".into()).await.unwrap();
    sdk.release_address(&"eipalloc-1".into()).await.unwrap();
    sdk.attach_volume(&"vol-1".into(), &"i-1".into(), "/dev/sdp")
        .await
        .unwrap();
    sdk.detach_volume(&"vol-1".into(), &"i-1".into()).await.unwrap();
    sdk.delete_volume(&"vol-1".into()).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}
