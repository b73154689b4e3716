//! A volume that grows: the filesystem follows it, at a boot and while the app runs, and the group's tag says so.

use std::fs::OpenOptions;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::full;
use crate::support::machine::Machine;

/// A stack whose app nobody probes.
fn unwatched() -> selfheal_userdata::BootConfig {
    selfheal_userdata::BootConfig { health: None, ..full() }
}

const STATE: &str = "autoscaling/target-lifecycle-state";
const VOLUME: &str = "vol-0123456789abcdef0";
const GIB: u64 = 1 << 30;

/// A machine whose filesystem is as large as its device was when it was grown last: files stand for both.
fn machine() -> Machine {
    let machine = Machine::new();
    let size = machine.folder().join("filesystem");
    let size = size.display();
    machine.stub(
        "stat",
        &format!("[[ $1 == -f ]] || exec /usr/bin/stat \"$@\"\ncat {size} 2>/dev/null || echo 0"),
    );
    let note = machine.folder().join("commands");
    machine.stub(
        "xfs_growfs",
        &format!(
            "echo \"xfs_growfs $*\" >>{}\n/usr/bin/stat -c %s \"$SELFHEAL_ROOT/dev/nvme1n1\" >{size}",
            note.display()
        ),
    );
    machine
}

fn resize(machine: &Machine, bytes: u64) {
    let volume = OpenOptions::new().write(true).open(machine.volume()).unwrap();
    volume.set_len(bytes).unwrap();
}

fn noted(machine: &Machine) -> String {
    machine
        .aws
        .state()
        .tags
        .get("selfheal:grown")
        .cloned()
        .unwrap_or_default()
}

#[test]
fn a_new_filesystem_is_noted_in_the_call_that_begins_it_and_a_larger_one_once_it_has_grown() {
    let machine = Machine::new();
    machine.boot(&full(), 0);
    assert_eq!(
        noted(&machine),
        format!("{VOLUME} 0 GiB"),
        "as large as the lab's volume"
    );
    assert_eq!(tagged(&machine), 1);
    // A reboot that finds nothing to grow notes nothing.
    let machine = self::machine();
    machine.boot(&unwatched(), 0);
    let before = tagged(&machine);
    std::fs::remove_dir_all(machine.root().join("run/selfheal")).unwrap();
    machine.again("boot", 0);
    assert_eq!(tagged(&machine), before);
    std::fs::remove_dir_all(machine.root().join("run/selfheal")).unwrap();
    resize(&machine, 3 * GIB);
    machine.again("boot", 0);
    assert_eq!(
        (tagged(&machine), noted(&machine)),
        (before + 1, format!("{VOLUME} 3 GiB"))
    );
}

/// How often the machine has written tags of the group.
fn tagged(machine: &Machine) -> usize {
    let actions = machine.actions();
    actions.iter().filter(|action| *action == "CreateOrUpdateTags").count()
}

/// A machine that has booted, while its watch runs and looks every second.
fn watched(machine: &Machine, story: impl FnOnce()) {
    machine.boot(&unwatched(), 0);
    machine.set_program("size_look_s=10", "size_look_s=1");
    machine.aws.metadata(STATE, "InService");
    thread::scope(|scope| {
        let watch = scope.spawn(|| machine.program("watch"));
        story();
        machine.aws.metadata(STATE, "Terminated");
        watch.join().unwrap();
    });
}

/// Waits for a while; answers whether it came.
fn comes(what: impl Fn() -> bool, at_most_s: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(at_most_s);
    while Instant::now() < deadline && !what() {
        thread::sleep(Duration::from_millis(100));
    }
    what()
}

#[test]
fn a_volume_that_grows_while_the_app_runs_is_followed_once() {
    let machine = machine();
    watched(&machine, || {
        let (grown, tags) = (machine.count("xfs_growfs"), tagged(&machine));
        resize(&machine, 2 * GIB);
        assert!(comes(|| noted(&machine) == format!("{VOLUME} 2 GiB"), 20));
        // Nothing more is done about a size that was come to.
        assert!(!comes(
            || machine.count("xfs_growfs") > grown + 1 || tagged(&machine) > tags + 1,
            4
        ));
        assert_eq!((machine.count("xfs_growfs"), tagged(&machine)), (grown + 1, tags + 1));
    });
}

#[test]
fn a_filesystem_that_cannot_grow_is_said_so_and_is_tried_again_in_an_hour() {
    let machine = machine();
    let tried = machine.folder().join("tried");
    watched(&machine, || {
        machine.stub("xfs_growfs", &format!("echo x >>{}\nexit 1", tried.display()));
        // The group does not take the note at once either.
        machine.aws.fail("CreateOrUpdateTags", &[(403, "AccessDenied", "no")]);
        resize(&machine, 2 * GIB);
        assert!(comes(|| noted(&machine) == format!("{VOLUME} 2 GiB failed"), 20));
        let tries = || std::fs::read_to_string(&tried).unwrap_or_default().lines().count();
        assert!(!comes(|| tries() > 1, 4), "not again so soon");
        std::fs::write(machine.root().join("run/selfheal/size"), format!("{} 1\n", 2 * GIB)).unwrap();
        assert!(comes(|| tries() > 1, 10), "an hour later");
    });
}
