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
        Purpose::Apply => make(grants),
        Purpose::Destroy => {
            let calls = [
                "iam:RemoveRoleFromInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
            ];
            let all = all(grants)?;
            grants.allow(Operator::RemoveIdentity, &calls, all, Conditions::none());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The stack's roles and its instance profile.
fn all(grants: &OperatorGrants<'_>) -> Result<Vec<ResourcePattern>, ScopeError> {
    let (place, scope) = (grants.place, grants.scope);
    let mut all = roles(grants)?;
    all.insert(1, place.profile(&scope.profile_name)?);
    Ok(all)
}

/// The instance's role and, where the stack has one, that of its lifecycle policy.
fn roles(grants: &OperatorGrants<'_>) -> Result<Vec<ResourcePattern>, ScopeError> {
    let (place, scope) = (grants.place, grants.scope);
    let mut roles = vec![place.role(&scope.role_name)?];
    if scope.snapshots {
        roles.push(place.role(&scope.snapshot_role_name)?);
    }
    Ok(roles)
}

/// Reads the role and its profile, whether they exist or not.
///
/// IAM judges a read of a name that does not exist without any path, and would answer `AccessDenied` in place of
/// `NoSuchEntity` to a policy that names the path alone (aws-parallelcluster#5837). Names are unique whatever their path, so
/// the second spelling lets nothing else be read than what somebody else has made under our names, which a plan must see.
fn read(grants: &mut OperatorGrants<'_>) -> Granted {
    let mut calls = vec!["iam:GetRole", "iam:GetRolePolicy", "iam:GetInstanceProfile"];
    let scope = grants.scope;
    let mut identity = grants.place.identity_to_read(&scope.role_name, &scope.profile_name)?;
    if grants.purpose == Purpose::Destroy {
        // Who else uses the instance's role: nobody else has a use for that of a lifecycle policy.
        let list = ["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"];
        let role = grants.place.role_to_read(&scope.role_name)?;
        grants.allow(Operator::ListGrants, &list, role, Conditions::none());
    }
    if grants.purpose == Purpose::Snapshot {
        // The role's policy alone tells which volume is the stack's.
        calls.truncate(2);
        identity.truncate(2);
    } else if scope.snapshots && grants.purpose != Purpose::Resume {
        identity.extend(grants.place.role_to_read(&scope.snapshot_role_name)?);
    }
    grants.allow(Operator::ReadIdentity, &calls, identity, Conditions::none());
    Ok(())
}

/// Makes the role and its instance profile, and hands the role to EC2.
///
/// Where the role must have a boundary, nothing makes it, widens its policy or changes the boundary without that one.
fn make(grants: &mut OperatorGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let (role, roles) = (vec![place.role(&scope.role_name)?], roles(grants)?);
    let mut create = vec!["iam:TagRole", "iam:CreateInstanceProfile", "iam:TagInstanceProfile"];
    let mut change = vec!["iam:UpdateAssumeRolePolicy", "iam:AddRoleToInstanceProfile"];
    if scope.app_policy || scope.snapshots {
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
            grants.allow(Operator::CreateWithBoundary, &make, roles.clone(), made);
            grants.allow(Operator::ChangeWithinBoundary, &write, roles, written);
        }
    }
    let all = all(grants)?;
    grants.allow(Operator::CreateIdentity, &create, all.clone(), tagged(&scope.stack));
    grants.allow(Operator::ChangeIdentity, &change, all, Conditions::none());
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
