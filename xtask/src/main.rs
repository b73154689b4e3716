//! The tasks of the workspace: `cargo xtask --help` lists them.

mod bench;
mod book;
mod boot_lab;
mod ci;
mod crash;
mod days;
mod e2e;
mod error;
mod fake;
mod fuzz;
mod granted;
mod imds;
mod machine;
mod net;
mod noise;
mod policies;
mod report;
mod sar;
mod shell;
mod spread;
mod suite;
mod tidy;
mod venv;
mod wire;
mod workspace;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::error::TaskResult;
use crate::report::Counts;

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
    /// Checks format, lints, documentation and the rules of `tidy`, and then runs `test`.
    Ci,
    /// Runs everything that a contributor must pass, and ends with the total.
    Test,
    /// Checks what the compiler does not: arrows between crates and modules, purity, lengths, closed lists.
    Tidy,
    /// Writes the service reference and the partitions of selfheal-policy anew.
    Sar {
        /// Only tell whether it would change.
        #[arg(long)]
        check: bool,
    },
    /// Feeds what reads text of others with mutated examples; a finding is minimised, and told with the command that makes
    /// it again.
    Fuzz(fuzz::Arguments),
    /// Builds the book below `docs` into the target folder, and looks where its links lead.
    Book,
    /// Runs the built binary against moto and boots what it launches.
    E2e,
    /// Kills a first apply around every API call and runs it again.
    Crash {
        /// Only calls whose names contain this.
        #[arg(long)]
        call: Option<String>,
    },
    /// Measures speed and memory against their limits; `bench sim`, planner and simulation; `bench boot`, as root, the boot
    /// program in the boot lab; `bench heal` each rung of healing, on the simulation and, as root, on virtual machines.
    Bench {
        /// What is measured instead of the command line.
        subject: Option<Subject>,
        /// Print every call with its times.
        #[arg(long)]
        calls: bool,
    },
    /// Lives through random days of two stacks on the simulated AWS. One that fails is told with its seed, the fewest of its
    /// events, and the command that lives through it again.
    Sim(days::Arguments),
    /// Boots the user data for real, in namespaces, against the simulated AWS. Needs root.
    BootLab(boot_lab::Arguments),
    /// Serves moto behind the proxy until standard input ends, to try things by hand.
    Fake,
}

/// What `bench` can measure beside the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// The boot program, against the bare requests and the AWS CLI.
    Boot,
    /// Plans, applies and days on the simulated AWS.
    Sim,
    /// Each rung of healing: how long it takes on the simulated AWS, and, as root, on virtual machines.
    Heal,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Ci => ci::ci().and_then(total),
        Task::Test => suite::run().and_then(total),
        Task::Tidy => tidy::run().and_then(total),
        Task::Sar { check } => sar::run(check),
        Task::Fuzz(arguments) => fuzz::run(&arguments).and_then(total),
        Task::Book => book::run().and_then(total),
        Task::E2e => built(e2e::run),
        Task::Crash { call } => built(|| crash::run(call.as_deref())),
        Task::Bench { subject: None, calls } => built(|| bench::run(calls)),
        Task::Bench {
            subject: Some(Subject::Boot),
            ..
        } => boot_lab::bench().and_then(total),
        Task::Bench {
            subject: Some(Subject::Sim),
            ..
        } => days::bench().and_then(total),
        Task::Bench {
            subject: Some(Subject::Heal),
            ..
        } => bench_heal().and_then(total),
        Task::Sim(arguments) => days::sim(&arguments).and_then(total),
        Task::BootLab(arguments) => boot_lab::run(&arguments).and_then(total),
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

/// Runs a task that needs the built binary.
fn built(task: impl FnOnce() -> TaskResult<Counts>) -> TaskResult<()> {
    shell::build_everything()?;
    task().and_then(total)
}

/// How many healings of each rung are measured on the simulation.
const HEALINGS: u64 = 10_000;

/// Measures each rung of healing, on the simulation and on virtual machines.
fn bench_heal() -> TaskResult<Counts> {
    let mut counts = days::heal(HEALINGS)?;
    counts += boot_lab::bench_heal()?;
    Ok(counts)
}

/// Ends a task with its total alone on the last line.
fn total(counts: Counts) -> TaskResult<()> {
    println!("{counts}");
    counts.verdict()
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
