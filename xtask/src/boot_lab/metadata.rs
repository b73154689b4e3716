//! The metadata of an instance, as EC2 would tell it.

use crate::wire::Wire;
use selfheal_aws::sim::{InstanceRecord, Sim};

use super::identity::Identity;
use crate::error::{TaskError, TaskResult};
use crate::imds::Tree;

/// What the metadata service tells an instance when it is launched.
pub fn of(sim: &Sim, wire: &Wire, role: &str, record: &InstanceRecord, identity: &Identity) -> TaskResult<Tree> {
    let user_data = user_data_bytes(&record.data.user_data)?;
    let (ip, mac) = (identity.ip().to_string(), identity.mac());
    let host = format!("ip-{}.eu-west-1.compute.internal", ip.replace('.', "-"));
    let credentials = wire.issue(&record.id);
    let region = sim.inspect(|world| world.config.region.clone());
    let document = serde_json::json!({
        "instanceId": record.id, "region": region, "availabilityZone": record.zone,
        "instanceType": record.data.instance_type, "imageId": record.data.image_id, "privateIp": ip,
    });
    let interface = format!("meta-data/network/interfaces/macs/{mac}");
    let mut tree: Tree = [
        ("meta-data/instance-id".to_owned(), record.id.to_string()),
        ("meta-data/ami-id".to_owned(), record.data.image_id.to_string()),
        ("meta-data/instance-type".to_owned(), record.data.instance_type.clone()),
        ("meta-data/local-hostname".to_owned(), host.clone()),
        ("meta-data/hostname".to_owned(), host),
        ("meta-data/local-ipv4".to_owned(), ip.clone()),
        ("meta-data/mac".to_owned(), mac),
        ("meta-data/placement/availability-zone".to_owned(), record.zone.clone()),
        ("meta-data/placement/region".to_owned(), region),
        (
            format!("meta-data/iam/security-credentials/{role}"),
            credentials.document(),
        ),
        (format!("{interface}/device-number"), "0".to_owned()),
        (format!("{interface}/interface-id"), record.interface_id.to_string()),
        (format!("{interface}/local-ipv4s"), ip),
        (format!("{interface}/vpc-id"), record.vpc_id.to_string()),
        (format!("{interface}/subnet-id"), record.subnet_id.to_string()),
        ("dynamic/instance-identity/document".to_owned(), document.to_string()),
    ]
    .into_iter()
    .map(|(path, value)| (path, value.into_bytes()))
    .collect();
    tree.insert("user-data".to_owned(), user_data);
    Ok(tree)
}

/// User data as the metadata service serves it.
fn user_data_bytes(base64: &str) -> TaskResult<Vec<u8>> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
    bytes.map_err(|error| TaskError::malformed("the user data", error))
}
