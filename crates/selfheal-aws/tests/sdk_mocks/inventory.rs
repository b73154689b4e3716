//! What an account has before there is a stack in it: Regions, volumes, zones, and an instance to be like.

use aws_sdk_ec2::Client;
use aws_smithy_mocks::mock;
use selfheal_aws::Inventory;
use selfheal_core::init::InstanceLikeness;

use crate::support::{answer, ec2_answer, sdk};

#[tokio::test]
async fn regions_are_those_that_the_account_may_use() {
    let body = "<regionInfo><item><regionName>us-east-1</regionName></item><item><regionName>eu-west-1</regionName></item>\
        </regionInfo>";
    let rule = mock!(Client::describe_regions)
        .match_requests(|request| request.all_regions().is_none())
        .then_http_response(move || ec2_answer("DescribeRegions", body));
    assert_eq!(sdk(&[&rule]).regions().await.unwrap(), ["eu-west-1", "us-east-1"]);
}

#[tokio::test]
async fn volumes_are_those_that_nothing_uses_on_every_page() {
    let volume = |id: &str| {
        format!(
            "<volumeSet><item><volumeId>{id}</volumeId><size>20</size><availabilityZone>eu-west-1a</availabilityZone>\
             <status>available</status><volumeType>gp3</volumeType><encrypted>true</encrypted></item></volumeSet>"
        )
    };
    let (first, last) = (volume("vol-1") + "<nextToken>next</nextToken>", volume("vol-2"));
    let asked = |request: &aws_sdk_ec2::operation::describe_volumes::DescribeVolumesInput| {
        let [filter] = request.filters() else { return false };
        filter.name() == Some("status") && filter.values() == ["available"]
    };
    let rules = [
        mock!(Client::describe_volumes)
            .match_requests(move |request| asked(request) && request.next_token().is_none())
            .then_http_response(move || ec2_answer("DescribeVolumes", &first)),
        mock!(Client::describe_volumes)
            .match_requests(move |request| asked(request) && request.next_token() == Some("next"))
            .then_http_response(move || ec2_answer("DescribeVolumes", &last)),
    ];
    let found = sdk(&rules.each_ref()).unused_volumes().await.unwrap();
    let ids: Vec<&str> = found.iter().map(|volume| volume.id.as_str()).collect();
    assert_eq!(ids, ["vol-1", "vol-2"]);
}

#[tokio::test]
async fn an_instance_tells_what_a_stack_needs_to_be_like_it() {
    let body = "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId>\
        <instanceType>t3.medium</instanceType><subnetId>subnet-1</subnetId><rootDeviceName>/dev/xvda</rootDeviceName>\
        <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId></ebs></item><item>\
        <deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-2</volumeId></ebs></item></blockDeviceMapping><groupSet><item>\
        <groupId>sg-1</groupId></item></groupSet><tagSet><item><key>Name</key><value>shop</value></item></tagSet>\
        </item></instancesSet></item></reservationSet>";
    let asked = |request: &aws_sdk_ec2::operation::describe_instances::DescribeInstancesInput, id: &str| {
        let [filter] = request.filters() else { return false };
        filter.name() == Some("instance-id") && filter.values() == [id]
    };
    let rules = [
        mock!(Client::describe_instances)
            .match_requests(move |request| asked(request, "i-1"))
            .then_http_response(move || ec2_answer("DescribeInstances", body)),
        mock!(Client::describe_instances)
            .match_requests(move |request| asked(request, "i-2"))
            .then_http_response(|| ec2_answer("DescribeInstances", "<reservationSet/>")),
    ];
    let sdk = sdk(&rules.each_ref());
    let expected = InstanceLikeness {
        id: "i-1".into(),
        name: Some("shop".to_owned()),
        instance_type: "t3.medium".to_owned(),
        image_id: "ami-1".into(),
        subnet_id: Some("subnet-1".into()),
        security_groups: vec!["sg-1".into()],
        root_device: Some("/dev/xvda".to_owned()),
        volumes: vec![
            ("/dev/xvda".to_owned(), "vol-1".into()),
            ("/dev/sdf".to_owned(), "vol-2".into()),
        ],
        spot: false,
    };
    assert_eq!(sdk.describe_likeness(&"i-1".into()).await.unwrap(), Some(expected));
    assert_eq!(sdk.describe_likeness(&"i-2".into()).await.unwrap(), None);
}

#[tokio::test]
async fn zones_are_the_public_ones_by_name() {
    let zone = |id: &str, name: &str, private: bool| {
        format!(
            "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>c</CallerReference><Config>\
             <PrivateZone>{private}</PrivateZone></Config></HostedZone>"
        )
    };
    let zones = [
        zone("Z1", "example.org.", false),
        zone("Z2", "example.com.", false),
        zone("Z3", "internal.", true),
    ];
    let body = format!(
        "<ListHostedZonesResponse><HostedZones>{}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>\
         </ListHostedZonesResponse>",
        zones.concat()
    );
    let rule = mock!(aws_sdk_route53::Client::list_hosted_zones).then_http_response(move || answer(200, &body));
    let found = sdk(&[&rule]).public_zones().await.unwrap();
    let names: Vec<&str> = found.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!(names, ["example.com", "example.org"]);
}
