//! Outages of AWS, reads that go back in time, and instances that nobody wants yet: what the boot program makes of them.

use std::time::Duration;

use selfheal_aws::Ec2;
use selfheal_aws::sim::{BootPhase, Fault, FaultPlan, Sim, When, invariants, unhealed};

use crate::support::{
    HOUR, assert_safe, create, healed, launch, lines, member, names, on, prepare, prepare_with, rest, without_data,
    world,
};

/// Lets these actions answer with an outage for so long, from now on.
fn outage(sim: &Sim, actions: &[&str], lasts: Duration) {
    let (from, ms) = (sim.now_ms(), lasts.as_secs() * 1_000);
    let plan = actions.iter().fold(FaultPlan::none(), |plan, action| {
        plan.with(When::Between((*action).to_owned(), from, from + ms), Fault::ServiceDown)
    });
    sim.set_faults(plan);
}

fn failed_boots(sim: &Sim) -> String {
    let tags = sim.inspect(|world| world.groups[&names().group].tags.clone());
    tags.get("selfheal:failed-boots").cloned().unwrap_or_default()
}

fn calls(sim: &Sim, action: &str) -> usize {
    lines(sim, &format!(" {action} ")).len()
}

#[test]
fn two_hours_without_attach_volume_end_in_a_serving_instance() {
    for seed in 0..5 {
        let sim = world(seed);
        let stack = launch(&sim);
        outage(&sim, &["ec2:AttachVolume"], 2 * HOUR);
        sim.kill_instance(&member(&sim));
        rest(&sim);
        healed(&sim, &stack);
        sim.inspect(|world| {
            let group = &world.groups[&names().group];
            assert!(group.suspended.is_empty() && !group.tags.contains_key("selfheal:parked"));
            assert!(unhealed(world).is_empty(), "{:?}", unhealed(world));
        });
        // The instance that waited is the one that serves.
        assert_eq!(sim.inspect(|world| world.instances.len()), 2);
        assert!(matches!(failed_boots(&sim).as_str(), "" | "0"));
    }
}

#[test]
fn an_outage_that_outlasts_every_boot_parks_nothing() {
    let sim = world(1);
    let stack = launch(&sim);
    outage(&sim, &["ec2:AttachVolume"], 24 * HOUR);
    sim.kill_instance(&member(&sim));
    assert!(sim.settle(48 * HOUR), "{}", sim.trace_text());
    healed(&sim, &stack);
    let launched = sim.inspect(|world| world.instances.len());
    assert!((5..=8).contains(&launched), "one every four hours: {launched}");
}

#[test]
fn who_lost_the_volume_in_an_outage_of_an_hour_is_replaced_after_it() {
    for seed in 0..5 {
        let sim = world(seed);
        let stack = launch(&sim);
        let first = healed(&sim, &stack);
        outage(
            &sim,
            &["autoscaling:", "ec2:DescribeAddresses", "ec2:DisassociateAddress"],
            HOUR,
        );
        sim.as_instance(&first).detach_volume(&stack.volume, None).unwrap();
        rest(&sim);
        assert_ne!(healed(&sim, &stack), first);
    }
}

#[test]
fn a_reboot_that_failed_in_an_outage_of_an_hour_is_replaced_after_it() {
    for seed in 0..5 {
        let sim = world(seed);
        let stack = launch(&sim);
        let first = healed(&sim, &stack);
        sim.fail_boots(&names().group, true);
        outage(&sim, &["autoscaling:"], HOUR);
        assert!(sim.reboot_instance(&first));
        sim.advance(HOUR / 2);
        sim.fail_boots(&names().group, false);
        rest(&sim);
        assert_ne!(healed(&sim, &stack), first);
    }
}

#[test]
fn who_cannot_tell_anybody_for_hours_powers_off_and_is_replaced() {
    let sim = world(3);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    // The group itself goes on: it is the instance whose calls do not get through.
    outage(&sim, &["autoscaling:SetInstanceHealth"], 100 * HOUR);
    sim.as_instance(&first).detach_volume(&stack.volume, None).unwrap();
    assert!(sim.settle(24 * HOUR));
    assert_ne!(healed(&sim, &stack), first);
    assert!(!lines(&sim, "powered off by itself").is_empty(), "{}", sim.trace_text());
    assert_safe(&sim);
}

#[test]
fn an_instance_that_stays_in_service_without_its_volume_is_told_of() {
    let sim = world(4);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    // One whose boot program is gone tells nobody.
    sim.tamper(|world| {
        world.instances.get_mut(&id).unwrap().boot.phase = BootPhase::Off;
    });
    sim.as_instance(&id).detach_volume(&stack.volume, None).unwrap();
    sim.report_mount(&id, None);
    sim.advance(6 * HOUR);
    assert!(!sim.inspect(invariants).is_empty());
    assert!(
        sim.violations().iter().any(|it| it.invariant == "L4"),
        "{:?}",
        sim.violations()
    );
}

#[test]
fn stale_reads_after_writes_neither_fail_a_boot_nor_repeat_an_association() {
    for seed in 0..5 {
        let sim = world(seed);
        let stack = prepare(&sim);
        sim.set_faults(
            FaultPlan::none()
                .with(When::Every("ec2:DescribeVolumes".to_owned()), Fault::Stale(40_000))
                .with(When::Every("ec2:DescribeAddresses".to_owned()), Fault::Stale(40_000)),
        );
        create(&sim, &stack);
        healed(&sim, &stack);
        assert_eq!(sim.inspect(|world| world.instances.len()), 1);
        assert_eq!(calls(&sim, "ec2:AssociateAddress"), 1, "{}", sim.trace_text());
        assert!(calls(&sim, "ec2:DescribeAddresses") > 10, "{}", sim.trace_text());
        assert!(calls(&sim, "ec2:DescribeVolumes") > 10);
    }
}

#[test]
fn stale_reads_show_what_was_before_the_last_change() {
    let sim = world(2);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    let holder = || {
        let found = sim
            .as_instance(&id)
            .describe_addresses(std::slice::from_ref(&stack.address));
        found.unwrap()[0].instance_id.clone()
    };
    assert_eq!(holder().as_ref(), Some(&id));
    let stale = FaultPlan::none().with(
        When::Every("ec2:Describe".to_owned()),
        Fault::Stale(HOUR.as_millis() as u64),
    );
    sim.set_faults(stale);
    assert_eq!(holder(), None, "before it was associated");
    let volumes = on(&sim, sim.describe_volumes(&["web"])).unwrap();
    assert_eq!(volumes[0].attachment, None, "before it was attached");
}

#[test]
fn an_address_that_was_taken_off_comes_back() {
    for seed in 0..5 {
        let sim = world(seed);
        let stack = launch(&sim);
        let id = healed(&sim, &stack);
        take_off(&sim, stack.address.as_str());
        assert_eq!(
            sim.inspect(|world| world.addresses[&stack.address].address.instance_id.clone()),
            None
        );
        rest(&sim);
        assert_eq!(healed(&sim, &stack), id);
        assert_eq!(calls(&sim, "ec2:AssociateAddress"), 2);
    }
}

/// Takes the address off, as from the console.
fn take_off(sim: &Sim, allocation: &str) {
    let association = sim.inspect(|world| world.addresses[allocation].address.association_id.clone());
    let id = member(sim);
    sim.as_instance(&id)
        .disassociate_address(&association.expect("it is associated"))
        .expect("it is ours");
}

#[test]
fn of_two_without_a_volume_the_one_that_is_left_has_the_address() {
    let sim = world(5);
    let stack = prepare_with(&sim, without_data);
    create(&sim, &stack);
    let first = member(&sim);
    let mut two = stack.settings.clone();
    two.max = 2;
    sim.permit(&two.name);
    on(&sim, selfheal_aws::AutoScaling::update_group(&sim, &two)).unwrap();
    on(
        &sim,
        selfheal_aws::AutoScaling::set_desired_capacity(&sim, &two.name, 2),
    )
    .unwrap();
    rest(&sim);
    let holder = || {
        sim.inspect(|world| world.addresses[&stack.address].address.instance_id.clone())
            .unwrap()
    };
    let second = holder();
    assert_ne!(second, first, "the newest has it");
    let before = calls(&sim, "ec2:AssociateAddress");
    assert_eq!(before, 2, "the older one leaves it there");
    // The newer one is scaled in.
    on(&sim, selfheal_aws::AutoScaling::update_group(&sim, &stack.settings)).unwrap();
    let members = |sim: &Sim| sim.inspect(|world| world.groups[&names().group].members.len());
    sim.advance(Duration::from_secs(30));
    if members(&sim) == 1 && member(&sim) == second {
        // The group chose the older one, which takes nothing along.
        return;
    }
    rest(&sim);
    assert_eq!(holder(), member(&sim));
    assert_safe(&sim);
}

#[test]
fn an_instance_that_is_not_wanted_in_service_takes_nothing() {
    for state in ["Warmed:Running", "Warmed:Stopped", "Standby", "Quarantined"] {
        let sim = world(6);
        let stack = prepare(&sim);
        on(&sim, selfheal_aws::AutoScaling::create_group(&sim, &stack.settings)).unwrap();
        while sim.inspect(|world| world.instances.is_empty()) {
            sim.advance(Duration::from_secs(1));
        }
        let id = member(&sim);
        sim.set_target_state(&id, Some(state.into()));
        sim.advance(Duration::from_secs(600));
        assert!(lines(&sim, "AttachVolume").is_empty(), "{state}");
        assert!(lines(&sim, "AssociateAddress").is_empty(), "{state}");
        sim.set_target_state(&id, None);
        rest(&sim);
        assert_eq!(healed(&sim, &stack), id);
        // What takes all the same is told of.
        sim.set_target_state(&id, Some(state.into()));
        take_off(&sim, stack.address.as_str());
        assert_safe(&sim);
        sim.as_instance(&id)
            .associate_address(&stack.address, id.as_str(), true)
            .unwrap();
        assert!(sim.violations().iter().any(|it| it.invariant == "S9"), "{state}");
    }
}
