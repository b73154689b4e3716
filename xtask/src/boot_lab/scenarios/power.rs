//! The power is cut in the middle of a first boot, at a chosen command, and comes back.
//!
//! Root disk and data volume keep what was written to them until then; everything that the kernel still had in memory is
//! lost. What the program has persisted must be there, and the next boot has to end well.

use std::fs;
use std::time::Duration;

use selfheal_core::names::TAG_FIRST_USE;

use super::boots::served_bytes;
use super::faults::install;
use super::get;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{Context, TaskError, TaskResult};

/// Halts the program before the command that the lab names, or counts its commands.
const TRAP: &str = include_str!("../../../boot-lab/halt-trap.sh");
const DROP_IN: &str = "[Service]\nEnvironment=BASH_ENV=/usr/local/lib/halt-trap.sh\n";

pub fn cut_often(lab: &mut Lab) -> TaskResult<()> {
    cut(lab, 24)
}

pub fn cut_sampled(lab: &mut Lab) -> TaskResult<()> {
    cut(lab, 3)
}

fn cut(lab: &mut Lab, times: usize) -> TaskResult<()> {
    lab.use_root_disks()?;
    let cloud = lab.prepare(&Options {
        volume_mib: 32,
        ..Options::default()
    })?;
    cloud.set_boots(false);
    cloud.run();
    let commands = undisturbed(&cloud)?;
    let mut refused = 0;
    for at in 1..=times {
        let command = commands * at / (times + 1);
        let about = |error: TaskError| TaskError::failed(format!("cut at command {command} of {commands}: {error}"));
        refused += usize::from(!cut_at(&cloud, at + 1, command).map_err(about)?);
    }
    let whole = times - refused;
    lab.note(format!(
        "{times} of {commands} commands: {whole} boots converged, {refused} half-made filesystems refused"
    ));
    // mkfs and its flush are two commands out of a thousand.
    ensure(refused <= 1, || format!("{refused} volumes were refused"))
}

/// Boots the first instance to the end, and answers how many commands that took.
fn undisturbed(cloud: &Cloud) -> TaskResult<usize> {
    let id = fresh_instance(cloud, 1, 0)?;
    cloud.await_in_service(1, 90)?;
    served_bytes(cloud)?;
    cloud.await_console(&id, "boot is done", 30)?;
    let path = cloud.machine(&id, |machine| Ok(machine.signal_file("lab-commands")))?;
    let count = fs::read_to_string(&path).context(|| "read the count of commands".to_owned())?;
    cloud.cut_power(&id)?;
    cloud.sim.kill_instance(&id);
    count
        .trim()
        .parse()
        .map_err(|error| TaskError::malformed("the count of commands", error))
}

/// The `nth` instance of the group, switched on with a blank volume; it halts before the command.
fn fresh_instance(cloud: &Cloud, nth: usize, command: usize) -> TaskResult<String> {
    let id = cloud.await_launched(nth, 60)?;
    cloud.await_machine(&id, 10)?;
    cloud.blank_disk()?;
    cloud.sim.tamper(|world| {
        if let Some(record) = world.volumes.get_mut(&cloud.stack.volume_id) {
            record.volume.tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned());
        }
    });
    let (root, halt) = cloud.machine(&id, |machine| Ok((machine.root(), machine.signal_file("lab-halt-at"))))?;
    let folder = root.join("etc/systemd/system/selfheal-boot.service.d");
    fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
    install(cloud, &id, "usr/local/lib/halt-trap.sh", TRAP)?;
    install(
        cloud,
        &id,
        "etc/systemd/system/selfheal-boot.service.d/trap.conf",
        DROP_IN,
    )?;
    fs::write(&halt, command.to_string()).context(|| format!("write {}", halt.display()))?;
    // What the image holds was on the disk before the machine was switched on.
    crate::boot_lab::command::run(&["sync", "--file-system", &folder.to_string_lossy()])?;
    cloud.power_on(&id)?;
    Ok(id)
}

/// Cuts the power before this command; answers whether the next boot converged, or else refused what mkfs had half made.
fn cut_at(cloud: &Cloud, nth: usize, command: usize) -> TaskResult<bool> {
    let id = fresh_instance(cloud, nth, command)?;
    let (halt, halted) = cloud.machine(&id, |machine| {
        Ok((machine.signal_file("lab-halt-at"), machine.signal_file("lab-halted")))
    })?;
    wait_for("halt", Duration::from_secs(60), || Ok(halted.exists().then_some(())))?;
    let before = get(cloud, "/birth").ok();
    cloud.cut_power(&id)?;
    fs::remove_file(&halt).context(|| format!("remove {}", halt.display()))?;
    cloud.power_on(&id)?;
    let console = cloud.machine(&id, |machine| Ok(machine.console()))?;
    let converged = wait_for("end of the boot after the cut", Duration::from_secs(90), || {
        let text = String::from_utf8_lossy(&fs::read(&console).unwrap_or_default()).into_owned();
        let in_service = cloud.await_in_service(nth, 0).is_ok();
        Ok(if in_service {
            Some(true)
        } else {
            text.contains("refused").then_some(false)
        })
    })?;
    if converged {
        let after = served_bytes(cloud)?;
        ensure(before.is_none_or(|before| before == after), || {
            "what was served before the cut is lost".to_owned()
        })?;
        ensure(cloud.address_holder().as_ref() == Some(&id), || {
            "the address is elsewhere".to_owned()
        })?;
        cloud.cut_power(&id)?;
    }
    cloud.sim.kill_instance(&id);
    Ok(converged)
}

pub fn grow(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 20)?;
    let size = || -> TaskResult<u64> {
        let text = cloud.run_in(&id, &["df", "--output=size", "--block-size=1M", "/srv/data"])?;
        let number = text.lines().last().unwrap_or_default().trim().to_owned();
        number
            .parse()
            .map_err(|error| TaskError::malformed("the size of the filesystem", error))
    };
    let small = size()?;
    cloud.run_in(&id, &["systemctl", "poweroff"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.disk(|disk| disk.resize(256 << 20))?;
    cloud.power_on(&id)?;
    wait_for("larger filesystem", Duration::from_secs(60), || {
        Ok(size().ok().filter(|large| *large > 3 * small))
    })?;
    ensure(served_bytes(&cloud)? == before, || "the bytes have changed".to_owned())
}
