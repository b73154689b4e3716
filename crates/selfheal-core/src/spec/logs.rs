//! The section `[logs]`: the CloudWatch Logs log group, and what goes into it beside the journal.

use selfheal_userdata::{LogShipping, RenderError};
use toml_edit::{Array, Table, value};

use super::problem::SpecProblemKind;
use super::reader::{Fault, Located, Reader, Section};
use super::syntax;

/// Its keys.
pub(super) const KEYS: &[&str] = &["retention_days", "files"];
/// How many files may be followed: each takes a process.
const FILES_MAX: usize = 20;

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
    /// Absolute paths of files whose lines are logged as well, each once.
    pub files: Vec<String>,
}

impl Default for LogsSpec {
    /// A month: long enough for a failure that is noticed after a holiday, and nothing is kept, and paid for, for ever.
    fn default() -> Self {
        Self {
            retention_days: 30,
            files: Vec::new(),
        }
    }
}

/// Reads the section; `None` where the retention is none that CloudWatch Logs knows, or a path none that can be followed.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<LogsSpec> {
    let retention_days = retention_days(reader, section);
    let expected = "a list of paths, such as [\"/var/log/nginx/access.log\"]";
    let files = match section.has("files") {
        true => section
            .strings(reader, "files", expected)
            .map(|paths| files(reader, paths)),
        false => Some(Vec::new()),
    };
    Some(LogsSpec {
        retention_days: retention_days?,
        files: files?,
    })
}

fn retention_days(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<u32> {
    if !section.has("retention_days") {
        return Some(LogsSpec::default().retention_days);
    }
    let days = section.integer(reader, "retention_days", 1..=3653, " days")?;
    if !RETENTIONS.contains(&days.value) {
        let above = RETENTIONS.iter().find(|known| **known > days.value);
        let found = format!("is {}, which CloudWatch Logs does not know", days.value);
        let expected = above.map_or_else(String::new, |above| format!("the next longer one: {above}"));
        reader.fault(&days, Fault::new(SpecProblemKind::OutOfRange, found, expected));
        return None;
    }
    Some(days.value)
}

/// Those of the paths that can be followed; what is wrong with the others is noted.
fn files(reader: &mut Reader<'_>, paths: Vec<Located<String>>) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for path in paths {
        let fault = match LogShipping::check_file(&path.value) {
            // The boot program knows what it can follow.
            Err(RenderError::Invalid { expected, .. }) => {
                let expected = expected.replacen("must be ", "", 1);
                Some(Fault::malformed(syntax::is(&path.value), expected))
            }
            Err(error) => Some(Fault::malformed(error.to_string(), "")),
            Ok(()) if files.contains(&path.value) => Some(Fault::conflict(
                format!("{} twice", syntax::is(&path.value)),
                "each file once",
            )),
            Ok(()) if files.len() == FILES_MAX => Some(Fault::out_of_range(
                "is one file too many",
                format!("{FILES_MAX} files at most"),
            )),
            Ok(()) => None,
        };
        match fault {
            Some(fault) => reader.fault(&path, fault),
            None => files.push(path.value),
        }
    }
    files
}

/// The section as a table.
pub(super) fn table(spec: &LogsSpec) -> Table {
    let mut table = Table::new();
    table["retention_days"] = value(i64::from(spec.retention_days));
    if !spec.files.is_empty() {
        table["files"] = value(spec.files.iter().collect::<Array>());
    }
    table
}
