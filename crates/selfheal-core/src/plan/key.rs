//! What identifies a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Identifies a step within a plan, and the same step in the plans that follow it.
///
/// A stack has one of each kind of resource, so the kind of call identifies the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepKey {
    /// Allocates the Elastic IP.
    AllocateAddress,
    /// Puts the stack's tags on an adopted address.
    TagAddress,
    /// Creates the data volume.
    CreateVolume,
    /// Grows or retypes the data volume.
    ModifyVolume,
    /// Creates the security group.
    CreateSecurityGroup,
    /// Opens ports.
    AuthorizeIngress,
    /// Closes ports.
    RevokeIngress,
    /// Creates the instance role.
    CreateRole,
    /// Replaces the role's trust policy.
    UpdateTrustPolicy,
    /// Writes the role's inline policy.
    PutRolePolicy,
    /// Creates the instance profile.
    CreateInstanceProfile,
    /// Puts the role into the profile.
    AddRoleToProfile,
    /// Creates the launch template with its first version.
    CreateLaunchTemplate,
    /// Adds a version to the launch template.
    CreateTemplateVersion,
    /// Creates the Auto Scaling group.
    CreateGroup,
    /// Updates the group: the pinned version, sizes, the subnet, the health check.
    UpdateGroup,
    /// Writes the launch hook.
    PutLaunchHook,
    /// Writes the A record.
    UpsertRecord,
    /// Deletes the A record.
    DeleteRecord,
    /// Deletes the group and its instance.
    DeleteGroup,
    /// Deletes the launch template.
    DeleteLaunchTemplate,
    /// Deletes the security group.
    DeleteSecurityGroup,
    /// Takes the role out of the profile.
    RemoveRoleFromProfile,
    /// Deletes the instance profile.
    DeleteInstanceProfile,
    /// Deletes the role's inline policy.
    DeleteRolePolicy,
    /// Deletes the role.
    DeleteRole,
    /// Disassociates the address from what holds it.
    DisassociateAddress,
    /// Releases the address.
    ReleaseAddress,
    /// Takes a last snapshot of the data volume.
    CreateSnapshot,
    /// Deletes the data volume.
    DeleteVolume,
    /// Resumes the group's suspended processes.
    ResumeProcesses,
    /// Removes the marks of a parked stack.
    ClearParked,
}

impl StepKey {
    /// The IAM action that the step's call needs.
    #[must_use]
    pub const fn iam_action(self) -> &'static str {
        match self {
            Self::AllocateAddress => "ec2:AllocateAddress",
            Self::TagAddress => "ec2:CreateTags",
            Self::CreateVolume => "ec2:CreateVolume",
            Self::ModifyVolume => "ec2:ModifyVolume",
            Self::CreateSecurityGroup => "ec2:CreateSecurityGroup",
            Self::AuthorizeIngress => "ec2:AuthorizeSecurityGroupIngress",
            Self::RevokeIngress => "ec2:RevokeSecurityGroupIngress",
            Self::CreateRole => "iam:CreateRole",
            Self::UpdateTrustPolicy => "iam:UpdateAssumeRolePolicy",
            Self::PutRolePolicy => "iam:PutRolePolicy",
            Self::CreateInstanceProfile => "iam:CreateInstanceProfile",
            Self::AddRoleToProfile => "iam:AddRoleToInstanceProfile",
            Self::CreateLaunchTemplate => "ec2:CreateLaunchTemplate",
            Self::CreateTemplateVersion => "ec2:CreateLaunchTemplateVersion",
            Self::CreateGroup => "autoscaling:CreateAutoScalingGroup",
            Self::UpdateGroup => "autoscaling:UpdateAutoScalingGroup",
            Self::PutLaunchHook => "autoscaling:PutLifecycleHook",
            Self::UpsertRecord | Self::DeleteRecord => "route53:ChangeResourceRecordSets",
            Self::DeleteGroup => "autoscaling:DeleteAutoScalingGroup",
            Self::DeleteLaunchTemplate => "ec2:DeleteLaunchTemplate",
            Self::DeleteSecurityGroup => "ec2:DeleteSecurityGroup",
            Self::RemoveRoleFromProfile => "iam:RemoveRoleFromInstanceProfile",
            Self::DeleteInstanceProfile => "iam:DeleteInstanceProfile",
            Self::DeleteRolePolicy => "iam:DeleteRolePolicy",
            Self::DeleteRole => "iam:DeleteRole",
            Self::DisassociateAddress => "ec2:DisassociateAddress",
            Self::ReleaseAddress => "ec2:ReleaseAddress",
            Self::CreateSnapshot => "ec2:CreateSnapshot",
            Self::DeleteVolume => "ec2:DeleteVolume",
            Self::ResumeProcesses => "autoscaling:ResumeProcesses",
            Self::ClearParked => "autoscaling:DeleteTags",
        }
    }

    /// What people read: a noun, as in "Elastic IP".
    #[must_use]
    pub const fn subject(self) -> &'static str {
        match self {
            Self::AllocateAddress | Self::TagAddress | Self::DisassociateAddress | Self::ReleaseAddress => "Elastic IP",
            Self::CreateVolume | Self::ModifyVolume | Self::DeleteVolume => "data volume",
            Self::CreateSecurityGroup | Self::DeleteSecurityGroup => "security group",
            Self::AuthorizeIngress | Self::RevokeIngress => "ingress rules",
            Self::CreateRole | Self::DeleteRole => "IAM role",
            Self::UpdateTrustPolicy => "trust policy",
            Self::PutRolePolicy | Self::DeleteRolePolicy => "role policy",
            Self::CreateInstanceProfile | Self::DeleteInstanceProfile => "instance profile",
            Self::AddRoleToProfile | Self::RemoveRoleFromProfile => "role in profile",
            Self::CreateLaunchTemplate | Self::DeleteLaunchTemplate => "launch template",
            Self::CreateTemplateVersion => "launch template version",
            Self::CreateGroup | Self::UpdateGroup | Self::DeleteGroup => "Auto Scaling group",
            Self::PutLaunchHook => "launch hook",
            Self::UpsertRecord | Self::DeleteRecord => "DNS record",
            Self::CreateSnapshot => "snapshot",
            Self::ResumeProcesses => "suspended processes",
            Self::ClearParked => "parked mark",
        }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject())
    }
}
