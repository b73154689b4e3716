//! Destroying a stack: everything but the address and the data, which go only where each is named.

use super::builder::Builder;
use super::{
    Plan, address, application_check, bundle, dns, group, iam, lifecycle, log_group, network, notify, schema, template,
    volume_removal,
};
use crate::existing::address::{choose as choose_address, to_remove};
use crate::existing::volume::{aside, choose, tagged};
use crate::names::{ResourceKind, TAG_STACK};

/// What a destroy takes with it beyond what can be made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DestroyOptions {
    /// Release the Elastic IP.
    pub release_address: bool,
    /// Delete the data volume, after a snapshot of it is completed.
    pub delete_data: bool,
    /// Delete the log group, with all that was logged.
    pub delete_logs: bool,
}

impl DestroyOptions {
    /// Nothing beyond what can be made again.
    pub const KEEP: Self = Self {
        release_address: false,
        delete_data: false,
        delete_logs: false,
    };
    /// All that there is.
    pub const ALL: Self = Self {
        release_address: true,
        delete_data: true,
        delete_logs: true,
    };
}

/// Composes what removes the stack.
pub(super) fn compose(mut builder: Builder<'_>, options: &DestroyOptions) -> Plan {
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    check_tags(&mut builder);
    iam::refuse_others(&mut builder);
    let unnamed = dns::delete_all(&mut builder);
    let stopped = group::stop(&mut builder);
    let unchecked = application_check::delete_all(&mut builder, "made by this stack");
    template::delete(&mut builder, &unchecked);
    network::delete_security_group(&mut builder, &stopped);
    // The role's policy may be all that tells of the log group, of the topic and of bundles: it goes after them.
    let unlogged = log_group::delete(&mut builder, &stopped, options.delete_logs);
    let untold = notify::delete(&mut builder, &stopped);
    let unbundled = bundle::delete(&mut builder);
    let unscheduled = lifecycle::delete_all(&mut builder, "made by this stack");
    let before: Vec<_> = [stopped.clone(), unlogged, untold, unbundled].into();
    iam::delete(&mut builder, &before.into_iter().flatten().collect());
    if options.release_address {
        // Nothing may point at an address that is somebody else's from then on.
        address::release(&mut builder, &stopped.union(&unnamed).cloned().collect());
    }
    if options.delete_data {
        // The volume's mark is all that tells of the lifecycle policy: it goes after that.
        volume_removal::delete(&mut builder, &stopped.union(&unscheduled).cloned().collect());
    }
    tell_kept(&mut builder, options);
    builder.finish()
}

/// Refuses to remove what names the stack's volume and address where they have lost their tags: nothing would lead to them
/// any more.
fn check_tags(builder: &mut Builder<'_>) {
    let volume = choose(builder)
        .volume()
        .filter(|volume| !builder.names.owns(&volume.tags, ResourceKind::Volume));
    let address = choose_address(builder).filter(|address| {
        let adopted = builder.spec.address.allocation.is_some();
        let foreign = address
            .tags
            .get(TAG_STACK)
            .is_some_and(|stack| *stack != builder.spec.name);
        !adopted && !foreign && !builder.names.owns(&address.tags, ResourceKind::Address)
    });
    let ids = volume
        .map(|volume| volume.id.to_string())
        .into_iter()
        .chain(address.map(|address| address.allocation_id.into()));
    for id in ids.collect::<Vec<_>>() {
        builder.refuse(
            "tags-lost",
            format!("{id} is the stack's, and has lost its tags: nothing would lead to it once the stack is gone"),
            "run `selfheal apply` first, which puts them back",
        );
    }
}

fn tell_kept(builder: &mut Builder<'_>, options: &DestroyOptions) {
    if !options.release_address {
        for address in to_remove(builder) {
            builder.note(
                "address-kept",
                format!(
                    "the Elastic IP {} ({}) is kept, and costs money while it is: --release-address gives it up",
                    address.allocation_id, address.public_ip
                ),
            );
        }
    }
    for volume in aside(builder) {
        builder.note(
            "volume-kept",
            format!(
                "the volume {} ({} GiB), which is not the data volume, is kept, at a cost",
                volume.id, volume.size_gib
            ),
        );
    }
    let deleted = choose(builder)
        .volume()
        .filter(|_| options.delete_data)
        .map(|volume| &volume.id);
    for volume in tagged(builder).into_iter().filter(|volume| Some(&volume.id) != deleted) {
        builder.note(
            "data-kept",
            format!(
                "the data volume {} ({} GiB) is kept: --delete-data deletes it",
                volume.id, volume.size_gib
            ),
        );
    }
}
