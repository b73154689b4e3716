//! What is known of the spec's instance types.

use super::stack::Stack;
use crate::spec::Architecture;
use crate::world::{InstanceType, InstanceTypeDetails};

/// Whether a zone offers one of the spec's types; `None` where that was not read.
pub(crate) fn offers(stack: &Stack<'_>, zone: &str) -> Option<bool> {
    let known = known(stack);
    (!known.is_empty()).then(|| known.iter().any(|kind| is_offered(kind, zone)))
}

/// How many of the spec's types a zone does not offer, as far as is known.
pub(crate) fn lacks(stack: &Stack<'_>, zone: &str) -> usize {
    known(stack).iter().filter(|kind| !is_offered(kind, zone)).count()
}

/// Whether a zone offers the type.
pub(crate) fn is_offered(kind: &InstanceType, zone: &str) -> bool {
    kind.zones.iter().any(|offered| offered == zone)
}

/// Whether a zone is one of the Region's own: Local and Wavelength Zones lie in other cities, and have fewer services.
///
/// Source: EC2 user guide, "Regions and Zones": an Availability Zone is the Region and a letter, a Local Zone is
/// `us-west-2-lax-1a`.
pub(crate) fn is_availability_zone(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region)
        .is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// What the types can do, where that was read.
pub(crate) fn details<'a>(stack: &Stack<'a>) -> Vec<&'a InstanceTypeDetails> {
    let known = known(stack).into_iter();
    known.filter_map(|kind| kind.details.as_ref()).collect()
}

/// The architectures of a type of the spec: those that EC2 tells, or else the one that its name tells; empty where neither does.
pub(crate) fn architectures(stack: &Stack<'_>, name: &str) -> Vec<String> {
    let mut known = known(stack).into_iter().filter(|kind| kind.name == name);
    if let Some(details) = known.find_map(|kind| kind.details.as_ref()) {
        return details.architectures.clone();
    }
    Architecture::of_instance_type(name)
        .map(|architecture| architecture.to_string())
        .into_iter()
        .collect()
}

/// Those of the spec's types that were read, in the spec's order.
pub(crate) fn known<'a>(stack: &Stack<'a>) -> Vec<&'a InstanceType> {
    let observed = stack.observed;
    let read = |name: &String| observed.instance_types.iter().find(|kind| kind.name == *name);
    stack.spec.instance.types().filter_map(read).collect()
}
