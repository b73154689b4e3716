//! The Elastic IP.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind, WaitFor, dns};
use crate::existing::address::{User, choose, counted, owned, to_remove, user};
use crate::names::{ResourceKind, TAG_STACK};
use crate::world::{Action, Address, AddressCall, AllocationId, TagCall};

/// The address of the stack: adopted, found by its tags, or to be allocated.
pub(super) fn plan(builder: &mut Builder<'_>) -> Deferred<Address> {
    match builder.spec.address.allocation.clone() {
        Some(allocation) => adopt(builder, allocation.as_str()),
        None => find_or_allocate(builder),
    }
}

fn adopt(builder: &mut Builder<'_>, allocation: &str) -> Deferred<Address> {
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
        return Deferred::After([].into());
    };
    if let Some(other) = address.tags.get(TAG_STACK).filter(|stack| **stack != builder.spec.name) {
        builder.refuse(
            "address-claimed",
            format!("the Elastic IP {allocation} belongs to the stack `{other}`"),
            "an address serves one stack: adopt another one, or destroy that stack first",
        );
        return Deferred::Known(address.clone());
    }
    refuse_used(builder, address);
    if !builder.names.owns(&address.tags, ResourceKind::Address) {
        put_tags(builder, address, "the spec adopts it");
    }
    for other in owned(builder)
        .filter(|other| other.allocation_id != allocation)
        .cloned()
        .collect::<Vec<_>>()
    {
        note_unused(builder, &other);
    }
    Deferred::Known(address.clone())
}

/// Refuses an address that something else uses, where our instance could not claim it or must not.
fn refuse_used(builder: &mut Builder<'_>, address: &Address) {
    let ours = builder.names.owns(&address.tags, ResourceKind::Address);
    let name = format!("{} ({})", address.allocation_id, address.public_ip);
    match user(builder.observed, address) {
        Some(User::Service(service)) => builder.refuse(
            "address-managed",
            format!("the Elastic IP {name} belongs to a service of AWS ({service}), which alone can move it"),
            "adopt another address, or leave `address.allocation` out to have one allocated",
        ),
        Some(User::Interface(interface)) => builder.refuse(
            "address-in-use",
            format!("the Elastic IP {name} is in use by the network interface {interface}, which is no instance's"),
            "a NAT gateway or the like would lose it: take it off there first, or adopt another address",
        ),
        // Whose instance it is does not matter once the address bears the stack's tags: it is the stack's to claim.
        Some(User::Instance(instance)) if !ours && !builder.spec.address.take => builder.refuse(
            "address-in-use",
            format!("the Elastic IP {name} is in use by the instance {instance}, which is not the stack's"),
            "write take = true below `[address]` to take it from there once the stack's instance is ready, or adopt another",
        ),
        Some(User::Instance(instance)) if !ours => builder.note(
            "address-taken",
            format!("the Elastic IP {name} is taken from the instance {instance} once the stack's is ready"),
        ),
        _ => {}
    }
}

/// When an address may be allocated, so that there is never a second one.
///
/// `AllocateAddress` knows neither names nor tokens, and a listing lags behind. The role's name is unique, and its creation
/// comes first: whoever creates it knows that nobody has allocated an address before. Whoever finds it reads the addresses
/// for as long as a listing lags behind, since another run may have been cut off just after it allocated one.
fn may_allocate(builder: &mut Builder<'_>) -> Deferred<()> {
    let observed = builder.observed;
    if observed.role.is_none() {
        return Deferred::after(Need::step(StepKind::CreateRole, &builder.names.role));
    }
    if observed.run.role.made || observed.run.addresses.settled {
        return Deferred::Known(());
    }
    Deferred::After([builder.wait(WaitFor::AddressesSettled)].into())
}

/// What must come about before the role may go where no address of the stack is known: the role tells the next apply that
/// one may have been allocated, and a run that was cut off may have allocated one that does not show yet.
pub(super) fn until_none_can_show(builder: &mut Builder<'_>) -> Option<Need> {
    let observed = builder.observed;
    let known = !to_remove(builder).is_empty() || !observed.run.gone.is_empty();
    let settled = observed.run.addresses.settled;
    (!known && !settled).then(|| builder.wait(WaitFor::AddressesSettled))
}

/// Refuses to allocate an address where the account's quota is used up.
fn refuse_quota(builder: &mut Builder<'_>) {
    let counted = counted(&builder.observed.addresses);
    let Some(quota) = builder
        .observed
        .address_quota
        .filter(|quota| counted >= *quota as usize)
    else {
        return;
    };
    builder.refuse(
        "address-quota",
        format!(
            "the account holds {counted} Elastic IPs in {}, and may hold {quota}",
            builder.spec.region
        ),
        "release one that is not used, adopt one as `address.allocation`, or ask AWS for more: Service Quotas, \
         Amazon EC2, \"EC2-VPC Elastic IPs\"",
    );
}

fn find_or_allocate(builder: &mut Builder<'_>) -> Deferred<Address> {
    let named = &builder.named().addresses;
    let Some(chosen) = choose(builder) else {
        let gone: Vec<&str> = named.iter().map(AllocationId::as_str).collect();
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
            return Deferred::After([].into());
        }
        refuse_quota(builder);
        let mut tags = builder.names.tags(ResourceKind::Address);
        tags.extend(dns::tags(builder));
        let draft = Draft::new(
            StepKind::AllocateAddress,
            Change::Create,
            "no address bears the stack's tags",
        );
        let may = may_allocate(builder);
        let action = may.map(|()| Action::Address(AddressCall::AllocateAddress { tags }));
        return Deferred::after(builder.step(draft, action));
    };
    if let Some(other) = chosen.tags.get(TAG_STACK).filter(|stack| **stack != builder.spec.name) {
        builder.refuse(
            "address-claimed",
            format!("the Elastic IP {} belongs to the stack `{other}`", chosen.allocation_id),
            "an address serves one stack: name another one as `address.allocation`, or destroy that stack first",
        );
    } else if !builder.names.owns(&chosen.tags, ResourceKind::Address) {
        put_tags(builder, &chosen, "the stack uses it, and it has lost its tags");
    }
    let others: Vec<Address> = owned(builder)
        .filter(|other| other.allocation_id != chosen.allocation_id)
        .cloned()
        .collect();
    for other in &others {
        note_unused(builder, other);
    }
    refuse_used(builder, &chosen);
    Deferred::Known(chosen)
}

fn put_tags(builder: &mut Builder<'_>, address: &Address, reason: &str) {
    let mut tags = builder.names.tags(ResourceKind::Address);
    tags.extend(dns::tags(builder));
    // The address keeps the name that its owner gave it.
    if address.tags.contains_key("Name") {
        tags.remove("Name");
    }
    let resource = address.allocation_id.to_string();
    let draft = Draft::new(StepKind::TagAddress, Change::Update, reason)
        .target(format!("{resource} ({})", address.public_ip))
        .sets(TAG_STACK, builder.spec.name.clone());
    builder.step(
        draft,
        Deferred::Known(Action::Tag(TagCall::CreateTags { resource, tags })),
    );
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

pub(super) fn release(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let addresses = to_remove(builder);
    if refuse_several(
        builder,
        "Elastic IPs",
        addresses.iter().map(|address| address.allocation_id.as_str()),
    ) {
        return;
    }
    let Some(address) = addresses.first() else { return };
    if let Some(used) = user(builder.observed, address) {
        let by = match used {
            User::Service(service) => format!("the service {service}"),
            User::Interface(interface) => format!("the network interface {interface}, which is no instance's"),
            User::Instance(instance) => format!("the instance {instance}, which is not the stack's"),
        };
        builder.refuse(
            "address-in-use",
            format!(
                "the Elastic IP {} ({}) is in use by {by}",
                address.allocation_id, address.public_ip
            ),
            "take it off there first, or destroy without --release-address",
        );
        return;
    }
    let mut before = stopped.clone();
    if let Some(association_id) = address.association_id.clone() {
        let draft = Draft::new(
            StepKind::DisassociateAddress,
            Change::Delete,
            "before the address can go",
        )
        .target(address.public_ip.clone());
        let action = Deferred::Known(Action::Address(AddressCall::DisassociateAddress { association_id }));
        before.insert(builder.step(draft, action.not_before(stopped)));
    }
    let draft = Draft::new(
        StepKind::ReleaseAddress,
        Change::Delete,
        "asked for: the address is gone for good",
    )
    .target(format!("{} ({})", address.allocation_id, address.public_ip));
    let action = Deferred::Known(Action::Address(AddressCall::ReleaseAddress {
        allocation_id: address.allocation_id.clone(),
    }));
    builder.step(draft, action.not_before(&before));
}

/// Refuses to choose what to give up for good where there are several.
fn refuse_several<'a>(builder: &mut Builder<'_>, what: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> bool {
    if ids.len() < 2 {
        return false;
    }
    let ids: Vec<&str> = ids.collect();
    builder.refuse(
        "several",
        format!(
            "several {what} bear the tags of stack `{}`: {}",
            builder.spec.name,
            ids.join(", ")
        ),
        "what goes for good is not guessed: remove the stack's tags from those that are not to go",
    );
    true
}
