//! One call: who makes it, and what it names.

use crate::purpose::Purpose;
use crate::reference::{Action, reference};

/// The caller of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// The boot program on the instance, and the agents that the spec asks for.
    Instance,
    /// Data Lifecycle Manager, under the role of the stack's lifecycle policy.
    Lifecycle,
    /// The operator, by one of the commands.
    Operator(Purpose),
}

/// A resource that a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The resource's type, as the reference spells it.
    pub resource_type: &'static str,
    /// Whether the call creates it: it has no id and no tags yet, and its ARN ends in `*`.
    pub created: bool,
}

/// One API call with the resources that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The action that is authorised, such as `ec2:AttachVolume`.
    pub action: &'static str,
    /// The resources, all of which must be allowed; none for the calls that take none.
    pub names: &'static [Named],
    /// Who makes it.
    pub callers: &'static [Caller],
    /// What it is for.
    pub purpose: &'static str,
}

impl Call {
    /// Returns the action as the reference describes it; a test shows that every call has one.
    #[must_use]
    pub fn reference(&self) -> Option<&'static Action> {
        reference().action(self.action)
    }

    /// Returns the condition keys that AWS evaluates for one of the resources, or for the request as a whole.
    pub fn keys(&self, resource_type: Option<&str>) -> Vec<&'static str> {
        let rows = self.reference().map(Action::rows).unwrap_or_default();
        rows.iter()
            .filter(|row| row.resource_type().is_none() || row.resource_type() == resource_type)
            .flat_map(|row| row.keys().iter().copied())
            .collect()
    }

    /// Tells whether the caller makes the call.
    #[must_use]
    pub fn is_made_by(&self, caller: Caller) -> bool {
        self.callers.contains(&caller)
    }
}
