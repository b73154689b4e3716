//! What of a stack exists, by the one choice that plan, status, policies and user data make where there are several.

pub(crate) mod address;
pub(crate) mod application_check;
pub(crate) mod instance_type;
mod lifecycle;
mod stack;
pub(crate) mod subnet;
pub(crate) mod volume;

use crate::spec::Spec;
use crate::world::{Address, ApplicationCheck, Observed, Subnet, Volume};

pub use address::counted as counted_addresses;
pub use lifecycle::marked_for_snapshots;
pub(crate) use lifecycle::{is_marked, mark, policies as lifecycle_policies};
pub(crate) use stack::Stack;

/// What of a stack exists already, as the planner would choose it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Existing {
    /// The Elastic IP.
    pub address: Option<Address>,
    /// The data volume, where the spec has one.
    pub volume: Option<Volume>,
    /// The subnet.
    pub subnet: Option<Subnet>,
    /// EC2's application status check, where the spec asks for one.
    pub application_check: Option<ApplicationCheck>,
}

/// Finds what of a stack exists, by the same choice that [`plan`](crate::plan()) makes where there are several.
#[must_use]
pub fn existing(spec: &Spec, observed: &Observed) -> Existing {
    let stack = Stack::new(spec, observed);
    let data = spec.data.as_ref();
    Existing {
        address: address::of_stack(&stack),
        volume: data.and_then(|_| volume::choose(&stack).volume().cloned()),
        subnet: subnet::choose(&stack).cloned(),
        application_check: application_check::used(&stack).cloned(),
    }
}
