//! Waiting until the stack serves, for the commands that end with that.

use jiff::Timestamp;
use selfheal_aws::{Patience, WATCH_MAX, Watched, watch};
use selfheal_core::Observed;
use selfheal_core::watch::{Phase, Verdict, Watch};

use crate::done::DoneStep;
use crate::error::CliError;
use crate::progress::Reporter;
use crate::report::Served;
use crate::session::Session;

/// How whoever has just changed something waits: what fails is theirs to mend, and they are told at once.
pub const UNTIL_IT_FAILS: Patience = Patience {
    at_most: WATCH_MAX,
    lets_group_try_again: false,
};

/// Begins to wait, from what was read before anything was done about the stack.
pub fn begin(session: &Session, before: &Observed) -> Watch {
    Watch::new(before, session.backend.now())
}

/// Waits until the stack serves.
///
/// # Errors
/// [`CliError::NotServing`] where it does not come to serve, with the steps that were done before; a call that failed for
/// good; [`CliError::Interrupted`].
pub fn await_serving(
    session: &Session,
    begun: Watch,
    observed: Observed,
    patience: Patience,
    done: &[DoneStep],
) -> Result<Served, CliError> {
    let reporter = Reporter::new("waiting until the stack serves", session.events.as_ref());
    let control = session.backend.control(&reporter);
    let watching = watch(
        session.backend.aws(),
        &session.spec,
        (begun, observed),
        patience,
        &control,
    );
    let watched = session.backend.block_on(watching);
    reporter.finish();
    let watched = watched.inspect_err(|error| {
        if matches!(error, CliError::Interrupted(_)) && !done.is_empty() {
            eprintln!("What was to be done is done; `selfheal wait` goes on waiting.");
        }
    })?;
    let watched = watched.map_err(|error| session.refused(error))?;
    told(watched, session.backend.now(), done)
}

fn told(watched: Watched, now: Timestamp, done: &[DoneStep]) -> Result<Served, CliError> {
    let seconds = now.duration_since(watched.watch.began()).as_secs().unsigned_abs();
    let fails = |message: String, help: &str| CliError::NotServing {
        message,
        help: help.to_owned(),
        done: done.to_vec(),
    };
    match watched.verdict {
        Verdict::Serving(instance_id) => Ok(Served {
            instance_id,
            seconds,
            timeline: watched.watch.reached().to_vec(),
        }),
        Verdict::Failing(failing) => Err(fails(does_not_serve(done, &failing.to_string()), failing.help())),
        Verdict::Waiting(missing) => {
            let next = missing.first().map_or("the instance", |phase: &Phase| phase.awaited());
            let message = does_not_serve(done, &format!("after {seconds} s it still waits for {next}"));
            Err(fails(message, help_when_late(missing.first().copied())))
        }
    }
}

fn does_not_serve(done: &[DoneStep], why: &str) -> String {
    if done.is_empty() {
        format!("the stack does not serve: {why}")
    } else {
        format!("done, and the stack does not serve: {why}")
    }
}

fn help_when_late(next: Option<Phase>) -> &'static str {
    match next {
        Some(Phase::Launched | Phase::Ending | Phase::Left) => "`selfheal status` says what the group is at",
        _ => "`selfheal logs --boot` shows how far the boot is, and `selfheal wait` goes on waiting",
    }
}
