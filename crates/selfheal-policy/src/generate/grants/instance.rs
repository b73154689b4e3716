//! The instance and its type.

use super::super::collect::{Granted, OperatorGrants, When};
use crate::purpose::Purpose;

/// Who plans asks first whether EC2 offers the type; a status and a destroy read the instance. None makes or ends one.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let calls: &[&str] = match grants.purpose {
        Purpose::Plan | Purpose::Apply => &["ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings"],
        Purpose::Status | Purpose::Destroy => &["ec2:DescribeInstances"],
        Purpose::Resume | Purpose::Sleep => return Ok(()),
    };
    grants.look(When::ForCommand, calls)
}
