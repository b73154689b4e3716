//! The launch template.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{Answer, ImageId, LaunchTemplateId, Observed, SecurityGroupId, UserDataText};
use crate::names::{TAG_APPLICATION_CHECK, Tags};

/// A launch template at its latest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// `lt-…`.
    pub id: LaunchTemplateId,
    /// Its name.
    pub name: String,
    /// The number of the latest version, from 1.
    pub version: u64,
    /// What the latest version holds.
    pub data: TemplateData,
}

impl LaunchTemplate {
    /// Whether its latest version tags instances for an application status check, so that there may be one.
    #[must_use]
    pub fn tells_of_check(&self) -> bool {
        self.data.instance_tags.contains_key(TAG_APPLICATION_CHECK)
    }
}

/// What a version of our launch template holds, in the fields that this tool sets.
///
/// Fields that the tool does not know are not read and not compared: a comparison of whole documents would see changes
/// where AWS merely fills in defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateData {
    /// `ami-…`.
    pub image_id: ImageId,
    /// Instance type.
    pub instance_type: String,
    /// ARN of the instance profile.
    pub profile_arn: String,
    /// Security groups of the one network interface, sorted.
    pub security_groups: Vec<SecurityGroupId>,
    /// Whether the interface gets a public address at launch, with which it reaches AWS before the Elastic IP is there.
    pub public_ip: bool,
    /// The root volume.
    pub root: RootVolume,
    /// User data, base64 as EC2 keeps it.
    pub user_data: UserDataText,
    /// `required` or `optional`.
    pub http_tokens: String,
    /// Hop limit of metadata answers.
    pub hop_limit: u32,
    /// `enabled` or `disabled`: tags in the instance metadata.
    pub metadata_tags: String,
    /// Tags of the instance.
    pub instance_tags: Tags,
    /// Tags of the volumes that are made with it.
    pub volume_tags: Tags,
    /// Tags of its network interface.
    pub interface_tags: Tags,
}

/// The root volume in a launch template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootVolume {
    /// Device name, such as `/dev/xvda`.
    pub device: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, where the template names one.
    #[serde(default)]
    pub kms_key: Option<String>,
}

/// One mutating call about the launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum LaunchTemplateCall {
    /// `ec2:CreateLaunchTemplate`.
    CreateLaunchTemplate {
        /// Its name.
        name: String,
        /// What its first version holds.
        data: TemplateData,
        /// Tags of the template itself.
        tags: Tags,
    },
    /// `ec2:CreateLaunchTemplateVersion`.
    CreateTemplateVersion {
        /// The template.
        template_id: LaunchTemplateId,
        /// What the version holds: whole, with no source version.
        data: TemplateData,
    },
    /// `ec2:DeleteLaunchTemplate`.
    DeleteLaunchTemplate {
        /// The template.
        id: LaunchTemplateId,
    },
}

pub(super) fn record(observed: &mut Observed, call: &LaunchTemplateCall, answer: Answer) {
    match call {
        LaunchTemplateCall::CreateLaunchTemplate { name, data, .. } => {
            let Answer::Template(id) = answer else { return };
            observed.run.unseen.insert(id.to_string());
            observed.launch_template = Some(LaunchTemplate {
                id,
                name: name.clone(),
                version: 1,
                data: data.clone(),
            });
        }
        LaunchTemplateCall::CreateTemplateVersion { data, .. } => {
            let Answer::Version(version) = answer else { return };
            if let Some(template) = &mut observed.launch_template {
                template.version = version;
                template.data = data.clone();
            }
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        LaunchTemplateCall::DeleteLaunchTemplate { id } => {
            observed.run.unseen.remove(id.as_str());
            observed.launch_template = None;
        }
    }
}

impl Observed {
    /// Puts a new reading of the launch template into the observed world. Versions only grow: an earlier one than is known
    /// is an old reading.
    pub fn read_template(&mut self, template: Option<LaunchTemplate>) {
        let known = self.launch_template.as_ref().zip(template.as_ref());
        if known.is_some_and(|(have, read)| have.id == read.id && have.version > read.version) {
            return;
        }
        one(&mut self.launch_template, template, &mut self.run.unseen, |template| {
            template.id.to_string()
        });
    }
}
