//! The bundle: what does not fit into user data, in parameters of Parameter Store.

use super::super::collect::{Granted, InstanceGrants, OperatorGrants};
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::Conditions;
use crate::purpose::Purpose;

/// The instance reads the bundle that its user data name, by its path: that of a bundle is below that of all.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let Some(path) = &scope.bundle_path else {
        return Ok(());
    };
    let each = vec![place.parameter(place.account, &format!("{path}/*"))?];
    grants.allow(Instance::Bundle, &["ssm:GetParametersByPath"], each, Conditions::none());
    Ok(())
}

/// What compares the stack with its spec reads the bundle, apply writes it and destroy deletes it.
///
/// The names are the stack's own, so that no condition narrows it further.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    if !scope.bundle {
        return Ok(());
    }
    let mut calls = vec!["ssm:GetParametersByPath"];
    match grants.purpose {
        Purpose::Plan | Purpose::Status => {}
        Purpose::Apply => calls.push("ssm:PutParameter"),
        Purpose::Destroy => calls.push("ssm:DeleteParameters"),
        _ => return Ok(()),
    }
    let (place, path) = (grants.place, format!("/selfheal/{}/bundle", scope.stack));
    let mut paths = vec![place.parameter(place.account, &format!("{path}/*"))?];
    if grants.purpose == Purpose::Destroy {
        // All bundles at once, by the path that they have in common.
        paths.insert(0, place.parameter(place.account, &path)?);
    }
    grants.allow(Operator::TheBundle, &calls, paths, Conditions::none());
    Ok(())
}
