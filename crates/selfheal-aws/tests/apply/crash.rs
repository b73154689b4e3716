//! Cut off at every call of an apply and a destroy, on both sides of the call, and run again.

use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{FaultPlan, Sim};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::world::SnapshotState;

use selfheal_core::spec::Spec;

use crate::support::{applied_as, calls, census, even, faulty, look, run, run_until_done, serving, stacks};

/// Cuts the operator off at a call of this number.
type Cut = fn(FaultPlan, u64) -> FaultPlan;

const SIDES: [(&str, Cut); 2] = [("before", FaultPlan::crash_before), ("after", FaultPlan::crash_after)];

#[test]
fn an_apply_that_is_cut_off_at_any_call_is_finished_by_the_next() {
    stacks().iter().for_each(finishes_an_apply);
}

fn finishes_an_apply(spec: &Spec) {
    let whole = applied_as(even(11), spec);
    let (expected, count) = (census(&whole), calls(&whole));
    let mut crashes = 0;
    for (side, cut) in SIDES {
        for k in 1..=count {
            let sim = faulty(even(11), cut(FaultPlan::none(), k));
            if sim.block_on(run(&sim, spec, Goal::Apply)).is_err() {
                crashes += 1;
            }
            run_until_done(&sim, spec, Goal::Apply, 3);
            assert_eq!(census(&sim), expected, "cut off {side} call {k}\n{}", sim.trace_text());
            assert!(look(&sim, spec, Goal::Apply).is_empty(), "cut off {side} call {k}");
            sim.settle(Duration::from_secs(900));
            assert!(serving(&sim).is_some(), "cut off {side} call {k}\n{}", sim.trace_text());
        }
    }
    assert_eq!(crashes, 2 * count, "a crash that did not happen proves nothing");
}

#[test]
fn a_second_crash_in_the_recovery_changes_nothing() {
    stacks().iter().for_each(survives_a_second_crash);
}

fn survives_a_second_crash(spec: &Spec) {
    let whole = applied_as(even(12), spec);
    let (expected, count) = (census(&whole), calls(&whole));
    let step = if spec.asks_aws() { 6 } else { 3 };
    for k in (1..=count).step_by(step) {
        for again in (1..=count).step_by(4) {
            let sim = faulty(even(12), FaultPlan::none().crash_after(k));
            assert!(sim.block_on(run(&sim, spec, Goal::Apply)).is_err());
            sim.set_faults(FaultPlan::none().crash_after(again));
            // The second run may be over before its call of that number.
            let _ = sim.block_on(run(&sim, spec, Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, spec, Goal::Apply, 3);
            assert_eq!(
                census(&sim),
                expected,
                "cut off after {k} and {again}\n{}",
                sim.trace_text()
            );
        }
    }
}

#[test]
fn a_destroy_that_is_cut_off_at_any_call_is_finished_by_the_next() {
    stacks().iter().for_each(finishes_a_destroy);
}

fn finishes_a_destroy(spec: &Spec) {
    let goal = Goal::Destroy(DestroyOptions {
        delete_data: true,
        ..DestroyOptions::KEEP
    });
    let start = || -> Sim {
        let sim = applied_as(even(13), spec);
        sim.settle(Duration::from_secs(900));
        let volume = sim.inspect(|world| world.volumes.keys().cloned().collect::<Vec<_>>());
        volume.iter().for_each(|id| sim.permit(id.as_str()));
        sim.drain_trace();
        sim
    };
    let whole = start();
    run_until_done(&whole, spec, goal.clone(), 1);
    let (expected, count) = (census(&whole), calls(&whole));
    for (side, cut) in SIDES {
        for k in 1..=count {
            let sim = start();
            sim.set_faults(cut(FaultPlan::none(), k));
            let _ = sim.block_on(run(&sim, spec, goal.clone()));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, spec, goal.clone(), 3);
            assert_eq!(census(&sim), expected, "cut off {side} call {k}\n{}", sim.trace_text());
            let completed = sim.inspect(|world| {
                world
                    .snapshots
                    .values()
                    .any(|s| s.snapshot.state == SnapshotState::Completed)
            });
            assert!(
                completed,
                "cut off {side} call {k}: the data is gone without a snapshot"
            );
        }
    }
}
