//! What EC2 answers about one id.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Ec2};
use selfheal_core::world::{ModificationState, VolumeModification};

use crate::support::{ec2_answer, ec2_error, sdk};

const VOLUME: &str = "<volumeSet><item><volumeId>vol-1</volumeId><size>20</size><availabilityZone>eu-west-1a\
    </availabilityZone><status>in-use</status><attachmentSet><item><instanceId>i-1</instanceId><status>attached</status>\
    </item></attachmentSet></item></volumeSet>";

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[tokio::test]
async fn a_volume_is_there_or_gone_or_the_answer_is_no_answer_1() {
    let rules = [
        mock!(Client::describe_volumes)
            .match_requests(|request| request.volume_ids() == ["vol-1"] && request.filters().is_empty())
            .then_http_response(|| ec2_answer("DescribeVolumes", VOLUME)),
        mock!(Client::describe_volumes).then_http_response(|| ec2_error(400, "InvalidVolume.NotFound", "none")),
        mock!(Client::describe_volumes).then_http_response(|| ec2_answer("DescribeVolumes", "<volumeSet/>")),
    ];
    let sdk = sdk(&rules.each_ref());
    assert_eq!(sdk.describe_volume(&"vol-1".into()).await.unwrap().unwrap().id, "vol-1");
    assert_eq!(sdk.describe_volume(&"vol-1".into()).await.unwrap(), None);
    let error = sdk.describe_volume(&"vol-1".into()).await.unwrap_err();
    assert_eq!(
        error.kind,
        CallErrorKind::Ambiguous,
        "an empty list is no word about an id: {error}"
    );
}

#[tokio::test]
async fn an_address_is_there_or_gone_or_the_answer_is_no_answer_1() {
    let item = "<addressesSet><item><allocationId>eipalloc-1</allocationId><publicIp>203.0.113.7</publicIp></item>\
        </addressesSet>";
    let rules = [
        mock!(Client::describe_addresses)
            .match_requests(|request| request.allocation_ids() == ["eipalloc-1"])
            .then_http_response(move || ec2_answer("DescribeAddresses", item)),
        mock!(Client::describe_addresses).then_http_response(|| ec2_error(400, "InvalidAllocationID.NotFound", "none")),
        mock!(Client::describe_addresses).then_http_response(|| ec2_answer("DescribeAddresses", "<addressesSet/>")),
    ];
    let sdk = sdk(&rules.each_ref());
    let found = sdk.describe_address(&"eipalloc-1".into()).await.unwrap().unwrap();
    assert_eq!(found.public_ip, "203.0.113.7");
    assert_eq!(sdk.describe_address(&"eipalloc-1".into()).await.unwrap(), None);
    assert_eq!(
        sdk.describe_address(&"eipalloc-1".into()).await.unwrap_err().kind,
        CallErrorKind::Ambiguous
    );
}

#[tokio::test]
async fn what_an_instance_holds_is_asked_for_by_filter_1() {
    let rule = mock!(Client::describe_volumes)
        .match_requests(|request| request.filters() == [filter("attachment.instance-id", "i-1")])
        .then_http_response(|| ec2_answer("DescribeVolumes", VOLUME));
    let sdk = sdk(&[&rule]);
    let held = sdk.describe_attached_volumes(&"i-1".into()).await.unwrap();
    assert_eq!(held[0].attachment.as_ref().unwrap().instance_id, "i-1");
}

#[tokio::test]
async fn the_last_modification_is_read_with_what_it_leads_to_12() {
    let item = |size: u32, state: &str, at: &str| {
        format!(
            "<item><volumeId>vol-1</volumeId><modificationState>{state}</modificationState><targetSize>{size}</targetSize>\
            <targetIops>3000</targetIops><targetVolumeType>gp3</targetVolumeType><targetThroughput>125</targetThroughput>\
            <startTime>{at}</startTime></item>"
        )
    };
    let two = format!(
        "<volumeModificationSet>{}{}</volumeModificationSet>",
        item(30, "completed", "2026-01-01T00:00:00.000Z"),
        item(40, "modifying", "2026-01-02T00:00:00.000Z")
    );
    let rules = [
        mock!(Client::describe_volumes_modifications)
            .match_requests(|request| request.filters() == [filter("volume-id", "vol-1")])
            .then_http_response(move || ec2_answer("DescribeVolumesModifications", &two)),
        mock!(Client::describe_volumes_modifications)
            .then_http_response(|| ec2_answer("DescribeVolumesModifications", "<volumeModificationSet/>")),
        mock!(Client::describe_volumes_modifications)
            .then_http_response(|| ec2_error(400, "InvalidVolumeModification.NotFound", "never")),
    ];
    let sdk = sdk(&rules.each_ref());
    let expected = VolumeModification {
        state: ModificationState::Modifying,
        size_gib: Some(40),
        volume_type: Some("gp3".to_owned()),
        iops: Some(3000),
        throughput_mibps: Some(125),
        started_at: Some("2026-01-02T00:00:00Z".parse().unwrap()),
    };
    assert_eq!(
        sdk.describe_volume_modification(&"vol-1".into()).await.unwrap(),
        Some(expected)
    );
    assert_eq!(sdk.describe_volume_modification(&"vol-1".into()).await.unwrap(), None);
    assert_eq!(sdk.describe_volume_modification(&"vol-1".into()).await.unwrap(), None);
}
