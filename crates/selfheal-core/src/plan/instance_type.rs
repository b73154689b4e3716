//! The instance type: whether EC2 offers it where the instance is to be, and whether it can do what the spec asks of it.

use super::builder::Builder;
use crate::existing::instance_type::{is_offered, known, offers};
use crate::existing::volume;
use crate::spec::Market;
use crate::world::Subnet;

/// Refuses types that do not exist, and those on which a data volume cannot be told by its id.
pub(super) fn check(builder: &mut Builder<'_>) {
    let region = &builder.spec.region;
    for kind in known(builder) {
        let Some(details) = &kind.details else {
            builder.refuse(
                "type-unknown",
                format!("EC2 offers no instance type `{}` in {region}", kind.name),
                format!("check `instance.{}`: not every Region has every type", key(builder)),
            );
            continue;
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
}

/// The key that names the types.
fn key(builder: &Builder<'_>) -> &'static str {
    if builder.spec.instance.fallback_types.is_empty() {
        "type"
    } else {
        "types"
    }
}

/// Refuses a zone in which EC2 offers none of the types, and tells which of them it does not offer there.
pub(super) fn check_zone(builder: &mut Builder<'_>, subnet: &Subnet) {
    let known = known(builder);
    let lacking: Vec<&str> = known
        .iter()
        .filter(|kind| !is_offered(kind, &subnet.zone) && kind.details.is_some())
        .map(|kind| kind.name.as_str())
        .collect();
    if lacking.is_empty() {
        return;
    }
    if offers(builder, &subnet.zone) == Some(true) {
        builder.note(
            "types-not-offered",
            format!(
                "EC2 does not offer {} in {}: never launched there",
                lacking.join(", "),
                subnet.zone
            ),
        );
        return;
    }
    let held = volume::choose(builder)
        .volume()
        .filter(|volume| builder.spec.data.is_some() && volume.zone == subnet.zone)
        .map(|volume| format!(", where the data volume {} is", volume.id))
        .unwrap_or_default();
    let mut zones: Vec<&str> = known.iter().flat_map(|kind| &kind.zones).map(String::as_str).collect();
    zones.sort_unstable();
    zones.dedup();
    let key = key(builder);
    let help = match zones[..] {
        [] => format!("choose another `instance.{key}`"),
        _ => format!(
            "choose another `instance.{key}`, or a subnet in a zone that offers it ({}); a volume cannot leave its zone",
            zones.join(", ")
        ),
    };
    builder.refuse(
        "type-not-offered",
        format!("EC2 does not offer {} in {}{held}", lacking.join(", "), subnet.zone),
        help,
    );
}

/// Tells what spot means: nobody is to learn it from an outage.
pub(super) fn tell_market(builder: &mut Builder<'_>) {
    let instance = &builder.spec.instance;
    if instance.market != Market::Spot {
        return;
    }
    let types: Vec<&str> = instance.types().map(String::as_str).collect();
    let few = if types.len() < FEW_TYPES {
        ". The fewer types, the more often there is none: name three or more as `instance.types`"
    } else {
        ""
    };
    builder.note(
        "spot",
        format!(
            "AWS takes a spot instance back when it wants to, with two minutes' notice, and launches another one only while it has \
             spot capacity of {}: it never falls back to on-demand by itself. The way \
             back is `market = \"on-demand\"` and `selfheal apply`{few}",
            types.join(" or ")
        ),
    );
}

/// Fewer types than these are told for spot.
///
/// Source: Auto Scaling user guide, "Best practices for Spot": be flexible across instance types.
const FEW_TYPES: usize = 3;

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
