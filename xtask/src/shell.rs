//! Running programs and timing stages.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::error::{Context, TaskError, TaskResult};
use crate::workspace;

/// The flags of every cargo call that needs the AWS SDK.
///
/// They are the same everywhere, so that aws-sdk-ec2, which costs minutes, is compiled once to build and once to check.
pub const WHOLE: [&str; 2] = ["--workspace", "--all-features"];

/// Makes a call of the cargo that runs this task, in the workspace's root.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(workspace::root())
        .stdin(Stdio::null());
    // Cargo tells these to what it runs; handed on, they would make the inner cargo rebuild what depends on them.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" || name == "CARGO_MANIFEST_PATH" {
            command.env_remove(&*name);
        }
    }
    command
}

/// Describes a command in one line.
pub fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}

/// Runs a command with our own standard streams and fails unless it succeeds.
pub fn run(command: &mut Command) -> TaskResult<()> {
    let status = command.status().context(|| format!("start {}", describe(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(TaskError::Command {
        program: describe(command),
        status: status.to_string(),
    })
}

/// Runs a stage of a longer task and prints how long it took.
pub fn stage<T>(name: &str, work: impl FnOnce() -> TaskResult<T>) -> TaskResult<T> {
    println!("== {name}");
    let start = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "done" } else { "FAILED" };
    println!("== {name}: {verdict} in {:.1} s", start.elapsed().as_secs_f64());
    outcome
}

/// Builds everything with every feature, and keeps the `selfheal` of that build for the end-to-end tasks.
pub fn build_everything() -> TaskResult<()> {
    run(cargo(&["build", "--all-targets"]).args(WHOLE))?;
    workspace::keep_selfheal()
}
