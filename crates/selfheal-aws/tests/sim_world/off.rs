//! A machine that goes off says so, where somebody waits for what it holds.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, SimConfig, When};
use selfheal_core::names::TAG_PARKED;
use selfheal_core::world::InstanceId;

use crate::support::{HOUR, assert_safe, healed, launch, lines, member, names, rest, world};

/// What an instance has asked of AWS that changes something.
fn said(sim: &Sim, id: &InstanceId) -> usize {
    [
        "ec2:DetachVolume",
        "autoscaling:SetInstanceHealth",
        "ec2:DisassociateAddress",
    ]
    .iter()
    .map(|action| lines(sim, &format!("{id} {action}")).len())
    .sum()
}

#[test]
fn a_machine_that_goes_off_gives_back_what_it_holds_and_another_takes_it() {
    for seed in 0..20 {
        let sim = world(seed);
        let stack = launch(&sim);
        let first = member(&sim);
        assert!(sim.power_off_instance(&first));
        rest(&sim);
        assert_ne!(healed(&sim, &stack), first);
        assert_eq!(said(&sim, &first), 3, "{}", sim.trace_text());
        assert_safe(&sim);
    }
}

/// EC2 tells that a machine has stopped once its system has, however little it takes for that itself.
#[test]
fn a_machine_is_not_off_before_its_system_is() {
    for seed in 0..20 {
        let mut config = SimConfig::seeded(seed);
        config.timings.instance_stop = Range::new(500, 1_000);
        // The group notices later than that.
        config.timings.health_detect = Range::new(60_000, 120_000);
        let sim = Sim::new(config);
        let stack = launch(&sim);
        let first = member(&sim);
        assert!(sim.power_off_instance(&first));
        rest(&sim);
        assert_ne!(healed(&sim, &stack), first);
        assert_eq!(said(&sim, &first), 3, "{}", sim.trace_text());
        assert_safe(&sim);
    }
}

#[test]
fn whoever_is_of_a_parked_stack_or_on_its_way_out_says_nothing() {
    let sim = world(1);
    launch(&sim);
    let id = member(&sim);
    sim.tamper(|world| {
        let group = world.groups.get_mut(&names().group).expect("there is one");
        group.tags.insert(TAG_PARKED.to_owned(), "since then".to_owned());
    });
    assert!(sim.power_off_instance(&id));
    sim.advance(Duration::from_secs(30));
    assert_eq!(said(&sim, &id), 0);
    let sim = world(2);
    launch(&sim);
    let id = member(&sim);
    sim.set_target_state(&id, Some("Standby".into()));
    assert!(sim.power_off_instance(&id));
    sim.advance(Duration::from_secs(30));
    assert_eq!(said(&sim, &id), 0);
}

#[test]
fn what_cannot_be_said_is_noticed_all_the_same() {
    for fault in [
        Fault::ErrorBeforeEffect,
        Fault::AnswerLost,
        Fault::AccessDenied,
        Fault::Throttle,
    ] {
        for action in [
            "ec2:DetachVolume",
            "autoscaling:SetInstanceHealth",
            "ec2:Describe",
            "ec2:DisassociateAddress",
            "",
        ] {
            let sim = world(3);
            let stack = launch(&sim);
            let first = member(&sim);
            sim.set_faults(FaultPlan::none().with_times(When::Every(action.to_owned()), fault.clone(), 2));
            assert!(sim.power_off_instance(&first));
            sim.advance(2 * HOUR);
            rest(&sim);
            assert_ne!(healed(&sim, &stack), first, "{fault:?} at {action}");
            assert_safe(&sim);
        }
    }
}

#[test]
fn a_machine_that_is_switched_on_again_is_never_the_second_writer() {
    for seed in 0..30 {
        let sim = world(seed);
        let stack = launch(&sim);
        let first = member(&sim);
        assert!(sim.power_off_instance(&first));
        for _ in 0..200 {
            sim.advance(Duration::from_millis(500));
            if sim.start_instance(&first) {
                break;
            }
        }
        sim.advance(2 * HOUR);
        rest(&sim);
        healed(&sim, &stack);
        assert_safe(&sim);
    }
}
