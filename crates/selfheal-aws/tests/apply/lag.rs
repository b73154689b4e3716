//! Listings that lag behind: what was made and does not show yet is not made again.

use std::time::Duration;

use futures::future::join;
use selfheal_aws::sim::{Fault, FaultPlan, InFlight, Range, Sim, SimConfig, When};
use selfheal_aws::{Goal, Scope};
use selfheal_core::plan::DestroyOptions;

use crate::support::{applied, applied_as, calls, census, even, look, read, run, run_until_done, serving, web};

const HOUR: Duration = Duration::from_secs(3600);
const ALL: Goal = Goal::Destroy(DestroyOptions::ALL);

/// A world in which everything new stays out of listings, and unusable by id, for some seconds.
fn lagging(seed: u64) -> SimConfig {
    let mut config = SimConfig::seeded(seed);
    config.timings.visibility = Range::new(1_000, 8_000);
    config
}

fn addresses(sim: &Sim) -> usize {
    sim.inspect(|world| world.addresses.len())
}

#[test]
fn a_crash_around_allocate_address_leaves_one_address_however_the_listings_lag() {
    let cuts = [Fault::CrashBefore, Fault::CrashAfter];
    for seed in 0..20 {
        let fate = [InFlight::Arrive, InFlight::Lost, InFlight::Seeded][seed as usize % 3];
        for cut in &cuts {
            let sim = Sim::new(lagging(seed));
            let mut plan = FaultPlan::none().with_times(When::Nth("ec2:AllocateAddress".to_owned(), 1), cut.clone(), 1);
            plan.in_flight = fate;
            sim.set_faults(plan);
            assert!(
                sim.block_on(run(&sim, &web(), Goal::Apply)).is_err(),
                "seed {seed}: nothing was cut off"
            );
            // At once: nothing of the first run need show yet.
            run_until_done(&sim, &web(), Goal::Apply, 3);
            assert_eq!(
                addresses(&sim),
                1,
                "seed {seed}, {cut:?}, {fate:?}\n{}",
                sim.trace_text()
            );
            sim.settle(HOUR);
            assert!(
                look(&sim, &web(), Goal::Apply).is_empty(),
                "seed {seed}, {cut:?}, {fate:?}"
            );
        }
    }
}

/// The role is what tells that an address may have been allocated, so that it does not go while one may still show.
#[test]
fn a_destroy_between_a_crash_and_the_next_apply_leaves_one_address_however_the_listings_lag() {
    for seed in 0..20 {
        let sim = Sim::new(SimConfig::seeded(seed));
        let nth = |action: &str| When::Nth(action.to_owned(), 1);
        let mut plan = FaultPlan::none()
            .with_times(nth("ec2:AllocateAddress"), Fault::LateVisibility(12_000), 1)
            .with_times(nth("iam:PutRolePolicy"), Fault::CrashBefore, 1);
        // Nothing else tells of the address yet.
        plan.in_flight = InFlight::Lost;
        sim.set_faults(plan);
        assert!(sim.block_on(run(&sim, &web(), Goal::Apply)).is_err(), "seed {seed}");
        sim.set_faults(FaultPlan::none());
        run_until_done(&sim, &web(), Goal::Destroy(DestroyOptions::default()), 3);
        run_until_done(&sim, &web(), Goal::Apply, 3);
        assert_eq!(addresses(&sim), 1, "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn an_apply_that_is_cut_off_at_any_call_makes_nothing_twice_however_the_listings_lag() {
    let config = || SimConfig {
        check_invariants: true,
        ..lagging(3)
    };
    // Route 53's listings do not lag: a name whose address does not show yet is refused as somebody else's until it does.
    let mut spec = web();
    spec.dns = None;
    let whole = applied_as(config(), &spec);
    let expected = census(&whole);
    for k in 1..=calls(&whole) {
        for plan in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
            let sim = Sim::new(config());
            sim.set_faults(plan);
            // With listings that lag a run takes other ways, and may be over before that call.
            let _ = sim.block_on(run(&sim, &spec, Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &spec, Goal::Apply, 4);
            assert_eq!(census(&sim), expected, "call {k}\n{}", sim.trace_text());
        }
    }
}

#[test]
fn a_denied_step_leaves_one_address_however_the_listings_lag() {
    for seed in 0..20 {
        let sim = Sim::new(lagging(seed));
        sim.set_faults(FaultPlan::none().with(When::Every("ec2:CreateVolume".to_owned()), Fault::AccessDenied));
        let refused = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
        assert!(refused.expect_err("it is denied").is_denied());
        sim.set_faults(FaultPlan::none());
        run_until_done(&sim, &web(), Goal::Apply, 2);
        assert_eq!(addresses(&sim), 1, "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn a_reading_in_the_middle_of_a_run_that_shows_nothing_new_makes_nothing_again() {
    // What exists already makes the run read everything again; the listings show none of what it has just made.
    for action in [
        "ec2:CreateSecurityGroup",
        "iam:CreateInstanceProfile",
        "ec2:CreateLaunchTemplate",
    ] {
        for seed in 0..20 {
            let sim = Sim::new(lagging(seed));
            sim.set_faults(FaultPlan::none().with_times(When::Nth(action.to_owned(), 1), Fault::AnswerLost, 1));
            run_until_done(&sim, &web(), Goal::Apply, 1);
            assert_eq!(addresses(&sim), 1, "{action}, seed {seed}\n{}", sim.trace_text());
            assert!(
                sim.violations().is_empty(),
                "{action}, seed {seed}: {:?}",
                sim.violations()
            );
        }
    }
}

#[test]
fn two_applies_at_once_make_one_address_however_the_listings_lag() {
    for seed in 0..24 {
        let sim = Sim::new(if seed % 2 == 0 {
            lagging(seed)
        } else {
            SimConfig::seeded(seed)
        });
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let spec = web();
        let both = sim.block_on(join(run(&alice, &spec, Goal::Apply), run(&bob, &spec, Goal::Apply)));
        // Either may be told that the other was there; an invariant that is broken ends the world.
        let (first, second) = both.expect("no crash");
        assert!(first.is_ok() || second.is_ok(), "seed {seed}\n{}", sim.trace_text());
        run_until_done(&sim, &web(), Goal::Apply, 2);
        assert_eq!(addresses(&sim), 1, "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn a_last_snapshot_that_does_not_show_yet_is_not_taken_again() {
    for seed in 0..20 {
        let sim = applied(SimConfig::seeded(seed));
        sim.settle(HOUR);
        let (_, _, volume) = serving(&sim).expect("it serves");
        let held = sim.inspect(|world| world.addresses.keys().cloned().collect::<Vec<_>>());
        held.iter().for_each(|id| sim.permit(id.as_str()));
        sim.permit(volume.as_str());
        sim.tamper(|world| world.config.timings.visibility = Range::new(2_000, 9_000));
        run_until_done(&sim, &web(), ALL, 1);
        assert_eq!(
            sim.inspect(|world| world.snapshots.len()),
            1,
            "seed {seed}\n{}",
            sim.trace_text()
        );
        assert_eq!(census(&sim).into_iter().map(|(_, count)| count).sum::<usize>(), 0);
    }
}

#[test]
fn a_stack_without_its_address_waits_for_the_listings_before_it_allocates_another_and_a_first_apply_does_not() {
    let sim = Sim::new(even(4));
    let began = sim.now_ms();
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert!(
        sim.trace_text().matches("ec2:DescribeAddresses").count() == 1,
        "{}",
        sim.trace_text()
    );
    let first_ms = sim.now_ms() - began;
    // The role is there and no address: somebody was here, and may have been cut off.
    let sim = Sim::new(even(4));
    sim.set_faults(FaultPlan::none().with(When::Every("ec2:AllocateAddress".to_owned()), Fault::AccessDenied));
    let refused = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
    assert!(refused.is_err());
    sim.set_faults(FaultPlan::none());
    assert!(read(&sim, &web(), Scope::Plan).role.is_some());
    let began = sim.now_ms();
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let second_ms = sim.now_ms() - began;
    assert!(
        second_ms >= 15_000 && first_ms < 15_000 + second_ms,
        "{first_ms} and {second_ms} ms"
    );
    assert_eq!(addresses(&sim), 1);
}
