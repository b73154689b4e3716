//! Launch templates, both ways.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_launch_template::CreateLaunchTemplateInput;
use aws_sdk_ec2::operation::create_launch_template_version::CreateLaunchTemplateVersionInput;
use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceMetadataTagsState, LaunchTemplateInstanceNetworkInterfaceSpecificationRequest,
    LaunchTemplateTagSpecificationRequest, RequestLaunchTemplateData, ResourceType, Tag, TagSpecification, VolumeType,
};
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Ec2};
use selfheal_core::names::Tags;
use selfheal_core::world::{LaunchTemplate, RootVolume, TemplateData};

use crate::support::{ec2_answer, ec2_error, sdk, tags};

const PROFILE: &str = "arn:aws:iam::123456789012:instance-profile/selfheal/selfheal-web-eu-west-1";

fn data() -> TemplateData {
    TemplateData {
        image_id: "ami-1".into(),
        instance_type: "t4g.small".to_owned(),
        profile_arn: PROFILE.to_owned(),
        security_groups: vec!["sg-1".into(), "sg-2".into()],
        public_ip: true,
        root: RootVolume {
            device: "/dev/xvda".to_owned(),
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            kms_key: None,
        },
        user_data: "IyEvYmluL3NoCg==".into(),
        http_tokens: "required".to_owned(),
        hop_limit: 1,
        metadata_tags: "disabled".to_owned(),
        instance_tags: tags("instance"),
        volume_tags: tags("root-volume"),
        interface_tags: tags("network-interface"),
    }
}

fn sdk_tags(role: &str) -> Vec<Tag> {
    tags(role)
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn request() -> RequestLaunchTemplateData {
    let tagged = |kind, role| {
        LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(kind)
            .set_tags(Some(sdk_tags(role)))
            .build()
    };
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(true)
        .groups("sg-1")
        .groups("sg-2")
        .delete_on_termination(true);
    let root = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(8)
        .volume_type(VolumeType::Gp3)
        .encrypted(true)
        .delete_on_termination(true);
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .instance_metadata_tags(LaunchTemplateInstanceMetadataTagsState::Disabled);
    RequestLaunchTemplateData::builder()
        .image_id("ami-1")
        .instance_type(InstanceType::T4gSmall)
        .iam_instance_profile(
            LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
                .arn(PROFILE)
                .build(),
        )
        .network_interfaces(interface.build())
        .block_device_mappings(
            LaunchTemplateBlockDeviceMappingRequest::builder()
                .device_name("/dev/xvda")
                .ebs(root.build())
                .build(),
        )
        .metadata_options(metadata.build())
        .user_data("IyEvYmluL3NoCg==")
        .tag_specifications(tagged(ResourceType::Instance, "instance"))
        .tag_specifications(tagged(ResourceType::Volume, "root-volume"))
        .tag_specifications(tagged(ResourceType::NetworkInterface, "network-interface"))
        .build()
}

#[tokio::test]
async fn a_template_is_made_whole() {
    let tagged = TagSpecification::builder().resource_type(ResourceType::LaunchTemplate);
    let input = CreateLaunchTemplateInput::builder()
        .launch_template_name("selfheal-web")
        .launch_template_data(request())
        .tag_specifications(tagged.set_tags(Some(sdk_tags("launch-template"))).build())
        .build()
        .unwrap();
    let content = "<launchTemplate><launchTemplateId>lt-1</launchTemplateId><latestVersionNumber>1</latestVersionNumber>\
        </launchTemplate><warning><errorSet><item><code>X</code><message>odd</message></item></errorSet></warning>";
    let made = mock!(Client::create_launch_template)
        .match_requests(move |request| {
            let mut request = request.clone();
            // The SDK fills in a fresh token, which only its own retries would use.
            request.client_token = None;
            request == input
        })
        .then_http_response(move || ec2_answer("CreateLaunchTemplate", content));
    let there = mock!(Client::create_launch_template)
        .then_http_response(|| ec2_error(400, "InvalidLaunchTemplateName.AlreadyExistsException", "in use"));
    let sdk = sdk(&[&made, &there]);
    let make = async || {
        sdk.create_launch_template("selfheal-web", &data(), &tags("launch-template"))
            .await
    };
    assert_eq!(make().await.unwrap(), "lt-1");
    assert_eq!(make().await.unwrap_err().kind, CallErrorKind::AlreadyExists);
}

#[tokio::test]
async fn a_version_is_made_from_no_other() {
    let input = CreateLaunchTemplateVersionInput::builder()
        .launch_template_id("lt-1")
        .launch_template_data(request())
        .build()
        .unwrap();
    let content = "<launchTemplateVersion><launchTemplateId>lt-1</launchTemplateId><versionNumber>12</versionNumber>\
        </launchTemplateVersion>";
    let rule = mock!(Client::create_launch_template_version)
        .match_requests(move |request| {
            let mut request = request.clone();
            request.client_token = None;
            request == input
        })
        .then_http_response(move || ec2_answer("CreateLaunchTemplateVersion", content));
    assert_eq!(
        sdk(&[&rule])
            .create_template_version(&"lt-1".into(), &data())
            .await
            .unwrap(),
        12
    );
}

#[tokio::test]
async fn what_is_empty_is_left_out() {
    let rule = mock!(Client::create_launch_template_version)
        .match_requests(|request| {
            let data = request.launch_template_data().unwrap();
            data.tag_specifications.is_none() && data.network_interfaces()[0].groups.is_none()
        })
        .then_http_response(|| ec2_answer("CreateLaunchTemplateVersion", ""));
    let none = Tags::new();
    let bare = TemplateData {
        security_groups: Vec::new(),
        instance_tags: none.clone(),
        volume_tags: none.clone(),
        interface_tags: none,
        ..data()
    };
    let error = sdk(&[&rule])
        .create_template_version(&"lt-1".into(), &bare)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (CallErrorKind::Ambiguous, "the answer has no version number")
    );
}

fn tag_items(role: &str) -> String {
    tags(role)
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect()
}

fn version_xml() -> String {
    let tagged = |kind: &str, role: &str| {
        format!(
            "<item><resourceType>{kind}</resourceType><tagSet>{}</tagSet></item>",
            tag_items(role)
        )
    };
    let tagged = tagged("instance", "instance")
        + &tagged("volume", "root-volume")
        + &tagged("network-interface", "network-interface")
        + &tagged("spot-instances-request", "instance");
    format!(
        "<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId>\
        <launchTemplateName>selfheal-web</launchTemplateName><versionNumber>12</versionNumber>\
        <defaultVersion>false</defaultVersion><launchTemplateData><imageId>ami-1</imageId>\
        <instanceType>t4g.small</instanceType><iamInstanceProfile><arn>{PROFILE}</arn></iamInstanceProfile>\
        <networkInterfaceSet><item><deviceIndex>0</deviceIndex><associatePublicIpAddress>true</associatePublicIpAddress>\
        <groupSet><groupId>sg-2</groupId><groupId>sg-1</groupId></groupSet></item></networkInterfaceSet>\
        <blockDeviceMappingSet><item><deviceName>/dev/sdz</deviceName><noDevice/></item>\
        <item><deviceName>/dev/xvda</deviceName><ebs><encrypted>true</encrypted>\
        <deleteOnTermination>true</deleteOnTermination><volumeSize>8</volumeSize><volumeType>gp3</volumeType></ebs></item>\
        </blockDeviceMappingSet><metadataOptions><httpTokens>required</httpTokens>\
        <httpPutResponseHopLimit>1</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint>\
        <instanceMetadataTags>disabled</instanceMetadataTags></metadataOptions><userData>IyEvYmluL3NoCg==</userData>\
        <tagSpecificationSet>{tagged}</tagSpecificationSet></launchTemplateData></item></launchTemplateVersionSet>"
    )
}

#[tokio::test]
async fn what_was_sent_is_what_is_read() {
    let found = mock!(Client::describe_launch_template_versions)
        .match_requests(|request| {
            request.launch_template_name() == Some("selfheal-web") && request.versions() == ["$Latest"]
        })
        .then_http_response(|| ec2_answer("DescribeLaunchTemplateVersions", &version_xml()));
    let missing = mock!(Client::describe_launch_template_versions)
        .then_http_response(|| ec2_error(400, "InvalidLaunchTemplateName.NotFoundException", "none"));
    let sdk = sdk(&[&found, &missing]);
    let expected = LaunchTemplate {
        id: "lt-1".into(),
        name: "selfheal-web".to_owned(),
        version: 12,
        data: data(),
    };
    assert_eq!(
        sdk.describe_launch_template("selfheal-web", None).await.unwrap(),
        Some(expected)
    );
    assert_eq!(sdk.describe_launch_template("selfheal-web", None).await.unwrap(), None);
}

#[tokio::test]
async fn one_version_is_asked_for_by_its_number() {
    let found = mock!(Client::describe_launch_template_versions)
        .match_requests(|request| request.launch_template_name() == Some("selfheal-web") && request.versions() == ["7"])
        .then_http_response(|| ec2_answer("DescribeLaunchTemplateVersions", &version_xml()));
    let missing = mock!(Client::describe_launch_template_versions)
        .then_http_response(|| ec2_error(400, "InvalidLaunchTemplateId.VersionNotFound", "none"));
    let sdk = sdk(&[&found, &missing]);
    let asked = sdk.describe_launch_template("selfheal-web", Some(7)).await.unwrap();
    assert!(asked.is_some_and(|template| template.data == data()));
    assert_eq!(
        sdk.describe_launch_template("selfheal-web", Some(8)).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_template_of_other_hands_is_read_as_far_as_it_goes() {
    let version = "<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId>\
        <versionNumber>1</versionNumber><launchTemplateData><instanceType>z9.new</instanceType>\
        <iamInstanceProfile><name>p</name></iamInstanceProfile>\
        <securityGroupIdSet><item>sg-1</item></securityGroupIdSet></launchTemplateData></item></launchTemplateVersionSet>";
    let rule = mock!(Client::describe_launch_template_versions)
        .then_http_response(move || ec2_answer("DescribeLaunchTemplateVersions", version));
    let found = sdk(&[&rule])
        .describe_launch_template("selfheal-web", None)
        .await
        .unwrap()
        .unwrap();
    let expected = TemplateData {
        instance_type: "z9.new".to_owned(),
        security_groups: vec!["sg-1".into()],
        ..TemplateData::default()
    };
    assert_eq!(found.data, expected);
}
