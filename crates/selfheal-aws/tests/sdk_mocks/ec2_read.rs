//! What EC2 answers.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsInput;
use aws_sdk_ec2::operation::describe_volumes::DescribeVolumesInput;
use aws_sdk_ec2::types::{AccountAttributeName, Filter};
use aws_smithy_mocks::mock;
use selfheal_aws::backend::{SecurityGroupQuery, SubnetQuery};
use selfheal_aws::{CallErrorKind, Ec2};
use selfheal_core::world::{
    Address, Attachment, AttachmentState, Image, IngressRule, Instance, SecurityGroup, Snapshot, SnapshotState, Subnet,
    Volume, VolumeState,
};

use crate::support::{ec2_answer, ec2_error, sdk, tags};

const TAGS: &str = "<tagSet><item><key>selfheal:stack</key><value>web</value></item>\
    <item><key>selfheal:role</key><value>volume</value></item></tagSet>";

fn filter(name: &str, values: &[&str]) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.iter().map(|&value| value.to_owned()).collect()))
        .build()
}

#[tokio::test]
async fn an_image_is_read_with_its_root_device() {
    let image = |state: &str| {
        format!(
            "<imagesSet><item><imageId>ami-1</imageId><imageState>{state}</imageState><architecture>arm64</architecture>\
            <rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping>\
            <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item>\
            <item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>8</volumeSize></ebs></item>\
            </blockDeviceMapping></item></imagesSet>"
        )
    };
    let (available, deregistered) = (image("available"), image("deregistered"));
    let rules = [
        mock!(Client::describe_images)
            .match_requests(|request| request.image_ids() == ["ami-1"])
            .then_http_response(move || ec2_answer("DescribeImages", &available)),
        mock!(Client::describe_images).then_http_response(move || ec2_answer("DescribeImages", &deregistered)),
        mock!(Client::describe_images).then_http_response(|| ec2_answer("DescribeImages", "<imagesSet/>")),
        mock!(Client::describe_images).then_http_response(|| ec2_error(400, "InvalidAMIID.NotFound", "none")),
        mock!(Client::describe_images).then_http_response(|| ec2_error(400, "InvalidAMIID.Unavailable", "gone")),
        mock!(Client::describe_images).then_http_response(|| ec2_error(400, "InvalidAMIID.Malformed", "bad")),
    ];
    let sdk = sdk(&rules.each_ref());
    let expected = Image {
        id: "ami-1".into(),
        root_device: "/dev/xvda".to_owned(),
        architecture: Some("arm64".to_owned()),
        root_size_gib: Some(8),
    };
    assert_eq!(sdk.describe_image(&"ami-1".into()).await.unwrap(), Some(expected));
    for case in ["deregistered", "not listed", "not found", "unavailable"] {
        assert_eq!(sdk.describe_image(&"ami-1".into()).await.unwrap(), None, "{case}");
    }
    assert_eq!(
        sdk.describe_image(&"ami-1".into()).await.unwrap_err().kind,
        CallErrorKind::Invalid
    );
}

#[tokio::test]
async fn subnets_are_asked_for_by_filter() {
    let item = "<subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>\
        <availabilityZone>eu-west-1a</availabilityZone></item></subnetSet>";
    let default = mock!(Client::describe_subnets)
        .match_requests(|request| request.filters() == [filter("default-for-az", &["true"])])
        .then_http_response(move || ec2_answer("DescribeSubnets", item));
    let missing = mock!(Client::describe_subnets)
        .match_requests(|request| {
            request.filters() == [filter("subnet-id", &["subnet-2"])] && request.subnet_ids().is_empty()
        })
        .then_http_response(|| ec2_answer("DescribeSubnets", "<subnetSet/>"));
    let sdk = sdk(&[&default, &missing]);
    let expected = Subnet {
        id: "subnet-1".into(),
        vpc_id: "vpc-1".into(),
        zone: "eu-west-1a".to_owned(),
    };
    assert_eq!(
        sdk.describe_subnets(&SubnetQuery::DefaultForZone).await.unwrap(),
        [expected]
    );
    assert!(
        sdk.describe_subnets(&SubnetQuery::Ids(vec!["subnet-2".into()]))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn addresses_are_those_of_a_vpc() {
    let items = format!(
        "<addressesSet><item><publicIp>192.0.2.1</publicIp><allocationId>eipalloc-1</allocationId><domain>vpc</domain>\
        <associationId>eipassoc-1</associationId><instanceId>i-1</instanceId>\
        <networkInterfaceId>eni-1</networkInterfaceId><publicIpv4Pool>amazon</publicIpv4Pool>{TAGS}</item>\
        <item><publicIp>192.0.2.2</publicIp><allocationId>eipalloc-2</allocationId><instanceId/>\
        <publicIpv4Pool>ipv4pool-ec2-1</publicIpv4Pool><serviceManaged>alb</serviceManaged></item>\
        <item><publicIp>192.0.2.3</publicIp><domain>standard</domain></item></addressesSet>"
    );
    let rule = mock!(Client::describe_addresses)
        .match_requests(|request| request.filters().is_empty() && request.allocation_ids().is_empty())
        .then_http_response(move || ec2_answer("DescribeAddresses", &items));
    let found = sdk(&[&rule]).describe_addresses().await.unwrap();
    let associated = Address {
        allocation_id: "eipalloc-1".into(),
        public_ip: "192.0.2.1".to_owned(),
        association_id: Some("eipassoc-1".into()),
        instance_id: Some("i-1".into()),
        interface_id: Some("eni-1".into()),
        service_managed: None,
        own_pool: false,
        tags: tags("volume"),
    };
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], associated);
    assert_eq!((found[1].instance_id.as_ref(), &found[1].association_id), (None, &None));
    assert_eq!(
        (found[1].service_managed.as_deref(), found[1].own_pool),
        (Some("alb"), true)
    );
}

#[tokio::test]
async fn the_quota_of_addresses_is_the_accounts() {
    let quota = |items: &str| {
        let items = format!("<accountAttributeSet>{items}</accountAttributeSet>");
        mock!(Client::describe_account_attributes)
            .match_requests(|request| request.attribute_names() == [AccountAttributeName::from("vpc-max-elastic-ips")])
            .then_http_response(move || ec2_answer("DescribeAccountAttributes", &items))
    };
    let nine = quota(
        "<item><attributeName>vpc-max-elastic-ips</attributeName><attributeValueSet><item>\
        <attributeValue>9</attributeValue></item></attributeValueSet></item>",
    );
    assert_eq!(sdk(&[&nine]).address_quota().await.unwrap(), Some(9));
    assert_eq!(sdk(&[&quota("")]).address_quota().await.unwrap(), None);
}

fn volume_xml(id: &str, state: &str, attachments: &str) -> String {
    format!(
        "<item><volumeId>{id}</volumeId><size>20</size><snapshotId/><availabilityZone>eu-west-1a</availabilityZone>\
        <status>{state}</status><attachmentSet>{attachments}</attachmentSet>{TAGS}<volumeType>gp3</volumeType>\
        <iops>3000</iops><throughput>125</throughput><encrypted>true</encrypted></item>"
    )
}

#[tokio::test]
async fn volumes_are_read_page_by_page() {
    let input = |token: Option<&str>| {
        DescribeVolumesInput::builder()
            .filters(filter("tag:selfheal:stack", &["web"]))
            .max_results(500)
            .set_next_token(token.map(str::to_owned))
            .build()
            .unwrap()
    };
    let attachment = |state: &str| format!("<item><instanceId>i-1</instanceId><status>{state}</status></item>");
    let first = volume_xml("vol-1", "in-use", &(attachment("detached") + &attachment("attaching")));
    let first = format!("<volumeSet>{first}</volumeSet><nextToken>t</nextToken>");
    let second = format!("<volumeSet>{}</volumeSet>", volume_xml("vol-2", "frozen", ""));
    let (one, two) = (input(None), input(Some("t")));
    let one = mock!(Client::describe_volumes)
        .match_requests(move |request| *request == one)
        .then_http_response(move || ec2_answer("DescribeVolumes", &first));
    let two = mock!(Client::describe_volumes)
        .match_requests(move |request| *request == two)
        .then_http_response(move || ec2_answer("DescribeVolumes", &second));
    let found = sdk(&[&one, &two]).describe_volumes(&["web"]).await.unwrap();
    let expected = Volume {
        id: "vol-1".into(),
        zone: "eu-west-1a".to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: Some(3000),
        throughput_mibps: Some(125),
        encrypted: true,
        kms_key: None,
        state: VolumeState::InUse,
        snapshot_id: None,
        attachment: Some(Attachment {
            instance_id: "i-1".into(),
            state: AttachmentState::Attaching,
        }),
        tags: tags("volume"),
    };
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], expected);
    assert_eq!(
        (&found[1].state, &found[1].attachment),
        (&VolumeState::from("frozen"), &None)
    );
}

#[tokio::test]
async fn a_lost_page_fails_the_listing() {
    let first = format!(
        "<volumeSet>{}</volumeSet><nextToken>t</nextToken>",
        volume_xml("vol-1", "available", "")
    );
    let one = mock!(Client::describe_volumes).then_http_response(move || ec2_answer("DescribeVolumes", &first));
    let two = mock!(Client::describe_volumes).then_http_response(|| ec2_error(503, "Unavailable", "later"));
    let error = sdk(&[&one, &two]).describe_volumes(&["web"]).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous);
    assert_eq!(two.num_calls(), 1);
}

#[tokio::test]
async fn security_groups_have_one_rule_for_each_source() {
    let permissions = "<ipPermissions>\
        <item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort>\
        <groups><item><groupId>sg-9</groupId><userId>123456789012</userId></item></groups>\
        <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges>\
        <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges>\
        <prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item>\
        <item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>192.0.2.0/24</cidrIp></item></ipRanges></item>\
        </ipPermissions>\
        <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>\
        </item></ipPermissionsEgress>";
    let group = format!(
        "<securityGroupInfo><item><ownerId>123456789012</ownerId><groupId>sg-1</groupId><groupName>selfheal-web</groupName>\
        <groupDescription>d</groupDescription><vpcId>vpc-1</vpcId>{permissions}{TAGS}</item></securityGroupInfo>"
    );
    let named = mock!(Client::describe_security_groups)
        .match_requests(|request| request.filters() == [filter("group-name", &["selfheal-web"])])
        .then_http_response(move || ec2_answer("DescribeSecurityGroups", &group));
    let by_id = mock!(Client::describe_security_groups)
        .match_requests(|request| {
            request.filters() == [filter("group-id", &["sg-1", "sg-2"])] && request.group_ids().is_empty()
        })
        .then_http_response(|| ec2_answer("DescribeSecurityGroups", "<securityGroupInfo/>"));
    let sdk = sdk(&[&named, &by_id]);
    let rule = |protocol: &str, port: i32, source: &str| IngressRule {
        protocol: protocol.to_owned(),
        from_port: port,
        to_port: port,
        source: source.to_owned(),
    };
    let expected = SecurityGroup {
        id: "sg-1".into(),
        name: "selfheal-web".to_owned(),
        vpc_id: "vpc-1".into(),
        ingress: vec![
            rule("-1", -1, "192.0.2.0/24"),
            rule("tcp", 443, "0.0.0.0/0"),
            rule("tcp", 443, "10.0.0.0/8"),
            rule("tcp", 443, "::/0"),
            rule("tcp", 443, "pl-1"),
            rule("tcp", 443, "sg-9"),
        ],
        egress: vec![IngressRule::everywhere()],
        tags: tags("volume"),
    };
    let query = SecurityGroupQuery::Named(vec!["selfheal-web".to_owned()]);
    assert_eq!(sdk.describe_security_groups(&query).await.unwrap(), [expected]);
    let query = SecurityGroupQuery::Ids(vec!["sg-1".into(), "sg-2".into()]);
    assert!(sdk.describe_security_groups(&query).await.unwrap().is_empty());
    // A filter without values would match every group, so that nothing is sent.
    assert!(
        sdk.describe_security_groups(&SecurityGroupQuery::Ids(Vec::new()))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn instances_are_read_from_every_reservation() {
    let instance = |id: &str, state: &str, ip: &str| {
        format!(
            "<item><reservationId>r-{id}</reservationId><instancesSet><item><instanceId>{id}</instanceId>\
            <instanceState><code>16</code><name>{state}</name></instanceState><launchTime>2026-01-01T00:00:00.000Z</launchTime>\
            <placement><availabilityZone>eu-west-1a</availabilityZone></placement>{ip}</item></instancesSet></item>"
        )
    };
    let first = instance("i-1", "running", "<ipAddress>192.0.2.1</ipAddress>") + &instance("i-2", "hibernated", "");
    let first = format!("<reservationSet>{first}</reservationSet><nextToken>t</nextToken>");
    let second = format!(
        "<reservationSet>{}</reservationSet>",
        instance("i-3", "terminated", "<ipAddress/>")
    );
    let one = mock!(Client::describe_instances)
        .match_requests(|request| request.filters() == [filter("tag:selfheal:stack", &["web"])])
        .then_http_response(move || ec2_answer("DescribeInstances", &first));
    let two = mock!(Client::describe_instances)
        .match_requests(|request| request.next_token() == Some("t"))
        .then_http_response(move || ec2_answer("DescribeInstances", &second));
    let found = sdk(&[&one, &two]).describe_instances(&["web"]).await.unwrap();
    let expected = |id: &str, state: &str, ip: Option<&str>| Instance {
        id: id.into(),
        state: state.into(),
        launched_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        zone: "eu-west-1a".to_owned(),
        public_ip: ip.map(str::to_owned),
        tags: selfheal_core::names::Tags::new(),
    };
    let expected = [
        expected("i-1", "running", Some("192.0.2.1")),
        expected("i-2", "hibernated", None),
        expected("i-3", "terminated", None),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn snapshots_are_our_own() {
    let input = DescribeSnapshotsInput::builder()
        .owner_ids("self")
        .filters(filter("tag:selfheal:stack", &["web"]))
        .max_results(500)
        .build()
        .unwrap();
    let item = format!(
        "<snapshotSet><item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><volumeSize>20</volumeSize>\
        <status>completed</status><startTime>2026-01-01T00:00:00.000Z</startTime>{TAGS}</item></snapshotSet>"
    );
    let rule = mock!(Client::describe_snapshots)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("DescribeSnapshots", &item));
    let expected = Snapshot {
        id: "snap-1".into(),
        volume_id: "vol-1".into(),
        size_gib: 20,
        state: SnapshotState::Completed,
        started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        tags: tags("volume"),
    };
    assert_eq!(sdk(&[&rule]).describe_snapshots(&["web"]).await.unwrap(), [expected]);
}
