//! The lifecycle policy that takes snapshots of the data volume, and its role.

use super::super::build::{only, owned, tagged};
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::lifecycle::SERVICE;
use super::super::names::TAG_SNAPSHOTS;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

/// Every command that plans or tells of all of a stack finds the policy; an apply makes, changes and removes it, hands it its role, and
/// marks the volume that it is for; a destroy removes it. The role itself is granted with the instance's.
///
/// A listing takes no resource, and shows of others' policies what they are called and whether they act.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, scope, stack) = (grants.place, grants.scope, &grants.scope.stack);
    if !scope.snapshots || grants.purpose == Purpose::Resume {
        return Ok(());
    }
    grants.look(When::WhereAsked, &["dlm:GetLifecyclePolicies"])?;
    let policies = vec![place.lifecycle_policies()?];
    let mut calls = vec!["dlm:GetLifecyclePolicy"];
    match grants.purpose {
        Purpose::Apply => {
            calls.extend(["dlm:UpdateLifecyclePolicy", "dlm:DeleteLifecyclePolicy"]);
            let (make, tag) = (["dlm:CreateLifecyclePolicy"], ["dlm:TagResource"]);
            let any = vec![ResourcePattern::Any];
            let here = tagged(stack).when(Comparison::StringEquals, "aws:RequestedRegion", place.region);
            grants.allow(Operator::MakeLifecyclePolicy, &make, any, here);
            grants.allow(Operator::TagLifecyclePolicy, &tag, policies.clone(), tagged(stack));
            let passed = Conditions::none().when(Comparison::StringEquals, "iam:PassedToService", SERVICE);
            let role = vec![place.role(&scope.snapshot_role_name)?];
            grants.allow(Operator::PassSnapshotRole, &["iam:PassRole"], role.clone(), passed);
            grants.allow(
                Operator::RemoveSnapshotRole,
                &["iam:DeleteRole"],
                role,
                Conditions::none(),
            );
            let mark = only(owned(stack), "aws:TagKeys", &[TAG_SNAPSHOTS]);
            let volumes = vec![place.ec2("volume/*")?];
            grants.allow(Operator::MarkForSnapshots, &["ec2:CreateTags"], volumes, mark);
        }
        Purpose::Destroy => calls.push("dlm:DeleteLifecyclePolicy"),
        _ => {}
    }
    grants.allow(Operator::TheLifecyclePolicy, &calls, policies, owned(stack));
    Ok(())
}
