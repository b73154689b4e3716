//! The tasks of the workspace: `cargo xtask --help` lists them.

mod error;
mod fake;
mod net;
mod report;
mod shell;
mod venv;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::TaskResult;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "The tasks of the selfheal workspace",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Serves moto behind the proxy until standard input ends, to try things by hand.
    Fake,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Fake => serve_fake(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_fake() -> TaskResult<()> {
    let venv = venv::Venv::ensure()?;
    let moto = fake::Moto::start(&venv)?;
    let proxy = fake::Proxy::start(&moto)?;
    println!("export AWS_ENDPOINT_URL={}", proxy.url());
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {
        for entry in proxy.log() {
            println!("{:3} {} {:?}", entry.number, entry.call, entry.status);
        }
        line.clear();
    }
    Ok(())
}
