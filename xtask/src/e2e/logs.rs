//! What an instance ships is read back by the command: of a boot that goes well, and of one that fails, after its instance is
//! gone.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::the_instance;
use crate::error::{TaskError, TaskResult};
use crate::fake::inventory::Instance;
use crate::machine::Machine;
use crate::report::Report;
use crate::world::World;

/// How long the shipper may take: it looks every five seconds.
const SHIPPED_MAX: Duration = Duration::from_secs(30);

/// Nothing was logged yet: the command shows the console, and says so.
pub fn empty(world: &World, report: &mut Report) -> TaskResult<()> {
    let run = world.expect(&["logs"], 0)?;
    report.expect(
        "while the log group is empty, logs shows the console and says so",
        run.stderr.contains("is empty: this is the console output") && !run.stdout.is_empty(),
        || run.text(),
    );
    Ok(())
}

/// What the instance's own boot program has shipped is there, line by line.
pub fn shipped(world: &World, report: &mut Report, machine: &Machine, instance: &Instance) -> TaskResult<()> {
    let lines = await_line(world, machine, instance, "selfheal: boot is done")?;
    let text = |line: &Value| line["text"].as_str().unwrap_or_default().to_owned();
    let texts: Vec<String> = lines.iter().map(text).collect();
    let attached = texts.iter().position(|text| text.contains("is ours"));
    let done = texts.iter().position(|text| text == "selfheal: boot is done");
    report.expect(
        "the lines of the boot are in the log group, in their order",
        attached.is_some() && attached < done,
        || texts.join("\n"),
    );
    let first = &lines[0];
    report.expect(
        "each with its unit, its priority and its process",
        first["unit"] == "selfheal-boot.service" && first["priority"] == "info" && first["pid"] == 7,
        || first.to_string(),
    );
    let since = world.expect(&["logs", "--since", "1h", "--unit", "selfheal-boot", "--lines", "3"], 0)?;
    report.expect(
        "three lines at most, where three are asked for",
        since.stdout.lines().count() == 3,
        || since.text(),
    );
    Ok(())
}

/// A boot fails and its instance is terminated; then its log is read.
pub fn failed_boot(report: &mut Report) -> TaskResult<()> {
    let world = World::new()?;
    world.edit_spec("[data]", "[logs]\n\n[data]")?;
    world.write("setup.sh", "#!/bin/sh\necho the reason\nexit 7\n")?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let instance = the_instance(&world.inventory()?)?;
    let failed = Machine::boot(&world, &instance);
    let failure = failed.as_ref().err().map(ToString::to_string).unwrap_or_default();
    report.expect(
        "a boot whose setup fails ends with its exit code",
        failure.contains("ended with status 16"),
        || failure.clone(),
    );
    // The boot program has it shipped before it gives the launch up: nothing is waited for, and its power is cut.
    drop(failed);
    world
        .aws()
        .ec2("TerminateInstances", &[("InstanceId.1", &instance.id)])?;
    let run = world.expect(&["logs", "--instance", &instance.id], 0)?;
    report.expect(
        "a failed boot's log is read after its instance is gone, with the reason",
        run.stdout
            .contains("selfheal: failed: setup failed with status 7 (exit 16)")
            && run.stdout.contains("the reason"),
        || run.text(),
    );
    Ok(())
}

fn await_line(world: &World, machine: &Machine, instance: &Instance, wanted: &str) -> TaskResult<Vec<Value>> {
    let began = Instant::now();
    loop {
        let run = world.expect(&["logs", "--json", "--instance", &instance.id], 0)?;
        let read = |line| serde_json::from_str::<Value>(line);
        let lines: Result<Vec<Value>, _> = run.stdout.lines().map(read).collect();
        let lines = lines.map_err(|error| TaskError::malformed("the lines of logs", error))?;
        if lines.iter().any(|line| line["text"] == wanted) {
            return Ok(lines);
        }
        if began.elapsed() > SHIPPED_MAX {
            let said = [
                "/run/selfheal/logs.failure",
                "/run/units/selfheal-logs.service.output",
                "/run/units/calls",
            ];
            let said: Vec<String> = said.iter().map(|path| machine.read(path).unwrap_or_default()).collect();
            let shown = run.stdout.lines().next().unwrap_or_default();
            return Err(TaskError::failed(format!(
                "'{wanted}' was not shipped, but {shown}\n{}",
                said.join("\n")
            )));
        }
        thread::sleep(Duration::from_millis(500));
    }
}
