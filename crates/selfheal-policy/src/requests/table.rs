//! The table itself.

use super::call::{Call, Caller, Named};
use crate::purpose::Purpose;

const fn old(resource_type: &'static str) -> Named {
    Named {
        resource_type,
        created: false,
    }
}

const fn new(resource_type: &'static str) -> Named {
    Named {
        resource_type,
        created: true,
    }
}

const INSTANCE: Caller = Caller::Instance;
const PLAN: Caller = Caller::Operator(Purpose::Plan);
const APPLY: Caller = Caller::Operator(Purpose::Apply);
const STATUS: Caller = Caller::Operator(Purpose::Status);
const DESTROY: Caller = Caller::Operator(Purpose::Destroy);
const RESUME: Caller = Caller::Operator(Purpose::Resume);

/// Writes the calls: the action, what it names (`old` is there before, `new` is created), who makes it, and why.
macro_rules! calls {
    ($($action:literal [$($age:ident $kind:literal),*] by [$($caller:ident),*] => $purpose:literal;)*) => {
        pub(super) const CALLS: &[Call] = &[
            $(Call { action: $action, names: &[$($age($kind)),*], callers: &[$($caller),*], purpose: $purpose },)*
        ];
    };
}

calls! {
    "ec2:AttachVolume" [old "volume", old "instance"] by [INSTANCE] => "takes the data volume, which is the lock";
    "ec2:DetachVolume" [old "volume", old "instance"] by [INSTANCE] => "gives the data volume up";
    "ec2:DescribeVolumes" [] by [INSTANCE] => "reads the volume's state, snapshot and tags";
    "ec2:DeleteTags" [old "volume"] by [INSTANCE] => "takes the mark of first use off the formatted volume";
    // Policies in use name the instance where the call passes its id, and the interface where it passes that; both are
    // evaluated here.
    "ec2:AssociateAddress"
        [old "elastic-ip", old "instance", old "network-interface"]
        by [INSTANCE] => "takes the address";
    "ec2:DisassociateAddress"
        [old "elastic-ip", old "network-interface"]
        by [INSTANCE, DESTROY] => "gives the address up";
    "ec2:DescribeAddresses" [] by [INSTANCE] => "reads the association back";
    "autoscaling:CompleteLifecycleAction"
        [old "autoScalingGroup"]
        by [INSTANCE] => "lets the group go on, or give the instance up";
    "autoscaling:RecordLifecycleActionHeartbeat"
        [old "autoScalingGroup"]
        by [INSTANCE] => "asks the group for patience";
    "autoscaling:SetInstanceHealth" [old "autoScalingGroup"] by [INSTANCE] => "reports the app's failure";
    "autoscaling:SuspendProcesses"
        [old "autoScalingGroup"]
        by [INSTANCE] => "parks the stack after too many failed boots";
    "autoscaling:CreateOrUpdateTags"
        [old "autoScalingGroup"]
        by [INSTANCE] => "counts failed boots in the group's tags";
    "autoscaling:DescribeTags" [] by [INSTANCE] => "reads the count of failed boots";
    "ssm:UpdateInstanceInformation" [old "instance"] by [INSTANCE] => "registers with Session Manager";
    "ssmmessages:CreateControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:CreateDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:OpenControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssmmessages:OpenDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
    "ssm:GetParametersByPath" [old "parameter"] by [INSTANCE] => "reads the app's configuration";
    "ssm:GetParameter" [old "parameter"] by [INSTANCE] => "reads one parameter of the app's";
    "ssm:GetParameter" [old "parameter"] by [PLAN, APPLY, STATUS, RESUME] => "resolves the image's name";
    "logs:CreateLogStream" [old "log-stream"] by [INSTANCE] => "ships logs";
    "logs:PutLogEvents" [old "log-stream"] by [INSTANCE] => "ships logs";
    "kms:Decrypt" [old "key"] by [INSTANCE, APPLY] => "uses the volume's key, through EBS";
    "kms:CreateGrant" [old "key"] by [INSTANCE, APPLY] => "lets EBS use the volume's key";
    "kms:DescribeKey" [old "key"] by [APPLY] => "makes the encrypted volume, through EBS";
    "kms:GenerateDataKeyWithoutPlaintext" [old "key"] by [APPLY] => "makes the encrypted volume, through EBS";
    "sts:GetCallerIdentity" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "shows and checks the account";
    "ec2:DescribeImages" [] by [PLAN, APPLY, STATUS, RESUME] => "checks the image";
    "ec2:DescribeInstanceTypes" [] by [PLAN, APPLY] => "checks the instance type";
    "ec2:DescribeInstanceTypeOfferings" [] by [PLAN, APPLY] => "finds a zone that offers the type";
    "ec2:DescribeRouteTables" [] by [PLAN, APPLY] => "sees whether the subnet leads to the internet";
    "ec2:GetEbsDefaultKmsKeyId" [] by [PLAN, APPLY] => "finds the key by which a new volume is encrypted";
    "ec2:DescribeAddresses" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the address";
    "ec2:DescribeVolumes" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the volume";
    "ec2:DescribeVolumesModifications" [] by [PLAN, APPLY, STATUS, RESUME] => "sees whether the volume is being changed";
    "ec2:DescribeSecurityGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the security group";
    "ec2:DescribeSubnets" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the subnet of the volume's zone";
    "ec2:DescribeLaunchTemplateVersions" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the launch template";
    "autoscaling:DescribeAutoScalingGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the group";
    "autoscaling:DescribeLifecycleHooks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the hooks";
    "iam:GetRole" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the role";
    "iam:GetRolePolicy" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the role's policy";
    "iam:GetInstanceProfile" [old "instance-profile"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the profile";
    "route53:ListHostedZonesByName" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the zone";
    "route53:ListResourceRecordSets" [old "hostedzone"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the record";
    "route53:GetHostedZone"
        [old "hostedzone"]
        by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the zone that the spec names by its id";
    "ec2:DescribeAccountAttributes" [] by [PLAN, APPLY, STATUS] => "reads the account's quota of addresses";
    "ec2:DescribeInstances" [] by [STATUS, DESTROY] => "reads the instance";
    "autoscaling:DescribeScalingActivities" [] by [STATUS] => "reads the last replacements";
    "ec2:AllocateAddress" [new "elastic-ip"] by [APPLY] => "makes the address";
    "ec2:CreateVolume" [new "volume"] by [APPLY] => "makes the volume";
    "ec2:ModifyVolume" [old "volume"] by [APPLY] => "grows the volume";
    "ec2:CreateSecurityGroup" [new "security-group", old "vpc"] by [APPLY] => "makes the security group";
    "ec2:AuthorizeSecurityGroupIngress" [old "security-group"] by [APPLY] => "opens a port";
    "ec2:RevokeSecurityGroupIngress" [old "security-group"] by [APPLY] => "closes a port";
    "ec2:CreateLaunchTemplate" [new "launch-template"] by [APPLY] => "makes the launch template";
    "ec2:CreateLaunchTemplateVersion" [old "launch-template"] by [APPLY] => "changes what is launched";
    "ec2:DescribeApplicationStatusChecks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the application status check";
    "ec2:DescribeApplicationStatus" [] by [INSTANCE, STATUS] => "reads what the check finds of the instance";
    "ec2:CreateApplicationStatusCheck" [new "application-status-check"] by [APPLY] => "makes the check";
    "ec2:AssociateApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "lets the check ask the instance";
    "ec2:ModifyApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "changes what the check asks";
    "ec2:DeleteApplicationStatusCheck"
        [old "application-status-check"]
        by [APPLY, DESTROY] => "removes the check";
    "ec2:CreateTags" [new "application-status-check"] by [APPLY] => "tags the check on creation";
    "ec2:CreateTags" [new "elastic-ip"] by [APPLY] => "tags the address on creation";
    "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "marks an adopted address";
    "ec2:CreateTags" [old "volume"] by [APPLY] => "marks an adopted volume";
    "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "notes the record on the address";
    "ec2:CreateTags" [new "volume"] by [APPLY] => "tags the volume on creation";
    "ec2:CreateTags" [new "security-group"] by [APPLY] => "tags the security group on creation";
    "ec2:CreateTags" [new "launch-template"] by [APPLY] => "tags the launch template on creation";
    // The check that Auto Scaling makes in the operator's name covers all that the template tags.
    "ec2:CreateTags" [new "instance", new "volume", new "network-interface"] by [APPLY] => "tags what a launch creates";
    "ec2:RunInstances"
        [
            old "image", new "instance", old "launch-template", new "network-interface", old "security-group",
            old "subnet", new "volume"
        ]
        by [APPLY] => "is checked when a group takes a launch template";
    "autoscaling:CreateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "makes the group";
    "autoscaling:UpdateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "changes the group";
    "autoscaling:PutLifecycleHook" [old "autoScalingGroup"] by [APPLY] => "makes or changes a hook";
    "autoscaling:CreateOrUpdateTags" [old "autoScalingGroup"] by [APPLY] => "tags the group on creation";
    "autoscaling:DeleteTags" [old "autoScalingGroup"] by [RESUME] => "lifts the marks of a parked stack";
    "autoscaling:ResumeProcesses" [old "autoScalingGroup"] by [RESUME] => "lifts the suspension of a parked stack";
    "iam:CreateRole" [old "role"] by [APPLY] => "makes the role";
    "iam:TagRole" [old "role"] by [APPLY] => "tags the role on creation";
    "iam:UpdateAssumeRolePolicy" [old "role"] by [APPLY] => "corrects who may take the role";
    "iam:PutRolePermissionsBoundary" [old "role"] by [APPLY] => "bounds a role that exists";
    "iam:DeleteRolePermissionsBoundary" [old "role"] by [APPLY] => "takes off a boundary that the spec has ceased to name";
    "iam:PutRolePolicy" [old "role"] by [APPLY] => "writes the role's policy";
    "iam:CreateInstanceProfile" [old "instance-profile"] by [APPLY] => "makes the profile";
    "iam:TagInstanceProfile" [old "instance-profile"] by [APPLY] => "tags the profile on creation";
    "iam:AddRoleToInstanceProfile" [old "instance-profile"] by [APPLY] => "puts the role into the profile";
    "iam:PassRole" [old "role"] by [APPLY] => "hands the role to EC2";
    "iam:CreateServiceLinkedRole" [old "role"] by [APPLY] => "makes Auto Scaling's own role in a new account";
    "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "writes or deletes the one record";
    "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "deletes the record of a former name";
    "ec2:DescribeSnapshots" [] by [STATUS, DESTROY] => "finds the last snapshot, and waits for it";
    "autoscaling:DeleteAutoScalingGroup" [old "autoScalingGroup"] by [DESTROY] => "removes the group";
    "ec2:DeleteLaunchTemplate" [old "launch-template"] by [DESTROY] => "removes the launch template";
    "ec2:DeleteSecurityGroup" [old "security-group"] by [DESTROY] => "removes the security group";
    "ec2:ReleaseAddress" [old "elastic-ip"] by [DESTROY] => "releases the address, if named";
    "ec2:CreateSnapshot" [new "snapshot", old "volume"] by [DESTROY] => "keeps the data before its deletion";
    "ec2:CreateTags" [new "snapshot"] by [DESTROY] => "tags the snapshot on creation";
    "ec2:DeleteVolume" [old "volume"] by [DESTROY] => "deletes the data, if named";
    "iam:RemoveRoleFromInstanceProfile" [old "instance-profile"] by [DESTROY] => "empties the profile";
    "iam:DeleteInstanceProfile" [old "instance-profile"] by [DESTROY] => "removes the profile";
    "iam:ListRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
    "iam:ListAttachedRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
    "iam:DeleteRolePolicy" [old "role"] by [APPLY, DESTROY] => "removes the role's policies, or the app's alone";
    "iam:DeleteRole" [old "role"] by [DESTROY] => "removes the role";
}
