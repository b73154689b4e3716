//! The instance type: whether EC2 offers it where the instance is to be, and whether it can do what the spec asks of it.

use super::builder::Builder;
use crate::spec::Architecture;
use crate::world::{InstanceType, InstanceTypeDetails, Subnet};

/// Refuses a type that does not exist, and one on which a data volume cannot be told by its id.
pub(super) fn check(builder: &mut Builder<'_>) {
    let Some(kind) = known(builder) else { return };
    let region = &builder.spec.region;
    let Some(details) = &kind.details else {
        builder.refuse(
            "type-unknown",
            format!("EC2 offers no instance type `{}` in {region}", kind.name),
            "check `instance.type`: not every Region has every type",
        );
        return;
    };
    if builder.spec.data.is_some() && details.nvme == "unsupported" {
        builder.refuse(
            "type-without-nvme",
            format!(
                "{} has no NVMe, and without it an instance cannot tell the data volume by its id",
                kind.name
            ),
            "choose a type of the Nitro generation, such as t3, t4g or m7g",
        );
    }
}

/// Refuses a zone in which EC2 does not offer the type.
pub(super) fn check_zone(builder: &mut Builder<'_>, subnet: &Subnet) {
    if offers(builder, &subnet.zone) != Some(false) {
        return;
    }
    // A type that is offered nowhere has been refused already.
    let Some(kind) = known(builder).filter(|kind| kind.details.is_some()) else {
        return;
    };
    let held = super::volume::choose(builder)
        .volume()
        .filter(|volume| builder.spec.data.is_some() && volume.zone == subnet.zone)
        .map(|volume| format!(", where the data volume {} is", volume.id))
        .unwrap_or_default();
    let help = match kind.zones[..] {
        [] => "choose another `instance.type`".to_owned(),
        _ => format!(
            "choose another `instance.type`, or a subnet in a zone that offers it ({}); a volume cannot leave its zone",
            kind.zones.join(", ")
        ),
    };
    builder.refuse(
        "type-not-offered",
        format!("EC2 does not offer {} in {}{held}", kind.name, subnet.zone),
        help,
    );
}

/// Whether a zone offers the spec's type; `None` where that was not read.
pub(super) fn offers(builder: &Builder<'_>, zone: &str) -> Option<bool> {
    known(builder).map(|kind| kind.zones.iter().any(|offered| offered == zone))
}

/// Whether a zone is one of the Region's own: Local and Wavelength Zones lie in other cities, and have fewer services.
///
/// Source: EC2 user guide, "Regions and Zones": an Availability Zone is the Region and a letter, a Local Zone is
/// `us-west-2-lax-1a`.
pub(super) fn is_availability_zone(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region)
        .is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// What the spec's type can do, where it was read.
pub(super) fn details<'a>(builder: &Builder<'a>) -> Option<&'a InstanceTypeDetails> {
    known(builder).and_then(|kind| kind.details.as_ref())
}

/// The architectures of the spec's type: those that EC2 tells, or else the one that its name tells; empty where neither does.
pub(super) fn architectures(builder: &Builder<'_>) -> Vec<String> {
    if let Some(details) = details(builder) {
        return details.architectures.clone();
    }
    Architecture::of_instance_type(&builder.spec.instance.instance_type)
        .map(|architecture| architecture.to_string())
        .into_iter()
        .collect()
}

fn known<'a>(builder: &Builder<'a>) -> Option<&'a InstanceType> {
    let wanted = &builder.spec.instance.instance_type;
    builder
        .observed
        .instance_type
        .as_ref()
        .filter(|kind| kind.name == *wanted)
}

/// Tells that nobody reaches an address in a subnet that has no way out by an internet gateway.
pub(super) fn tell_route(builder: &mut Builder<'_>, subnet: &Subnet) {
    let Some(route) = builder
        .observed
        .default_route
        .as_ref()
        .filter(|route| route.subnet_id == subnet.id)
    else {
        return;
    };
    let message = match &route.target {
        Some(target) if target.starts_with("igw-") => return,
        Some(target) => format!(
            "the subnet {} sends what leaves it to {target} and not to an internet gateway: nobody reaches the Elastic \
             IP there",
            subnet.id
        ),
        None => format!(
            "the subnet {} has no route out: an instance there reaches AWS through VPC endpoints alone, and nobody \
             reaches the Elastic IP",
            subnet.id
        ),
    };
    builder.note("subnet-without-route", message);
}
