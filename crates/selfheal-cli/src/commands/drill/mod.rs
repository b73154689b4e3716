//! `selfheal drill`: makes the stack fail, watches it heal, and keeps the proof.

mod restore;

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use selfheal_aws::{DrillError, Drilled, Scope, drill};
use selfheal_core::Observed;
use selfheal_core::drill::{Check, DrillReport, How, Outside, page, refusals};
use selfheal_core::plan::Refusal;

use crate::cli::DrillArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::progress::Reporter;
use crate::prompt::{Question, confirm};
use crate::session::Session;

/// Drills the stack, or a restore of its data.
///
/// # Errors
/// It is refused, not confirmed, or does not take place. Where it did, and not everything holds, the exit code says so.
pub fn run(session: &Session, args: &DrillArgs) -> Result<u8, CliError> {
    if args.restore {
        return restore::run(session, args);
    }
    let how: How = args.how.parse().map_err(CliError::Usage)?;
    let observed = session.observe(Scope::Drill)?;
    let outside = answering(session, &observed)?;
    let now = session.backend.now();
    let refusals = refusals(
        &session.spec,
        &observed,
        how,
        now,
        (!args.no_snapshot, outside.is_some()),
    );
    if !refusals.is_empty() {
        return Err(refused(session, refusals));
    }
    if let Some(path) = &args.report {
        // A drill whose report nobody can write is not begun. What the file holds stays until then.
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map_err(|error| no_report(path, &error))?;
    }
    ask(session, args, how, outside.as_ref())?;
    let reporter = Reporter::new("the stack heals", session.events.as_ref());
    let control = session.backend.control(&reporter);
    let prober = session.backend.prober();
    let drilling = drill(
        session.backend.aws(),
        &session.spec,
        observed,
        how,
        (prober.as_ref(), outside.as_ref()),
        &control,
    );
    let drilled = session.backend.block_on(drilling);
    reporter.finish();
    let drilled = drilled?.map_err(|error| none(session, error, "the stack was not made to fail"))?;
    finish(session, args, drilled)
}

/// Why there is to be no drill: said to a person with what helps.
fn refused(session: &Session, refusals: Vec<Refusal>) -> CliError {
    if session.events.is_none() {
        for refusal in &refusals {
            eprintln!("! {}\n    {}", refusal.message, refusal.help);
        }
    }
    CliError::Refused(refusals)
}

/// Why there was none, though it was begun.
fn none(session: &Session, error: DrillError, what: &str) -> CliError {
    match error {
        DrillError::Call(error) => session.refused(error),
        error => CliError::NotServing {
            message: format!("{what}: {error}"),
            help: "`selfheal status` says how the stack is".to_owned(),
            done: Vec::new(),
        },
    }
}

/// Whether whoever asks for it has said the stack's name beforehand.
fn confirmed(session: &Session, args: &DrillArgs) -> Result<bool, CliError> {
    match &args.confirm {
        Some(typed) if *typed == session.spec.name => Ok(true),
        Some(_) => Err(CliError::Declined("the name is not the stack's")),
        None => Ok(false),
    }
}

/// What is asked at the address meanwhile, where it answers now.
fn answering(session: &Session, observed: &Observed) -> Result<Option<Outside>, CliError> {
    let address = selfheal_core::existing(&session.spec, observed).address;
    let Some((outside, address)) = Outside::of(&session.spec).zip(address) else {
        return Ok(None);
    };
    let prober = session.backend.prober();
    let answers = session.backend.block_on(prober.answers(&address.public_ip, &outside))?;
    Ok(answers.then_some(outside))
}

/// Says what is about to happen and what it costs, and asks for the stack's name.
fn ask(session: &Session, args: &DrillArgs, how: How, outside: Option<&Outside>) -> Result<(), CliError> {
    let name = &session.spec.name;
    let seen = match outside {
        Some(outside) => format!("port {} of its address is asked every second", outside.port()),
        None => "nobody answers at its address from here: what AWS tells is all that is seen".to_owned(),
    };
    let marker = match &session.spec.data {
        Some(_) => "\nA marker is written to the data volume before, and read afterwards.",
        None => "",
    };
    eprintln!(
        "A drill of {name}: {}.\nWhat it costs: {}.\nMeanwhile {seen}.{marker}\n",
        how.what(),
        how.costs()
    );
    if confirmed(session, args)? {
        return Ok(());
    }
    let question = Question::Name {
        what: "The stack is about to fail.",
        name,
    };
    confirm(&session.backend, question)
}

fn finish(session: &Session, args: &DrillArgs, drilled: Drilled) -> Result<u8, CliError> {
    let Drilled { report, untold, .. } = drilled;
    let html = page(&report);
    if let Some(error) = untold {
        eprintln!("The stack's address does not tell of the drill: {error}");
    }
    let passed = report.passed;
    let failed = not_so(&report.checks);
    match &session.events {
        Some(events) => events.end(Vec::new(), Outcome::Drilled(report))?,
        None => session.output.text(&show(&report))?,
    }
    // The proof is printed by now, whatever becomes of the file.
    if let Some(path) = &args.report {
        std::fs::write(path, html).map_err(|error| no_report(path, &error))?;
    }
    if passed {
        return Ok(exit::DONE);
    }
    eprintln!("The drill has failed; {failed}.");
    Ok(exit::NOT_SERVING)
}

fn no_report(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("the report cannot be written to {}: {error}", path.display()))
}

/// What of it does not hold.
fn not_so(checks: &[Check]) -> String {
    let failed = checks.iter().filter(|check| !check.holds);
    let failed: Vec<String> = failed
        .map(|check| format!("not so: {} ({})", check.what, check.seen))
        .collect();
    failed.join("; ")
}

/// A line for each check.
fn checked(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let sign = if check.holds { "holds" } else { "FAILS" };
        format!("  {sign}  {}: {}\n", check.what, check.seen)
    };
    checks.iter().map(line).collect()
}

/// Milliseconds as a person reads them.
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

/// The report as a person reads it.
fn show(report: &DrillReport) -> String {
    let mut text = String::from("\n");
    for entry in &report.timeline {
        text.push_str(&format!(
            "  {:>8}  {} {}\n",
            seconds(entry.after_ms),
            entry.instance,
            entry.what.happened()
        ));
    }
    text.push('\n');
    text.push_str(&checked(&report.checks));
    if let Some(ms) = report.silent_ms {
        text.push_str(&format!("\nNobody answered for {}.", seconds(ms)));
    }
    if let Some(ms) = report.healed_ms {
        text.push_str(&format!("\nIt served again after {}.", seconds(ms)));
    }
    text.push('\n');
    text
}
