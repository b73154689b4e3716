//! The boot lab: the unmodified user data under real cloud-init and real systemd, against the simulated AWS.
//!
//! Each scenario runs in namespaces of its own (mounts, network, processes), with `setpriv --pdeathsig` above them: when
//! the task ends, however it ends, the kernel ends and removes everything. Loop devices clear themselves. What remains
//! are a folder and empty control groups, which are swept at the start and at the end; the end also looks whether
//! anything was left.

mod authority;
mod bench;
mod cloud;
mod command;
mod config;
mod disk;
mod host;
mod identity;
mod image;
mod lab;
mod leftovers;
mod machine;
mod metadata;
mod network;
mod rootfs;
mod scenarios;
#[cfg(test)]
mod signer;
mod stack;
mod vm;
mod zone_server;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::image::Image;
use self::lab::Lab;
use self::leftovers::Leftovers;
use self::rootfs::Suite;
use self::scenarios::{LADDER, SCENARIOS, Scenario, When};
use crate::error::{Context, TaskError, TaskResult};
use crate::report::{Counts, say_failure};
use crate::workspace;

/// What everything of the lab is called on the host.
const PREFIX: &str = "selfheal-lab";
/// How long a scenario may take before it is ended.
const SCENARIO_S_MAX: u64 = 2_400;

/// Which scenarios to run, and how.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Only this scenario; may be given more than once.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// All scenarios in namespaces, those too that CI leaves out for their time.
    #[arg(long)]
    all: bool,
    /// The scenarios whose machines are virtual machines under QEMU, in software: no KVM is needed.
    #[arg(long, conflicts_with = "all")]
    vm: bool,
    /// The Debian release that the machines run.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    suite: Suite,
    /// List the scenarios.
    #[arg(long)]
    list: bool,
    /// Keep the logs of scenarios that passed, too.
    #[arg(long)]
    keep: bool,
    /// How many scenarios run at once: 2, or 1 where there are virtual machines.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Run this scenario in the current namespaces; for the task itself.
    #[arg(long, hide = true, value_name = "NAME")]
    inside: Option<String>,
    /// Folder of the scenario that runs in the current namespaces.
    #[arg(long, hide = true, value_name = "DIR")]
    home: Option<PathBuf>,
}

/// A scenario under way.
struct Job {
    scenario: &'static Scenario,
    home: PathBuf,
    child: Child,
    started: Instant,
}

/// Runs the lab; answers how many scenarios passed, failed and were skipped.
pub fn run(arguments: &Arguments) -> TaskResult<Counts> {
    if arguments.list {
        for scenario in SCENARIOS {
            println!(
                "{:<20} {}{}",
                scenario.name,
                scenario.about,
                match scenario.when {
                    When::Ci => "",
                    When::All => " (with --all)",
                    When::Vm => " (with --vm)",
                }
            );
        }
        return Ok(Counts::PASSED);
    }
    if let (Some(name), Some(home)) = (&arguments.inside, &arguments.home) {
        return run_inside(name, home, arguments.suite);
    }
    let chosen = choose(arguments)?;
    if let Some(why) = unable() {
        println!("boot lab: skipped: {why}");
        return Ok(Counts {
            skipped: chosen.len() as u64,
            ..Counts::default()
        });
    }
    provide(&chosen, arguments.suite)?;
    Leftovers::sweep(&cache());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context(|| "watch for signals".to_owned())?;
    }
    let start = Instant::now();
    let mut counts = run_all(&chosen, arguments, &stop)?;
    let left = Leftovers::find(&cache());
    Leftovers::sweep(&cache());
    if left.is_empty() {
        println!("boot lab: nothing was left behind");
    } else {
        counts += Counts::FAILED;
        say_failure(format!("boot lab: FAILED  left behind: {left}"));
    }
    println!("boot lab: {counts} in {:.0} s", start.elapsed().as_secs_f64());
    Ok(counts)
}

/// Makes what the scenarios need, while there is a network.
fn provide(chosen: &[&Scenario], suite: Suite) -> TaskResult<()> {
    rootfs::install_tools(rootfs::TOOLS)?;
    rootfs::ensure(&cache(), suite)?;
    if chosen.iter().any(|scenario| scenario.when == When::Vm) {
        rootfs::install_tools(image::TOOLS)?;
        Image::ensure(&cache(), suite)?;
    }
    Ok(())
}

/// Measures the boot program in the lab and prints the figures; fails when one is over its limit.
pub fn bench() -> TaskResult<Counts> {
    measure(&bench::SCENARIO, bench::install_cli)
}

/// Measures each rung of the ladder on virtual machines and prints the figures; fails when one is over its limit.
pub fn bench_heal() -> TaskResult<Counts> {
    measure(&LADDER, || Ok(()))
}

/// Runs a scenario that measures, once what it needs beside the lab's own is there, and prints what it says.
fn measure<T>(scenario: &'static Scenario, prepare: impl FnOnce() -> TaskResult<T>) -> TaskResult<Counts> {
    if let Some(why) = unable() {
        println!("{}: skipped: {why}", scenario.name);
        return Ok(Counts {
            skipped: 1,
            ..Counts::default()
        });
    }
    provide(&[scenario], Suite::default())?;
    prepare()?;
    Leftovers::sweep(&cache());
    let mut job = Job::start(scenario, Suite::default())?;
    let passed = loop {
        if let Some(passed) = job.poll()? {
            break passed;
        }
        thread::sleep(Duration::from_millis(50));
    };
    print!("{}", fs::read_to_string(job.home.join("output")).unwrap_or_default());
    if !passed {
        job.print_logs();
    }
    leftovers::remove_cgroups(&job.label());
    let _ = fs::remove_dir_all(&job.home);
    Ok(if passed { Counts::PASSED } else { Counts::FAILED })
}

/// Where the lab keeps things: the root file system, and a folder for each scenario while it runs.
fn cache() -> PathBuf {
    workspace::target().join("boot-lab")
}

fn choose(arguments: &Arguments) -> TaskResult<Vec<&'static Scenario>> {
    if arguments.scenario.is_empty() {
        return Ok(SCENARIOS
            .iter()
            .filter(|scenario| match scenario.when {
                When::Ci => !arguments.vm,
                When::All => arguments.all,
                When::Vm => arguments.vm,
            })
            .collect());
    }
    let find = |name: &String| {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| TaskError::failed(format!("no scenario {name}; --list shows them")))
    };
    arguments.scenario.iter().map(find).collect()
}

/// Why the lab cannot run here, if it cannot.
fn unable() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("the boot lab needs root".to_owned());
    }
    if let Err(error) = rootfs::sources() {
        return Some(error.to_string());
    }
    let probe = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--ipc",
        "--uts",
        "--cgroup",
        "--fork",
        "--mount-proc",
        "true",
    ];
    command::run(&probe)
        .err()
        .map(|error| format!("no namespaces here: {error}"))
}

/// The inner half: this process is in fresh namespaces and runs one scenario.
fn run_inside(name: &str, home: &Path, suite: Suite) -> TaskResult<Counts> {
    let scenario = SCENARIOS
        .iter()
        .chain([&bench::SCENARIO, &LADDER])
        .find(|scenario| scenario.name == name);
    let scenario = scenario.ok_or_else(|| TaskError::failed(format!("no scenario {name}")))?;
    let rootfs = rootfs::ensure(&cache(), suite)?;
    let image = match scenario.when {
        When::Vm => Some(Image::ensure(&cache(), suite)?),
        When::Ci | When::All => None,
    };
    let label = home
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    for note in run_here(scenario, rootfs, image, home, &label)? {
        println!("{note}");
    }
    Ok(Counts::PASSED)
}

/// Runs one scenario in the current namespaces, which are fresh; answers the notes that it made.
fn run_here(
    scenario: &Scenario,
    rootfs: PathBuf,
    image: Option<Image>,
    home: &Path,
    label: &str,
) -> TaskResult<Vec<String>> {
    // What is mounted here must not show on the host, whatever propagation the host has.
    command::run(&["mount", "--make-rprivate", "/"])?;
    let mut lab = Lab::set_up(rootfs, image, home, label)?;
    let outcome = (scenario.run)(&mut lab);
    let end = lab.finish();
    outcome?;
    end?;
    Ok(lab.notes().to_vec())
}

fn run_all(chosen: &[&'static Scenario], arguments: &Arguments, stop: &AtomicBool) -> TaskResult<Counts> {
    let mut counts = Counts::default();
    // Emulation takes what processors there are.
    let vms = chosen.iter().any(|scenario| scenario.when == When::Vm);
    let at_once = arguments.jobs.unwrap_or(if vms { 1 } else { 2 });
    let mut waiting = chosen.iter();
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        while jobs.len() < at_once.max(1)
            && let Some(scenario) = waiting.next()
        {
            jobs.push(Job::start(scenario, arguments.suite)?);
        }
        if jobs.is_empty() {
            return Ok(counts);
        }
        thread::sleep(Duration::from_millis(20));
        if stop.load(Ordering::Relaxed) {
            // Dropping the jobs ends them.
            drop(jobs);
            Leftovers::sweep(&cache());
            return Err(TaskError::failed("interrupted"));
        }
        for at in (0..jobs.len()).rev() {
            if let Some(passed) = jobs[at].poll()? {
                let job = jobs.swap_remove(at);
                job.report(passed, arguments.keep);
                counts += if passed { Counts::PASSED } else { Counts::FAILED };
            }
        }
    }
}

impl Job {
    fn start(scenario: &'static Scenario, suite: Suite) -> TaskResult<Self> {
        let home = cache().join(format!("{PREFIX}-{}-{}", std::process::id(), scenario.name));
        fs::create_dir_all(&home).context(|| format!("make {}", home.display()))?;
        let own = workspace::own_program()?;
        let output = File::create(home.join("output")).context(|| "make the output file".to_owned())?;
        let errors = output.try_clone().context(|| "make the output file".to_owned())?;
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
        ]);
        // The shell is the first process of the namespace: it collects the orphans.
        command.args([
            "--kill-child",
            "--mount-proc",
            "--",
            "/bin/sh",
            "-c",
            "\"$@\"; exit $?",
            "lab",
        ]);
        command
            .arg(own)
            .args(["boot-lab", "--suite", suite.name(), "--inside", scenario.name, "--home"])
            .arg(&home);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().context(|| "start a scenario".to_owned())?;
        Ok(Self {
            scenario,
            home,
            child,
            started: Instant::now(),
        })
    }

    /// Whether it passed, once it has ended.
    fn poll(&mut self) -> TaskResult<Option<bool>> {
        let status = self.child.try_wait().context(|| "wait for a scenario".to_owned())?;
        if status.is_none() && self.started.elapsed() > Duration::from_secs(SCENARIO_S_MAX) {
            let _ = self.child.kill();
        }
        Ok(status.map(|status| status.success()))
    }

    /// Prints the scenario's line, and what it wrote if it failed.
    fn report(mut self, passed: bool, keep: bool) {
        let seconds = self.started.elapsed().as_secs_f64();
        let output = fs::read_to_string(self.home.join("output")).unwrap_or_default();
        if passed {
            let notes: Vec<&str> = output.lines().filter(|line| !line.contains(" passed, ")).collect();
            let notes = if notes.is_empty() {
                String::new()
            } else {
                format!(": {}", notes.join("; "))
            };
            println!("boot lab: ok      {} ({seconds:.1} s){notes}", self.scenario.name);
        } else {
            say_failure(format!(
                "boot lab: FAILED  {} ({seconds:.1} s)\n{}",
                self.scenario.name,
                output.trim_end()
            ));
            self.print_logs();
        }
        let _ = self.child.wait();
        leftovers::remove_cgroups(&self.label());
        if keep || !passed {
            println!("    logs: {}", self.home.join("logs").display());
        } else {
            let _ = fs::remove_dir_all(&self.home);
        }
    }

    fn label(&self) -> String {
        self.home
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// The ends of the logs.
    fn print_logs(&self) {
        for entry in fs::read_dir(self.home.join("logs")).into_iter().flatten().flatten() {
            let text = fs::read(entry.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let text = text.unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            println!("    --- the end of {}", entry.file_name().to_string_lossy());
            for line in &lines[lines.len().saturating_sub(25)..] {
                println!("    {line}");
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // A job that has ended and was waited for is not there to be killed, which is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
