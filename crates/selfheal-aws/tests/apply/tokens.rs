//! Client tokens outlive what they made.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_aws::{ApplyErrorKind, CallErrorKind, Goal};
use selfheal_core::plan::{DestroyOptions, StepKind};
use selfheal_core::spec::Spec;

use crate::support::{applied_as, census, even, run, run_until_done, serving, stacks, web};

const ALL: Goal = Goal::Destroy(DestroyOptions::ALL);

/// Lets the invariants pass the deletion of everything that a person has named.
fn permit_all(sim: &Sim) {
    let ids: Vec<String> = sim.inspect(|world| {
        let addresses = world.addresses.keys().map(ToString::to_string);
        addresses.chain(world.volumes.keys().map(ToString::to_string)).collect()
    });
    ids.iter().for_each(|id| sim.permit(id));
}

fn spent(sim: &Sim) -> usize {
    let refused =
        |line: &&str| line.contains("ec2:CreateVolume") && line.ends_with("refused: IdempotentParameterMismatch");
    sim.trace_text().lines().filter(refused).count()
}

#[test]
fn a_stack_whose_data_was_deleted_can_be_applied_again_and_again() {
    for spec in stacks() {
        let sim = applied_as(even(61), &spec);
        let mut volumes = Vec::new();
        for round in 0..4 {
            sim.settle(Duration::from_secs(900));
            let (_, _, volume) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
            assert!(!volumes.contains(&volume));
            volumes.push(volume);
            permit_all(&sim);
            run_until_done(&sim, &spec, ALL, 1);
            assert_eq!(census(&sim).into_iter().map(|(_, count)| count).sum::<usize>(), 0);
            sim.drain_trace();
            run_until_done(&sim, &spec, Goal::Apply, 1);
            assert_eq!(spent(&sim), round + 1, "{}", sim.trace_text());
        }
    }
}

#[test]
fn a_run_that_is_killed_between_two_tokens_is_finished_by_the_next() {
    let spec = web();
    let expected = census(&applied_as(even(62), &spec));
    for nth in 1..=4 {
        for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::AnswerLost] {
            let sim = twice_destroyed(&spec);
            // The third life of the stack: two tokens are spent, and the third makes the volume.
            sim.set_faults(FaultPlan::none().with_times(
                When::Nth("ec2:CreateVolume".to_owned(), nth),
                fault.clone(),
                1,
            ));
            run_until_done(&sim, &spec, Goal::Apply, 2);
            assert_eq!(
                census(&sim),
                expected,
                "{fault:?} at create {nth}\n{}",
                sim.trace_text()
            );
            sim.settle(Duration::from_secs(900));
            assert!(
                serving(&sim).is_some(),
                "{fault:?} at create {nth}\n{}",
                sim.trace_text()
            );
        }
    }
}

fn twice_destroyed(spec: &Spec) -> Sim {
    let sim = applied_as(even(62), spec);
    for _ in 0..2 {
        sim.settle(Duration::from_secs(900));
        permit_all(&sim);
        run_until_done(&sim, spec, ALL, 1);
        if spent(&sim) == 0 {
            run_until_done(&sim, spec, Goal::Apply, 1);
        }
    }
    sim
}

#[test]
fn a_row_of_spent_tokens_has_an_end() {
    let message = "The client token you have provided is associated with a resource that is already deleted.";
    let refuse = Fault::Refuse("IdempotentParameterMismatch".to_owned(), message.to_owned());
    let sim = Sim::new(even(63));
    sim.set_faults(FaultPlan::none().with(When::Every("ec2:CreateVolume".to_owned()), refuse));
    let error = sim
        .block_on(run(&sim, &web(), Goal::Apply))
        .expect("no crash")
        .expect_err("no token is ever taken");
    assert!(
        matches!(&error.kind, ApplyErrorKind::Step { step, error }
            if step.kind == StepKind::CreateVolume && error.kind() == CallErrorKind::TokenSpent),
        "{error}"
    );
    assert!(spent(&sim) <= 51, "{} creates", spent(&sim));
}
