//! A volume that stalls, and an instance refresh: one instance writes at any time, and the next one takes over.

use std::time::Duration;

use selfheal_aws::sim::{Content, Sim};
use selfheal_core::world::InstanceId;

use crate::support::{
    Stack, assert_safe, create, healed, lines, member, names, prepare, prepare_with, rest, termination_hook, world,
};
use selfheal_core::spec::Repair;

/// A stack that gives its volume back on the way out.
fn leaving(seed: u64) -> (Sim, Stack, InstanceId) {
    let sim = world(seed);
    let mut stack = prepare_with(&sim, |spec| spec.app.repair = Some(Repair::Restart));
    stack.settings.hooks.push(termination_hook());
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    (sim, stack, id)
}

fn writes(sim: &Sim, stack: &Stack) -> u64 {
    sim.inspect(|world| match world.volumes[&stack.volume].content {
        Content::Filesystem { writes, .. } => writes,
        ref other => panic!("{other:?}"),
    })
}

#[test]
fn a_volume_that_stalls_is_never_formatted_nor_shared_and_the_next_instance_serves_from_it() {
    for seed in 0..12 {
        let (sim, stack, id) = leaving(seed);
        let before = sim.now_ms();
        assert!(sim.stall_volume(&id));
        rest(&sim);
        let next = healed(&sim, &stack);
        assert_ne!(next, id);
        assert_eq!(writes(&sim, &stack), 2, "each of the two has mounted it once");
        assert!(
            lines(&sim, "the app is not restarted").len() == 1,
            "{}",
            sim.trace_text()
        );
        assert!(lines(&sim, "the volume stays attached until the instance ends").len() == 1);
        let served = lines(&sim, &format!("{next} InService"));
        let seconds: f64 = served[0].split_whitespace().next().unwrap().parse().unwrap();
        let took_s = seconds - Duration::from_millis(before).as_secs_f64();
        // The watchdog's minute and a half, the way out's 80 s, the release of a dead instance's volume, and a boot.
        assert!(took_s < 900.0, "{took_s} s");
        assert_safe(&sim);
    }
}

#[test]
fn who_mounts_a_volume_that_stalls_elsewhere_is_told() {
    let (sim, stack, id) = leaving(30);
    assert!(sim.stall_volume(&id));
    sim.advance(Duration::from_secs(150));
    let newcomer = sim.inspect(|world| world.instances.keys().find(|other| **other != id).cloned());
    let newcomer = newcomer.expect("its successor waits for the volume");
    sim.report_mount(&newcomer, Some(&stack.volume));
    let told = sim.violations();
    assert!(told.iter().any(|it| it.invariant == "S3"), "{told:?}");
}

#[test]
fn an_instance_refresh_replaces_the_instance_and_one_writes() {
    for seed in 0..12 {
        let (sim, stack, id) = leaving(40 + seed);
        assert!(sim.refresh_instances(&names().group));
        rest(&sim);
        assert_ne!(healed(&sim, &stack), id);
        assert_eq!(writes(&sim, &stack), 2);
        assert_safe(&sim);
    }
    assert!(!world(1).refresh_instances("selfheal-none"));
}

#[test]
fn an_instance_refresh_without_a_way_out_waits_for_the_volume_and_a_thief_is_told() {
    let sim = world(52);
    let stack = prepare(&sim);
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    assert!(sim.refresh_instances(&names().group));
    sim.advance(Duration::from_secs(5));
    let newcomer = sim.inspect(|world| world.instances.keys().find(|other| **other != id).cloned());
    if let Some(newcomer) = newcomer {
        sim.report_mount(&newcomer, Some(&stack.volume));
        assert!(sim.violations().iter().any(|it| it.invariant == "S3"));
        return;
    }
    panic!("{} is still alone: {}", member(&sim), sim.trace_text());
}
