//! What is ours and must not reach what the user runs: sockets, variables, open files.

use std::fs;
use std::os::unix::net::UnixDatagram;

use selfheal_userdata::{BootConfig, HealthCheck, Probe};

use crate::support::machine::{Machine, text};
use crate::support::{bare, full};

/// What systemd gives a unit of its own.
const OF_THE_UNIT: [&str; 9] = [
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "RUNTIME_DIRECTORY",
];

/// Prints the environment and the open files, and stops the unit if it can, as a database does that a setup starts.
const LOOK: &str = "/usr/bin/env; echo fds $(/bin/ls /proc/self/fd); /usr/bin/python3 -c '
import os, socket
path = os.environ.get(\"NOTIFY_SOCKET\")
path and socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"STOPPING=1\", path)'";

/// Boots among what a unit has, and returns what the unit's socket heard.
fn boot_as_a_unit(machine: &Machine, config: &BootConfig) -> String {
    machine.install(config);
    let path = machine.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut environment = vec![("NOTIFY_SOCKET", path.to_str().unwrap()), ("DEFAULT", "kept")];
    environment.extend(OF_THE_UNIT.map(|name| (name, "1")));
    let output = machine.program_among(&environment, "boot");
    assert!(output.status.success(), "{}", text(&output));
    let mut heard = [0; 64];
    let length = socket.recv(&mut heard).unwrap_or(0);
    String::from_utf8_lossy(&heard[..length]).into_owned()
}

fn assert_clean(seen: &str) {
    // What the tests themselves have inherited.
    let output = std::process::Command::new("/bin/bash")
        .args(["-c", "echo fds $(/bin/ls /proc/self/fd)"])
        .output();
    let inherited = text(&output.unwrap());
    for name in OF_THE_UNIT.iter().chain(&["NOTIFY_SOCKET"]) {
        assert!(!seen.contains(&format!("{name}=")), "{seen}");
    }
    // Settings that somebody made for all units are the user's own.
    assert!(seen.contains("DEFAULT=kept"), "{seen}");
    assert!(seen.contains(&inherited), "{inherited}{seen}");
}

#[test]
fn setup_gets_nothing_of_the_units_and_cannot_stop_it() {
    let machine = Machine::new();
    let config = BootConfig {
        setup: Some(format!("#!/bin/bash\n{LOOK}\n").into_bytes()),
        ..bare()
    };
    assert_eq!(boot_as_a_unit(&machine, &config), "");
    let seen = fs::read_to_string(machine.root().join("var/log/selfheal/setup.log")).unwrap();
    assert_clean(&seen);
    assert!(seen.contains("NEEDRESTART_SUSPEND=1"), "{seen}");
}

#[test]
fn health_command_gets_nothing_of_the_units_and_cannot_stop_it() {
    let machine = Machine::new();
    let probe = Probe::Command { command: LOOK.into() };
    let config = BootConfig {
        health: full().health.map(|health| HealthCheck { probe, ..health }),
        ..bare()
    };
    assert_eq!(boot_as_a_unit(&machine, &config), "");
    assert_clean(&fs::read_to_string(machine.root().join("var/log/selfheal/boot.log")).unwrap());
}

#[test]
fn upgrades_leave_our_units_alone() {
    let machine = Machine::new();
    machine.install(&bare());
    let rule = fs::read_to_string(machine.root().join("etc/needrestart/conf.d/selfheal.conf")).unwrap();
    assert_eq!(rule, "$nrconf{override_rc}{qr(^selfheal-)} = 0;\n");
    let unit = fs::read_to_string(machine.root().join("etc/systemd/system/selfheal-boot.service")).unwrap();
    assert!(unit.contains("\nNotifyAccess=main\n"), "{unit}");
}
