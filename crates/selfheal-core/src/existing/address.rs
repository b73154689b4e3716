//! Which of the account's addresses is the stack's, and who else uses it.

use super::stack::Stack;
use crate::names::{ResourceKind, TAG_STACK};
use crate::witness::is_of_group;
use crate::world::{Address, InstanceId, NetworkInterfaceId, Observed};

/// The address of the stack, where it exists: the one that the spec adopts, or else the one that the stack has.
pub(crate) fn of_stack(stack: &Stack<'_>) -> Option<Address> {
    let adopted = stack.spec.address.allocation.as_ref();
    match adopted {
        Some(id) => stack
            .observed
            .addresses
            .iter()
            .find(|it| it.allocation_id == *id)
            .cloned(),
        None => choose(stack),
    }
}

/// The addresses that bear the stack's tags.
pub(crate) fn owned<'a>(stack: &Stack<'a>) -> impl Iterator<Item = &'a Address> + use<'a> {
    let names = stack.names.clone();
    stack
        .observed
        .addresses
        .iter()
        .filter(move |address| names.owns(&address.tags, ResourceKind::Address))
}

/// Picks one of several addresses so that every observer picks the same: the one that the role's policy or the launch
/// template names, with or without its tags, else a tagged one that is associated, else the lowest id. Where none is named
/// nor tagged, the one that the group's instance has.
pub(crate) fn choose(stack: &Stack<'_>) -> Option<Address> {
    let observed = stack.observed;
    let named = &stack.named().addresses;
    let candidates = || {
        let names_it = |address: &&Address| named.contains(&address.allocation_id);
        owned(stack).chain(observed.addresses.iter().filter(names_it))
    };
    let held = |address: &&Address| {
        let holder = address.instance_id.as_ref();
        holder.is_some_and(|instance| is_of_group(observed, instance))
    };
    candidates()
        .min_by_key(|address| {
            (
                !named.contains(&address.allocation_id),
                address.association_id.is_none(),
                address.allocation_id.clone(),
            )
        })
        .or_else(|| observed.addresses.iter().filter(|_| named.is_empty()).find(held))
        .cloned()
}

/// Who uses an address, beside the stack's own instances.
pub(crate) enum User<'a> {
    /// A service of AWS, which manages it.
    Service(&'a str),
    /// A network interface that is no instance's.
    Interface(&'a NetworkInterfaceId),
    /// An instance that is not the stack's.
    Instance(&'a InstanceId),
}

/// Who uses an address, beside the stack's own instances; `None` where nobody does.
pub(crate) fn user<'a>(observed: &Observed, address: &'a Address) -> Option<User<'a>> {
    if let Some(service) = &address.service_managed {
        return Some(User::Service(service));
    }
    let Some(instance) = &address.instance_id else {
        return address.interface_id.as_ref().map(User::Interface);
    };
    let members = observed.group.iter().flat_map(|group| &group.instances);
    let ours = (members.map(|member| &member.id))
        .chain(observed.instances.iter().map(|it| &it.id))
        .any(|id| id == instance);
    (!ours).then_some(User::Instance(instance))
}

/// How many of these addresses certainly count towards the account's quota.
#[must_use]
pub fn counted(addresses: &[Address]) -> usize {
    let counts = |address: &&Address| !address.own_pool && address.service_managed.is_none();
    addresses.iter().filter(counts).count()
}

/// The addresses that go or stay with the stack: tagged, or adopted by the spec and not another stack's.
pub(crate) fn to_remove(stack: &Stack<'_>) -> Vec<Address> {
    let adopted = stack.spec.address.allocation.as_ref();
    let foreign = |address: &Address| {
        address
            .tags
            .get(TAG_STACK)
            .is_some_and(|owner| *owner != stack.spec.name)
    };
    let of_stack = |address: &&Address| {
        stack.names.owns(&address.tags, ResourceKind::Address)
            || (adopted == Some(&address.allocation_id) && !foreign(address))
    };
    stack.observed.addresses.iter().filter(of_stack).cloned().collect()
}
