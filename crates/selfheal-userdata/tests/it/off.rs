//! The machine goes off: what the instance says by itself, and when it says nothing.

use std::fs;
use std::time::{Duration, Instant};

use selfheal_userdata::BootConfig;

use crate::support::machine::Machine;
use crate::support::{bare, full};

const STATE: &str = "autoscaling/target-lifecycle-state";
const OFF: &str = "[[ $1 != list-jobs ]] || echo '  42 poweroff.target start waiting'";

/// A booted stack on a machine whose systemd has these jobs, and how many calls that took.
fn booted(config: &BootConfig, jobs: &str) -> (Machine, usize) {
    let machine = Machine::new();
    machine.boot(config, 0);
    machine.stub("systemctl", jobs);
    let calls = machine.actions().len();
    (machine, calls)
}

/// What is asked where there is no volume to give back, or where it is still in use.
const WITHOUT_A_DETACH: [&str; 4] = [
    "DescribeTags",
    "SetInstanceHealth",
    "DescribeAddresses",
    "DisassociateAddress",
];

#[test]
fn machine_that_goes_off_gives_back_what_it_holds_and_says_so_without_grace() {
    for target in ["poweroff", "halt"] {
        let (machine, calls) = booted(&full(), &OFF.replace("poweroff", target));
        let text = machine.again("off", 0);
        let expected = [
            "DescribeTags",
            "DetachVolume",
            "SetInstanceHealth",
            "DescribeAddresses",
            "DisassociateAddress",
        ];
        assert_eq!(machine.actions()[calls..], expected, "{text}");
        assert_eq!(machine.last("SetInstanceHealth")["ShouldRespectGracePeriod"], "false");
        let state = machine.aws.state();
        assert_eq!((state.holder.as_ref(), state.address_of.as_ref()), (None, None));
    }
}

#[test]
fn stack_without_a_volume_says_so_as_well() {
    let (machine, calls) = booted(&bare(), OFF);
    machine.again("off", 0);
    assert_eq!(machine.actions()[calls..], WITHOUT_A_DETACH);
}

#[test]
fn whoever_starts_anew_or_only_stops_the_unit_says_nothing() {
    for jobs in [
        ":",
        "echo '42 reboot.target start waiting'",
        "echo '42 kexec.target start waiting'",
        "echo '42 soft-reboot.target start waiting'",
        "printf '%s\\n' '41 poweroff.target start waiting' '42 reboot.target start waiting'",
        "echo '42 poweroff.target stop waiting'",
        "exit 1",
    ] {
        let (machine, calls) = booted(&full(), jobs);
        machine.again("off", 0);
        assert_eq!(machine.actions()[calls..], [""; 0], "{jobs}");
    }
}

#[test]
fn whoever_has_left_or_is_not_wanted_or_never_served_says_nothing() {
    // The group has ended it, and it has given everything back.
    let (machine, _) = booted(&full(), OFF);
    machine.aws.metadata(STATE, "Terminated");
    machine.again("watch", 0);
    let calls = machine.actions().len();
    machine.again("off", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
    for state in ["Terminated", "Standby", "Warmed:Stopped"] {
        let (machine, calls) = booted(&full(), OFF);
        machine.aws.metadata(STATE, state);
        machine.again("off", 0);
        assert_eq!(machine.actions()[calls..], [""; 0], "{state}");
    }
    let machine = Machine::new();
    let setup = Some(b"#!/bin/sh\nexit 1\n".to_vec());
    machine.boot(&BootConfig { setup, ..full() }, 16);
    machine.stub("systemctl", OFF);
    let calls = machine.actions().len();
    machine.again("off", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
}

#[test]
fn parked_stack_keeps_what_it_has() {
    let (machine, calls) = booted(&full(), OFF);
    let parked = ("selfheal:parked".into(), "since then".into());
    machine.aws.state().tags.extend([parked]);
    machine.again("off", 0);
    assert_eq!(machine.actions()[calls..], ["DescribeTags"]);
}

#[test]
fn volume_that_is_not_unmounted_in_time_stays_and_the_group_hears_of_it() {
    let config = BootConfig {
        stop_timeout_s: 1,
        ..full()
    };
    let (machine, calls) = booted(&config, OFF);
    machine.set_program("\nmount_volume() {", "\nmounted() { source=; }\nmount_volume() {");
    let text = machine.again("off", 0);
    assert!(text.contains("the volume stays attached"), "{text}");
    assert_eq!(machine.actions()[calls..], WITHOUT_A_DETACH);
}

#[test]
fn volume_that_the_kernel_still_writes_to_is_not_detached() {
    let config = BootConfig {
        stop_timeout_s: 1,
        ..full()
    };
    let (machine, calls) = booted(&config, OFF);
    // Not mounted any more: the filesystem lives until all of it is written.
    fs::create_dir_all(machine.root().join("sys/fs/xfs/nvme1n1")).unwrap();
    let text = machine.again("off", 0);
    assert!(text.contains("the volume stays attached"), "{text}");
    assert_eq!(machine.actions()[calls..], WITHOUT_A_DETACH);
}

#[test]
fn aws_that_does_not_answer_keeps_no_machine_from_going_off() {
    let (machine, _) = booted(&full(), OFF);
    let away = [(503, "ServiceUnavailable", "away"); 20];
    for action in ["DescribeTags", "DetachVolume", "SetInstanceHealth", "DescribeAddresses"] {
        machine.aws.fail(action, &away);
    }
    let began = Instant::now();
    machine.again("off", 0);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn systemd_waits_for_no_unit_longer_than_the_stack_says() {
    let machine = Machine::new();
    let config = BootConfig {
        stop_timeout_s: 40,
        ..full()
    };
    machine.install(&config);
    let read = |path: &str| fs::read_to_string(machine.root().join(path)).unwrap();
    assert_eq!(
        read("etc/systemd/system.conf.d/selfheal.conf"),
        "[Manager]\nDefaultTimeoutStopSec=40s\nRuntimeWatchdogSec=30s\n"
    );
    let unit = read("etc/systemd/system/selfheal-off.service");
    assert!(unit.contains("TimeoutStopSec=45\n"), "{unit}");
}
