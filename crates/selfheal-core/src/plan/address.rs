//! The Elastic IP.

use super::builder::{Builder, Draft, Later};
use super::{Change, StepKey};
use crate::action::Action;
use crate::names::{Role, TAG_STACK};
use crate::observed::Address;
use crate::witness::{is_of_group, named};

/// The address of the stack: adopted, found by its tags, or to be allocated.
pub(super) fn plan(builder: &mut Builder<'_>) -> Later<Address> {
    match builder.spec.address.allocation.clone() {
        Some(allocation) => adopt(builder, &allocation),
        None => find_or_allocate(builder),
    }
}

fn adopt(builder: &mut Builder<'_>, allocation: &str) -> Later<Address> {
    let observed = builder.observed;
    let Some(address) = observed
        .addresses
        .iter()
        .find(|address| address.allocation_id == allocation)
    else {
        builder.refuse(
            "address-missing",
            format!("there is no Elastic IP {allocation} in {}", builder.spec.region),
            "check `address.allocation`, the region and the account, or leave it out to allocate one",
        );
        return Later::After([].into());
    };
    if let Some(other) = address.tags.get(TAG_STACK).filter(|stack| **stack != builder.spec.name) {
        builder.refuse(
            "address-claimed",
            format!("the Elastic IP {allocation} belongs to the stack `{other}`"),
            "an address serves one stack: adopt another one, or destroy that stack first",
        );
    } else if !builder.names.owns(&address.tags, Role::Address) {
        put_tags(builder, address, "the spec adopts it");
    }
    for other in owned(builder)
        .filter(|other| other.allocation_id != allocation)
        .cloned()
        .collect::<Vec<_>>()
    {
        note_unused(builder, &other);
    }
    Later::Known(address.clone())
}

fn find_or_allocate(builder: &mut Builder<'_>) -> Later<Address> {
    let named = named(builder.observed).addresses;
    let Some(chosen) = choose(builder) else {
        let gone: Vec<&str> = named.iter().map(String::as_str).collect();
        if !gone.is_empty() && !builder.options.new_address {
            builder.refuse(
                "address-lost",
                format!(
                    "the Elastic IP {} is gone: AWS says that it does not exist",
                    gone.join(", ")
                ),
                "name another one as `address.allocation`; or allocate a new one, to which the DNS record then moves: \
                 `selfheal apply --new-address`",
            );
            return Later::After([].into());
        }
        let tags = builder.names.tags(Role::Address);
        let draft = Draft::new(
            StepKey::AllocateAddress,
            Change::Create,
            "no address bears the stack's tags",
        );
        builder.step(draft, Later::Known(Action::AllocateAddress { tags }));
        return Later::after(StepKey::AllocateAddress);
    };
    if let Some(other) = chosen.tags.get(TAG_STACK).filter(|stack| **stack != builder.spec.name) {
        builder.refuse(
            "address-claimed",
            format!("the Elastic IP {} belongs to the stack `{other}`", chosen.allocation_id),
            "an address serves one stack: name another one as `address.allocation`, or destroy that stack first",
        );
    } else if !builder.names.owns(&chosen.tags, Role::Address) {
        put_tags(builder, &chosen, "the stack uses it, and it has lost its tags");
    }
    let others: Vec<Address> = owned(builder)
        .filter(|other| other.allocation_id != chosen.allocation_id)
        .cloned()
        .collect();
    for other in &others {
        note_unused(builder, other);
    }
    Later::Known(chosen)
}

fn put_tags(builder: &mut Builder<'_>, address: &Address, reason: &str) {
    let mut tags = builder.names.tags(Role::Address);
    // The address keeps the name that its owner gave it.
    if address.tags.contains_key("Name") {
        tags.remove("Name");
    }
    let resource = address.allocation_id.clone();
    let draft = Draft::new(StepKey::TagAddress, Change::Update, reason)
        .target(format!("{resource} ({})", address.public_ip))
        .sets(TAG_STACK, builder.spec.name.clone());
    builder.step(draft, Later::Known(Action::CreateTags { resource, tags }));
}

fn owned<'a>(builder: &Builder<'a>) -> impl Iterator<Item = &'a Address> + use<'a> {
    let names = builder.names.clone();
    builder
        .observed
        .addresses
        .iter()
        .filter(move |address| names.owns(&address.tags, Role::Address))
}

/// Picks one of several addresses so that every observer picks the same: the one that the role's policy or the launch
/// template names, with or without its tags, else a tagged one that is associated, else the lowest id. Where none is named
/// nor tagged, the one that the group's instance has.
pub(super) fn choose(builder: &Builder<'_>) -> Option<Address> {
    let observed = builder.observed;
    let named = named(observed).addresses;
    let candidates = || {
        let names_it = |address: &&Address| named.contains(&address.allocation_id);
        owned(builder).chain(observed.addresses.iter().filter(names_it))
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

fn note_unused(builder: &mut Builder<'_>, address: &Address) {
    builder.note(
        "duplicate-address",
        format!(
            "the Elastic IP {} ({}) bears the stack's tags too, is not used, and costs money: release it or remove its tags",
            address.allocation_id, address.public_ip
        ),
    );
}
