//! Counting what passed, and saying it.

use std::fmt;
use std::ops::AddAssign;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::{TaskError, TaskResult};

/// How many checks passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that passed.
    pub passed: u64,
    /// Checks that failed.
    pub failed: u64,
    /// Checks that could not run here; each says why where it is skipped.
    pub skipped: u64,
}

impl Counts {
    /// One check that failed.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    /// One check that passed.
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    /// Fails unless nothing failed and something passed or was skipped: a run that checked nothing proves nothing.
    pub fn verdict(self) -> TaskResult<()> {
        if self.failed > 0 {
            return Err(TaskError::failed(format!("{} of the checks failed", self.failed)));
        }
        if self.passed + self.skipped == 0 {
            return Err(TaskError::failed("nothing was checked"));
        }
        Ok(())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// What failed in this process so far, each with its reason.
static FAILURES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says what failed where it failed, and keeps it for the end.
pub fn say_failure(failure: String) {
    println!("{failure}");
    note_failure(failure);
}

/// Keeps what failed and was printed: what shows the result of a long run often shows the end of the output alone.
pub fn note_failure(failure: impl Into<String>) {
    FAILURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(failure.into());
}

/// Says once more what failed, and forgets it.
pub fn repeat_failures() {
    let failures = std::mem::take(&mut *FAILURES.lock().unwrap_or_else(PoisonError::into_inner));
    if !failures.is_empty() {
        println!("== what failed");
    }
    for failure in failures {
        println!("{failure}");
    }
}

/// A list of checks that is printed as it goes: one line each.
#[derive(Debug)]
pub struct Report {
    area: &'static str,
    counts: Counts,
    last: Instant,
}

impl Report {
    /// Starts a list; `area` stands before each line.
    pub fn new(area: &'static str) -> Self {
        Self {
            area,
            counts: Counts::default(),
            last: Instant::now(),
        }
    }

    /// Notes a check: passed if `outcome` is `Ok`. Answers whether it passed.
    pub fn check(&mut self, name: &str, outcome: TaskResult<()>) -> bool {
        let elapsed_s = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        match outcome {
            Ok(()) => {
                self.counts += Counts::PASSED;
                println!("{}: ok      {name} ({elapsed_s:.1} s)", self.area);
                true
            }
            Err(error) => {
                self.counts += Counts::FAILED;
                say_failure(format!(
                    "{}: FAILED  {name} ({elapsed_s:.1} s)\n    {}",
                    self.area,
                    indent(&error.to_string())
                ));
                false
            }
        }
    }

    /// Notes a check of a condition, with what is wrong when it does not hold.
    pub fn expect(&mut self, name: &str, holds: bool, otherwise: impl FnOnce() -> String) -> bool {
        self.check(
            name,
            if holds {
                Ok(())
            } else {
                Err(TaskError::failed(otherwise()))
            },
        )
    }

    /// Ends the list.
    pub fn finish(self) -> Counts {
        println!("{}: {}", self.area, self.counts);
        self.counts
    }
}

fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_the_total_line() {
        let mut counts = Counts {
            passed: 3,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(counts.to_string(), "3 passed, 1 failed");
        counts += Counts {
            passed: 0,
            failed: 0,
            skipped: 1,
        };
        assert_eq!(counts.to_string(), "3 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_checked_nothing_is_no_success() {
        assert!(Counts::default().verdict().is_err());
        assert!(Counts::FAILED.verdict().is_err());
        assert!(Counts::PASSED.verdict().is_ok());
    }
}
