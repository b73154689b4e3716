//! The crash test: `selfheal apply` is killed around every API call that it makes, and run again.

use std::time::Duration;

use crate::e2e::difference;
use crate::error::{TaskError, TaskResult};
use crate::fake::{At, Caller, Fault, Moment, log};
use crate::report::{Counts, Report};
use crate::world::World;

/// The fewest calls that a first apply can make: one for each of the things that it creates.
const CALLS_MIN: usize = 10;

/// Kills a first apply just before and just after each of its calls, runs it again each time, and compares what is there
/// with what an undisturbed apply makes. `only` narrows it to the calls whose names contain it.
///
/// Calls are named, such as "the second `ec2:DescribeSubnets`", and not numbered: calls that are made at once arrive in
/// another order each time, and each of them has to be struck on both sides.
pub fn run(only: Option<&str>) -> TaskResult<Counts> {
    let mut world = World::new()?;
    let mut report = Report::new("crash");
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let undisturbed = world.inventory()?.summary();
    let calls = calls(&world);
    println!(
        "crash: an undisturbed first apply makes {} calls, for {} resources",
        calls.len(),
        undisturbed.len()
    );
    report.expect("an undisturbed apply was seen", calls.len() >= CALLS_MIN, || {
        format!("{} calls", calls.len())
    });
    let (mut kills, mut mended) = (0, 0);
    for (name, nth) in calls
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| name.contains(only)))
    {
        for (side, moment) in [("before", Moment::Before), ("after", Moment::After)] {
            let at = At::Name(name.clone(), *nth);
            let verdict = crash(&mut world, at, moment, &undisturbed);
            kills += 1;
            mended += usize::from(report.check(&format!("killed {side} {name}, time {nth}"), verdict));
        }
    }
    println!("crash: {kills} kills, {mended} of which the next run mended");
    Ok(report.finish())
}

/// The calls of the apply that just ran, each with the number of times that it had been made.
fn calls(world: &World) -> Vec<(String, usize)> {
    let mut calls: Vec<(String, usize)> = Vec::new();
    for entry in log::of(&world.proxy().log(), Caller::Operator) {
        let name = entry.call.to_string();
        let nth = calls.iter().filter(|(earlier, _)| *earlier == name).count() + 1;
        calls.push((name, nth));
    }
    calls
}

/// Kills one apply and runs it again.
fn crash(world: &mut World, at: At, moment: Moment, undisturbed: &[String]) -> TaskResult<()> {
    world.reset()?;
    if !world.run_to_kill(&["apply", "--yes", "--no-wait"], vec![(at, Fault::Kill(moment))])? {
        return Err(TaskError::failed("the call was never made, so nothing was killed"));
    }
    let again = world.run(&["apply", "--yes", "--no-wait"], Duration::ZERO, Vec::new())?;
    if again.code != Some(0) {
        return Err(TaskError::Failed(format!(
            "the run after it ended with {:?}\n{}\nits calls: {}",
            again.code,
            again.text(),
            log::mutating(&world.proxy().log(), Caller::Operator).join(", ")
        )));
    }
    let found = world.inventory()?.summary();
    if found != undisturbed {
        return Err(TaskError::Failed(difference(undisturbed, &found)));
    }
    Ok(())
}
