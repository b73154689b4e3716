//! The section `[data.snapshots]`.

use crate::files::{errors, minimal_with, parse};
use selfheal_core::spec::SnapshotsSpec;

#[test]
fn snapshots_by_schedule_have_defaults_and_limits() {
    let with = |section: &str| {
        let data = "[data]\nsize = \"20GiB\"\nmount = \"/srv/data\"\n[data.snapshots]\n";
        minimal_with(&format!("{data}{section}\n"))
    };
    let read = |section: &str| parse(&with(section)).snapshots().cloned();
    assert_eq!(read(""), Some(SnapshotsSpec::default()));
    let spec = read("every = \"6h\"\nkeep = \"30d\"\nat = \"23:59\"").expect("the section");
    assert_eq!((spec.every_h, spec.keep_days, spec.at.as_str()), (6, 30, "23:59"));
    for (section, says) in [
        ("every = \"5h\"", "one of"),
        ("every = 6", "one of"),
        ("keep = \"2w\"", "a number of days"),
        ("keep = \"0d\"", "1d to 3650d"),
        ("keep = \"3651d\"", "1d to 3650d"),
        ("at = \"24:00\"", "in UTC"),
        ("at = \"3:00\"", "in UTC"),
        ("at = \"03:60\"", "in UTC"),
        ("hourly = true", "hourly"),
    ] {
        let errors = errors(&with(section));
        assert!(
            errors.contains(says) && errors.contains("data.snapshots"),
            "{section}: {errors}"
        );
    }
}
