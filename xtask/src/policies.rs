//! The generated policies, read by parliament: somebody else's check of the same documents.

use std::fs;
use std::process::Command;

use selfheal_core::spec::EXAMPLE;

use crate::error::{Context, TaskError, TaskResult};
use crate::report::{Counts, Report};
use crate::shell::{describe, run as run_command};
use crate::venv::Venv;
use crate::workspace;

/// What `selfheal policy` is asked for, one document each. Those of `snapshot`, `shell`, `forward`, `run` and `doctor` name actions
/// and conditions that are younger than what parliament knows.
const DOCUMENTS: [&[&str]; 16] = [
    &["instance"],
    &["operator", "--for", "plan"],
    &["operator", "--for", "apply"],
    &["operator", "--for", "status"],
    &["operator", "--for", "destroy"],
    &["operator", "--for", "resume"],
    &["operator", "--for", "sleep"],
    &["operator", "--for", "replace"],
    &["operator", "--for", "config"],
    &["operator", "--for", "restore"],
    &["operator", "--for", "drill"],
    &["operator", "--for", "drill-restore"],
    &["operator", "--for", "request"],
    &["operator", "--for", "init"],
    &["operator", "--for", "logs"],
    &["operator", "--for", "notify"],
];

/// Prints each policy of a stack on the simulated AWS and has parliament read it.
pub fn run(venv: &Venv) -> TaskResult<Counts> {
    let folder = workspace::scratch().join("policies");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context(|| "make the folder of policies".to_owned())?;
    fs::write(folder.join("selfheal.toml"), EXAMPLE).context(|| "write a spec".to_owned())?;
    let mut report = Report::new("policies");
    for document in DOCUMENTS {
        let name = document.join("-").replace("--", "");
        let path = folder.join(format!("{name}.json"));
        let verdict = print(&folder, document).and_then(|text| {
            fs::write(&path, text).context(|| format!("write {}", path.display()))?;
            run_command(venv.script("parliament_check.py").arg(&path))
        });
        report.check(&document.join(" "), verdict);
    }
    Ok(report.finish())
}

fn print(folder: &std::path::Path, document: &[&str]) -> TaskResult<Vec<u8>> {
    let mut command = Command::new(workspace::selfheal());
    command
        .arg("policy")
        .args(document)
        .args(["--backend", "sim"])
        .current_dir(folder);
    command.env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin");
    let output = command.output().context(|| "start selfheal".to_owned())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(TaskError::Failed(format!(
        "{}: {}",
        describe(&command),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
