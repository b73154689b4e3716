//! The section `[logs]`: the CloudWatch Logs log group.

use toml_edit::{Table, value};

use super::problem::SpecProblemKind;
use super::reader::{Fault, Reader, Section};

/// Its keys.
pub(super) const KEYS: &[&str] = &["retention_days"];

/// The retentions that CloudWatch Logs knows, in days.
///
/// Source: Amazon CloudWatch Logs API reference, `PutRetentionPolicy`.
const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// The log group of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogsSpec {
    /// Days after which CloudWatch Logs deletes what was logged; one of the 22 numbers that it knows, 1 to 3,653.
    pub retention_days: u32,
}

impl Default for LogsSpec {
    /// A month: long enough for a failure that is noticed after a holiday, and nothing is kept, and paid for, for ever.
    fn default() -> Self {
        Self { retention_days: 30 }
    }
}

/// Reads the section; `None` where the retention is none that CloudWatch Logs knows.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<LogsSpec> {
    if !section.has("retention_days") {
        return Some(LogsSpec::default());
    }
    let days = section.integer(reader, "retention_days", 1..=3653, " days")?;
    if !RETENTIONS.contains(&days.value) {
        let above = RETENTIONS.iter().find(|known| **known > days.value);
        let found = format!("is {}, which CloudWatch Logs does not know", days.value);
        let expected = above.map_or_else(String::new, |above| format!("the next longer one: {above}"));
        reader.fault(&days, Fault::new(SpecProblemKind::OutOfRange, found, expected));
        return None;
    }
    Some(LogsSpec {
        retention_days: days.value,
    })
}

/// The section as a table.
pub(super) fn table(spec: &LogsSpec) -> Table {
    let mut table = Table::new();
    table["retention_days"] = value(i64::from(spec.retention_days));
    table
}
