//! Launch templates, both ways.

use aws_sdk_ec2::types::{
    LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest, LaunchTemplateInstanceMetadataEndpointState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateTagSpecificationRequest,
    LaunchTemplateVersion, RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData, ValidationWarning,
    VolumeType,
};
use selfheal_core::names::Tags;
use selfheal_core::world::{LaunchTemplate, RootVolume, TemplateData};

use super::super::Sdk;
use super::super::convert::{field, int, text, uint};
use super::super::error::failed;
use super::{read, write};
use crate::backend::CallResult;

/// Versions on a page, as many as AWS gives.
const VERSIONS_PAGE: i32 = 200;

/// What a version holds, as a request.
pub(super) fn request(data: &TemplateData) -> RequestLaunchTemplateData {
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
        .arn(&data.profile_arn)
        .build();
    let tags = [
        ("instance", &data.instance_tags),
        ("volume", &data.volume_tags),
        ("network-interface", &data.interface_tags),
    ];
    let tags: Vec<_> = tags
        .into_iter()
        .filter(|(_, tags)| !tags.is_empty())
        .map(|(kind, tags)| tagged(kind, tags))
        .collect();
    RequestLaunchTemplateData::builder()
        .image_id(&data.image_id)
        .instance_type(data.instance_type.as_str().into())
        .iam_instance_profile(profile)
        .network_interfaces(interface(data))
        .block_device_mappings(root(&data.root))
        .metadata_options(metadata(data))
        .user_data(&*data.user_data)
        .set_tag_specifications((!tags.is_empty()).then_some(tags))
        .build()
}

fn tagged(resource_type: &str, tags: &Tags) -> LaunchTemplateTagSpecificationRequest {
    LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::from(resource_type))
        .set_tags(Some(write::tags(tags)))
        .build()
}

/// The one interface. AssociateAddress by instance id needs an instance to have exactly one.
fn interface(data: &TemplateData) -> LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
    let groups: Vec<String> = data.security_groups.iter().map(String::from).collect();
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(data.public_ip)
        .set_groups((!groups.is_empty()).then_some(groups))
        .delete_on_termination(true)
        .build()
}

fn root(root: &RootVolume) -> LaunchTemplateBlockDeviceMappingRequest {
    let ebs = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(int(root.size_gib))
        .volume_type(VolumeType::from(root.volume_type.as_str()))
        .encrypted(root.encrypted)
        .set_kms_key_id(root.kms_key.clone())
        .delete_on_termination(true)
        .build();
    LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name(&root.device)
        .ebs(ebs)
        .build()
}

fn metadata(data: &TemplateData) -> LaunchTemplateInstanceMetadataOptionsRequest {
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(LaunchTemplateHttpTokensState::from(data.http_tokens.as_str()))
        .http_put_response_hop_limit(int(data.hop_limit))
        .instance_metadata_tags(LaunchTemplateInstanceMetadataTagsState::from(
            data.metadata_tags.as_str(),
        ))
        .build()
}

/// A version as AWS holds it.
pub(super) fn read(version: LaunchTemplateVersion, action: &'static str) -> CallResult<LaunchTemplate> {
    let number = version.version_number.and_then(|number| u64::try_from(number).ok());
    Ok(LaunchTemplate {
        id: field(version.launch_template_id.map(Into::into), action, "template id")?,
        name: version.launch_template_name.unwrap_or_default(),
        version: field(number, action, "version number")?,
        data: version.launch_template_data.map(data).unwrap_or_default(),
    })
}

/// The latest version of every template.
pub(super) async fn read_all(sdk: &Sdk) -> CallResult<Vec<LaunchTemplate>> {
    const ACTION: &str = "ec2:DescribeLaunchTemplateVersions";
    let call = sdk.clients.ec2.describe_launch_template_versions().versions("$Latest");
    let pages = call.into_paginator().page_size(VERSIONS_PAGE).items().send();
    let versions = pages.collect::<Result<Vec<_>, _>>().await;
    let versions = versions.map_err(failed(ACTION, None))?;
    versions.into_iter().map(|version| read(version, ACTION)).collect()
}

fn data(data: ResponseLaunchTemplateData) -> TemplateData {
    let interface = data.network_interfaces.unwrap_or_default().into_iter().next();
    let public_ip = interface
        .as_ref()
        .and_then(|interface| interface.associate_public_ip_address)
        .unwrap_or(false);
    let mut security_groups = interface.and_then(|interface| interface.groups).unwrap_or_default();
    security_groups.extend(data.security_group_ids.unwrap_or_default());
    security_groups.sort();
    let security_groups = security_groups.into_iter().map(Into::into).collect();
    let root = data
        .block_device_mappings
        .unwrap_or_default()
        .into_iter()
        .find_map(|mapping| {
            let ebs = mapping.ebs?;
            Some(RootVolume {
                device: mapping.device_name.unwrap_or_default(),
                size_gib: ebs.volume_size.map_or(0, uint),
                volume_type: ebs.volume_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
                encrypted: ebs.encrypted.unwrap_or(false),
                kms_key: text(ebs.kms_key_id.as_deref()),
            })
        });
    let metadata = data.metadata_options.as_ref();
    let profile = data.iam_instance_profile;
    let tags = data.tag_specifications.unwrap_or_default();
    let tags = |kind: &str| {
        let of_kind = |specification: &&aws_sdk_ec2::types::LaunchTemplateTagSpecification| {
            specification
                .resource_type
                .as_ref()
                .is_some_and(|resource_type| resource_type.as_str() == kind)
        };
        tags.iter()
            .find(of_kind)
            .map(|found| read::tags(found.tags.clone()))
            .unwrap_or_default()
    };
    TemplateData {
        image_id: data.image_id.unwrap_or_default().into(),
        instance_type: data
            .instance_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        profile_arn: profile.and_then(|profile| profile.arn).unwrap_or_default(),
        security_groups,
        public_ip,
        root: root.unwrap_or_default(),
        user_data: data.user_data.unwrap_or_default().into(),
        http_tokens: metadata
            .and_then(|m| Some(m.http_tokens.as_ref()?.as_str().to_owned()))
            .unwrap_or_default(),
        hop_limit: metadata.and_then(|m| m.http_put_response_hop_limit).map_or(0, uint),
        metadata_tags: metadata
            .and_then(|m| Some(m.instance_metadata_tags.as_ref()?.as_str().to_owned()))
            .unwrap_or_default(),
        instance_tags: tags("instance"),
        volume_tags: tags("volume"),
        interface_tags: tags("network-interface"),
    }
}

/// Logs what AWS finds odd in a template that it accepts: it checks here, and refuses only at the launch.
pub(super) fn log_warning(action: &'static str, warning: Option<&ValidationWarning>) {
    for error in warning.map(ValidationWarning::errors).unwrap_or_default() {
        let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
        tracing::warn!(action, code, message, "aws accepts the launch template with a warning");
    }
}
