//! A person replaces the running instance, and waits for the next one.

use super::{Identity, boot, holds_everything, nothing_to_do, signed_by};
use crate::error::TaskResult;
use crate::fake::inventory::Instance;
use crate::fake::{Caller, log};
use crate::machine::Machine;
use crate::report::Report;
use crate::world::World;

const REPLACE: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";

/// Replaces the second instance by a third one.
pub fn by_hand(
    world: &World,
    report: &mut Report,
    machine: Machine,
    before: (&Instance, &Instance),
    identity: &Identity,
) -> TaskResult<(Machine, Instance)> {
    // Its power is cut: moto terminates it within the call.
    drop(machine);
    let (first, second) = before;
    let run = world.expect(&["replace", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(
        "replace is one call that changes something, and names the instance",
        calls == [REPLACE] && run.text().contains(&second.id),
        || format!("{}\n{}", calls.join(", "), run.text()),
    );
    let early = world.run(&["wait", "--timeout", "1s"], std::time::Duration::ZERO, Vec::new())?;
    report.expect(
        "who waits for it while nothing boots is told what is missing",
        early.code == Some(13) && early.text().contains("waits for"),
        || early.text(),
    );
    let (machine, third) = boot(world, report, "the instance that takes its place boots")?;
    report.expect("it is another instance", third.id != second.id, || third.id.clone());
    let waited = world.expect(&["wait", "--timeout", "2m"], 0)?;
    report.expect(
        "wait ends when it serves, and names it",
        waited.stdout.contains(&format!("{} serves", third.id)),
        || waited.text(),
    );
    holds_everything(report, &world.inventory()?, &third, identity)?;
    signed_by(world, report, &machine, &[first, second, &third])?;
    nothing_to_do(world, report, "an apply after it was replaced")?;
    Ok((machine, third))
}
