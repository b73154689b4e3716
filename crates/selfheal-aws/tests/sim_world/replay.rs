//! Equal seeds, equal bytes; and a world that survives being saved.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, LoadError, Sim, WORLD_SCHEMA, When, World};
use selfheal_aws::{Ec2, Jitter};
use selfheal_core::names::Tags;

use crate::support::{create, healed, launch, member, on, prepare, rest, world};

/// A run with concurrent calls, faults by chance, and a replacement.
fn run(seed: u64) -> String {
    let sim = world(seed);
    let stack = launch(&sim);
    sim.set_faults(FaultPlan::none().with(When::Sometimes("ec2:".to_owned(), 200), Fault::Throttle));
    sim.block_on(async {
        let tags = Tags::new();
        let reads = (0..5).map(|_| sim.describe_volumes(&["web"]));
        futures::future::join(futures::future::join_all(reads), sim.allocate_address(&tags)).await
    })
    .expect("the run ends")
    .1
    .ok();
    sim.kill_instance(&member(&sim));
    rest(&sim);
    healed(&sim, &stack);
    format!("{}{}{:?}", sim.trace_text(), sim.fraction(), sim.inspect(World::clone))
}

#[test]
fn equal_seeds_give_byte_equal_runs_and_others_differ() {
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
        assert_ne!(run(seed), run(seed + 1000), "seed {seed}");
    }
}

#[test]
fn the_trace_is_stable() {
    let sim = world(42);
    let stack = prepare(&sim);
    sim.drain_trace();
    create(&sim, &stack);
    insta::assert_snapshot!(sim.trace_text());
}

#[test]
fn a_saved_world_goes_on_as_if_nothing_had_happened() {
    let sim = world(7);
    let stack = prepare(&sim);
    on(&sim, selfheal_aws::AutoScaling::create_group(&sim, &stack.settings)).unwrap();
    // In the middle of the launch.
    sim.advance(Duration::from_secs(12));
    let copy = Sim::load(&sim.save().unwrap()).unwrap();
    assert_eq!(sim.inspect(Clone::clone), copy.inspect(Clone::clone));
    rest(&sim);
    rest(&copy);
    assert_eq!(sim.trace_text(), copy.trace_text());
    assert_eq!(healed(&sim, &stack), healed(&copy, &stack));
}

#[test]
fn another_form_of_a_saved_world_is_refused_by_its_number() {
    let sim = world(8);
    let text = String::from_utf8(sim.save().unwrap()).unwrap();
    let (this, next) = (WORLD_SCHEMA, WORLD_SCHEMA + 1);
    let newer = text.replacen(&format!("\"schema\":{this}"), &format!("\"schema\":{next}"), 1);
    let error = Sim::load(newer.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the world was saved in form {next}, and this version reads form {this} alone")
    );
    assert!(matches!(Sim::load(b"{}"), Err(LoadError::Malformed(_))));
    assert!(matches!(
        Sim::load(&text.as_bytes()[..text.len() / 2]),
        Err(LoadError::Malformed(_))
    ));
}

#[test]
fn a_drained_trace_is_counted() {
    let sim = world(9);
    prepare(&sim);
    let first = sim.drain_trace();
    assert!(sim.trace().is_empty());
    assert_eq!(sim.inspect(|world| world.drained), first.len() as u64);
    let json = serde_json::to_string(&first).unwrap();
    let back: Vec<selfheal_aws::sim::TraceEvent> = serde_json::from_str(&json).unwrap();
    assert_eq!(first, back);
}
