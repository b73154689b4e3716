//! An image made from a running instance: the program that it carries leaves the new instance to its own user data.

use std::fs;

use selfheal_userdata::BootConfig;

use crate::support::aws::INSTANCE;
use crate::support::full;
use crate::support::machine::Machine;

/// Lets cloud-init know the machine as this instance.
fn is_known_as(machine: &Machine, instance: &str) {
    let folder = machine.root().join("var/lib/cloud/data");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("instance-id"), format!("{instance}\n")).unwrap();
}

fn with_setup(word: &str) -> BootConfig {
    BootConfig {
        setup: Some(format!("#!/bin/sh\necho {word}\n").into_bytes()),
        ..full()
    }
}

#[test]
fn program_of_another_instance_touches_nothing_and_the_new_one_wins() {
    let machine = Machine::new();
    is_known_as(&machine, "i-0bbbbbbbbbbbbbbb2");
    // What the origin left: its program, its setup, and its marks.
    let text = machine.boot(&with_setup("old"), 23);
    assert!(
        text.contains("failed: this program is that of i-0bbbbbbbbbbbbbbb2 (exit 23)"),
        "{text}"
    );
    assert_eq!(machine.actions(), [""; 0]);
    assert_eq!(machine.count("mount"), 0);
    for mark in ["setup", "completed", "settled"] {
        let path = format!("var/lib/selfheal/i-0bbbbbbbbbbbbbbb2.{mark}");
        fs::write(machine.root().join(path), "0\n").unwrap();
    }
    // Then cloud-init runs the user data of the new instance.
    is_known_as(&machine, INSTANCE);
    machine.boot(&with_setup("new"), 0);
    let log = fs::read_to_string(machine.root().join("var/log/selfheal/setup.log")).unwrap();
    assert_eq!(log, "new\n");
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "CONTINUE"
    );
    // A reboot of it is one of its own.
    machine.again("boot", 0);
}

#[test]
fn what_runs_of_the_old_program_is_replaced_by_the_new() {
    let machine = Machine::new();
    machine.install(&full());
    let commands = machine.commands();
    let expected = [
        "systemctl daemon-reload",
        "systemctl enable --quiet selfheal-boot.service",
        "sync -f /etc/systemd/system",
        "systemctl try-restart --no-block selfheal-watch.service",
        "systemctl restart --no-block selfheal-boot.service",
    ];
    assert_eq!(commands[commands.len() - expected.len()..], expected);
}

#[test]
fn instance_that_cloud_init_names_otherwise_boots() {
    for known_as in ["iid-datasource-none", ""] {
        let machine = Machine::new();
        is_known_as(&machine, known_as);
        machine.boot(&full(), 0);
    }
}
