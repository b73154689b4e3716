//! The log group, and the streams that the instance writes to it.

use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::Conditions;
use crate::purpose::Purpose;

/// The instance makes streams in the group and writes them.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let Some(group) = &grants.scope.log_group else {
        return Ok(());
    };
    let streams = vec![grants.place.log_group(&format!("{group}:log-stream:*"))?];
    let calls = ["logs:CreateLogStream", "logs:PutLogEvents"];
    grants.allow(Instance::LogStreams, &calls, streams, Conditions::none());
    Ok(())
}

/// Every command finds the group and reads its tags; an apply makes it and sets its retention, and a destroy deletes it. Who
/// reads logs does nothing else.
///
/// Its name is the stack's own, so that no condition narrows it further. AWS judges some calls by the group's ARN and others
/// by the same with `:*` behind it, which a policy has to allow both.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    if !scope.logs {
        return Ok(());
    }
    let mut calls = match grants.purpose {
        Purpose::Logs => vec!["logs:FilterLogEvents"],
        _ => {
            grants.look(When::WhereAsked, &["logs:DescribeLogGroups"])?;
            vec!["logs:ListTagsForResource"]
        }
    };
    match grants.purpose {
        Purpose::Apply => calls.extend(["logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy"]),
        Purpose::Destroy => calls.push("logs:DeleteLogGroup"),
        _ => {}
    }
    let name = format!("/selfheal/{}", scope.stack);
    let group = vec![
        grants.place.log_group(&name)?,
        grants.place.log_group(&format!("{name}:*"))?,
    ];
    grants.allow(Operator::TheLogGroup, &calls, group, Conditions::none());
    Ok(())
}
