//! The rungs of the ladder on virtual machines: an app that hangs, a kernel that panics, a systemd that hangs, and a machine that
//! is gone. Each is measured until the app answers over the address, and what of that is the boot program's.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use selfheal_core::names::TAG_REPAIRS;
use selfheal_core::spec::{HealthSpec, Repair};
use selfheal_core::world::InstanceId;

use super::boots::actions_of;
use super::get;
use super::virtual_machines::{BOOT_S_MAX, STEP_S_MAX, alive, first_boot, served};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, app_health};
use crate::error::{TaskError, TaskResult};
use crate::report::Report;

/// Goes on to the setup script: whoever connects to one of these ports harms the machine.
const HARMS: &str = include_str!("../../../boot-lab/harms.sh");
/// Seconds between two probes, and failures in a row that count.
const INTERVAL_S: u32 = 2;
const THRESHOLD: u32 = 2;
/// What the boot program may take of a start after a panic: without firmware, kernel and what systemd does before it.
const ANEW_S_MAX: f64 = 10.0;

/// What a machine is made to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// The app's processes are stopped where they are.
    App,
    /// The kernel panics.
    Panic,
    /// systemd is frozen.
    Hang,
}

impl Harm {
    const fn port(self) -> u16 {
        match self {
            Self::App => 9001,
            Self::Panic => 9002,
            Self::Hang => 9003,
        }
    }
}

fn options() -> Options {
    Options {
        repair: Some(Repair::Restart),
        health: Some(HealthSpec {
            startup_budget_s: 120,
            interval_s: INTERVAL_S,
            threshold: THRESHOLD,
            ..app_health()
        }),
        setup: Options::default().setup.map(|setup| setup + HARMS),
        ..Options::default()
    }
}

/// How long a healing took.
struct Healing {
    /// Until the app answered over the address.
    serving_s: f64,
    /// What of that went by since systemd started the boot program, where it did.
    ours_s: Option<f64>,
}

pub fn panic(lab: &mut Lab) -> TaskResult<()> {
    starts_anew(lab, Harm::Panic, "the panic")
}

pub fn hang(lab: &mut Lab) -> TaskResult<()> {
    starts_anew(lab, Harm::Hang, "the hang")
}

/// The machine starts anew by itself: the same instance, volume and address, and no call but those that count it.
fn starts_anew(lab: &mut Lab, harm: Harm, name: &str) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let (id, before) = first_boot(lab, &cloud)?;
    let healing = anew(&cloud, &id, harm, 1)?;
    note(lab, &healing, name);
    ensure(served(&cloud)? == before, || "the bytes have changed".to_owned())
}

fn note(lab: &mut Lab, healing: &Healing, name: &str) {
    let ours = healing.ours_s.map_or_else(String::new, |ours_s| {
        format!(", {ours_s:.1} s of them the boot program's")
    });
    lab.note(format!("serving {:.1} s after {name}{ours}", healing.serving_s));
}

/// Harms a machine that serves, and waits until it has started anew and serves; `nth` is the number of the repair.
fn anew(cloud: &Cloud, id: &InstanceId, harm: Harm, nth: usize) -> TaskResult<Healing> {
    let calls = actions_of(cloud, id).len();
    let healing = measure(cloud, id, harm)?;
    let told = wait_for("count of the repair", Duration::from_secs(STEP_S_MAX), || {
        let told = cloud.group_tag(TAG_REPAIRS);
        Ok(told.filter(|told| told.starts_with(&format!("{nth} "))))
    })?;
    ensure(told.ends_with("the machine had not shut down"), || {
        format!("the tag says: {told}")
    })?;
    let made = actions_of(cloud, id).split_off(calls);
    let needless = made
        .iter()
        .find(|action| !["DescribeTags", "CreateOrUpdateTags"].contains(&action.as_str()));
    ensure(needless.is_none(), || format!("the start anew called {made:?}"))?;
    ensure(cloud.address_holder().as_ref() == Some(id), || {
        "the address is elsewhere".to_owned()
    })?;
    Ok(healing)
}

fn starts(cloud: &Cloud) -> usize {
    let starts = get(cloud, "/starts").unwrap_or_default();
    starts.iter().filter(|byte| **byte == b'\n').count()
}

/// How often systemd has said on the console of an instance that it starts the boot program.
fn boots(cloud: &Cloud, id: &InstanceId) -> usize {
    let console = cloud.host(id, |host| Ok(host.console()));
    let console = console
        .ok()
        .and_then(|path| std::fs::read(path).ok())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&console).into_owned();
    let begins = |line: &&str| line.contains("Starting") && line.contains("selfheal") && line.contains("boot");
    text.lines().filter(begins).count()
}

/// Harms a machine and waits for the next start of its app.
fn measure(cloud: &Cloud, id: &InstanceId, harm: Harm) -> TaskResult<Healing> {
    let (started, booted) = (starts(cloud), boots(cloud, id));
    let began = Instant::now();
    let ip = cloud.host(id, |host| Ok(host.identity().ip()))?;
    let at = SocketAddr::from((ip, harm.port()));
    TcpStream::connect_timeout(&at, Duration::from_secs(5))
        .map_err(|error| TaskError::failed(format!("nobody harms the machine at {at}: {error}")))?;
    await_start(cloud, id, began, (started + 1, booted + 1))
}

/// Waits until the app has started so often, and notes when the boot program has.
fn await_start(cloud: &Cloud, id: &InstanceId, began: Instant, (start, boot): (usize, usize)) -> TaskResult<Healing> {
    let mut begun = None;
    wait_for("next start of the app", Duration::from_secs(BOOT_S_MAX), || {
        alive(cloud)?;
        if begun.is_none() && boots(cloud, id) >= boot {
            begun = Some(Instant::now());
        }
        Ok((starts(cloud) == start).then_some(()))
    })?;
    Ok(Healing {
        serving_s: began.elapsed().as_secs_f64(),
        ours_s: begun.map(|begun| begun.elapsed().as_secs_f64()),
    })
}

/// Every rung on one machine, and on the one that takes its place; for `bench heal`.
pub fn ladder(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let (id, before) = first_boot(lab, &cloud)?;
    let mut report = Report::new("bench heal");
    let app = measure(&cloud, &id, Harm::App)?;
    // A hanging probe takes as long as the interval, and the pause between two comes after it.
    let notice_s = f64::from(2 * THRESHOLD * INTERVAL_S);
    let told = format!(
        "app hangs: serving after {:.1} s, at most {:.0} ({THRESHOLD} probes, {INTERVAL_S} s apart)",
        app.serving_s,
        notice_s + 5.0
    );
    report.expect(&told, app.serving_s <= notice_s + 5.0, || "too slow".to_owned());
    for (nth, harm, name) in [(2, Harm::Panic, "kernel panics"), (3, Harm::Hang, "systemd hangs")] {
        let healing = anew(&cloud, &id, harm, nth)?;
        let ours_s = healing.ours_s.unwrap_or(healing.serving_s);
        let told = format!(
            "{name}: serving after {:.1} s; the boot program's {ours_s:.1} s, at most {ANEW_S_MAX:.0}",
            healing.serving_s
        );
        report.expect(&told, ours_s <= ANEW_S_MAX, || "too slow".to_owned());
    }
    let started = starts(&cloud);
    let began = Instant::now();
    cloud.cut_power(&id)?;
    cloud.sim.kill_instance(&id);
    let second = cloud.await_launched(2, STEP_S_MAX)?;
    cloud.await_machine(&second, STEP_S_MAX)?;
    let healing = await_start(&cloud, &second, began, (started + 1, 1))?;
    ensure(served(&cloud)? == before, || "the bytes are not the same".to_owned())?;
    // AWS's own phases are as good as left out here, and the setup is the lab's app.
    println!(
        "bench heal: terminated: another serves after {:.1} s; the boot program's {:.1} s, setup and app among them",
        healing.serving_s,
        healing.ours_s.unwrap_or(healing.serving_s)
    );
    report.finish().verdict()
}
