//! The table itself: a section a resource, as what is granted is a file a resource.

use super::call::{Call, Caller, Named};
use crate::purpose::Purpose;

/// Writes the resources with their calls: the action, what it names (`old` is there before, `new` is created), who makes it,
/// and why. Whoever adds a resource has to say in `generate/grants` what is granted, and does not compile before.
macro_rules! calls {
    ($($(#[$doc:meta])* $resource:ident {
        $($action:literal [$($age:ident $kind:literal),*] by [$($caller:ident),*] => $purpose:literal;)*
    })*) => {
        /// A resource, or a service, that statements speak of and calls are about; their order is that of their parts in
        /// shared statements.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Resource { $($(#[$doc])* $resource),* }

        impl Resource {
            pub(crate) const ALL: &[Self] = &[$(Self::$resource),*];

            /// The calls that are about it.
            pub(super) const fn calls(self) -> &'static [Call] {
                match self {
                    $(Self::$resource => const {
                        &[$(Call {
                            action: $action,
                            names: &[$($age($kind)),*],
                            callers: &[$($caller),*],
                            purpose: $purpose,
                        },)*]
                    },)*
                }
            }
        }
    };
}

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
const LIFECYCLE: Caller = Caller::Lifecycle;
const PLAN: Caller = Caller::Operator(Purpose::Plan);
const APPLY: Caller = Caller::Operator(Purpose::Apply);
const STATUS: Caller = Caller::Operator(Purpose::Status);
const DESTROY: Caller = Caller::Operator(Purpose::Destroy);
const RESUME: Caller = Caller::Operator(Purpose::Resume);
const SLEEP: Caller = Caller::Operator(Purpose::Sleep);
const REPLACE: Caller = Caller::Operator(Purpose::Replace);
const LOGS: Caller = Caller::Operator(Purpose::Logs);
const NOTIFY: Caller = Caller::Operator(Purpose::Notify);
const CONFIG: Caller = Caller::Operator(Purpose::Config);
const SNAPSHOT: Caller = Caller::Operator(Purpose::Snapshot);
const DRILL: Caller = Caller::Operator(Purpose::Drill);
const DRILL_RESTORE: Caller = Caller::Operator(Purpose::DrillRestore);
const REQUEST: Caller = Caller::Operator(Purpose::Request);
const RESTORE: Caller = Caller::Operator(Purpose::Restore);
const SHELL: Caller = Caller::Operator(Purpose::Shell);
const FORWARD: Caller = Caller::Operator(Purpose::Forward);
const RUN: Caller = Caller::Operator(Purpose::Run);
const DOCTOR: Caller = Caller::Operator(Purpose::Doctor);
const INIT: Caller = Caller::Operator(Purpose::Init);

calls! {
    /// The Elastic IP.
    Address {
        // Policies in use name the instance where the call passes its id, and the interface where it passes that; both are
        // evaluated here.
        "ec2:AssociateAddress"
            [old "elastic-ip", old "instance", old "network-interface"]
            by [INSTANCE] => "takes the address";
        "ec2:DisassociateAddress"
            [old "elastic-ip", old "network-interface"]
            by [INSTANCE, DESTROY] => "gives the address up";
        "ec2:DescribeAddresses" [] by [INSTANCE] => "reads the association back";
        "ec2:DescribeAddresses" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, REPLACE, DRILL, DRILL_RESTORE] => "finds the address";
        "ec2:AllocateAddress" [new "elastic-ip"] by [APPLY] => "makes the address";
        "ec2:CreateTags" [new "elastic-ip"] by [APPLY] => "tags the address on creation";
        "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "marks an adopted address";
        "ec2:CreateTags" [old "elastic-ip"] by [DRILL, DRILL_RESTORE] => "keeps what a drill has shown";
        "ec2:ReleaseAddress" [old "elastic-ip"] by [DESTROY] => "releases the address, if named";
    }

    /// The data volume.
    Volume {
        "ec2:AttachVolume" [old "volume", old "instance"] by [INSTANCE] => "takes the data volume, which is the lock";
        "ec2:DetachVolume" [old "volume", old "instance"] by [INSTANCE] => "gives the data volume up";
        "ec2:DescribeVolumes" [] by [INSTANCE] => "reads the volume's state, snapshot and tags";
        "ec2:DeleteTags" [old "volume"] by [INSTANCE] => "takes the mark of first use off the formatted volume";
        "ec2:DescribeVolumes" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, REPLACE, SNAPSHOT, DRILL, DRILL_RESTORE] => "finds the volume";
        "ec2:DescribeVolumesModifications" [] by [PLAN, APPLY, STATUS, RESUME] => "sees whether the volume is being changed";
        "ec2:CreateVolume" [new "volume"] by [APPLY] => "makes the volume";
        "ec2:ModifyVolume" [old "volume"] by [APPLY] => "grows the volume";
        "ec2:CreateTags" [old "volume"] by [APPLY] => "marks an adopted volume";
        "ec2:CreateTags" [new "volume"] by [APPLY] => "tags the volume on creation";
        "ec2:CopyVolumes" [new "volume"] by [SNAPSHOT] => "copies the data volume";
        "ec2:CreateTags" [new "volume"] by [SNAPSHOT] => "tags the copy on creation";
        "ec2:CreateVolume" [new "volume", old "snapshot"] by [RESTORE] => "makes a volume of a snapshot";
        "ec2:CreateVolume" [new "volume", old "snapshot"] by [DRILL_RESTORE] => "makes a copy of a snapshot's data";
        "ec2:CreateTags" [new "volume"] by [DRILL_RESTORE] => "tags that copy on creation";
        "ec2:AttachVolume" [old "volume", old "instance"] by [DRILL_RESTORE] => "shows the copy to the instance";
        "ec2:DetachVolume" [old "volume", old "instance"] by [DRILL_RESTORE] => "takes the copy from the instance";
        "ec2:DeleteVolume" [old "volume"] by [DRILL_RESTORE] => "deletes the copy";
        "ec2:CreateTags" [old "volume"] by [RESTORE] => "says which volume is the data volume";
        "ec2:DeleteVolume" [old "volume"] by [DESTROY] => "deletes the data, if named";
    }

    /// The image, and the parameter that names it.
    Image {
        "ssm:GetParameter" [old "parameter"] by [PLAN, APPLY, STATUS, RESUME] => "resolves the image's name";
        "ec2:DescribeImages" [] by [PLAN, APPLY, STATUS, RESUME] => "checks the image";
    }

    /// The instance and its type.
    Instance {
        "ec2:DescribeInstanceTypes" [] by [PLAN, APPLY] => "checks the instance type";
        "ec2:DescribeInstanceTypeOfferings" [] by [PLAN, APPLY] => "finds a zone that offers the type";
        "ec2:DescribeInstances" [] by [STATUS, DESTROY, SNAPSHOT, RESTORE, LOGS] => "reads the instance";
        "ec2:DescribeInstances" [] by [DOCTOR] => "counts the vCPUs that run";
        "ec2:GetConsoleOutput" [old "instance"] by [LOGS] => "reads the console where there are no logs";
        "ec2:CreateTags" [old "instance"] by [REQUEST, DRILL, DRILL_RESTORE] => "asks the instance to act";
    }

    /// The security group, and the subnet and VPC that it is made in.
    Network {
        "ec2:DescribeRouteTables" [] by [PLAN, APPLY] => "sees whether the subnet leads to the internet";
        "ec2:DescribeSecurityGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the security group";
        "ec2:DescribeSubnets" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the subnet of the volume's zone";
        "ec2:CreateSecurityGroup" [new "security-group", old "vpc"] by [APPLY] => "makes the security group";
        "ec2:AuthorizeSecurityGroupIngress" [old "security-group"] by [APPLY] => "opens a port";
        "ec2:RevokeSecurityGroupIngress" [old "security-group"] by [APPLY] => "closes a port";
        "ec2:CreateTags" [new "security-group"] by [APPLY] => "tags the security group on creation";
        "ec2:DeleteSecurityGroup" [old "security-group"] by [DESTROY] => "removes the security group";
    }

    /// The launch template, and what a group launches from it.
    LaunchTemplate {
        "ec2:DescribeLaunchTemplateVersions" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SNAPSHOT] => "finds the launch template";
        "ec2:CreateLaunchTemplate" [new "launch-template"] by [APPLY] => "makes the launch template";
        "ec2:CreateLaunchTemplateVersion" [old "launch-template"] by [APPLY] => "changes what is launched";
        "ec2:CreateTags" [new "launch-template"] by [APPLY] => "tags the launch template on creation";
        // The check that Auto Scaling makes in the operator's name covers all that the template tags.
        "ec2:CreateTags" [new "instance", new "volume", new "network-interface"] by [APPLY] => "tags what a launch creates";
        "ec2:RunInstances"
            [
                old "image", new "instance", old "launch-template", new "network-interface", old "security-group",
                old "subnet", new "volume"
            ]
            by [APPLY] => "is checked when a group takes a launch template";
        "ec2:DeleteLaunchTemplate" [old "launch-template"] by [DESTROY] => "removes the launch template";
    }

    /// The Auto Scaling group, its hooks and its tags.
    Group {
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
        "autoscaling:SuspendProcesses"
            [old "autoScalingGroup"]
            by [APPLY] => "keeps the group from launching beside an instance that is replaced";
        "autoscaling:TerminateInstanceInAutoScalingGroup"
            [old "autoScalingGroup"]
            by [APPLY] => "replaces the instance where the group would do it in the wrong order";
        "autoscaling:ResumeProcesses"
            [old "autoScalingGroup"]
            by [APPLY] => "lets the group launch the next instance";
        "autoscaling:CreateOrUpdateTags"
            [old "autoScalingGroup"]
            by [INSTANCE] => "counts failed boots in the group's tags";
        "autoscaling:DescribeTags" [] by [INSTANCE] => "reads the count of failed boots";
        "autoscaling:DescribeAutoScalingGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SLEEP, REPLACE, CONFIG, SNAPSHOT, REQUEST, DRILL, DRILL_RESTORE, SHELL, FORWARD, RUN]
            => "finds the group";
        "autoscaling:DescribeLifecycleHooks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads the hooks";
        "autoscaling:DescribeScalingActivities" [] by [STATUS] => "reads the last replacements";
        "autoscaling:DescribeScalingActivities" [] by [APPLY, REPLACE, DRILL] => "sees why no instance comes";
        "autoscaling:TerminateInstanceInAutoScalingGroup"
            [old "autoScalingGroup"]
            by [REPLACE, DRILL] => "lets the next instance take the place of this one";
        "autoscaling:DescribeScheduledActions" [] by [PLAN, APPLY, STATUS, SLEEP] => "reads the schedule";
        "autoscaling:CreateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "makes the group";
        "autoscaling:UpdateAutoScalingGroup" [old "autoScalingGroup"] by [APPLY] => "changes the group";
        "autoscaling:PutLifecycleHook" [old "autoScalingGroup"] by [APPLY] => "makes or changes a hook";
        "autoscaling:CreateOrUpdateTags" [old "autoScalingGroup"] by [APPLY] => "tags the group on creation";
        "autoscaling:DeleteTags" [old "autoScalingGroup"] by [RESUME] => "lifts the marks of a parked stack";
        "autoscaling:ResumeProcesses" [old "autoScalingGroup"] by [RESUME] => "lifts the suspension of a parked stack";
        "autoscaling:PutScheduledUpdateGroupAction"
            [old "autoScalingGroup"]
            by [APPLY, SLEEP] => "makes or changes a scheduled action, or puts it off";
        "autoscaling:DeleteScheduledAction"
            [old "autoScalingGroup"]
            by [APPLY, SLEEP] => "removes a scheduled action";
        "autoscaling:SetDesiredCapacity"
            [old "autoScalingGroup"]
            by [APPLY, SLEEP, RESTORE] => "puts the stack to sleep, or wakes it";
        "autoscaling:SuspendProcesses" [old "autoScalingGroup"] by [SLEEP] => "keeps the schedule from waking the stack";
        "autoscaling:ResumeProcesses" [old "autoScalingGroup"] by [SLEEP] => "lets the schedule act again";
        "autoscaling:UpdateAutoScalingGroup" [old "autoScalingGroup"] by [SLEEP, RESTORE] => "lets the group have no instance";
        "autoscaling:DeleteAutoScalingGroup" [old "autoScalingGroup"] by [DESTROY] => "removes the group";
    }

    /// Snapshots of the data volume.
    Snapshot {
        "ec2:DescribeSnapshots" [] by [STATUS, DESTROY, SNAPSHOT, RESTORE, DRILL, DRILL_RESTORE] => "finds the last snapshot, and waits for it";
        "ec2:CreateSnapshot" [new "snapshot", old "volume"] by [DESTROY, SNAPSHOT, RESTORE] => "keeps the data as they are";
        "ec2:CreateTags" [new "snapshot"] by [DESTROY, SNAPSHOT, RESTORE] => "tags the snapshot on creation";
    }

    /// The lifecycle policy that takes snapshots of the data volume, and what Data Lifecycle Manager does under its role.
    Lifecycle {
        "ec2:DescribeVolumes" [] by [LIFECYCLE] => "finds the volumes that bear the policy's tag";
        "ec2:DescribeSnapshots" [] by [LIFECYCLE] => "finds the snapshots that have had their time";
        "ec2:DescribeInstances" [] by [LIFECYCLE] => "reads what a volume is attached to";
        "ec2:CreateSnapshot" [new "snapshot", old "volume"] by [LIFECYCLE] => "takes a snapshot by schedule";
        "ec2:CreateTags" [new "snapshot"] by [LIFECYCLE] => "tags a snapshot that it takes";
        "ec2:DeleteSnapshot" [old "snapshot"] by [LIFECYCLE] => "deletes a snapshot that has had its time";
        "dlm:GetLifecyclePolicies" [] by [PLAN, APPLY, STATUS, DESTROY] => "finds the lifecycle policy";
        "dlm:GetLifecyclePolicy" [old "policy"] by [PLAN, APPLY, STATUS, DESTROY] => "reads the lifecycle policy";
        "dlm:CreateLifecyclePolicy" [] by [APPLY] => "makes the lifecycle policy";
        "dlm:TagResource" [new "policy"] by [APPLY] => "tags it on creation";
        "dlm:UpdateLifecyclePolicy" [old "policy"] by [APPLY] => "changes the lifecycle policy";
        "dlm:DeleteLifecyclePolicy" [old "policy"] by [APPLY, DESTROY] => "removes the lifecycle policy";
        "iam:PassRole" [old "role"] by [APPLY] => "hands the lifecycle policy its role";
        "iam:DeleteRole" [old "role"] by [APPLY] => "removes the lifecycle policy's role";
        "ec2:CreateTags" [old "volume"] by [APPLY] => "says that the lifecycle policy is for the volume";
    }

    /// The customer's key that encrypts the data volume.
    Key {
        "kms:Decrypt" [old "key"] by [INSTANCE, APPLY, SNAPSHOT, DRILL_RESTORE] => "uses the volume's key, through EBS";
        "kms:CreateGrant" [old "key"] by [INSTANCE, APPLY, SNAPSHOT, DRILL_RESTORE] => "lets EBS use the volume's key";
        "kms:DescribeKey" [old "key"] by [APPLY, SNAPSHOT, DRILL_RESTORE] => "makes the encrypted volume, through EBS";
        "kms:GenerateDataKeyWithoutPlaintext" [old "key"] by [APPLY, SNAPSHOT, DRILL_RESTORE] => "makes the encrypted volume, through EBS";
        "ec2:GetEbsDefaultKmsKeyId" [] by [PLAN, APPLY] => "finds the key by which a new volume is encrypted";
    }

    /// EC2's application status check.
    ApplicationCheck {
        "ec2:DescribeApplicationStatusChecks" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the application status check";
        "ec2:DescribeApplicationStatus" [] by [INSTANCE, STATUS] => "reads what the check finds of the instance";
        "ec2:CreateApplicationStatusCheck" [new "application-status-check"] by [APPLY] => "makes the check";
        "ec2:AssociateApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "lets the check ask the instance";
        "ec2:ModifyApplicationStatusCheck" [old "application-status-check"] by [APPLY] => "changes what the check asks";
        "ec2:DeleteApplicationStatusCheck"
            [old "application-status-check"]
            by [APPLY, DESTROY] => "removes the check";
        "ec2:CreateTags" [new "application-status-check"] by [APPLY] => "tags the check on creation";
    }

    /// The role and its instance profile.
    Identity {
        "iam:GetRole" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SNAPSHOT] => "finds the role";
        "iam:GetRolePolicy" [old "role"] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SNAPSHOT] => "reads the role's policy";
        "iam:GetInstanceProfile" [old "instance-profile"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the profile";
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
        "iam:RemoveRoleFromInstanceProfile" [old "instance-profile"] by [DESTROY] => "empties the profile";
        "iam:DeleteInstanceProfile" [old "instance-profile"] by [DESTROY] => "removes the profile";
        "iam:ListRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
        "iam:ListAttachedRolePolicies" [old "role"] by [DESTROY] => "sees whether somebody else uses the role";
        "iam:DeleteRolePolicy" [old "role"] by [APPLY, DESTROY] => "removes the role's policies, or the app's alone";
        "iam:DeleteRole" [old "role"] by [DESTROY] => "removes the role";
    }

    /// The DNS record, and the one of a former name.
    Record {
        "route53:ListHostedZonesByName" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, REPLACE, DRILL, DRILL_RESTORE] => "finds the zone";
        "route53:ListResourceRecordSets" [old "hostedzone"] by [PLAN, APPLY, STATUS, DESTROY, RESUME, REPLACE, DRILL, DRILL_RESTORE] => "reads the record";
        "route53:GetHostedZone"
            [old "hostedzone"]
            by [PLAN, APPLY, STATUS, DESTROY, RESUME, REPLACE, DRILL, DRILL_RESTORE] => "reads the zone that the spec names by its id";
        "route53:GetHostedZone" [old "hostedzone"] by [DOCTOR] => "finds the servers that answer for the zone";
        "ec2:CreateTags" [old "elastic-ip"] by [APPLY] => "notes the record on the address";
        "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "writes or deletes the one record";
        "route53:ChangeResourceRecordSets" [old "hostedzone"] by [APPLY, DESTROY] => "deletes the record of a former name";
        "route53:ChangeResourceRecordSets" [old "hostedzone"] by [INSTANCE] => "shows an authority whose its names are";
        "route53:GetChange" [old "change"] by [INSTANCE] => "sees whether the DNS has a record by now";
    }

    /// The account: whose it is, how many addresses it may hold, and what it has to offer.
    Account {
        "sts:GetCallerIdentity" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME, SLEEP, REPLACE, SNAPSHOT, REQUEST, DRILL, DRILL_RESTORE, SHELL, FORWARD, RUN, NOTIFY, DOCTOR, INIT] => "shows and checks the account";
        "ec2:DescribeAccountAttributes" [] by [PLAN, APPLY, STATUS] => "reads the account's quota of addresses";
        "servicequotas:GetServiceQuota" [old "quota"] by [DOCTOR] => "reads what the account may have at once";
        "servicequotas:GetAWSDefaultServiceQuota" [] by [DOCTOR] => "reads what every account may have at once";
        "iam:SimulatePrincipalPolicy" [old "user"] by [DOCTOR] => "asks what the one who asks may do";
        "ec2:DescribeRegions" [] by [INIT] => "lists the Regions that the account may use";
        "ec2:DescribeInstanceTypeOfferings" [] by [INIT] => "lists the types that the Region offers";
        "ec2:DescribeAddresses" [] by [INIT] => "lists addresses to take along";
        "ec2:DescribeVolumes" [] by [INIT] => "lists volumes to take along";
        "ec2:DescribeInstances" [] by [INIT] => "reads the instance that a spec is to be like";
        "route53:ListHostedZones" [] by [INIT] => "lists the zones that a name can be in";
    }

    /// Session Manager.
    SessionManager {
        "ssm:UpdateInstanceInformation" [old "instance"] by [INSTANCE] => "registers with Session Manager";
        "ssmmessages:CreateControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
        "ssmmessages:CreateDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
        "ssmmessages:OpenControlChannel" [] by [INSTANCE] => "opens Session Manager's channels";
        "ssmmessages:OpenDataChannel" [] by [INSTANCE] => "opens Session Manager's channels";
        "ssm:DescribeInstanceInformation" [] by [STATUS, SHELL, FORWARD, RUN] => "asks whether the agent is connected";
        "ssm:StartSession" [old "instance", old "document"] by [SHELL] => "opens a shell";
        "ssm:StartSession" [old "instance", old "document"] by [FORWARD] => "forwards a port";
        "ssm:ResumeSession" [old "session"] by [SHELL, FORWARD] => "goes on with a session after a lost connection";
        "ssm:TerminateSession" [old "session"] by [SHELL, FORWARD] => "ends a session";
        "ssm:SendCommand" [old "document", old "instance"] by [RUN] => "runs a command";
        "ssm:GetCommandInvocation" [] by [RUN] => "reads what a command has printed, and how it has ended";
        "ssm:CancelCommand" [] by [RUN] => "cancels a command";
    }

    /// The parameters of the app in Parameter Store.
    Parameters {
        "ssm:GetParametersByPath" [old "parameter"] by [INSTANCE, CONFIG] => "reads the app's configuration";
        "ssm:GetParameter" [old "parameter"] by [CONFIG] => "reads one parameter of the app's";
        "ssm:PutParameter" [old "parameter"] by [CONFIG] => "writes one parameter of the app's";
        "ssm:DeleteParameters" [old "parameter"] by [CONFIG] => "removes one parameter of the app's";
        "kms:Decrypt" [old "key"] by [INSTANCE, CONFIG] => "reads a secret, through Parameter Store";
        "kms:Encrypt" [old "key"] by [CONFIG] => "writes a secret, through Parameter Store";
    }

    /// The log group, and the streams that the instance writes to it.
    Logs {
        "logs:DescribeLogGroups" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the log group";
        "logs:ListTagsForResource" [old "log-group"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads whose it is";
        "logs:CreateLogGroup" [new "log-group"] by [APPLY] => "makes the log group";
        "logs:TagResource" [new "log-group"] by [APPLY] => "tags it on creation";
        "logs:PutRetentionPolicy" [old "log-group"] by [APPLY] => "sets for how long logs are kept";
        "logs:DeleteLogGroup" [old "log-group"] by [DESTROY] => "removes the log group";
        "logs:FilterLogEvents" [old "log-group"] by [LOGS] => "reads what was logged";
        "logs:CreateLogStream" [old "log-stream"] by [INSTANCE] => "ships logs";
        "logs:PutLogEvents" [old "log-stream"] by [INSTANCE] => "ships logs";
    }

    /// The SNS topic, and what the group tells it.
    Notify {
        "sns:ListTagsForResource" [old "topic"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "finds the topic, and whose it is";
        "sns:ListSubscriptionsByTopic" [old "topic"] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads whom it tells";
        "sns:CreateTopic" [new "topic"] by [APPLY] => "makes the topic";
        "sns:TagResource" [new "topic"] by [APPLY] => "tags it on creation";
        "sns:Subscribe" [old "topic"] by [APPLY] => "asks somebody to confirm that he wants to be told";
        "sns:Unsubscribe" [] by [APPLY] => "ends a subscription that the spec has ceased to name";
        "sns:DeleteTopic" [old "topic"] by [APPLY, DESTROY] => "removes the topic";
        "autoscaling:DescribeNotificationConfigurations" [] by [PLAN, APPLY, STATUS, DESTROY, RESUME] => "reads what the group tells";
        "autoscaling:PutNotificationConfiguration" [old "autoScalingGroup"] by [APPLY] => "says what the group tells";
        "autoscaling:DeleteNotificationConfiguration"
            [old "autoScalingGroup"]
            by [APPLY, DESTROY] => "ends what the group tells";
        "autoscaling:DescribeScalingActivities" [] by [INSTANCE] => "reads why it was launched";
        "sns:Publish" [old "topic"] by [INSTANCE] => "tells what happens to the stack";
        "sns:Publish" [old "topic"] by [NOTIFY] => "tries whether messages arrive";
    }

    /// The bundle: what does not fit into user data, in parameters of Parameter Store.
    Bundle {
        "ssm:GetParametersByPath" [old "parameter"] by [INSTANCE, PLAN, APPLY, STATUS, DESTROY] => "reads the bundle";
        "ssm:PutParameter" [old "parameter"] by [APPLY] => "writes a part of the bundle";
        "ssm:DeleteParameters" [old "parameter"] by [DESTROY] => "removes the bundle";
    }
}
