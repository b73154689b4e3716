//! A fault at every call, and storms of them.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, SimConfig, When};
use selfheal_aws::{ApplyErrorKind, CallErrorKind, Goal};

use selfheal_core::spec::Spec;

use crate::support::{
    applied, applied_as, calls, census, even, faulty, look, run, run_until_done, seeds, serving, stacks, web,
};

#[test]
fn one_fault_at_any_call_is_borne_within_the_same_run() {
    stacks().iter().for_each(bears_one_fault);
}

fn bears_one_fault(spec: &Spec) {
    let whole = applied_as(even(21), spec);
    let (expected, count) = (census(&whole), calls(&whole));
    let faults = [
        Fault::Throttle,
        Fault::ErrorBeforeEffect,
        Fault::AnswerLost,
        Fault::LateVisibility(8_000),
        Fault::Slow(5_000),
    ];
    for fault in faults {
        for k in 1..=count {
            let sim = faulty(even(21), FaultPlan::none().with_times(When::Call(k), fault.clone(), 1));
            run_until_done(&sim, spec, Goal::Apply, 1);
            assert_eq!(census(&sim), expected, "{fault:?} at call {k}\n{}", sim.trace_text());
            sim.settle(Duration::from_secs(900));
            assert!(look(&sim, spec, Goal::Apply).is_empty(), "{fault:?} at call {k}");
        }
    }
}

#[test]
fn a_storm_is_borne_and_leaves_nothing_twice() {
    stacks().iter().for_each(bears_a_storm);
}

fn bears_a_storm(spec: &Spec) {
    for seed in seeds(spec, 30) {
        let config = SimConfig::seeded(seed);
        let expected = census(&applied_as(config.clone(), spec));
        let storm = FaultPlan::none()
            .with(When::Sometimes(String::new(), 150), Fault::Throttle)
            .with(When::Sometimes(String::new(), 100), Fault::AnswerLost)
            .with(When::Sometimes(String::new(), 100), Fault::ErrorBeforeEffect)
            .with(When::Sometimes(String::new(), 200), Fault::LateVisibility(4_000));
        let sim = faulty(config, storm);
        run_until_done(&sim, spec, Goal::Apply, 6);
        sim.set_faults(FaultPlan::none());
        sim.settle(Duration::from_secs(1800));
        run_until_done(&sim, spec, Goal::Apply, 2);
        assert_eq!(census(&sim), expected, "seed {seed}\n{}", sim.trace_text());
        assert!(serving(&sim).is_some(), "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn an_address_is_never_allocated_twice_for_a_lost_answer() {
    for seed in 0..40 {
        let lost = FaultPlan::none().with_times(When::Nth("ec2:AllocateAddress".to_owned(), 1), Fault::AnswerLost, 1);
        let sim = faulty(SimConfig::seeded(seed), lost);
        run_until_done(&sim, &web(), Goal::Apply, 1);
        assert_eq!(
            sim.inspect(|world| world.addresses.len()),
            1,
            "seed {seed}\n{}",
            sim.trace_text()
        );
    }
}

#[test]
fn a_profile_that_iam_spreads_late_is_waited_for() {
    let late = FaultPlan::none().with(When::Every("iam:".to_owned()), Fault::LatePropagation(100_000));
    let sim = faulty(even(22), late);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert!(
        sim.trace_text()
            .contains("CreateAutoScalingGroup selfheal-web refused: ValidationError")
    );
    assert!(sim.now_ms() > 100_000);
}

#[test]
fn a_denied_call_stops_the_run_and_names_action_and_what_was_made() {
    let denied = FaultPlan::none().with(When::Every("ec2:CreateVolume".to_owned()), Fault::AccessDenied);
    let sim = faulty(even(23), denied);
    let error = sim
        .block_on(run(&sim, &web(), Goal::Apply))
        .expect("no crash")
        .expect_err("it is denied");
    assert!(error.is_denied());
    assert!(matches!(&error.kind, ApplyErrorKind::Step { error, .. } if error.kind() == CallErrorKind::Denied));
    let text = error.to_string();
    assert!(
        text.contains("ec2:CreateVolume") && text.contains("Elastic IP") && text.contains("not done:"),
        "{text}"
    );
    sim.set_faults(FaultPlan::none());
    let outcome = run_until_done(&sim, &web(), Goal::Apply, 1);
    assert!(!outcome.done.is_empty());
    assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
}

#[test]
fn a_run_that_has_failed_does_not_wait_for_what_is_throttled() {
    let faults = FaultPlan::none()
        .with(When::Every("ec2:CreateVolume".to_owned()), Fault::AccessDenied)
        .with(When::Every("ec2:AllocateAddress".to_owned()), Fault::Throttle);
    let sim = faulty(even(26), faults);
    let error = sim
        .block_on(run(&sim, &web(), Goal::Apply))
        .expect("no crash")
        .expect_err("it is denied");
    assert!(error.is_denied(), "{error}");
    // Throttling alone would be borne for five minutes.
    assert!(sim.now_ms() < 5_000, "{} ms\n{}", sim.now_ms(), sim.trace_text());
    assert_eq!(sim.inspect(|world| world.addresses.len()), 0);
}

#[test]
fn credentials_that_expire_and_a_skewed_clock_stop_the_run_cleanly() {
    for fault in [Fault::ExpiredCredentials, Fault::SkewedClock] {
        let sim = faulty(
            even(24),
            FaultPlan::none().with(When::Every("iam:Put".to_owned()), fault),
        );
        let error = sim
            .block_on(run(&sim, &web(), Goal::Apply))
            .expect("no crash")
            .expect_err("it is refused");
        assert_eq!(
            error.call().map(selfheal_aws::CallError::kind),
            Some(CallErrorKind::Unauthenticated),
            "{error}"
        );
        sim.set_faults(FaultPlan::none());
        run_until_done(&sim, &web(), Goal::Apply, 1);
    }
}

#[test]
fn a_page_that_is_lost_creates_nothing() {
    let lost = FaultPlan::none().with(When::Every("ec2:DescribeVolumes".to_owned()), Fault::PageLost);
    let sim = faulty(even(25), lost);
    let plan = sim.block_on(async {
        let ctl = selfheal_aws::Control {
            clock: &sim,
            jitter: &sim,
            progress: &selfheal_aws::Silent,
        };
        selfheal_aws::observe(&sim, &web(), Goal::Apply.scope(), &ctl).await
    });
    assert!(plan.expect("no crash").is_err());
    assert_eq!(sim.effects(), 0);
}

#[test]
fn route_53_down_leaves_the_rest_converged_and_healing() {
    let sim = applied(even(26));
    sim.settle(Duration::from_secs(900));
    let (first, address, volume) = serving(&sim).expect("it serves");
    sim.set_faults(FaultPlan::none().with(When::Every("route53:".to_owned()), Fault::ServiceDown));
    sim.kill_instance(&first);
    sim.settle(Duration::from_secs(1800));
    let (second, same_address, same_volume) = serving(&sim).expect("it healed without Route 53");
    assert_ne!(first, second);
    assert_eq!((address, volume), (same_address, same_volume));
}
