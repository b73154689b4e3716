//! The schemas of what `--json` prints, as they are committed in `schema/`.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use selfheal_core::doctor::DoctorReport;
use selfheal_core::status::StatusReport;
use selfheal_core::{CostReport, Plan, SnapshotsReport};

use crate::commands::certificate::Certificate;
use crate::commands::config::{ConfigCompared, ConfigList};
use crate::commands::notify::Published;
use crate::commands::run::Ran;
use crate::events::Line;
use crate::failure::Failure;
use crate::log_line::LogLine;
use crate::output::Versioned;

/// Describes what is printed: every field is there, `null` where there is nothing to say.
fn schema<T: JsonSchema>(title: &str) -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Versioned<T>>();
    schema.insert("title".to_owned(), title.into());
    schema
}

/// Compares a schema with the committed one; writes it where `SELFHEAL_SCHEMA=write` asks for that.
fn check(name: &str, schema: &Schema) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    let path = folder.join(format!("{name}.schema.json"));
    let mut text = serde_json::to_string_pretty(schema).expect("a schema is JSON");
    text.push('\n');
    if std::env::var_os("SELFHEAL_SCHEMA").is_some_and(|value| value == "write") {
        std::fs::write(&path, &text).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // In whatever order: a build of the whole workspace keeps the order of keys, one of this crate sorts them.
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == *schema.as_value(),
        "schema/{name}.schema.json is not what the types say: run this test with SELFHEAL_SCHEMA=write, and tell of the \
         change in CHANGELOG.md"
    );
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    check("plan", &schema::<Plan>("What `selfheal plan --json` prints"));
    check(
        "status",
        &schema::<StatusReport>("What `selfheal status --json` prints"),
    );
    check(
        "events",
        &schema::<Line<'_>>(
            "A line of what `selfheal apply`, `destroy`, `resume`, `replace`, `rollback`, `wait`, `status --watch`, `sleep`, `wake`, `snapshot` and `restore` print with `--json`",
        ),
    );
    check("run", &schema::<Ran>("What `selfheal run --json` prints"));
    check(
        "config-list",
        &schema::<ConfigList>("What `selfheal config list --json` prints"),
    );
    check(
        "config-diff",
        &schema::<ConfigCompared>("What `selfheal config diff --json` prints"),
    );
    check(
        "snapshots",
        &schema::<SnapshotsReport>("What `selfheal snapshots --json` prints"),
    );
    check(
        "doctor",
        &schema::<DoctorReport>("What `selfheal doctor --json` prints"),
    );
    check("cost", &schema::<CostReport>("What `selfheal cost --json` prints"));
    check(
        "logs",
        &schema::<LogLine>("A line of what `selfheal logs` prints with `--json`"),
    );
    check(
        "certificate",
        &schema::<Certificate>("What `selfheal certificate --json` prints"),
    );
    check("notify", &schema::<Published>("What `selfheal notify --json` prints"));
    check(
        "failure",
        &schema::<Failure>(
            "What `selfheal plan`, `status`, `run`, `notify` and `logs` print with `--json` when they fail",
        ),
    );
}
