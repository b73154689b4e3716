//! The IAM roles: of the instance, and of the lifecycle policy, with their policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{Answer, Observed, PolicyText};
use crate::names::{APP_POLICY_NAME, Tags};

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamRole {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its trust policy, as JSON (already percent-decoded).
    pub trust_policy: PolicyText,
    /// ARN of the managed policy that is its permissions boundary, where it has one.
    #[serde(default)]
    pub permissions_boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// One mutating call about one of the stack's roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum RoleCall {
    /// `iam:CreateRole`.
    CreateRole {
        /// Its name.
        name: String,
        /// Its trust policy, JSON.
        trust_policy: PolicyText,
        /// Its tags.
        tags: Tags,
        /// ARN of its permissions boundary.
        permissions_boundary: Option<String>,
    },
    /// `iam:PutRolePermissionsBoundary`.
    PutPermissionsBoundary {
        /// The role.
        role: String,
        /// ARN of the managed policy.
        boundary: String,
    },
    /// `iam:DeleteRolePermissionsBoundary`.
    DeletePermissionsBoundary {
        /// The role.
        role: String,
    },
    /// `iam:UpdateAssumeRolePolicy`.
    UpdateTrustPolicy {
        /// The role.
        role: String,
        /// The trust policy, JSON.
        trust_policy: PolicyText,
    },
    /// `iam:PutRolePolicy`.
    PutRolePolicy {
        /// The role.
        role: String,
        /// The inline policy's name.
        policy_name: String,
        /// The document, JSON.
        document: PolicyText,
    },
    /// `iam:DeleteRolePolicy`.
    DeleteRolePolicy {
        /// The role.
        role: String,
        /// The inline policy.
        policy_name: String,
    },
    /// `iam:DeleteRole`.
    DeleteRole {
        /// The role.
        name: String,
    },
}

/// What a run knows of the role beyond what a reading shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRun {
    /// Whether this run has made the role, whose name is unique: nobody made anything of the stack before then.
    pub made: bool,
}

fn key(role: &IamRole) -> String {
    format!("role/{}", role.name)
}

pub(super) fn record(observed: &mut Observed, call: &RoleCall, answer: Answer) {
    match call {
        RoleCall::CreateRole { name, .. } => {
            let Answer::Role(role) = answer else { return };
            observed.run.unseen.insert(key(&role));
            // What was read for the name before belonged to a role that is gone.
            if is_of_snapshots(name) {
                observed.snapshot_role = Some(role);
                observed.snapshot_role_policy = None;
                return;
            }
            observed.role = Some(role);
            observed.run.role.made = true;
            observed.role_policy = None;
            observed.role_app_policy = None;
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        RoleCall::UpdateTrustPolicy { role, trust_policy } => {
            if let Some(role) = role_of(observed, role) {
                role.trust_policy.clone_from(trust_policy);
            }
        }
        RoleCall::PutPermissionsBoundary { role, boundary } => bound(observed, role, Some(boundary)),
        RoleCall::DeletePermissionsBoundary { role } => bound(observed, role, None),
        RoleCall::PutRolePolicy {
            role,
            policy_name,
            document,
        } => *policy_of(observed, role, policy_name) = Some(document.clone()),
        RoleCall::DeleteRolePolicy { role, policy_name } => {
            *policy_of(observed, role, policy_name) = None;
            if !is_of_snapshots(role) {
                observed.role_policies.retain(|name| name != policy_name);
            }
        }
        RoleCall::DeleteRole { name } => {
            let gone = match is_of_snapshots(name) {
                true => observed.snapshot_role.take(),
                false => observed.role.take(),
            };
            if let Some(role) = gone {
                observed.run.unseen.remove(&key(&role));
            }
        }
    }
}

/// Whether a role of the stack is that of its lifecycle policy: the instance's own has a name that ends in the Region.
fn is_of_snapshots(name: &str) -> bool {
    name.ends_with(selfheal_policy::SNAPSHOT_ROLE_SUFFIX)
}

fn role_of<'a>(observed: &'a mut Observed, name: &str) -> Option<&'a mut IamRole> {
    match is_of_snapshots(name) {
        true => observed.snapshot_role.as_mut(),
        false => observed.role.as_mut(),
    }
}

fn bound(observed: &mut Observed, role: &str, boundary: Option<&String>) {
    if let Some(role) = role_of(observed, role) {
        role.permissions_boundary = boundary.cloned();
    }
}

/// The inline policy of this name of a role, which is one of ours.
fn policy_of<'a>(observed: &'a mut Observed, role: &str, name: &str) -> &'a mut Option<PolicyText> {
    if is_of_snapshots(role) {
        &mut observed.snapshot_role_policy
    } else if name == APP_POLICY_NAME {
        &mut observed.role_app_policy
    } else {
        &mut observed.role_policy
    }
}

impl Observed {
    /// Puts a new reading of the instance role into the observed world.
    pub fn read_role(&mut self, role: Option<IamRole>) {
        one(&mut self.role, role, &mut self.run.unseen, key);
    }

    /// Puts a new reading of the lifecycle policy's role into the observed world.
    pub fn read_snapshot_role(&mut self, role: Option<IamRole>) {
        one(&mut self.snapshot_role, role, &mut self.run.unseen, key);
    }
}
