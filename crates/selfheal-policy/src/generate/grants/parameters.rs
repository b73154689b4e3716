//! The parameters of the app's configuration in Parameter Store, and the customer's key that encrypts the secrets among them.

use super::super::build::{Place, given, via_services};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants};
use super::super::error::ScopeError;
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::{Comparison, Conditions, Operator as Asks};
use crate::purpose::Purpose;

/// The instance reads all below one path.
///
/// AWS judges GetParametersByPath by the path alone, and asks for no right to the parameters below it. Source: Systems Manager
/// API reference, "GetParametersByPath".
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let Some(path) = &scope.parameter_path else {
        return Ok(());
    };
    let itself = vec![place.parameter(place.account, path)?];
    let list = ["ssm:GetParametersByPath"];
    grants.allow(Instance::ParameterPath, &list, itself, Conditions::none());
    if let Some(key) = &scope.parameter_key {
        let key = vec![given(key)?];
        let those = for_those(place, path)?;
        grants.allow(Instance::DecryptParameters, &["kms:Decrypt"], key, those);
    }
    Ok(())
}

/// `selfheal config` lists what is below the path, and reads, writes and deletes each of it.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let (Some(path), Purpose::Config) = (&scope.parameter_path, grants.purpose) else {
        return Ok(());
    };
    let itself = vec![place.parameter(place.account, path)?];
    let below = vec![place.parameter(place.account, &format!("{path}/*"))?];
    let each = ["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameters"];
    let list = ["ssm:GetParametersByPath"];
    grants.allow(Operator::ParameterPath, &list, itself, Conditions::none());
    grants.allow(Operator::TheParameters, &each, below, Conditions::none());
    if let Some(key) = &scope.parameter_key {
        let key = vec![given(key)?];
        let those = for_those(place, path)?;
        // A value of the tier Standard is encrypted under the key itself.
        let calls = ["kms:Decrypt", "kms:Encrypt"];
        grants.allow(Operator::EncryptParameters, &calls, key, those);
    }
    Ok(())
}

/// Asks that Parameter Store uses the key, and for a parameter below the path.
///
/// Source: Systems Manager user guide, "How AWS Systems Manager Parameter Store uses AWS KMS": the encryption context is the
/// ARN of the parameter.
fn for_those(place: Place<'_>, path: &str) -> Result<Conditions, ScopeError> {
    let names = via_services(place.partition, place.region, &["ssm"]);
    let below = place.parameter(place.account, &format!("{path}/*"))?.to_string();
    Ok(Conditions::none()
        .with(Asks::new(Comparison::StringEquals), "kms:ViaService", names)
        .when(Comparison::StringLike, "kms:EncryptionContext:PARAMETER_ARN", &below))
}
