//! The instance and its type.

use super::super::build::owned;
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::purpose::Purpose;

/// Who plans asks first whether EC2 offers the type; a status and a destroy read the instance, and who reads logs its console
/// as well; a doctor counts what runs. None makes or ends one.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let calls: &[&str] = match grants.purpose {
        Purpose::Plan | Purpose::Apply => &["ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings"],
        Purpose::Status | Purpose::Destroy | Purpose::Snapshot | Purpose::Restore | Purpose::Doctor => {
            &["ec2:DescribeInstances"]
        }
        Purpose::Logs => {
            let instances = vec![grants.place.ec2("instance/*")?];
            let own = owned(&grants.scope.stack);
            grants.allow(Operator::ReadConsole, &["ec2:GetConsoleOutput"], instances, own);
            &["ec2:DescribeInstances"]
        }
        _ => return Ok(()),
    };
    grants.look(When::ForCommand, calls)
}
