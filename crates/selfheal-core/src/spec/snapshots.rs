//! The section `[data.snapshots]`: how often the data volume is snapshotted, and for how long that is kept.

use toml_edit::{Table, value};

use super::reader::{Fault, Reader, Section};
use super::syntax;
use super::values::one_of;

/// Its keys.
pub(super) const KEYS: &[&str] = &["every", "keep", "at"];

/// The intervals that Data Lifecycle Manager knows, in hours.
///
/// Source: Amazon Data Lifecycle Manager API reference, `CreateRule`.
const INTERVALS: [(&str, u32); 8] = [
    ("1h", 1),
    ("2h", 2),
    ("3h", 3),
    ("4h", 4),
    ("6h", 6),
    ("8h", 8),
    ("12h", 12),
    ("24h", 24),
];
/// Longest that snapshots may be kept, in days: what is to stay for longer is an archive's.
const KEEP_DAYS_MAX: u32 = 3_650;

/// Snapshots of the data volume, which Data Lifecycle Manager takes and deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotsSpec {
    /// Hours between two of them: 1, 2, 3, 4, 6, 8, 12 or 24.
    pub every_h: u32,
    /// Days after which they are deleted, 1 to 3,650. It counts days and not snapshots, so that those of an idle week do not
    /// push out the last one that differs.
    pub keep_days: u32,
    /// The hour and minute of the day, in UTC, at which one is taken: `hh:mm`. AWS takes it within an hour of that.
    pub at: String,
}

impl Default for SnapshotsSpec {
    /// One a night for a fortnight: a mistake is noticed within days, and a holiday is shorter.
    fn default() -> Self {
        Self {
            every_h: 24,
            keep_days: 14,
            at: "03:00".to_owned(),
        }
    }
}

/// Reads the section; `None` where something of it is not sound.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<SnapshotsSpec> {
    let default = SnapshotsSpec::default();
    let every_h = match section.has("every") {
        true => one_of(reader, section, "every", &INTERVALS).map(|every| every.value),
        false => Some(default.every_h),
    };
    let keep_days = match section.has("keep") {
        true => {
            let keep = section.string(reader, "keep", KEEP);
            reader.check(keep, |keep| days(keep)).map(|keep| keep.value)
        }
        false => Some(default.keep_days),
    };
    let at = match section.has("at") {
        true => {
            let at = section.string(reader, "at", AT);
            reader.check(at, |at| time_of_day(at)).map(|at| at.value)
        }
        false => Some(default.at),
    };
    Some(SnapshotsSpec {
        every_h: every_h?,
        keep_days: keep_days?,
        at: at?,
    })
}

const KEEP: &str = "a number of days, such as \"14d\"";
const AT: &str = "an hour and minute of the day in UTC, such as \"03:00\"";

fn days(text: &str) -> Result<u32, Fault> {
    let number = text
        .strip_suffix('d')
        .and_then(|number| number.trim_end().parse::<u32>().ok());
    match number {
        Some(days @ 1..=KEEP_DAYS_MAX) => Ok(days),
        Some(_) => Err(Fault::out_of_range(syntax::is(text), format!("1d to {KEEP_DAYS_MAX}d"))),
        None => Err(Fault::malformed(syntax::is(text), KEEP)),
    }
}

fn time_of_day(text: &str) -> Result<String, Fault> {
    let two = |part: &str, most: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|number| number <= most);
    match text.split_once(':') {
        Some((hour, minute)) if two(hour, 23) && two(minute, 59) => Ok(text.to_owned()),
        _ => Err(Fault::malformed(syntax::is(text), AT)),
    }
}

/// The section as a table.
pub(super) fn table(spec: &SnapshotsSpec) -> Table {
    let mut table = Table::new();
    table["every"] = value(format!("{}h", spec.every_h));
    table["keep"] = value(format!("{}d", spec.keep_days));
    table["at"] = value(&spec.at);
    table
}
