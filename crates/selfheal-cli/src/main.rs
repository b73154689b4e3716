//! `selfheal`: makes one EC2 instance heal itself.
//!
//! Thin: it reads the command line and the stack's file, composes the libraries, and shows what they say. It decides nothing.

#[cfg(not(any(feature = "sdk", feature = "sim")))]
compile_error!("selfheal needs a backend: the feature `sdk`, `sim`, or both");

mod awaiting;
mod backend;
mod cli;
mod commands;
mod done;
mod duration;
mod entry;
mod error;
mod events;
mod exit;
mod failure;
mod files;
mod forward;
mod live;
mod log_line;
mod logging;
mod output;
mod progress;
mod prompt;
mod report;
mod saved;
#[cfg(test)]
mod schema;
mod session;
mod spec;
mod tools;

use std::process::ExitCode;

use cli::{Cli, Command, Global, Prints};
use error::CliError;
use events::Line;
use failure::Failure;
use output::{Output, colours};
use spec::Named;

fn main() -> ExitCode {
    let cli = Cli::of_process();
    let colour = colours(cli.global.color, &std::io::stderr());
    logging::init(cli.global.verbose, colour);
    let prints = cli.command.prints();
    match run(&cli.global, cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if error.is_broken_pipe() {
                return ExitCode::from(exit::FAILED);
            }
            report(&error, colour);
            let output = Output::new(cli.global.color);
            let printed = match prints {
                Prints::Text => Ok(()),
                Prints::Document => output.report(&Failure::of(&error)),
                Prints::Events => output.line(&Line::failed(&error)),
                Prints::Lines => output.line(&Failure::of(&error)),
            };
            // That it cannot be written is told by the exit code, which is another anyway.
            drop(printed);
            ExitCode::from(exit::of(&error))
        }
    }
}

fn run(global: &Global, command: Command) -> Result<u8, CliError> {
    let output = Output::new(global.color);
    let prints = command.prints();
    let purpose = command.purpose();
    let open_as = |global: &Global, named| {
        let opened = session::Session::open(global, output, named, prints)?;
        Ok::<_, CliError>(opened.for_command(purpose))
    };
    let open = || open_as(global, Named::Needed);
    let open_anyway = || open_as(global, Named::Optional);
    match command {
        Command::Init(args) => commands::init::run(global, output, &args),
        Command::Schema => reading(commands::init::schema(output)),
        Command::Plan(args) => reading(open()?.run(|session| commands::plan::run(session, &args))),
        Command::Status(args) => reading(commands::status::of_files(global, output, &args, open_as)),
        Command::Config(args) => open_anyway()?.run(|session| commands::config::run(session, &args)),
        Command::Logs(args) => reading(open_anyway()?.run(|session| commands::logs::run(session, &args))),
        Command::Certificate(args) => open_anyway()?.run(|session| commands::certificate::run(session, &args)),
        Command::Notify(args) => open_anyway()?.run(|session| commands::notify::run(session, &args)),
        Command::Policy(args) => reading(commands::policy::run(global, output, &args)),
        Command::Doctor(args) => reading(open()?.run(|session| commands::doctor::run(session, &args))),
        Command::Cost(args) => reading(commands::cost::run(global, output, &args)),
        Command::Userdata(args) => reading(commands::userdata::run(global, output, &args)),
        Command::Completions(args) => reading(commands::completions::completions(output, &args)),
        Command::Man(args) => commands::completions::man(output, &args),
        #[cfg(feature = "sim")]
        Command::Demo(args) => reading(commands::demo::run(output, &args)),
        Command::Apply(args) => open()?.run(|session| commands::apply::run(session, &args)),
        Command::Destroy(args) => open_anyway()?.run(|session| commands::destroy::run(session, &args)),
        Command::Resume(args) => open_anyway()?.run(|session| commands::resume::run(session, &args)),
        Command::Replace(args) => open_anyway()?.run(|session| commands::replace::replace(session, &args)),
        Command::Rollback(args) => open_anyway()?.run(|session| commands::replace::rollback(session, &args)),
        Command::Drill(args) => open_anyway()?.run(|session| commands::drill::run(session, &args)),
        Command::Wait(args) => open_anyway()?.run(|session| commands::replace::wait(session, &args)),
        Command::Sleep(args) => open_anyway()?.run(|session| commands::sleep::sleep(session, &args)),
        Command::Snapshot(args) => open_anyway()?.run(|session| commands::snapshot::snapshot(session, &args)),
        Command::Snapshots(args) => reading(open_anyway()?.run(|session| commands::snapshot::list(session, &args))),
        Command::Restore(args) => open()?.run(|session| commands::snapshot::restore(session, &args)),
        Command::Run(args) => reading(open_anyway()?.run(|session| commands::run::run(session, &args))),
        Command::Shell(args) => {
            let arguments = open_anyway()?.run(|session| commands::shell::shell(session, global, &args))?;
            Err(tools::become_aws(&arguments))
        }
        Command::Forward(args) => {
            let arguments = open_anyway()?.run(|session| commands::shell::forward(session, global, &args))?;
            Err(tools::become_aws(&arguments))
        }
        Command::Wake(args) => open_anyway()?.run(|session| commands::sleep::wake(session, &args)),
    }
}

/// Ends a command that only reads. Whoever stops reading its output has seen enough.
fn reading(result: Result<u8, CliError>) -> Result<u8, CliError> {
    match result {
        Err(error) if error.is_broken_pipe() => Ok(exit::DONE),
        result => result,
    }
}

/// Shows an error on standard error.
fn report(error: &CliError, colour: bool) {
    if let CliError::Spec { path, text, errors } = error {
        eprintln!("{}", spec::render(path, text, errors, colour));
    }
    let (red, cyan, reset) = if colour {
        ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    eprintln!("{red}error{reset}: {error}");
    if let Some(help) = error.help() {
        eprintln!("{cyan}help{reset}: {help}");
    }
}
