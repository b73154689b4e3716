//! A machine that panics or hangs: it starts anew where it is, or is replaced where nobody has asked for that.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, InstanceChange, Sim, TraceKind, When};
use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_REPAIRS};
use selfheal_core::spec::Repair;
use selfheal_core::world::InstanceId;

use crate::support::{HOUR, Stack, assert_safe, create, healed, names, prepare_with, rest, world};

/// A stack that serves, which starts anew or does not.
fn launch(seed: u64, reboot_on_hang: bool) -> (Sim, Stack, InstanceId) {
    let sim = world(seed);
    let stack = prepare_with(&sim, |spec| {
        spec.app.repair = Some(Repair::Restart);
        spec.app.reboot_on_hang = reboot_on_hang;
    });
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    (sim, stack, id)
}

fn tag(sim: &Sim, key: &str) -> String {
    let tags = sim.inspect(|world| world.groups[&names().group].tags.clone());
    tags.get(key).cloned().unwrap_or_default()
}

/// What an instance has asked for since the trace had so many entries.
fn asked(sim: &Sim, id: &InstanceId, since: usize) -> Vec<String> {
    let trace = sim.trace();
    let call = |kind: &TraceKind| match kind {
        TraceKind::Call(call) if call.caller == id.as_str() => Some(call.action.clone()),
        _ => None,
    };
    trace[since..].iter().filter_map(|event| call(&event.what)).collect()
}

/// What is done to an instance; answers whether it was.
type Harm = fn(&Sim, &InstanceId) -> bool;

/// How a machine stops.
const HARMS: [(&str, Harm); 2] = [("panic", Sim::panic_instance), ("hang", Sim::hang_instance)];

#[test]
fn a_machine_that_panics_or_hangs_serves_again_where_it_is_and_asks_for_nothing_but_its_count() {
    for (name, harm) in HARMS {
        for seed in 0..20 {
            let (sim, stack, id) = launch(seed, true);
            for count in 1..=2 {
                let since = sim.trace().len();
                assert!(harm(&sim, &id));
                rest(&sim);
                assert_eq!(healed(&sim, &stack), id, "{name}: it was replaced");
                let mut calls = asked(&sim, &id, since);
                // The watchdog ends a row of failures once the app has stayed well.
                calls.truncate(2);
                assert_eq!(
                    calls,
                    ["autoscaling:DescribeTags", "autoscaling:CreateOrUpdateTags"],
                    "{name}"
                );
                let needless = [
                    "ec2:AttachVolume",
                    "ec2:AssociateAddress",
                    "autoscaling:CompleteLifecycleAction",
                ];
                let all = asked(&sim, &id, since);
                assert!(
                    !all.iter().any(|call| needless.contains(&call.as_str())),
                    "{name}: {all:?}"
                );
                let told = tag(&sim, TAG_REPAIRS);
                assert!(told.starts_with(&format!("{count} ")), "{name}: {told}");
                assert!(told.ends_with("the machine had not shut down"), "{name}: {told}");
                sim.advance(HOUR);
            }
            assert!(matches!(tag(&sim, TAG_FAILED_BOOTS).as_str(), "" | "0"));
            assert_safe(&sim);
        }
    }
}

#[test]
fn without_it_the_status_checks_notice_and_another_instance_takes_its_place() {
    for (name, harm) in HARMS {
        let (sim, stack, id) = launch(1, false);
        assert!(harm(&sim, &id));
        sim.advance(Duration::from_secs(60));
        let reboots =
            |kind: &TraceKind| matches!(kind, TraceKind::Instance { state, .. } if *state == InstanceChange::Rebooted);
        assert!(!sim.trace().iter().any(|event| reboots(&event.what)), "{name}");
        rest(&sim);
        assert_ne!(healed(&sim, &stack), id, "{name}");
        assert_eq!(tag(&sim, TAG_REPAIRS), "", "{name}");
        assert_safe(&sim);
    }
}

#[test]
fn a_panic_heals_where_it_is_whatever_aws_answers() {
    for fault in [
        Fault::ErrorBeforeEffect,
        Fault::AnswerLost,
        Fault::Throttle,
        Fault::AccessDenied,
    ] {
        let (sim, stack, id) = launch(3, true);
        sim.set_faults(FaultPlan::none().with_times(When::Every(String::new()), fault.clone(), 20));
        assert!(sim.panic_instance(&id));
        rest(&sim);
        assert_eq!(healed(&sim, &stack), id, "{fault:?}");
        assert_safe(&sim);
    }
}

#[test]
fn a_reboot_from_outside_is_no_repair() {
    let (sim, stack, id) = launch(4, true);
    assert!(sim.reboot_instance(&id));
    rest(&sim);
    assert_eq!((healed(&sim, &stack), tag(&sim, TAG_REPAIRS)), (id, String::new()));
}

/// A stack that reboots where a restart has not helped.
fn rebooting(seed: u64) -> (Sim, Stack, InstanceId) {
    let sim = world(seed);
    let stack = prepare_with(&sim, |spec| spec.app.repair = Some(Repair::Reboot));
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    (sim, stack, id)
}

#[test]
fn an_app_that_a_reboot_mends_stays_with_its_instance_and_is_counted() {
    for seed in 0..20 {
        let (sim, stack, id) = rebooting(seed);
        let since = sim.trace().len();
        assert!(sim.fail_app(&id));
        rest(&sim);
        assert_eq!(healed(&sim, &stack), id, "it was replaced");
        let told = tag(&sim, TAG_REPAIRS);
        assert!(
            told.starts_with("1 ") && told.ends_with("the app failed its probes and a reboot helped"),
            "{told}"
        );
        let calls = asked(&sim, &id, since);
        assert!(
            !calls
                .iter()
                .any(|call| call.starts_with("ec2:Attach") || call.starts_with("ec2:Associate"))
        );
        assert_safe(&sim);
    }
}

#[test]
fn an_app_that_fails_again_within_the_hour_of_a_reboot_is_replaced() {
    let (sim, stack, id) = rebooting(5);
    assert!(sim.fail_app(&id));
    while tag(&sim, TAG_REPAIRS).is_empty() {
        sim.advance(Duration::from_secs(1));
    }
    assert!(sim.fail_app(&id));
    rest(&sim);
    let second = healed(&sim, &stack);
    assert_ne!(second, id);
    assert!(tag(&sim, TAG_REPAIRS).starts_with("1 "));
    // What an hour and a half brings is rebooted once more.
    sim.advance(HOUR + HOUR / 2);
    assert!(sim.fail_app(&second));
    rest(&sim);
    assert_eq!(healed(&sim, &stack), second);
    assert!(tag(&sim, TAG_REPAIRS).starts_with("2 "));
}
