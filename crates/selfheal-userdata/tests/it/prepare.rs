//! The script that prepares an instance: beside the wait for the volume, and before whatever needs what it brings.

use std::fs;
use std::time::{Duration, Instant};

use selfheal_userdata::{BootConfig, BootExit, Prepare};

use crate::support::aws::INSTANCE;
use crate::support::machine::Machine;
use crate::support::{bundled, full, preparation};

/// A stack whose instance is prepared by these lines.
fn prepared_by(machine: &Machine, lines: &str) -> BootConfig {
    let script = format!(
        "#!/bin/bash\nPATH=/usr/bin:/bin\nfolder={}\nroot={}\n{lines}\n",
        machine.folder().display(),
        machine.root().display()
    );
    BootConfig {
        prepare: Some(preparation(&script)),
        ..full()
    }
}

fn prepare_log(machine: &Machine) -> String {
    fs::read_to_string(machine.root().join("var/log/selfheal/prepare.log")).unwrap_or_default()
}

#[test]
fn script_runs_while_the_volume_is_waited_for_and_is_done_before_the_setup() {
    let machine = Machine::new();
    // It ends only once the volume is here, so that a boot which waited for it first would never end.
    let config = prepared_by(
        &machine,
        "until [[ -e $root/dev/nvme1n1 ]]; do sleep 0.1; done\necho \"$SELFHEAL_STACK at $SELFHEAL_INSTANCE_ID, '$SELFHEAL_MOUNT'\"",
    );
    machine.aws.fail("AttachVolume", &[(400, "VolumeInUse", "still held")]);
    let text = machine.boot(&config, 0);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("prepare starts") < at("VolumeInUse"), "{text}");
    assert!(
        at("mounted ") < at("prepare is done") && at("prepare is done") < at("setup starts"),
        "{text}"
    );
    assert_eq!(prepare_log(&machine), format!("web at {INSTANCE}, ''\n"));
}

#[test]
fn script_runs_once_an_instance_and_again_where_it_was_cut_short() {
    let machine = Machine::new();
    machine.boot(&prepared_by(&machine, "echo run"), 0);
    let text = machine.again("boot", 0);
    assert!(!text.contains("prepare"), "{text}");
    fs::remove_file(machine.root().join(format!("var/lib/selfheal/{INSTANCE}.prepared"))).unwrap();
    machine.again("boot", 0);
    assert_eq!(prepare_log(&machine), "run\nrun\n");
}

#[test]
fn script_that_fails_fails_the_boot_with_a_status_and_words_of_its_own() {
    let machine = Machine::new();
    let config = prepared_by(&machine, "echo no such package\nexit 7");
    let text = machine.boot(&config, BootExit::Prepare.code().into());
    assert!(
        text.contains("failed: prepare failed with status 7 (exit 29)"),
        "{text}"
    );
    assert!(text.contains("no such package"), "{text}");
    let actions = machine.actions();
    assert!(!actions.contains(&"AssociateAddress".to_owned()), "{actions:?}");
    let tags = machine.aws.state().tags.clone();
    assert_eq!(tags["selfheal:last-log"], "no such package");
    assert!(
        tags["selfheal:last-error"].ends_with("prepare failed with status 7"),
        "{tags:?}"
    );
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
}

#[test]
fn script_that_does_not_end_is_ended_with_all_that_it_has_started() {
    let machine = Machine::new();
    let config = prepared_by(&machine, "sleep 60 &\necho $! >$folder/child\nwait");
    let prepare = config.prepare.map(|prepare| Prepare {
        timeout_s: 1,
        ..prepare
    });
    let began = Instant::now();
    let text = machine.boot(&BootConfig { prepare, ..config }, BootExit::Prepare.code().into());
    assert!(text.contains("prepare did not end within 1 s"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(50));
    let child = fs::read_to_string(machine.folder().join("child")).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z"), "{state}");
}

#[test]
fn script_travels_in_the_bundle_with_what_does_not_fit() {
    let machine = Machine::new();
    let config = BootConfig {
        prepare: prepared_by(&machine, "printf 'a\\0b' >/dev/null # \0\necho bundled").prepare,
        ..bundled()
    };
    machine.boot(&config, 0);
    assert_eq!(prepare_log(&machine), "bundled\n");
}
