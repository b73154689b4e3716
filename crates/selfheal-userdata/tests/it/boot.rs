//! Runs the rendered user data for real, with an AWS on loopback and stand-ins for what needs root.

use crate::support::full;
use crate::support::machine::{Machine, text};

/// Boots the full stack and asserts how it ends.
fn boot(machine: &Machine, code: i32) -> String {
    machine.install(&full());
    let output = machine.program("boot");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(machine.aws.state().complaints, Vec::<String>::new());
    text
}

fn count(machine: &Machine, command: &str) -> usize {
    machine
        .commands()
        .iter()
        .filter(|line| line.split(' ').next() == Some(command))
        .count()
}

#[test]
fn first_boot_does_everything_in_order() {
    let machine = Machine::new();
    boot(&machine, 0);
    let expected = [
        "AttachVolume",
        "DescribeVolumes",
        "AssociateAddress",
        "DescribeAddresses",
        "CompleteLifecycleAction",
        "DeleteTags",
    ];
    assert_eq!(machine.actions(), expected);
    assert_eq!(count(&machine, "mkfs.xfs"), 1);
}

#[test]
fn reboot_makes_no_call() {
    let machine = Machine::new();
    boot(&machine, 0);
    let before = machine.actions().len();
    assert!(machine.program("boot").status.success());
    assert_eq!(machine.actions()[before..], [""; 0]);
    assert_eq!(count(&machine, "mkfs.xfs"), 1);
}

#[test]
fn volume_with_anything_on_it_is_left_alone() {
    for (at, what) in [
        (0, "ext4"),
        (0, "gpt"),
        (0, "lvm"),
        (0, "garbage"),
        (2 << 20, "beyond the first MiB"),
    ] {
        let machine = Machine::new();
        machine.write_volume(at, what);
        let before = std::fs::read(machine.volume()).unwrap();
        boot(&machine, 14);
        assert_eq!(std::fs::read(machine.volume()).unwrap(), before, "{what}");
        assert_eq!(count(&machine, "mkfs.xfs"), 0, "{what}");
    }
}

#[test]
fn boot_that_fails_abandons_the_launch_and_is_counted() {
    let machine = Machine::new();
    machine.stub("mount", "exit 32");
    boot(&machine, 15);
    let state = machine.aws.state();
    let (action, parameters) = state.calls.last().unwrap();
    assert_eq!(
        (action.as_str(), parameters["LifecycleActionResult"].as_str()),
        ("CompleteLifecycleAction", "ABANDON")
    );
    assert_eq!(state.tags["selfheal:failed-boots"], "1");
    assert!(state.tags["selfheal:last-error"].ends_with("at /srv/data"));
}
