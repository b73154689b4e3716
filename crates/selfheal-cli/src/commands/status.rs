//! `selfheal status`: how the stack is.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use selfheal_aws::{Looking, Scope, StackUnread, follow, observe_all};
use selfheal_core::status::{Severity, StatusReport, status};
use selfheal_core::{Observed, Spec, plan};

use crate::backend::Backend;
use crate::cli::{Global, StatusArgs};
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::live::Live;
use crate::output::Output;
use crate::progress::Reporter;
use crate::report::Seen;
use crate::session::Session;
use crate::spec::{self, Named};

/// Shows the status.
///
/// # Errors
/// The stack cannot be read.
pub fn run(session: &Session, args: &StatusArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Status)?;
    let plan = plan(&session.spec, &observed);
    let report = status(&session.spec, &observed, &plan);
    if args.watch {
        return watch(session, args, observed, &report);
    }
    if args.json {
        session.output.report(&report)?;
    } else {
        session.output.text(&report.to_string())?;
    }
    Ok(code(report.severity.filter(|_| args.check)))
}

/// Goes on showing what changes. The whole status is for people at a terminal alone: elsewhere each line is a change.
fn watch(session: &Session, args: &StatusArgs, observed: Observed, report: &StatusReport) -> Result<u8, CliError> {
    if session.backend.is_simulated() && args.at_most.is_none() {
        return Err(CliError::Usage(
            "on a simulated AWS, which takes no time, `--watch` needs `--for`".to_owned(),
        ));
    }
    let live = Live::new(session.output, session.events.as_ref());
    if live.is_redrawn() {
        session.output.text(&format!("{report}\n"))?;
    }
    let control = session.backend.control(&live);
    let is_anybody_there = || live.is_read();
    let looking = Looking {
        at_most: args.at_most.and_then(|most| SignedDuration::try_from(most).ok()),
        is_anybody_there: &is_anybody_there,
    };
    let began = session.backend.now();
    let followed = follow(session.backend.aws(), &session.spec, observed, looking, &control);
    let followed = session.backend.block_on(followed);
    live.finish()?;
    let standing = followed?.map_err(|error| session.refused(error))?;
    let Some(events) = &session.events else {
        return Ok(exit::DONE);
    };
    let took = session.backend.now().duration_since(began);
    let seen = Seen {
        stack: session.spec.name.clone(),
        seconds: took.as_secs().unsigned_abs(),
        standing,
    };
    events.end(Vec::new(), Outcome::Watched(seen))?;
    Ok(exit::DONE)
}

const fn code(severity: Option<Severity>) -> u8 {
    match severity {
        None => exit::DONE,
        Some(Severity::Outdated | Severity::Unprotected | Severity::Unheard) => exit::PENDING,
        Some(Severity::CannotHeal) => exit::CANNOT_HEAL,
        Some(Severity::Down) => exit::DOWN,
    }
}

/// A stack of several: its place among them, its line, and how bad it is; or why it cannot be read.
type Line = (usize, Result<([String; 4], u8), StackUnread>);

/// Shows several stacks, a line each; of one Region they are read together.
///
/// # Errors
/// A file is invalid; a stack cannot be read, which is an error once the others were shown.
pub fn table(global: &Global, output: Output, args: &StatusArgs) -> Result<u8, CliError> {
    if let Some((_, option)) = [(args.watch, "--watch"), (args.json, "--json")]
        .iter()
        .find(|(is, _)| *is)
    {
        return Err(CliError::Usage(format!("`{option}` takes one stack at a time")));
    }
    let files = args.files.iter();
    let specs: Vec<Spec> = files
        .map(|file| spec::load(file, Named::Optional))
        .collect::<Result<_, _>>()?;
    let regions: BTreeSet<&str> = specs.iter().map(|spec| spec.region.as_str()).collect();
    let global = Global {
        file: args.files[0].clone(),
        ..global.clone()
    };
    let mut lines: Vec<Line> = Vec::new();
    for region in regions {
        lines.extend(of_region(&global, &specs, region)?);
    }
    lines.sort_by_key(|(place, _)| *place);
    output.text(&laid_out(&lines))?;
    let unread: Vec<String> = lines
        .iter()
        .filter_map(|(_, line)| line.as_ref().err())
        .map(ToString::to_string)
        .collect();
    if !unread.is_empty() {
        return Err(CliError::Failed(unread.join("\n")));
    }
    // The codes grow with what is wrong.
    let worst = lines
        .iter()
        .filter_map(|(_, line)| line.as_ref().ok())
        .map(|(_, code)| *code)
        .max();
    Ok(worst.filter(|_| args.check).unwrap_or(exit::DONE))
}

fn of_region(global: &Global, specs: &[Spec], region: &str) -> Result<Vec<Line>, CliError> {
    let (places, of): (Vec<usize>, Vec<Spec>) = specs
        .iter()
        .enumerate()
        .filter(|(_, spec)| spec.region == region)
        .map(|(place, spec)| (place, spec.clone()))
        .unzip();
    let Some(first) = of.first() else { return Ok(Vec::new()) };
    let backend = Backend::open(global, first)?;
    let reporter = Reporter::new("reading the stacks", None);
    let control = backend.control(&reporter);
    let read = backend.block_on(observe_all(backend.aws(), &of, Scope::Status, &control));
    reporter.finish();
    backend.close()?;
    let line = |(spec, read): (&Spec, Result<Observed, StackUnread>)| -> Result<([String; 4], u8), StackUnread> {
        let observed = read?;
        let report = status(spec, &observed, &plan(spec, &observed));
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        Ok((
            [
                report.stack.clone(),
                or_none(report.address.as_ref().map(|address| address.public_ip.clone())),
                or_none(report.instance.as_ref().map(|instance| instance.id.to_string())),
                match report.findings.first() {
                    Some(finding) => format!("{}: {}", report.state(), finding.message),
                    None => report.state().to_owned(),
                },
            ],
            code(report.severity),
        ))
    };
    Ok(places.into_iter().zip(of.iter().zip(read?).map(line)).collect())
}

/// The lines in columns, the last of which is as long as it is.
fn laid_out(lines: &[Line]) -> String {
    let heads = ["STACK", "ADDRESS", "INSTANCE", "STATE"].map(str::to_owned);
    let told = lines
        .iter()
        .filter_map(|(_, line)| line.as_ref().ok())
        .map(|(cells, _)| cells);
    let rows: Vec<&[String; 4]> = std::iter::once(&heads).chain(told).collect();
    let width = |column: usize| rows.iter().map(|cells| cells[column].len()).max().unwrap_or_default();
    let (stack, address, instance) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[a, b, c, d]| format!("{a:<stack$}  {b:<address$}  {c:<instance$}  {d}\n"))
        .collect()
}

/// Shows the stack of `-f`, or the stacks whose files are named.
///
/// # Errors
/// Those of [`run`] and [`table`].
pub fn of_files(
    global: &Global,
    output: Output,
    args: &StatusArgs,
    open: impl Fn(&Global, Named) -> Result<Session, CliError>,
) -> Result<u8, CliError> {
    match &args.files[..] {
        [] => open(global, Named::Optional)?.run(|session| run(session, args)),
        [file] => {
            let global = Global {
                file: file.clone(),
                ..global.clone()
            };
            open(&global, Named::Optional)?.run(|session| run(session, args))
        }
        _ => table(global, output, args),
    }
}
