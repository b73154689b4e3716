//! Boots that go well: the first, the next, and the replacement's.

use selfheal_core::world::InstanceId;
use std::time::{Duration, Instant};

use selfheal_aws::sim::{TraceKind, VolumeChange};

use super::get;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{APP_SETUP, Options};
use crate::error::TaskResult;
use crate::noise::noise;

/// The app's bytes as seen over the Elastic IP, once it serves them.
pub fn served_bytes(cloud: &Cloud) -> TaskResult<Vec<u8>> {
    wait_for("answer over the Elastic IP", Duration::from_secs(20), || {
        Ok(get(cloud, "/birth").ok())
    })
}

/// The actions that an instance has called with success, in order.
pub fn actions_of(cloud: &Cloud, id: &InstanceId) -> Vec<String> {
    let mine =
        |(who, action, outcome): (InstanceId, String, String)| (who == *id && outcome == "200").then_some(action);
    cloud.calls().into_iter().filter_map(mine).collect()
}

pub fn first_boot(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    let bytes = served_bytes(&cloud)?;
    ensure(!bytes.is_empty(), || "the app serves nothing".to_owned())?;
    ensure(cloud.address_holder().as_ref() == Some(&id), || {
        "the address is not with the instance".to_owned()
    })?;
    let actions = actions_of(&cloud, &id);
    let attached = actions.iter().position(|action| action == "AttachVolume");
    let associated = actions.iter().position(|action| action == "AssociateAddress");
    let completed = actions.iter().position(|action| action == "CompleteLifecycleAction");
    let in_order = attached.is_some() && attached < associated && associated < completed;
    ensure(in_order, || format!("the calls came in another order: {actions:?}"))?;
    wait_for("removal of the mark of first use", Duration::from_secs(10), || {
        Ok((!cloud.first_use()).then_some(()))
    })?;
    let failed = cloud.run_in(&id, &["systemctl", "--failed", "--no-legend", "--plain"])?;
    ensure(failed.trim().is_empty(), || format!("units failed: {failed}"))
}

/// The group comes to its launch hook long after the instance is ready: nothing is lost, and the hook is completed then.
pub fn late_hook(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        // Longer than a boot on a machine under load.
        hook_lag_ms: 60_000,
        ..Options::default()
    })?;
    let id = cloud.await_launched(1, 10)?;
    cloud.await_console(&id, "the group has not come to the hook selfheal-launch yet", 58)?;
    ensure(cloud.await_in_service(1, 90)? == id, || {
        "another instance came".to_owned()
    })?;
    cloud.await_console(&id, "boot is done", 10)?;
    let completed = actions_of(&cloud, &id);
    let completed = completed
        .iter()
        .filter(|action| *action == "CompleteLifecycleAction")
        .count();
    ensure(completed == 1, || format!("{completed} actions were completed"))
}

pub fn reboot(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let id = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    let calls = cloud.calls().len();
    cloud.run_in(&id, &["systemctl", "reboot"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&id)?;
    wait_for("second start of the app", Duration::from_secs(60), || {
        let starts = get(&cloud, "/starts").unwrap_or_default();
        Ok((starts.iter().filter(|byte| **byte == b'\n').count() == 2).then_some(()))
    })?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes have changed over the reboot".to_owned()
    })?;
    let again: Vec<_> = cloud.calls().split_off(calls);
    // A machine that starts anew neither takes nor gives back anything.
    let needless = [
        "AttachVolume",
        "AssociateAddress",
        "CompleteLifecycleAction",
        "DetachVolume",
        "SetInstanceHealth",
        "DisassociateAddress",
    ];
    let repeated = again.iter().find(|(_, action, _)| needless.contains(&action.as_str()));
    ensure(repeated.is_none(), || format!("the reboot called {repeated:?}"))
}

/// The script that prepares takes as long as the old holder lets the volume wait.
pub fn prepare(lab: &mut Lab) -> TaskResult<()> {
    let (prepare_s, release_ms) = (6, 10_000);
    let cloud = lab.launch(&Options {
        prepare: Some(format!(
            "#!/bin/sh\necho installing\nsleep {prepare_s}\ntouch /usr/local/bin/brought\n"
        )),
        setup: Options::default()
            .setup
            .map(|setup| setup + "[[ -e /usr/local/bin/brought ]]\n"),
        release_ms,
        ..Options::default()
    })?;
    let first = cloud.await_in_service(1, 90)?;
    let before = served_bytes(&cloud)?;
    let cut = Instant::now();
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 120)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    let log = cloud.run_in(&second, &["cat", "/var/log/selfheal/boot.log"])?;
    let at = |part: &str| log.find(part);
    let hidden = at("prepare starts") < at("is ours") && at("is ours") < at("prepare is done");
    ensure(hidden && at("prepare is done") < at("setup starts"), || {
        format!("the boot came in another order: {log}")
    })?;
    lab.note(format!(
        "serving {:.1} s after the power cut, {prepare_s} s of packages and {} s of release within",
        cut.elapsed().as_secs_f64(),
        release_ms / 1_000
    ));
    let said = cloud.run_in(&second, &["cat", "/var/log/selfheal/prepare.log"])?;
    ensure(said == "installing\n", || format!("its log says: {said}"))
}

pub fn replacement(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        release_ms: 12_000,
        ..Options::default()
    })?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    let cut = Instant::now();
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    let recovery_s = cut.elapsed().as_secs_f64();
    ensure(cloud.address_holder().as_ref() == Some(&second), || {
        "the address did not follow".to_owned()
    })?;
    let refused = cloud
        .calls()
        .iter()
        .filter(|(who, _, outcome)| *who == second && outcome == "VolumeInUse")
        .count();
    ensure(refused > 0, || "the old holder let go before it was asked".to_owned())?;
    let released = cloud.await_event("release of the volume", 1, |what| {
        matches!(
            what,
            TraceKind::Volume {
                state: VolumeChange::Released,
                ..
            }
        )
    })?;
    let moved = cloud.await_nth_event("move of the address", 2, 1, |what| {
        matches!(what, TraceKind::Address { instance: Some(_), .. })
    })?;
    ensure(released.at_ms <= moved.at_ms, || {
        "the address moved before the volume was released".to_owned()
    })?;
    lab.note(format!(
        "same bytes over the same address {recovery_s:.1} s after the power cut, {refused} × VolumeInUse"
    ));
    Ok(())
}

/// What does not fit into user data is fetched once by each instance; without a part of it no instance takes the volume.
pub fn bundle(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        setup: Some(format!("{APP_SETUP}\nexit 0\n# {}\n", noise(20_000))),
        ..Options::default()
    })?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    let fetched = |id: &InstanceId| {
        let actions = actions_of(&cloud, id);
        actions.iter().filter(|action| *action == "GetParametersByPath").count()
    };
    let pages = fetched(&first);
    ensure(pages > 0, || "nothing was fetched".to_owned())?;
    let parts = cloud.sim.tamper(|world| {
        let parts = world.parameters.clone();
        world.parameters.retain(|name, _| !name.starts_with("/selfheal/"));
        parts
    });
    cloud.run_in(&first, &["systemctl", "reboot"])?;
    cloud.machine(&first, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&first)?;
    wait_for("second start of the app", Duration::from_secs(60), || {
        let starts = get(&cloud, "/starts").unwrap_or_default();
        Ok((starts.iter().filter(|byte| **byte == b'\n').count() == 2).then_some(()))
    })?;
    ensure(fetched(&first) == pages, || "the reboot fetched it again".to_owned())?;
    // Its replacement has nothing on its disk, and says what is missing.
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_launched(2, 30)?;
    cloud.await_console(&second, "is not there (exit 24)", 120)?;
    ensure(
        !actions_of(&cloud, &second).contains(&"AttachVolume".to_owned()),
        || "a boot that cannot go on took the volume".to_owned(),
    )?;
    cloud.sim.tamper(|world| world.parameters = parts);
    let third = cloud.await_in_service(3, 120)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder().as_ref() == Some(&third), || {
        "the address did not follow".to_owned()
    })?;
    lab.note(format!("fetched in {pages} calls"));
    Ok(())
}
