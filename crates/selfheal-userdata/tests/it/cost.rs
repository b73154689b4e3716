//! What the fast path costs: processes, which are what a shell program's time goes into.

use std::fs;
use std::path::Path;

use selfheal_userdata::{BootConfig, HealthCheck, Probe};

use crate::support::full;
use crate::support::machine::Machine;

/// Processes forked from the start of the boot program to the association, which is its second signed call here.
fn forked_before_association(config: &BootConfig) -> Option<usize> {
    if !Path::new("/usr/bin/strace").exists() {
        println!("skipped: strace is not installed");
        return None;
    }
    let machine = Machine::new();
    machine.write_volume(0, "xfs\n");
    // Unlike the usual stand-in, the real one does not fork.
    machine.stub("blkid", "echo TYPE=xfs");
    machine.install(config);
    let trace = machine.folder().join("trace");
    let output = machine.program_under(
        &[
            "/usr/bin/strace",
            "-f",
            "-qq",
            "-e",
            "trace=clone,clone3,fork,vfork,execve,pselect6",
            "-o",
            trace.to_str().unwrap(),
        ],
        "boot",
    );
    assert!(output.status.success());
    let trace = fs::read_to_string(trace).unwrap();
    let mut signed = 0;
    let before = trace.lines().take_while(|line| {
        let before = signed < 2;
        signed += usize::from(line.contains("--aws-sigv4"));
        before
    });
    // Stand-ins are scripts, but none of them forks here. A pause forks once, and how many there are is a matter of time.
    let (mut forks, mut pauses) = (0, 0);
    for line in before {
        forks += usize::from(line.contains("clone") || line.contains("fork("));
        pauses += usize::from(line.contains("pselect6(") && line.contains("tv_sec=0"));
    }
    Some(forks - pauses)
}

// systemd-notify, which only a real boot has, makes one more than what is counted here.
#[test]
fn fast_path_forks_at_most_twelve_processes() {
    let bare = BootConfig {
        setup: None,
        health: None,
        ..full()
    };
    if let Some(forks) = forked_before_association(&bare) {
        println!("{forks} processes without a probe");
        assert!((4..=11).contains(&forks), "{forks}");
    }
    let probe = Probe::Command { command: "true".into() };
    let health = full().health.map(|health| HealthCheck { probe, ..health });
    if let Some(forks) = forked_before_association(&BootConfig {
        setup: None,
        health,
        ..full()
    }) {
        println!("{forks} processes with a probe that succeeds at once");
        assert!((4..=11).contains(&forks), "{forks}");
    }
}
