//! A schedule comes, the stack is put to sleep and woken by hand, and leaving the schedule while it sleeps wakes it.
//!
//! moto carries out no scheduled action: that they act by the clock is for the simulated AWS to show.

use serde_json::Value;

use super::{json, nothing_to_do};
use crate::error::TaskResult;
use crate::fake::{Caller, log};
use crate::report::Report;
use crate::world::World;

const SCHEDULE: &str = "[schedule]\nstop = \"0 20 * * *\"\nstart = \"0 8 * * *\"\ntimezone = \"Europe/Paris\"\n\n";

const PUT: &str = "autoscaling:PutScheduledUpdateGroupAction";
const DELETE: &str = "autoscaling:DeleteScheduledAction";
const DESIRED: &str = "autoscaling:SetDesiredCapacity";

/// Brings a schedule, and puts the stack to sleep and wakes it in each way.
pub fn with_schedule(world: &World, report: &mut Report) -> TaskResult<()> {
    world.edit_further("[data]", &format!("{SCHEDULE}[data]"))?;
    let update = "autoscaling:UpdateAutoScalingGroup";
    calls(
        world,
        report,
        "a schedule lets the group have no instance, and adds two actions",
        &["apply", "--yes", "--no-wait"],
        &[update, PUT, PUT],
    )?;
    nothing_to_do(world, report, "an apply with a schedule")?;
    calls(
        world,
        report,
        "sleep sets the desired capacity",
        &["sleep", "--yes"],
        &[DESIRED],
    )?;
    asleep(world, report, true)?;
    nothing_to_do(world, report, "an apply of a stack that sleeps")?;
    asleep(world, report, true)?;
    calls(world, report, "and wake sets it back", &["wake"], &[DESIRED])?;
    asleep(world, report, false)?;
    calls(
        world,
        report,
        "a sleep until wake suspends the schedule",
        &["sleep", "--yes", "--until-wake"],
        &["autoscaling:SuspendProcesses", DESIRED],
    )?;
    calls(
        world,
        report,
        "and wake lets it act again",
        &["wake"],
        &["autoscaling:ResumeProcesses", DESIRED],
    )?;
    // Of two ends half a day apart one is in the hours in which the stack serves, whenever this runs: there it is woken.
    for time in ["720h", "732h"] {
        world.expect(&["sleep", "--yes", "--for", time], 0)?;
        let sleep = log::mutating(&world.proxy().log(), Caller::Operator);
        report.expect(
            &format!("a sleep for {time} puts the start off"),
            sleep.first().is_some_and(|call| call == DESIRED)
                && sleep[1..].iter().all(|call| call == PUT)
                && sleep.len() > 1,
            || sleep.join(", "),
        );
        world.expect(&["wake"], 0)?;
    }
    nothing_to_do(world, report, "an apply after all that")
}

/// Takes the schedule out of the spec while the stack sleeps.
pub fn leave(world: &World, report: &mut Report) -> TaskResult<()> {
    world.expect(&["sleep", "--yes"], 0)?;
    world.edit_further(SCHEDULE, "")?;
    let plan = world.expect(&["plan"], 0)?;
    report.expect(
        "leaving the schedule while the stack sleeps is shown as a wake",
        plan.stdout.contains("WAKES the stack"),
        || plan.text(),
    );
    calls(
        world,
        report,
        "and wakes it before its actions go",
        &["apply", "--yes", "--no-wait"],
        &[DESIRED, DELETE, DELETE],
    )?;
    asleep(world, report, false)
}

/// Runs a command, and compares the calls that change something, whatever their order.
fn calls(world: &World, report: &mut Report, name: &str, arguments: &[&str], expected: &[&str]) -> TaskResult<()> {
    world.expect(arguments, 0)?;
    let mut made = log::mutating(&world.proxy().log(), Caller::Operator);
    made.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    report.expect(name, made == expected, || made.join(", "));
    Ok(())
}

/// Checks what `status` and AWS tell of it.
fn asleep(world: &World, report: &mut Report, asleep: bool) -> TaskResult<()> {
    let run = world.expect(&["status", "--json"], 0)?;
    let status = json(&run)?;
    let told = status.pointer("/asleep").is_some_and(Value::is_object);
    let next = status
        .pointer("/schedule")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let instances = world.inventory()?.instances.len();
    report.expect(
        if asleep { "it sleeps" } else { "it is awake" },
        told == asleep && (instances == 0) == asleep,
        || format!("{instances} instances, {next} next times\n{}", run.stdout),
    );
    Ok(())
}
