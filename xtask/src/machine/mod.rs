//! A machine without root: runs an instance's own user data, unmodified, as cloud-init would.
//!
//! The boot program finds everything below `SELFHEAL_ROOT` and talks to the endpoints in its environment, which are the
//! only two things that differ from a real boot. Commands that need root or packages that not every machine has are
//! stood in for by the scripts in `stubs/`, which come first on the PATH. The boot lab runs the real ones, as root.

pub mod devices;
pub mod metadata;
pub mod user_data;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, TaskError, TaskResult};
use crate::fake::inventory::Instance;
use crate::imds::Imds;
use crate::world::World;
use devices::Devices;

/// How long a boot may take. It takes a second or two; a machine under load gets the rest.
const BOOT_MAX: Duration = Duration::from_secs(90);
/// The unit whose end ends the boot.
const BOOT_UNIT: &str = "selfheal-boot.service";

/// The commands that are stood in for.
const STUBS: [(&str, &str); 10] = [
    ("blkid", include_str!("stubs/blkid")),
    ("blockdev", include_str!("stubs/blockdev")),
    ("journalctl", include_str!("stubs/journalctl")),
    ("mkfs.xfs", include_str!("stubs/mkfs.xfs")),
    ("mount", include_str!("stubs/mount")),
    ("systemctl", include_str!("stubs/systemctl")),
    ("umount", include_str!("stubs/umount")),
    ("wipefs", include_str!("stubs/wipefs")),
    ("xfs_admin", include_str!("stubs/xfs_admin")),
    ("xfs_growfs", include_str!("stubs/xfs_growfs")),
];

/// A machine that has booted; dropping it cuts its power.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    // Held for what their dropping does, in this order: the processes end before what they talk to.
    processes: Processes,
    imds: Imds,
    _devices: Devices,
}

/// A group of processes, killed together when this is dropped.
#[derive(Debug)]
struct Processes(Child);

impl Drop for Processes {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

impl Machine {
    /// Boots the instance: fetches its user data from moto, runs it, and waits until its boot unit has ended.
    ///
    /// # Errors
    /// Fails with the end of the boot's output when the boot unit fails.
    pub fn boot(world: &World, instance: &Instance) -> TaskResult<Self> {
        let root = world.folder().join(&instance.id);
        make_root(&root, world)?;
        let script = root.join("user-data");
        fs::write(&script, user_data::fetch(world.aws(), &instance.id)?).context(|| "write user data".to_owned())?;
        make_executable(&script)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(|| "listen for metadata".to_owned())?;
        let imds = Imds::start(listener, Some(metadata::live(world, instance)))?;
        imds.publish(Ipv4Addr::LOCALHOST.into(), metadata::of(world, instance));
        let devices = Devices::follow(world, &instance.id, &root);
        let processes = Processes(start(&script, &root, world, &imds)?);
        let mut machine = Self {
            root,
            processes,
            imds,
            _devices: devices,
        };
        machine.await_boot()?;
        Ok(machine)
    }

    /// A file of the machine as text.
    pub fn read(&self, path: &str) -> TaskResult<String> {
        let path = self.root.join(path.trim_start_matches('/'));
        fs::read_to_string(&path).context(|| format!("read {}", path.display()))
    }

    /// How many requests to the metadata service came without a valid token.
    pub fn unauthorised_reads(&self) -> usize {
        self.imds.refused()
    }

    fn await_boot(&mut self) -> TaskResult<()> {
        let deadline = Instant::now() + BOOT_MAX;
        let ended = self.root.join(format!("run/units/{BOOT_UNIT}.exit"));
        loop {
            if let Ok(status) = fs::read_to_string(&ended) {
                if status.trim() == "0" {
                    return Ok(());
                }
                return Err(self.failure(&format!("the boot unit ended with status {}", status.trim())));
            }
            let script = self
                .processes
                .0
                .try_wait()
                .context(|| "wait for user data".to_owned())?;
            if script.is_some_and(|status| !status.success()) {
                return Err(self.failure("user data failed"));
            }
            if Instant::now() >= deadline {
                return Err(self.failure(&format!("the boot unit did not end within {} s", BOOT_MAX.as_secs())));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn failure(&self, what: &str) -> TaskError {
        let mut text = what.to_owned();
        for file in [
            "user-data.output",
            "run/units/selfheal-boot.service.output",
            "var/log/selfheal/setup.log",
        ] {
            let output = fs::read_to_string(self.root.join(file)).unwrap_or_default();
            if !output.trim().is_empty() {
                text.push_str(&format!("\n{file}:\n{}", output.trim()));
            }
        }
        TaskError::Failed(text)
    }
}

fn start(script: &Path, root: &Path, world: &World, imds: &Imds) -> TaskResult<Child> {
    let output = fs::File::create(root.join("user-data.output")).context(|| "make the console".to_owned())?;
    let errors = output.try_clone().context(|| "make the console".to_owned())?;
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        root.join("stubs").display()
    );
    Command::new(script)
        .env_clear()
        .env("PATH", path)
        .env("HOME", root)
        .env("SELFHEAL_ROOT", root)
        .env("AWS_ENDPOINT_URL", world.proxy().url())
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url())
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context(|| "start user data".to_owned())
}

/// Makes the machine's root: what an image brings, and the stubs.
fn make_root(root: &Path, world: &World) -> TaskResult<()> {
    // A machine that boots again finds its disk as it was, and nothing of what ran.
    let _ = fs::remove_dir_all(root.join("run"));
    for folder in [
        "dev",
        "etc",
        "run",
        "stubs",
        "sys/class/nvme",
        "tmp",
        "usr/local/lib",
        "var/lib",
        "var/log",
    ] {
        fs::create_dir_all(root.join(folder)).context(|| format!("make /{folder} of a machine"))?;
    }
    fs::create_dir_all(world.folder().join("volumes")).context(|| "make the folder of volumes".to_owned())?;
    for (name, text) in STUBS {
        let path = root.join("stubs").join(name);
        fs::write(&path, text).context(|| format!("write the stub of {name}"))?;
        make_executable(&path)?;
    }
    Ok(())
}

fn make_executable(path: &Path) -> TaskResult<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .context(|| format!("make {} executable", path.display()))
}
