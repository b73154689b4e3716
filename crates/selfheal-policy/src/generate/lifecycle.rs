//! What Data Lifecycle Manager may do for the stack.

use super::build::{Place, allow, finish, in_region, owned};
use super::check;
use super::error::ScopeError;
use super::names::TAG_SNAPSHOTS;
use super::scope::LifecycleScope;
use crate::action::ActionPattern;
use crate::condition::{Comparison, Conditions};
use crate::document::Document;
use crate::limit::Limit;
use crate::statement::{
    ActionSet, Effect, NonEmpty, Principal, PrincipalSet, Principals, ResourcePattern, Sid, Statement, Target,
};

/// Generates the inline policy of the lifecycle policy's role: it takes snapshots of the volumes that bear the stack's tag of
/// them, and deletes no snapshot but those that bear the stack's tag, which each of its own gets.
///
/// The tags of a snapshot are set in whatever call the service chooses, so that no condition narrows `TagSnapshots`. AWS's own
/// policy for that service lets it delete any snapshot of the account.
///
/// # Errors
/// When a field of the scope is malformed.
pub fn lifecycle_policy_document(scope: &LifecycleScope) -> Result<Document, ScopeError> {
    check::lifecycle(scope)?;
    let place = Place {
        partition: scope.partition,
        region: &scope.region,
        account: &scope.account,
    };
    let snapshots = || Ok::<_, ScopeError>(vec![place.snapshots()?]);
    let marked = Conditions::none().when(
        Comparison::StringEquals,
        &format!("aws:ResourceTag/{TAG_SNAPSHOTS}"),
        &scope.stack,
    );
    let describe = ["ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeInstances"];
    let statements = [
        allow(
            "LookForSnapshots",
            &describe,
            vec![ResourcePattern::Any],
            in_region(&scope.region),
        ),
        allow(
            "SnapshotOfMarkedVolume",
            &["ec2:CreateSnapshot"],
            vec![place.ec2("volume/*")?],
            marked,
        ),
        allow("NewSnapshot", &["ec2:CreateSnapshot"], snapshots()?, Conditions::none()),
        allow("TagSnapshots", &["ec2:CreateTags"], snapshots()?, Conditions::none()),
        allow(
            "DeleteOwnSnapshots",
            &["ec2:DeleteSnapshot"],
            snapshots()?,
            // The ARN of a snapshot names no account.
            owned(&scope.stack).when(Comparison::StringEquals, "ec2:Owner", &scope.account),
        ),
    ];
    finish(statements.into_iter().flatten().collect(), Limit::RoleInline)
}

/// Generates the trust policy of that role: Data Lifecycle Manager alone may take it, for a policy of this account and Region.
///
/// # Errors
/// When a field of the scope is malformed.
pub fn lifecycle_trust_policy(scope: &LifecycleScope) -> Result<Document, ScopeError> {
    check::lifecycle(scope)?;
    let place = Place {
        partition: scope.partition,
        region: &scope.region,
        account: &scope.account,
    };
    let policies = place.lifecycle_policies()?;
    let conditions = Conditions::none()
        .when(Comparison::StringEquals, "aws:SourceAccount", &scope.account)
        .when(Comparison::ArnLike, "aws:SourceArn", policies.as_str());
    let principal = Principal::Service(SERVICE.to_owned());
    Ok(Document::new(vec![Statement {
        sid: Some(Sid::of_our_own("DlmTakesTheRole")),
        effect: Effect::Allow,
        actions: ActionSet::Action(NonEmpty::one(ActionPattern::of_our_own("sts:AssumeRole"))),
        target: Target::Trust(PrincipalSet::Principal(Principals::Named(NonEmpty::one(principal)))),
        conditions,
    }]))
}

/// The name by which Data Lifecycle Manager takes a role.
///
/// Source: Amazon EBS User Guide, "IAM service roles": one name in every partition.
pub(crate) const SERVICE: &str = "dlm.amazonaws.com";
