//! The transcripts of the book, run as a reader would, on the simulated AWS.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_getting_started_shows_is_what_the_commands_print() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    // The commands keep the simulated AWS beside the spec.
    let folder = tempfile::tempdir().expect("a folder");
    let beside = folder.path().join("getting-started.in");
    fs::create_dir(&beside).expect("a folder for the spec");
    for file in ["getting-started.md", "getting-started.in/selfheal.toml"] {
        fs::copy(pages.join(file), folder.path().join(file)).expect("it is copied");
    }
    let cases = trycmd::TestCases::new();
    cases
        .env("SELFHEAL_BACKEND", "sim")
        .register_bin("selfheal", PathBuf::from(env!("CARGO_BIN_EXE_selfheal")))
        .case(folder.path().join("getting-started.md"))
        .run();
}
