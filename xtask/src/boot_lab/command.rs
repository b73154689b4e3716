//! Running the system's tools and waiting for things.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, TaskError, TaskResult};
use crate::shell::describe;

/// Runs a program to its end and answers what it printed; fails, with what it complained of, unless it succeeds.
pub fn output(command: &mut Command) -> TaskResult<String> {
    let line = describe(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .context(|| format!("start {line}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(TaskError::failed(format!(
        "{line} ended with {}: {}{stdout}",
        output.status,
        complaint.trim()
    )))
}

/// Runs a program with these words as its command line.
pub fn run(words: &[&str]) -> TaskResult<String> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| TaskError::failed("no program to run"))?;
    output(Command::new(program).args(arguments))
}

/// Waits until `probe` answers, asking every 20 ms; fails with what was waited for when the time is over.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> TaskResult<Option<T>>) -> TaskResult<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(TaskError::failed(format!("no {what} within {} s", limit.as_secs())));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Fails with the message unless the condition holds.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> TaskResult<()> {
    if holds {
        Ok(())
    } else {
        Err(TaskError::failed(otherwise()))
    }
}
