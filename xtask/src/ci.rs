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
    if has_cargo_deny() {
        stage("licences and sources", || {
            run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))
        })?;
    }
    suite::run()
}

/// Whether `cargo deny` is installed. It takes longer to build than most of what it would check, so that nobody has to.
fn has_cargo_deny() -> bool {
    let output = cargo(&["deny", "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}
