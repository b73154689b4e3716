//! Requests: a tag of the instance is read, done once whatever happens, and answered in a tag of the group.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::machine::Machine;
use crate::support::{bare, full};

const PATH: &str = "tags/instance/selfheal:request";
const FIRST: &str = "0123456789abcdef";
const SECOND: &str = "fedcba9876543210";
const MARKER: &str = "00112233445566778899aabbccddeeff";

/// A stack that serves, with a volume that counts as mounted.
fn serving() -> Machine {
    let machine = Machine::new();
    machine.boot(&full(), 0);
    let root = machine.root();
    fs::create_dir_all(root.join("srv/data")).unwrap();
    // Nobody but root can mount: the table of mounts is a file here.
    let mounts = machine.folder().join("mounts");
    fs::write(&mounts, format!("/dev/x {}/srv/data xfs rw 0 0\n", root.display())).unwrap();
    machine.set_program("/proc/self/mounts", mounts.to_str().unwrap());
    quicken(&machine);
    machine
}

/// The watch looks at the metadata more often, and tries again sooner.
fn quicken(machine: &Machine) {
    machine.set_program("sleep_for 5\n", "sleep_for 0.3\n");
    machine.set_program("sleep_for 30\n", "sleep_for 0.3\n");
}

/// Lets the watch run until this holds, or for so long, and kills it; answers what the group's tag says.
fn watch(machine: &Machine, at_most: Duration, until: impl Fn() -> bool) -> String {
    let mut watch = machine.start("watch");
    let deadline = Instant::now() + at_most;
    while !until() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    // What comes after the answer is written at once.
    thread::sleep(Duration::from_millis(500));
    let group = format!("-{}", watch.id());
    let killed = Command::new("/bin/kill")
        .args(["-KILL", "--", &group])
        .status()
        .unwrap();
    assert!(killed.success());
    watch.wait().unwrap();
    answer(machine)
}

fn answer(machine: &Machine) -> String {
    machine
        .aws
        .state()
        .tags
        .get("selfheal:answer")
        .cloned()
        .unwrap_or_default()
}

/// What is answered to a request, within the time of two looks at the metadata.
fn asked(machine: &Machine, request: &str) -> String {
    machine.aws.metadata(PATH, request);
    let id = request.split(' ').next().unwrap();
    watch(machine, Duration::from_secs(15), || answer(machine).starts_with(id))
}

/// How many answers were given.
fn answers(machine: &Machine) -> usize {
    let state = machine.aws.state();
    let told = |call: &&(String, std::collections::BTreeMap<String, String>)| {
        call.0 == "CreateOrUpdateTags" && call.1.values().any(|value| value == "selfheal:answer")
    };
    state.calls.iter().filter(told).count()
}

fn marker(machine: &Machine) -> std::path::PathBuf {
    machine.root().join("srv/data/.selfheal/marker")
}

#[test]
fn a_marker_is_written_once_and_read_back() {
    let machine = serving();
    assert_eq!(
        asked(&machine, &format!("{FIRST} marker")),
        format!("{FIRST} failed there is no marker")
    );
    assert_eq!(
        asked(&machine, &format!("{SECOND} marker {MARKER}")),
        format!("{SECOND} ok {MARKER}")
    );
    assert_eq!(fs::read_to_string(marker(&machine)).unwrap(), format!("{MARKER}\n"));
    // Nobody is told twice, and an earlier request that comes back is not taken again.
    fs::remove_file(marker(&machine)).unwrap();
    for again in [format!("{SECOND} marker {MARKER}"), format!("{FIRST} marker {MARKER}")] {
        machine.aws.metadata(PATH, &again);
        watch(&machine, Duration::from_secs(3), || false);
    }
    assert!(!marker(&machine).exists());
    assert_eq!(answers(&machine), 2);
}

#[test]
fn what_is_no_request_is_never_taken() {
    let machine = serving();
    let escape = machine.folder().join("escaped");
    for text in [
        format!("marker {MARKER}"),
        FIRST.to_owned(),
        format!("{} marker", FIRST.to_uppercase()),
        format!("{FIRST} marker $(touch {})", escape.display()),
        format!("{FIRST} marker;touch"),
        format!("{FIRST} marker ../../etc/passwd"),
        format!("{FIRST}  marker"),
        format!("{FIRST} marker {MARKER} "),
    ] {
        machine.aws.metadata(PATH, &text);
        assert_eq!(watch(&machine, Duration::from_secs(2), || false), "", "{text}");
    }
    assert!(!escape.exists() && !marker(&machine).exists());
    assert!(!machine.root().join("var/lib/selfheal/requests").exists());
}

#[test]
fn no_function_is_reached_that_is_no_verb() {
    let machine = serving();
    for (at, verb) in ["leave", "die", "release", "marker-x", "poweroff"]
        .into_iter()
        .enumerate()
    {
        let id = format!("{at:016x}");
        let told = asked(&machine, &format!("{id} {verb}"));
        assert_eq!(told, format!("{id} failed this instance knows no {verb}"));
    }
    assert_eq!(
        machine.aws.state().holder.as_deref(),
        Some(crate::support::aws::INSTANCE)
    );
}

#[test]
fn a_marker_of_another_form_is_not_written() {
    let machine = serving();
    for (at, words) in ["abc", &MARKER.to_uppercase(), &format!("{MARKER} {MARKER}")]
        .iter()
        .enumerate()
    {
        let id = format!("{at:016x}");
        let told = asked(&machine, &format!("{id} marker {words}"));
        assert_eq!(told, format!("{id} failed the marker cannot be written"));
    }
    // Nor through a link that somebody has put there.
    let elsewhere = machine.folder().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    let _ = fs::remove_dir_all(machine.root().join("srv/data/.selfheal"));
    std::os::unix::fs::symlink(&elsewhere, machine.root().join("srv/data/.selfheal")).unwrap();
    let told = asked(&machine, &format!("{FIRST} marker {MARKER}"));
    assert_eq!(told, format!("{FIRST} failed the marker cannot be written"));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_marker_is_a_file_of_its_own_form() {
    let machine = serving();
    let secret = machine.folder().join("secret");
    fs::write(&secret, format!("{MARKER}\n")).unwrap();
    fs::create_dir_all(marker(&machine).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&secret, marker(&machine)).unwrap();
    let told = asked(&machine, &format!("{FIRST} marker"));
    assert_eq!(told, format!("{FIRST} failed there is no marker"));
    fs::remove_file(marker(&machine)).unwrap();
    fs::write(marker(&machine), "root:$6$secret\n").unwrap();
    let told = asked(&machine, &format!("{SECOND} marker"));
    assert_eq!(told, format!("{SECOND} failed there is no marker"));
}

/// A copy of a snapshot's data that is attached.
fn copied() -> Machine {
    let machine = serving();
    let root = machine.root();
    let nvme = root.join("sys/class/nvme/nvme9");
    fs::create_dir_all(&nvme).unwrap();
    fs::write(nvme.join("serial"), "vol0123abcd\n").unwrap();
    fs::write(root.join("dev/nvme9n1"), "xfs\n").unwrap();
    // Mounting shows what is on it.
    let note = machine.folder().join("commands").display().to_string();
    let copied = root.join("copied").display().to_string();
    machine.stub(
        "mount",
        &format!("echo \"mount $*\" >>{note}\n[[ ! -e {copied} ]] || /bin/cp -a {copied}/. \"${{!#}}\""),
    );
    machine.stub(
        "umount",
        &format!("echo \"umount $*\" >>{note}\n/bin/rm -rf \"${{!#}}/.selfheal\""),
    );
    machine.stub("df", "printf 'Filesystem x\\n/dev/x 4096000 2048000 2048000 50%% /\\n'");
    machine
}

const COPY: &str = "vol-0123abcd";

#[test]
fn a_copy_is_mounted_read_only_and_its_marker_and_size_are_told() {
    let machine = copied();
    let told = asked(&machine, &format!("{FIRST} copy {COPY}"));
    assert_eq!(told, format!("{FIRST} ok none 2000"));
    let folder = machine.root().join("copied/.selfheal");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("marker"), format!("{MARKER}\n")).unwrap();
    let told = asked(&machine, &format!("{SECOND} copy {COPY}"));
    assert_eq!(told, format!("{SECOND} ok {MARKER} 2000"));
    let commands = machine.commands();
    let mount = "mount -t xfs -o ro,nodev,nosuid,noexec,nouuid /dev/nvme9n1 /run/selfheal/copy";
    assert_eq!(commands.iter().filter(|line| *line == mount).count(), 2, "{commands:?}");
    // Before as well: an earlier attempt may have been cut off.
    let unmounted = commands.iter().filter(|line| *line == "umount /run/selfheal/copy");
    assert_eq!(unmounted.count(), 4, "{commands:?}");
    // The data volume is where it was.
    assert_eq!(
        machine.aws.state().holder.as_deref(),
        Some(crate::support::aws::INSTANCE)
    );
}

#[test]
fn what_is_no_copy_is_not_mounted() {
    let machine = copied();
    machine.set_program("tries++ < 60", "tries++ < 1");
    machine.stub("mount", "exit 32");
    let told = asked(&machine, &format!("{FIRST} copy {COPY}"));
    assert_eq!(told, format!("{FIRST} failed the copy cannot be mounted"));
    let data = "vol-0123456789abcdef0";
    for (at, words) in [data, "vol-0123abce", "vol-x", &format!("{COPY} {COPY}")]
        .iter()
        .enumerate()
    {
        let id = format!("{at:016x}");
        let told = asked(&machine, &format!("{id} copy {words}"));
        assert_eq!(told, format!("{id} failed there is no such copy"), "{words}");
    }
}

#[test]
fn without_a_volume_there_is_no_marker() {
    let machine = Machine::new();
    machine.boot(&bare(), 0);
    quicken(&machine);
    let told = asked(&machine, &format!("{FIRST} marker {MARKER}"));
    assert_eq!(told, format!("{FIRST} failed the data volume is not mounted"));
}

#[test]
fn what_was_killed_while_it_was_done_is_told_and_not_done_again() {
    let machine = serving();
    // The marker is flushed for ever.
    let requests = "var/lib/selfheal/requests";
    machine.stub("sync", "[[ $* != *marker* ]] || exec /usr/bin/sleep 60");
    machine.aws.metadata(PATH, &format!("{FIRST} marker {MARKER}"));
    let told = watch(&machine, Duration::from_secs(15), || {
        marker(&machine).with_extension("new").exists()
    });
    assert_eq!(told, "", "it was cut off");
    machine.stub("sync", "");
    assert!(
        fs::read_to_string(machine.root().join(requests))
            .unwrap()
            .starts_with(FIRST)
    );
    assert_eq!(
        asked(&machine, &format!("{FIRST} marker {MARKER}")),
        format!("{FIRST} failed it was cut off")
    );
    assert!(!marker(&machine).exists());
}

#[test]
fn an_answer_that_aws_does_not_take_is_given_later_and_the_verb_is_not_done_again() {
    let machine = serving();
    machine
        .aws
        .fail("CreateOrUpdateTags", &[(400, "ValidationError", "not now")]);
    machine.aws.metadata(PATH, &format!("{FIRST} marker {MARKER}"));
    watch(&machine, Duration::from_secs(15), || answers(&machine) == 1);
    assert_eq!(answer(&machine), "");
    fs::remove_file(marker(&machine)).unwrap();
    assert_eq!(
        asked(&machine, &format!("{FIRST} marker {MARKER}")),
        format!("{FIRST} ok {MARKER}")
    );
    assert!(!marker(&machine).exists(), "it was done a second time");
}

#[test]
fn who_does_not_serve_takes_no_request() {
    let machine = serving();
    fs::write(machine.root().join("run/selfheal/serving"), "").unwrap();
    machine.aws.metadata(PATH, &format!("{FIRST} marker {MARKER}"));
    assert_eq!(watch(&machine, Duration::from_secs(3), || false), "");
}

/// What of systemd was asked for by a request to fail so.
fn failed(machine: &Machine, id: &str, how: &str) -> (String, Vec<String>) {
    let before = machine.commands().len();
    let told = asked(machine, &format!("{id} fail {how}"));
    let made = machine.commands();
    let systemd = made[before..]
        .iter()
        .filter(|line| line.starts_with("systemctl"))
        .cloned();
    (told, systemd.collect())
}

#[test]
fn a_machine_fails_as_it_is_asked_to_once_that_is_told_and_in_no_other_way() {
    let machine = serving();
    for (at, how) in ["poweroff", "reboot"].into_iter().enumerate() {
        let id = format!("{at:016x}");
        let (told, systemd) = failed(&machine, &id, how);
        assert_eq!(told, format!("{id} ok it fails now"));
        assert_eq!(systemd, [format!("systemctl {how}")]);
    }
    for (at, how) in ["halt", "kexec", "poweroff reboot", "x"].into_iter().enumerate() {
        let id = format!("{:016x}", at + 16);
        let (told, systemd) = failed(&machine, &id, how);
        assert_eq!(told, format!("{id} failed there is no such way to fail"));
        assert_eq!(systemd, [""; 0], "{how}");
    }
}

#[test]
fn a_machine_does_not_fail_where_that_cannot_be_told() {
    let machine = serving();
    machine
        .aws
        .fail("CreateOrUpdateTags", &[(400, "ValidationError", "not now")]);
    let (told, systemd) = failed(&machine, FIRST, "poweroff");
    assert_eq!(
        (told, systemd),
        (format!("{FIRST} ok it fails now"), Vec::new()),
        "who is told later sees no failure"
    );
}
