//! What selfheal-policy knows of AWS by data, regenerated: the service reference and the partitions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, TaskError, TaskResult};
use crate::shell::run as run_command;
use crate::venv::Venv;
use crate::workspace;

/// The generated files, from the workspace's root, each with the script that makes it.
const GENERATED: [(&str, &str); 2] = [
    (
        "crates/selfheal-policy/data/service-reference.txt",
        "service_reference.py",
    ),
    ("crates/selfheal-policy/src/partition/table.rs", "partitions.py"),
];

/// Writes the files anew, or with `check` fails if one differs from what would be written.
pub fn run(check: bool) -> TaskResult<()> {
    let venv = Venv::ensure()?;
    GENERATED
        .iter()
        .try_for_each(|(file, script)| generate(&venv, file, script, check))
}

fn generate(venv: &Venv, file: &str, script: &str, check: bool) -> TaskResult<()> {
    let kept = workspace::root().join(file);
    let name = Path::new(file).file_name().unwrap_or_default();
    let made = if check {
        workspace::scratch().join(name)
    } else {
        kept.clone()
    };
    let read = |path: &PathBuf| fs::read_to_string(path).context(|| format!("read {}", path.display()));
    let mut generator = venv.script(script);
    generator.arg(&made);
    if check {
        // A date says when the data was taken; a check is no new taking.
        let text = read(&kept)?;
        if let Some(date) = text.lines().find_map(|line| line.strip_prefix("date ")) {
            generator.arg("--date").arg(date);
        }
    }
    run_command(&mut generator)?;
    if !check {
        return Ok(());
    }
    if read(&made)? == read(&kept)? {
        println!("{file} is what the generator makes");
        return Ok(());
    }
    Err(TaskError::failed(format!(
        "{file} differs from what the generator makes: run `cargo xtask sar`"
    )))
}
