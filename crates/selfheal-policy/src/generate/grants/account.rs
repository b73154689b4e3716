//! The account: whose it is, how many addresses it may hold, what its doctor asks, and what a newcomer is offered.

use super::super::build::given;
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

/// Every command but `config` checks the account. Whoever allocates an address looks first whether the account may hold another.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.ask(When::Always, &["sts:GetCallerIdentity"])?;
    let looks = matches!(grants.purpose, Purpose::Plan | Purpose::Apply | Purpose::Status);
    if looks && grants.scope.allocation_id.is_none() {
        grants.look(When::WhereAsked, &["ec2:DescribeAccountAttributes"])?;
    }
    if grants.purpose == Purpose::Doctor {
        diagnose(grants)?;
    }
    if grants.purpose == Purpose::Init {
        offer(grants)?;
    }
    Ok(())
}

/// Who writes a first spec is shown what the account has, and none of these calls can be narrowed but to the Region.
fn offer(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.ask(When::ForCommand, &["route53:ListHostedZones"])?;
    grants.look(
        When::ForCommand,
        &[
            "ec2:DescribeRegions",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeAddresses",
            "ec2:DescribeVolumes",
            "ec2:DescribeInstances",
        ],
    )
}

/// A doctor reads what EC2 allows the account, and asks IAM what the one who asks may do, and nobody else.
fn diagnose(grants: &mut OperatorGrants<'_>) -> Granted {
    let quotas = vec![grants.place.quotas("ec2")?];
    grants.allow(
        Operator::ReadQuotas,
        &["servicequotas:GetServiceQuota"],
        quotas,
        Conditions::none().when(Comparison::StringEquals, "servicequotas:service", "ec2"),
    );
    grants.look(When::ForCommand, &["servicequotas:GetAWSDefaultServiceQuota"])?;
    if let Some(principal) = &grants.scope.principal {
        let oneself = vec![given(principal)?];
        let ask = ["iam:SimulatePrincipalPolicy"];
        grants.allow(Operator::AskWhatIMayDo, &ask, oneself, Conditions::none());
    }
    Ok(())
}
