//! EC2's application status check.

use super::super::build::owned;
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::purpose::Purpose;

const CHECKS: &[&str] = &["application-status-check/*"];

/// The instance reads what the check finds of it.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    if grants.scope.application_check {
        grants.look(When::WhereAsked, &["ec2:DescribeApplicationStatus"]);
    }
    Ok(())
}

/// Every command finds the check; an apply makes it, changes it, and deletes it once the spec does not ask for it any more.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    if !grants.scope.application_check {
        return Ok(());
    }
    grants.look(When::WhereAsked, &["ec2:DescribeApplicationStatusChecks"])?;
    match grants.purpose {
        Purpose::Status => grants.look(When::WhereAsked, &["ec2:DescribeApplicationStatus"]),
        Purpose::Apply => {
            grants.create(When::WhereAsked, "ec2:CreateApplicationStatusCheck", CHECKS)?;
            grants.tag_on_create(When::WhereAsked, "CreateApplicationStatusCheck", CHECKS)?;
            change(grants)
        }
        Purpose::Destroy => grants.remove(When::WhereAsked, "ec2:DeleteApplicationStatusCheck", CHECKS),
        _ => Ok(()),
    }
}

/// A statement of its own: a check can also name security groups, and no call of ours does.
fn change(grants: &mut OperatorGrants<'_>) -> Granted {
    let calls = [
        "ec2:AssociateApplicationStatusCheck",
        "ec2:ModifyApplicationStatusCheck",
        "ec2:DeleteApplicationStatusCheck",
    ];
    let checks = grants.place.ec2_all(CHECKS)?;
    grants.allow(Operator::ChangeCheck, &calls, checks, owned(&grants.scope.stack));
    Ok(())
}
