//! The setup script beside the image's own package updates, and its time-out.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use selfheal_userdata::BootConfig;

use crate::support::full;
use crate::support::machine::Machine;

/// A process that holds a lock as dpkg and rpm do.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holds the lock for so many seconds, and makes the file `released` just before it lets go.
fn hold(machine: &Machine, lock: &str, seconds: u32) -> Holder {
    let path = machine.root().join(lock);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "import fcntl, time\nlock = open({path:?}, 'w')\nfcntl.lockf(lock, fcntl.LOCK_EX)\nprint('held', flush=True)\n\
         time.sleep({seconds})\nopen({released:?}, 'w')\n",
        released = machine.folder().join("released")
    );
    let mut child = Command::new("python3")
        .args(["-c", &text])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut held).unwrap();
    Holder(child)
}

/// A stack whose setup fails unless the lock was let go.
fn wants_the_lock(machine: &Machine) -> BootConfig {
    let released = machine.folder().join("released");
    let setup = format!("#!/bin/sh\ntest -e {}\n", released.display()).into_bytes();
    BootConfig {
        setup: Some(setup),
        ..full()
    }
}

#[test]
fn locks_of_package_managers_are_waited_for_before_setup() {
    for lock in [
        "var/lib/dpkg/lock-frontend",
        "var/lib/dpkg/lock",
        "var/lib/apt/lists/lock",
        "var/lib/rpm/.rpm.lock",
        "usr/lib/sysimage/rpm/.rpm.lock",
    ] {
        let machine = Machine::new();
        let holder = hold(&machine, lock, 4);
        let text = machine.boot(&wants_the_lock(&machine), 0);
        assert!(
            text.contains("setup waits: something else installs packages"),
            "{lock}: {text}"
        );
        drop(holder);
    }
}

#[test]
fn locks_that_nobody_lets_go_do_not_hold_setup_for_ever() {
    let machine = Machine::new();
    let holder = hold(&machine, "var/lib/dpkg/lock-frontend", 90);
    machine.set_limit("packages_s_max", 1);
    let text = machine.again("boot", 0);
    assert!(text.contains("setup starts") && text.contains("setup waits"), "{text}");
    drop(holder);
}

#[test]
fn setup_over_its_time_is_a_failed_boot_and_ends_with_all_that_it_started() {
    let machine = Machine::new();
    let pids = machine.folder().join("pids");
    let setup = format!(
        "#!/bin/bash\n/bin/sleep 80 &\necho $$ $! >{}\n(trap '' TERM; /bin/sleep 80)\n",
        pids.display()
    );
    let started = Instant::now();
    let text = machine.boot(
        &BootConfig {
            setup: Some(setup.into_bytes()),
            setup_timeout_s: 2,
            ..full()
        },
        16,
    );
    assert!(
        text.contains("failed: setup did not end within 2 s (exit 16)"),
        "{text}"
    );
    assert!(started.elapsed().as_secs() < 60, "{text}");
    let pids = fs::read_to_string(pids).unwrap();
    for pid in pids.split_whitespace() {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{pid} lives on: {state}");
    }
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
    assert!(machine.aws.state().tags["selfheal:last-error"].contains("within 2 s"));
}
