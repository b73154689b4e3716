//! What a group launches where there is a choice, what it does when that changes, and what AWS takes back.

use std::time::Duration;

use selfheal_aws::AutoScaling;
use selfheal_aws::sim::{Sim, World};
use selfheal_core::spec::Market;
use selfheal_core::world::{GroupSettings, InstanceId, InstanceState, MixedPolicy};

use crate::support::{Stack, healed, launch, on, prepare, rest, world};

fn of(stack: &Stack, market: Market) -> GroupSettings {
    let types = ["t4g.small", "t4g.medium"].map(str::to_owned);
    GroupSettings {
        mixed: Some(MixedPolicy::new(types, market)),
        ..stack.settings.clone()
    }
}

fn running(sim: &Sim) -> Vec<InstanceId> {
    sim.inspect(|world: &World| {
        let running = world.instances.values().filter(|it| it.state == InstanceState::Running);
        running.map(|it| it.id.clone()).collect()
    })
}

fn type_of(sim: &Sim, id: &InstanceId) -> String {
    sim.inspect(|world| world.instances[id].data.instance_type.clone())
}

/// It is what a plan has to prevent: the newcomer waits for a volume that the old instance holds.
#[test]
fn a_group_that_buys_in_another_way_launches_before_it_terminates() {
    let sim = world(1);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    on(&sim, sim.update_group(&of(&stack, Market::Spot))).unwrap();
    sim.advance(Duration::from_secs(120));
    let both = running(&sim);
    assert!(both.len() == 2 && both.contains(&first), "{both:?}");
    let holder = sim.inspect(|world| world.volumes[&stack.volume].volume.attachment.clone());
    assert_eq!(holder.map(|it| it.instance_id), Some(first), "which goes on serving");
}

/// While nothing may be launched nothing is replaced, and other types replace nothing.
#[test]
fn other_types_replace_nothing_and_what_may_not_launch_replaces_nothing() {
    let sim = world(2);
    let stack = prepare(&sim);
    on(&sim, sim.create_group(&of(&stack, Market::OnDemand))).unwrap();
    rest(&sim);
    let first = healed(&sim, &stack);
    let mut others = of(&stack, Market::OnDemand);
    others.mixed.as_mut().expect("mixed").types.reverse();
    on(&sim, sim.update_group(&others)).unwrap();
    rest(&sim);
    assert_eq!(healed(&sim, &stack), first);
    let launch = ["Launch", "ReplaceUnhealthy"].map(str::to_owned);
    on(&sim, sim.suspend_processes("selfheal-web", &launch)).unwrap();
    on(&sim, sim.update_group(&of(&stack, Market::Spot))).unwrap();
    rest(&sim);
    assert_eq!(running(&sim), [first]);
}

#[test]
fn what_is_sold_out_is_passed_over_in_order_and_told_where_nothing_is_left() {
    let sim = world(3);
    let stack = prepare(&sim);
    sim.sell_out("t4g.small", true);
    on(&sim, sim.create_group(&of(&stack, Market::OnDemand))).unwrap();
    rest(&sim);
    let first = healed(&sim, &stack);
    assert_eq!(type_of(&sim, &first), "t4g.medium");
    sim.sell_out("t4g.medium", true);
    sim.kill_instance(&first);
    sim.advance(Duration::from_secs(300));
    let activities = on(&sim, sim.describe_activities("selfheal-web", 5)).unwrap();
    let why = activities[0].status_message.clone().expect("a reason");
    assert!(
        why.starts_with("Could not launch On-Demand Instances. We currently do not have"),
        "{why}"
    );
    assert!(why.contains("t4g.small") && why.contains("t4g.medium"), "{why}");
    sim.sell_out("t4g.small", false);
    rest(&sim);
    assert_eq!(type_of(&sim, &healed(&sim, &stack)), "t4g.small");
}

#[test]
fn spot_never_falls_back_to_on_demand() {
    let sim = world(4);
    let stack = prepare(&sim);
    for name in ["t4g.small", "t4g.medium"] {
        sim.sell_out_spot(name, true);
    }
    on(&sim, sim.create_group(&of(&stack, Market::Spot))).unwrap();
    sim.advance(Duration::from_secs(3_600));
    assert!(running(&sim).is_empty());
    let activities = on(&sim, sim.describe_activities("selfheal-web", 1)).unwrap();
    let why = activities[0].status_message.clone().expect("a reason");
    assert!(
        why.contains("Could not launch Spot Instances. UnfulfillableCapacity"),
        "{why}"
    );
    sim.sell_out_spot("t4g.medium", false);
    rest(&sim);
    assert_eq!(type_of(&sim, &healed(&sim, &stack)), "t4g.medium");
}

/// The notice comes two minutes ahead. The volume is free, and the successor on its way, long before the end.
#[test]
fn an_instance_that_is_taken_back_gives_the_volume_back_and_its_successor_serves() {
    for seed in 0..8 {
        let sim = world(seed);
        let stack = launch(&sim);
        let first = healed(&sim, &stack);
        assert!(sim.interrupt_instance(&first));
        sim.advance(Duration::from_secs(60));
        let held_by = |sim: &Sim| {
            let attachment = sim.inspect(|world| world.volumes[&stack.volume].volume.attachment.clone());
            attachment.map(|it| it.instance_id)
        };
        assert_ne!(
            held_by(&sim),
            Some(first.clone()),
            "seed {seed}: given back within a minute"
        );
        assert!(sim.inspect(|world| world.instances[&first].mounted.is_none()));
        rest(&sim);
        let second = healed(&sim, &stack);
        assert_ne!(first, second);
        assert_eq!(held_by(&sim), Some(second));
        assert_eq!(
            sim.inspect(|world| world.instances.len()),
            2,
            "seed {seed}: one successor"
        );
        assert_eq!(sim.violations(), [], "seed {seed}");
    }
}

/// In the middle of a boot the launch is abandoned, which counts as no failure.
#[test]
fn a_boot_that_is_taken_back_is_no_failed_boot() {
    for seed in 0..8 {
        let sim = world(seed);
        let stack = prepare(&sim);
        on(&sim, sim.create_group(&stack.settings)).unwrap();
        let mut booting = Vec::new();
        while booting.is_empty() {
            sim.advance(Duration::from_secs(5));
            booting = running(&sim);
        }
        sim.advance(Duration::from_secs(seed * 4));
        assert!(sim.interrupt_instance(&booting[0]));
        rest(&sim);
        let second = healed(&sim, &stack);
        assert_ne!(booting[0], second);
        let failed = sim.inspect(|world| world.groups["selfheal-web"].tags.get("selfheal:failed-boots").cloned());
        assert!(failed.is_none_or(|count| count == "0"), "seed {seed}");
        assert_eq!(sim.violations(), [], "seed {seed}");
    }
}
