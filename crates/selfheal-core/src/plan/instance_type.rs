//! The instance type: whether EC2 offers it where the instance is to be, and whether it can do what the spec asks of it.

use super::builder::Builder;
use crate::existing::instance_type::{known, offers};
use crate::existing::volume;
use crate::world::Subnet;

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
    let held = volume::choose(builder)
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
