//! Units of the app's own: started by the boot, stopped before the volume leaves.

use std::time::Duration;

use selfheal_aws::AutoScaling;
use selfheal_core::world::InstanceId;

use super::boots::actions_of;
use super::leaving::{leaves, watch_detach};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, quick_health};
use crate::error::TaskResult;

/// A unit that the files bring: it starts only where the volume is mounted and the setup is done, and notes on the volume
/// each of its starts and stops.
const KEEPER: &str = "[Unit]
Description=A unit without an [Install] section

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -c 'mountpoint -q /srv/data && ls /var/lib/selfheal/*.setup && echo started >>/srv/data/notes'
ExecStop=/bin/bash -c 'mountpoint -q /srv/data && echo stopped >>/srv/data/notes && sync -f /srv/data/notes'
";

/// A socket that comes before basic.target by default, which the boot comes after.
const SOCKET: &str = "[Socket]
ListenStream=127.0.0.1:7777
Accept=no

[Install]
WantedBy=sockets.target
";

/// What the socket starts.
const ANSWER: &str = "[Service]
ExecStart=/bin/sleep infinity
";

/// Makes a third unit, enables what systemd would start by itself, and starts nothing.
const SETUP: &str = "#!/bin/bash
set -euo pipefail
cat >/etc/systemd/system/made.service <<'END'
[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
END
systemctl enable made.service lab.socket
! systemctl is-active keeper.service
";

/// How a stack with these units begins.
fn options() -> Options {
    let file = |name: &str, text: &str| (format!("/etc/systemd/system/{name}"), text.to_owned());
    Options {
        terminate_hook: true,
        setup: Some(SETUP.to_owned()),
        health: Some(quick_health()),
        units: ["keeper.service", "made.service", "lab.socket"]
            .map(str::to_owned)
            .into(),
        files: vec![
            file("keeper.service", KEEPER),
            file("lab.socket", SOCKET),
            file("lab.service", ANSWER),
        ],
        ..Options::default()
    }
}

/// What the keeper has noted on the volume.
fn notes(cloud: &Cloud, id: &InstanceId) -> TaskResult<Vec<String>> {
    let notes = cloud.run_in(id, &["cat", "/srv/data/notes"])?;
    Ok(notes.lines().map(str::to_owned).collect())
}

/// Waits until each unit runs.
fn await_active(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let command = ["systemctl", "is-active", "keeper.service", "made.service", "lab.socket"];
    wait_for("units that run", Duration::from_secs(60), || {
        // The command succeeds as soon as one of them is active.
        let states = cloud.run_in(id, &command).unwrap_or_default();
        Ok((states.lines().filter(|state| *state == "active").count() == 3).then_some(()))
    })
}

pub fn with_the_target(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let first = cloud.await_in_service(1, 90)?;
    await_active(&cloud, &first)?;
    ensure(notes(&cloud, &first)? == ["started"], || {
        "the unit was started twice".to_owned()
    })?;
    cloud.run_in(&first, &["systemctl", "restart", "selfheal-app.target"])?;
    await_active(&cloud, &first)?;
    let expected = ["started", "stopped", "started"];
    ensure(notes(&cloud, &first)? == expected, || {
        "the unit was not restarted with its target".to_owned()
    })?;
    // What is enabled by itself waits for the boot as well, and nothing waits in a circle.
    cloud.await_console(&first, "boot is done", 20)?;
    cloud.run_in(&first, &["systemctl", "reboot"])?;
    cloud.machine(&first, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&first)?;
    await_active(&cloud, &first)?;
    let expected = [&expected[..], &["stopped", "started"]].concat();
    ensure(notes(&cloud, &first)? == expected, || {
        "the unit was not stopped and started by the reboot".to_owned()
    })?;
    let journal = cloud.run_in(&first, &["journalctl", "--no-pager", "--boot"])?;
    ensure(!journal.contains("ordering cycle"), || {
        format!("units wait for each other: {journal}")
    })?;
    let mounted = watch_detach(&cloud);
    cloud.operate(cloud.sim.terminate_instance(&first))?;
    leaves(&cloud, &first, &mounted)?;
    let second = cloud.await_in_service(2, 90)?;
    await_active(&cloud, &second)?;
    let expected = [&expected[..], &["stopped", "started"]].concat();
    ensure(notes(&cloud, &second)? == expected, || {
        "the unit did not stop before the volume left".to_owned()
    })
}

/// A unit that cannot start fails the boot before anybody is sent to the instance.
pub fn missing(lab: &mut Lab) -> TaskResult<()> {
    let setup = "#!/bin/sh\n[ -e /srv/data/tried ] && exit\ntouch /srv/data/tried\nsystemctl mask keeper.service\n";
    let mut options = Options {
        setup: Some(setup.to_owned()),
        ..options()
    };
    options.units.push("absent.service".to_owned());
    options.files.retain(|(path, _)| !path.contains("keeper"));
    let cloud = lab.launch(&options)?;
    let first = cloud.await_launched(1, 10)?;
    let said = "failed: systemd cannot start the app's unit keeper.service: masked (exit 27)";
    cloud.await_console(&first, said, 90)?;
    let second = cloud.await_launched(2, 90)?;
    let said = "failed: systemd cannot start the app's unit keeper.service: not-found (exit 27)";
    cloud.await_console(&second, said, 90)?;
    for id in [&first, &second] {
        ensure(!actions_of(&cloud, id).contains(&"AssociateAddress".to_owned()), || {
            "the address moved to an instance without its units".to_owned()
        })?;
    }
    Ok(())
}
