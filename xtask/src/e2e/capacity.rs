//! A group that comes to launch from a mixed instances policy, of a stack that sleeps.
//!
//! It sleeps because moto launches in the middle of the call that terminates an instance, whatever is suspended; the replacement of
//! one that runs is for the simulated AWS to show.

use super::nothing_to_do;
use crate::error::TaskResult;
use crate::fake::{Caller, log};
use crate::report::Report;
use crate::world::World;

const UPDATE: &str = "autoscaling:UpdateAutoScalingGroup";

/// Names several types, buys them as spot, and goes back to one type.
pub fn while_it_sleeps(world: &World, report: &mut Report) -> TaskResult<()> {
    let one = "type = \"t4g.small\"";
    let several = "types = [\"t4g.small\", \"t4g.medium\"]";
    let spot = format!("{several}\nmarket = \"spot\"");
    for (name, from, to) in [
        ("several types", one, several),
        ("spot", several, spot.as_str()),
        ("one type again", spot.as_str(), one),
    ] {
        world.edit_further(from, to)?;
        world.expect(&["apply", "--yes", "--no-wait"], 0)?;
        let calls = log::mutating(&world.proxy().log(), Caller::Operator);
        report.expect(
            &format!("{name}: an update of the group, and no replacement of a stack that sleeps"),
            calls == [UPDATE],
            || calls.join(", "),
        );
        nothing_to_do(world, report, &format!("an apply after {name}"))?;
    }
    Ok(())
}
