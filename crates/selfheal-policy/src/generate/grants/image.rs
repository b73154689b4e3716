//! The image, and the parameter that names it.

use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::Conditions;
use crate::purpose::Purpose;

/// Every command but a destroy looks the image up.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    match grants.purpose {
        Purpose::Plan | Purpose::Apply | Purpose::Status | Purpose::Resume => {
            grants.look(When::ForCommand, &["ec2:DescribeImages"])?;
            names(grants)
        }
        _ => Ok(()),
    }
}

/// Resolves an image's name: a public parameter, or the user's own.
///
/// AWS's own parameters belong to no account in their ARN, and no account can make one of such a name. The second
/// spelling is for linters that ask for an account.
fn names(grants: &mut OperatorGrants<'_>) -> Granted {
    let place = grants.place;
    let mut parameters = vec![
        place.parameter("", "aws/service/*")?,
        place.parameter(place.account, "aws/service/*")?,
    ];
    let own = grants.scope.image_parameter.as_ref();
    if let Some(path) = own.filter(|path| !path.starts_with("/aws/service/")) {
        parameters.push(place.parameter(place.account, path)?);
    }
    let read = ["ssm:GetParameter"];
    grants.allow(Operator::ReadImageNames, &read, parameters, Conditions::none());
    Ok(())
}
