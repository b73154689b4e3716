//! A world to run `selfheal` in: moto, the proxy, a hosted zone, a stack's folder, an environment of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use selfheal_core::spec::EXAMPLE;
use tempfile::TempDir;
use wait4::Wait4;

use crate::error::{Context, TaskError, TaskResult};
use crate::fake::query::{deep_text, parse};
use crate::fake::{Aws, Caller, Faults, Inventory, Moto, Proxy, log};
use crate::venv::Venv;
use crate::workspace;

/// The Region of the stack.
const REGION: &str = "eu-west-1";
/// The role of the stack's instances, as its names derive from the stack's.
const ROLE: &str = "selfheal-web-eu-west-1";
/// How long one run of `selfheal` may take against a fake on loopback.
const RUN_MAX: Duration = Duration::from_secs(120);

/// The stack's setup script: every instance that comes signs on the data volume.
const SETUP: &str =
    "#!/bin/sh\nset -eu\necho \"$SELFHEAL_INSTANCE_ID\" >>\"${SELFHEAL_ROOT:-}$SELFHEAL_MOUNT/visitors\"\n";

/// moto, the proxy and a folder with a spec.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    aws: Aws,
    zone_id: String,
    called: Mutex<BTreeMap<String, BTreeSet<String>>>,
    // The proxy goes before what it stands before.
    proxy: Proxy,
    moto: Moto,
}

/// How a run of `selfheal` went.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
    /// How long it took.
    pub wall: Duration,
    /// The most memory it held at once, in bytes.
    pub peak_bytes: u64,
}

impl World {
    /// Makes a world with nothing in it but a hosted zone.
    pub fn new() -> TaskResult<Self> {
        let binary = workspace::selfheal();
        if !binary.exists() {
            return Err(TaskError::failed(format!("{} is not built", binary.display())));
        }
        let venv = Venv::ensure()?;
        let moto = Moto::start(&venv)?;
        let proxy = Proxy::start(&moto)?;
        let folder = tempfile::Builder::new()
            .prefix("world-")
            .tempdir_in(workspace::scratch())
            .context(|| "make a folder for the world".to_owned())?;
        let aws = Aws::new(moto.address(), REGION);
        let mut world = Self {
            folder,
            aws,
            zone_id: String::new(),
            called: Mutex::default(),
            proxy,
            moto,
        };
        world.write("selfheal.toml", &spec())?;
        world.write("setup.sh", SETUP)?;
        world.reset()?;
        Ok(world)
    }

    /// Empties moto's world and puts the hosted zone back.
    pub fn reset(&mut self) -> TaskResult<()> {
        self.moto.reset()?;
        self.proxy.reset();
        let body = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.com\
                    </Name><CallerReference>world</CallerReference></CreateHostedZoneRequest>";
        let xml = self.aws.route53("hostedzone", Some(body))?;
        self.zone_id = deep_text(parse(&xml)?.root(), "Id")
            .trim_start_matches("/hostedzone/")
            .to_owned();
        self.proxy.begin(Duration::ZERO, Vec::new());
        Ok(())
    }

    /// Reads what exists.
    pub fn inventory(&self) -> TaskResult<Inventory> {
        Inventory::read(&self.aws, &self.zone_id)
    }

    /// A client of moto.
    pub const fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The proxy.
    pub const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The stack's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The Region.
    pub const fn region(&self) -> &'static str {
        REGION
    }

    /// The role of the stack's instances.
    pub const fn role(&self) -> &'static str {
        ROLE
    }

    /// Writes a file into the stack's folder.
    pub fn write(&self, name: &str, text: &str) -> TaskResult<()> {
        fs::write(self.folder().join(name), text).context(|| format!("write {name}"))
    }

    /// Writes the spec anew with one text replaced by another, which must occur in it.
    pub fn edit_spec(&self, from: &str, to: &str) -> TaskResult<()> {
        let spec = spec();
        if !spec.contains(from) {
            return Err(TaskError::failed(format!("the spec does not hold {from}")));
        }
        self.write("selfheal.toml", &spec.replace(from, to))
    }

    /// Replaces one text of the spec as it is now by another; it must occur in it.
    pub fn edit_further(&self, from: &str, to: &str) -> TaskResult<()> {
        let path = self.folder().join("selfheal.toml");
        let spec = fs::read_to_string(&path).context(|| "read selfheal.toml".to_owned())?;
        if !spec.contains(from) {
            return Err(TaskError::failed(format!("the spec does not hold {from}")));
        }
        self.write("selfheal.toml", &spec.replace(from, to))
    }

    /// Runs `selfheal` with a new log at the proxy, this latency and these faults.
    pub fn run(&self, arguments: &[&str], latency: Duration, faults: Faults) -> TaskResult<Run> {
        self.run_from(arguments, Stdio::null(), latency, faults)
    }

    /// Runs `selfheal` with this text on standard input and expects that it ends well.
    pub fn given(&self, arguments: &[&str], text: &str) -> TaskResult<Run> {
        self.write("input", text)?;
        let input = fs::File::open(self.folder().join("input")).context(|| "open the input".to_owned())?;
        let run = self.run_from(arguments, input.into(), Duration::ZERO, Vec::new())?;
        as_expected(arguments, 0, run)
    }

    fn run_from(&self, arguments: &[&str], input: Stdio, latency: Duration, faults: Faults) -> TaskResult<Run> {
        // What an instance has called since the last run would be gone with the log.
        self.note(&["before"]);
        self.proxy.begin(latency, faults);
        let start = Instant::now();
        let mut child = self.spawn(arguments, input)?;
        let output = gather(&mut child);
        let ended = loop {
            if let Some(ended) = child.try_wait4().context(|| "wait for selfheal".to_owned())? {
                break ended;
            }
            if start.elapsed() >= RUN_MAX {
                let _ = child.kill();
                let _ = child.wait();
                return Err(too_long());
            }
            thread::sleep(Duration::from_millis(1));
        };
        let wall = start.elapsed();
        self.proxy.settle()?;
        self.note(arguments);
        let output = output.join();
        Ok(Run {
            code: ended.status.code(),
            stdout: output.0,
            stderr: output.1,
            wall,
            peak_bytes: ended.rusage.maxrss,
        })
    }

    /// The actions that each command of `selfheal` has called in this world, and those of instances under `instance`.
    pub fn called(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what the log holds: the operator's calls are those of the command that runs, and the log is new for each.
    fn note(&self, arguments: &[&str]) {
        let command = arguments.first().copied().unwrap_or_default();
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.proxy.log();
        for (caller, whose) in [(Caller::Operator, command), (Caller::Instance, "instance")] {
            let actions = log::of(&log, caller).map(|entry| entry.call.to_string());
            called.entry(whose.to_owned()).or_default().extend(actions);
        }
    }

    /// Runs `selfheal` without latency or faults and expects this exit code.
    pub fn expect(&self, arguments: &[&str], code: i32) -> TaskResult<Run> {
        let run = self.run(arguments, Duration::ZERO, Vec::new())?;
        as_expected(arguments, code, run)
    }

    /// Runs `selfheal` with faults and kills it when one asks for that. Answers whether it was killed.
    pub fn run_to_kill(&self, arguments: &[&str], faults: Faults) -> TaskResult<bool> {
        self.proxy.begin(Duration::ZERO, faults);
        let mut child = self.spawn(arguments, Stdio::null())?;
        let output = gather(&mut child);
        let deadline = Instant::now() + RUN_MAX;
        let killed = loop {
            if self.proxy.await_kill(Duration::from_millis(5)) {
                // SIGKILL, which leaves the program no last word.
                child.kill().context(|| "kill selfheal".to_owned())?;
                break true;
            }
            if child.try_wait().context(|| "wait for selfheal".to_owned())?.is_some() {
                break false;
            }
            if Instant::now() >= deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(too_long());
            }
        };
        let status = child.wait().context(|| "wait for selfheal".to_owned())?;
        self.proxy.settle()?;
        let (stdout, stderr) = output.join();
        if !killed && !status.success() {
            return Err(TaskError::Failed(format!(
                "selfheal ended with {status}\n{stdout}\n{stderr}"
            )));
        }
        Ok(killed)
    }

    fn spawn(&self, arguments: &[&str], input: Stdio) -> TaskResult<Child> {
        let home: PathBuf = self.folder().join("home");
        fs::create_dir_all(&home).context(|| "make a home".to_owned())?;
        Command::new(workspace::selfheal())
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin")
            .env("NO_COLOR", "1")
            .env("AWS_ACCESS_KEY_ID", self.proxy.operator_key())
            .env("AWS_SECRET_ACCESS_KEY", "example-of-a-secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.proxy.url())
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(|| "start selfheal".to_owned())
    }
}

impl Run {
    /// Everything it printed, for a message.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout.trim(), self.stderr.trim())
    }
}

fn as_expected(arguments: &[&str], code: i32, run: Run) -> TaskResult<Run> {
    if run.code == Some(code) {
        return Ok(run);
    }
    Err(TaskError::Failed(format!(
        "selfheal {} ended with {:?}, not {code}\n{}",
        arguments.join(" "),
        run.code,
        run.text()
    )))
}

/// The example with a setup script, and some of the defaults written out.
fn spec() -> String {
    let defaults = EXAMPLE
        .replace("\n\n[data]", "\nroot_size = \"8GiB\"\n\n[data]")
        .replace("\n\n[dns]", "\nfilesystem = \"xfs\"\n\n[dns]");
    defaults + "ttl = 60\n\n[app]\nsetup = \"setup.sh\"\n"
}

fn too_long() -> TaskError {
    TaskError::failed(format!("selfheal did not end within {} s", RUN_MAX.as_secs()))
}

/// Reads both streams of a child while it runs, so that it never waits for us.
struct Gathered(thread::JoinHandle<String>, thread::JoinHandle<String>);

impl Gathered {
    fn join(self) -> (String, String) {
        (self.0.join().unwrap_or_default(), self.1.join().unwrap_or_default())
    }
}

fn gather(child: &mut Child) -> Gathered {
    fn reader(stream: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                // What was read before an error is still what the program said.
                let _ = stream.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    Gathered(reader(child.stdout.take()), reader(child.stderr.take()))
}
