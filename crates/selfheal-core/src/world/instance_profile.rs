//! The instance profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{Answer, Observed};
use crate::names::Tags;

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The role in it; AWS allows one.
    pub role: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// One mutating call about the instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum InstanceProfileCall {
    /// `iam:CreateInstanceProfile`.
    CreateInstanceProfile {
        /// Its name.
        name: String,
        /// Its tags.
        tags: Tags,
    },
    /// `iam:AddRoleToInstanceProfile`.
    AddRoleToProfile {
        /// The profile.
        profile: String,
        /// The role.
        role: String,
    },
    /// `iam:RemoveRoleFromInstanceProfile`.
    RemoveRoleFromProfile {
        /// The profile.
        profile: String,
        /// The role.
        role: String,
    },
    /// `iam:DeleteInstanceProfile`.
    DeleteInstanceProfile {
        /// The profile.
        name: String,
    },
}

fn key(profile: &InstanceProfile) -> String {
    format!("instance-profile/{}", profile.name)
}

pub(super) fn record(observed: &mut Observed, call: &InstanceProfileCall, answer: Answer) {
    match call {
        InstanceProfileCall::CreateInstanceProfile { .. } => {
            let Answer::Profile(profile) = answer else { return };
            observed.run.unseen.insert(key(&profile));
            observed.profile = Some(profile);
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        InstanceProfileCall::AddRoleToProfile { role, .. } => {
            if let Some(profile) = &mut observed.profile {
                profile.role = Some(role.clone());
            }
        }
        InstanceProfileCall::RemoveRoleFromProfile { .. } => {
            if let Some(profile) = &mut observed.profile {
                profile.role = None;
            }
        }
        InstanceProfileCall::DeleteInstanceProfile { .. } => {
            if let Some(profile) = observed.profile.take() {
                observed.run.unseen.remove(&key(&profile));
            }
        }
    }
}

impl Observed {
    /// Puts a new reading of the instance profile into the observed world.
    pub fn read_profile(&mut self, profile: Option<InstanceProfile>) {
        one(&mut self.profile, profile, &mut self.run.unseen, key);
    }
}
