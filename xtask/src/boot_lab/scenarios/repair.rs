//! Repair in place: the app is restarted before anything is replaced.

use std::time::{Duration, Instant};

use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_REPAIRS};
use selfheal_core::spec::{HealthSpec, Repair};

use super::boots::served_bytes;
use super::get;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, app_health};
use crate::error::TaskResult;

/// Seconds between two probes: the fewest that a file may ask for.
const INTERVAL_S: u32 = 2;
/// Failures in a row.
const THRESHOLD: u32 = 2;

fn options() -> Options {
    Options {
        repair: Some(Repair::Restart),
        health: Some(HealthSpec {
            interval_s: INTERVAL_S,
            threshold: THRESHOLD,
            ..app_health()
        }),
        ..Options::default()
    }
}

/// Waits until the app has been started so often, and answers.
fn await_start(cloud: &Cloud, nth: usize) -> TaskResult<()> {
    wait_for("start of the app", Duration::from_secs(90), || {
        let starts = get(cloud, "/starts").unwrap_or_default();
        Ok((starts.iter().filter(|byte| **byte == b'\n').count() == nth).then_some(()))
    })
}

/// Every process of the app is stopped where it is: ports are open, and nobody answers.
pub fn hang(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let id = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 20)?;
    let began = Instant::now();
    cloud.run_in(&id, &["systemctl", "kill", "--signal=STOP", "lab-app.service"])?;
    await_start(&cloud, 2)?;
    let serving_s = began.elapsed().as_secs_f64();
    lab.note(format!(
        "serving {serving_s:.1} s after the app hung ({THRESHOLD} probes, {INTERVAL_S} s apart)"
    ));
    // A hanging probe takes as long as the interval, and the pause between two comes after it.
    let notice_s = f64::from(2 * THRESHOLD * INTERVAL_S);
    ensure(serving_s <= notice_s + 5.0, || format!("it took {serving_s:.1} s"))?;
    let told = wait_for("count of the repair", Duration::from_secs(10), || {
        Ok(cloud.group_tag(TAG_REPAIRS))
    })?;
    ensure(
        told.starts_with("1 ") && told.ends_with("the app failed 2 probes in a row"),
        || format!("the tag says: {told}"),
    )?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(id), || "the address moved".to_owned())?;
    let reported = cloud.calls().iter().any(|(_, action, _)| action == "SetInstanceHealth");
    ensure(!reported, || "an app that was mended was reported".to_owned())
}

/// What the app is started from is gone, so that no restart brings it back.
pub fn in_vain(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let began = Instant::now();
    cloud.run_in(&first, &["rm", "/usr/local/bin/lab-app"])?;
    cloud.run_in(&first, &["systemctl", "kill", "--signal=KILL", "lab-app.service"])?;
    cloud.await_call(&first, "SetInstanceHealth", "200", 90)?;
    let log = cloud.run_in(&first, &["cat", "/var/log/selfheal/watchdog.log"])?;
    ensure(
        log.matches("restarting the app").count() == 1 && log.contains("the restart has not mended the app"),
        || format!("it says: {log}"),
    )?;
    let second = cloud.await_in_service(2, 90)?;
    await_start(&cloud, 2)?;
    lab.note(format!(
        "serving on another instance {:.1} s after the app's end",
        began.elapsed().as_secs_f64()
    ));
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })?;
    ensure(cloud.group_tag(TAG_FAILED_BOOTS).as_deref() == Some("1"), || {
        "the failure was not counted once".to_owned()
    })
}
