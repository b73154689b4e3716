//! The account: whose it is, and how many addresses it may hold.

use super::super::collect::{Granted, OperatorGrants, When};
use crate::purpose::Purpose;

/// Every command checks the account. Whoever allocates an address looks first whether the account may hold another.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.ask(When::Always, &["sts:GetCallerIdentity"])?;
    let looks = match grants.purpose {
        Purpose::Plan | Purpose::Apply | Purpose::Status => true,
        Purpose::Destroy | Purpose::Resume | Purpose::Sleep => false,
    };
    if looks && grants.scope.allocation_id.is_none() {
        grants.look(When::WhereAsked, &["ec2:DescribeAccountAttributes"])?;
    }
    Ok(())
}
