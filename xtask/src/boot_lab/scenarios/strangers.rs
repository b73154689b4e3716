//! What others do to a stack that serves, or is about to: a daemon of the setup's, a person at the console.

use std::time::Duration;

use super::boots::{actions_of, served_bytes};
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{APP_SETUP, Options};
use crate::error::TaskResult;

/// A database that the setup starts and stops again tells systemd so: by the socket of its environment, as MySQL does, and by
/// the path that is the same on every machine. What it could end is the boot.
const STOPPING: &str = r#"
python3 - <<'END'
import os, socket
link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for path in {os.environ.get("NOTIFY_SOCKET"), "/run/systemd/notify"} - {None}:
    link.sendto(b"STOPPING=1\nSTATUS=a database stops", path)
END
# Time for systemd to act on it, and the environment for a person to see.
sleep 2
env >/var/log/selfheal/seen-by-setup
"#;

pub fn stopping_setup(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        setup: Some(format!("{APP_SETUP}{STOPPING}")),
        ..Options::default()
    })?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "boot is done", 30)?;
    served_bytes(&cloud)?;
    let state = cloud.run_in(
        &id,
        &[
            "systemctl",
            "show",
            "--property=ActiveState,SubState,StatusText",
            "selfheal-boot",
        ],
    )?;
    ensure(
        state.contains("ActiveState=active") && state.contains("StatusText=the volume is mounted"),
        || format!("the unit of the boot is not as it was: {state}"),
    )?;
    let seen = cloud.run_in(&id, &["cat", "/var/log/selfheal/seen-by-setup"])?;
    for ours in [
        "NOTIFY_SOCKET=",
        "INVOCATION_ID=",
        "JOURNAL_STREAM=",
        "RUNTIME_DIRECTORY=",
    ] {
        ensure(!seen.contains(ours), || format!("the setup got {ours}: {seen}"))?;
    }
    ensure(seen.contains("NEEDRESTART_SUSPEND=1"), || {
        format!("needrestart is not held: {seen}")
    })
}

pub fn address_taken_off(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "boot is done", 30)?;
    let before = served_bytes(&cloud)?;
    let allocation = cloud.stack.allocation_id.clone();
    let association = cloud
        .sim
        .inspect(|world| world.addresses.get(allocation.as_str())?.address.association_id.clone());
    let association = association.unwrap_or_default();
    let taken = cloud.sim.as_instance(&id).disassociate_address(&association);
    ensure(taken.is_ok(), || format!("the address cannot be taken off: {taken:?}"))?;
    wait_for("return of the address", Duration::from_secs(100), || {
        Ok(cloud.address_holder().filter(|holder| *holder == id))
    })?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    let actions = actions_of(&cloud, &id);
    let count = |name: &str| actions.iter().filter(|action| *action == name).count();
    ensure(count("AssociateAddress") == 2, || {
        format!("associated otherwise: {actions:?}")
    })
}
