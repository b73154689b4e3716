//! What a launch needs: where, of what type, from which image, by which key.

use super::{Check, CheckCode, Facts, Read, Reading};
use crate::existing::existing;

pub(super) fn network(read: &Read<'_>) -> Check {
    let code = CheckCode::Network;
    read.unless_refused(code, || match existing(read.spec, read.observed).subnet {
        Some(subnet) => Check::well(
            code,
            format!("the subnet {} of {} in {}", subnet.id, subnet.vpc_id, subnet.zone),
        ),
        None => Check::unknown(code, "no subnet was read", "aws ec2 describe-subnets"),
    })
}

pub(super) fn route(facts: &Facts) -> Option<Check> {
    let code = CheckCode::Route;
    let route = match &facts.route {
        Reading::NotAsked => return None,
        Reading::Unknown(why) => return Some(Check::unknown(code, why, "aws ec2 describe-route-tables")),
        Reading::Told(route) => route,
    };
    let mend = "choose another `instance.subnet`, or give its route table a way out: aws ec2 create-route --route-table-id \
                rtb-… --destination-cidr-block 0.0.0.0/0 --gateway-id igw-…";
    Some(match &route.target {
        Some(target) if target.starts_with("igw-") => {
            Check::well(code, format!("{} leads to {target}", route.subnet_id))
        }
        Some(target) => Check::fails(
            code,
            format!(
                "{} sends what leaves it to {target}, and not to an internet gateway",
                route.subnet_id
            ),
            mend,
        ),
        None => Check::fails(
            code,
            format!(
                "{} has no route out: an instance there reaches AWS through VPC endpoints alone",
                route.subnet_id
            ),
            mend,
        ),
    })
}

pub(super) fn instance_type(read: &Read<'_>) -> Check {
    let code = CheckCode::InstanceType;
    read.unless_refused(code, || {
        let types = &read.observed.instance_types;
        if types.is_empty() {
            let names: Vec<&str> = read.spec.instance.types().map(String::as_str).collect();
            let ask = "aws ec2 describe-instance-type-offerings --location-type availability-zone --filters \
                       Name=instance-type,Values=";
            return Check::unknown(
                code,
                "the types were not asked for",
                format!("{ask}{}", names.join(",")),
            );
        }
        let each = types
            .iter()
            .map(|kind| format!("{} in {}", kind.name, kind.zones.join(", ")));
        Check::well(code, format!("EC2 offers {}", each.collect::<Vec<_>>().join("; ")))
    })
}

pub(super) fn image(read: &Read<'_>) -> Check {
    let code = CheckCode::Image;
    read.unless_refused(code, || match &read.observed.image {
        Some(image) => {
            let architecture = image
                .architecture
                .as_deref()
                .unwrap_or("an architecture that is not told");
            Check::well(code, format!("{} for {architecture}", image.id))
        }
        None => Check::unknown(code, "the image was not read", "aws ec2 describe-images"),
    })
}

/// What a key lets whom do, KMS alone knows, which is not asked: so keys of a customer's are never told to be well.
pub(super) fn key(read: &Read<'_>) -> Check {
    let code = CheckCode::Key;
    read.unless_refused(code, || {
        let data = read.spec.data.as_ref();
        let named = data.and_then(|data| data.kms_key.as_ref());
        let default = read.observed.default_key.as_ref();
        let mut keys: Vec<&String> = named
            .into_iter()
            .chain(read.spec.instance.kms_key.as_ref())
            .chain(default)
            .collect();
        keys.dedup();
        match keys.as_slice() {
            [] => Check::well(code, "AWS's own key, which needs no rights"),
            keys => {
                let each: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
                Check::unknown(
                    code,
                    format!(
                        "whether {} is enabled, and lets the operator and the role AWSServiceRoleForAutoScaling use it and grant \
                         its use, KMS alone tells",
                        each.join(" and ")
                    ),
                    format!(
                        "aws kms describe-key --key-id {0}; aws kms get-key-policy --key-id {0}",
                        each[0]
                    ),
                )
            }
        }
    })
}
