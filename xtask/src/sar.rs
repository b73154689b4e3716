//! The service reference in selfheal-policy, regenerated.

use std::fs;
use std::path::PathBuf;

use crate::error::{Context, TaskError, TaskResult};
use crate::shell::run as run_command;
use crate::venv::Venv;
use crate::workspace;

/// The generated file, from the workspace's root.
const REFERENCE: &str = "crates/selfheal-policy/data/service-reference.txt";

/// Writes the reference anew, or with `check` fails if it differs from what would be written.
pub fn run(check: bool) -> TaskResult<()> {
    let venv = Venv::ensure()?;
    let kept: PathBuf = workspace::root().join(REFERENCE);
    let made = if check {
        workspace::scratch().join("service-reference.txt")
    } else {
        kept.clone()
    };
    let read = |path: &PathBuf| fs::read_to_string(path).context(|| format!("read {}", path.display()));
    let mut generator = venv.script("service_reference.py");
    generator.arg(&made);
    if check {
        // The date says when the reference was taken; a check is no new taking.
        let text = read(&kept)?;
        let date = text.lines().find_map(|line| line.strip_prefix("date "));
        generator
            .arg("--date")
            .arg(date.ok_or_else(|| TaskError::malformed(REFERENCE, "it has no date"))?);
    }
    run_command(&mut generator)?;
    if !check {
        return Ok(());
    }
    if read(&made)? == read(&kept)? {
        println!("{REFERENCE} is what the generator makes");
        return Ok(());
    }
    Err(TaskError::failed(format!(
        "{REFERENCE} differs from what the generator makes: run `cargo xtask sar`"
    )))
}
