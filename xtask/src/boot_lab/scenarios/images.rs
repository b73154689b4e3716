//! Images that were made from a running instance.

use std::path::Path;
use std::process::Command;

use super::boots::served_bytes;
use super::faults::install;
use crate::boot_lab::command::{ensure, output};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{Context, TaskResult};

/// What an image keeps of the instance that it was made from, as far as it matters here.
const KEPT: [&str; 5] = [
    "etc/selfheal",
    "etc/systemd/system",
    "usr/local/lib/selfheal",
    "var/lib/cloud",
    "var/lib/selfheal",
];

/// A setup that must never run: it is the origin's.
const OLD_SETUP: &str = "#!/bin/sh\n: >/old-setup\nexit 9\n";

fn copy(from: &Path, to: &Path) -> TaskResult<()> {
    let mut command = Command::new("cp");
    command.current_dir(from).args(["--archive", "--parents"]);
    output(command.args(KEPT).arg(to)).map(drop)
}

/// The replacement's image carries the program of its predecessor, enabled, with an older setup.
pub fn baked(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let image = lab.config().memory.join("image");
    std::fs::create_dir_all(&image).context(|| format!("make {}", image.display()))?;
    copy(&cloud.machine(&first, |machine| Ok(machine.root()))?, &image)?;
    cloud.set_boots(false);
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_launched(2, 60)?;
    cloud.await_machine(&second, 10)?;
    let root = cloud.machine(&second, |machine| Ok(machine.root()))?;
    copy(&image, &root)?;
    install(&cloud, &second, "etc/selfheal/setup", OLD_SETUP)?;
    cloud.power_on(&second)?;
    cloud.await_console(
        &second,
        &format!("failed: this program is that of {first} (exit 23)"),
        60,
    )?;
    cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(!root.join("old-setup").exists(), || "the origin's setup ran".to_owned())?;
    // The watch is the new program's as well.
    let watch = cloud.run_in(&second, &["systemctl", "is-active", "selfheal-watch.service"])?;
    ensure(watch.trim() == "active", || format!("the watch is {watch}"))?;
    let owner = cloud.run_in(&second, &["cat", "/var/lib/selfheal/owner"])?;
    ensure(second == owner.trim(), || format!("the owner is {owner}"))
}
