//! Launch templates: a unique name and versions that never change.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use selfheal_core::names::Tags;
use selfheal_core::world::{LaunchTemplate, LaunchTemplateId, TemplateData};

use super::super::call::fail;
use super::super::pages::{Page, cut};
use super::super::state::TemplateRecord;
use super::super::world::World;
use super::check_tags;
use crate::backend::CallResult;

/// Bytes that user data may have before base64.
///
/// Source: EC2 user guide, "Run commands at launch": 16 KB in raw form.
const USER_DATA_MAX_BYTES: usize = 16_384;

impl World {
    pub(super) fn describe_template(&self, name: &str, version: Option<u64>) -> Option<LaunchTemplate> {
        let named = |record: &&TemplateRecord| record.name == name && self.sees(record.visible_ms);
        let record = self.templates.values().find(named)?;
        let latest = record.latest()?;
        match version {
            None => Some(latest),
            Some(version) => {
                let data = record.version(version)?.clone();
                Some(LaunchTemplate {
                    version,
                    data,
                    ..latest
                })
            }
        }
    }

    pub(super) fn describe_templates(
        &self,
        page: (Option<LaunchTemplateId>, usize),
    ) -> Page<LaunchTemplateId, LaunchTemplate> {
        let exists = |record: &TemplateRecord| self.sees(record.visible_ms);
        cut(&self.templates, page, exists, TemplateRecord::latest)
    }

    pub(super) fn create_template(
        &mut self,
        name: &str,
        data: &TemplateData,
        tags: &Tags,
    ) -> CallResult<LaunchTemplateId> {
        const ACTION: &str = "ec2:CreateLaunchTemplate";
        check_tags(ACTION, tags)?;
        check_data(ACTION, data)?;
        let valid = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
        if !(3..=128).contains(&name.len()) || !name.chars().all(valid) {
            let message = format!("Invalid launch template name '{name}'.");
            return fail(ACTION, "InvalidLaunchTemplateName.MalformedException", message);
        }
        if self.templates.values().any(|record| record.name == name) {
            let message = "Launch template name already in use.";
            return fail(ACTION, "InvalidLaunchTemplateName.AlreadyExistsException", message);
        }
        let id = LaunchTemplateId::from(self.new_id("lt"));
        let record = TemplateRecord {
            id: id.clone(),
            name: name.to_owned(),
            versions: vec![data.clone()],
            tags: tags.clone(),
            visible_ms: self.visible_from(),
        };
        self.templates.insert(id.clone(), record);
        self.made = Some(id.to_string());
        Ok(id)
    }

    fn live_template(&mut self, action: &'static str, id: &LaunchTemplateId) -> CallResult<&mut TemplateRecord> {
        let now_ms = self.now_ms;
        match self.templates.get_mut(id).filter(|record| record.visible_ms <= now_ms) {
            Some(record) => Ok(record),
            None => {
                let message = format!("The specified launch template, with template ID {id}, does not exist.");
                fail(action, "InvalidLaunchTemplateId.NotFound", message)
            }
        }
    }

    pub(super) fn create_template_version(&mut self, id: &LaunchTemplateId, data: &TemplateData) -> CallResult<u64> {
        const ACTION: &str = "ec2:CreateLaunchTemplateVersion";
        check_data(ACTION, data)?;
        let record = self.live_template(ACTION, id)?;
        record.versions.push(data.clone());
        Ok(record.versions.len() as u64)
    }

    /// `DeleteLaunchTemplate`. EC2 lets it go even while a group names it; the group's launches then fail.
    pub(super) fn delete_template(&mut self, id: &LaunchTemplateId) -> CallResult<()> {
        self.live_template("ec2:DeleteLaunchTemplate", id)?;
        self.templates.remove(id);
        Ok(())
    }
}

fn check_data(action: &'static str, data: &TemplateData) -> CallResult<()> {
    for tags in [&data.instance_tags, &data.volume_tags, &data.interface_tags] {
        check_tags(action, tags)?;
    }
    let Ok(user_data) = BASE64_STANDARD.decode(data.user_data.as_bytes()) else {
        return fail(
            action,
            "InvalidUserData.Malformed",
            "Invalid BASE64 encoding of user data.",
        );
    };
    if user_data.len() > USER_DATA_MAX_BYTES {
        return fail(action, "InvalidParameterValue", "User data is limited to 16384 bytes");
    }
    if !data.image_id.as_str().starts_with("ami-") {
        return fail(
            action,
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{}\"", data.image_id),
        );
    }
    Ok(())
}
