//! The Elastic IP.

use super::builder::{Builder, Draft, Later};
use super::{Change, Need, StepKind, WaitFor, dns};
use crate::names::{Role, TAG_STACK};
use crate::witness::{is_of_group, named};
use crate::world::{Action, Address, AddressCall, Observed, TagCall};

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
        return Later::Known(address.clone());
    }
    refuse_used(builder, address);
    if !builder.names.owns(&address.tags, Role::Address) {
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

/// Refuses an address that something else uses, where our instance could not claim it or must not.
fn refuse_used(builder: &mut Builder<'_>, address: &Address) {
    let ours = builder.names.owns(&address.tags, Role::Address);
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

/// Who uses an address, beside the stack's own instances.
pub(super) enum User<'a> {
    /// A service of AWS, which manages it.
    Service(&'a str),
    /// A network interface that is no instance's.
    Interface(&'a str),
    /// An instance that is not the stack's.
    Instance(&'a str),
}

/// Who uses an address, beside the stack's own instances; `None` where nobody does.
pub(super) fn user<'a>(observed: &Observed, address: &'a Address) -> Option<User<'a>> {
    if let Some(service) = &address.service_managed {
        return Some(User::Service(service));
    }
    let Some(instance) = &address.instance_id else {
        return address.interface_id.as_deref().map(User::Interface);
    };
    let members = observed.group.iter().flat_map(|group| &group.instances);
    let ours = (members.map(|member| &member.id))
        .chain(observed.instances.iter().map(|it| &it.id))
        .any(|id| id == instance);
    (!ours).then_some(User::Instance(instance))
}

/// When an address may be allocated, so that there is never a second one.
///
/// `AllocateAddress` knows neither names nor tokens, and a listing lags behind. The role's name is unique, and its creation
/// comes first: whoever creates it knows that nobody has allocated an address before. Whoever finds it reads the addresses
/// for as long as a listing lags behind, since another run may have been cut off just after it allocated one.
fn may_allocate(builder: &mut Builder<'_>) -> Later<()> {
    let observed = builder.observed;
    if observed.role.is_none() {
        return Later::after(Need::step(StepKind::CreateRole, &builder.names.role));
    }
    if observed.run.role.made || observed.run.addresses.settled {
        return Later::Known(());
    }
    Later::After([builder.wait(WaitFor::AddressesSettled)].into())
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

/// How many of these addresses certainly count towards the account's quota.
#[must_use]
pub fn counted(addresses: &[Address]) -> usize {
    let counts = |address: &&Address| !address.own_pool && address.service_managed.is_none();
    addresses.iter().filter(counts).count()
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
        refuse_quota(builder);
        let mut tags = builder.names.tags(Role::Address);
        tags.extend(dns::tags(builder));
        let draft = Draft::new(
            StepKind::AllocateAddress,
            Change::Create,
            "no address bears the stack's tags",
        );
        let may = may_allocate(builder);
        let action = may.map(|()| Action::Address(AddressCall::AllocateAddress { tags }));
        return Later::after(builder.step(draft, action));
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
    refuse_used(builder, &chosen);
    Later::Known(chosen)
}

fn put_tags(builder: &mut Builder<'_>, address: &Address, reason: &str) {
    let mut tags = builder.names.tags(Role::Address);
    tags.extend(dns::tags(builder));
    // The address keeps the name that its owner gave it.
    if address.tags.contains_key("Name") {
        tags.remove("Name");
    }
    let resource = address.allocation_id.clone();
    let draft = Draft::new(StepKind::TagAddress, Change::Update, reason)
        .target(format!("{resource} ({})", address.public_ip))
        .sets(TAG_STACK, builder.spec.name.clone());
    builder.step(draft, Later::Known(Action::Tag(TagCall::CreateTags { resource, tags })));
}

/// The addresses that bear the stack's tags.
pub(super) fn owned<'a>(builder: &Builder<'a>) -> impl Iterator<Item = &'a Address> + use<'a> {
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
