//! The parameters of the app in Parameter Store.

use super::super::collect::{Granted, InstanceGrants};
use super::super::statements::InstanceStatement as Instance;
use crate::condition::Conditions;

/// The instance reads below one path. The path itself is the resource of GetParametersByPath, and names no parameter.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let Some(path) = &scope.parameter_path else {
        return Ok(());
    };
    let itself = vec![place.parameter(place.account, path)?];
    let below = vec![place.parameter(place.account, &format!("{path}/*"))?];
    let (list, read) = ("ssm:GetParametersByPath", "ssm:GetParameter");
    grants.allow(Instance::ParameterPath, &[list], itself, Conditions::none());
    grants.allow(Instance::ParametersBelow, &[read, list], below, Conditions::none());
    Ok(())
}
