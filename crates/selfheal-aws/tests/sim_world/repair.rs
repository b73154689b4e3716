//! Repair in place: an app that a restart mends stays where it is, and one that it does not mend is replaced.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_REPAIRS};
use selfheal_core::spec::Repair;
use selfheal_core::world::InstanceId;

use crate::support::{HOUR, Stack, assert_safe, create, healed, names, prepare_with, rest, world};

/// A stack that repairs in place and serves.
fn launch(seed: u64) -> (Sim, Stack, InstanceId) {
    let sim = world(seed);
    let stack = prepare_with(&sim, |spec| spec.app.repair = Some(Repair::Restart));
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    (sim, stack, id)
}

fn tag(sim: &Sim, key: &str) -> String {
    let tags = sim.inspect(|world| world.groups[&names().group].tags.clone());
    tags.get(key).cloned().unwrap_or_default()
}

#[test]
fn an_app_that_a_restart_mends_stays_with_its_instance_and_is_counted() {
    for seed in 0..20 {
        let (sim, stack, id) = launch(seed);
        for count in 1..=3 {
            assert!(sim.hang_app(&id));
            rest(&sim);
            assert_eq!(healed(&sim, &stack), id, "it was replaced");
            let told = tag(&sim, TAG_REPAIRS);
            assert!(told.starts_with(&format!("{count} ")), "{told}");
            // An hour is more than ten times the threshold.
            sim.advance(HOUR);
        }
        assert!(matches!(tag(&sim, TAG_FAILED_BOOTS).as_str(), "" | "0"));
        assert_safe(&sim);
    }
}

#[test]
fn an_app_that_hangs_again_soon_is_replaced() {
    let (sim, stack, id) = launch(1);
    assert!(sim.hang_app(&id));
    while tag(&sim, TAG_REPAIRS).is_empty() {
        sim.advance(Duration::from_secs(1));
    }
    assert!(sim.hang_app(&id));
    rest(&sim);
    assert_ne!(healed(&sim, &stack), id);
    assert!(tag(&sim, TAG_REPAIRS).starts_with("1 "));
}

#[test]
fn an_app_that_no_restart_mends_is_replaced_and_counted_as_a_failure_once() {
    let (sim, stack, id) = launch(2);
    assert!(sim.fail_app(&id));
    while tag(&sim, TAG_FAILED_BOOTS).is_empty() {
        sim.advance(Duration::from_secs(1));
    }
    assert_eq!(tag(&sim, TAG_FAILED_BOOTS), "1");
    rest(&sim);
    assert_ne!(healed(&sim, &stack), id);
    assert_eq!(tag(&sim, TAG_REPAIRS), "");
}

#[test]
fn a_repair_that_aws_does_not_hear_of_at_first_is_counted_once() {
    for fault in [Fault::ErrorBeforeEffect, Fault::AnswerLost, Fault::Throttle] {
        for action in ["autoscaling:DescribeTags", "autoscaling:CreateOrUpdateTags"] {
            let (sim, stack, id) = launch(3);
            sim.set_faults(FaultPlan::none().with_times(When::Every(action.to_owned()), fault.clone(), 3));
            assert!(sim.hang_app(&id));
            rest(&sim);
            assert_eq!(healed(&sim, &stack), id);
            let told = tag(&sim, TAG_REPAIRS);
            assert!(told.starts_with("1 "), "{fault:?} at {action}: {told}");
        }
    }
}
