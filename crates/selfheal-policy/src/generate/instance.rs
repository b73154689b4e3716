//! What the instance may do.

use super::build::{Draft, Place, allow, deny, finish, given, in_region, only, owned, via_services};
use super::check;
use super::error::ScopeError;
use super::names::{GROUP_MARK_KEYS, TAG_FIRST_USE};
use super::scope::InstanceScope;
use crate::action::ActionPattern;
use crate::condition::{Comparison, Conditions, Operator};
use crate::document::Document;
use crate::limit::Limit;
use crate::partition::Partition;
use crate::statement::{
    ActionSet, Effect, NonEmpty, Principal, PrincipalSet, Principals, ResourcePattern, Sid, Statement, Target,
};

/// Generates the inline policy of the instance's role: what the boot program calls, and nothing else.
///
/// Every resource that a request names is evaluated, so AssociateAddress has a statement for the exact Elastic IP, one
/// for instances of ours, and one for our network interfaces in the subnet (or in the VPC), whichever the call names. A policy that names the Elastic IP alone is taken for insufficient. That follows the Service Authorization
/// Reference and the policies in use; it was not verified on a live account.
///
/// AttachVolume and DetachVolume name the exact volume and an instance. Whatever names an instance asks for the stack's
/// tag, and for our profile if AWS tells one: `IfExists` is there because a volume has none, and because nothing may rest
/// on that key alone.
///
/// `OnlyItself` denies to name another instance than the calling one. The session of an instance's role is named after the
/// instance (`aws:userid` is `AROA…:i-…`), and `ec2:InstanceID` is a key of what is named. Where AWS does not tell the
/// latter the deny does not apply, so that no stack stands still for a key. It does not bind a DetachVolume that names no
/// instance: AWS judges that one by the volume alone, for which no key tells who holds it.
///
/// `*` stands as a resource in three statements alone, because the Service Authorization Reference offers these actions
/// no resource. Each is narrowed to the Region, the last one to calls from an instance as well; the others have no
/// narrower key:
/// - `Look`: ec2:DescribeVolumes, ec2:DescribeAddresses, ec2:DescribeApplicationStatus, autoscaling:DescribeTags;
/// - `SessionChannels`: ssmmessages:CreateDataChannel, OpenControlChannel, OpenDataChannel;
/// - `SessionControl`: ssmmessages:CreateControlChannel.
///
/// `instance/*` and `network-interface/*` stand because their ids are unknown before launch; conditions narrow them.
/// The exception is ssm:UpdateInstanceInformation, for which no key speaks of the target: the caller must itself be an
/// instance of this account and Region (`ec2:SourceInstanceARN`), but may name another one.
///
/// # Errors
/// When a field of the scope is malformed, contradicts another, or the policy exceeds the 10,240 characters that IAM
/// allows a role's inline policies in total.
pub fn instance_policy(scope: &InstanceScope) -> Result<Document, ScopeError> {
    check::instance(scope)?;
    let place = Place {
        partition: scope.partition,
        region: &scope.region,
        account: &scope.account,
    };
    let mut drafts = address(scope, place)?;
    drafts.extend(volume(scope, place)?);
    drafts.push(only_itself(scope, place)?);
    drafts.extend(group(scope, place)?);
    drafts.push(look(scope));
    drafts.extend(session_manager(scope, place)?);
    drafts.extend(parameters(scope, place)?);
    drafts.push(logs(scope, place)?);
    drafts.extend(key(scope)?);
    finish(drafts, Limit::RoleInline)
}

/// Generates the trust policy of the instance's role: EC2 alone may take it.
#[must_use]
pub fn trust_policy(partition: Partition) -> Document {
    let principal = Principal::Service(partition.ec2_trusted().to_owned());
    Document::new(vec![Statement {
        sid: Some(Sid::of_our_own("Ec2TakesTheRole")),
        effect: Effect::Allow,
        actions: ActionSet::Action(NonEmpty::one(ActionPattern::of_our_own("sts:AssumeRole"))),
        target: Target::Trust(PrincipalSet::Principal(Principals::Named(NonEmpty::one(principal)))),
        conditions: Conditions::none(),
    }])
}

const ASSOCIATE: &str = "ec2:AssociateAddress";
const DISASSOCIATE: &str = "ec2:DisassociateAddress";
const ATTACH: &str = "ec2:AttachVolume";
const DETACH: &str = "ec2:DetachVolume";
const INSTANCE_PROFILE: &str = "ec2:InstanceProfile";
const INSTANCE_ID: &str = "ec2:InstanceID";

fn address(scope: &InstanceScope, place: Place<'_>) -> Result<Vec<Draft>, ScopeError> {
    let address = place.ec2(&format!("elastic-ip/{}", scope.allocation_id))?;
    let (key, network) = match (&scope.subnet_id, &scope.vpc_id) {
        (Some(subnet), _) => ("ec2:Subnet", place.ec2(&format!("subnet/{subnet}"))?),
        (None, Some(vpc)) => ("ec2:Vpc", place.ec2(&format!("vpc/{vpc}"))?),
        (None, None) => {
            let reason = "network interfaces are narrowed by the subnet or the VPC";
            return Err(ScopeError::Missing {
                field: "subnet_id",
                reason,
            });
        }
    };
    let near = owned(&scope.stack).when(Comparison::ArnEquals, key, network.as_str());
    Ok(vec![
        allow(
            "TheAddress",
            &[ASSOCIATE, DISASSOCIATE],
            vec![address],
            Conditions::none(),
        ),
        allow(
            "AddressToOwnInstances",
            &[ASSOCIATE],
            vec![place.ec2("instance/*")?],
            of_ours(scope),
        ),
        allow(
            "AddressToOwnInterfaces",
            &[ASSOCIATE, DISASSOCIATE],
            vec![place.ec2("network-interface/*")?],
            near,
        ),
    ])
}

/// Asks for the stack's tag, and for our own instance profile of what AWS tells one of.
fn of_ours(scope: &InstanceScope) -> Conditions {
    let arn_equals = Operator::new(Comparison::ArnEquals);
    owned(&scope.stack).with(
        arn_equals.if_exists().unwrap_or(arn_equals),
        INSTANCE_PROFILE,
        [scope.instance_profile.as_str()],
    )
}

/// Denies to name another instance than the one that calls.
fn only_itself(scope: &InstanceScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let mut calls = vec![ASSOCIATE];
    if scope.volume_id.is_some() {
        calls.extend([ATTACH, DETACH]);
    }
    // The id of a role holds no colon, so that what follows it is the whole name of the session.
    let another = Conditions::none()
        .when(Comparison::StringNotLike, "aws:userid", format!("*:${{{INSTANCE_ID}}}"))
        .when(Comparison::Null, INSTANCE_ID, "false");
    Ok(deny("OnlyItself", &calls, vec![place.ec2("instance/*")?], another))
}

fn volume(scope: &InstanceScope, place: Place<'_>) -> Result<Vec<Draft>, ScopeError> {
    let Some(volume_id) = &scope.volume_id else {
        return Ok(Vec::new());
    };
    let volume = place.ec2(&format!("volume/{volume_id}"))?;
    Ok(vec![
        allow(
            "TheVolume",
            &[ATTACH, DETACH],
            vec![volume.clone(), place.ec2("instance/*")?],
            of_ours(scope),
        ),
        allow(
            "VolumeIsUsed",
            &["ec2:DeleteTags"],
            vec![volume],
            only(Conditions::none(), "aws:TagKeys", &[TAG_FIRST_USE]),
        ),
    ])
}

fn group(scope: &InstanceScope, place: Place<'_>) -> Result<Vec<Draft>, ScopeError> {
    let group = place.group(&scope.group)?;
    let calls = [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceHealth",
        "autoscaling:SuspendProcesses",
    ];
    let marks = only(Conditions::none(), "aws:TagKeys", &GROUP_MARK_KEYS);
    Ok(vec![
        allow("TheGroup", &calls, vec![group.clone()], Conditions::none()),
        allow("CountBoots", &["autoscaling:CreateOrUpdateTags"], vec![group], marks),
    ])
}

/// Allows the calls that describe. They take no resource, so `*` it is, in the one Region.
fn look(scope: &InstanceScope) -> Draft {
    let mut actions = vec!["ec2:DescribeAddresses", "autoscaling:DescribeTags"];
    if scope.volume_id.is_some() {
        actions.push("ec2:DescribeVolumes");
    }
    if scope.application_check {
        actions.push("ec2:DescribeApplicationStatus");
    }
    allow("Look", &actions, vec![ResourcePattern::Any], in_region(&scope.region))
}

/// Allows Session Manager's minimum. AmazonSSMManagedInstanceCore would also allow to read every parameter.
fn session_manager(scope: &InstanceScope, place: Place<'_>) -> Result<Vec<Draft>, ScopeError> {
    if !scope.session_manager {
        return Ok(Vec::new());
    }
    let instances = place.ec2("instance/*")?;
    let from_here = Conditions::none().when(Comparison::ArnLike, "ec2:SourceInstanceARN", instances.as_str());
    let control = in_region(&scope.region).when(Comparison::ArnLike, "ec2:SourceInstanceARN", instances.as_str());
    let channels = [
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    let any = || vec![ResourcePattern::Any];
    Ok(vec![
        allow("SessionControl", &["ssmmessages:CreateControlChannel"], any(), control),
        allow("SessionChannels", &channels, any(), in_region(&scope.region)),
        allow(
            "SessionRegistration",
            &["ssm:UpdateInstanceInformation"],
            vec![instances],
            from_here,
        ),
    ])
}

/// Allows to read below one path. The path itself is the resource of GetParametersByPath, and names no parameter.
fn parameters(scope: &InstanceScope, place: Place<'_>) -> Result<Vec<Draft>, ScopeError> {
    let Some(path) = &scope.parameter_path else {
        return Ok(Vec::new());
    };
    let itself = place.parameter(place.account, path)?;
    let below = place.parameter(place.account, &format!("{path}/*"))?;
    Ok(vec![
        allow(
            "ParameterPath",
            &["ssm:GetParametersByPath"],
            vec![itself],
            Conditions::none(),
        ),
        allow(
            "ParametersBelow",
            &["ssm:GetParameter", "ssm:GetParametersByPath"],
            vec![below],
            Conditions::none(),
        ),
    ])
}

fn logs(scope: &InstanceScope, place: Place<'_>) -> Result<Draft, ScopeError> {
    let Some(group) = &scope.log_group else { return Ok(None) };
    let streams = place.log_streams(group)?;
    Ok(allow(
        "LogStreams",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        vec![streams],
        Conditions::none(),
    ))
}

/// Allows to use a customer key through EBS, for the volume, and through Parameter Store, for secret parameters.
///
/// Attaching an encrypted volume makes EC2 ask for a grant in the caller's name; `kms:GrantIsForAWSResource` keeps it
/// from being given to anybody else. Source: "How Amazon EBS encryption works" and "kms:ViaService".
fn key(scope: &InstanceScope) -> Result<Vec<Draft>, ScopeError> {
    let Some(text) = &scope.kms_key else {
        return Ok(Vec::new());
    };
    let mut services = Vec::new();
    if scope.volume_id.is_some() {
        services.push("ec2");
    }
    if scope.parameter_path.is_some() {
        services.push("ssm");
    }
    let via = |services: &[&str]| {
        let names = via_services(scope.partition, &scope.region, services);
        Conditions::none().with(Operator::new(Comparison::StringEquals), "kms:ViaService", names)
    };
    let mut drafts = Vec::new();
    if !services.is_empty() {
        drafts.push(allow(
            "DecryptWithTheKey",
            &["kms:Decrypt"],
            vec![given(text)?],
            via(&services),
        ));
    }
    if scope.volume_id.is_some() {
        let for_aws = via(&["ec2"]).when(Comparison::Bool, "kms:GrantIsForAWSResource", "true");
        drafts.push(allow(
            "GrantTheKeyToEbs",
            &["kms:CreateGrant"],
            vec![given(text)?],
            for_aws,
        ));
    }
    Ok(drafts)
}
