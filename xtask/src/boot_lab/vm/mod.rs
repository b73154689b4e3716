//! A virtual machine under QEMU, in software: a kernel of its own, udev, and NVMe devices that come and go.
//!
//! It is a child of the scenario's process and lives in the scenario's namespaces, so it ends with them.

mod qmp;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use self::qmp::Qmp;
use super::command::{output, run, wait_for};
use super::config::LabConfig;
use super::disk::Disk;
use super::identity::Identity;
use super::image::Image;
use crate::error::{Context, TaskError, TaskResult};

/// Memory of a machine in MiB: a t3.micro has as much, less what EC2 keeps.
const MEMORY_MIB: u32 = 960;
/// As many as a t3.micro has.
const PROCESSORS: u32 = 2;
/// The kernel's command line. As on EC2 the root is an NVMe device too, and a request to one never times out; names of
/// interfaces are the plain ones, as on the lab's other machines.
const COMMAND_LINE: &str = "root=/dev/nvme0n1 rootfstype=ext4 rootwait ro console=ttyS0 net.ifnames=0 \
                            nvme_core.io_timeout=4294967295";

/// An hour, which is longer than any scenario lasts.
const STALL_NS: u64 = 3_600_000_000_000;
/// The error of a disk that cannot be read or written.
const EIO: u32 = 5;

/// A virtual machine: off, or running.
#[derive(Debug)]
pub struct Vm {
    image: Image,
    identity: Identity,
    logs: PathBuf,
    /// What it has written to its root disk.
    overlay: PathBuf,
    running: Option<Running>,
    slots: Vec<Slot>,
    /// Names are never used twice: QEMU keeps a device's name until the guest has let go of it.
    next_slot: u32,
}

#[derive(Debug)]
struct Running {
    child: Child,
    qmp: Qmp,
}

/// A volume that is plugged in.
#[derive(Clone, Debug)]
struct Slot {
    volume: String,
    file: PathBuf,
    bytes: u64,
    number: u32,
    health: Health,
}

/// How a volume does what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Works,
    /// Whatever is done with it fails.
    Fails,
    /// Whatever is done with it never ends.
    Stalls,
}

impl Vm {
    /// Prepares a machine; nothing runs yet.
    pub fn prepare(config: &LabConfig, image: &Image, identity: Identity) -> TaskResult<Self> {
        let overlay = config.memory.join(format!("{}.qcow2", identity.instance));
        output(
            Command::new("qemu-img")
                .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
                .arg(&image.root)
                .arg(&overlay),
        )?;
        Ok(Self {
            image: image.clone(),
            identity,
            logs: config.logs.clone(),
            overlay,
            running: None,
            slots: Vec::new(),
            next_slot: 1,
        })
    }

    /// Who it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The log of its console.
    pub fn console(&self) -> PathBuf {
        self.logs.join(format!("console-{}.log", self.identity.instance))
    }

    /// Switches it on.
    pub fn power_on(&mut self) -> TaskResult<()> {
        self.kill()?;
        let port = self.identity.interface();
        run(&["ip", "tuntap", "add", "dev", &port, "mode", "tap"])?;
        run(&["ip", "link", "set", &port, "master", "br0", "up"])?;
        // Below /run, which is the scenario's own: the path of a socket must be short.
        let socket = PathBuf::from(format!("/run/{port}.qmp"));
        let _ = fs::remove_file(&socket);
        let log = self.logs.join(format!("qemu-{}.log", self.identity.instance));
        let log = OpenOptions::new().append(true).create(true).open(&log);
        let log = log.context(|| "open the log of QEMU".to_owned())?;
        let mut command = self.command(&port, &socket);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut child = child.context(|| "start QEMU".to_owned())?;
        let qmp = wait_for("answer of QEMU", Duration::from_secs(30), || {
            if let Some(status) = child.try_wait().context(|| "wait for QEMU".to_owned())? {
                return Err(TaskError::failed(format!("QEMU ended with {status}")));
            }
            Ok(Qmp::connect(&socket).ok())
        });
        match qmp {
            Ok(qmp) => self.running = Some(Running { child, qmp }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        }
        for slot in self.slots.clone() {
            self.insert(&slot)?;
        }
        self.tell("cont", &json!({})).map(drop)
    }

    /// QEMU's command line. It starts halted, so that volumes are there from the first moment.
    fn command(&self, port: &str, socket: &Path) -> Command {
        let Identity { number, .. } = self.identity;
        let (mac, uuid) = (self.identity.mac(), self.identity.uuid());
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-no-user-config", "-nodefaults", "-display", "none", "-S"]);
        // KVM may be there and not work, so nothing asks for it. Volumes come and go by ACPI, as on EC2.
        command.args(["-machine", "pc", "-accel", "tcg", "-cpu", "qemu64,+rdrand"]);
        command.args(["-smp", &PROCESSORS.to_string(), "-m", &format!("{MEMORY_MIB}M")]);
        command.arg("-kernel").arg(&self.image.kernel);
        command.args(["-append", COMMAND_LINE]);
        command.args([
            "-smbios",
            &format!("type=1,manufacturer=Amazon EC2,product=t3.micro,serial={uuid},uuid={uuid}"),
        ]);
        command.args(["-smbios", "type=3,asset=Amazon EC2"]);
        command.args([
            "-chardev",
            &format!("file,id=console,append=on,path={}", option_path(&self.console())),
        ]);
        command.args(["-serial", "chardev:console"]);
        command.args(["-qmp", &format!("unix:{},server=on,wait=off", option_path(socket))]);
        let root = json!({
            "node-name": "root", "driver": "qcow2", "file": { "driver": "file", "filename": &self.overlay },
        });
        command.args(["-blockdev", &root.to_string()]);
        command.args(["-device", &format!("nvme,drive=root,serial=vol{number:017x}")]);
        command.args(["-netdev", &format!("tap,id=net,ifname={port},script=no,downscript=no")]);
        command.args(["-device", &format!("virtio-net-pci,netdev=net,mac={mac},romfile=")]);
        command
    }

    /// Whether QEMU runs. It ends when the machine switches itself off, and goes on when it reboots.
    pub fn is_on(&mut self) -> bool {
        self.running
            .as_mut()
            .is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Presses the power button; what follows is the machine's affair.
    pub fn press_power(&mut self) -> TaskResult<()> {
        if !self.is_on() {
            return Ok(());
        }
        match self.tell("system_powerdown", &json!({})) {
            // It may have switched itself off in the meantime.
            Err(_) if !self.is_on() => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Resets it without warning, as the button would: its memory is lost, its devices stay.
    pub fn reset(&mut self) -> TaskResult<()> {
        self.tell("system_reset", &json!({})).map(drop)
    }

    /// SIGKILL to QEMU: what the machine had not written to its disks is lost with its memory.
    pub fn kill(&mut self) -> TaskResult<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        // It may have ended by itself in the meantime.
        let _ = running.child.kill();
        running.child.wait().context(|| "wait for QEMU".to_owned())?;
        run(&["ip", "link", "delete", &self.identity.interface()]).map(drop)
    }

    fn tell(&mut self, command: &str, arguments: &Value) -> TaskResult<Value> {
        let running = self.running.as_mut();
        running
            .ok_or_else(|| TaskError::failed(format!("{} is off", self.identity.instance)))?
            .qmp
            .execute(command, arguments)
    }

    /// Plugs a volume in, with its id as the serial.
    pub fn plug(&mut self, volume: &str, disk: &Disk) -> TaskResult<()> {
        let file = disk.path();
        let bytes = fs::metadata(&file)
            .context(|| format!("look at {}", file.display()))?
            .len();
        let slot = Slot {
            volume: volume.to_owned(),
            file,
            bytes,
            number: self.next_slot,
            health: Health::Works,
        };
        self.next_slot += 1;
        if self.is_on() {
            self.insert(&slot)?;
        }
        self.slots.push(slot);
        Ok(())
    }

    /// The file is locked: QEMU refuses it to a second machine.
    fn insert(&mut self, slot: &Slot) -> TaskResult<()> {
        let Slot { file, number, .. } = slot;
        let (below, node) = (format!("file{number}"), format!("disk{number}"));
        let file = json!({ "node-name": below, "driver": "file", "filename": file, "locking": "on" });
        self.tell("blockdev-add", &file)?;
        let raw = json!({ "node-name": node, "driver": "raw", "file": below });
        self.tell("blockdev-add", &raw)?;
        let serial = slot.volume.replacen('-', "", 1);
        let device = json!({ "driver": "nvme", "id": format!("nvme{number}"), "drive": node, "serial": serial });
        self.tell("device_add", &device).map(drop)
    }

    /// Takes a volume away, whether the machine is ready for that or not: from one moment to the next whatever it reads
    /// or writes fails, and then the device is ejected. One that stalls stays: QEMU would wait for its requests.
    pub fn unplug_disk(&mut self, volume: &str) -> TaskResult<()> {
        if self.is_on() {
            self.break_disk(volume)?;
        }
        let Some(at) = self.slots.iter().position(|slot| slot.volume == volume) else {
            return Ok(());
        };
        let Slot { number, health, .. } = self.slots.remove(at);
        if health == Health::Stalls || !self.is_on() {
            return Ok(());
        }
        let device = json!({ "id": format!("nvme{number}") });
        self.tell("device_del", &device).map(drop)
    }

    /// Lets every read, write and flush of a volume fail from now on.
    pub fn break_disk(&mut self, volume: &str) -> TaskResult<()> {
        let errors = ["read", "write", "flush"]
            .map(|kind| json!({ "event": "none", "iotype": kind, "errno": EIO, "once": false, "immediately": true }));
        self.spoil(volume, Health::Fails, |bytes| {
            json!({
                "driver": "blkdebug", "inject-error": errors, "image": { "driver": "null-co", "size": bytes },
            })
        })
    }

    /// Lets every read, write and flush of a volume wait from now on, for longer than anybody looks.
    pub fn stall_disk(&mut self, volume: &str) -> TaskResult<()> {
        self.spoil(
            volume,
            Health::Stalls,
            |bytes| json!({ "driver": "null-co", "size": bytes, "latency-ns": STALL_NS }),
        )
    }

    /// Puts something else in the place of a volume's file, which is free for the next machine from now on, whatever this
    /// one does.
    fn spoil(&mut self, volume: &str, health: Health, instead: impl FnOnce(u64) -> Value) -> TaskResult<()> {
        let mut slots = self.slots.iter_mut();
        let slot = slots.find(|slot| slot.volume == volume && slot.health == Health::Works);
        let Some(slot) = slot else { return Ok(()) };
        slot.health = health;
        let Slot { number, bytes, .. } = *slot;
        let name = format!("instead{number}");
        let mut instead = instead(bytes);
        instead["node-name"] = json!(name);
        self.tell("blockdev-add", &instead)?;
        let raw = json!({ "node-name": format!("disk{number}"), "driver": "raw", "file": name });
        self.tell("blockdev-reopen", &json!({ "options": [raw] }))?;
        let file = json!({ "node-name": format!("file{number}") });
        self.tell("blockdev-del", &file).map(drop)
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A path as a value among options, where a comma ends the value unless it is doubled.
fn option_path(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}
