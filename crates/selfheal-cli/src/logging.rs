//! Logs, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Installs a subscriber where logs are asked for, by `-v` or by a filter in `SELFHEAL_LOG`; else there is none, and
/// starting costs nothing.
pub fn init(verbose: u8, colour: bool) {
    let asked = std::env::var("SELFHEAL_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match (asked, verbose) {
        (Some(filter), _) => filter,
        (None, 0) => return,
        (None, 1) => "selfheal=info,selfheal_aws=info".to_owned(),
        // The SDK opens a span for each call, under the name of its service's crate.
        (None, 2) => "selfheal=debug,selfheal_aws=debug,aws_sdk=debug".to_owned(),
        (None, _) => "debug".to_owned(),
    };
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
        eprintln!("warning: SELFHEAL_LOG: {error}");
        EnvFilter::new("info")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(colour && std::io::stderr().is_terminal())
        .init();
}
