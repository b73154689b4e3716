//! Everything that a contributor must pass, with one total.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use clap::Parser;

use crate::error::{Context, TaskResult};
use crate::report::{Counts, note_failure, repeat_failures, say_failure};
use crate::shell::{WHOLE, build_everything, cargo, describe, stage};
use crate::venv::Venv;
use crate::{book, crash, days, e2e, fuzz, policies, workspace};

/// A part of the tests.
type Part<'a> = &'a dyn Fn() -> TaskResult<Counts>;

/// Seconds for each target of `fuzz`. By hand it takes a minute for each.
const FUZZ_SECONDS: u64 = 10;

/// Days that are lived through on every change, and the seconds after which no other one begins: a slow machine lives through
/// fewer of them.
const DAYS: u64 = 2_000;
const DAYS_SECONDS: u64 = 90;

/// Runs all tests and answers their total. A part that fails does not keep the others from running.
pub fn run() -> TaskResult<Counts> {
    let venv = stage("python environment", Venv::ensure)?;
    stage("build", build_everything)?;
    let mut total = Counts::default();
    let parts: [(&str, Part<'_>); 11] = [
        ("unit, integration and documentation tests", &|| cargo_tests(&venv)),
        ("the book", &book::run),
        ("the demo, without the SDK", &demo),
        ("mutated inputs", &|| fuzz::each_for(FUZZ_SECONDS)),
        ("random days", &|| days::few(DAYS, DAYS_SECONDS)),
        ("speed of the simulation", &days::bench),
        ("policies read by parliament", &|| policies::run(&venv)),
        ("end to end", &e2e::run),
        ("crash at every call", &|| crash::run(None)),
        ("boot lab", &boot_lab),
        ("speed and memory", &speed_and_memory),
    ];
    for (name, part) in parts {
        let counted = stage(name, || {
            let counts = part()?;
            counts.verdict().map(|()| counts).or_else(|error| {
                say_failure(format!("{name}: {error}"));
                Ok(if counts == Counts::default() {
                    Counts::FAILED
                } else {
                    counts
                })
            })
        });
        total += counted.unwrap_or_else(|error| {
            say_failure(format!("{name}: {error}"));
            Counts::FAILED
        });
    }
    repeat_failures();
    Ok(total)
}

/// Runs cargo's tests, shows what they print, and adds up what they count.
fn cargo_tests(venv: &Venv) -> TaskResult<Counts> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command
        .args(WHOLE)
        .env("SELFHEAL_SHELLCHECK", venv.program("shellcheck"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = [venv.bin().to_path_buf()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(paths) {
        command.env("PATH", path);
    }
    count(command, test_result)
}

/// Measures in a process of its own: Linux counts as a child's memory what its parent held when the child was started, and
/// this process has held more than what is measured.
fn speed_and_memory() -> TaskResult<Counts> {
    let mut command = Command::new(workspace::own_program()?);
    command.arg("bench");
    count(command, total)
}

/// Runs a command, shows what it prints, and adds up the lines that count.
fn count(mut command: Command, counted: fn(&str) -> Option<Counts>) -> TaskResult<Counts> {
    let name = describe(&command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context(|| format!("start {name}"))?;
    let mut counts = Counts::default();
    let mut failures = Failures::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.context(|| format!("read the output of {name}"))?;
            println!("{line}");
            if failures.shows(&line) {
                note_failure(&*line);
            }
            if let Some(result) = counted(&line) {
                counts += result;
            }
        }
    }
    let status = child.wait().context(|| format!("wait for {name}"))?;
    if !status.success() && counts.failed == 0 {
        // A test that does not compile, or a test binary that dies, counts nothing by itself.
        say_failure(format!("{name} ended with {status}"));
        counts += Counts::FAILED;
    }
    Ok(counts)
}

/// Finds the lines that tell of failures: in what a test binary prints between its two lines `failures:`, and in a task's
/// list of checks.
#[derive(Default)]
struct Failures {
    /// How many lines of the present binary's failures are still wanted; `None` outside of them.
    left: Option<usize>,
}

impl Failures {
    /// Lines of one test binary's failures that are said again.
    const LINES: usize = 60;

    /// Whether a line tells of a failure.
    fn shows(&mut self, line: &str) -> bool {
        if line == "failures:" {
            self.left = match self.left {
                None => Some(Self::LINES),
                Some(_) => None,
            };
            return false;
        }
        match &mut self.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                !line.is_empty()
            }
            None => line.contains(": FAILED "),
        }
    }
}

/// Reads the line that ends the tests of one binary.
fn test_result(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        let part = numbers.split(';').find(|part| part.trim_end().ends_with(what))?;
        part.trim().split(' ').next()?.parse().ok()
    };
    Some(Counts {
        passed: number(" passed")?,
        failed: number(" failed")?,
        skipped: number(" ignored")?,
    })
}

/// Reads the total that ends a task of this program.
fn total(line: &str) -> Option<Counts> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some(Counts {
        passed: passed.parse().ok()?,
        failed: failed.parse().ok()?,
        skipped: 0,
    })
}

/// Runs the README's first command, which builds without the SDK and asserts what it shows.
fn demo() -> TaskResult<Counts> {
    crate::shell::run(cargo(&["demo"]).stdout(Stdio::null()))?;
    Ok(Counts::PASSED)
}

/// Runs the scenarios of the boot lab that CI runs; without root it skips them and says so.
fn boot_lab() -> TaskResult<Counts> {
    /// The arguments of `cargo xtask boot-lab` when none is given.
    #[derive(clap::Parser)]
    struct Lab {
        #[command(flatten)]
        arguments: crate::boot_lab::Arguments,
    }
    crate::boot_lab::run(&Lab::parse_from(["boot-lab"]).arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_results_of_cargo() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s";
        assert_eq!(
            test_result(line),
            Some(Counts {
                passed: 12,
                failed: 0,
                skipped: 1
            })
        );
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s";
        assert_eq!(
            test_result(line),
            Some(Counts {
                passed: 3,
                failed: 2,
                skipped: 0
            })
        );
        assert_eq!(test_result("test a::b ... ok"), None);
    }

    #[test]
    fn reads_the_total_of_a_task_and_of_nothing_else() {
        let counts = Counts {
            passed: 8,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(total(&counts.to_string()), Some(counts));
        assert_eq!(total("bench: 8 passed, 1 failed"), None);
    }

    #[test]
    fn finds_what_failed_in_the_output_of_tests() {
        let output = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nleft: 1\n\nfailures:\n    a\n\ntest result: FAILED.\n\
                      bench: FAILED  calls (0.0 s)\nbench: ok      depth";
        let mut failures = Failures::default();
        let shown: Vec<&str> = output.lines().filter(|line| failures.shows(line)).collect();
        assert_eq!(shown, ["---- a stdout ----", "left: 1", "bench: FAILED  calls (0.0 s)"]);
    }

    #[test]
    fn a_command_that_dies_without_counting_is_a_failure() {
        let mut dies = Command::new("false");
        dies.stdin(Stdio::null());
        assert_eq!(count(dies, test_result).unwrap(), Counts::FAILED);
    }
}
