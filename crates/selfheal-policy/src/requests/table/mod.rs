//! The table itself: one file a resource, as with what is granted.

use super::call::{Call, Caller, Named};
use crate::purpose::Purpose;
use crate::resource::Resource;

/// Writes the calls of a resource: the action, what it names (`old` is there before, `new` is created), who makes it, and
/// why.
macro_rules! calls {
    ($($action:literal [$($age:ident $kind:literal),*] by [$($caller:ident),*] => $purpose:literal;)*) => {
        pub(super) const CALLS: &[super::Call] = &[
            $(super::Call {
                action: $action,
                names: &[$(super::$age($kind)),*],
                callers: &[$(super::$caller),*],
                purpose: $purpose,
            },)*
        ];
    };
}

mod account;
mod address;
mod application_check;
mod bundle;
mod group;
mod identity;
mod image;
mod instance;
mod key;
mod launch_template;
mod logs;
mod network;
mod parameters;
mod record;
mod session_manager;
mod snapshot;
mod volume;

const fn old(resource_type: &'static str) -> Named {
    Named {
        resource_type,
        created: false,
    }
}

const fn new(resource_type: &'static str) -> Named {
    Named {
        resource_type,
        created: true,
    }
}

const INSTANCE: Caller = Caller::Instance;
const PLAN: Caller = Caller::Operator(Purpose::Plan);
const APPLY: Caller = Caller::Operator(Purpose::Apply);
const STATUS: Caller = Caller::Operator(Purpose::Status);
const DESTROY: Caller = Caller::Operator(Purpose::Destroy);
const RESUME: Caller = Caller::Operator(Purpose::Resume);
const SLEEP: Caller = Caller::Operator(Purpose::Sleep);

/// Returns the calls that are about a resource.
pub(super) const fn of(resource: Resource) -> &'static [Call] {
    match resource {
        Resource::Address => address::CALLS,
        Resource::Volume => volume::CALLS,
        Resource::Image => image::CALLS,
        Resource::Instance => instance::CALLS,
        Resource::Network => network::CALLS,
        Resource::LaunchTemplate => launch_template::CALLS,
        Resource::Group => group::CALLS,
        Resource::Snapshot => snapshot::CALLS,
        Resource::Key => key::CALLS,
        Resource::ApplicationCheck => application_check::CALLS,
        Resource::Identity => identity::CALLS,
        Resource::Record => record::CALLS,
        Resource::Account => account::CALLS,
        Resource::SessionManager => session_manager::CALLS,
        Resource::Parameters => parameters::CALLS,
        Resource::Logs => logs::CALLS,
        Resource::Bundle => bundle::CALLS,
    }
}
