//! The Elastic IP.

use super::builder::{Builder, Draft, Later};
use super::{Change, StepKey};
use crate::action::Action;
use crate::names::{Role, TAG_STACK};
use crate::observed::{Address, Observed};

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
        let mut tags = builder.names.tags(Role::Address);
        // The address is adopted, and so is the name that its owner gave it.
        if address.tags.contains_key("Name") {
            tags.remove("Name");
        }
        let draft = Draft::new(StepKey::TagAddress, Change::Update, "the spec adopts it")
            .target(format!("{} ({})", allocation, address.public_ip))
            .sets(TAG_STACK, builder.spec.name.clone());
        builder.step(
            draft,
            Later::Known(Action::CreateTags {
                resource: allocation.to_owned(),
                tags,
            }),
        );
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
    let Some(chosen) = choose(builder) else {
        let tags = builder.names.tags(Role::Address);
        let draft = Draft::new(
            StepKey::AllocateAddress,
            Change::Create,
            "no address bears the stack's tags",
        );
        builder.step(draft, Later::Known(Action::AllocateAddress { tags }));
        return Later::after(StepKey::AllocateAddress);
    };
    let others: Vec<Address> = owned(builder)
        .filter(|other| other.allocation_id != chosen.allocation_id)
        .cloned()
        .collect();
    for other in &others {
        note_unused(builder, other);
    }
    Later::Known(chosen)
}

fn owned<'a>(builder: &Builder<'a>) -> impl Iterator<Item = &'a Address> + use<'a> {
    let names = builder.names.clone();
    builder
        .observed
        .addresses
        .iter()
        .filter(move |address| names.owns(&address.tags, Role::Address))
}

/// Picks one of several addresses so that every observer picks the same: the one that the role's policy names, else one
/// that is associated, else the lowest id.
fn choose(builder: &Builder<'_>) -> Option<Address> {
    let in_policy = |address: &Address| names_in_policy(builder.observed, &address.allocation_id);
    owned(builder)
        .min_by_key(|address| {
            (
                !in_policy(address),
                address.association_id.is_none(),
                address.allocation_id.clone(),
            )
        })
        .cloned()
}

/// Whether the role's policy names a resource: it is then the one that the running instance uses.
pub(super) fn names_in_policy(observed: &Observed, id: &str) -> bool {
    observed.role_policy.as_ref().is_some_and(|policy| policy.contains(id))
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
