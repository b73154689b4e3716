//! A machine that panics or hangs: what the kernel and systemd are told, and how its start anew is counted.

use std::fs;

use selfheal_userdata::{BootConfig, Repair};

use crate::support::aws::INSTANCE;
use crate::support::machine::Machine;
use crate::support::{full, mended, told};

const SYSCTL: &str = "etc/sysctl.d/99-selfheal.conf";
const MANAGER: &str = "etc/systemd/system.conf.d/selfheal.conf";
const TAG: &str = "selfheal:repairs";

/// A stack whose machines stay as they are when they hang.
fn left_alone() -> BootConfig {
    BootConfig {
        repair: Repair::default(),
        ..full()
    }
}

/// Lets the machine have started anew, as its kernel tells.
pub fn start_anew(machine: &Machine, boot_id: &str) {
    let folder = machine.root().join("proc/sys/kernel/random");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("boot_id"), format!("{boot_id}\n")).unwrap();
}

#[test]
fn kernel_and_systemd_are_told_where_the_stack_wants_it_and_at_once() {
    let machine = Machine::new();
    let kernel = machine.root().join("proc/sys/kernel");
    fs::create_dir_all(&kernel).unwrap();
    fs::write(kernel.join("panic"), "0\n").unwrap();
    fs::write(kernel.join("panic_on_oops"), "0\n").unwrap();
    machine.install(&full());
    let read = |path: &str| fs::read_to_string(machine.root().join(path)).unwrap();
    assert_eq!(read(SYSCTL), "kernel.panic=10\nkernel.panic_on_oops=1\n");
    assert_eq!(
        read(MANAGER),
        "[Manager]\nDefaultTimeoutStopSec=15s\nRuntimeWatchdogSec=30s\n"
    );
    assert_eq!(
        (
            read("proc/sys/kernel/panic").as_str(),
            read("proc/sys/kernel/panic_on_oops").as_str()
        ),
        ("10\n", "1\n")
    );
    let machine = Machine::new();
    machine.install(&left_alone());
    assert!(!machine.root().join(SYSCTL).exists());
    let manager = fs::read_to_string(machine.root().join(MANAGER)).unwrap();
    assert_eq!(manager, "[Manager]\nDefaultTimeoutStopSec=15s\n");
}

/// Lets a booted machine watch until its group ends it; answers what it says and what it runs for a watchdog.
fn watched(config: &BootConfig, prepare: impl FnOnce(&Machine)) -> (String, Vec<String>) {
    let machine = Machine::new();
    machine.boot(config, 0);
    prepare(&machine);
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    let before = machine.commands().len();
    let text = machine.again("watch", 0);
    let ran = machine.commands().split_off(before);
    let about = |line: &String| line.starts_with("modprobe") || line.contains("daemon-reload");
    (text, ran.into_iter().filter(about).collect())
}

#[test]
fn systemd_gets_the_kernels_watchdog_where_the_machine_has_none() {
    let without = |machine: &Machine| fs::remove_file(machine.root().join("dev/watchdog")).unwrap();
    assert_eq!(
        watched(&full(), without).1,
        ["modprobe softdog", "systemctl daemon-reload"]
    );
    let (text, ran) = watched(&full(), |machine| {
        without(machine);
        machine.stub("modprobe", "exit 1");
    });
    assert!(text.contains("no watchdog"), "{text}");
    assert_eq!(ran, [""; 0]);
    assert_eq!(watched(&full(), |_| {}).1, [""; 0], "it has one");
    assert_eq!(watched(&left_alone(), without).1, [""; 0], "nobody asked for one");
}

#[test]
fn start_of_a_machine_that_had_not_shut_down_is_counted_once() {
    let machine = Machine::new();
    start_anew(&machine, "one");
    machine.boot(
        &BootConfig {
            notify: told().notify,
            ..mended()
        },
        0,
    );
    let calls = machine.actions().len();
    // systemd starts a boot program that was killed once more: the machine is the same.
    machine.again("boot", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
    start_anew(&machine, "two");
    let text = machine.again("boot", 0);
    assert!(text.contains("the machine had not shut down"), "{text}");
    assert_eq!(
        machine.actions()[calls..],
        ["Publish", "DescribeTags", "CreateOrUpdateTags"]
    );
    let noted = machine.aws.state().tags.get(TAG).cloned().unwrap();
    let words: Vec<&str> = noted.splitn(5, ' ').collect();
    assert_eq!((words[0], words[3]), ("1", INSTANCE), "{noted}");
    assert_eq!(words[4], "the machine had not shut down");
    let calls = machine.actions().len();
    machine.again("boot", 0);
    assert_eq!(machine.actions().len(), calls);
}

#[test]
fn start_after_a_shutdown_and_that_of_another_instance_is_no_repair() {
    let machine = Machine::new();
    start_anew(&machine, "one");
    machine.boot(&mended(), 0);
    let calls = machine.actions().len();
    machine.again("off", 0);
    start_anew(&machine, "two");
    machine.again("boot", 0);
    // An image was made of a running instance.
    fs::write(machine.root().join("var/lib/selfheal/up"), "i-0ccccccccccccccc1 two\n").unwrap();
    start_anew(&machine, "three");
    machine.again("boot", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
}

#[test]
fn outage_of_aws_does_not_hold_the_boot_that_counts_a_start() {
    let machine = Machine::new();
    start_anew(&machine, "one");
    machine.boot(&mended(), 0);
    start_anew(&machine, "two");
    machine
        .aws
        .fail("DescribeTags", &[(503, "ServiceUnavailable", "away"); 9]);
    machine.again("boot", 0);
    assert_eq!(machine.aws.state().tags.get(TAG), None);
    let text = machine.again("boot", 0);
    assert!(!text.contains("had not shut down"), "{text}");
}
