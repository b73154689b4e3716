//! What serves, where a plan has nothing to do about it and a person should know all the same.

use super::builder::{Builder, Deferred};
use crate::world::{Address, InstanceId};

/// Notes an address that is not at an instance in service: somebody took it off, or AWS has not moved it.
///
/// An instance takes the address before it comes into service, so it is never elsewhere in between.
pub(super) fn note_address(builder: &mut Builder<'_>, address: &Deferred<Address>) {
    let (Deferred::Known(address), Some(group)) = (address, &builder.observed.group) else {
        return;
    };
    let serving: Vec<&str> = group
        .instances
        .iter()
        .filter(|instance| instance.is_serving())
        .map(|instance| instance.id.as_str())
        .collect();
    let holder = address.instance_id.as_ref().map(InstanceId::as_str);
    if group.deleting || serving.is_empty() || holder.is_some_and(|holder| serving.contains(&holder)) {
        return;
    }
    let condition = match builder.spec.data {
        Some(_) => "it holds the data volume",
        None => "no other instance has it",
    };
    let message = format!(
        "the Elastic IP {} ({}) is at {} and not at {}, which is in service: nobody reaches the app by it. The instance \
         takes it again within some minutes where {condition}",
        address.allocation_id,
        address.public_ip,
        holder.unwrap_or("no instance"),
        serving.join(" or "),
    );
    builder.note("address-elsewhere", message);
}

/// Notes an instance that the spec wants to be reachable by Systems Manager, whose image has no agent.
pub(super) fn note_agent(builder: &mut Builder<'_>) {
    if let Some(why) = builder.spec.access.why_no_agent(&builder.spec.instance.image) {
        let message = format!("`selfheal shell`, `forward` and `run` will not reach the instance: {why}");
        builder.note("no-agent", message);
    }
}
