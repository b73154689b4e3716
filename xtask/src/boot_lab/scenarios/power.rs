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
use crate::boot_lab::command::{ensure, run, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{Context, TaskError, TaskResult};

/// Halts the program before the command that the lab names, or counts its commands.
const TRAP: &str = include_str!("../../../boot-lab/halt-trap.sh");
const DROP_IN: &str = "[Service]\nEnvironment=BASH_ENV=/usr/local/lib/halt-trap.sh\n";

/// At every command that makes something last: the persisted writes, and the formatting.
pub fn cut_at_writes(lab: &mut Lab) -> TaskResult<()> {
    cut(lab, |_, lasting| lasting.to_vec())
}

/// At three commands, wherever they fall.
pub fn cut_sampled(lab: &mut Lab) -> TaskResult<()> {
    cut(lab, |commands, _| (1..=3).map(|at| commands * at / 4).collect())
}

/// Cuts the power at commands that are chosen from how many there are, and from those that make something last.
fn cut(lab: &mut Lab, choose: fn(usize, &[usize]) -> Vec<usize>) -> TaskResult<()> {
    let cloud = cloud_of_disks(lab)?;
    let (commands, lasting) = undisturbed(&cloud)?;
    ensure(lasting.len() > 10, || format!("only {lasting:?} make something last"))?;
    let chosen = choose(commands, &lasting);
    for (at, command) in chosen.iter().enumerate() {
        let about = |error: TaskError| TaskError::failed(format!("cut at command {command} of {commands}: {error}"));
        cut_at(&cloud, at + 2, *command).map_err(about)?;
    }
    lab.note(format!(
        "{} of {commands} commands: every next boot converged",
        chosen.len()
    ));
    Ok(())
}

/// A cloud whose machines have disks that can lose their power, and are switched on by hand.
fn cloud_of_disks(lab: &mut Lab) -> TaskResult<Cloud> {
    lab.use_root_disks()?;
    let cloud = lab.prepare(&Options {
        volume_mib: 32,
        ..Options::default()
    })?;
    cloud.set_boots(false);
    cloud.run();
    Ok(cloud)
}

/// The power is cut while mkfs is at work, and what has reached the volume is not a filesystem, or only looks like one.
/// The next boot, on the same instance or on the next, formats again.
pub fn cut_in_mkfs(lab: &mut Lab) -> TaskResult<()> {
    let cloud = cloud_of_disks(lab)?;
    let mut nth = 1;
    for (what, left) in HALF_MADE {
        for replaced in [false, true] {
            let about = |error: TaskError| TaskError::failed(format!("{what}, replaced: {replaced}: {error}"));
            half_made(&cloud, &mut nth, left, replaced).map_err(about)?;
            nth += 1;
        }
    }
    lab.note("no superblock or nothing else, on the same instance or the next: formatted again");
    Ok(())
}

/// What is left of the filesystem when the power is cut, as a command that takes the rest away.
const HALF_MADE: [(&str, &str); 2] = [
    (
        "everything but the superblock",
        "dd if=/dev/zero of=\"$device\" bs=64k count=1 conv=notrunc,fsync",
    ),
    (
        "the superblock and nothing else",
        "dd if=/dev/zero of=\"$device\" bs=64k seek=1 count=511 conv=notrunc,fsync",
    ),
];

/// Makes the first mkfs end half-way, cuts the power, and boots again; `nth` is the number of the instance.
fn half_made(cloud: &Cloud, nth: &mut usize, left: &str, replaced: bool) -> TaskResult<()> {
    let first = blank_instance(cloud, *nth)?;
    let halted = cloud.machine(&first, |machine| Ok(machine.signal_file("lab-halted")))?;
    let half = format!(
        "#!/bin/sh\n/usr/sbin/mkfs.ext4 \"$@\" || exit\n[ -e /dev/lab-halted ] && exit\nfor device; do :; done\n{left}\n\
         : >/dev/lab-halted\nkill -STOP $$\n"
    );
    install(cloud, &first, "usr/local/sbin/mkfs.ext4", &half)?;
    run(&["sync", "--file-system", &root_of(cloud, &first)?])?;
    cloud.power_on(&first)?;
    wait_for("half-made filesystem", Duration::from_secs(60), || {
        Ok(halted.exists().then_some(()))
    })?;
    cloud.cut_power(&first)?;
    let id = if replaced {
        cloud.sim.kill_instance(&first);
        *nth += 1;
        let next = cloud.await_launched(*nth, 60)?;
        cloud.await_machine(&next, 10)?;
        next
    } else {
        first
    };
    cloud.power_on(&id)?;
    cloud.await_console(&id, "was cut short", 60)?;
    cloud.await_in_service(*nth, 60)?;
    served_bytes(cloud)?;
    ensure(!cloud.first_use(), || "the mark of first use is still there".to_owned())?;
    let label = cloud.run_in(&id, &["blkid", "-p", "-o", "value", "-s", "LABEL", "/dev/nvme1n1"])?;
    ensure(label.trim() == "selfheal", || {
        format!("the filesystem is called {label}")
    })?;
    cloud.cut_power(&id)?;
    cloud.sim.kill_instance(&id);
    Ok(())
}

fn root_of(cloud: &Cloud, id: &str) -> TaskResult<String> {
    cloud.machine(id, |machine| Ok(machine.root().to_string_lossy().into_owned()))
}

/// Boots the first instance to the end, and answers how many commands that took, and which made something last.
fn undisturbed(cloud: &Cloud) -> TaskResult<(usize, Vec<usize>)> {
    let id = fresh_instance(cloud, 1, 0)?;
    cloud.await_in_service(1, 90)?;
    served_bytes(cloud)?;
    cloud.await_console(&id, "boot is done", 30)?;
    let numbers = |name: &str| -> TaskResult<Vec<usize>> {
        let path = cloud.machine(&id, |machine| Ok(machine.signal_file(name)))?;
        let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
        let numbers = text.lines().map(str::parse).collect::<Result<_, _>>();
        numbers.map_err(|error| TaskError::malformed("a count of commands", error))
    };
    let (count, lasting) = (numbers("lab-commands")?, numbers("lab-lasting")?);
    cloud.cut_power(&id)?;
    cloud.sim.kill_instance(&id);
    Ok((count.first().copied().unwrap_or_default(), lasting))
}

/// The `nth` instance of the group, off, with a blank volume that is marked for first use.
fn blank_instance(cloud: &Cloud, nth: usize) -> TaskResult<String> {
    let id = cloud.await_launched(nth, 60)?;
    cloud.await_machine(&id, 10)?;
    cloud.blank_disk()?;
    cloud.sim.tamper(|world| {
        if let Some(record) = world.volumes.get_mut(cloud.stack.volume_id.as_str()) {
            record.volume.tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned());
        }
    });
    Ok(id)
}

/// The `nth` instance of the group, switched on with a blank volume; it halts before the command.
fn fresh_instance(cloud: &Cloud, nth: usize, command: usize) -> TaskResult<String> {
    let id = blank_instance(cloud, nth)?;
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
    run(&["sync", "--file-system", &folder.to_string_lossy()])?;
    cloud.power_on(&id)?;
    Ok(id)
}

/// Cuts the power before this command; the next boot has to converge.
fn cut_at(cloud: &Cloud, nth: usize, command: usize) -> TaskResult<()> {
    let id = fresh_instance(cloud, nth, command)?;
    let (halt, halted) = cloud.machine(&id, |machine| {
        Ok((machine.signal_file("lab-halt-at"), machine.signal_file("lab-halted")))
    })?;
    wait_for("halt", Duration::from_secs(60), || Ok(halted.exists().then_some(())))?;
    let before = get(cloud, "/birth").ok();
    cloud.cut_power(&id)?;
    fs::remove_file(&halt).context(|| format!("remove {}", halt.display()))?;
    cloud.power_on(&id)?;
    cloud.await_in_service(nth, 90)?;
    let after = served_bytes(cloud)?;
    ensure(before.is_none_or(|before| before == after), || {
        "what was served before the cut is lost".to_owned()
    })?;
    ensure(cloud.address_holder().as_ref() == Some(&id), || {
        "the address is elsewhere".to_owned()
    })?;
    cloud.cut_power(&id)?;
    cloud.sim.kill_instance(&id);
    Ok(())
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
