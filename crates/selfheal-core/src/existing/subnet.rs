//! Which of the subnets is the stack's.

use super::stack::Stack;
use super::{instance_type, volume};
use crate::world::Subnet;

/// The subnet: the one that the spec names, or else a default one in the zone of the data volume, in which the group is, or
/// which offers the instance type.
pub(crate) fn choose<'a>(stack: &Stack<'a>) -> Option<&'a Subnet> {
    let subnets = &stack.observed.subnets;
    if let Some(id) = &stack.spec.instance.subnet {
        return subnets.iter().find(|subnet| subnet.id == *id);
    }
    if let Some(zone) = zone_of_volume(stack) {
        let there = subnets.iter().filter(|subnet| subnet.zone == *zone);
        return there.min_by_key(|subnet| &subnet.id);
    }
    let group = stack.observed.group.as_ref().filter(|group| !group.deleting);
    let current = group.and_then(|group| group.subnets.first());
    let offered = |subnet: &&Subnet| instance_type::offers(stack, &subnet.zone) != Some(false);
    let first = |wanted: &dyn Fn(&&Subnet) -> bool| {
        // Where there is a choice, all of the types are there to fall back to.
        let lacks = |subnet: &Subnet| instance_type::lacks(stack, &subnet.zone);
        subnets
            .iter()
            .filter(wanted)
            .filter(|subnet| instance_type::is_availability_zone(&subnet.zone, &stack.spec.region))
            .min_by_key(|subnet| (lacks(subnet), &subnet.zone, &subnet.id))
    };
    current
        .and_then(|id| subnets.iter().filter(offered).find(|subnet| subnet.id == *id))
        .or_else(|| first(&offered))
        .or_else(|| first(&|_| true))
}

/// The zone of the data volume, where the spec has one and it exists: a volume cannot leave its zone.
pub(crate) fn zone_of_volume<'s>(stack: &'s Stack<'_>) -> Option<&'s String> {
    let data = stack.spec.data.as_ref();
    let has = || volume::choose(stack).volume().map(|volume| &volume.zone);
    data.and_then(|_| stack.zone.as_ref().or_else(has))
}
