//! The crash test: `selfheal apply` is killed around every API call that it makes, and run again.

use std::time::Duration;

use crate::e2e::difference;
use crate::error::{TaskError, TaskResult};
use crate::fake::{Caller, Fault, Moment, log};
use crate::report::{Counts, Report};
use crate::world::World;

/// A first apply makes fewer calls than this; a count that reaches it never ends.
const CALLS_MAX: usize = 100;
/// The fewest calls that a first apply can make: one for each of the things that it creates.
const CALLS_MIN: usize = 10;

/// Kills a first apply just before and just after each of its calls, runs it again each time, and compares what is there
/// with what an undisturbed apply makes. `only` narrows it to one call.
pub fn run(only: Option<usize>) -> TaskResult<Counts> {
    let mut world = World::new()?;
    let mut report = Report::new("crash");
    world.expect(&["apply", "--yes"], 0)?;
    let undisturbed = world.inventory()?.summary();
    let calls = log::of(&world.proxy().log(), Caller::Operator).count();
    println!(
        "crash: an undisturbed first apply makes {calls} calls and {} resources",
        undisturbed.len()
    );
    let mut kills = 0;
    for moment in [Moment::Before, Moment::After] {
        let mut at = only.unwrap_or(1);
        while let Some(outcome) = crash(&mut world, at, moment, &undisturbed)? {
            kills += 1;
            let side = if moment == Moment::Before { "before" } else { "after" };
            report.check(&format!("killed {side} call {at}, {}", outcome.call), outcome.verdict);
            at += 1;
            if only.is_some() || at > CALLS_MAX {
                break;
            }
        }
        report.expect(
            "every call was reached",
            only.is_some() || (CALLS_MIN < at && at <= CALLS_MAX),
            || format!("the kills stopped at call {at}"),
        );
    }
    println!("crash: {kills} kills");
    Ok(report.finish())
}

/// How the run after a kill went.
struct Outcome {
    call: String,
    verdict: TaskResult<()>,
}

/// Kills one apply and runs it again; `None` where it ended before the call was reached.
fn crash(world: &mut World, at: usize, moment: Moment, undisturbed: &[String]) -> TaskResult<Option<Outcome>> {
    world.reset()?;
    if !world.run_to_kill(&["apply", "--yes"], vec![(at, Fault::Kill(moment))])? {
        return Ok(None);
    }
    let call = log::of(&world.proxy().log(), Caller::Operator)
        .nth(at - 1)
        .map_or_else(|| "which is not in the log".to_owned(), |entry| entry.call.to_string());
    let again = world.run(&["apply", "--yes"], Duration::ZERO, Vec::new())?;
    let found = world.inventory()?.summary();
    let verdict = if again.code != Some(0) {
        Err(TaskError::Failed(format!(
            "the run after it ended with {:?}\n{}",
            again.code,
            again.text()
        )))
    } else if found != undisturbed {
        Err(TaskError::Failed(difference(undisturbed, &found)))
    } else {
        Ok(())
    };
    Ok(Some(Outcome { call, verdict }))
}
