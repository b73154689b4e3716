//! A machine that is so busy that each pause of the program is over before bash begins to wait for its end.

use std::fs;

use selfheal_userdata::{BootConfig, PROGRAM_PATH};

use crate::support::full;
use crate::support::machine::Machine;

/// Bash from 5.2 on leaves `read -t` with a signal mask out of uninitialised memory where the time is over that early: the
/// end of a child is not heard of then, nor what systemd asks for.
#[test]
fn pause_that_is_over_at_once_does_not_deafen_the_program() {
    let machine = Machine::new();
    machine.install(&BootConfig {
        setup: Some(b"#!/bin/sh\nexec /bin/sleep 1\n".to_vec()),
        setup_timeout_s: 10,
        ..full()
    });
    let path = machine.root().join(PROGRAM_PATH.trim_start_matches('/'));
    let program = fs::read_to_string(&path).unwrap();
    let busy = program.replace("sleep_for 0.02", "sleep_for 0.000001");
    assert_ne!(program, busy);
    fs::write(&path, busy).unwrap();
    let text = machine.again("boot", 0);
    assert!(text.contains("setup is done"), "{text}");
}
