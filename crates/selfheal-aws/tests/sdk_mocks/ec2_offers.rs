//! What EC2 offers: types, zones, routes, the default key.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::LocationType;
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Ec2, Offers};
use selfheal_core::world::{CreateVolume, InstanceTypeDetails};

use crate::support::{ec2_answer, ec2_error, sdk, tags};

#[tokio::test]
async fn a_type_is_read_and_one_that_does_not_exist_is_none() {
    let found = "<instanceTypeSet><item><instanceType>t4g.small</instanceType><processorInfo><supportedArchitectures>\
        <item>arm64</item></supportedArchitectures></processorInfo><ebsInfo><ebsOptimizedSupport>default\
        </ebsOptimizedSupport><ebsOptimizedInfo><baselineBandwidthInMbps>174</baselineBandwidthInMbps>\
        <baselineThroughputInMBps>21.75</baselineThroughputInMBps><maximumBandwidthInMbps>2085</maximumBandwidthInMbps>\
        </ebsOptimizedInfo><nvmeSupport>required</nvmeSupport></ebsInfo><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo></item></instanceTypeSet>";
    let xen = "<instanceTypeSet><item><instanceType>t2.micro</instanceType><processorInfo><supportedArchitectures>\
        <item>i386</item><item>x86_64</item></supportedArchitectures></processorInfo><ebsInfo>\
        <ebsOptimizedSupport>unsupported</ebsOptimizedSupport><nvmeSupport>unsupported</nvmeSupport></ebsInfo></item>\
        </instanceTypeSet>";
    let rules = [
        mock!(Client::describe_instance_types)
            .match_requests(|request| {
                let [kind] = request.instance_types() else { return false };
                kind.as_str() == "t4g.small"
            })
            .then_http_response(|| ec2_answer("DescribeInstanceTypes", found)),
        mock!(Client::describe_instance_types).then_http_response(|| ec2_answer("DescribeInstanceTypes", xen)),
        mock!(Client::describe_instance_types).then_http_response(|| {
            let message = "The following supplied instance types do not exist: [t4g.smal]";
            ec2_error(400, "InvalidInstanceType", message)
        }),
        mock!(Client::describe_instance_types).then_http_response(|| ec2_error(403, "UnauthorizedOperation", "no")),
    ];
    let sdk = sdk(&rules.each_ref());
    let details = InstanceTypeDetails {
        architectures: vec!["arm64".to_owned()],
        nvme: "required".to_owned(),
        ebs_baseline_mbps: Some(174),
        ebs_maximum_mbps: Some(2085),
        vcpus: Some(2),
    };
    assert_eq!(sdk.describe_instance_type("t4g.small").await.unwrap(), Some(details));
    let xen = sdk.describe_instance_type("t2.micro").await.unwrap().unwrap();
    assert_eq!((xen.nvme.as_str(), xen.ebs_baseline_mbps), ("unsupported", None));
    assert_eq!(sdk.describe_instance_type("t4g.smal").await.unwrap(), None);
    let error = sdk.describe_instance_type("t4g.small").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Denied);
}

#[tokio::test]
async fn the_zones_of_a_type_are_read_from_every_page() {
    let page = |zone: &str, token: &str| {
        format!(
            "<instanceTypeOfferingSet><item><instanceType>t4g.small</instanceType><locationType>availability-zone\
            </locationType><location>{zone}</location></item></instanceTypeOfferingSet><nextToken>{token}</nextToken>"
        )
    };
    let (first, last) = (page("eu-west-1c", "more"), page("eu-west-1a", ""));
    let rules = [
        mock!(Client::describe_instance_type_offerings)
            .match_requests(|request| {
                let [filter] = request.filters() else { return false };
                request.location_type() == Some(&LocationType::AvailabilityZone)
                    && filter.name() == Some("instance-type")
                    && filter.values() == ["t4g.small"]
            })
            .then_http_response(move || ec2_answer("DescribeInstanceTypeOfferings", &first)),
        mock!(Client::describe_instance_type_offerings)
            .match_requests(|request| request.next_token() == Some("more"))
            .then_http_response(move || ec2_answer("DescribeInstanceTypeOfferings", &last)),
    ];
    let zones = sdk(&rules.each_ref()).describe_type_zones("t4g.small").await.unwrap();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1c"]);
}

#[tokio::test]
async fn a_subnet_leads_where_its_own_table_or_else_the_main_one_says() {
    let tables = "<routeTableSet>\
        <item><routeTableId>rtb-1</routeTableId><routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock>\
        <gatewayId>local</gatewayId><state>active</state></item><item><destinationCidrBlock>0.0.0.0/0\
        </destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>\
        <associationSet><item><subnetId>subnet-1</subnetId><main>false</main></item></associationSet></item>\
        <item><routeTableId>rtb-2</routeTableId><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
        <gatewayId>igw-1</gatewayId><state>active</state></item></routeSet>\
        <associationSet><item><main>true</main></item></associationSet></item>\
        <item><routeTableId>rtb-3</routeTableId><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
        <gatewayId>igw-2</gatewayId><state>blackhole</state></item></routeSet>\
        <associationSet><item><subnetId>subnet-3</subnetId><main>false</main></item></associationSet></item>\
        </routeTableSet>";
    for (subnet, target) in [
        ("subnet-1", Some("nat-1")),
        ("subnet-2", Some("igw-1")),
        ("subnet-3", None),
    ] {
        let rule = mock!(Client::describe_route_tables)
            .match_requests(|request| {
                let [filter] = request.filters() else { return false };
                filter.name() == Some("vpc-id") && filter.values() == ["vpc-1"]
            })
            .then_http_response(|| ec2_answer("DescribeRouteTables", tables));
        let route = sdk(&[&rule])
            .describe_default_route(&subnet.into(), &"vpc-1".into())
            .await
            .unwrap();
        assert_eq!((route.subnet_id.as_str(), route.target.as_deref()), (subnet, target));
    }
    let none = mock!(Client::describe_route_tables)
        .then_http_response(|| ec2_answer("DescribeRouteTables", "<routeTableSet/>"));
    let error = sdk(&[&none])
        .describe_default_route(&"subnet-1".into(), &"vpc-1".into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous, "a VPC has a main table");
}

#[tokio::test]
async fn the_default_key_is_told_where_it_is_a_customers() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (told, expected) in [
        ("alias/aws/ebs", None),
        ("arn:aws:kms:eu-west-1:123456789012:alias/aws/ebs", None),
        (key, Some(key)),
        ("alias/ours", Some("alias/ours")),
    ] {
        let content = format!("<kmsKeyId>{told}</kmsKeyId>");
        let rule = mock!(Client::get_ebs_default_kms_key_id)
            .then_http_response(move || ec2_answer("GetEbsDefaultKmsKeyId", &content));
        assert_eq!(sdk(&[&rule]).default_kms_key().await.unwrap().as_deref(), expected);
    }
}

#[tokio::test]
async fn a_volume_is_made_under_its_key_and_tells_it() {
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let content = format!(
        "<volumeId>vol-1</volumeId><size>20</size><availabilityZone>eu-west-1a</availabilityZone><status>creating</status>\
        <volumeType>gp3</volumeType><encrypted>true</encrypted><kmsKeyId>{KEY}</kmsKeyId>"
    );
    let rule = mock!(Client::create_volume)
        .match_requests(|request| request.kms_key_id() == Some(KEY) && request.encrypted() == Some(true))
        .then_http_response(move || ec2_answer("CreateVolume", &content));
    let input = CreateVolume {
        zone: "eu-west-1a".to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: Some(KEY.to_owned()),
        snapshot_id: None,
        tags: tags("volume"),
        client_token: "token".to_owned(),
    };
    let volume = sdk(&[&rule]).create_volume(&input).await.unwrap();
    assert_eq!(volume.kms_key.as_deref(), Some(KEY));
}
