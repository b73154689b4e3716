//! The section `[address]`: the Elastic IP.

use std::fmt;

use toml_edit::{Table, value};

use super::reader::{Fault, Reader, Section};
use super::values::one_of;
use super::{AppSpec, syntax};
use crate::ids::AllocationId;

/// Its keys.
pub(super) const KEYS: &[&str] = &["allocation", "take", "when"];

/// The Elastic IP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpec {
    /// An allocation that exists, to be adopted instead of allocating one.
    pub allocation: Option<AllocationId>,
    /// Whether the adopted address may be taken from another instance that uses it.
    pub take: bool,
    /// When the address moves to a new instance, where the spec says; see [`Spec::address_when`](super::Spec::address_when).
    pub when: Option<AddressWhen>,
}

/// When the address moves to a new instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressWhen {
    /// As soon as the instance holds the data volume and has mounted it.
    Mounted,
    /// Once the app answers its probe.
    Healthy,
}

impl fmt::Display for AddressWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mounted => "mounted",
            Self::Healthy => "healthy",
        })
    }
}

/// Reads the section, beside what the app has of a probe.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>, app: &AppSpec) -> AddressSpec {
    let allocation = section.string(reader, "allocation", "an id such as \"eipalloc-0123456789abcdef0\"");
    let allocation = reader.check(allocation, |id| syntax::id("eipalloc", id));
    let take = section.boolean(reader, "take");
    if let Some(at) = take.as_ref().filter(|take| take.value && !section.has("allocation")) {
        let expected = "the `allocation` that is to be taken";
        reader.fault(at, Fault::conflict("is `true`, and no address is adopted", expected));
    }
    let values = [("mounted", AddressWhen::Mounted), ("healthy", AddressWhen::Healthy)];
    let when = one_of(reader, section, "when", &values);
    if let Some(at) = when
        .as_ref()
        .filter(|when| when.value == AddressWhen::Healthy && app.health.is_none())
    {
        let expected = "a probe in [app.health], or `mounted`";
        reader.fault(
            at,
            Fault::conflict("is `healthy`, and nothing tells the instance when it is", expected),
        );
    }
    AddressSpec {
        allocation: allocation.map(|id| id.value.into()),
        take: take.is_some_and(|take| take.value),
        when: when.map(|when| when.value),
    }
}

/// The section as a table, where it says anything.
pub(super) fn table(spec: &AddressSpec) -> Option<Table> {
    let mut table = Table::new();
    if let Some(allocation) = &spec.allocation {
        table["allocation"] = value(allocation.as_str());
    }
    if spec.take {
        table["take"] = value(true);
    }
    if let Some(when) = spec.when {
        table["when"] = value(when.to_string());
    }
    (!table.is_empty()).then_some(table)
}
