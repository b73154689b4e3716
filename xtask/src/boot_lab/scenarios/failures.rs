//! Boots that fail, and apps that do.

use std::time::Duration;

use selfheal_aws::sim::{InstanceChange, TraceKind};
use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED};
use selfheal_core::spec::HealthSpec;
use selfheal_core::world::InstanceState;

use super::boots::served_bytes;
use super::get;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, app_health};
use crate::error::TaskResult;

pub fn setup_fails(lab: &mut Lab) -> TaskResult<()> {
    let setup = Some("#!/bin/sh\necho these are the last words of the setup\nexit 7\n".to_owned());
    let cloud = lab.launch(&Options {
        setup,
        breaker_limit: 2,
        ..Options::default()
    })?;
    let first = cloud.await_launched(1, 10)?;
    cloud.await_call(&first, "CompleteLifecycleAction", "200", 60)?;
    cloud.await_console(&first, "failed: setup failed with status 7 (exit 16)", 5)?;
    cloud.await_console(&first, "these are the last words of the setup", 5)?;
    ensure(cloud.group_tag(TAG_FAILED_BOOTS).as_deref() == Some("1"), || {
        "the failure was not counted".to_owned()
    })?;
    let told = cloud.group_tag(TAG_LAST_ERROR).unwrap_or_default();
    ensure(told.contains("setup failed with status 7"), || {
        format!("the tag says: {told}")
    })?;
    let log = cloud.group_tag(TAG_LAST_LOG).unwrap_or_default();
    ensure(log == "these are the last words of the setup", || {
        format!("the log in the tag says: {log}")
    })?;
    ensure(cloud.address_holder().is_none(), || {
        "the address moved to a failed boot".to_owned()
    })?;
    parks(&cloud, 2)
}

pub fn app_never_healthy(lab: &mut Lab) -> TaskResult<()> {
    let health = HealthSpec {
        startup_budget_s: 3,
        ..app_health()
    };
    let setup = Some("#!/bin/sh\nexit 0\n".to_owned());
    let cloud = lab.launch(&Options {
        setup,
        health: Some(health),
        breaker_limit: 2,
        ..Options::default()
    })?;
    let first = cloud.await_launched(1, 10)?;
    cloud.await_call(&first, "CompleteLifecycleAction", "200", 60)?;
    cloud.await_console(&first, "the app was not healthy within 3 s (exit 17)", 5)?;
    ensure(cloud.address_holder().is_none(), || {
        "the address moved to an app that is not well".to_owned()
    })?;
    parks(&cloud, 2)
}

/// The stack parks itself at the `limit`th failed boot: two processes suspended together, tags that say so, no launch any
/// more and no termination either.
fn parks(cloud: &Cloud, limit: usize) -> TaskResult<()> {
    cloud.await_launched(limit, 60)?;
    wait_for("parked stack", Duration::from_secs(90), || {
        Ok(cloud.group_tag(TAG_PARKED))
    })?;
    let suspended = cloud.sim.inspect(|world| {
        world
            .groups
            .get(&cloud.stack.group)
            .map(|group| group.suspended.clone())
            .unwrap_or_default()
    });
    ensure(
        suspended.contains("Launch") && suspended.contains("ReplaceUnhealthy"),
        || format!("suspended: {suspended:?}"),
    )?;
    std::thread::sleep(Duration::from_secs(4));
    let launches = cloud.events().iter().filter(|event| is_launch(&event.what)).count();
    ensure(launches == limit, || {
        format!("{launches} launches with a limit of {limit}")
    })
}

const fn is_launch(what: &TraceKind) -> bool {
    matches!(
        what,
        TraceKind::Instance {
            state: InstanceChange::State(InstanceState::Pending),
            ..
        }
    )
}

pub fn watchdog(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    cloud.run_in(&first, &["systemctl", "stop", "lab-app.service"])?;
    cloud.await_call(&first, "SetInstanceHealth", "200", 30)?;
    let second = cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })
}

/// The app is well again before the threshold: nothing is reported.
pub fn watchdog_patience(lab: &mut Lab) -> TaskResult<()> {
    let health = HealthSpec {
        threshold: 6,
        ..app_health()
    };
    let cloud = lab.launch(&Options {
        health: Some(health),
        ..Options::default()
    })?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "boot is done", 20)?;
    cloud.run_in(&id, &["systemctl", "stop", "lab-app.service"])?;
    let failing = |path: &str| cloud.run_in(&id, &["cat", path]);
    wait_for("failed probe", Duration::from_secs(20), || {
        Ok(failing("/var/log/selfheal/watchdog.log")
            .unwrap_or_default()
            .contains("failed 2 of 6")
            .then_some(()))
    })?;
    cloud.run_in(&id, &["systemctl", "start", "lab-app.service"])?;
    wait_for("answer of the app", Duration::from_secs(10), || {
        Ok(get(&cloud, "/birth").ok())
    })?;
    std::thread::sleep(Duration::from_secs(8));
    let reported = cloud.calls().iter().any(|(_, action, _)| action == "SetInstanceHealth");
    ensure(!reported, || "an app that came back was reported".to_owned())
}

/// Fills the root disk to its last byte. What is written late gives back what was reserved for it, so that it takes several rounds.
const FILL: &str = "for n in 1 2 3 4 5 6; do dd if=/dev/zero of=/fill$n bs=$((n > 3 ? 512 : 65536)) 2>/dev/null; sync; done; \
                    ! echo full 2>/dev/null >/full";

/// The root disk is full when the machine boots again: the app has what it needs, and what cannot be logged stops nothing.
pub fn root_full(lab: &mut Lab) -> TaskResult<()> {
    lab.use_root_disks()?;
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 20)?;
    cloud.run_in(&id, &["bash", "-c", FILL])?;
    cloud.run_in(&id, &["systemctl", "reboot"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&id)?;
    wait_for("second start of the app", Duration::from_secs(90), || {
        let starts = get(&cloud, "/starts").unwrap_or_default();
        Ok((starts.iter().filter(|byte| **byte == b'\n').count() == 2).then_some(()))
    })?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(id), || "the address moved".to_owned())?;
    let counted = cloud.group_tag(TAG_FAILED_BOOTS);
    ensure(counted.as_deref().is_none_or(|count| count == "0"), || {
        format!("{counted:?} failed boots were counted")
    })
}
