//! The section `[access]`: how people get at the instance.

use toml_edit::{Table, value};

use super::reader::{Reader, Section};

/// Its keys.
pub(super) const KEYS: &[&str] = &["session_manager"];

/// How people get at the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSpec {
    /// Whether the instance's role lets Session Manager open sessions on it.
    pub session_manager: bool,
}

impl Default for AccessSpec {
    /// Without it nobody gets at an instance that has no key and no open port.
    fn default() -> Self {
        Self { session_manager: true }
    }
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> AccessSpec {
    let session_manager = section.boolean(reader, "session_manager");
    let defaults = AccessSpec::default();
    AccessSpec {
        session_manager: session_manager.map_or(defaults.session_manager, |at| at.value),
    }
}

/// The section as a table, where it says anything.
pub(super) fn table(spec: &AccessSpec) -> Option<Table> {
    let mut table = Table::new();
    if *spec != AccessSpec::default() {
        table["session_manager"] = value(spec.session_manager);
    }
    (!table.is_empty()).then_some(table)
}
