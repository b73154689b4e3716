//! What a stack tells whoever is subscribed to its topic, by the boot program's own calls under a real systemd.

use std::time::{Duration, Instant};

use selfheal_core::spec::{HealthSpec, NotifySpec, NotifyTo, Repair};

use super::boots::served_bytes;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{MOUNT, Options, app_health};
use crate::error::{TaskError, TaskResult};
use crate::wire::WireFault;

/// Who is told.
const OPS: &str = "ops@example.com";
/// Seconds within which the watch looks at the disks, and tries once more what could not be told: it does each minute.
const LOOK_S: u64 = 75;

fn options() -> Options {
    Options {
        notify: Some(NotifySpec {
            to: NotifyTo::Own {
                emails: vec![OPS.to_owned()],
                webhook: None,
            },
            disk_percent: NotifySpec::DISK_PERCENT_DEFAULT,
            terminations: false,
        }),
        ..Options::default()
    }
}

/// Subjects and texts of the instances' own messages that were delivered, in order.
fn heard(cloud: &Cloud) -> Vec<(String, String)> {
    cloud.sim.inspect(|world| {
        let messages = world.topics.values().flat_map(|topic| &topic.messages);
        let own = messages.filter(|it| it.subject.starts_with("web: ") && it.delivered.iter().any(|to| to == OPS));
        own.map(|it| (it.subject.clone(), it.text.clone())).collect()
    })
}

/// Waits for the next message, which has to begin so, and answers it.
fn await_message(cloud: &Cloud, nth: usize, begins: &str, limit_s: u64) -> TaskResult<(String, String)> {
    let what = format!("message number {nth}, '{begins}'");
    let found = wait_for(&what, Duration::from_secs(limit_s), || {
        Ok(heard(cloud).into_iter().nth(nth - 1))
    })?;
    ensure(found.0.starts_with(begins), || format!("{what} is '{}'", found.0))?;
    Ok(found)
}

/// A replacement, a repair, a disk that fills up and is free again; a refusal that passes.
pub fn told(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        repair: Some(Repair::Restart),
        health: Some(HealthSpec {
            interval_s: 2,
            threshold: 2,
            ..app_health()
        }),
        ..options()
    })?;
    let first = cloud.await_in_service(1, 60)?;
    served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    ensure(heard(&cloud).is_empty(), || {
        format!("a first start is told of: {:?}", heard(&cloud))
    })?;
    // The first two messages are refused, so that the watch has to try again.
    let mut refused = 0;
    cloud.wire.set_hook(Some(Box::new(move |call| {
        let code = "Throttling".to_owned();
        let message = "Rate exceeded".to_owned();
        refused += i32::from(call.action == "Publish");
        (call.action == "Publish" && refused == 1).then_some(WireFault::Refuse { code, message })
    })));
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 90)?;
    let (healed, _) = await_message(&cloud, 1, &format!("web: healed: {second} is in service "), LOOK_S)?;
    let seconds = healed.strip_suffix(" s after the group launched it");
    let seconds: Option<u64> = seconds.and_then(|it| it.rsplit(' ').next()?.parse().ok());
    let seconds = seconds.ok_or_else(|| TaskError::failed(format!("no seconds in '{healed}'")))?;
    ensure(seconds < 90, || healed.clone())?;
    lab.note(format!("healed after {seconds} s by its own message, refused once"));

    served_bytes(&cloud)?;
    let hung = Instant::now();
    cloud.run_in(&second, &["systemctl", "kill", "--signal=STOP", "lab-app.service"])?;
    let (_, text) = await_message(&cloud, 2, "web: repaired in place after ", 60)?;
    ensure(text.contains("the instance stays"), || text.clone())?;
    lab.note(format!(
        "a repair was told {:.1} s after the app hung",
        hung.elapsed().as_secs_f64()
    ));
    fills_up(&cloud, lab)?;
    let subjects: Vec<String> = heard(&cloud).into_iter().map(|(subject, _)| subject).collect();
    ensure(subjects.len() == 4, || format!("{subjects:?}"))
}

/// The data disk is filled above its limit, and freed again.
fn fills_up(cloud: &Cloud, lab: &mut Lab) -> TaskResult<()> {
    let id = cloud.await_launched(2, 1)?;
    let file = format!("{MOUNT}/fill");
    let fill = format!(
        "while (($(df --output=pcent {MOUNT} | tail -n 1 | tr -d ' %') < 93)); do head -c 1048576 /dev/zero >>{file}; done; sync -f {file}"
    );
    cloud.run_in(&id, &["bash", "-c", &fill])?;
    let filled = Instant::now();
    let (_, text) = await_message(cloud, 3, &format!("web: the disk at {MOUNT} is 9"), LOOK_S)?;
    ensure(text.contains("MiB of"), || text.clone())?;
    lab.note(format!(
        "a full disk was told after {:.0} s",
        filled.elapsed().as_secs_f64()
    ));
    cloud.run_in(&id, &["rm", &file])?;
    await_message(
        cloud,
        4,
        &format!("web: the disk at {MOUNT} is below its limit again"),
        LOOK_S,
    )
    .map(drop)
}

/// Boots that fail, until the stack parks itself: the reason of each, and that nothing comes any more.
pub fn failures_told(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        setup: Some("#!/bin/sh\nexit 7\n".to_owned()),
        breaker_limit: 2,
        ..options()
    })?;
    let reason = "setup failed with status 7 (exit 16)";
    let first = cloud.await_launched(1, 10)?;
    let (_, text) = await_message(&cloud, 1, &format!("web: failed: {reason}"), 60)?;
    ensure(text.contains("1 of 2") && text.contains(first.as_str()), || {
        text.clone()
    })?;
    let (_, text) = await_message(&cloud, 2, &format!("web: parked: {reason}"), 90)?;
    ensure(text.contains("2 of 2") && text.contains("selfheal resume"), || {
        text.clone()
    })?;
    std::thread::sleep(Duration::from_secs(3));
    ensure(heard(&cloud).len() == 2, || format!("{:?}", heard(&cloud)))
}
