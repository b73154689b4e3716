//! Session Manager.

use super::super::build::in_region;
use super::super::collect::{Granted, InstanceGrants};
use super::super::statements::InstanceStatement as Instance;
use crate::condition::{Comparison, Conditions};
use crate::statement::ResourcePattern;

/// The instance does Session Manager's minimum. AmazonSSMManagedInstanceCore would also allow to read every parameter.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let scope = grants.scope;
    if !scope.session_manager {
        return Ok(());
    }
    let instances = grants.place.ec2("instance/*")?;
    let by_one =
        |conditions: Conditions| conditions.when(Comparison::ArnLike, "ec2:SourceInstanceARN", instances.as_str());
    let control = ["ssmmessages:CreateControlChannel"];
    let channels = [
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    let any = || vec![ResourcePattern::Any];
    let (here, from_here) = (in_region(&scope.region), by_one(Conditions::none()));
    grants.allow(Instance::SessionControl, &control, any(), by_one(here.clone()));
    grants.allow(Instance::SessionChannels, &channels, any(), here);
    let register = ["ssm:UpdateInstanceInformation"];
    grants.allow(Instance::SessionRegistration, &register, vec![instances], from_here);
    Ok(())
}
