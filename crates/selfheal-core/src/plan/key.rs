//! What identifies a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares the steps in one table: the variant, the IAM action that its call needs, and the noun that people read.
macro_rules! steps {
    ($($(#[$doc:meta])* $key:ident = $code:literal, $action:literal, $subject:literal;)*) => {
        /// Identifies a step within a plan, and the same step in the plans that follow it.
        ///
        /// A stack has one of each kind of resource, so the kind of call identifies the step, with its target where several
        /// are removed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum StepKey {
            $($(#[$doc])* #[serde(rename = $code)] $key,)*
        }

        impl StepKey {
            /// Every step there is.
            pub const ALL: &[Self] = &[$(Self::$key),*];

            /// A stable word for scripts, as JSON spells it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$key => $code,)* }
            }

            /// The IAM action that the step's call needs.
            #[must_use]
            pub const fn iam_action(self) -> &'static str {
                match self { $(Self::$key => $action,)* }
            }

            /// What people read: a noun, as in "Elastic IP".
            #[must_use]
            pub const fn subject(self) -> &'static str {
                match self { $(Self::$key => $subject,)* }
            }
        }
    };
}

steps! {
    /// Allocates the Elastic IP.
    AllocateAddress = "allocate-address", "ec2:AllocateAddress", "Elastic IP";
    /// Puts the stack's tags on an adopted address.
    TagAddress = "tag-address", "ec2:CreateTags", "Elastic IP";
    /// Creates the data volume.
    CreateVolume = "create-volume", "ec2:CreateVolume", "data volume";
    /// Puts the stack's tags on an adopted data volume, or back on its own.
    TagVolume = "tag-volume", "ec2:CreateTags", "data volume";
    /// Grows or retypes the data volume.
    ModifyVolume = "modify-volume", "ec2:ModifyVolume", "data volume";
    /// Creates the security group.
    CreateSecurityGroup = "create-security-group", "ec2:CreateSecurityGroup", "security group";
    /// Opens ports.
    AuthorizeIngress = "authorize-ingress", "ec2:AuthorizeSecurityGroupIngress", "ingress rules";
    /// Closes ports.
    RevokeIngress = "revoke-ingress", "ec2:RevokeSecurityGroupIngress", "ingress rules";
    /// Creates the instance role.
    CreateRole = "create-role", "iam:CreateRole", "IAM role";
    /// Replaces the role's trust policy.
    UpdateTrustPolicy = "update-trust-policy", "iam:UpdateAssumeRolePolicy", "trust policy";
    /// Sets the role's permissions boundary.
    PutPermissionsBoundary = "put-permissions-boundary", "iam:PutRolePermissionsBoundary", "permissions boundary";
    /// Takes the role's permissions boundary away.
    DeletePermissionsBoundary = "delete-permissions-boundary", "iam:DeleteRolePermissionsBoundary", "permissions boundary";
    /// Writes the role's inline policy.
    PutRolePolicy = "put-role-policy", "iam:PutRolePolicy", "role policy";
    /// Writes the role's inline policy of what the app needs.
    PutAppPolicy = "put-app-policy", "iam:PutRolePolicy", "app policy";
    /// Creates the instance profile.
    CreateInstanceProfile = "create-instance-profile", "iam:CreateInstanceProfile", "instance profile";
    /// Puts the role into the profile.
    AddRoleToProfile = "add-role-to-profile", "iam:AddRoleToInstanceProfile", "role in profile";
    /// Creates the launch template with its first version.
    CreateLaunchTemplate = "create-launch-template", "ec2:CreateLaunchTemplate", "launch template";
    /// Adds a version to the launch template.
    CreateTemplateVersion = "create-template-version", "ec2:CreateLaunchTemplateVersion", "launch template version";
    /// Creates EC2's application status check.
    CreateApplicationStatusCheck = "create-application-status-check", "ec2:CreateApplicationStatusCheck", "application check";
    /// Lets the application status check ask the stack's instances.
    AssociateApplicationStatusCheck = "associate-application-status-check", "ec2:AssociateApplicationStatusCheck",
        "application check's instances";
    /// Changes what the application status check asks.
    ModifyApplicationStatusCheck = "modify-application-status-check", "ec2:ModifyApplicationStatusCheck", "application check";
    /// Deletes the application status check.
    DeleteApplicationStatusCheck = "delete-application-status-check", "ec2:DeleteApplicationStatusCheck", "application check";
    /// Creates the Auto Scaling group.
    CreateGroup = "create-group", "autoscaling:CreateAutoScalingGroup", "Auto Scaling group";
    /// Updates the group: the pinned version, sizes, the subnet, the health check.
    UpdateGroup = "update-group", "autoscaling:UpdateAutoScalingGroup", "Auto Scaling group";
    /// Writes the launch hook.
    PutLaunchHook = "put-launch-hook", "autoscaling:PutLifecycleHook", "launch hook";
    /// Writes the terminate hook.
    PutTerminateHook = "put-terminate-hook", "autoscaling:PutLifecycleHook", "terminate hook";
    /// Writes the A record.
    UpsertRecord = "upsert-record", "route53:ChangeResourceRecordSets", "DNS record";
    /// Notes the A record on the address, before it is written.
    RememberRecord = "remember-record", "ec2:CreateTags", "note of the DNS record";
    /// Deletes the A record that the spec does not name any more.
    DeleteFormerRecord = "delete-former-record", "route53:ChangeResourceRecordSets", "former DNS record";
    /// Deletes the A record.
    DeleteRecord = "delete-record", "route53:ChangeResourceRecordSets", "DNS record";
    /// Deletes the group and its instance.
    DeleteGroup = "delete-group", "autoscaling:DeleteAutoScalingGroup", "Auto Scaling group";
    /// Deletes the launch template.
    DeleteLaunchTemplate = "delete-launch-template", "ec2:DeleteLaunchTemplate", "launch template";
    /// Deletes the security group.
    DeleteSecurityGroup = "delete-security-group", "ec2:DeleteSecurityGroup", "security group";
    /// Takes the role out of the profile.
    RemoveRoleFromProfile = "remove-role-from-profile", "iam:RemoveRoleFromInstanceProfile", "role in profile";
    /// Deletes the instance profile.
    DeleteInstanceProfile = "delete-instance-profile", "iam:DeleteInstanceProfile", "instance profile";
    /// Deletes the role's inline policy of what the app needed.
    DeleteAppPolicy = "delete-app-policy", "iam:DeleteRolePolicy", "app policy";
    /// Deletes the role's inline policy.
    DeleteRolePolicy = "delete-role-policy", "iam:DeleteRolePolicy", "role policy";
    /// Deletes the role.
    DeleteRole = "delete-role", "iam:DeleteRole", "IAM role";
    /// Disassociates the address from what holds it.
    DisassociateAddress = "disassociate-address", "ec2:DisassociateAddress", "address association";
    /// Releases the address.
    ReleaseAddress = "release-address", "ec2:ReleaseAddress", "Elastic IP";
    /// Takes a last snapshot of the data volume.
    CreateSnapshot = "create-snapshot", "ec2:CreateSnapshot", "snapshot";
    /// Deletes the data volume.
    DeleteVolume = "delete-volume", "ec2:DeleteVolume", "data volume";
    /// Resumes the group's suspended processes.
    ResumeProcesses = "resume-processes", "autoscaling:ResumeProcesses", "suspended processes";
    /// Removes the marks of a parked stack.
    ClearParked = "clear-parked", "autoscaling:DeleteTags", "parked mark";
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject())
    }
}
