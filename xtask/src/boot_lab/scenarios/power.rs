//! The power is cut in the middle of a first boot, at a chosen command, and comes back.
//!
//! Root disk and data volume keep what was written to them until then; everything that the kernel still had in memory is
//! lost. What the program has persisted must be there, and the next boot has to end well.

use std::fs;
use std::time::{Duration, Instant};

use selfheal_aws::sim::World;
use selfheal_core::names::{TAG_FIRST_USE, TAG_GROWN};
use selfheal_core::spec::Filesystem;
use selfheal_core::world::InstanceId;

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

fn root_of(cloud: &Cloud, id: &InstanceId) -> TaskResult<String> {
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
fn blank_instance(cloud: &Cloud, nth: usize) -> TaskResult<InstanceId> {
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
fn fresh_instance(cloud: &Cloud, nth: usize, command: usize) -> TaskResult<InstanceId> {
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
    // Both filesystems grow while they are mounted, and ext4 asks for a right that not every container has.
    let (options, grown_mib) = if may_grow_ext4()? {
        (Options::default(), 256)
    } else {
        lab.note("with XFS, since ext4 may not be grown here".to_owned());
        (small_xfs(), 2_048)
    };
    let cloud = lab.launch(&options)?;
    let id = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 20)?;
    let size = || size_of(&cloud, &id);
    let small = size()?;
    // An orderly end would call the replacement.
    cloud.cut_power(&id)?;
    cloud.disk(|disk| disk.resize(grown_mib << 20))?;
    cloud.power_on(&id)?;
    wait_for("larger filesystem", Duration::from_secs(60), || {
        Ok(size().ok().filter(|large| *large > 3 * small))
    })?;
    ensure(served_bytes(&cloud)? == before, || "the bytes have changed".to_owned())
}

/// MiB of the filesystem that holds the data.
fn size_of(cloud: &Cloud, id: &InstanceId) -> TaskResult<u64> {
    let text = cloud.run_in(id, &["df", "--output=size", "--block-size=1M", "/srv/data"])?;
    let number = text.lines().last().unwrap_or_default().trim().to_owned();
    number
        .parse()
        .map_err(|error| TaskError::malformed("the size of the filesystem", error))
}

/// Lets the volume grow under the machine that holds it.
fn enlarge(cloud: &Cloud, id: &InstanceId, mib: u64) -> TaskResult<()> {
    cloud.disk(|disk| disk.resize(mib << 20))?;
    let volume = cloud.stack.volume_id.clone();
    cloud.machine(id, |machine| {
        let device = machine.disk(&volume);
        device
            .ok_or_else(|| TaskError::failed("the volume is not plugged in"))?
            .refresh()
    })
}

/// What the group's tag says of the filesystem.
fn noted(cloud: &Cloud) -> String {
    let tag = |world: &World| world.groups.get(&cloud.stack.group)?.tags.get(TAG_GROWN).cloned();
    cloud.sim.inspect(tag).unwrap_or_default()
}

pub fn grow_in_place(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    if may_grow_ext4()? {
        return grows(lab, &cloud, &id);
    }
    // As in a container of its own: what the kernel refuses is seen and noted all the same.
    lab.note("without CAP_SYS_RESOURCE the kernel grows no ext4 that is mounted: that it fails is noted".to_owned());
    cloud.await_console(&id, "boot is done", 20)?;
    enlarge(&cloud, &id, 2_048)?;
    wait_for("note of what failed", Duration::from_secs(40), || {
        Ok((noted(&cloud) == format!("{} 2 GiB failed", cloud.stack.volume_id)).then_some(()))
    })
}

/// Whether this process, and so its machines, have the right that ext4 asks for.
fn may_grow_ext4() -> TaskResult<bool> {
    const CAP_SYS_RESOURCE: u64 = 1 << 24;
    let status = fs::read_to_string("/proc/self/status").context(|| "read the capabilities".to_owned())?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = u64::from_str_radix(line.unwrap_or_default().trim(), 16);
    let bits = bits.map_err(|error| TaskError::malformed("the capabilities", error))?;
    Ok(bits & CAP_SYS_RESOURCE != 0)
}

/// With the smallest XFS that its tools make.
fn small_xfs() -> Options {
    Options {
        filesystem: Filesystem::Xfs,
        volume_mib: 320,
        ..Options::default()
    }
}

pub fn grow_in_place_xfs(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&small_xfs())?;
    let id = cloud.await_in_service(1, 60)?;
    grows(lab, &cloud, &id)?;
    // One whose tool fails.
    cloud.run_in(&id, &["mount", "--bind", "/bin/false", "/usr/sbin/xfs_growfs"])?;
    enlarge(&cloud, &id, 3_072)?;
    let volume = &cloud.stack.volume_id;
    wait_for("note of what failed", Duration::from_secs(40), || {
        Ok((noted(&cloud) == format!("{volume} 3 GiB failed")).then_some(()))
    })
}

/// The volume grows to 2 GiB: the filesystem follows, the app is not disturbed, and the group's tag says so.
fn grows(lab: &mut Lab, cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let before = served_bytes(cloud)?;
    cloud.await_console(id, "boot is done", 20)?;
    let volume = &cloud.stack.volume_id;
    ensure(noted(cloud) == format!("{volume} 0 GiB"), || {
        format!("noted: {}", noted(cloud))
    })?;
    let show = [
        "systemctl",
        "show",
        "--value",
        "--property=ActiveEnterTimestampMonotonic",
        "lab-app.service",
    ];
    let started = || cloud.run_in(id, &show);
    let first = started()?;
    let since = Instant::now();
    enlarge(cloud, id, 2_048)?;
    wait_for("larger filesystem", Duration::from_secs(40), || {
        Ok((size_of(cloud, id)? > 1_800).then_some(()))
    })?;
    lab.note(format!(
        "the filesystem has grown {:.1} s after its volume",
        since.elapsed().as_secs_f64()
    ));
    wait_for("note of the size", Duration::from_secs(10), || {
        Ok((noted(cloud) == format!("{volume} 2 GiB")).then_some(()))
    })?;
    ensure(served_bytes(cloud)? == before, || "the bytes have changed".to_owned())?;
    ensure(started()? == first, || "the app was started anew".to_owned())
}
