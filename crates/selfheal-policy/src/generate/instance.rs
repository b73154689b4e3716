//! What the instance may do.

use super::build::finish;
use super::check;
use super::collect::InstanceGrants;
use super::error::ScopeError;
use super::grants;
use super::scope::InstanceScope;
use crate::action::ActionPattern;
use crate::condition::Conditions;
use crate::document::Document;
use crate::limit::Limit;
use crate::partition::Partition;
use crate::statement::{ActionSet, Effect, NonEmpty, Principal, PrincipalSet, Principals, Sid, Statement, Target};

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
/// `change/*` stands for the changes of Route 53, of which no key tells whose they are; GetChange tells whether one is under way.
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
    let mut grants = InstanceGrants::new(scope);
    grants::instance(&mut grants)?;
    finish(grants.finish()?, Limit::RoleInline)
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
