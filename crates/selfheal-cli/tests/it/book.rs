//! The transcripts of the book, run as a reader would, on the simulated AWS.

#[test]
fn what_getting_started_shows_is_what_the_commands_print() {
    trycmd::TestCases::new()
        .env("SELFHEAL_BACKEND", "sim")
        .register_bin("selfheal", std::path::PathBuf::from(env!("CARGO_BIN_EXE_selfheal")))
        .case("../../docs/src/getting-started.md");
}
