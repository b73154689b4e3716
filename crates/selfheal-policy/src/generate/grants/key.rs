//! The customer's key that encrypts the data volume.

use super::super::build::{given, via_services};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::statements::InstanceStatement as Instance;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions, Operator as Asks};
use crate::partition::Partition;
use crate::purpose::Purpose;

/// Asks that a service of AWS's uses the key for the caller.
fn via(partition: Partition, region: &str, services: &[&str]) -> Conditions {
    let names = via_services(partition, region, services);
    Conditions::none().with(Asks::new(Comparison::StringEquals), "kms:ViaService", names)
}

/// Asks that the key is granted to a service of AWS's and to nobody else.
fn for_aws(conditions: Conditions) -> Conditions {
    conditions.when(Comparison::Bool, "kms:GrantIsForAWSResource", "true")
}

/// The instance uses the key through EBS, for the volume.
///
/// Attaching an encrypted volume makes EC2 ask for a grant in the caller's name; `kms:GrantIsForAWSResource` keeps it
/// from being given to anybody else. Source: "How Amazon EBS encryption works" and "kms:ViaService".
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let scope = grants.scope;
    let Some(text) = scope.kms_key.as_ref().filter(|_| scope.volume_id.is_some()) else {
        return Ok(());
    };
    let ebs = via(scope.partition, &scope.region, &["ec2"]);
    let key = vec![given(text)?];
    grants.allow(Instance::DecryptWithTheKey, &["kms:Decrypt"], key.clone(), ebs.clone());
    grants.allow(Instance::GrantTheKeyToEbs, &["kms:CreateGrant"], key, for_aws(ebs));
    Ok(())
}

/// Who plans asks first by which key volumes are encrypted; an apply makes a volume under the key, through EC2 alone.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    match grants.purpose {
        Purpose::Plan => grants.look(When::ForCommand, &["ec2:GetEbsDefaultKmsKeyId"]),
        Purpose::Apply => {
            grants.look(When::ForCommand, &["ec2:GetEbsDefaultKmsKeyId"])?;
            encrypt(grants)
        }
        // What is copied is encrypted as its source is, and EBS asks for a grant to whoever attaches it.
        Purpose::Snapshot | Purpose::DrillRestore => encrypt(grants),
        _ => Ok(()),
    }
}

fn encrypt(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    let Some(text) = scope.kms_key.as_ref().filter(|_| scope.data_volume) else {
        return Ok(());
    };
    let ebs = via(scope.partition, &scope.region, &["ec2"]);
    let calls = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"];
    grants.allow(Operator::UseTheKey, &calls, vec![given(text)?], ebs.clone());
    let grant = ["kms:CreateGrant"];
    grants.allow(Operator::GrantTheKeyToEbs, &grant, vec![given(text)?], for_aws(ebs));
    Ok(())
}
