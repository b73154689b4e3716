//! What does not fit into user data, on the simulated AWS: there before a version names it, and gone with the template.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{BootPhase, Fault, FaultPlan, Sim, When};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{Setup, Spec};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, faulty, look, operate, run, run_until_done, serving, web};

const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);

/// A stack whose setup script does not fit: each seed gives another one.
fn bundled(seed: u64) -> Spec {
    let mut noise = seed;
    let mut letter = || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        b'a' + (noise >> 59) as u8 % 26
    };
    let mut body = b"#!/bin/sh\n# ".to_vec();
    body.extend((0..30_000).map(|_| letter()));
    let mut spec = web();
    spec.app.setup = Some(Setup {
        path: "setup.sh".to_owned(),
        body,
    });
    spec
}

/// The names of the parameters that the stack has.
fn parts(sim: &Sim) -> BTreeSet<String> {
    sim.inspect(|world| {
        let names = world.parameters.keys();
        names.filter(|name| name.starts_with("/selfheal/")).cloned().collect()
    })
}

fn bundles(sim: &Sim) -> usize {
    let parts = parts(sim);
    let paths: BTreeSet<&str> = parts.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();
    paths.len()
}

fn kill(sim: &Sim) {
    let (id, ..) = serving(sim).expect("an instance serves");
    sim.kill_instance(&id);
}

/// The actions about parameters of the stack's own that were allowed since the policy was set, by the caller.
fn used(sim: &Sim, operator: bool) -> BTreeSet<String> {
    sim.inspect(|world| {
        let granted = world.granted.iter().filter(|granted| granted.operator == operator);
        let actions = granted.filter(|granted| granted.statement.ends_with("Bundle"));
        actions.map(|granted| granted.action.clone()).collect()
    })
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn it_lives_within_the_generated_policies_and_uses_all_that_they_grant_about_it() {
    let (sim, spec) = (Sim::new(even(1)), bundled(1));
    operate(&sim, Purpose::Apply, |scope| scope.bundle = true);
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert!(parts(&sim).len() > 3, "{:?}", parts(&sim));
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    assert_eq!(used(&sim, true), set(&["ssm:GetParametersByPath", "ssm:PutParameter"]));
    sim.settle(Duration::from_secs(900));
    kill(&sim);
    sim.settle(Duration::from_secs(900));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    assert_eq!(used(&sim, false), set(&["ssm:GetParametersByPath"]));
    operate(&sim, Purpose::Destroy, |scope| scope.bundle = true);
    run_until_done(&sim, &spec, KEEP, 1);
    assert_eq!(parts(&sim), BTreeSet::new());
    assert_eq!(
        used(&sim, true),
        set(&["ssm:DeleteParameters", "ssm:GetParametersByPath"])
    );
}

#[test]
fn a_stack_that_fits_neither_asks_nor_may_ask() {
    let sim = Sim::new(even(2));
    operate(&sim, Purpose::Apply, |scope| scope.bundle = false);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let before = calls(&sim);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(calls(&sim) - before, 14);
    operate(&sim, Purpose::Destroy, |scope| scope.bundle = false);
    run_until_done(&sim, &web(), KEEP, 1);
    assert_eq!(
        (used(&sim, true), used(&sim, false)),
        (BTreeSet::new(), BTreeSet::new())
    );
}

#[test]
fn whatever_call_is_the_last_the_next_run_makes_it_whole() {
    let spec = bundled(3);
    let count = calls(&applied_as(even(3), &spec));
    for k in 1..=count {
        for plan in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
            let sim = faulty(even(3), plan);
            let _ = sim.block_on(run(&sim, &spec, Goal::Apply));
            run_until_done(&sim, &spec, Goal::Apply, 3);
            sim.settle(Duration::from_secs(900));
            assert!(serving(&sim).is_some(), "cut off at call {k}\n{}", sim.trace_text());
            let sim = applied_as(even(3), &spec);
            sim.set_faults(FaultPlan::none().crash_after(k));
            let _ = sim.block_on(run(&sim, &spec, KEEP));
            run_until_done(&sim, &spec, KEEP, 3);
            assert_eq!(
                parts(&sim),
                BTreeSet::new(),
                "cut off at call {k}\n{}",
                sim.trace_text()
            );
        }
    }
}

#[test]
fn whatever_call_about_it_fails_the_next_run_makes_it_whole() {
    let spec = bundled(4);
    for name in ["ssm:PutParameter", "ssm:GetParametersByPath"] {
        for fault in [Fault::AnswerLost, Fault::AccessDenied, Fault::Throttle] {
            // A read that is refused ends a run before it has begun.
            if name != "ssm:PutParameter" && fault == Fault::AccessDenied {
                continue;
            }
            let faults = FaultPlan::none().with(When::Nth(name.to_owned(), 1), fault.clone());
            let sim = faulty(even(4), faults);
            let _ = sim.block_on(run(&sim, &spec, Goal::Apply));
            run_until_done(&sim, &spec, Goal::Apply, 3);
            assert!(look(&sim, &spec, Goal::Apply).is_empty());
            sim.settle(Duration::from_secs(900));
            assert!(serving(&sim).is_some(), "{name}\n{}", sim.trace_text());
        }
    }
}

/// The version before may be launched from again, so that its bundle stays, and goes with the template alone.
#[test]
fn the_bundle_of_an_earlier_version_stays_until_a_destroy() {
    let sim = applied_as(even(5), &bundled(5));
    let first = parts(&sim);
    run_until_done(&sim, &bundled(6), Goal::Apply, 1);
    assert_eq!(bundles(&sim), 2);
    assert!(first.is_subset(&parts(&sim)));
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(
        bundles(&sim),
        2,
        "the script fits again, and versions still name what did not"
    );
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    run_until_done(&sim, &web(), KEEP, 1);
    assert_eq!(parts(&sim), BTreeSet::new());
}

#[test]
fn a_lost_torn_or_foreign_part_is_written_again() {
    let spec = bundled(7);
    let sim = applied_as(even(7), &spec);
    let names: Vec<String> = parts(&sim).into_iter().collect();
    let whole = sim.inspect(|world| world.parameters.clone());
    sim.tamper(|world| {
        world.parameters.remove(&names[1]);
        world.set_parameter(&names[2], "02:09:00000000:AAAA");
        let first = world.parameters[&names[0]].value.clone();
        world.set_parameter(&names[3], &first);
    });
    let plan = look(&sim, &spec, Goal::Apply);
    assert_eq!(plan.steps.len(), 3, "{plan}");
    run_until_done(&sim, &spec, Goal::Apply, 1);
    let values = |parameters: &std::collections::BTreeMap<String, selfheal_aws::sim::ParameterRecord>| {
        names
            .iter()
            .map(|name| parameters[name].value.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(sim.inspect(|world| values(&world.parameters)), values(&whole));
}

/// A boot that lacks a part takes neither volume nor address, says which bundle, and is counted: the stack is parked, and an
/// apply and a resume mend it.
#[test]
fn a_boot_without_its_bundle_fails_before_it_takes_anything() {
    let spec = bundled(8);
    let sim = applied_as(even(8), &spec);
    sim.settle(Duration::from_secs(900));
    let lost = parts(&sim).into_iter().next().expect("it has parts");
    sim.tamper(|world| drop(world.parameters.remove(&lost)));
    kill(&sim);
    sim.settle(Duration::from_secs(3_600));
    assert_eq!(serving(&sim), None);
    assert!(sim.trace_text().contains("is not whole"), "{}", sim.trace_text());
    let attached = sim.inspect(|world| {
        let mut volumes = world.volumes.values();
        volumes.any(|record| record.volume.attachment.is_some())
    });
    assert!(!attached, "a boot that cannot go on took the volume");
    run_until_done(&sim, &spec, Goal::Apply, 1);
    run_until_done(&sim, &spec, Goal::Resume, 1);
    sim.settle(Duration::from_secs(3_600));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
}

/// A reboot has what it needs on its disk.
#[test]
fn a_reboot_asks_for_nothing() {
    let spec = bundled(9);
    let sim = applied_as(even(9), &spec);
    sim.settle(Duration::from_secs(900));
    let (id, ..) = serving(&sim).expect("an instance serves");
    sim.tamper(|world| world.parameters.retain(|name, _| !name.starts_with("/selfheal/")));
    sim.reboot_instance(&id);
    sim.settle(Duration::from_secs(900));
    assert_eq!(serving(&sim).map(|(id, ..)| id), Some(id.clone()));
    assert_eq!(sim.inspect(|world| world.instances[&id].boot.phase), BootPhase::Ready);
}
