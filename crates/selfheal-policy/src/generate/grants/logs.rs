//! The log group that the instance writes to.

use super::super::collect::{Granted, InstanceGrants};
use super::super::statements::InstanceStatement as Instance;
use crate::condition::Conditions;

/// The instance makes streams in the group and writes them.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let Some(group) = &grants.scope.log_group else {
        return Ok(());
    };
    let streams = vec![grants.place.log_streams(group)?];
    let calls = ["logs:CreateLogStream", "logs:PutLogEvents"];
    grants.allow(Instance::LogStreams, &calls, streams, Conditions::none());
    Ok(())
}
