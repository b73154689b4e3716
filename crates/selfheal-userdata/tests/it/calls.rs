//! The boot program makes the calls that are listed, in their order; the simulation's model is held to the same list.

use std::fs;
use std::time::Duration;

use selfheal_userdata::{BootConfig, BootExit, HealthCheck, HealthFrom};

use crate::call_list::{Calls, assert_calls, scenarios};
use crate::lifecycle::watch_until;
use crate::support::machine::Machine;
use crate::support::{bundled, full};

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

fn let_the_app_die(machine: &Machine) {
    let path = machine.root().join("etc/selfheal/config");
    let config = fs::read_to_string(&path).unwrap();
    let line = config.lines().find(|line| line.starts_with("probe_target=")).unwrap();
    fs::write(&path, config.replace(line, "probe_target='exit 1'")).unwrap();
}

/// A machine as a scenario finds it.
fn before(scenario: &str) -> Machine {
    match scenario {
        "replacement that takes volume and address"
        | "replacement after a failed one"
        | "boot that parks the stack" => replacing(),
        "first boot"
        | "first boot with a bundle"
        | "first boot without its bundle"
        | "first boot, watched by the instance"
        | "boot that fails" => Machine::new(),
        "app that AWS finds impaired" => {
            let health = full().health.map(|health| HealthCheck {
                from: HealthFrom::Aws,
                ..health
            });
            booted(&BootConfig { health, ..full() })
        }
        "app that dies" => booted(&full()),
        _ => booted(&unwatched()),
    }
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
        "first boot, watched by the instance" => {
            machine.boot(&full(), 0);
            // The row of failures ends after ten times the threshold of probes.
            (0..20).for_each(|_| drop(machine.again("watchdog", 0)));
        }
        "replacement after a failed one" => {
            machine.aws.state().tags.insert(FAILED.into(), "1".into());
            machine.boot(&unwatched(), 0);
        }
        "reboot" => drop(machine.again("boot", 0)),
        "boot that fails" => fail_and_leave(&machine),
        "boot that parks the stack" => {
            machine.aws.state().tags.insert(FAILED.into(), "2".into());
            fail_and_leave(&machine);
        }
        "termination by the group" => {
            machine.aws.metadata(STATE, "Terminated");
            machine.again("watch", 0);
        }
        "spot notice" => {
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
        "volume that is lost" => {
            fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
            machine.again("watch", 0);
        }
        "address that is taken off" => {
            machine.set_limit("address_look_s", 1);
            machine.aws.metadata(STATE, "InService");
            machine.aws.state().address_of = Some(OTHER.into());
            watch_until(&machine, "AssociateAddress", 1, Duration::from_secs(60));
        }
        "app that dies" => {
            let_the_app_die(&machine);
            (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
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
        _ => "ec2",
    };
    let actions = machine.actions().into_iter();
    actions.map(|action| format!("{}:{action}", service(&action))).collect()
}

#[test]
fn the_program_makes_the_calls_that_are_listed() {
    for (scenario, listed) in scenarios(false) {
        let mut made = calls(&play(&scenario));
        if scenario == "address that is taken off" {
            // The instance is ended in order to end its watch.
            let end = made.iter().position(|call| call == "ec2:AssociateAddress").unwrap();
            made.truncate(end + 1);
        }
        assert_calls(&scenario, &listed, made);
    }
}
