//! The metadata of an instance of moto's.

use crate::fake::call::INSTANCE_KEY;
use crate::fake::inventory::{self, Instance};
use crate::imds::{Live, Tree};
use crate::world::World;

/// The one network interface's hardware address.
const MAC: &str = "02:00:00:00:00:01";

/// What the metadata service tells an instance when it is launched.
pub fn of(world: &World, instance: &Instance) -> Tree {
    let document = serde_json::json!({
        "instanceId": instance.id, "region": world.region(), "availabilityZone": instance.zone,
        "accountId": "123456789012", "privateIp": instance.private_ip,
    });
    let values = [
        ("meta-data/instance-id", instance.id.clone()),
        ("meta-data/placement/region", world.region().to_owned()),
        ("meta-data/placement/availability-zone", instance.zone.clone()),
        ("meta-data/local-ipv4", instance.private_ip.clone()),
        ("meta-data/mac", MAC.to_owned()),
        ("meta-data/autoscaling/target-lifecycle-state", "InService".to_owned()),
        ("dynamic/instance-identity/document", document.to_string()),
    ];
    let role = format!("meta-data/iam/security-credentials/{}", world.role());
    let interface = format!("meta-data/network/interfaces/macs/{MAC}/interface-id");
    values
        .into_iter()
        .map(|(path, value)| (path.to_owned(), value))
        .chain([(role, credentials()), (interface, instance.interface_id.clone())])
        .map(|(path, value)| (path, value.into_bytes()))
        .collect()
}

/// Answers what changes: the instance's Elastic IP and its tags in moto's world.
pub fn live(world: &World, instance: &Instance) -> Live {
    let (aws, id) = (world.aws().clone(), instance.id.clone());
    let of_interface = format!("meta-data/network/interfaces/macs/{MAC}/public-ipv4s");
    Box::new(move |path| {
        if let Some(key) = path.strip_prefix("meta-data/tags/instance/") {
            let instances = inventory::instances(&aws).ok()?;
            let instance = instances.into_iter().find(|instance| instance.id == id)?;
            return instance.tags.get(key).cloned();
        }
        if path != "meta-data/public-ipv4" && path != of_interface {
            return None;
        }
        let xml = aws.ec2("DescribeAddresses", &[]).ok()?;
        let addresses = inventory::addresses_in(&xml).ok()?;
        let address = addresses.into_iter().find(|address| address.instance_id == id);
        address.map(|address| address.public_ip)
    })
}

/// Credentials that open nothing.
fn credentials() -> String {
    serde_json::json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": INSTANCE_KEY, "SecretAccessKey": "example-of-a-secret", "Token": "example-of-a-session-token",
        "Expiration": "2099-01-01T00:00:00Z",
    })
    .to_string()
}
