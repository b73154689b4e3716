//! Volumes that must never be formatted, each left bit for bit as it was.

use selfheal_core::world::InstanceId;
use std::path::Path;

use selfheal_core::spec::Filesystem;

use crate::boot_lab::cloud::{Cloud, Defect};
use crate::boot_lab::command::ensure;
use crate::boot_lab::disk::{Disk, Loop};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{TaskError, TaskResult};

/// Puts something on a volume that was blank.
type Fill = fn(&Lab, &Disk) -> TaskResult<()>;

/// What is on the volume while the spec wants ext4.
const FOREIGN: &[(&str, Fill)] = &[
    ("GPT", |lab, disk| partitions(lab, disk, "label: gpt\n,16M\n")),
    ("MBR", |lab, disk| partitions(lab, disk, "label: dos\n,16M\n")),
    ("LVM", |lab, disk| {
        on_device(lab, disk, &["pvcreate", "--yes", "--quiet"])
    }),
    ("LUKS", luks),
    ("swap", |lab, disk| on_device(lab, disk, &["mkswap"])),
    ("garbage", |_, disk| disk.write_at(0, &noise(65_536))),
    ("data beyond the first MiB", |_, disk| {
        disk.write_at(41 << 20, &noise(4_096))
    }),
    ("one byte in the middle", |_, disk| {
        disk.write_at((SIZE_MIB << 19) + 1, &[1])
    }),
    ("data in the last sector", |_, disk| {
        disk.write_at((SIZE_MIB << 20) - 512, &noise(512))
    }),
];
const SIZE_MIB: u64 = 64;
/// mkfs.xfs makes nothing smaller than 300 MiB.
const XFS_SIZE_MIB: u64 = 320;

pub fn foreign(lab: &mut Lab) -> TaskResult<()> {
    let options = Options {
        volume_mib: SIZE_MIB,
        ..refused()
    };
    let cloud = lab.prepare(&options)?;
    cloud.set_boots(false);
    cloud.run();
    let mut names = Vec::new();
    for (at, (name, fill)) in FOREIGN.iter().enumerate() {
        let fresh = blank(lab, &cloud)?;
        fill(lab, &fresh)?;
        boot_refuses(&cloud, at + 1, name)?;
        names.push(*name);
    }
    lab.note(format!(
        "{} left bit for bit as they were: {}",
        names.len(),
        names.join(", ")
    ));
    Ok(())
}

pub fn foreign_ext4(lab: &mut Lab) -> TaskResult<()> {
    let options = Options {
        volume_mib: SIZE_MIB,
        filesystem: Filesystem::Xfs,
        ..refused()
    };
    let cloud = lab.prepare(&options)?;
    cloud.set_boots(false);
    cloud.run();
    let fresh = blank(lab, &cloud)?;
    on_device(lab, &fresh, &["mkfs.ext4", "-q"])?;
    boot_refuses(&cloud, 1, "ext4")
}

pub fn foreign_xfs(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options {
        volume_mib: XFS_SIZE_MIB,
        ..refused()
    })?;
    cloud.set_boots(false);
    cloud.run();
    let fresh = blank(lab, &cloud)?;
    on_device(lab, &fresh, &["mkfs.xfs", "-q"])?;
    boot_refuses(&cloud, 1, "XFS")
}

pub fn unmarked(lab: &mut Lab) -> TaskResult<()> {
    let options = Options {
        first_use: false,
        ..refused()
    };
    let cloud = lab.prepare(&options)?;
    cloud.set_boots(false);
    cloud.run();
    boot_refuses(&cloud, 1, "a blank volume without the mark of first use")?;
    let fresh = blank(lab, &cloud)?;
    fresh.write_at((10 << 20) + 4_096, &noise(4_096))?;
    boot_refuses(&cloud, 2, "data in the middle")
}

pub fn missing_device(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&refused())?;
    cloud.set_defect(Defect::NoDevice);
    cloud.run();
    let before = cloud.disk(|disk| disk.hash())?;
    let id = cloud.await_launched(1, 10)?;
    abandoned(&cloud, &id, 150)?;
    ensure(cloud.disk(|disk| disk.hash())? == before, || {
        "the volume was written to".to_owned()
    })
}

pub fn read_errors(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&refused())?;
    cloud.set_defect(Defect::ReadErrors);
    cloud.run();
    let id = cloud.await_launched(1, 10)?;
    abandoned(&cloud, &id, 60)?;
    let bytes = cloud.disk(|disk| std::fs::read(disk.path()).map_err(|error| TaskError::failed(error.to_string())))?;
    ensure(bytes.len() == 1 << 20 && bytes.iter().all(|byte| *byte == 0), || {
        "the volume was written to".to_owned()
    })
}

/// A stack whose boots end before a setup or an app would matter, and may fail as often as they like.
fn refused() -> Options {
    Options {
        setup: None,
        health: None,
        breaker_limit: 1_000,
        ..Options::default()
    }
}

/// Boots the `nth` instance of the group; it must abandon, and leave every bit of the volume as it is.
fn boot_refuses(cloud: &Cloud, nth: usize, name: &str) -> TaskResult<()> {
    let about = |error: TaskError| TaskError::failed(format!("{name}: {error}"));
    let id = cloud.await_launched(nth, 60).map_err(about)?;
    cloud.await_machine(&id, 10).map_err(about)?;
    let before = cloud.disk(|disk| disk.hash())?;
    cloud.power_on(&id)?;
    abandoned(cloud, &id, 60).map_err(about)?;
    ensure(cloud.disk(|disk| disk.hash())? == before, || {
        format!("{name}: the volume is not as it was")
    })
}

/// Waits for ABANDON, before which nothing may have been mounted, formatted or associated.
fn abandoned(cloud: &Cloud, id: &InstanceId, limit_s: u64) -> TaskResult<()> {
    cloud.await_call(id, "CompleteLifecycleAction", "200", limit_s)?;
    // The result is in the call: the group may end the instance before it has said so itself.
    let abandoned = cloud
        .wire
        .log()
        .into_iter()
        .filter_map(|record| record.call)
        .any(|call| {
            call.instance == *id
                && call
                    .parameters
                    .get("LifecycleActionResult")
                    .is_some_and(|result| result == "ABANDON")
        });
    ensure(abandoned, || "the launch was not abandoned".to_owned())?;
    let calls = cloud.calls();
    let bad = calls
        .iter()
        .find(|(who, action, _)| *who == *id && action == "AssociateAddress");
    ensure(bad.is_none(), || "the address was moved".to_owned())
}

/// Makes the volume blank again, and answers its disk to be filled.
fn blank(lab: &Lab, cloud: &Cloud) -> TaskResult<Disk> {
    cloud.disk(|disk| {
        let bytes = std::fs::metadata(disk.path())
            .map_err(|error| TaskError::failed(error.to_string()))?
            .len();
        disk.renew(&lab.config().memory, bytes)
    })
}

/// Runs a tool on the volume as a block device.
fn on_device(lab: &Lab, disk: &Disk, words: &[&str]) -> TaskResult<()> {
    let device = Loop::over(&disk.path())?;
    let path = device.path().to_string_lossy().into_owned();
    let mut words = words.to_vec();
    words.push(&path);
    lab.tool(&words)?;
    flush(&path)
}

fn partitions(lab: &Lab, disk: &Disk, table: &str) -> TaskResult<()> {
    let device = Loop::over(&disk.path())?;
    let path = device.path().to_string_lossy().into_owned();
    lab.tool(&[
        "/bin/sh",
        "-c",
        "printf '%s' \"$1\" | sfdisk --quiet --no-reread --no-tell-kernel \"$2\"",
        "sfdisk",
        table,
        &path,
    ])?;
    flush(&path)
}

fn luks(lab: &Lab, disk: &Disk) -> TaskResult<()> {
    let path = disk.path().to_string_lossy().into_owned();
    let key = lab.config().memory.join("luks-key");
    std::fs::write(&key, "a dummy").map_err(|error| TaskError::failed(error.to_string()))?;
    // The header alone counts here, so the cheapest derivation will do.
    let words = [
        "cryptsetup",
        "luksFormat",
        "--batch-mode",
        "--type",
        "luks2",
        "--pbkdf",
        "pbkdf2",
    ];
    let mut words: Vec<&str> = words.to_vec();
    let key = key.to_string_lossy().into_owned();
    words.extend(["--pbkdf-force-iterations", "1000", path.as_str(), key.as_str()]);
    lab.tool(&words).map(drop)
}

fn flush(device: &str) -> TaskResult<()> {
    ensure(Path::new(device).exists(), || format!("{device} is gone"))?;
    crate::boot_lab::command::run(&["sync", device]).map(drop)
}

/// Bytes that are no zeroes and no signature.
fn noise(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at * 7 % 251 + 1).unwrap_or(1))
        .collect()
}
