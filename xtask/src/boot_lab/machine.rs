//! A machine without a virtual machine: an overlay, namespaces and a real systemd as its first process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fmt, thread};

use rustix::fs::{AtFlags, CWD, FileType, Mode, chmodat, makedev, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::command::{output, run, wait_for};
use super::config::LabConfig;
use super::disk::{Disk, Loop};
use super::identity::Identity;
use crate::error::{Context, TaskError, TaskResult};

/// A machine: off, or running.
pub struct Machine {
    config: LabConfig,
    identity: Identity,
    home: PathBuf,
    running: Option<Running>,
    disks: Vec<(String, Loop)>,
    /// Devices that were taken away and may still be mounted.
    former: Vec<(String, Loop)>,
    /// The disk of the root file system, where it has one.
    root_disk: Option<Disk>,
    root_device: Option<Loop>,
}

struct Running {
    child: Child,
    init: Pid,
    _terminal: OwnedFd,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Machine {
    /// Prepares a machine; nothing runs yet.
    pub fn prepare(config: &LabConfig, identity: Identity) -> TaskResult<Self> {
        let home = config.memory.join(identity.instance.as_str());
        for folder in [
            "root",
            "disk",
            "dev/pts",
            "dev/shm",
            "sys/class/dmi/id",
            "sys/class/nvme",
        ] {
            make_folder(&home.join(folder))?;
        }
        let root_disk = match &config.root_template {
            Some(template) => Some(Disk::copy(&home, "root", template)?),
            None => None,
        };
        let mut machine = Self {
            config: config.clone(),
            identity,
            home,
            running: None,
            disks: Vec::new(),
            former: Vec::new(),
            root_disk,
            root_device: None,
        };
        machine.mount_root()?;
        machine.furnish()?;
        Ok(machine)
    }

    /// Mounts the root file system: an overlay whose upper half is in memory, or on a disk that can lose its power.
    fn mount_root(&mut self) -> TaskResult<()> {
        let disk = self.home.join("disk");
        if let Some(root_disk) = &self.root_disk {
            let device = root_disk.attach()?;
            output(
                Command::new("mount")
                    .args(["-t", "ext4", "-o", "noatime"])
                    .arg(device.path())
                    .arg(&disk),
            )?;
            self.root_device = Some(device);
        }
        let (upper, work) = (disk.join("upper"), disk.join("work"));
        make_folder(&upper)?;
        // What an overlay that was cut off has left in its work folder is of no use.
        let _ = fs::remove_dir_all(&work);
        make_folder(&work)?;
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            self.config.rootfs.display(),
            upper.display(),
            work.display()
        );
        output(
            Command::new("mount")
                .args(["-t", "overlay", "-o", &options, "overlay"])
                .arg(self.root()),
        )
        .map(drop)
    }

    /// Cuts the power: these volumes, and a root disk, keep what was written to them so far.
    pub fn cut_power<'a>(&mut self, volumes: impl Iterator<Item = &'a mut Disk>) -> TaskResult<()> {
        self.freeze()?;
        for volume in volumes {
            volume.power_cut()?;
        }
        if let Some(disk) = &mut self.root_disk {
            disk.power_cut()?;
        }
        self.kill()?;
        if self.root_disk.is_none() {
            return Ok(());
        }
        run(&["umount", &self.root().to_string_lossy()])?;
        run(&["umount", &self.home.join("disk").to_string_lossy()])?;
        self.root_device = None;
        self.mount_root()
    }

    /// A file of the lab's in the machine's /dev, which is there before it is switched on and outlasts it.
    pub fn signal_file(&self, name: &str) -> PathBuf {
        self.home.join("dev").join(name)
    }

    /// Makes what the kernel and the hardware would show.
    fn furnish(&self) -> TaskResult<()> {
        let dev = self.home.join("dev");
        for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
            make_node(&dev.join(name), FileType::CharacterDevice, (1, minor))?;
        }
        make_node(&dev.join("tty"), FileType::CharacterDevice, (5, 0))?;
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "fd/0"),
            ("stdout", "fd/1"),
            ("stderr", "fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            let link = dev.join(name);
            std::os::unix::fs::symlink(target, &link).context(|| format!("link {}", link.display()))?;
        }
        write(&dev.join("console"), "")?;
        // EC2's DMI: cloud-init and its detection look at these four.
        let uuid = self.identity.uuid();
        let dmi = self.home.join("sys/class/dmi/id");
        for (name, text) in [
            ("product_uuid", uuid.as_str()),
            ("product_serial", &uuid),
            ("sys_vendor", "Amazon EC2"),
            ("product_name", "t3.micro"),
            ("chassis_asset_tag", "Amazon EC2"),
        ] {
            write(&dmi.join(name), &format!("{text}\n"))?;
        }
        write(&self.home.join("cmdline"), "root=/dev/vda1 ro console=ttyS0\n")?;
        let name = self.identity.ip().to_string().replace('.', "-");
        write(&self.home.join("root/etc/hostname"), &format!("ip-{name}\n"))
    }

    /// Who it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its root file system, as the lab sees it. What it mounts is not seen here.
    pub fn root(&self) -> PathBuf {
        self.home.join("root")
    }

    /// The log of its console.
    pub fn console(&self) -> PathBuf {
        self.config.logs.join(format!("console-{}.log", self.identity.instance))
    }

    /// The process number of its systemd, in the lab.
    pub fn init(&self) -> Option<u32> {
        self.running
            .as_ref()
            .and_then(|running| u32::try_from(running.init.as_raw_nonzero().get()).ok())
    }

    /// Switches it on.
    pub fn power_on(&mut self) -> TaskResult<()> {
        let cgroup = self.cgroup();
        make_folder(&cgroup)?;
        self.plug_network()?;
        let (terminal, console) = self.open_console()?;
        let script = "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).arg(&cgroup).arg("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.identity.namespace()));
        command.args([
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--uts",
            "--ipc",
            "--cgroup",
        ]);
        command.args([
            "/bin/bash",
            "-c",
            include_str!("../../boot-lab/machine-init.sh"),
            "machine-init",
        ]);
        command
            .arg(self.home.join("root"))
            .arg(self.home.join("dev"))
            .arg(self.home.join("sys"));
        command.arg(self.home.join("cmdline")).arg(&console);
        let log = OpenOptions::new().append(true).create(true).open(self.console());
        let log = log.context(|| "open the console's log".to_owned())?;
        let log_too = log.try_clone().context(|| "open the console's log".to_owned())?;
        command.stdin(Stdio::null()).stdout(log).stderr(log_too);
        let mut child = command.spawn().context(|| "start a machine".to_owned())?;
        let init = match self.find_init(&mut child) {
            Ok(init) => init,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        self.running = Some(Running {
            child,
            init,
            _terminal: terminal,
        });
        Ok(())
    }

    fn find_init(&self, child: &mut Child) -> TaskResult<Pid> {
        let list = format!("/proc/{0}/task/{0}/children", child.id());
        wait_for("first process of the machine", Duration::from_secs(10), || {
            if let Some(status) = child.try_wait().context(|| "wait for a machine".to_owned())? {
                let console = fs::read_to_string(self.console()).unwrap_or_default();
                return Err(TaskError::failed(format!(
                    "the machine did not start: {status}: {console}"
                )));
            }
            let children = fs::read_to_string(&list).unwrap_or_default();
            let first = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
            Ok(first.and_then(Pid::from_raw))
        })
    }

    /// A terminal as the console: systemd wants one. What it says goes to the log.
    fn open_console(&self) -> TaskResult<(OwnedFd, PathBuf)> {
        let fault = |error: rustix::io::Errno| TaskError::failed(format!("no terminal for the console: {error}"));
        let main = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(fault)?;
        grantpt(&main).map_err(fault)?;
        unlockpt(&main).map_err(fault)?;
        let path = ptsname(&main, Vec::new()).map_err(fault)?;
        let path = PathBuf::from(path.to_string_lossy().into_owned());
        // Held open, so that the log goes on between two writers.
        let held = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .context(|| "open the console".to_owned())?;
        let log = OpenOptions::new().append(true).create(true).open(self.console());
        let mut log = log.context(|| "open the console's log".to_owned())?;
        let mut main = File::from(main);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = main.read(&mut buffer) {
                let _ = log.write_all(&buffer[..read]);
            }
        });
        Ok((
            held.as_fd()
                .try_clone_to_owned()
                .context(|| "hold the console".to_owned())?,
            path,
        ))
    }

    /// Gives the machine a fresh interface. It must not have an address before DHCP gives it one.
    fn plug_network(&self) -> TaskResult<()> {
        let (namespace, host) = (self.identity.namespace(), self.identity.interface());
        run(&["ip", "netns", "add", &namespace])?;
        let mac = self.identity.mac();
        run(&[
            "ip", "link", "add", &host, "type", "veth", "peer", "name", "eth0", "address", &mac, "netns", &namespace,
        ])?;
        run(&["ip", "link", "set", &host, "master", "br0", "up"]).map(drop)
    }

    fn cgroup(&self) -> PathBuf {
        self.config
            .cgroups
            .join(format!("{}-{}", self.config.label, self.identity.instance))
    }

    /// Whether its first process is alive.
    pub fn is_on(&mut self) -> bool {
        self.running
            .as_mut()
            .is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Stops every process where it is, until [`kill`](Self::kill).
    fn freeze(&self) -> TaskResult<()> {
        write(&self.cgroup().join("cgroup.freeze"), "1")
    }

    fn thaw(&self) -> TaskResult<()> {
        write(&self.cgroup().join("cgroup.freeze"), "0")
    }

    /// SIGKILL to the first process, with which the kernel ends all the others.
    pub fn kill(&mut self) -> TaskResult<()> {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself in the meantime.
            let _ = kill_process(running.init, Signal::KILL);
            // What is above it in the same control group must not stay frozen: it collects the dead.
            let _ = self.thaw();
            running.child.wait().context(|| "wait for a machine".to_owned())?;
            self.former.clear();
            self.unplug()?;
        }
        Ok(())
    }

    /// Presses the power button; what follows is the machine's affair.
    pub fn press_power(&self) -> TaskResult<()> {
        if self.init().is_none() {
            return Ok(());
        }
        let mut command = self.command(&["systemctl", "poweroff"])?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.context(|| "press the power button".to_owned())?;
        thread::spawn(move || child.wait());
        Ok(())
    }

    /// Waits until the machine has switched itself off.
    pub fn await_off(&mut self, limit: Duration) -> TaskResult<()> {
        wait_for("power-off of the machine", limit, || Ok((!self.is_on()).then_some(())))?;
        if let Some(mut running) = self.running.take() {
            running.child.wait().context(|| "wait for a machine".to_owned())?;
        }
        self.unplug()
    }

    fn unplug(&self) -> TaskResult<()> {
        // The kernel clears a namespace away when it gets round to it, and the name of the interface must be free at once.
        run(&["ip", "link", "delete", &self.identity.interface()])?;
        run(&["ip", "netns", "delete", &self.identity.namespace()])?;
        let cgroup = self.cgroup();
        wait_for("end of the machine's control groups", Duration::from_secs(10), || {
            remove_cgroups(&cgroup);
            Ok((!cgroup.exists()).then_some(()))
        })
    }

    /// Runs a command inside, as the machine's own root would.
    pub fn command(&self, words: &[&str]) -> TaskResult<Command> {
        let init = self
            .init()
            .ok_or_else(|| TaskError::failed(format!("{} is off", self.identity.instance)))?;
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &init.to_string(),
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--root",
            "--wd",
        ]);
        command.args([
            "/usr/bin/env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]);
        command.args(words);
        Ok(command)
    }

    /// Shows a volume as an NVMe device, with the volume's id as its serial.
    pub fn plug(&mut self, volume: &str, device: Loop) -> TaskResult<()> {
        let taken: Vec<u32> = self.disks.iter().filter_map(|(id, _)| self.slot_of(id)).collect();
        let slot = (1..).find(|slot| !taken.contains(slot)).unwrap_or(1);
        make_node(
            &self.home.join(format!("dev/nvme{slot}n1")),
            FileType::BlockDevice,
            device.numbers(),
        )?;
        let folder = self.home.join(format!("sys/class/nvme/nvme{slot}"));
        make_folder(&folder)?;
        // The kernel pads the serial to twenty characters.
        write(
            &folder.join("serial"),
            &format!("{:<20}\n", volume.replacen('-', "", 1)),
        )?;
        self.disks.push((volume.to_owned(), device));
        Ok(())
    }

    fn slot_of(&self, volume: &str) -> Option<u32> {
        let serial = volume.replacen('-', "", 1);
        (1..=26).find(|slot| {
            let file = self.home.join(format!("sys/class/nvme/nvme{slot}/serial"));
            fs::read_to_string(file).is_ok_and(|text| text.trim() == serial)
        })
    }

    /// Takes a volume's device away.
    pub fn unplug_disk(&mut self, volume: &str) -> TaskResult<()> {
        if let Some(slot) = self.slot_of(volume) {
            let folder = self.home.join(format!("sys/class/nvme/nvme{slot}"));
            fs::remove_dir_all(&folder).context(|| format!("remove {}", folder.display()))?;
            let node = self.home.join(format!("dev/nvme{slot}n1"));
            fs::remove_file(&node).context(|| format!("remove {}", node.display()))?;
        }
        if let Some(at) = self.disks.iter().position(|(id, _)| id == volume) {
            self.former.push(self.disks.remove(at));
        }
        Ok(())
    }

    /// Lets go of devices that were taken away; nothing may have them mounted any more.
    pub fn discard_former(&mut self) {
        self.former.clear();
    }

    /// The loop device of a volume that is plugged in.
    pub fn disk(&self, volume: &str) -> Option<&Loop> {
        self.disks.iter().find(|(id, _)| id == volume).map(|(_, device)| device)
    }

    /// Whether it has this volume mounted, by whatever device it has or had.
    pub fn has_mounted(&self, volume: &str) -> bool {
        let Some(init) = self.init() else { return false };
        let table = fs::read_to_string(format!("/proc/{init}/mountinfo")).unwrap_or_default();
        self.disks
            .iter()
            .chain(&self.former)
            .filter(|(id, _)| id == volume)
            .any(|(_, device)| {
                let (major, minor) = device.numbers();
                table.contains(&format!(" {major}:{minor} "))
            })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = run(&["umount", "--lazy", &self.root().to_string_lossy()]);
        if self.root_device.is_some() {
            let _ = run(&["umount", "--lazy", &self.home.join("disk").to_string_lossy()]);
        }
    }
}

/// Removes a control group and those below it, the deepest first, as far as they are empty.
pub fn remove_cgroups(path: &Path) {
    if let Ok(entries) = fs::read_dir(path) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_cgroups(&entry.path());
            }
        }
    }
    let _ = fs::remove_dir(path);
}

fn make_folder(path: &Path) -> TaskResult<()> {
    fs::create_dir_all(path).context(|| format!("make {}", path.display()))
}

fn make_node(path: &Path, kind: FileType, (major, minor): (u32, u32)) -> TaskResult<()> {
    let mode = Mode::from_raw_mode(0o666);
    mknodat(CWD, path, kind, mode, makedev(major, minor))
        .map_err(io::Error::from)
        .context(|| format!("make {}", path.display()))?;
    // The umask of the task must not show in the machine.
    chmodat(CWD, path, mode, AtFlags::empty())
        .map_err(io::Error::from)
        .context(|| format!("change {}", path.display()))
}

fn write(path: &Path, text: &str) -> TaskResult<()> {
    fs::write(path, text).context(|| format!("write {}", path.display()))
}
