//! A drill of a restore as the instance sees it: a copy of the data volume's bytes is attached beside it, and read.

use std::time::Duration;

use selfheal_aws::Ec2;
use selfheal_core::drill::DRILL_DEVICE;
use selfheal_core::names::{Names, ResourceKind};
use selfheal_core::spec::Filesystem;
use selfheal_core::world::{CreateVolume, InstanceId, VolumeId};

use super::boots::served_bytes;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::TaskResult;

const MARKER: &str = "00112233445566778899aabbccddeeff";

/// With XFS, whose copy has the UUID of what is mounted.
pub fn xfs(lab: &mut Lab) -> TaskResult<()> {
    let options = Options {
        filesystem: Filesystem::Xfs,
        volume_mib: 320,
        ..Options::default()
    };
    reads(lab, &options)
}

/// With ext4.
pub fn ext4(lab: &mut Lab) -> TaskResult<()> {
    reads(lab, &Options::default())
}

fn reads(lab: &mut Lab, options: &Options) -> TaskResult<()> {
    let cloud = lab.launch(options)?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "boot is done", 20)?;
    let before = served_bytes(&cloud)?;
    ensure(
        cloud
            .ask(&id, &format!("0000000000000001 marker {MARKER}"))?
            .ends_with(MARKER),
        || "the marker is not written".to_owned(),
    )?;
    // As a snapshot is: what the filesystem has not flushed is not on it, and its journal is open.
    let copy = attached(&cloud, &id)?;
    let told = cloud.ask(&id, &format!("0000000000000002 copy {copy}"))?;
    let used = told.strip_prefix(&format!("0000000000000002 ok {MARKER} "));
    let used: u64 = used.and_then(|used| used.parse().ok()).unwrap_or(u64::MAX);
    ensure(used < 320, || told)?;
    // Nothing holds it any more, so that it can be taken away; and the app has seen nothing of it.
    cloud.operate(cloud.sim.detach_volume(&copy, &id))?;
    wait_for("release of the copy", Duration::from_secs(30), || {
        Ok(cloud.holder_of(&copy).is_none().then_some(()))
    })?;
    ensure(served_bytes(&cloud)? == before, || "the bytes have changed".to_owned())?;
    let mounts = cloud.run_in(&id, &["cat", "/proc/mounts"])?;
    ensure(
        mounts.matches("/srv/data").count() == 1 && !mounts.contains("selfheal/copy"),
        || mounts,
    )?;
    let told = cloud.ask(&id, &format!("0000000000000003 copy {}", cloud.stack.volume_id))?;
    ensure(told.ends_with(" failed there is no such copy"), || told)?;
    lab.note(format!("the copy carries the marker, {used} MiB of it are used"));
    Ok(())
}

/// Makes a volume with the bytes that the data volume has now, and attaches it.
fn attached(cloud: &Cloud, id: &InstanceId) -> TaskResult<VolumeId> {
    let zone = cloud.sim.inspect(|world| {
        let data = world.volumes.get(cloud.stack.volume_id.as_str());
        data.map(|record| record.volume.zone.clone()).unwrap_or_default()
    });
    let made = cloud.operate(cloud.sim.create_volume(&CreateVolume {
        zone,
        size_gib: 1,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: None,
        snapshot_id: None,
        tags: Names::new("web", "eu-west-1").tags(ResourceKind::DrillCopy),
        client_token: "a copy".to_owned(),
    }))?;
    cloud.copy_disk(&made.id)?;
    wait_for("copy", Duration::from_secs(10), || {
        let attached = cloud.operate(cloud.sim.attach_volume(&made.id, id, DRILL_DEVICE));
        Ok(attached.is_ok().then_some(()))
    })?;
    Ok(made.id)
}
