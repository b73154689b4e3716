//! Random days on the simulated AWS, and how fast the simulation is: by `selfheal-days`, which is built with optimisation.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::TaskResult;
use crate::report::Counts;
use crate::shell::{cargo, run};

/// What `cargo xtask sim` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many days, each of a seed of its own.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    schedules: u64,
    /// The seed of the first day, and of the one that is lived through again; by default from the time.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Seconds after which no other day begins.
    #[arg(long, default_value_t = 3_600)]
    seconds: u64,
    /// Live through the day of the seed alone, with those of its events that have these numbers, or `all`; print everything
    /// that happens.
    #[arg(long, value_name = "LIST", requires = "seed")]
    events: Option<String>,
}

/// Lives through random days, or through one again.
pub fn sim(arguments: &Arguments) -> TaskResult<Counts> {
    let seed = arguments.seed.unwrap_or_else(of_the_time);
    let words = match &arguments.events {
        Some(events) => vec!["replay".to_owned(), seed.to_string(), events.clone()],
        None => {
            let Arguments { schedules, seconds, .. } = arguments;
            vec![
                "run".to_owned(),
                schedules.to_string(),
                seed.to_string(),
                seconds.to_string(),
            ]
        }
    };
    run(program().args(words)).map(|()| Counts::PASSED)
}

/// Lives through so many days of fixed seeds, so that what a change breaks is what it is told to have broken.
pub fn few(days: u64, at_most_s: u64) -> TaskResult<Counts> {
    sim(&Arguments {
        schedules: days,
        seed: Some(1),
        seconds: at_most_s,
        events: None,
    })
}

/// Measures plans, applies and days against their bounds.
pub fn bench() -> TaskResult<Counts> {
    run(program().arg("bench")).map(|()| Counts::PASSED)
}

/// Measures how long so many healings of each rung take on the simulated AWS, against their bounds.
pub fn heal(healings: u64) -> TaskResult<Counts> {
    let mut program = program();
    run(program.args(["heal".to_owned(), healings.to_string()])).map(|()| Counts::PASSED)
}

/// The program that lives through days. It and what it uses of ours are compiled once more, with optimisation; the SDK is not
/// among that.
fn program() -> Command {
    cargo(&[
        "run",
        "--quiet",
        "--profile",
        "bench",
        "--package",
        "selfheal-days",
        "--",
    ])
}

fn of_the_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}
