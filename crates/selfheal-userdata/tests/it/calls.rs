//! The boot program makes the calls that are listed, in their order; the simulation's model is held to the same list.

use std::fs;
use std::time::Duration;

use selfheal_userdata::{BootConfig, BootExit, HealthCheck, HealthFrom};

use crate::call_list::{Calls, assert_calls, scenarios};
use crate::hang;
use crate::https;
use crate::https_dns;
use crate::lifecycle::watch_until;
use crate::support::machine::Machine;
use crate::support::{bundled, configured, full, mended};

const STATE: &str = "autoscaling/target-lifecycle-state";
const FAILED: &str = "selfheal:failed-boots";
const OTHER: &str = "i-0bbbbbbbbbbbbbbb2";

/// A stack whose app nobody watches.
fn unwatched() -> BootConfig {
    BootConfig { health: None, ..full() }
}

fn unwatched_and_bundled() -> BootConfig {
    BootConfig {
        health: None,
        ..bundled()
    }
}

fn unwatched_and_configured() -> BootConfig {
    BootConfig {
        health: None,
        ..configured()
    }
}

fn failing() -> BootConfig {
    BootConfig {
        setup: Some(b"#!/bin/sh\nexit 1\n".to_vec()),
        ..unwatched()
    }
}

/// A machine that replaces another, which held volume and address.
fn replacing() -> Machine {
    let machine = Machine::new();
    machine.write_volume(0, "xfs\n");
    machine.aws.fail("AttachVolume", &[(400, "VolumeInUse", "still held")]);
    machine.aws.state().address_of = Some(OTHER.into());
    machine
}

/// A machine on which a stack has booted; what it has asked so far is forgotten.
fn booted(config: &BootConfig) -> Machine {
    let machine = Machine::new();
    machine.boot(config, 0);
    machine.aws.state().calls.clear();
    machine
}

/// Boots a stack whose setup fails, until the group has ended the instance.
fn fail_and_leave(machine: &Machine) {
    machine.boot(&failing(), 16);
    machine.aws.metadata(STATE, "Terminated");
    machine.again("watch", 0);
}

/// The volume is larger than its filesystem, until that has grown.
fn let_it_grow(machine: &Machine) {
    let grown = machine.folder().join("grown");
    machine.stub("xfs_growfs", &format!(": >{}", grown.display()));
    let size = format!("[[ -e {} ]] && echo 2 || echo 1", grown.display());
    machine.stub("stat", &format!("[[ $1 == -f ]] || exec /usr/bin/stat \"$@\"\n{size}"));
    let volume = fs::OpenOptions::new().write(true).open(machine.volume()).unwrap();
    volume.set_len(2 << 30).unwrap();
}

fn boot_on_larger(machine: &Machine) {
    let_it_grow(machine);
    machine.boot(&unwatched(), 0);
}

fn watch_it_grow(machine: &Machine) {
    machine.set_program("size_look_s=10", "size_look_s=1");
    machine.aws.metadata(STATE, "InService");
    let_it_grow(machine);
    watch_until(machine, "CreateOrUpdateTags", 1, Duration::from_secs(60));
}

fn let_the_app_die(machine: &Machine) {
    machine.set_probe("exit 1");
}

fn let_a_restart_mend(machine: &Machine) {
    let alive = machine.folder().join("alive");
    let restart = format!("[[ $1 == show ]] && echo app.service || : >{}", alive.display());
    machine.stub("systemctl", &restart);
    machine.set_probe(&format!("test -e {}", alive.display()));
    (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
}

fn have_the_address_taken_off(machine: &Machine) {
    machine.set_limit("address_look_s", 1);
    machine.aws.metadata(STATE, "InService");
    machine.aws.state().address_of = Some(OTHER.into());
    watch_until(machine, "AssociateAddress", 1, Duration::from_secs(60));
}

/// A machine as a scenario finds it.
fn before(scenario: &str) -> Machine {
    match scenario {
        "replacement that takes volume and address"
        | "replacement on a volume that has grown"
        | "replacement after a failed one"
        | "boot that parks the stack" => replacing(),
        "first boot"
        | "first boot with a bundle"
        | "first boot without its bundle"
        | "first boot with a configuration"
        | "first boot without a parameter"
        | "first boot, watched by the instance"
        | "boot that fails" => Machine::new(),
        "app that AWS finds impaired" => {
            let health = full().health.map(|health| HealthCheck {
                from: HealthFrom::Aws,
                ..health
            });
            booted(&BootConfig { health, ..full() })
        }
        "certificate by records in the DNS" => https_dns::booted(),
        "app that dies" => booted(&full()),
        "app that a restart mends" | "app that no restart mends" => booted(&mended()),
        "machine that panics" => {
            let machine = Machine::new();
            hang::start_anew(&machine, "one");
            machine.boot(&mended(), 0);
            machine.aws.state().calls.clear();
            machine
        }
        _ => booted(&unwatched()),
    }
}

/// Boots a stack that requires a parameter; without it, until the group has ended the instance.
fn boot_configured(machine: &Machine, there: bool) {
    if there {
        let required = ("/web/DATABASE_URL".to_owned(), "x".to_owned());
        machine.aws.state().parameters.extend([required]);
        machine.boot(&unwatched_and_configured(), 0);
        return;
    }
    machine.boot(&unwatched_and_configured(), BootExit::Config.code().into());
    machine.aws.metadata(STATE, "Terminated");
    machine.again("watch", 0);
}

fn be_taken_back(machine: &Machine) {
    machine
        .aws
        .metadata("spot/instance-action", "{\"action\": \"terminate\"}");
    // The group ends the instance once it has heard of it.
    let ended = machine.folder().join("ended");
    machine.stub("systemctl", &format!(": >{}", ended.display()));
    let path = format!("meta-data/{STATE}");
    machine.aws.state().metadata_from.insert(path, ended);
    machine.again("watch", 0);
}

/// Plays a scenario.
fn play(scenario: &str) -> Machine {
    let machine = before(scenario);
    match scenario {
        "first boot" | "replacement that takes volume and address" => drop(machine.boot(&unwatched(), 0)),
        "first boot with a bundle" => drop(machine.boot(&unwatched_and_bundled(), 0)),
        "first boot without its bundle" => {
            machine.install_with(&unwatched_and_bundled(), &[("stale_s_max", 1)]);
            machine.aws.state().parameters.clear();
            machine.again("boot", BootExit::Bundle.code().into());
            machine.aws.metadata(STATE, "Terminated");
            machine.again("watch", 0);
        }
        "first boot with a configuration" => boot_configured(&machine, true),
        "first boot without a parameter" => boot_configured(&machine, false),
        "first boot, watched by the instance" => {
            machine.boot(&full(), 0);
            // The row of failures ends after ten times the threshold of probes.
            (0..20).for_each(|_| drop(machine.again("watchdog", 0)));
        }
        "replacement after a failed one" => {
            machine.aws.state().tags.insert(FAILED.into(), "1".into());
            machine.boot(&unwatched(), 0);
        }
        "replacement on a volume that has grown" => boot_on_larger(&machine),
        "volume that grows while it serves" => watch_it_grow(&machine),
        "reboot" => drop(machine.again("boot", 0)),
        "machine that panics" => {
            hang::start_anew(&machine, "another");
            machine.again("boot", 0);
        }
        "boot that fails" => fail_and_leave(&machine),
        "boot that parks the stack" => {
            machine.aws.state().tags.insert(FAILED.into(), "2".into());
            fail_and_leave(&machine);
        }
        "termination by the group" => {
            machine.aws.metadata(STATE, "Terminated");
            machine.again("watch", 0);
        }
        "spot notice" => be_taken_back(&machine),
        "machine that goes off" => {
            machine.stub("systemctl", "echo 7 poweroff.target start waiting");
            machine.again("off", 0);
        }
        "volume that is lost" => {
            fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
            machine.again("watch", 0);
        }
        "address that is taken off" => have_the_address_taken_off(&machine),
        "app that dies" => {
            let_the_app_die(&machine);
            (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
        }
        "app that a restart mends" => let_a_restart_mend(&machine),
        "app that no restart mends" => {
            let_the_app_die(&machine);
            (0..3).for_each(|_| drop(machine.again("watchdog", 0)));
        }
        "certificate by records in the DNS" => {
            machine.aws.state().calls.clear();
            https::look(&machine);
        }
        "app that AWS finds impaired" => {
            machine.aws.state().application_status = "impaired";
            machine.again("watchdog", 0);
        }
        other => panic!("nobody plays {other}"),
    }
    machine
}

/// What a machine has asked for, as the service and the action.
fn calls(machine: &Machine) -> Calls {
    let service = |action: &str| match action {
        "CompleteLifecycleAction"
        | "CreateOrUpdateTags"
        | "DescribeTags"
        | "RecordLifecycleActionHeartbeat"
        | "SetInstanceHealth"
        | "SuspendProcesses" => "autoscaling",
        "GetParametersByPath" => "ssm",
        "ChangeResourceRecordSets" | "GetChange" => "route53",
        _ => "ec2",
    };
    let actions = machine.actions().into_iter();
    actions.map(|action| format!("{}:{action}", service(&action))).collect()
}

#[test]
fn the_program_makes_the_calls_that_are_listed() {
    for (scenario, listed) in scenarios(false) {
        let mut made = calls(&play(&scenario));
        // The instance is ended in order to end its watch.
        let last = match scenario.as_str() {
            "address that is taken off" => Some("ec2:AssociateAddress"),
            "volume that grows while it serves" => Some("autoscaling:CreateOrUpdateTags"),
            _ => None,
        };
        if let Some(last) = last {
            let end = made.iter().position(|call| call == last).unwrap();
            made.truncate(end + 1);
        }
        assert_calls(&scenario, &listed, made);
    }
}
