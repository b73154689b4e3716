//! A launch hook that the group comes to late, and instances with several network interfaces.

use std::time::Duration;

use selfheal_aws::AutoScaling;
use selfheal_aws::sim::{Range, Sim, SimConfig, Timings};
use selfheal_core::world::LifecycleState;

use crate::support::{HOUR, assert_safe, create, healed, launch, lines, on, prepare, rest};

/// A world in which boots take a second and the group comes to its launch hook after so long.
fn quick_world(hook_lag_ms: u64) -> Sim {
    let timings = Timings {
        instance_boot: Range::exactly(1_000),
        hook_lag: Range::exactly(hook_lag_ms),
        ..Timings::default()
    };
    Sim::new(SimConfig {
        timings,
        ..SimConfig::seeded(11)
    })
}

#[test]
fn hook_that_comes_late_is_waited_for_and_the_instance_stays() {
    for hook_lag_ms in [0, 5_000, 60_000, 600_000] {
        let sim = quick_world(hook_lag_ms);
        let mut stack = prepare(&sim);
        stack.settings.hooks[0].heartbeat_s = 900;
        create(&sim, &stack);
        // Longer than any hook holds an instance.
        sim.advance(26 * HOUR);
        healed(&sim, &stack);
        assert_eq!(sim.inspect(|world| world.instances.len()), 1, "{hook_lag_ms} ms");
        assert_safe(&sim);
    }
}

#[test]
fn boot_that_fails_before_its_hook_is_there_abandons_it_all_the_same() {
    let sim = quick_world(60_000);
    let mut stack = prepare(&sim);
    stack.settings.hooks[0].heartbeat_s = 7_200;
    sim.fail_boots("selfheal-web", true);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    // Three boots, each abandoned as soon as its hook is there: no heartbeat runs out.
    sim.advance(Duration::from_secs(1_200));
    sim.inspect(|world| assert_eq!(world.groups["selfheal-web"].tags["selfheal:failed-boots"], "3"));
    assert!(lines(&sim, "heartbeat timed out").is_empty());
    rest(&sim);
}

#[test]
fn boot_in_a_group_without_a_launch_hook_ends() {
    let sim = quick_world(5_000);
    let mut stack = prepare(&sim);
    stack.settings.hooks.clear();
    create(&sim, &stack);
    healed(&sim, &stack);
    // It asked until the group had come so far, and then no more.
    let asked = lines(&sim, "CompleteLifecycleAction").len();
    assert!((1..=10).contains(&asked), "{asked}");
}

#[test]
fn metadata_names_no_target_state_before_the_group_does() {
    let sim = quick_world(30_000);
    let stack = prepare(&sim);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    let state = || {
        sim.inspect(|world| {
            let member = world.groups["selfheal-web"].members.first()?;
            Some((member.lifecycle.clone(), world.target_state(&member.id)))
        })
    };
    let mut seen = Vec::new();
    for _ in 0..2_000 {
        sim.advance(Duration::from_millis(100));
        seen.extend(state().filter(|state| seen.last() != Some(state)));
    }
    let expected = [
        (LifecycleState::Pending, None),
        (LifecycleState::PendingWait, Some(LifecycleState::InService)),
        (LifecycleState::PendingProceed, Some(LifecycleState::InService)),
        (LifecycleState::InService, Some(LifecycleState::InService)),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn several_interfaces_leave_no_doubt_where_the_address_goes() {
    let sim = Sim::new(SimConfig {
        more_interfaces: 2,
        ..SimConfig::seeded(12)
    });
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    // By the instance's own id, AWS refuses.
    let refused = sim
        .as_instance(&id)
        .associate_address(&stack.address, id.as_str(), true)
        .unwrap_err();
    assert!(refused.message.contains("multiple interfaces"), "{refused}");
    assert_eq!(sim.inspect(|world| world.instances.len()), 1);
}
