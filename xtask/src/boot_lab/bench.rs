//! How fast the boot program is, side by side with the bare requests and with the usual script over the AWS CLI.
//!
//! All three run as systemd units on the same booted machine, against the same simulated AWS, over a volume that carries
//! its filesystem already and attaches at once. The clock starts with the unit's main process and stops when the
//! association is accepted.

use selfheal_core::world::InstanceId;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use selfheal_core::spec::Filesystem;

use super::cache;
use super::cloud::Cloud;
use super::command::{ensure, output, run, wait_for};
use super::lab::Lab;
use super::scenarios::{Bench, Scenario, When, install};
use super::stack::Options;
use crate::error::{Context, TaskError, TaskResult};
use crate::report::Report;
use crate::venv::Venv;

/// The usual tool, in the newest version of its first line. It is pinned, so that figures can be compared.
const AWS_CLI: &str = "awscli==1.46.3";
/// How often each is measured; the median counts.
const ROUNDS: usize = 9;
/// The AWS CLI takes seconds a round.
const CLI_ROUNDS: usize = 3;
/// At most so many times the bare requests.
const BARE_RATIO_MAX: f64 = 1.5;
/// At least so many times faster than the AWS CLI.
const CLI_RATIO_MIN: f64 = 15.0;
/// Most processes that are forked before the association.
const FORKS_MAX: usize = 12;

const BARE: &str = include_str!("../../boot-lab/bare-requests.sh");
const CLI: &str = include_str!("../../boot-lab/cli-script.sh");

/// What measures it, which runs as a scenario does.
pub const SCENARIO: Scenario = Scenario {
    name: "bench",
    about: "the boot program's speed",
    when: When::All,
    run: measure,
};

/// Answers where the AWS CLI is, and installs it first if it is not there.
pub fn install_cli() -> TaskResult<PathBuf> {
    let home = cache().join(AWS_CLI.replace("==", "-"));
    if home.join("bin/aws").exists() {
        return Ok(home);
    }
    println!("boot lab: installing {AWS_CLI}");
    let partial = home.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    let mut pip = Command::new(Venv::ensure()?.program("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
    ]);
    // For the Python of the machines, which is that of Debian 12.
    pip.args(["--python-version", "3.11", "--target"])
        .arg(&partial)
        .arg(AWS_CLI);
    output(&mut pip)?;
    fs::rename(&partial, &home).context(|| format!("rename {}", partial.display()))?;
    Ok(home)
}

/// Shows the AWS CLI to a machine that is off, below `/opt/awscli`. It has to be installed already.
pub fn show_cli(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let inside = cloud.machine(id, |machine| Ok(machine.root()))?.join("opt/awscli");
    fs::create_dir_all(&inside).context(|| format!("make {}", inside.display()))?;
    run(&[
        "mount",
        "--bind",
        &install_cli()?.to_string_lossy(),
        &inside.to_string_lossy(),
    ])
    .map(drop)
}

/// The machine that is measured.
struct Track {
    bench: Bench,
    accepted_us: Arc<Mutex<Option<u64>>>,
}

/// Measures, and prints a table.
fn measure(lab: &mut Lab) -> TaskResult<()> {
    let track = Track::set_up(lab)?;
    let [ours, bare] = track.medians(["selfheal-boot.service", "lab-bare.service"], ROUNDS)?;
    let [cli] = track.medians(["lab-cli.service"], CLI_ROUNDS)?;
    let forks = track.forks()?;
    println!("from the start of the unit to the association accepted, median of {ROUNDS} ({CLI_ROUNDS} for the CLI):");
    println!("  {:<44} {:>9}", "what", "ms");
    for (what, us) in [
        ("the boot program", ours),
        ("the bare requests by curl", bare),
        ("the usual script, AWS CLI v1", cli),
    ] {
        println!("  {what:<44} {:>9.1}", us / 1_000.0);
    }
    let mut report = Report::new("bench boot");
    let ratio = ours / bare;
    report.expect(
        &format!("{ratio:.2} times the bare requests, at most {BARE_RATIO_MAX}"),
        ratio <= BARE_RATIO_MAX,
        || "too slow".to_owned(),
    );
    report.expect(
        &format!("{forks} processes forked before the association, at most {FORKS_MAX}"),
        forks <= FORKS_MAX,
        || "too many".to_owned(),
    );
    let ratio = cli / ours;
    report.expect(
        &format!("{ratio:.1} times faster than the AWS CLI, at least {CLI_RATIO_MIN}"),
        ratio >= CLI_RATIO_MIN,
        || "too slow".to_owned(),
    );
    report.finish().verdict()
}

impl Track {
    fn set_up(lab: &mut Lab) -> TaskResult<Self> {
        let options = Options {
            volume_mib: 320,
            filesystem: Filesystem::Xfs,
            setup: None,
            health: None,
            attach_ms: 0,
            ..Options::default()
        };
        let bench = Bench::prepare(lab, &options, |cloud, id| {
            for (name, text) in [("lab-bare", BARE), ("lab-cli", CLI)] {
                install(cloud, id, &format!("usr/local/sbin/{name}"), &fill_in(cloud, text))?;
                let unit = format!("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/{name}\n");
                install(cloud, id, &format!("etc/systemd/system/{name}.service"), &unit)?;
            }
            show_cli(cloud, id)
        })?;
        // From here on the boot unit runs when it is started.
        let held = "/etc/systemd/system/selfheal-boot.service.d/hold.conf";
        bench.cloud.run_in(&bench.id, &["rm", held])?;
        bench.cloud.run_in(&bench.id, &["systemctl", "daemon-reload"])?;
        let accepted_us = Arc::new(Mutex::new(None));
        let (seen, cloud) = (Arc::clone(&accepted_us), bench.cloud.clone());
        bench.cloud.wire.set_observer(Some(Box::new(move |record| {
            let Some(call) = record.call.as_ref().filter(|_| record.outcome == "200") else {
                return;
            };
            if call.action == "AssociateAddress" {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(now_us());
            }
            // The volume attaches at once: its device is there before the answer is.
            cloud.tick();
        })));
        let track = Self { bench, accepted_us };
        // The first boot makes the filesystem, which every later one finds.
        track.once("selfheal-boot.service")?;
        Ok(track)
    }

    /// Runs a unit once, as after a replacement; answers the microseconds until the association was accepted.
    fn once(&self, unit: &str) -> TaskResult<f64> {
        let Bench { cloud, id, .. } = &self.bench;
        *self.accepted_us.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // The boot unit is held back from running by itself; started like this it runs.
        cloud.run_in(id, &["systemctl", "start", unit])?;
        let accepted = wait_for("association", Duration::from_secs(60), || {
            Ok(*self.accepted_us.lock().unwrap_or_else(PoisonError::into_inner))
        })?;
        let started = cloud.run_in(
            id,
            &[
                "systemctl",
                "show",
                "--value",
                "-p",
                "ExecMainStartTimestampMonotonic",
                unit,
            ],
        )?;
        let started: u64 = started
            .trim()
            .parse()
            .map_err(|error| TaskError::malformed("the unit's start", error))?;
        wait_for("end of the unit's work", Duration::from_secs(30), || {
            let completed = cloud
                .calls()
                .iter()
                .any(|(_, action, _)| action == "CompleteLifecycleAction");
            Ok(completed.then_some(()))
        })?;
        Ok(f64::from(
            u32::try_from(accepted.saturating_sub(started)).unwrap_or(u32::MAX),
        ))
    }

    /// Medians of so many rounds. The units take turns, so that a load on the host falls on all of them.
    fn medians<const N: usize>(&self, units: [&str; N], rounds: usize) -> TaskResult<[f64; N]> {
        let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        for _ in 0..rounds {
            for (unit, times) in units.iter().zip(&mut times) {
                self.bench.reset(false)?;
                self.bench.cloud.prepare_attachment()?;
                times.push(self.once(unit)?);
            }
        }
        Ok(times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[rounds / 2]
        }))
    }

    /// Counts the processes that the boot program forks before its association is accepted.
    fn forks(&self) -> TaskResult<usize> {
        let Bench { cloud, id, .. } = &self.bench;
        self.bench.reset(false)?;
        let drop_in = "[Service]\nExecStart=\nExecStart=/usr/bin/strace -f -qq -ttt -e trace=clone,clone3,fork,vfork,execve \
                       -o /var/lab-trace /bin/bash /usr/local/lib/selfheal/program boot\n";
        let folder = "/run/systemd/system/selfheal-boot.service.d";
        let script = format!("mkdir -p {folder} && printf '%s' \"$1\" >{folder}/trace.conf && systemctl daemon-reload");
        cloud.run_in(id, &["/bin/bash", "-c", &script, "trace", drop_in])?;
        self.once("selfheal-boot.service")?;
        let accepted = self
            .accepted_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_default();
        let offset = wall_us().saturating_sub(now_us());
        cloud.run_in(
            id,
            &[
                "/bin/bash",
                "-c",
                &format!("rm {folder}/trace.conf && systemctl daemon-reload"),
            ],
        )?;
        let trace = cloud.run_in(id, &["cat", "/var/lab-trace"])?;
        let before = |line: &&str| {
            let time = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
            time.is_some_and(|time| time * 1e6 <= (accepted + offset) as f64)
        };
        // Threads are no processes, and an interrupted line is counted once.
        let forked = |line: &&str| {
            let call = line.split_whitespace().nth(2).unwrap_or_default();
            ["clone", "fork", "vfork"].iter().any(|name| call.starts_with(name)) && !line.contains("CLONE_THREAD")
        };
        let forks = trace.lines().filter(before).filter(forked).count();
        ensure(forks > 0, || "no process was counted".to_owned())?;
        Ok(forks)
    }
}

/// Puts the stack's ids in the place of their names.
fn fill_in(cloud: &Cloud, text: &str) -> String {
    let stack = &cloud.stack;
    text.replace("@ROLE@", &stack.role)
        .replace("@VOLUME@", &stack.volume_id)
        .replace("@ALLOCATION@", &stack.allocation_id)
        .replace("@GROUP@", &stack.group)
}

fn now_us() -> u64 {
    microseconds(ClockId::Monotonic)
}

fn wall_us() -> u64 {
    microseconds(ClockId::Realtime)
}

fn microseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or_default()
}
