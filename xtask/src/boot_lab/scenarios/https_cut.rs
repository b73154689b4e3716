//! What asks for a certificate is killed, or its machine loses its power: what is on the volume is the old one or the new, and the
//! next look ends with one that is served.

use std::fs;
use std::time::Duration;

use selfheal_core::world::InstanceId;

use super::faults::install;
use super::https::{TLS, await_trusted, forget, launch, look, options, point};
use crate::boot_lab::authority::{Authority, DIRECTORY};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, run, wait_for};
use crate::boot_lab::lab::Lab;
use crate::error::{Context, TaskError, TaskResult};

/// Counts the program's commands, and kills it before one of them.
const KILL: &str = include_str!("../../../boot-lab/kill-trap.sh");
/// Halts the program before one of the commands that publish, and counts them.
const HALT: &str = include_str!("../../../boot-lab/publish-trap.sh");
/// So many kills of one look.
const KILLS: usize = 14;
/// So many cuts of one publication.
const CUTS: usize = 14;

/// `kill -9` at commands of a look, with all that it has started, and the look after it.
pub fn killed(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = launch(lab, &options(&authority, DIRECTORY))?;
    let id = cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    install(&cloud, &id, "usr/local/lib/kill-trap.sh", KILL)?;
    cloud.run_in(&id, &["systemctl", "stop", "selfheal-tls.timer"])?;
    anew(&cloud, &id)?;
    let commands = look_until(&cloud, &id, 0)?;
    ensure(commands > 60, || format!("a look ran {commands} commands"))?;
    let (before, mut killed) = (authority.orders(lab)?, 0);
    for nth in 1..=KILLS {
        let at = commands * nth / (KILLS + 1);
        let about = |error: TaskError| TaskError::failed(format!("killed at command {at} of {commands}: {error}"));
        anew(&cloud, &id).map_err(about)?;
        killed += usize::from(look_until(&cloud, &id, at).map_err(about)? < commands);
        is_whole_or_not_there(&cloud, &id).map_err(about)?;
        // The ten minutes until the next attempt have passed.
        let script = format!("sed -i '/ try$/d' {TLS}/attempts 2>/dev/null || :");
        cloud.run_in(&id, &["sh", "-c", &script]).map_err(about)?;
        look(&cloud, &id).map_err(about)?;
        await_trusted(lab, &cloud, &roots, 20).map_err(about)?;
    }
    ensure(killed * 10 > KILLS * 7, || format!("only {killed} kills struck"))?;
    let orders = authority.orders(lab)? - before;
    // One for each round, and one more where the kill came between the order and what it gave.
    ensure(orders <= 2 * KILLS, || format!("{orders} orders"))?;
    lab.note(format!(
        "{killed} kills in a look of {commands} commands: {orders} orders, every next look published"
    ));
    Ok(())
}

/// Takes the volume back to where there is no certificate.
fn anew(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let script =
        format!("rm -rf {TLS}/gen-* {TLS}/current {TLS}/new {TLS}/attempts /run/selfheal/tls/due /var/lab-commands");
    cloud.run_in(id, &["sh", "-c", &script]).map(drop)
}

/// Runs a look as its unit does, killed before this command, or not for 0; answers how many commands it ran.
fn look_until(cloud: &Cloud, id: &InstanceId, at: usize) -> TaskResult<usize> {
    let kill_at = format!("--setenv=KILL_AT={at}");
    let words = [
        "systemd-run",
        "--quiet",
        "--wait",
        "--collect",
        "--setenv=BASH_ENV=/usr/local/lib/kill-trap.sh",
        &kill_at,
        "/bin/bash",
        "/usr/local/lib/selfheal/program",
        "tls",
    ];
    // It ends as the look does, which is killed.
    let _ = cloud.run_in(id, &words);
    let count = cloud.run_in(id, &["sh", "-c", "cat /var/lab-commands 2>/dev/null || echo 0"])?;
    count
        .trim()
        .parse()
        .map_err(|error| TaskError::malformed("a count of commands", error))
}

/// What the link leads to is a key and its certificate, or there is no link.
fn is_whole_or_not_there(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let script = format!(
        "cd {TLS}/current 2>/dev/null || exit 0; [ \"$(openssl pkey -in key.pem -pubout)\" = \
         \"$(openssl x509 -in fullchain.pem -noout -pubkey)\" ]"
    );
    cloud.run_in(id, &["sh", "-c", &script]).map(drop)
}

/// The power is cut at commands of the publication; the machine comes back and serves what it has got, with no other order.
pub fn power_cut(lab: &mut Lab) -> TaskResult<()> {
    lab.use_root_disks()?;
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = lab.prepare(&options(&authority, DIRECTORY))?;
    point(lab, &cloud)?;
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    install(&cloud, &id, "usr/local/lib/publish-trap.sh", HALT)?;
    let folder = "etc/systemd/system/selfheal-tls.service.d";
    let root = cloud.machine(&id, |machine| Ok(machine.root()))?;
    fs::create_dir_all(root.join(folder)).context(|| format!("make {folder}"))?;
    let drop_in = "[Service]\nEnvironment=BASH_ENV=/usr/local/lib/publish-trap.sh\n";
    install(&cloud, &id, &format!("{folder}/trap.conf"), drop_in)?;
    cloud.run_in(&id, &["systemctl", "daemon-reload"])?;
    cloud.run_in(&id, &["systemctl", "stop", "selfheal-tls.timer"])?;
    let commands = halted_look(&cloud, &id, None)?;
    ensure(commands > CUTS, || format!("a publication of {commands} commands"))?;
    let before = authority.orders(lab)?;
    for nth in 0..CUTS {
        let at = 1 + nth * (commands - 1) / (CUTS - 1);
        let about = |error: TaskError| TaskError::failed(format!("cut at command {at} of {commands}: {error}"));
        halted_look(&cloud, &id, Some(at)).map_err(about)?;
        cloud.cut_power(&id).map_err(about)?;
        cloud.power_on(&id).map_err(about)?;
        wait_for("boot after the cut", Duration::from_secs(60), || {
            Ok(cloud.run_in(&id, &["test", "-s", "/run/selfheal/serving"]).ok())
        })
        .map_err(about)?;
        is_whole_or_not_there(&cloud, &id).map_err(about)?;
        cloud
            .run_in(&id, &["systemctl", "stop", "selfheal-tls.timer"])
            .map_err(about)?;
        forget(&cloud, &id).map_err(about)?;
        look(&cloud, &id).map_err(about)?;
        await_trusted(lab, &cloud, &roots, 30).map_err(about)?;
        let orders = authority.orders(lab)? - before;
        ensure(orders <= 2 * (nth + 1), || format!("{orders} orders")).map_err(about)?;
    }
    lab.note(format!(
        "{CUTS} cuts in {commands} commands: the volume held the old certificate or the new"
    ));
    Ok(())
}

/// Lets a look that has to order halt before this command, or run to its end; answers how many commands the publication had.
fn halted_look(cloud: &Cloud, id: &InstanceId, at: Option<usize>) -> TaskResult<usize> {
    let file = |name: &str| cloud.machine(id, |machine| Ok(machine.signal_file(name)));
    let (halt, halted, noted) = (file("lab-halt-at")?, file("lab-halted")?, file("lab-commands")?);
    for old in [&halted, &noted, &halt] {
        let _ = fs::remove_file(old);
    }
    // Another authority's: it is served, and another one is ordered.
    let script = format!("echo other >{TLS}/current/ca; rm -f {TLS}/attempts /run/selfheal/tls/due; sync -f {TLS}");
    cloud.run_in(id, &["sh", "-c", &script])?;
    fs::write(&halt, at.unwrap_or_default().to_string()).context(|| format!("write {}", halt.display()))?;
    // What was there before is on the disks; what comes now is there only where it was flushed.
    run(&["sync"])?;
    let wait = if at.is_some() { "--no-block" } else { "--wait" };
    cloud.run_in(id, &["systemctl", "start", wait, "selfheal-tls.service"])?;
    if at.is_some() {
        wait_for("halt", Duration::from_secs(60), || Ok(halted.exists().then_some(())))?;
        // The next start is not to halt.
        fs::remove_file(&halt).context(|| format!("remove {}", halt.display()))?;
        return Ok(0);
    }
    let text = fs::read_to_string(&noted).unwrap_or_default();
    text.trim()
        .parse()
        .map_err(|error| TaskError::malformed("a count of commands", error))
}
