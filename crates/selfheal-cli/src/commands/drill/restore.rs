//! `selfheal drill --restore`: proves that the last snapshot can be restored, on a copy of it.

use selfheal_aws::{RestoreDrilled, Scope, drill_restore};
use selfheal_core::drill::{RestoreDrill, RestoreDrillReport};
use selfheal_core::world::VolumeId;

use super::{checked, confirmed, none, not_so, refused, seconds};
use crate::cli::DrillArgs;
use crate::error::CliError;
use crate::events::Outcome;
use crate::exit;
use crate::progress::Reporter;
use crate::prompt::{Question, confirm};
use crate::session::Session;

/// Drills a restore.
///
/// # Errors
/// It is refused, not confirmed, or no copy is made; the exit code says where one was, and not everything holds.
pub fn run(session: &Session, args: &DrillArgs) -> Result<u8, CliError> {
    let observed = session.observe(Scope::Drill)?;
    let now = session.backend.now();
    let drill = RestoreDrill::of(&session.spec, &observed, now).map_err(|refusals| refused(session, refusals))?;
    ask(session, args, &drill)?;
    let reporter = Reporter::new("the copy is shown and taken away", session.events.as_ref());
    let control = session.backend.control(&reporter);
    let drilling = drill_restore(session.backend.aws(), &session.spec, drill, &control);
    let drilled = session.backend.block_on(drilling);
    reporter.finish();
    let drilled = drilled?.map_err(|error| none(session, error, "no copy was made"))?;
    finish(session, drilled)
}

/// Says what is about to happen and what it costs, and asks.
fn ask(session: &Session, args: &DrillArgs, drill: &RestoreDrill) -> Result<(), CliError> {
    let name = &session.spec.name;
    eprintln!(
        "A drill of a restore of {name}: a volume of {} GiB is made of {}, taken {}, attached to {}, read there, and deleted.\nWhat it \
         costs: that volume for some minutes; the app goes on. A marker is written to the data volume, so that the next snapshot \
         carries it.\n",
        drill.copy.size_gib,
        drill.snapshot_id,
        drill.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        drill.instance
    );
    if !drill.left.is_empty() {
        let left: Vec<&str> = drill.left.iter().map(VolumeId::as_str).collect();
        eprintln!("What an earlier one has left is removed first: {}.\n", left.join(", "));
    }
    if confirmed(session, args)? {
        return Ok(());
    }
    confirm(&session.backend, Question::YesNo("Drill the restore?"))
}

fn finish(session: &Session, drilled: RestoreDrilled) -> Result<u8, CliError> {
    let RestoreDrilled { report, untold, .. } = drilled;
    if let Some(error) = untold {
        eprintln!("The stack's address does not tell of the drill: {error}");
    }
    let passed = report.passed;
    let failed = not_so(&report.checks);
    match &session.events {
        Some(events) => events.end(Vec::new(), Outcome::RestoreDrilled(report))?,
        None => session.output.text(&show(&report))?,
    }
    if passed {
        return Ok(exit::DONE);
    }
    eprintln!("The drill has failed; {failed}.");
    Ok(exit::FAILED)
}

/// The report as a person reads it.
fn show(report: &RestoreDrillReport) -> String {
    let mut text = String::from("\n");
    text.push_str(&checked(&report.checks));
    if report.used_mib.is_some() && !report.marker_compared {
        text.push_str(
            "\nNo marker was written before this snapshot was taken, so that none could be compared: one is there now, and the next \
             snapshot carries it.\n",
        );
    }
    if let Some(ms) = report.read_ms {
        text.push_str(&format!("\nThe data could be read after {}.\n", seconds(ms)));
    }
    text
}
