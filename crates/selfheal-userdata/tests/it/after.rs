//! After the boot: the end of the instance, the loss of the volume, and the app that dies.

use std::fs;

use selfheal_userdata::{BootConfig, HealthCheck, HealthFrom};

use crate::support::aws::{INSTANCE, SECRETS};
use crate::support::machine::Machine;
use crate::support::{bare, full};

/// Returns a machine with a booted stack, and how many calls that took.
fn booted(config: &BootConfig) -> (Machine, usize) {
    let machine = Machine::new();
    machine.boot(config, 0);
    let calls = machine.actions().len();
    (machine, calls)
}

#[test]
fn scale_in_releases_the_volume_before_the_hook_goes_on() {
    let (machine, calls) = booted(&full());
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    let text = machine.again("watch", 0);
    let expected = [
        "DetachVolume",
        "CompleteLifecycleAction",
        "DescribeAddresses",
        "DisassociateAddress",
    ];
    assert_eq!(machine.actions()[calls..], expected, "{text}");
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleHookName"],
        "selfheal-terminate"
    );
    assert!(
        machine
            .commands()
            .contains(&"systemctl stop selfheal-boot.service selfheal-app.target srv-data.mount".to_owned())
    );
    // A reboot in between takes nothing back.
    machine.again("boot", 21);
    assert_eq!(machine.aws.state().holder, None);
}

#[test]
fn spot_notice_asks_for_the_replacement_first() {
    for path in ["spot/instance-action", "events/recommendations/rebalance"] {
        let (machine, calls) = booted(&full());
        machine
            .aws
            .metadata(path, "{\"action\": \"terminate\", \"time\": \"2030-01-01T00:00:00Z\"}");
        // The group ends the instance once it has heard of it.
        let ended = machine.folder().join("ended");
        machine.stub("systemctl", &format!(": >{}", ended.display()));
        machine
            .aws
            .state()
            .metadata_from
            .insert("meta-data/autoscaling/target-lifecycle-state".into(), ended);
        let text = machine.again("watch", 0);
        let expected = [
            "SetInstanceHealth",
            "DetachVolume",
            "DescribeAddresses",
            "DisassociateAddress",
            "CompleteLifecycleAction",
            "DescribeAddresses",
        ];
        assert_eq!(machine.actions()[calls..], expected, "{path}");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn app_that_stops_slowly_keeps_the_hook_waiting() {
    let (machine, calls) = booted(&full());
    machine.stub("systemctl", "exec /bin/sleep 17");
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    machine.again("watch", 0);
    assert_eq!(
        machine.actions()[calls..calls + 2],
        ["RecordLifecycleActionHeartbeat", "DetachVolume"]
    );
    assert_eq!(
        machine.last("RecordLifecycleActionHeartbeat")["LifecycleHookName"],
        "selfheal-terminate"
    );
}

#[test]
fn stack_without_a_volume_only_completes_its_hook() {
    let (machine, calls) = booted(&BootConfig {
        terminate_hook: Some("goodbye".into()),
        ..bare()
    });
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    machine.again("watch", 0);
    let expected = ["CompleteLifecycleAction", "DescribeAddresses", "DisassociateAddress"];
    assert_eq!(machine.actions()[calls..], expected);
}

#[test]
fn failed_boot_waits_for_its_end_without_the_volume() {
    let machine = Machine::new();
    machine
        .aws
        .fail("AttachVolume", &[(400, "InvalidVolume.ZoneMismatch", "another zone")]);
    machine.boot(&full(), 12);
    let calls = machine.actions().len();
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    let text = machine.again("watch", 0);
    assert_eq!(
        machine.actions()[calls..],
        ["CompleteLifecycleAction", "DescribeAddresses"],
        "{text}"
    );
    assert!(!text.contains("is gone"), "{text}");
}

#[test]
fn lost_volume_stops_the_app_and_gives_up_the_address() {
    let (machine, calls) = booted(&full());
    fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
    machine.again("watch", 0);
    assert_eq!(
        machine.actions()[calls..],
        ["SetInstanceHealth", "DescribeAddresses", "DisassociateAddress"]
    );
    assert!(
        machine
            .commands()
            .contains(&"systemctl stop selfheal-boot.service selfheal-app.target srv-data.mount".to_owned())
    );
    assert_eq!(machine.aws.state().address_of, None);
}

#[test]
fn who_is_cut_off_while_it_gives_everything_up_does_it_again() {
    let (machine, calls) = booted(&full());
    fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
    machine.set_program("\ngive_up_address() {", "\ngive_up_address() { exit 1; }\nnot_now() {");
    machine.again("watch", 1);
    assert!(machine.aws.state().address_of.is_some());
    machine.set_program("\ngive_up_address() { exit 1; }\nnot_now() {", "\ngive_up_address() {");
    machine.again("watch", 0);
    assert_eq!(
        machine.actions()[calls..],
        [
            "SetInstanceHealth",
            "SetInstanceHealth",
            "DescribeAddresses",
            "DisassociateAddress"
        ]
    );
    assert_eq!(machine.aws.state().address_of, None);
}

#[test]
fn address_of_the_winner_is_never_taken() {
    let (machine, calls) = booted(&full());
    fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
    machine.aws.state().address_of = Some("i-0bbbbbbbbbbbbbbb2".into());
    machine.again("watch", 0);
    assert_eq!(machine.actions()[calls..], ["SetInstanceHealth", "DescribeAddresses"]);
    assert_eq!(machine.aws.state().address_of.as_deref(), Some("i-0bbbbbbbbbbbbbbb2"));
}

#[test]
fn address_never_moves_to_an_instance_without_the_volume() {
    let machine = Machine::new();
    // The volume goes away while the app starts.
    let gone = format!("rm -r {}", machine.root().join("sys/class/nvme/nvme1").display());
    machine.boot(
        &BootConfig {
            setup: Some(format!("#!/bin/bash\nPATH=/usr/bin:/bin\n{gone}\n").into_bytes()),
            ..full()
        },
        18,
    );
    assert!(!machine.actions().contains(&"AssociateAddress".to_owned()));
    assert_eq!(machine.aws.state().address_of, None);
}

/// A booted stack whose app has just died.
fn dying() -> (Machine, usize) {
    let (machine, calls) = booted(&full());
    machine.set_probe("exit 1");
    (machine, calls)
}

#[test]
fn watchdog_reports_after_failures_in_a_row_and_counts_once() {
    let (machine, calls) = dying();
    machine.again("watchdog", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
    machine.again("watchdog", 0);
    let expected = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls..], expected);
    let report = machine.last("SetInstanceHealth");
    assert_eq!(
        (
            report["InstanceId"].as_str(),
            report["ShouldRespectGracePeriod"].as_str()
        ),
        (INSTANCE, "true")
    );
    machine.again("watchdog", 0);
    machine.again("watchdog", 0);
    assert_eq!(machine.actions()[calls + 3..], ["SetInstanceHealth"]);
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "1");
}

#[test]
fn probe_that_cannot_be_killed_is_a_failure_and_has_no_company() {
    let (machine, calls) = booted(&full());
    let started = machine.folder().join("started");
    // It neither ends nor heeds anybody, as a process does that waits for a disk.
    machine.stub(
        "timeout",
        &format!("echo 1 >>{}\nexec /bin/sleep 20", started.display()),
    );
    machine.again("watchdog", 0);
    machine.again("watchdog", 0);
    assert_eq!(fs::read_to_string(started).unwrap().lines().count(), 1);
    let expected = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls..], expected);
}

#[test]
fn volume_that_takes_nothing_any_more_is_left_to_the_shutdown() {
    // The volume is a mount here, as the kernel has it.
    let (machine, calls) = booted(&full());
    machine.set_limit("flush_s_max", 1);
    machine.stub("sync", "exec /bin/sleep 20");
    let program = machine.root().join("usr/local/lib/selfheal/program");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(
        &program,
        text.replace("\nmount_volume() {", "\nmounted() { source=; }\nmount_volume() {"),
    )
    .unwrap();
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    let text = machine.again("watch", 0);
    assert!(
        text.contains("the volume stays attached until the instance ends"),
        "{text}"
    );
    let expected = ["CompleteLifecycleAction", "DescribeAddresses", "DisassociateAddress"];
    assert_eq!(machine.actions()[calls..], expected, "{text}");
}

#[test]
fn watchdog_is_silent_while_the_instance_ends() {
    for (path, value) in [
        ("autoscaling/target-lifecycle-state", "Terminated"),
        ("spot/instance-action", "{}"),
    ] {
        let (machine, calls) = dying();
        machine.aws.metadata(path, value);
        for _ in 0..3 {
            machine.again("watchdog", 0);
        }
        assert_eq!(machine.actions()[calls..], [""; 0], "{path}");
    }
}

#[test]
fn app_that_stays_well_ends_the_row_of_failures() {
    let (machine, calls) = booted(&full());
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "2".into());
    // Ten times the threshold, and not before.
    for _ in 0..19 {
        machine.again("watchdog", 0);
    }
    assert_eq!(machine.actions()[calls..], [""; 0]);
    machine.again("watchdog", 0);
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "0");
    machine.again("watchdog", 0);
    assert_eq!(machine.actions()[calls..], ["DescribeTags", "CreateOrUpdateTags"]);
}

/// A booted stack whose app AWS judges, alone or beside the instance.
fn judged(from: HealthFrom) -> (Machine, usize) {
    let health = full().health.map(|health| HealthCheck { from, ..health });
    let (machine, calls) = booted(&BootConfig { health, ..full() });
    machine.aws.state().application_status = "ok";
    (machine, calls)
}

/// Lets a minute pass for the program.
fn a_minute_later(machine: &Machine) {
    let opinion = machine.root().join("run/selfheal/opinion");
    let text = fs::read_to_string(&opinion).unwrap();
    let (asked, verdict) = text.trim().split_once(' ').unwrap();
    let earlier = asked.parse::<i64>().unwrap() - 60;
    fs::write(opinion, format!("{earlier} {verdict}\n")).unwrap();
}

#[test]
fn what_aws_finds_is_asked_for_once_a_minute_and_counted_once() {
    for from in [HealthFrom::Aws, HealthFrom::Both] {
        let (machine, calls) = judged(from);
        machine.again("watchdog", 0);
        machine.again("watchdog", 0);
        assert_eq!(machine.actions()[calls..], ["DescribeApplicationStatus"]);
        assert_eq!(machine.last("DescribeApplicationStatus")["InstanceId.1"], INSTANCE);
        machine.aws.state().application_status = "impaired";
        a_minute_later(&machine);
        machine.again("watchdog", 0);
        let expected = ["DescribeApplicationStatus", "DescribeTags", "CreateOrUpdateTags"];
        assert_eq!(machine.actions()[calls + 1..], expected);
        machine.again("watchdog", 0);
        a_minute_later(&machine);
        machine.again("watchdog", 0);
        // The group knows already, and nobody else is told.
        assert_eq!(machine.actions()[calls + 4..], ["DescribeApplicationStatus"]);
        let state = machine.aws.state();
        assert_eq!(state.tags["selfheal:failed-boots"], "1");
        assert!(
            state.tags["selfheal:last-error"].ends_with("AWS finds the app impaired"),
            "{:?}",
            state.tags
        );
    }
}

#[test]
fn opinion_that_cannot_be_had_counts_nothing() {
    let (machine, _) = judged(HealthFrom::Aws);
    machine
        .aws
        .fail("DescribeApplicationStatus", &[(403, "UnauthorizedOperation", "no")]);
    machine.again("watchdog", 0);
    machine.aws.state().application_status = "insufficient-data";
    a_minute_later(&machine);
    machine.again("watchdog", 0);
    assert_eq!(machine.aws.state().tags.get("selfheal:failed-boots"), None);
}

#[test]
fn app_that_aws_finds_well_for_long_ends_the_row_of_failures() {
    let (machine, _) = judged(HealthFrom::Aws);
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "2".into());
    // The start-up budget of 3 s, two failures a minute apart, and ten minutes more.
    for _ in 0..12 {
        machine.again("watchdog", 0);
    }
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "2");
    machine.again("watchdog", 0);
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "0");
}

#[test]
fn stack_without_a_watchdog_ends_the_row_at_its_boot() {
    let machine = Machine::new();
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "2".into());
    machine.boot(&bare(), 0);
    assert_eq!(machine.aws.state().tags["selfheal:failed-boots"], "0");
}
