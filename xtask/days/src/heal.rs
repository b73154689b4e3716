//! How long healing takes on the simulated AWS, rung by rung: many healings, each with durations that others have measured.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{BootPhase, Range, Rng, Sim, SimConfig, Timings, World};
use selfheal_core::spec::{HealthProbe, HealthSpec, Repair, Spec};
use selfheal_core::world::{InstanceId, InstanceState};

use crate::story::{Failure, run, spec};

/// How many healings one world has: those of one rung, an hour and more apart.
const A_WORLD: u64 = 20;
/// Between two looks: what is told is at most so much too long.
const LOOK: Duration = Duration::from_millis(250);
/// How long a healing may take at all.
const HEALING_MS_MAX: u64 = 3_600_000;
/// From a start of the app until it answers, which the simulation does not know.
const APP_STARTS: Range = Range::new(1_000, 5_000);
/// From an association that was accepted until the address leads to the instance, where it has moved.
const ADDRESS_LEADS: Range = Range::new(5_000, 6_000);

/// A rung: what happens, to which stack, and what is aimed at.
struct Rung {
    name: &'static str,
    /// What is changed in the spec.
    change: fn(&mut Spec),
    harm: fn(&Sim, &InstanceId) -> bool,
    /// Whether the same instance serves afterwards.
    in_place: bool,
    /// What ninety-nine of a hundred healings must not take longer than, in seconds.
    bound_s: f64,
    /// Where the bound is from.
    why: &'static str,
}

const RUNGS: [Rung; 7] = [
    Rung {
        name: "app hangs: restarted in place",
        change: |spec| spec.app.repair = Some(Repair::Restart),
        harm: Sim::hang_app,
        in_place: true,
        bound_s: 35.0,
        why: "three probes, 10 s apart, and 5 s",
    },
    Rung {
        name: "kernel panics: starts anew",
        change: |_| (),
        harm: Sim::panic_instance,
        in_place: true,
        bound_s: 35.0,
        why: "the budget of a reboot in place",
    },
    Rung {
        name: "machine hangs: its watchdog starts it anew",
        change: |_| (),
        harm: Sim::hang_instance,
        in_place: true,
        bound_s: 65.0,
        why: "the same, and 30 s until the watchdog acts",
    },
    Rung {
        name: "app dead: replaced, the old instance helps",
        change: |spec| spec.app.repair = Some(Repair::Replace),
        harm: Sim::fail_app,
        in_place: false,
        bound_s: 120.0,
        why: "the budget of 60 to 90 s, and the probes",
    },
    Rung {
        name: "switched off: says so, and is replaced",
        change: |_| (),
        harm: Sim::power_off_instance,
        in_place: false,
        bound_s: 120.0,
        why: "as where the app is dead",
    },
    Rung {
        name: "terminated by hand: noticed, and replaced",
        change: |_| (),
        harm: Sim::kill_instance,
        in_place: false,
        bound_s: 190.0,
        why: "the budget's end",
    },
    Rung {
        name: "machine hangs, and nobody has asked for a watchdog",
        change: |spec| spec.app.reboot_on_hang = false,
        harm: Sim::hang_instance,
        in_place: false,
        bound_s: 780.0,
        why: "nine minutes to notice, the hook's minute, a forced stop and a replacement",
    },
];

/// Durations that others have measured on AWS, in milliseconds. AWS commits to none of them.
fn timings() -> Timings {
    Timings {
        health_detect: Range::new(60_000, 120_000),
        health_impaired: Range::new(270_000, 521_000),
        group_reaction: Range::new(12_000, 21_000),
        instance_pending: Range::new(6_000, 15_000),
        instance_boot: Range::new(5_000, 13_000),
        instance_terminate: Range::new(23_000, 60_000),
        volume_release: Range::new(0, 1_000),
        volume_detach: Range::new(1_000, 10_000),
        volume_attach: Range::new(1_000, 5_000),
        // Three probes, ten seconds apart, the first of which comes up to ten seconds after the failure.
        watchdog: Range::new(20_000, 30_000),
        ..Timings::default()
    }
}

/// Measures so many healings of each rung and prints a line each. Answers whether all are within their bounds.
pub fn all(healings: u64) -> bool {
    println!("bench heal: {healings} healings a rung on the simulated AWS, in seconds until the stack serves again");
    let mut all = true;
    for rung in &RUNGS {
        let times = match many(rung, healings) {
            Ok(times) => times,
            Err(Failure(why)) => {
                println!("bench heal: FAILED  {}: {why}", rung.name);
                all = false;
                continue;
            }
        };
        let (median, last) = (quantile(&times, 50), quantile(&times, 99));
        let ok = last <= rung.bound_s;
        all &= ok;
        println!(
            "bench heal: {}  {}: p50 {median:.1}, p99 {last:.1}, at most {:.0} ({})",
            if ok { "ok    " } else { "FAILED" },
            rung.name,
            rung.bound_s,
            rung.why
        );
    }
    all
}

/// The value that so many of a hundred do not exceed, of at least one; in seconds.
fn quantile(sorted_ms: &[u64], percent: usize) -> f64 {
    let at = (sorted_ms.len() * percent).div_ceil(100).max(1) - 1;
    sorted_ms[at] as f64 / 1e3
}

/// The times of so many healings, on every core; sorted.
fn many(rung: &Rung, healings: u64) -> Result<Vec<u64>, Failure> {
    let next = AtomicU64::new(0);
    let found: Mutex<Result<Vec<u64>, Failure>> = Mutex::new(Ok(Vec::new()));
    let work = || {
        loop {
            let world = next.fetch_add(1, Ordering::Relaxed);
            if world * A_WORLD >= healings {
                return;
            }
            let here = A_WORLD.min(healings - world * A_WORLD);
            let times = live(rung, world, here);
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match (&mut *found, times) {
                (Ok(all), Ok(times)) => all.extend(times),
                (Err(_), _) => return,
                (whole, Err(why)) => *whole = Err(why),
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let mut times = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    times.sort_unstable();
    Ok(times)
}

/// The times of some healings in one world.
fn live(rung: &Rung, seed: u64, healings: u64) -> Result<Vec<u64>, Failure> {
    let sim = Sim::new(SimConfig {
        timings: timings(),
        ..SimConfig::seeded(seed)
    });
    let mut spec = spec(0)?;
    spec.app.health = Some(HealthSpec::new(HealthProbe::Tcp { port: 443 }));
    (rung.change)(&mut spec);
    let applied = sim.block_on(run(&sim, &spec, Goal::Apply));
    applied.map_err(|error| Failure(error.to_string()))?.map_err(Failure)?;
    let mut rng = Rng::new(seed, "heal");
    let mut times = Vec::new();
    for _ in 0..healings {
        // Longer than a repair keeps the next one from being made, each time another instant of the group's and the watchdog's.
        sim.advance(Duration::from_millis(7_200_000 + rng.between(Range::new(0, 60_000))));
        times.push(heal(&sim, rung, &mut rng)?);
    }
    match sim.violations().first() {
        None => Ok(times),
        Some(violation) => Err(Failure(violation.to_string())),
    }
}

/// Harms the instance that serves, and waits until one serves again; answers the milliseconds.
fn heal(sim: &Sim, rung: &Rung, rng: &mut Rng) -> Result<u64, Failure> {
    let before = sim
        .inspect(serving)
        .ok_or_else(|| Failure("nothing serves".to_owned()))?;
    let began_ms = sim.now_ms();
    (rung.harm)(sim, &before);
    // What fails serves no more.
    while sim.inspect(serving).is_some() {
        sim.advance(LOOK);
        ended(sim, began_ms)?;
    }
    let after = loop {
        if let Some(id) = sim.inspect(serving) {
            break id;
        }
        sim.advance(LOOK);
        ended(sim, began_ms)?;
    };
    if (after == before) != rung.in_place {
        return Err(Failure(format!("{before} was harmed, and {after} serves")));
    }
    let outside = if rung.in_place { 0 } else { rng.between(ADDRESS_LEADS) };
    Ok(sim.now_ms() - began_ms + rng.between(APP_STARTS) + outside)
}

fn ended(sim: &Sim, began_ms: u64) -> Result<(), Failure> {
    match sim.now_ms() - began_ms {
        0..HEALING_MS_MAX => Ok(()),
        _ => Err(Failure("it did not heal within an hour".to_owned())),
    }
}

/// The instance that serves: it runs, its app answers, and the address is there.
fn serving(world: &World) -> Option<InstanceId> {
    let holder = world
        .addresses
        .values()
        .find_map(|record| record.address.instance_id.clone())?;
    let instance = world.instances.get(&holder)?;
    let up = instance.state == InstanceState::Running && !instance.impaired;
    let ready = instance.boot.phase == BootPhase::Ready && !instance.boot.app_failed && !instance.boot.app_hangs;
    (up && ready).then_some(holder)
}
