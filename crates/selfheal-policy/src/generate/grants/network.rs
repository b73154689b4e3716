//! The security group, and the subnet and VPC that it is made in.

use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

const GROUPS: &[&str] = &["security-group/*"];

/// Every command finds the security group and the subnet; an apply makes and changes the group; a destroy deletes it.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.look(When::Always, &["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets"])?;
    match grants.purpose {
        // Who plans asks first where the subnet leads.
        Purpose::Plan => grants.look(When::ForCommand, &["ec2:DescribeRouteTables"]),
        Purpose::Apply => {
            grants.look(When::ForCommand, &["ec2:DescribeRouteTables"])?;
            make(grants)
        }
        Purpose::Destroy => grants.remove(When::Always, "ec2:DeleteSecurityGroup", GROUPS),
        _ => Ok(()),
    }
}

fn make(grants: &mut OperatorGrants<'_>) -> Granted {
    let ports = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"];
    grants.create(When::Always, "ec2:CreateSecurityGroup", GROUPS)?;
    grants.change(When::Always, &ports, GROUPS)?;
    grants.tag_on_create(When::Always, "CreateSecurityGroup", GROUPS)?;
    let vpc = format!("vpc/{}", grants.scope.vpc_id.as_deref().unwrap_or("*"));
    // The key is there for a VPC alone, so the security group still needs the tag that `Create` asks for.
    let the_vpc = Conditions::none().when(Comparison::Null, "ec2:VpcID", "false");
    let in_vpc = grants.place.ec2_all(&[&vpc, "security-group/*"])?;
    grants.allow(Operator::CreateInVpc, &["ec2:CreateSecurityGroup"], in_vpc, the_vpc);
    Ok(())
}
