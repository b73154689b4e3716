//! How fast planner, executor and simulation are, against their bounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{Control, Goal, Silent, observe};
use selfheal_core::world::InstanceState;
use selfheal_core::{Observed, plan};

use crate::story::{Failure, run, spec};

/// How often something is measured. The fastest counts, since a busy machine makes it slower and never faster.
const ROUNDS: u32 = 20;
/// How many plans one round makes: one alone is too short for the clock.
const PLANS: u32 = 50;

/// A figure.
struct Figure {
    name: &'static str,
    /// What is aimed at.
    target: Duration,
    /// What fails the task: with room for a slow machine that does something else as well.
    bound: Duration,
    found: Duration,
}

/// Measures everything, prints a line each. Answers whether all are within their bounds.
pub fn all() -> bool {
    let figures = match figures() {
        Ok(figures) => figures,
        Err(Failure(why)) => {
            println!("bench sim: FAILED  nothing was measured: {why}");
            return false;
        }
    };
    let mut all = true;
    for figure in &figures {
        let ok = figure.found <= figure.bound;
        all &= ok;
        println!(
            "bench sim: {}  {}: {:.3} ms, at most {:.3} ms; the target is {:.3} ms",
            if ok { "ok    " } else { "FAILED" },
            figure.name,
            ms(figure.found),
            ms(figure.bound),
            ms(figure.target)
        );
    }
    all
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn figures() -> Result<Vec<Figure>, Failure> {
    let spec = spec(0)?;
    let observed = existing()?;
    if !plan(&spec, &observed).is_empty() {
        return Err(Failure("the stack is not as the spec says".to_owned()));
    }
    let planned = fastest(|| {
        let began = Instant::now();
        (0..PLANS).for_each(|_| drop(black_box(plan(black_box(&spec), black_box(&observed)))));
        Ok(began.elapsed() / PLANS)
    })?;
    let applied = fastest(|| {
        let sim = Sim::new(SimConfig::seeded(1));
        let began = Instant::now();
        apply(&sim)?;
        Ok(began.elapsed())
    })?;
    let lived = fastest(day)?;
    Ok(vec![
        Figure {
            name: "a plan of a stack that is there",
            target: Duration::from_micros(100),
            bound: Duration::from_micros(400),
            found: planned,
        },
        Figure {
            name: "a first apply on the simulation",
            target: Duration::from_millis(3),
            bound: Duration::from_millis(24),
            found: applied,
        },
        Figure {
            name: "a day on the simulation, applied every hour and killed every other",
            target: Duration::from_micros(3_333),
            bound: Duration::from_millis(60),
            found: lived,
        },
    ])
}

fn fastest(measure: impl Fn() -> Result<Duration, Failure>) -> Result<Duration, Failure> {
    (0..ROUNDS)
        .map(|_| measure())
        .try_fold(Duration::MAX, |best, found| Ok(best.min(found?)))
}

fn apply(sim: &Sim) -> Result<usize, Failure> {
    let done = sim.block_on(run(sim, &spec(0)?, Goal::Apply));
    done.map_err(|error| Failure(error.to_string()))?.map_err(Failure)
}

/// A stack that serves.
fn serving() -> Result<Sim, Failure> {
    let sim = Sim::new(SimConfig::seeded(1));
    apply(&sim)?;
    sim.advance(Duration::from_secs(1800));
    Ok(sim)
}

/// What a reading of it gives.
fn existing() -> Result<Observed, Failure> {
    let (sim, spec) = (serving()?, spec(0)?);
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let read = sim.block_on(observe(&sim, &spec, Goal::Apply.scope(), &ctl));
    let read = read.map_err(|error| Failure(error.to_string()))?;
    read.map_err(|error| Failure(error.to_string()))
}

/// A day, from a stack that serves: an apply on the hour, and a kill on the half of every other hour.
fn day() -> Result<Duration, Failure> {
    let sim = serving()?;
    let began = Instant::now();
    for hour in 0..24 {
        apply(&sim)?;
        sim.advance(Duration::from_secs(1800));
        if hour % 2 == 0 {
            let running = sim.inspect(|world| {
                let mut instances = world.instances.values();
                instances
                    .find(|it| it.state == InstanceState::Running)
                    .map(|it| it.id.clone())
            });
            let killed = running.is_some_and(|id| sim.kill_instance(&id));
            if !killed {
                return Err(Failure("nothing serves".to_owned()));
            }
        }
        sim.advance(Duration::from_secs(1800));
    }
    Ok(began.elapsed())
}
