//! The Elastic IP.

use super::super::build::{of_ours, only, owned, tagged};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::error::ScopeError;
use super::super::names::{DRILL_KEYS, RECORD_KEYS, RESOURCE_TAG_KEYS};
use super::super::statements::InstanceStatement as Instance;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

const ASSOCIATE: &str = "ec2:AssociateAddress";
const DISASSOCIATE: &str = "ec2:DisassociateAddress";

/// The instance takes the address, gives it up, and reads the association back.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let address = place.ec2(&format!("elastic-ip/{}", scope.allocation_id))?;
    let (key, network) = match (&scope.subnet_id, &scope.vpc_id) {
        (Some(subnet), _) => ("ec2:Subnet", place.ec2(&format!("subnet/{subnet}"))?),
        (None, Some(vpc)) => ("ec2:Vpc", place.ec2(&format!("vpc/{vpc}"))?),
        (None, None) => {
            let reason = "network interfaces are narrowed by the subnet or the VPC";
            return Err(ScopeError::Missing {
                field: "subnet_id",
                reason,
            });
        }
    };
    let (instances, interfaces) = (place.ec2("instance/*")?, place.ec2("network-interface/*")?);
    let near = owned(&scope.stack).when(Comparison::ArnEquals, key, network.as_str());
    let both = [ASSOCIATE, DISASSOCIATE];
    grants.allow(Instance::TheAddress, &both, vec![address], Conditions::none());
    let ours = of_ours(scope);
    grants.allow(Instance::AddressToOwnInstances, &[ASSOCIATE], vec![instances], ours);
    grants.allow(Instance::AddressToOwnInterfaces, &both, vec![interfaces], near);
    grants.only_itself(When::Always, &[ASSOCIATE]);
    grants.look(When::Always, &["ec2:DescribeAddresses"]);
    Ok(())
}

/// Every command finds the address; an apply allocates or adopts it; a destroy frees and releases it.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.look(When::Always, &["ec2:DescribeAddresses"])?;
    match grants.purpose {
        Purpose::Apply => match &grants.scope.allocation_id {
            None => {
                grants.create(When::WhereAsked, "ec2:AllocateAddress", &["elastic-ip/*"])?;
                grants.tag_on_create(When::WhereAsked, "AllocateAddress", &["elastic-ip/*"])
            }
            Some(allocation) => adopt(grants, allocation),
        },
        Purpose::Destroy => release(grants),
        Purpose::Drill | Purpose::DrillRestore => note_drill(grants),
        _ => Ok(()),
    }
}

/// Lets the result of a drill be kept on the address, which may be one that the spec names.
fn note_drill(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, stack) = (grants.place, &grants.scope.stack);
    let addresses = place.ec2_all(&["elastic-ip/*"])?;
    let one = only(owned(stack), "aws:TagKeys", &DRILL_KEYS);
    grants.allow(Operator::NoteDrill, &["ec2:CreateTags"], addresses, one);
    Ok(())
}

/// Lets an existing address be marked as the stack's, with our tags and no other; `Name` only where it has none.
fn adopt(grants: &mut OperatorGrants<'_>, allocation: &str) -> Granted {
    let address = grants.place.ec2(&format!("elastic-ip/{allocation}"))?;
    let mut keys = RESOURCE_TAG_KEYS.to_vec();
    if grants.scope.record_name.is_some() {
        keys.extend(RECORD_KEYS);
    }
    let conditions = only(tagged(&grants.scope.stack), "aws:TagKeys", &keys);
    grants.allow(Operator::AdoptAddress, &["ec2:CreateTags"], vec![address], conditions);
    Ok(())
}

/// Frees the address and releases it, the latter in a statement of its own that can be struck.
fn release(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, stack) = (grants.place, &grants.scope.stack);
    let (free, release) = ([DISASSOCIATE], ["ec2:ReleaseAddress"]);
    match &grants.scope.allocation_id {
        None => {
            let both = place.ec2_all(&["elastic-ip/*", "network-interface/*"])?;
            let addresses = place.ec2_all(&["elastic-ip/*"])?;
            grants.allow(Operator::FreeAddress, &free, both, owned(stack));
            grants.allow(Operator::ReleaseAddress, &release, addresses, owned(stack));
        }
        Some(allocation) => {
            let address = vec![place.ec2(&format!("elastic-ip/{allocation}"))?];
            let interfaces = place.ec2_all(&["network-interface/*"])?;
            grants.allow(Operator::FreeAddress, &free, address.clone(), Conditions::none());
            grants.allow(Operator::FreeInterfaces, &free, interfaces, owned(stack));
            grants.allow(Operator::ReleaseAddress, &release, address, Conditions::none());
        }
    }
    Ok(())
}
