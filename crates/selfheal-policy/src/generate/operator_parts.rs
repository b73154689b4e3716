//! The statements of the operator's policies.

use super::build::{Draft, Place, allow, given, in_region, only, owned, tagged, via_services};
use super::error::ScopeError;
use super::names::{RECORD_KEYS, RESOURCE_TAG_KEYS};
use super::scope::OperatorScope;
use crate::condition::{Comparison, Conditions, Operator};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

type Drafts = Result<Vec<Draft>, ScopeError>;

const DESCRIBE: [&str; 7] = [
    "ec2:DescribeAddresses",
    "ec2:DescribeVolumes",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeLaunchTemplateVersions",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
];

/// What is asked before something is made that hangs on it: whether EC2 offers the instance type, where the subnet leads,
/// and by which key volumes are encrypted.
const ASK_FIRST: [&str; 4] = [
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeRouteTables",
    "ec2:GetEbsDefaultKmsKeyId",
];

const READ_IDENTITY: [&str; 3] = ["iam:GetRole", "iam:GetRolePolicy", "iam:GetInstanceProfile"];

/// The key that holds the boundary which a request sets, or which the role has.
const BOUNDARY: &str = "iam:PermissionsBoundary";

/// The stack's role and its instance profile.
fn both(scope: &OperatorScope, place: Place<'_>) -> Result<Vec<ResourcePattern>, ScopeError> {
    Ok(vec![place.role(&scope.role_name)?, place.profile(&scope.profile_name)?])
}

/// What every command reads, and what status and destroy read beyond that.
pub(crate) fn reading(scope: &OperatorScope, place: Place<'_>, purpose: Purpose) -> Drafts {
    let mut describe = DESCRIBE.to_vec();
    match purpose {
        Purpose::Resume => describe.push("ec2:DescribeImages"),
        Purpose::Plan | Purpose::Apply => {
            describe.push("ec2:DescribeImages");
            describe.extend(ASK_FIRST);
        }
        Purpose::Status => describe.extend([
            "ec2:DescribeImages",
            "ec2:DescribeInstances",
            "autoscaling:DescribeScalingActivities",
        ]),
        Purpose::Destroy => describe.extend(["ec2:DescribeInstances", "ec2:DescribeSnapshots"]),
    }
    if scope.data_volume && purpose == Purpose::Status {
        describe.push("ec2:DescribeSnapshots");
    }
    if scope.data_volume && purpose != Purpose::Destroy {
        // Asked where the volume differs from the spec.
        describe.push("ec2:DescribeVolumesModifications");
    }
    if scope.application_check {
        describe.push("ec2:DescribeApplicationStatusChecks");
        if purpose == Purpose::Status {
            describe.push("ec2:DescribeApplicationStatus");
        }
    }
    // Who allocates an address looks first whether the account may hold another.
    let looks = matches!(purpose, Purpose::Plan | Purpose::Apply | Purpose::Status);
    if scope.allocation_id.is_none() && looks {
        describe.push("ec2:DescribeAccountAttributes");
    }
    let mut anywhere = vec!["sts:GetCallerIdentity"];
    if scope.record_name.is_some() && !scope.zone_by_id {
        anywhere.push("route53:ListHostedZonesByName");
    }
    let mut drafts = vec![
        allow("WhoAmI", &anywhere, vec![ResourcePattern::Any], Conditions::none()),
        allow("Look", &describe, vec![ResourcePattern::Any], in_region(&scope.region)),
    ];
    if purpose != Purpose::Destroy {
        drafts.push(image_names(scope, place)?);
    }
    drafts.push(read_identity(scope, place, purpose)?);
    let former = scope.former_record.as_ref();
    if scope.record_name.is_some() || former.is_some() {
        let mut zones = Vec::new();
        if scope.record_name.is_some() {
            zones.push(place.hosted_zone(scope.hosted_zone_id.as_deref())?);
        }
        if let Some(former) = former {
            zones.push(place.hosted_zone(Some(&former.zone_id))?);
        }
        zones.dedup();
        let mut read = vec!["route53:ListResourceRecordSets"];
        if scope.zone_by_id {
            read.push("route53:GetHostedZone");
        }
        drafts.push(allow("ReadZone", &read, zones, Conditions::none()));
    }
    Ok(drafts)
}

/// What reads the role and its profile, whether they exist or not.
///
/// IAM judges a read of a name that does not exist without any path, and would answer `AccessDenied` in place of
/// `NoSuchEntity` to a policy that names the path alone (aws-parallelcluster#5837). Names are unique whatever their path, so
/// the second spelling lets nothing else be read than what somebody else has made under our names, which a plan must see.
fn read_identity(scope: &OperatorScope, place: Place<'_>, purpose: Purpose) -> Result<Draft, ScopeError> {
    let mut calls = READ_IDENTITY.to_vec();
    if purpose == Purpose::Destroy {
        calls.extend(["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]);
    }
    let identity = place.identity_to_read(&scope.role_name, &scope.profile_name)?;
    Ok(allow("ReadIdentity", &calls, identity, Conditions::none()))
}

/// What resolves an image's name: a public parameter, or the user's own.
///
/// AWS's own parameters belong to no account in their ARN, and no account can make one of such a name. The second
/// spelling is for linters that ask for an account.
fn image_names(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let mut parameters = vec![
        place.parameter("", "aws/service/*")?,
        place.parameter(place.account, "aws/service/*")?,
    ];
    if let Some(path) = scope
        .image_parameter
        .as_ref()
        .filter(|path| !path.starts_with("/aws/service/"))
    {
        parameters.push(place.parameter(place.account, path)?);
    }
    Ok(allow(
        "ReadImageNames",
        &["ssm:GetParameter"],
        parameters,
        Conditions::none(),
    ))
}

/// What creates and changes the address, the volume, the security group and the launch template.
pub(crate) fn creating(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let mut create = vec!["ec2:CreateSecurityGroup", "ec2:CreateLaunchTemplate"];
    let mut made = vec!["security-group/*", "launch-template/*"];
    let mut change = vec![
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:CreateLaunchTemplateVersion",
    ];
    let mut changed = vec!["security-group/*", "launch-template/*"];
    if scope.allocation_id.is_none() {
        create.push("ec2:AllocateAddress");
        made.push("elastic-ip/*");
    }
    if scope.data_volume {
        create.push("ec2:CreateVolume");
        change.push("ec2:ModifyVolume");
        made.push("volume/*");
        changed.push("volume/*");
    }
    if scope.application_check {
        create.push("ec2:CreateApplicationStatusCheck");
        made.push("application-status-check/*");
    }
    let vpc = format!("vpc/{}", scope.vpc_id.as_deref().unwrap_or("*"));
    // The key is there for a VPC alone, so the security group still needs the tag that `Create` asks for.
    let the_vpc = Conditions::none().when(Comparison::Null, "ec2:VpcID", "false");
    let in_vpc = place.ec2_all(&[&vpc, "security-group/*"])?;
    Ok(vec![
        allow("Create", &create, place.ec2_all(&made)?, tagged(&scope.stack)),
        allow("CreateInVpc", &["ec2:CreateSecurityGroup"], in_vpc, the_vpc),
        allow("Change", &change, place.ec2_all(&changed)?, owned(&scope.stack)),
        change_check(scope, place)?,
        tag_on_create(scope, place)?,
        adopt_address(scope, place)?,
        adopt_volume(scope, place)?,
        remember_record(scope, place)?,
    ])
}

/// What changes the application status check, and deletes it once the spec does not ask for it any more.
///
/// A statement of its own: a check can also name security groups, and no call of ours does.
fn change_check(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    if !scope.application_check {
        return Ok(None);
    }
    let change = [
        "ec2:AssociateApplicationStatusCheck",
        "ec2:ModifyApplicationStatusCheck",
        "ec2:DeleteApplicationStatusCheck",
    ];
    let checks = place.ec2_all(&["application-status-check/*"])?;
    Ok(allow("ChangeCheck", &change, checks, owned(&scope.stack)))
}

fn tag_on_create(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let mut calls = vec!["CreateSecurityGroup", "CreateLaunchTemplate", "RunInstances"];
    let mut types = vec![
        "security-group/*",
        "launch-template/*",
        "instance/*",
        "network-interface/*",
        "volume/*",
    ];
    if scope.allocation_id.is_none() {
        calls.push("AllocateAddress");
        types.push("elastic-ip/*");
    }
    if scope.data_volume {
        calls.push("CreateVolume");
    }
    if scope.application_check {
        calls.push("CreateApplicationStatusCheck");
        types.push("application-status-check/*");
    }
    let conditions = tagged(&scope.stack).with(
        Operator::new(Comparison::StringEquals),
        "ec2:CreateAction",
        calls.iter().copied(),
    );
    Ok(allow(
        "TagOnCreate",
        &["ec2:CreateTags"],
        place.ec2_all(&types)?,
        conditions,
    ))
}

/// Lets an existing address be marked as the stack's, with our tags and no other; `Name` only where it has none.
fn adopt_address(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let Some(allocation) = &scope.allocation_id else {
        return Ok(None);
    };
    let address = place.ec2(&format!("elastic-ip/{allocation}"))?;
    let mut keys = RESOURCE_TAG_KEYS.to_vec();
    if scope.record_name.is_some() {
        keys.extend(RECORD_KEYS);
    }
    let conditions = only(tagged(&scope.stack), "aws:TagKeys", &keys);
    Ok(allow("AdoptAddress", &["ec2:CreateTags"], vec![address], conditions))
}

/// Lets one existing volume be marked as the stack's, with our two tags and a name. Any volume would be too much: what
/// bears the stack's tags can be deleted in its name.
fn adopt_volume(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let Some(volume) = scope.volume_id.as_ref().filter(|_| scope.data_volume) else {
        return Ok(None);
    };
    let volume = place.ec2(&format!("volume/{volume}"))?;
    let conditions = only(tagged(&scope.stack), "aws:TagKeys", &RESOURCE_TAG_KEYS);
    Ok(allow("AdoptVolume", &["ec2:CreateTags"], vec![volume], conditions))
}

/// Lets the record be noted on the stack's own address, where its name has changed or was never noted.
fn remember_record(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    if scope.record_name.is_none() && scope.former_record.is_none() {
        return Ok(None);
    }
    let address = place.ec2(&format!("elastic-ip/{}", scope.allocation_id.as_deref().unwrap_or("*")))?;
    let conditions = only(owned(&scope.stack), "aws:TagKeys", &RECORD_KEYS);
    Ok(allow("RememberRecord", &["ec2:CreateTags"], vec![address], conditions))
}

/// What Auto Scaling checks in the operator's name when a group takes a launch template.
///
/// The launch must use a template, and the template must carry the stack's tag; the role that it passes is narrowed by
/// `PassRole`. Image and security groups are those of the template, whatever they are.
pub(crate) fn launching(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let subnet = format!("subnet/{}", scope.subnet_id.as_deref().unwrap_or("*"));
    let mut launched = place.ec2_all(&["instance/*", "network-interface/*", "security-group/*", &subnet])?;
    launched.push(place.images()?);
    let mut template = launched.clone();
    template.push(place.ec2("launch-template/*")?);
    launched.push(place.ec2("volume/*")?);
    let any_template = place.ec2("launch-template/*")?;
    let by_template = Conditions::none().when(Comparison::ArnLike, "ec2:LaunchTemplate", any_template.as_str());
    Ok(vec![
        allow("Launch", &["ec2:RunInstances"], launched, by_template),
        allow(
            "LaunchByOwnTemplate",
            &["ec2:RunInstances"],
            template,
            owned(&scope.stack),
        ),
    ])
}

/// What makes and changes the group. A group of more than one instance is refused here as well.
pub(crate) fn group(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let group = || place.group(&scope.group).map(|group| vec![group]);
    let calls = ["autoscaling:PutLifecycleHook", "autoscaling:CreateOrUpdateTags"];
    let create = one_of_a_numbered_version(tagged(&scope.stack));
    let change = one_of_a_numbered_version(Conditions::none());
    Ok(vec![
        allow("CreateGroup", &["autoscaling:CreateAutoScalingGroup"], group()?, create),
        allow("ChangeGroup", &["autoscaling:UpdateAutoScalingGroup"], group()?, change),
        allow("TheGroup", &calls, group()?, Conditions::none()),
    ])
}

/// Asks for a maximum of one, and for a version of a launch template by its number.
///
/// Auto Scaling checks in the operator's name what a numbered version launches, and the role that it passes. Of `$Latest`
/// and `$Default` it would launch whatever they become, and of a launch configuration whatever profile that names.
fn one_of_a_numbered_version(conditions: Conditions) -> Conditions {
    conditions
        .when(Comparison::NumericLessThanEquals, "autoscaling:MaxSize", "1")
        .when(Comparison::Bool, "autoscaling:LaunchTemplateVersionSpecified", "true")
        .when(Comparison::Null, "autoscaling:LaunchConfigurationName", "true")
}

/// What takes the marks of a parked stack off its group, and lets the group act again.
pub(crate) fn resuming(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let calls = ["autoscaling:DeleteTags", "autoscaling:ResumeProcesses"];
    let group = place.group(&scope.group)?;
    Ok(allow("Resume", &calls, vec![group], Conditions::none()))
}

/// What makes the role and its instance profile, and hands the role to EC2.
///
/// Where the role must have a boundary, nothing makes it, widens its policy or changes the boundary without that one.
pub(crate) fn identity(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let role = || place.role(&scope.role_name).map(|role| vec![role]);
    let mut create = vec!["iam:TagRole", "iam:CreateInstanceProfile", "iam:TagInstanceProfile"];
    let mut change = vec!["iam:UpdateAssumeRolePolicy", "iam:AddRoleToInstanceProfile"];
    let mut bounded = Vec::new();
    if scope.app_policy {
        change.push("iam:DeleteRolePolicy");
    }
    match &scope.permissions_boundary {
        None => {
            create.insert(0, "iam:CreateRole");
            change.insert(1, "iam:PutRolePolicy");
            if scope.drops_boundary {
                change.push("iam:DeleteRolePermissionsBoundary");
            }
        }
        Some(boundary) => {
            let within = |conditions: Conditions| conditions.when(Comparison::ArnEquals, BOUNDARY, boundary);
            let write = ["iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"];
            bounded = vec![
                allow(
                    "CreateWithBoundary",
                    &["iam:CreateRole"],
                    role()?,
                    within(tagged(&scope.stack)),
                ),
                allow("ChangeWithinBoundary", &write, role()?, within(Conditions::none())),
            ];
        }
    }
    let to_ec2 = Conditions::none().with(
        Operator::new(Comparison::StringEquals),
        "iam:PassedToService",
        scope.partition.ec2_principals(),
    );
    let for_autoscaling = Conditions::none().when(
        Comparison::StringEquals,
        "iam:AWSServiceName",
        "autoscaling.amazonaws.com",
    );
    bounded.extend([
        allow("CreateIdentity", &create, both(scope, place)?, tagged(&scope.stack)),
        allow("ChangeIdentity", &change, both(scope, place)?, Conditions::none()),
        allow("PassRole", &["iam:PassRole"], role()?, to_ec2),
        allow(
            "AutoScalingRole",
            &["iam:CreateServiceLinkedRole"],
            vec![place.autoscaling_role()?],
            for_autoscaling,
        ),
    ]);
    Ok(bounded)
}

/// What writes the one record; the zone's others stay out of reach.
pub(crate) fn record(scope: &OperatorScope, place: Place<'_>, action: &str) -> Result<Draft, ScopeError> {
    let Some(name) = &scope.record_name else {
        return Ok(None);
    };
    write_record("WriteRecord", place, scope.hosted_zone_id.as_deref(), name, action)
}

/// What removes the record that the spec does not name any more.
pub(crate) fn former_record(scope: &OperatorScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let Some(former) = &scope.former_record else {
        return Ok(None);
    };
    write_record(
        "RemoveFormerRecord",
        place,
        Some(&former.zone_id),
        &former.name,
        "DELETE",
    )
}

fn write_record(
    sid: &'static str,
    place: Place<'_>,
    zone_id: Option<&str>,
    name: &str,
    action: &str,
) -> Result<Draft, ScopeError> {
    let zone = place.hosted_zone(zone_id)?;
    let mut conditions = Conditions::none();
    for (key, value) in [
        ("route53:ChangeResourceRecordSetsNormalizedRecordNames", name),
        ("route53:ChangeResourceRecordSetsRecordTypes", "A"),
        ("route53:ChangeResourceRecordSetsActions", action),
    ] {
        conditions = only(conditions, key, &[value]);
    }
    Ok(allow(
        sid,
        &["route53:ChangeResourceRecordSets"],
        vec![zone],
        conditions,
    ))
}

/// What creating an encrypted volume under a customer key needs, through EC2 alone.
pub(crate) fn key(scope: &OperatorScope) -> Drafts {
    let Some(text) = scope.kms_key.as_ref().filter(|_| scope.data_volume) else {
        return Ok(Vec::new());
    };
    let services = via_services(scope.partition, &scope.region, &["ec2"]);
    let via = Conditions::none().with(Operator::new(Comparison::StringEquals), "kms:ViaService", services);
    let for_aws = via.clone().when(Comparison::Bool, "kms:GrantIsForAWSResource", "true");
    let use_key = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"];
    Ok(vec![
        allow("UseTheKey", &use_key, vec![given(text)?], via),
        allow("GrantTheKeyToEbs", &["kms:CreateGrant"], vec![given(text)?], for_aws),
    ])
}

/// What removes the stack, without its address and its data.
pub(crate) fn removing(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let mut remove = vec!["ec2:DeleteLaunchTemplate", "ec2:DeleteSecurityGroup"];
    let mut removed = vec!["launch-template/*", "security-group/*"];
    if scope.application_check {
        remove.push("ec2:DeleteApplicationStatusCheck");
        removed.push("application-status-check/*");
    }
    let group = || place.group(&scope.group).map(|group| vec![group]);
    let identity = [
        "iam:RemoveRoleFromInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:DeleteRolePolicy",
        "iam:DeleteRole",
    ];
    Ok(vec![
        allow("Remove", &remove, place.ec2_all(&removed)?, owned(&scope.stack)),
        allow(
            "RemoveGroup",
            &["autoscaling:DeleteAutoScalingGroup"],
            group()?,
            Conditions::none(),
        ),
        allow("RemoveIdentity", &identity, both(scope, place)?, Conditions::none()),
    ])
}

/// What releases the address and deletes the data, each in a statement of its own that can be struck.
pub(crate) fn removing_data(scope: &OperatorScope, place: Place<'_>) -> Drafts {
    let stack = &scope.stack;
    let mut drafts = match &scope.allocation_id {
        None => {
            let free = ["ec2:DisassociateAddress"];
            let both = place.ec2_all(&["elastic-ip/*", "network-interface/*"])?;
            vec![
                allow("FreeAddress", &free, both, owned(stack)),
                allow(
                    "ReleaseAddress",
                    &["ec2:ReleaseAddress"],
                    place.ec2_all(&["elastic-ip/*"])?,
                    owned(stack),
                ),
            ]
        }
        Some(allocation) => {
            let address = vec![place.ec2(&format!("elastic-ip/{allocation}"))?];
            let interfaces = place.ec2_all(&["network-interface/*"])?;
            let free = ["ec2:DisassociateAddress"];
            vec![
                allow("FreeAddress", &free, address.clone(), Conditions::none()),
                allow("FreeInterfaces", &free, interfaces, owned(stack)),
                allow("ReleaseAddress", &["ec2:ReleaseAddress"], address, Conditions::none()),
            ]
        }
    };
    if scope.data_volume {
        let volumes = place.ec2_all(&["volume/*"])?;
        let both = vec![place.snapshots()?, place.ec2("volume/*")?];
        let created = tagged(stack).when(Comparison::StringEquals, "ec2:CreateAction", "CreateSnapshot");
        drafts.extend([
            allow("SnapshotTagged", &["ec2:CreateSnapshot"], both.clone(), tagged(stack)),
            allow("SnapshotOwnVolume", &["ec2:CreateSnapshot"], both, owned(stack)),
            allow("TagSnapshot", &["ec2:CreateTags"], vec![place.snapshots()?], created),
            allow("DeleteData", &["ec2:DeleteVolume"], volumes, owned(stack)),
        ]);
    }
    Ok(drafts)
}
