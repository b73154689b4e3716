//! Boots that fail: what they leave alone, and whom they tell.

use std::fs;

use selfheal_userdata::BootConfig;

use crate::support::aws::INSTANCE;
use crate::support::full;
use crate::support::machine::{Machine, VOLUME_BYTES};

/// Boots a stack that must end with the status, with the volume as it was.
fn refused(machine: &Machine, code: i32) {
    let before = fs::read(machine.volume()).unwrap();
    machine.boot(&full(), code);
    assert!(fs::read(machine.volume()).unwrap() == before);
    assert_eq!((machine.count("mkfs.xfs"), machine.count("mount")), (0, 0));
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
    assert_eq!(machine.aws.state().address_of, None);
}

#[test]
fn volume_with_anything_on_it_is_left_alone() {
    for (at, what) in [
        (0, "ext4\n"),
        (0, "gpt\n"),
        (0, "lvm\n"),
        (0, "garbage"),
        (2 << 20, "beyond the first MiB"),
    ] {
        let machine = Machine::new();
        machine.write_volume(at, what);
        refused(&machine, 14);
    }
}

#[test]
fn volume_that_cannot_be_read_is_left_alone() {
    for (stub, body) in [
        // A device that says it is larger than what can be read of it.
        ("blockdev", "echo 999999999"),
        ("blockdev", "echo 0"),
        ("blockdev", "exit 1"),
        ("wipefs", "exit 1"),
        ("blkid", "exit 4"),
        ("blkid", "exit 8"),
        ("cmp", "exit 2"),
    ] {
        let machine = Machine::new();
        machine.stub(stub, body);
        refused(&machine, 14);
    }
}

#[test]
fn volume_that_is_not_known_to_be_new_is_left_alone() {
    let machine = Machine::new();
    machine.aws.state().first_use = false;
    refused(&machine, 14);
    let machine = Machine::new();
    machine.aws.state().snapshot = "snap-0123456789abcdef0".into();
    refused(&machine, 14);
    let machine = Machine::new();
    machine
        .aws
        .fail("DescribeVolumes", &[(400, "InvalidParameterValue", "no")]);
    refused(&machine, 14);
}

#[test]
fn large_volume_is_read_to_its_last_byte() {
    // A MiB at a time here.
    for (at, blank) in [
        (None, true),
        (Some((1 << 20) - 1), false),
        (Some(1 << 20), false),
        (Some(VOLUME_BYTES - 1), false),
    ] {
        let machine = Machine::new();
        if let Some(at) = at {
            machine.write_volume(at, "x");
        }
        machine.set_limit("read_bytes_max", 1 << 20);
        let text = machine.again("boot", if blank { 0 } else { 14 });
        assert_eq!(machine.count("mkfs.xfs"), usize::from(blank), "{at:?}: {text}");
        assert!(text.contains("reading all 3 MiB of"), "{text}");
    }
}

/// A machine whose volume carries this, and whose stack notes that a boot has begun to format the volume `begun`.
fn interrupted(content: &str, begun: &str, first_use: bool) -> Machine {
    let machine = Machine::new();
    machine.write_volume(0, content);
    let mut state = machine.aws.state();
    state.tags.insert("selfheal:formatting".into(), begun.to_owned());
    state.first_use = first_use;
    drop(state);
    machine
}

const VOLUME: &str = "vol-0123456789abcdef0";

#[test]
fn formatting_that_was_cut_short_is_done_again() {
    for content in ["half of a filesystem", "xfs selfheal-new\n"] {
        let machine = interrupted(content, VOLUME, true);
        let text = machine.boot(&full(), 0);
        assert!(text.contains("was cut short"), "{text}");
        assert_eq!((machine.count("mkfs.xfs"), machine.count("mount")), (1, 1), "{content}");
        assert!(!machine.aws.state().first_use);
    }
}

#[test]
fn new_filesystem_whose_mark_is_gone_is_kept() {
    let machine = interrupted("xfs selfheal-new\n", VOLUME, false);
    machine.boot(&full(), 0);
    assert_eq!((machine.count("mkfs.xfs"), machine.count("xfs_admin")), (0, 1));
}

#[test]
fn what_only_looks_like_an_interrupted_formatting_is_left_alone() {
    for (content, begun, first_use) in [
        ("half of a filesystem", VOLUME, false),
        ("half of a filesystem", "vol-0aaaaaaaaaaaaaaaa", true),
        ("half of a filesystem", "", true),
        ("gpt\n", VOLUME, true),
        ("lvm\n", VOLUME, true),
        ("ext4 selfheal-new\n", VOLUME, true),
        ("xfs selfheal-new\n", "vol-0aaaaaaaaaaaaaaaa", true),
    ] {
        refused(&interrupted(content, begun, first_use), 14);
    }
    let machine = interrupted("xfs selfheal-new\n", VOLUME, true);
    machine.aws.state().snapshot = "snap-0123456789abcdef0".into();
    refused(&machine, 14);
}

#[test]
fn volume_that_keeps_its_mark_is_never_mounted() {
    let machine = Machine::new();
    machine.aws.fail("DeleteTags", &[(400, "InvalidParameterValue", "no")]);
    machine.boot(&full(), 14);
    assert_eq!((machine.count("mkfs.xfs"), machine.count("mount")), (1, 0));
    // The next boot mends it.
    machine.again("boot", 0);
    assert_eq!((machine.count("mkfs.xfs"), machine.count("mount")), (2, 1));
}

#[test]
fn attachment_that_can_never_work_fails_fast() {
    let machine = Machine::new();
    machine
        .aws
        .fail("AttachVolume", &[(400, "InvalidVolume.ZoneMismatch", "another zone")]);
    refused(&machine, 12);
    assert_eq!(
        machine
            .actions()
            .iter()
            .filter(|action| *action == "AttachVolume")
            .count(),
        1
    );
}

#[test]
fn first_boot_that_fails_abandons_the_launch_and_is_counted() {
    let machine = Machine::new();
    machine.stub("mount", "exit 32");
    machine.boot(&full(), 15);
    assert_eq!(
        machine.actions()[4..],
        ["DescribeTags", "CreateOrUpdateTags", "CompleteLifecycleAction"]
    );
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
    let state = machine.aws.state();
    assert_eq!(state.tags["selfheal:failed-boots"], "1");
    assert!(state.tags["selfheal:last-error"].contains(INSTANCE), "{:?}", state.tags);
    assert!(
        state.tags["selfheal:last-error"].ends_with("at /srv/data"),
        "{:?}",
        state.tags
    );
    assert_eq!(state.suspended, [""; 0]);
    drop(state);
    // No watchdog interferes.
    assert!(
        !machine
            .commands()
            .iter()
            .any(|line| line.starts_with("systemctl start") && line.contains(".timer"))
    );
}

#[test]
fn last_failure_parks_the_stack_before_it_gives_up() {
    let machine = Machine::new();
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "2".into());
    machine.stub("mount", "exit 32");
    machine.boot(&full(), 15);
    let end = [
        "DescribeTags",
        "SuspendProcesses",
        "CreateOrUpdateTags",
        "CompleteLifecycleAction",
    ];
    assert_eq!(machine.actions()[4..], end);
    let state = machine.aws.state();
    // Launch alone would leave the group terminating what nothing replaces.
    assert_eq!(state.suspended, ["Launch", "ReplaceUnhealthy"]);
    assert_eq!(state.tags["selfheal:failed-boots"], "3");
    assert!(
        state.tags["selfheal:parked"].ends_with("3 failed replacements"),
        "{:?}",
        state.tags
    );
}

#[test]
fn stack_that_could_not_be_parked_does_not_say_so() {
    let machine = Machine::new();
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "7".into());
    machine.aws.fail("SuspendProcesses", &[(400, "ValidationError", "no")]);
    machine.stub("mount", "exit 32");
    machine.boot(&full(), 15);
    let state = machine.aws.state();
    assert_eq!(state.tags["selfheal:failed-boots"], "8");
    assert_eq!((state.tags.get("selfheal:parked"), state.suspended.len()), (None, 0));
}

#[test]
fn reboot_that_fails_makes_the_instance_unhealthy() {
    let machine = Machine::new();
    machine.boot(&full(), 0);
    let calls = machine.actions().len();
    machine.stub("mount", "exit 32");
    machine.again("boot", 15);
    assert_eq!(
        machine.actions()[calls..],
        ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"]
    );
    let report = machine.last("SetInstanceHealth");
    assert_eq!(
        (
            report["HealthStatus"].as_str(),
            report["ShouldRespectGracePeriod"].as_str()
        ),
        ("Unhealthy", "false")
    );
}

#[test]
fn instance_that_was_given_up_takes_nothing_and_tells_nobody() {
    let machine = Machine::new();
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    machine.boot(&full(), 21);
    assert_eq!(machine.actions(), [""; 0]);
}

#[test]
fn instance_that_is_given_up_during_its_boot_counts_nothing() {
    let machine = Machine::new();
    let state = machine.folder().join("given-up");
    // The mount fails because the group is taking the instance down at this moment.
    machine.stub(
        "mount",
        &format!("touch() {{ :>\"$1\"; }}; touch {}; exit 32", state.display()),
    );
    machine
        .aws
        .state()
        .metadata_from
        .insert("meta-data/autoscaling/target-lifecycle-state".into(), state);
    machine.boot(&full(), 15);
    let before = ["AttachVolume", "DescribeVolumes", "CreateOrUpdateTags", "DeleteTags"];
    assert_eq!(machine.actions(), before);
}

#[test]
fn setup_that_fails_is_shown() {
    let machine = Machine::new();
    let setup = b"#!/bin/sh\necho the disk of papers is full >&2\nexit 7\n".to_vec();
    let text = machine.boot(
        &BootConfig {
            setup: Some(setup),
            ..full()
        },
        16,
    );
    assert!(
        text.contains("selfheal: failed: setup failed with status 7 (exit 16)"),
        "{text}"
    );
    assert!(text.contains("\nthe disk of papers is full\n"), "{text}");
    assert_eq!(
        machine.aws.state().tags["selfheal:last-log"],
        "the disk of papers is full"
    );
    // It was not done, so a repair by hand and a reboot run it again.
    let text = machine.again("boot", 16);
    assert!(text.contains("setup starts"), "{text}");
}

#[test]
fn clock_that_is_off_is_named() {
    let machine = Machine::new();
    machine.aws.state().date = "Tue, 01 Jan 2030 00:00:00 GMT";
    machine.aws.fail(
        "AssociateAddress",
        &[(400, "SignatureDoesNotMatch", "Signature expired"); 2],
    );
    // Refused for good, once the budget for refusals is over: the machine is told that it is.
    machine.set_limit("denied_s_max", 0);
    let text = machine.again("boot", 18);
    assert!(text.contains("(the clock of this instance is off by -"), "{text}");
}

#[test]
fn end_that_no_step_decides_is_a_failure() {
    let machine = Machine::new();
    machine.install(&full());
    // A configuration that lost its last lines.
    let path = machine.root().join("etc/selfheal/config");
    let config = fs::read_to_string(&path)
        .unwrap()
        .replace("allocation_id=", "other_id=");
    fs::write(&path, config).unwrap();
    machine.again("boot", 20);
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
}
