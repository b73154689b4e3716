//! Tells the binary of what it was built, for `--version`: the commit and its date, where the sources are a clone, and the target.

use std::path::Path;
use std::process::Command;

fn main() {
    // What is not there would count as changed each time.
    for file in ["build.rs", "../../.git/HEAD", "../../.git/refs/heads"] {
        if Path::new(file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    let target = std::env::var("TARGET").unwrap_or_default();
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let built_of = match commit() {
        Some(commit) => format!("{version} ({commit}, {target})"),
        None => format!("{version} ({target})"),
    };
    println!("cargo:rustc-env=SELFHEAL_VERSION={built_of}");
}

/// The commit and its date; `None` of sources that are no clone of the repository itself, such as a package.
fn commit() -> Option<String> {
    let root = Path::new("../../.git").exists();
    let mut git = Command::new("git");
    let output = git
        .args(["log", "-1", "--format=%h %cs"])
        .output()
        .ok()
        .filter(|_| root)?;
    let line = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !line.trim().is_empty()).then(|| line.trim().to_owned())
}
