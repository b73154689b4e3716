//! Boots that go well: the rendered user data run for real, with an AWS on loopback.

use std::fs;

use selfheal_userdata::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, Probe};

use crate::support::aws::{INSTANCE, INTERFACE};
use crate::support::machine::Machine;
use crate::support::{bare, full};

#[test]
fn first_boot_does_everything_in_order() {
    let machine = Machine::new();
    let text = machine.boot(&full(), 0);
    let calls = [
        "AttachVolume",
        "DescribeVolumes",
        "CreateOrUpdateTags",
        "DeleteTags",
        "AssociateAddress",
        "DescribeAddresses",
        "CompleteLifecycleAction",
    ];
    assert_eq!(machine.actions(), calls);
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "CONTINUE"
    );
    let associated = machine.last("AssociateAddress");
    assert_eq!(associated["AllowReassociation"], "true");
    // An instance that has several interfaces is refused by its own id.
    assert_eq!(associated["NetworkInterfaceId"], INTERFACE);
    assert_eq!(associated.get("InstanceId"), None);
    let commands = machine.commands();
    let boot = &commands[commands.iter().position(|line| line.starts_with("blkid")).unwrap()..];
    let state = format!("/var/lib/selfheal/{INSTANCE}");
    let expected = [
        "blkid -p -o export -s TYPE -s LABEL /dev/nvme1n1".to_owned(),
        "blockdev --getsize64 /dev/nvme1n1".to_owned(),
        "wipefs -n /dev/nvme1n1".to_owned(),
        "mkfs.xfs -q -f -L selfheal-new /dev/nvme1n1".to_owned(),
        "sync /dev/nvme1n1".to_owned(),
        format!("sync -f {state}.settled.new"),
        format!("sync -f {state}.settled"),
        "xfs_admin -L selfheal /dev/nvme1n1".to_owned(),
        "sync /dev/nvme1n1".to_owned(),
        "mount -t xfs -o noatime /dev/nvme1n1 /srv/data".to_owned(),
        format!("sync -f {state}.setup.new"),
        format!("sync -f {state}.setup"),
        "systemctl start --no-block selfheal-app.target".to_owned(),
        "sync -f /var/lib/selfheal/address.new".to_owned(),
        "sync -f /var/lib/selfheal/address".to_owned(),
        format!("sync -f {state}.completed.new"),
        format!("sync -f {state}.completed"),
        "systemctl start --no-block selfheal-off.service selfheal-watchdog.timer".to_owned(),
        "blockdev --getsize64 /dev/nvme1n1".to_owned(),
        "xfs_growfs -d /srv/data".to_owned(),
    ];
    assert_eq!(boot, expected, "{text}");
}

#[test]
fn reboot_makes_no_call_and_repeats_nothing() {
    let machine = Machine::new();
    machine.boot(&full(), 0);
    let calls = machine.actions().len();
    machine.again("boot", 0);
    assert_eq!(machine.actions()[calls..], [""; 0]);
    assert_eq!((machine.count("mkfs.xfs"), machine.count("mount")), (1, 2));
    assert_eq!(
        fs::read_to_string(machine.root().join("var/log/selfheal/setup.log")).unwrap(),
        "it's web\n"
    );
}

#[test]
fn stack_without_a_volume_takes_the_address_at_once() {
    let machine = Machine::new();
    machine.boot(&bare(), 0);
    let calls = [
        "AssociateAddress",
        "DescribeAddresses",
        "CompleteLifecycleAction",
        "DescribeTags",
    ];
    assert_eq!(machine.actions(), calls);
    assert_eq!(machine.count("mount"), 0);
}

#[test]
fn volume_with_its_filesystem_is_checked_and_mounted_as_it_is() {
    let machine = Machine::new();
    machine.write_volume(0, "ext4\n");
    let config = BootConfig {
        data: full().data.map(|data| DataVolume {
            filesystem: Filesystem::Ext4,
            ..data
        }),
        ..full()
    };
    // The stand-in for e2fsck says that it mended something.
    machine.boot(&config, 0);
    assert_eq!(
        (
            machine.count("e2fsck"),
            machine.count("mkfs.ext4"),
            machine.count("resize2fs")
        ),
        (1, 0, 1)
    );
    assert!(!machine.actions().contains(&"DescribeVolumes".to_owned()));
}

#[test]
fn volume_that_is_still_held_is_waited_for() {
    let machine = Machine::new();
    let held = (
        400,
        "VolumeInUse",
        "vol-0123456789abcdef0 is already attached to i-0old",
    );
    let early = (400, "IncorrectState", "Instance is not 'running'");
    machine
        .aws
        .fail("AttachVolume", &[held, early, (503, "Unavailable", "try again")]);
    machine.boot(&full(), 0);
    assert_eq!(
        machine
            .actions()
            .iter()
            .filter(|action| *action == "AttachVolume")
            .count(),
        4
    );
}

#[test]
fn attachment_whose_answer_was_lost_is_taken() {
    let machine = Machine::new();
    machine.aws.state().plug();
    machine.aws.state().holder = Some(INSTANCE.to_owned());
    machine.boot(&full(), 0);
    assert!(!machine.actions().contains(&"AttachVolume".to_owned()));
}

#[test]
fn device_name_that_is_taken_is_passed_over() {
    let machine = Machine::new();
    let taken = "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use";
    machine
        .aws
        .fail("AttachVolume", &[(400, "InvalidParameterValue", taken)]);
    machine.boot(&full(), 0);
    assert_eq!(machine.last("AttachVolume")["Device"], "/dev/sdg");
}

#[test]
fn permissions_that_have_not_spread_are_waited_for() {
    let machine = Machine::new();
    machine
        .aws
        .fail("AttachVolume", &[(403, "UnauthorizedOperation", "not yet")]);
    machine.aws.fail(
        "AssociateAddress",
        &[(401, "AuthFailure", "not yet"), (503, "RequestLimitExceeded", "slow")],
    );
    machine.boot(&full(), 0);
}

#[test]
fn metadata_service_that_stumbles_is_asked_again() {
    let machine = Machine::new();
    let role = "meta-data/iam/security-credentials/selfheal-web-eu-west-1".to_owned();
    machine
        .aws
        .state()
        .metadata_faults
        .insert("api/token".into(), [500].into());
    machine.aws.state().metadata_faults.insert(role, [404, 401].into());
    machine.boot(&full(), 0);
}

#[test]
fn address_may_move_before_the_app_is_healthy() {
    let machine = Machine::new();
    machine.boot(
        &BootConfig {
            address_when: AddressWhen::Mounted,
            ..failing()
        },
        17,
    );
    assert!(machine.actions().contains(&"AssociateAddress".to_owned()));
    let machine = Machine::new();
    machine.boot(&failing(), 17);
    assert!(!machine.actions().contains(&"AssociateAddress".to_owned()));
}

/// A stack whose app never answers.
fn failing() -> BootConfig {
    probing(Probe::Command {
        command: "exit 3".into(),
    })
}

fn probing(probe: Probe) -> BootConfig {
    BootConfig {
        health: full().health.map(|health| HealthCheck {
            probe: probe.clone(),
            startup_budget_s: 1,
            ..health
        }),
        ..full()
    }
}

#[test]
fn probes_tell_a_living_app_from_a_dead_one() {
    let machine = Machine::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = &machine.aws.url;
    // The fake's metadata service serves the token's path to a PUT alone, and refuses what comes without one.
    for (probe, code) in [
        (Probe::Tcp { port }, 0),
        (
            Probe::Http {
                url: format!("{url}/app/healthy"),
            },
            0,
        ),
        (
            Probe::Http {
                url: format!("{url}/app/missing"),
            },
            17,
        ),
        (
            Probe::Http {
                url: "http://127.0.0.1:1/".into(),
            },
            17,
        ),
        (
            Probe::Command {
                command: "[[ $(echo 'a b') == 'a b' ]]".into(),
            },
            0,
        ),
    ] {
        let machine = Machine::new();
        machine.boot(&probing(probe), code);
    }
    drop(listener);
    Machine::new().boot(&probing(Probe::Tcp { port }), 17);
}

#[test]
fn setup_knows_where_it_runs() {
    let machine = Machine::new();
    let setup =
        b"echo \"$SELFHEAL_STACK $SELFHEAL_REGION $SELFHEAL_INSTANCE_ID $SELFHEAL_MOUNT $(umask) $PWD\"\n".to_vec();
    machine.boot(
        &BootConfig {
            setup: Some(setup),
            ..full()
        },
        0,
    );
    let log = fs::read_to_string(machine.root().join("var/log/selfheal/setup.log")).unwrap();
    assert_eq!(log, format!("web eu-west-1 {INSTANCE} /srv/data 0022 /\n"));
}

#[test]
fn volume_is_found_by_its_serial_whatever_the_order_of_the_disks() {
    let machine = Machine::new();
    // The root disk came first, and between the two is a volume whose id begins as ours does.
    for (disk, serial) in [("nvme0", "vol0fffffffffffffff0"), ("nvme10", "vol0123456789abcdef01")] {
        let controller = machine.root().join("sys/class/nvme").join(disk);
        fs::create_dir_all(&controller).unwrap();
        fs::write(controller.join("serial"), format!("{serial}\n")).unwrap();
        fs::write(machine.root().join("dev").join(format!("{disk}n1")), [0; 65_536]).unwrap();
    }
    machine.boot(&full(), 0);
    assert_eq!(machine.count("mkfs.xfs"), 1);
    for disk in ["nvme0n1", "nvme10n1"] {
        let named: Vec<String> = machine
            .commands()
            .into_iter()
            .filter(|line| line.contains(disk))
            .collect();
        assert_eq!(named, [""; 0]);
        assert!(
            fs::read(machine.root().join("dev").join(disk))
                .unwrap()
                .iter()
                .all(|byte| *byte == 0)
        );
    }
}

#[test]
fn root_disk_that_takes_no_log_is_told_where_setup_needs_it_and_stops_no_other_boot() {
    let without = BootConfig { setup: None, ..full() };
    for (config, code, result) in [(full(), 16, "ABANDON"), (without, 0, "CONTINUE")] {
        let machine = Machine::new();
        machine.install(&config);
        let logs = machine.root().join("var/log/selfheal");
        fs::remove_dir_all(&logs).unwrap();
        fs::write(&logs, "no folder").unwrap();
        let text = machine.again("boot", code);
        let completed = machine.last("CompleteLifecycleAction");
        assert_eq!(completed["LifecycleActionResult"], result, "{text}");
    }
}
