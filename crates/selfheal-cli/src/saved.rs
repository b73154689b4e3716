//! A plan in a file: shown today, applied tomorrow, and never beyond what was shown.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use selfheal_core::plan::Plan;
use serde::Deserialize;

use crate::error::CliError;
use crate::files;
use crate::output::{JSON_VERSION, Versioned};

/// Size limit of a plan: one holds user data and policies, which AWS limits to some ten KiB each, and what a bundle holds.
const PLAN_BYTES_MAX: u64 = 16 << 20;

/// The version of a plan's form, whatever else the file holds.
#[derive(Debug, Deserialize)]
struct Form {
    version: u32,
}

/// Writes a plan as `plan --json` prints it, for its owner alone to read, in the place of what was there.
///
/// # Errors
/// The file cannot be written.
pub fn save(path: &Path, plan: &Plan) -> Result<(), CliError> {
    let failed = |error: String| CliError::Failed(format!("cannot write {}: {error}", path.display()));
    let mut text = serde_json::to_string_pretty(&Versioned::of(plan)).map_err(|error| failed(error.to_string()))?;
    text.push('\n');
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path));
    written.map_err(|error| {
        // What is left of the draft is of no use; that it cannot be removed changes nothing.
        drop(std::fs::remove_file(&draft));
        failed(error.to_string())
    })
}

/// Reads a plan that was saved.
///
/// # Errors
/// The file cannot be read, or is no plan of a form that this version knows.
pub fn load(path: &Path) -> Result<Plan, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{} is no saved plan: {why}", path.display()));
    let bytes = files::read(path, PLAN_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    let form: Form = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if form.version != JSON_VERSION {
        return Err(wrong(format!(
            "its form is {}, and this version reads {JSON_VERSION}",
            form.version
        )));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
