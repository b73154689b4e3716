//! What every change must pass: the same here and in `.ci/run`.

use crate::error::TaskResult;
use crate::report::Counts;
use crate::shell::{WHOLE, cargo, run, stage};
use crate::{suite, tidy};

/// Runs every check, and then the tests, whose total line comes last.
pub fn ci() -> TaskResult<Counts> {
    stage("tidy", || tidy::run()?.verdict())?;
    stage("fmt", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    stage("clippy", || {
        run(cargo(&["clippy", "--all-targets"])
            .args(WHOLE)
            .args(["--", "-D", "warnings"]))
    })?;
    // Documentation reads the same metadata of the SDK that clippy made.
    stage("doc", || {
        run(cargo(&["doc", "--no-deps"])
            .args(WHOLE)
            .env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    suite::run()
}
