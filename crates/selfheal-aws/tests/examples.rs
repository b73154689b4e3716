//! The examples, run.

#![cfg(feature = "sim")]

#[path = "../examples/apply.rs"]
mod apply;
#[path = "../examples/faults.rs"]
mod faults;
#[path = "../examples/heal.rs"]
mod heal;

#[test]
fn a_first_apply_tells_of_each_step_and_leaves_nothing_to_do() {
    let (lines, left) = apply::first_apply().expect("it applies");
    let at = |text: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(text))
            .unwrap_or_else(|| panic!("{text}: {lines:#?}"))
    };
    assert!(at("begins: IAM role") < at("done: IAM role selfheal-web-eu-west-1"));
    assert!(at("done: Elastic IP 203.0.113.") < at("done: Auto Scaling group selfheal-web"));
    assert!(at("waiting for the volume vol-") < at("no longer waiting for the volume vol-"));
    assert!(left.contains("Nothing to do"), "{left}");
    apply::main().expect("it prints");
}

#[test]
fn a_killed_instance_comes_back_with_address_and_volume() {
    let (before, after) = heal::before_and_after().expect("it heals");
    assert!(before.healthy && after.healthy, "{before}\n{after}");
    let id = |report: &selfheal_core::status::StatusReport| report.instance.as_ref().expect("one serves").id.clone();
    assert_ne!(id(&before), id(&after));
    assert_eq!(
        before.address.as_ref().map(|address| &address.public_ip),
        after.address.as_ref().map(|address| &address.public_ip)
    );
    let holder = after
        .address
        .as_ref()
        .and_then(|address| address.associated_instance.clone());
    assert_eq!(holder, Some(id(&after)));
    let volume =
        |report: &selfheal_core::status::StatusReport| report.volume.as_ref().expect("there is one").id.clone();
    assert_eq!(volume(&before), volume(&after));
    heal::main().expect("it prints");
}

#[test]
fn a_backend_that_fails_now_and_then_makes_nothing_twice() {
    let (faults, volumes) = faults::applied().expect("it applies");
    let count = |of: &std::sync::atomic::AtomicU32| of.load(std::sync::atomic::Ordering::Relaxed);
    assert!(count(&faults.throttled) > 5, "{faults:?}");
    assert!(count(&faults.volumes) >= 1, "{faults:?}");
    assert_eq!(volumes, 1);
    faults::main().expect("it prints");
}
