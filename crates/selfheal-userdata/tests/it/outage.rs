//! Outages of AWS: what they cost is no failed boot, and who cannot tell anybody that it does not serve stops.

use std::fs;

use crate::support::full;
use crate::support::machine::Machine;

/// An answer of a service that is away.
const AWAY: (u16, &str, &str) = (
    503,
    "ServiceUnavailable",
    "Service Unavailable. Please try again shortly.",
);

#[test]
fn outage_of_attach_volume_is_waited_out_beyond_the_limit_of_a_held_volume() {
    let machine = Machine::new();
    machine.aws.fail("AttachVolume", &[AWAY; 4]);
    machine.install_with(&full(), &[("attach_s_max", 2)]);
    machine.again("boot", 0);
    assert_eq!(machine.aws.state().tags.get("selfheal:failed-boots"), None);
}

#[test]
fn outage_that_outlasts_the_boot_is_noted_and_not_counted() {
    for (action, code) in [("AttachVolume", 12), ("AssociateAddress", 18)] {
        let machine = Machine::new();
        machine
            .aws
            .state()
            .tags
            .insert("selfheal:failed-boots".into(), "2".into());
        machine.aws.fail(action, &[AWAY; 100]);
        machine.install_with(
            &full(),
            &[("outage_s_max", 4), ("attach_s_max", 1), ("address_s_max", 1)],
        );
        machine.again("boot", code);
        assert_eq!(
            machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
            "ABANDON"
        );
        let state = machine.aws.state();
        assert_eq!(state.tags["selfheal:failed-boots"], "2", "{action}");
        assert_eq!((state.tags.get("selfheal:parked"), state.suspended.len()), (None, 0));
        assert!(
            state.tags["selfheal:last-error"].contains("ServiceUnavailable"),
            "{:?}",
            state.tags
        );
    }
}

#[test]
fn failure_after_an_outage_that_was_waited_out_is_counted() {
    let machine = Machine::new();
    machine.aws.fail("AttachVolume", &[AWAY; 2]);
    machine.stub("mount", "exit 32");
    machine.boot(&full(), 15);
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "1");
}

/// What a failed instance tells its group with.
const REPORTS: [&str; 3] = ["DescribeTags", "CompleteLifecycleAction", "SetInstanceHealth"];

#[test]
fn failed_boot_that_nobody_hears_of_powers_the_instance_off() {
    let machine = Machine::new();
    for action in REPORTS {
        machine.aws.fail(action, &[AWAY; 100]);
    }
    machine.stub("mount", "exit 32");
    machine.install_with(&full(), &[("outage_s_max", 4), ("call_s_max", 1)]);
    machine.again("boot", 15);
    assert!(machine.commands().contains(&"systemctl poweroff".to_owned()));
}

#[test]
fn failed_boot_is_reported_for_as_long_as_an_outage_lasts() {
    let machine = Machine::new();
    machine.aws.fail("CompleteLifecycleAction", &[AWAY; 4]);
    machine.stub("mount", "exit 32");
    machine.install_with(&full(), &[("call_s_max", 1)]);
    machine.again("boot", 15);
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
    assert!(!machine.commands().contains(&"systemctl poweroff".to_owned()));
}

#[test]
fn instance_outside_its_group_is_not_powered_off() {
    let machine = Machine::new();
    machine.boot(&full(), 0);
    machine.stub("mount", "exit 32");
    machine.aws.fail(
        "SetInstanceHealth",
        &[(400, "ValidationError", "No managed instance found for instance ID i-0")],
    );
    machine.again("boot", 15);
    assert!(!machine.commands().contains(&"systemctl poweroff".to_owned()));
}

/// A machine that served, whose volume was then taken away while these calls are answered so often with an outage.
fn robbed(times: usize, limits: &[(&str, u32)]) -> Machine {
    let machine = Machine::new();
    machine.install_with(&full(), limits);
    machine.again("boot", 0);
    for action in ["SetInstanceHealth", "DescribeAddresses"] {
        machine.aws.fail(action, &vec![AWAY; times]);
    }
    fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
    machine
}

#[test]
fn lost_volume_that_nobody_hears_of_powers_the_instance_off() {
    let machine = robbed(100, &[("outage_s_max", 4), ("call_s_max", 1)]);
    machine.again("watch", 0);
    assert!(machine.commands().contains(&"systemctl poweroff".to_owned()));
}

#[test]
fn lost_volume_is_reported_for_as_long_as_an_outage_lasts() {
    let machine = robbed(4, &[("call_s_max", 1)]);
    let told = |machine: &Machine| {
        let actions = machine.actions();
        actions.iter().filter(|action| *action == "SetInstanceHealth").count()
    };
    machine.again("watch", 0);
    assert_eq!(told(&machine), 5);
    assert!(!machine.commands().contains(&"systemctl poweroff".to_owned()));
}
