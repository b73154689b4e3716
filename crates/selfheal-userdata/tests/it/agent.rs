//! Systems Manager's agent comes after everything else, is what was pinned, and fails no boot.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use selfheal_userdata::{AgentPin, AgentSource, BootConfig};

use crate::support::machine::{Machine, text};
use crate::support::{agent_pin, full};

const PACKAGE: &[u8] = b"a package";
/// SHA-256 of [`PACKAGE`].
const SHA256: &str = "c0cd5ccfdb563a59366e33e73001b78fdb8cca5a6c48e2f90fffcde44b81f1f6";

fn pinned(sha256: &str) -> BootConfig {
    BootConfig {
        agent: Some(AgentSource::Pinned(AgentPin {
            sha256_amd64: Some(sha256.into()),
            ..agent_pin()
        })),
        ..full()
    }
}

/// A machine with Debian, whose dpkg installs what it is given, and a bucket with the package.
fn debian(config: &BootConfig) -> Machine {
    let machine = Machine::new();
    fs::create_dir_all(machine.root().join("etc")).unwrap();
    fs::write(machine.root().join("etc/os-release"), "NAME=\"Debian\"\nID=debian\n").unwrap();
    let here = machine.folder().display().to_string();
    let note = format!("echo \"dpkg $*\" >>{here}/commands");
    let lock = "[[ ! -e $here/locked ]] || { rm $here/locked; \
                echo 'dpkg: error: dpkg frontend lock was locked by another process with pid 1' >&2; exit 2; }";
    let dpkg = format!(
        "here={here}; [[ $1 != --print-architecture ]] || {{ echo amd64; exit; }}\n{note}\n{lock}\n\
         echo half-installed >$here/status; [[ ! -e $here/cut ]] || {{ read -r _ _ _ program _ </proc/$PPID/stat; kill -9 $program $PPID; exit; }}; echo installed >$here/status"
    );
    machine.stub("dpkg", &dpkg);
    let query = format!("[[ -e {here}/status ]] || exit 1; cat {here}/status");
    machine.stub("dpkg-query", &query);
    machine.install(config);
    machine
}

fn bucket(machine: &Machine) -> PathBuf {
    machine
        .folder()
        .join("amazon-ssm-eu-west-1/3.3.3270.0/debian_amd64/amazon-ssm-agent.deb")
}

fn upload(machine: &Machine) {
    let path = bucket(machine);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, PACKAGE).unwrap();
}

/// Runs the unit's program, and gives its status and what it said.
fn agent(machine: &Machine) -> (Option<i32>, String) {
    let url = format!("file://{}", machine.folder().display());
    let output = machine.program_among(&[("AWS_ENDPOINT_URL_S3", &url)], "agent");
    (output.status.code(), text(&output))
}

fn installs(machine: &Machine) -> usize {
    machine
        .commands()
        .iter()
        .filter(|line| line.starts_with("dpkg --install"))
        .count()
}

fn state(machine: &Machine, name: &str) -> PathBuf {
    machine.root().join("var/lib/selfheal").join(name)
}

#[test]
fn the_package_that_was_pinned_is_installed_once_and_started() {
    let machine = debian(&pinned(SHA256));
    upload(&machine);
    let (code, said) = agent(&machine);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("agent 3.3.3270.0 is installed"), "{said}");
    let started = "systemctl enable --quiet --now amazon-ssm-agent.service".to_owned();
    assert!(machine.commands().contains(&started));
    // A reboot, with the bucket gone.
    fs::remove_file(bucket(&machine)).unwrap();
    assert_eq!(agent(&machine), (Some(0), String::new()));
    assert_eq!(installs(&machine), 1);
    assert!(!state(&machine, "agent.deb").exists());
}

#[test]
fn another_package_is_refused_and_gone() {
    let machine = debian(&pinned(&"0".repeat(64)));
    upload(&machine);
    let (code, said) = agent(&machine);
    assert_eq!(code, Some(65), "{said}");
    assert!(
        said.contains(&format!("has the SHA-256 {SHA256}, and access.agent names 0000")),
        "{said}"
    );
    assert!(!state(&machine, "agent.deb").exists());
    assert_eq!(installs(&machine), 0);
}

#[test]
fn an_architecture_without_a_hash_gets_no_package() {
    let pin = AgentPin {
        sha256_amd64: None,
        sha256_arm64: Some(SHA256.into()),
        ..agent_pin()
    };
    let machine = debian(&BootConfig {
        agent: Some(AgentSource::Pinned(pin)),
        ..full()
    });
    upload(&machine);
    let (code, said) = agent(&machine);
    assert_eq!(code, Some(65), "{said}");
    assert!(said.contains("names no package for amd64"), "{said}");
}

#[test]
fn a_bucket_that_is_away_is_asked_again_and_a_package_manager_waited_for() {
    let machine = debian(&pinned(SHA256));
    machine.set_program("wait_s=15", "wait_s=1");
    machine.set_program("sleep_for 5", "sleep_for 0.1");
    fs::write(machine.folder().join("locked"), "").unwrap();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| agent(&machine));
        std::thread::sleep(Duration::from_millis(1_500));
        upload(&machine);
        let (code, said) = running.join().unwrap();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("is not installed: cannot fetch file://"), "{said}");
    });
    assert_eq!(installs(&machine), 2);
}

#[test]
fn one_that_is_killed_while_dpkg_runs_is_made_whole_by_the_next() {
    let machine = debian(&pinned(SHA256));
    upload(&machine);
    fs::write(machine.folder().join("cut"), "").unwrap();
    let (code, said) = agent(&machine);
    assert_ne!(code, Some(0), "{said}");
    assert!(state(&machine, "agent.begun").exists());
    fs::remove_file(machine.folder().join("cut")).unwrap();
    let (code, said) = agent(&machine);
    assert_eq!(code, Some(0), "{said}");
    assert!(machine.count("systemctl") > 0);
    assert_eq!(
        fs::read_to_string(machine.folder().join("status")).unwrap(),
        "installed\n"
    );
}

#[test]
fn an_image_that_has_it_or_is_not_debians_is_left_alone() {
    let machine = debian(&pinned(SHA256));
    fs::write(machine.folder().join("status"), "installed\n").unwrap();
    assert_eq!(agent(&machine), (Some(0), String::new()));
    let machine = debian(&pinned(SHA256));
    machine.stub("amazon-ssm-agent", "");
    assert_eq!(agent(&machine), (Some(0), String::new()));
    let machine = debian(&pinned(SHA256));
    fs::write(machine.root().join("etc/os-release"), "ID=ubuntu\nID_LIKE=debian\n").unwrap();
    assert_eq!(agent(&machine), (Some(0), String::new()));
    assert_eq!(installs(&machine), 0);
}

#[test]
fn a_disk_without_room_is_not_filled() {
    let machine = debian(&pinned(SHA256));
    upload(&machine);
    machine.set_program("wait_s=15", "wait_s=1");
    machine.set_program("agent_bytes_free=500000000", "agent_bytes_free=5000000000000000");
    machine.set_program("sleep_for \"$wait_s\"", "exit 9");
    let (code, said) = agent(&machine);
    assert_eq!(code, Some(9), "{said}");
    assert!(said.contains("MB are free on the root disk"), "{said}");
    assert!(!state(&machine, "agent.deb").exists());
}

#[test]
fn the_unit_starts_once_the_instance_serves_and_fails_no_boot() {
    let machine = debian(&pinned(SHA256));
    machine.again("boot", 0);
    let commands = machine.commands();
    let started = commands
        .iter()
        .position(|line| line.ends_with(" selfheal-agent.service"));
    assert!(
        commands[started.unwrap()].starts_with("systemctl start --no-block"),
        "{commands:?}"
    );
    assert!(machine.actions().contains(&"CompleteLifecycleAction".to_owned()));
}

#[test]
fn without_a_pin_a_debian_boot_says_what_is_missing() {
    let machine = debian(&BootConfig {
        agent: Some(AgentSource::Unpinned),
        ..full()
    });
    let said = machine.again("boot", 0);
    assert!(said.contains("access.agent names none to install"), "{said}");
    machine.stub("amazon-ssm-agent", "");
    let said = machine.again("boot", 0);
    assert!(!said.contains("access.agent"), "{said}");
}
