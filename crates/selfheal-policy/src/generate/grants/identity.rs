//! The role and its instance profile.

use super::super::build::tagged;
use super::super::collect::{Granted, OperatorGrants};
use super::super::error::ScopeError;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions, Operator as Asks};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

/// The key that holds the boundary which a request sets, or which the role has.
const BOUNDARY: &str = "iam:PermissionsBoundary";

/// Every command reads the role and its profile; an apply makes and changes them; a destroy deletes them.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    read(grants)?;
    match grants.purpose {
        Purpose::Plan | Purpose::Status | Purpose::Resume | Purpose::Sleep => Ok(()),
        Purpose::Apply => make(grants),
        Purpose::Destroy => {
            let calls = [
                "iam:RemoveRoleFromInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
            ];
            let both = both(grants)?;
            grants.allow(Operator::RemoveIdentity, &calls, both, Conditions::none());
            Ok(())
        }
    }
}

/// The stack's role and its instance profile.
fn both(grants: &OperatorGrants<'_>) -> Result<Vec<ResourcePattern>, ScopeError> {
    let (place, scope) = (grants.place, grants.scope);
    Ok(vec![place.role(&scope.role_name)?, place.profile(&scope.profile_name)?])
}

/// Reads the role and its profile, whether they exist or not.
///
/// IAM judges a read of a name that does not exist without any path, and would answer `AccessDenied` in place of
/// `NoSuchEntity` to a policy that names the path alone (aws-parallelcluster#5837). Names are unique whatever their path, so
/// the second spelling lets nothing else be read than what somebody else has made under our names, which a plan must see.
fn read(grants: &mut OperatorGrants<'_>) -> Granted {
    let mut calls = vec!["iam:GetRole", "iam:GetRolePolicy", "iam:GetInstanceProfile"];
    if grants.purpose == Purpose::Destroy {
        calls.extend(["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]);
    }
    let scope = grants.scope;
    let identity = grants.place.identity_to_read(&scope.role_name, &scope.profile_name)?;
    grants.allow(Operator::ReadIdentity, &calls, identity, Conditions::none());
    Ok(())
}

/// Makes the role and its instance profile, and hands the role to EC2.
///
/// Where the role must have a boundary, nothing makes it, widens its policy or changes the boundary without that one.
fn make(grants: &mut OperatorGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let role = vec![place.role(&scope.role_name)?];
    let mut create = vec!["iam:TagRole", "iam:CreateInstanceProfile", "iam:TagInstanceProfile"];
    let mut change = vec!["iam:UpdateAssumeRolePolicy", "iam:AddRoleToInstanceProfile"];
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
            let (make, write) = (
                ["iam:CreateRole"],
                ["iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"],
            );
            let made = within(tagged(&scope.stack));
            let written = within(Conditions::none());
            grants.allow(Operator::CreateWithBoundary, &make, role.clone(), made);
            grants.allow(Operator::ChangeWithinBoundary, &write, role.clone(), written);
        }
    }
    let both = both(grants)?;
    grants.allow(Operator::CreateIdentity, &create, both.clone(), tagged(&scope.stack));
    grants.allow(Operator::ChangeIdentity, &change, both, Conditions::none());
    let passed = Conditions::none().with(
        Asks::new(Comparison::StringEquals),
        "iam:PassedToService",
        scope.partition.ec2_principals(),
    );
    grants.allow(Operator::PassRole, &["iam:PassRole"], role, passed);
    let service = "autoscaling.amazonaws.com";
    let for_autoscaling = Conditions::none().when(Comparison::StringEquals, "iam:AWSServiceName", service);
    let linked = vec![place.autoscaling_role()?];
    let link = ["iam:CreateServiceLinkedRole"];
    grants.allow(Operator::AutoScalingRole, &link, linked, for_autoscaling);
    Ok(())
}
