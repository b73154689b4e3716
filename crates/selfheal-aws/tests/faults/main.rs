//! The table of what may go wrong, in `faults.md`: which fault of the simulation or of the labs says it, and which tests try it.
//!
//! It is written by `SELFHEAL_FAULTS=write` with this test, and held against the tests that there are.

mod rows;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rows::rows;

/// A fault.
struct Row {
    /// Its number in the catalogue.
    number: usize,
    /// What goes wrong.
    fault: &'static str,
    /// How the simulation or a lab says it.
    said_by: &'static str,
    /// The tests that try it.
    tests: &'static [&'static str],
    /// What of it no test tries.
    gap: &'static str,
}

/// Where the table stands.
const TABLE: &str = "crates/selfheal-aws/tests/faults.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The file in which a test stands, with what declares it there.
fn place(test: &str) -> (String, String) {
    let (suite, rest) = test.split_once("::").expect("a suite and a test");
    let folder = match suite {
        "apply" | "sim_world" | "sdk_mocks" => format!("crates/selfheal-aws/tests/{suite}"),
        "boot" => "crates/selfheal-userdata/tests/it".to_owned(),
        "cli" => "crates/selfheal-cli/tests/it".to_owned(),
        "policy" => "crates/selfheal-policy/tests/it".to_owned(),
        "core" => "crates/selfheal-core/tests/it".to_owned(),
        "lab" => {
            let file = "xtask/src/boot_lab/scenarios/mod.rs".to_owned();
            return (file, format!("name: \"{rest}\","));
        }
        "days" => return ("xtask/days/src/event.rs".to_owned(), format!("Event::{rest}")),
        "task" => return ("xtask/src/suite.rs".to_owned(), format!("{rest}::run")),
        _ => panic!("{suite} is no suite"),
    };
    let (file, name) = rest.split_once("::").expect("a file and a test");
    (format!("{folder}/{file}.rs"), format!("fn {name}()"))
}

#[test]
fn every_row_names_tests_that_there_are() {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for test in rows().flat_map(|row| row.tests) {
        let (file, declares) = place(test);
        let text = files.entry(file.clone()).or_insert_with(|| {
            fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"))
        });
        assert!(text.contains(&declares), "{file} has no {declares}");
    }
}

#[test]
fn every_fault_has_a_row_and_one_without_a_test_says_why() {
    let numbers: Vec<usize> = rows().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=57).collect::<Vec<_>>());
    for Row { number, tests, gap, .. } in rows() {
        assert!(!tests.is_empty() || !gap.is_empty(), "row {number}");
    }
}

#[test]
fn the_table_is_that_of_the_rows() {
    let path = root().join(TABLE);
    let made = table();
    if std::env::var("SELFHEAL_FAULTS").as_deref() == Ok("write") {
        fs::write(&path, &made).expect("the table can be written");
    }
    let kept = fs::read_to_string(&path).expect("the table is there");
    assert_eq!(kept, made, "write it anew: SELFHEAL_FAULTS=write");
}

fn table() -> String {
    let open = rows().filter(|row| !row.gap.is_empty()).count();
    let untried = rows().filter(|row| row.tests.is_empty()).count();
    let mut text = format!(
        "# What may go wrong, and what tries it\n\nWritten by `SELFHEAL_FAULTS=write cargo test -p selfheal-aws --no-default-features --features sim --test faults`, \
         and held against the tests\nthat there are. Of {} faults {untried} are not tried at all, and of {open} something is left open. \
         `lab` is a scenario of the boot lab,\n`days` an event of the random days, `task` a task of its own.\n\n\
         | # | fault | said by | tried by | left open |\n|---|---|---|---|---|\n",
        rows().count()
    );
    for Row {
        number,
        fault,
        said_by,
        tests,
        gap,
    } in rows()
    {
        let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(
            text,
            "| {number} | {fault} | {said_by} | {} | {gap} |",
            tests.join("<br>")
        );
    }
    text
}
