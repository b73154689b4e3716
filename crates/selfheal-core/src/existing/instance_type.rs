//! What is known of the spec's instance type.

use super::stack::Stack;
use crate::spec::Architecture;
use crate::world::{InstanceType, InstanceTypeDetails};

/// Whether a zone offers the spec's type; `None` where that was not read.
pub(crate) fn offers(stack: &Stack<'_>, zone: &str) -> Option<bool> {
    known(stack).map(|kind| kind.zones.iter().any(|offered| offered == zone))
}

/// Whether a zone is one of the Region's own: Local and Wavelength Zones lie in other cities, and have fewer services.
///
/// Source: EC2 user guide, "Regions and Zones": an Availability Zone is the Region and a letter, a Local Zone is
/// `us-west-2-lax-1a`.
pub(crate) fn is_availability_zone(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region)
        .is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// What the spec's type can do, where it was read.
pub(crate) fn details<'a>(stack: &Stack<'a>) -> Option<&'a InstanceTypeDetails> {
    known(stack).and_then(|kind| kind.details.as_ref())
}

/// The architectures of the spec's type: those that EC2 tells, or else the one that its name tells; empty where neither does.
pub(crate) fn architectures(stack: &Stack<'_>) -> Vec<String> {
    if let Some(details) = details(stack) {
        return details.architectures.clone();
    }
    Architecture::of_instance_type(&stack.spec.instance.instance_type)
        .map(|architecture| architecture.to_string())
        .into_iter()
        .collect()
}

/// The spec's type, where it was read.
pub(crate) fn known<'a>(stack: &Stack<'a>) -> Option<&'a InstanceType> {
    let wanted = &stack.spec.instance.instance_type;
    stack
        .observed
        .instance_type
        .as_ref()
        .filter(|kind| kind.name == *wanted)
}
