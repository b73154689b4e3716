//! Kills the instance of a stack on the simulated AWS, and shows what comes back: another instance, with the same address and
//! the same volume.
//!
//! `cargo run -p selfheal-aws --no-default-features --features sim --example heal`

use std::error::Error;
use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{Control, Goal, Scope, Silent, apply, observe};
use selfheal_core::plan;
use selfheal_core::spec::{EXAMPLE, Spec};
use selfheal_core::status::{StatusReport, status};

/// Longer than any boot of the simulated AWS takes.
const A_WHILE: Duration = Duration::from_secs(30 * 60);

/// Answers how the stack is before its instance is killed, and how it is afterwards. Nobody applies anything in between.
pub fn before_and_after() -> Result<(StatusReport, StatusReport), Box<dyn Error>> {
    let sim = Sim::new(SimConfig::seeded(1));
    let spec: Spec = EXAMPLE.parse()?;
    make(&sim, &spec)?;
    sim.settle(A_WHILE);
    let before = look(&sim, &spec)?;
    let instance = before.instance.as_ref().ok_or("nothing serves")?;
    sim.kill_instance(&instance.id);
    sim.settle(A_WHILE);
    let after = look(&sim, &spec)?;
    Ok((before, after))
}

fn control(sim: &Sim) -> Control<'_> {
    Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    }
}

fn make(sim: &Sim, spec: &Spec) -> Result<(), Box<dyn Error>> {
    sim.block_on(async {
        let observed = observe(sim, spec, Goal::Apply.scope(), &control(sim)).await?;
        let shown = Goal::Apply.plan(spec, &observed);
        apply(sim, spec, Goal::Apply, &shown, observed, &control(sim)).await?;
        Ok(())
    })?
}

fn look(sim: &Sim, spec: &Spec) -> Result<StatusReport, Box<dyn Error>> {
    let observed = sim.block_on(observe(sim, spec, Scope::Status, &control(sim)))??;
    Ok(status(spec, &observed, &plan(spec, &observed)))
}

/// Prints both.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (before, after) = before_and_after()?;
    println!("{before}\nThe instance is killed.\n\n{after}");
    Ok(())
}
