//! The instance and its type.

use super::super::build::{only, owned};
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::names::TAG_REQUEST;
use super::super::statements::OperatorStatement as Operator;
use crate::purpose::Purpose;

/// Who plans asks first whether EC2 offers the type; a status and a destroy read the instance, and who reads logs its console
/// as well; a doctor counts what runs; a request is a tag of it. None makes or ends one.
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
        // One tag and no other: whoever may tag the instance as he likes could make it another stack's.
        Purpose::Request | Purpose::Drill | Purpose::DrillRestore => {
            let instances = vec![grants.place.ec2("instance/*")?];
            let one = only(owned(&grants.scope.stack), "aws:TagKeys", &[TAG_REQUEST]);
            grants.allow(Operator::AskInstance, &["ec2:CreateTags"], instances, one);
            return Ok(());
        }
        _ => return Ok(()),
    };
    grants.look(When::ForCommand, calls)
}
