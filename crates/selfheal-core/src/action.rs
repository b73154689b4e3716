//! Actions: one mutating API call each, with every input known.

use serde::{Deserialize, Serialize};

use crate::names::Tags;
use crate::observed::{ApplicationCheckSettings, IngressRule, LifecycleHook, TemplateData};

/// One mutating API call, complete. Nothing is left for the executor to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call")]
#[non_exhaustive]
pub enum Action {
    /// `ec2:AllocateAddress`, with tags.
    AllocateAddress {
        /// Tags.
        tags: Tags,
    },
    /// `ec2:CreateTags`.
    CreateTags {
        /// The resource's id.
        resource: String,
        /// The tags to set.
        tags: Tags,
    },
    /// `ec2:CreateVolume`.
    CreateVolume(CreateVolume),
    /// `ec2:ModifyVolume`.
    ModifyVolume(ModifyVolume),
    /// `ec2:CreateSecurityGroup`.
    CreateSecurityGroup {
        /// Its name.
        name: String,
        /// Its VPC.
        vpc_id: String,
        /// Its tags.
        tags: Tags,
    },
    /// `ec2:AuthorizeSecurityGroupIngress`.
    AuthorizeIngress {
        /// The group.
        group_id: String,
        /// The rules to add.
        rules: Vec<IngressRule>,
    },
    /// `ec2:RevokeSecurityGroupIngress`.
    RevokeIngress {
        /// The group.
        group_id: String,
        /// The rules to take away.
        rules: Vec<IngressRule>,
    },
    /// `iam:CreateRole`.
    CreateRole {
        /// Its name.
        name: String,
        /// Its trust policy, JSON.
        trust_policy: String,
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
        trust_policy: String,
    },
    /// `iam:PutRolePolicy`.
    PutRolePolicy {
        /// The role.
        role: String,
        /// The inline policy's name.
        policy_name: String,
        /// The document, JSON.
        document: String,
    },
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
        template_id: String,
        /// What the version holds: whole, with no source version.
        data: TemplateData,
    },
    /// `ec2:CreateApplicationStatusCheck`, with tags.
    CreateApplicationStatusCheck(CreateApplicationStatusCheck),
    /// `ec2:AssociateApplicationStatusCheck` with instances of a tag.
    AssociateApplicationStatusCheck {
        /// The check.
        id: String,
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// `ec2:ModifyApplicationStatusCheck`.
    ModifyApplicationStatusCheck {
        /// The check.
        id: String,
        /// What it is to ask, whole.
        settings: ApplicationCheckSettings,
    },
    /// `ec2:DeleteApplicationStatusCheck`, which ends its associations as well.
    DeleteApplicationStatusCheck {
        /// The check.
        id: String,
    },
    /// `autoscaling:CreateAutoScalingGroup`, with its launch hook.
    CreateGroup(GroupSettings),
    /// `autoscaling:UpdateAutoScalingGroup`.
    UpdateGroup(GroupSettings),
    /// `autoscaling:PutLifecycleHook`.
    PutLifecycleHook {
        /// The group.
        group: String,
        /// The hook.
        hook: LifecycleHook,
    },
    /// `autoscaling:ResumeProcesses`.
    ResumeProcesses {
        /// The group.
        group: String,
        /// The processes.
        processes: Vec<String>,
    },
    /// `autoscaling:DeleteTags`.
    DeleteGroupTags {
        /// The group.
        group: String,
        /// The keys to remove.
        keys: Vec<String>,
    },
    /// `route53:ChangeResourceRecordSets`, UPSERT of an A record.
    UpsertRecord(ARecord),
    /// `route53:ChangeResourceRecordSets`, DELETE of exactly this A record.
    DeleteRecord(ARecord),
    /// `autoscaling:DeleteAutoScalingGroup` with `ForceDelete`.
    DeleteGroup {
        /// The group.
        name: String,
    },
    /// `ec2:DeleteLaunchTemplate`.
    DeleteLaunchTemplate {
        /// The template.
        id: String,
    },
    /// `ec2:DeleteSecurityGroup`.
    DeleteSecurityGroup {
        /// The group.
        id: String,
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
    /// `ec2:DisassociateAddress`.
    DisassociateAddress {
        /// The association.
        association_id: String,
    },
    /// `ec2:ReleaseAddress`.
    ReleaseAddress {
        /// The allocation.
        allocation_id: String,
    },
    /// `ec2:CreateSnapshot`.
    CreateSnapshot {
        /// The volume.
        volume_id: String,
        /// What people read.
        description: String,
        /// Its tags.
        tags: Tags,
    },
    /// `ec2:DeleteVolume`.
    DeleteVolume {
        /// The volume.
        id: String,
    },
}

/// Inputs of `ec2:CreateVolume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVolume {
    /// Availability Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub volume_type: String,
    /// Provisioned IOPS, or the type's default.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, or the type's default.
    pub throughput_mibps: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, or the account's default.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Idempotency token, at most 64 ASCII characters, derived from the inputs.
    pub client_token: String,
}

/// Inputs of `ec2:ModifyVolume`: what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifyVolume {
    /// The volume.
    pub id: String,
    /// New size in GiB; never smaller.
    pub size_gib: Option<u32>,
    /// New type.
    pub volume_type: Option<String>,
    /// New IOPS.
    pub iops: Option<u32>,
    /// New throughput in MiB/s.
    pub throughput_mibps: Option<u32>,
}

/// Inputs of `ec2:CreateApplicationStatusCheck`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateApplicationStatusCheck {
    /// What it asks, and how it judges.
    pub settings: ApplicationCheckSettings,
    /// Its tags.
    pub tags: Tags,
    /// Idempotency token, at most 64 ASCII characters, derived from the inputs.
    pub client_token: String,
}

/// Everything that this tool sets on its Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    /// Its name.
    pub name: String,
    /// Minimum size.
    pub min: u32,
    /// Maximum size.
    pub max: u32,
    /// Desired capacity.
    pub desired: u32,
    /// The one subnet.
    pub subnet: String,
    /// The launch template.
    pub template_id: String,
    /// The pinned version.
    pub template_version: u64,
    /// Health check type.
    pub health_check_type: String,
    /// Grace period in seconds.
    pub health_check_grace_s: u32,
    /// The lifecycle hooks; used at creation alone, so that the first instance is held too.
    pub hooks: Vec<LifecycleHook>,
    /// Tags, not propagated: the launch template tags what it launches. Used at creation alone.
    pub tags: Tags,
}

/// An A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ARecord {
    /// The hosted zone's id.
    pub zone_id: String,
    /// The record's name without the final dot.
    pub name: String,
    /// The IPv4 address.
    pub value: String,
    /// Time to live in seconds.
    pub ttl_s: u32,
}
