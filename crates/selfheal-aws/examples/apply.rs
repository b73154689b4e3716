//! Applies a stack on the simulated AWS and tells of each step: the same on the real AWS, over `sdk::Sdk`.
//!
//! `cargo run -p selfheal-aws --no-default-features --features sim --example apply`

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{Control, Event, Goal, Progress, apply, observe};
use selfheal_core::spec::{EXAMPLE, Spec};

/// Takes down what it is told. A program with a terminal would print.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl Progress for Lines {
    fn event(&self, event: &Event<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(event.to_string());
    }
}

/// Reads, plans and applies; answers what was told, and what there was left to do afterwards.
pub fn first_apply() -> Result<(Vec<String>, String), Box<dyn Error>> {
    let sim = Sim::new(SimConfig::seeded(1));
    let spec: Spec = EXAMPLE.parse()?;
    let lines = Lines::default();
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &lines,
    };
    let left = sim.block_on(async {
        let observed = observe(&sim, &spec, Goal::Apply.scope(), &ctl).await?;
        let shown = Goal::Apply.plan(&spec, &observed);
        // Here a person would read the plan. What is executed is what was shown, or nothing.
        let outcome = apply(&sim, &spec, Goal::Apply, &shown, observed, &ctl).await?;
        Ok::<_, Box<dyn Error>>(Goal::Apply.plan(&spec, &outcome.observed).to_string())
    })??;
    Ok((lines.0.into_inner().unwrap_or_else(PoisonError::into_inner), left))
}

/// Prints both.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (lines, left) = first_apply()?;
    println!("{}\n\n{left}", lines.join("\n"));
    Ok(())
}
