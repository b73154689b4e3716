//! What the volume has to keep straight: a crash loop before an authority that refuses, a volume of yesterday's snapshot, and a file
//! of the user's that nginx does not take.

use std::fs;
use std::time::{Duration, Instant};

use selfheal_core::spec::NginxExtra;
use selfheal_core::world::InstanceId;

use super::https::{NAME, TLS, await_trusted, forget, https_get, launch, look, options, serial};
use crate::boot_lab::authority::{Authority, DIRECTORY};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::error::{Context, TaskError, TaskResult};

/// So many instances die, two a minute.
const DEATHS: usize = 10;
/// From one death to the next.
const APART: Duration = Duration::from_secs(30);
/// A name server that nobody is at, so that no name can be looked at.
const NOWHERE: &str = "10.77.0.1:5399";

/// Two replacements a minute for five minutes, before an authority that finds no name: each serves, none waits, and they make three
/// orders at most, however often they look.
pub fn crash_loop(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start_asking(lab, NOWHERE)?;
    let cloud = launch(lab, &options(&authority, DIRECTORY))?;
    let mut id = cloud.await_in_service(1, 90)?;
    cloud.await_console(&id, "no certificate yet: https://ca.lab:14000/dir: ", 90)?;
    for nth in 0..DEATHS {
        let died = Instant::now();
        cloud.cut_power(&id)?;
        cloud.sim.kill_instance(&id);
        id = cloud.await_in_service(nth + 2, 90)?;
        https_get(lab, &cloud, None, "/birth")?;
        // Its own first look comes ten seconds after its boot; this one comes at once.
        look(&cloud, &id)?;
        std::thread::sleep(APART.saturating_sub(died.elapsed()));
    }
    let orders = authority.orders(lab)?;
    ensure((1..=3).contains(&orders), || format!("{orders} orders"))?;
    lab.note(format!("{DEATHS} replacements, {orders} order(s)"));
    Ok(())
}

/// The volume is put back to what it was before its second certificate: the first is served, by a replacement too, and nobody is
/// asked before it is due; then the next one is published beside what the snapshot knew.
pub fn old_snapshot(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = launch(lab, &options(&authority, DIRECTORY))?;
    let first = cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    let old = serial(lab, &cloud)?;
    cloud.run_in(&first, &["sync", "-f", TLS])?;
    let disk = || cloud.disk(|disk| Ok(disk.path()));
    let snapshot = lab.config().memory.join("snapshot");
    fs::copy(disk()?, &snapshot).context(|| "take a snapshot".to_owned())?;
    another(&cloud, &first)?;
    let newer = serial(lab, &cloud)?;
    ensure(newer != old, || "there is no second certificate".to_owned())?;
    cloud.cut_power(&first)?;
    fs::copy(&snapshot, disk()?).context(|| "restore the snapshot".to_owned())?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 90)?;
    await_trusted(lab, &cloud, &roots, 20)?;
    ensure(serial(lab, &cloud)? == old, || {
        "another certificate is served".to_owned()
    })?;
    let before = authority.orders(lab)?;
    look(&cloud, &second)?;
    ensure(authority.orders(lab)? == before, || {
        "one that is good was renewed".to_owned()
    })?;
    another(&cloud, &second)?;
    let last = serial(lab, &cloud)?;
    ensure(last != old && last != newer, || "it was not renewed".to_owned())?;
    https_get(lab, &cloud, Some(&roots), "/birth")?;
    lab.note("the certificate of the snapshot was served, and renewed when it was due");
    Ok(())
}

/// Lets the certificate be another authority's, which makes the next one due, and gets that.
fn another(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    cloud.run_in(id, &["sh", "-c", &format!("echo other >{TLS}/current/ca")])?;
    forget(cloud, id)?;
    look(cloud, id)?;
    wait_for("certificate", Duration::from_secs(30), || {
        let ca = cloud.run_in(id, &["cat", &format!("{TLS}/current/ca")])?;
        Ok((ca.trim() == DIRECTORY).then_some(()))
    })
}

/// A file of directives that nginx does not take, from the first boot on and after a replacement: the site is up without it, then with
/// what it served with last.
pub fn broken_extra(lab: &mut Lab) -> TaskResult<()> {
    let authority = Authority::prepare(lab)?;
    let mut options = options(&authority, DIRECTORY);
    let https = options.https.as_mut().ok_or_else(|| TaskError::failed("no HTTPS"))?;
    https.extra = Some(NginxExtra {
        path: "a file of the scenario's".to_owned(),
        content: Some("no_such_directive on;\n".to_owned()),
    });
    let cloud = launch(lab, &options)?;
    let first = cloud.await_in_service(1, 90)?;
    cloud.await_console(&first, "nginx serves without nginx-extra.conf: ", 30)?;
    https_get(lab, &cloud, None, "/birth")?;
    let kept = "/srv/data/.selfheal/nginx-extra.conf";
    let script = format!("echo 'location = /extra {{ return 204; }}' >{kept}; sync -f {kept}");
    cloud.run_in(&first, &["sh", "-c", &script])?;
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 90)?;
    cloud.await_console(&second, "nginx serves with the nginx-extra.conf that it took last", 30)?;
    https_get(lab, &cloud, None, "/extra")?;
    lab.note(format!("{NAME} was up both times"));
    Ok(())
}

/// An operator asks by a tag for another certificate, for the one before, and for more of them than the volume allows: each is answered.
pub fn wished_for(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = launch(lab, &options(&authority, DIRECTORY))?;
    let id = cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    let first = serial(lab, &cloud)?;
    let told = cloud.ask(&id, "0000000000000001 renew")?;
    ensure(told.starts_with("0000000000000001 ok what is served now ends "), || {
        told
    })?;
    let second = serial(lab, &cloud)?;
    ensure(second != first, || "the same certificate is served".to_owned())?;
    let told = cloud.ask(&id, "0000000000000002 rollback")?;
    ensure(told.starts_with("0000000000000002 ok "), || told)?;
    ensure(serial(lab, &cloud)? == first, || "it is not the one before".to_owned())?;
    look(&cloud, &id)?;
    ensure(serial(lab, &cloud)? == first, || {
        "a look has taken it up again".to_owned()
    })?;
    https_get(lab, &cloud, Some(&roots), "/birth")?;
    cloud.ask(&id, "0000000000000003 renew")?;
    let told = cloud.ask(&id, "0000000000000004 renew")?;
    ensure(
        told.starts_with("0000000000000004 failed the authority is asked again after "),
        || told,
    )?;
    ensure(authority.orders(lab)? == 3, || "more than three a week".to_owned())?;
    lab.note("renewed, gone back, and refused what the volume does not allow");
    Ok(())
}
