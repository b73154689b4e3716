//! Instances that have to go, and instances that compete.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use selfheal_aws::AutoScaling;
use selfheal_core::names::TAG_FAILED_BOOTS;
use selfheal_core::world::{InstanceId, VolumeState};

use super::boots::{actions_of, served_bytes};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::host::Host;
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, quick_health};
use crate::error::TaskResult;

pub fn spot_notice(lab: &mut Lab) -> TaskResult<()> {
    // With a terminate hook, since the group ends the instance as soon as it is told.
    let cloud = lab.launch(&Options {
        terminate_hook: true,
        ..Options::default()
    })?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let mounted = watch_detach(&cloud);
    let ip = cloud.host(&first, |host| Ok(host.identity().ip()))?;
    let notice = "{\"action\": \"terminate\", \"time\": \"2030-01-01T00:00:00Z\"}";
    cloud
        .imds
        .set(ip.into(), "meta-data/spot/instance-action", Some(notice));
    leaves(&cloud, &first, &mounted)?;
    ensure(
        actions_of(&cloud, &first)
            .iter()
            .any(|action| action == "SetInstanceHealth"),
        || "the group was not told early".to_owned(),
    )?;
    let second = cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })
}

/// The setup would take ten minutes; the volume must be free, and the replacement under way, long before.
pub fn spot_notice_in_setup(lab: &mut Lab) -> TaskResult<()> {
    let setup =
        "#!/bin/sh\n[ -e /srv/data/tried ] && exit\necho 1 >/srv/data/tried\nsync -f /srv/data/tried\nsleep 600\n";
    let cloud = lab.launch(&Options {
        terminate_hook: true,
        setup: Some(setup.to_owned()),
        health: Some(quick_health()),
        ..Options::default()
    })?;
    let first = cloud.await_launched(1, 10)?;
    cloud.await_console(&first, "setup starts", 60)?;
    let mounted = watch_detach(&cloud);
    let ip = cloud.machine(&first, |machine| Ok(machine.identity().ip()))?;
    let notice = "{\"action\": \"terminate\", \"time\": \"2030-01-01T00:00:00Z\"}";
    cloud
        .imds
        .set(ip.into(), "meta-data/spot/instance-action", Some(notice));
    leaves(&cloud, &first, &mounted)?;
    let second = cloud.await_in_service(2, 60)?;
    ensure(cloud.address_holder().as_ref() == Some(&second), || {
        "the address did not follow".to_owned()
    })?;
    let kept = cloud.run_in(&second, &["cat", "/srv/data/tried"])?;
    ensure(kept.trim() == "1", || "what the first setup wrote is lost".to_owned())?;
    // It was no failure of the boot.
    ensure(cloud.group_tag(TAG_FAILED_BOOTS).is_none(), || {
        "the end of the instance was counted as a failed boot".to_owned()
    })
}

pub fn scale_in(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        terminate_hook: true,
        ..Options::default()
    })?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let mounted = watch_detach(&cloud);
    cloud.operate(cloud.sim.terminate_instance(&first))?;
    leaves(&cloud, &first, &mounted)?;
    let completions = || {
        actions_of(&cloud, &first)
            .iter()
            .filter(|action| *action == "CompleteLifecycleAction")
            .count()
    };
    wait_for("completion of the terminate hook", Duration::from_secs(20), || {
        Ok((completions() == 2).then_some(()))
    })?;
    let second = cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })
}

/// The machine is switched off, and nobody but itself says so.
pub fn power_off(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let first = cloud.await_in_service(1, 60)?;
    let before = served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let mounted = watch_detach(&cloud);
    let began = Instant::now();
    cloud.host(&first, Host::press_power)?;
    leaves(&cloud, &first, &mounted)?;
    cloud.await_call(&first, "SetInstanceHealth", "200", 20)?;
    let said_s = began.elapsed().as_secs_f64();
    let second = cloud.await_in_service(2, 90)?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })?;
    lab.note(format!(
        "said after {said_s:.1} s, serving elsewhere after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })?;
    ensure(cloud.group_tag(TAG_FAILED_BOOTS).is_none(), || {
        "the end of the machine was counted as a failed boot".to_owned()
    })
}

/// Notes whether the volume is still mounted when the instance asks for its detachment.
pub fn watch_detach(cloud: &Cloud) -> Arc<AtomicBool> {
    let mounted = Arc::new(AtomicBool::new(false));
    let (seen, lab) = (Arc::clone(&mounted), cloud.clone());
    cloud.wire.set_hook(Some(Box::new(move |call| {
        if call.action == "DetachVolume" && lab.has_mounted(&call.instance) {
            seen.store(true, Ordering::Relaxed);
        }
        None
    })));
    mounted
}

/// The instance stops its app, unmounts, and only then detaches.
pub fn leaves(cloud: &Cloud, id: &InstanceId, mounted: &AtomicBool) -> TaskResult<()> {
    cloud.await_call(id, "DetachVolume", "200", 40)?;
    ensure(!mounted.load(Ordering::Relaxed), || {
        "the volume was detached while it was mounted".to_owned()
    })
}

pub fn race(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        desired: 2,
        ..Options::default()
    })?;
    let (one, two) = (cloud.await_launched(1, 10)?, cloud.await_launched(2, 10)?);
    let winner = wait_for("winner", Duration::from_secs(60), || Ok(cloud.address_holder()))?;
    let loser = if winner == one { two } else { one };
    served_bytes(&cloud)?;
    // The loser keeps asking for a while, and must do nothing else.
    let refusals = || {
        let calls = cloud.calls();
        calls
            .iter()
            .filter(|(who, what, how)| *who == loser && what == "AttachVolume" && how == "VolumeInUse")
            .count()
    };
    wait_for("loser that waits", Duration::from_secs(60), || {
        Ok((refusals() >= 5).then_some(()))
    })?;
    let did: BTreeSet<String> = actions_of(&cloud, &loser).into_iter().collect();
    ensure(did.is_empty(), || format!("the loser did {did:?}"))?;
    ensure(!cloud.has_mounted(&loser), || {
        "the loser has the volume mounted".to_owned()
    })?;
    ensure(cloud.address_holder().as_ref() == Some(&winner), || {
        "the address moved".to_owned()
    })?;
    // The winner goes, and the loser takes over: the volume is the lock.
    let before = served_bytes(&cloud)?;
    // Without a third instance, which might be quicker.
    hold_back(&cloud);
    cloud.cut_power(&winner)?;
    cloud.sim.kill_instance(&winner);
    wait_for("takeover by the loser", Duration::from_secs(60), || {
        Ok((cloud.address_holder().as_ref() == Some(&loser)).then_some(()))
    })?;
    ensure(served_bytes(&cloud)? == before, || {
        "the bytes are not the same".to_owned()
    })
}

pub fn volume_lost(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options::default())?;
    let first = cloud.await_in_service(1, 60)?;
    served_bytes(&cloud)?;
    cloud.await_console(&first, "boot is done", 20)?;
    let told = Arc::new(Mutex::new(None));
    let (seen, lab_too) = (Arc::clone(&told), cloud.clone());
    cloud.wire.set_hook(Some(Box::new(move |call| {
        if call.action == "DisassociateAddress" {
            let mounted = lab_too.has_mounted(&call.instance);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(mounted);
        }
        None
    })));
    force_detachment(&cloud);
    cloud.await_console(&first, "is gone", 20)?;
    cloud.await_call(&first, "SetInstanceHealth", "200", 30)?;
    cloud.await_call(&first, "DisassociateAddress", "200", 30)?;
    let mounted = *told.lock().unwrap_or_else(PoisonError::into_inner);
    ensure(mounted == Some(false), || {
        "the address was given up before the volume was unmounted".to_owned()
    })?;
    let active = cloud.run_in(&first, &["systemctl", "is-active", "lab-app.service"]);
    ensure(active.is_err(), || "the app still runs".to_owned())?;
    resume(&cloud)?;
    let second = cloud.await_in_service(2, 90)?;
    ensure(cloud.address_holder() == Some(second), || {
        "the address did not follow".to_owned()
    })
}

/// Lets the group launch and replace nothing.
fn hold_back(cloud: &Cloud) {
    cloud.sim.tamper(|world| {
        if let Some(group) = world.groups.get_mut(&cloud.stack.group) {
            group.suspended = ["Launch", "ReplaceUnhealthy"].map(str::to_owned).into();
        }
    });
}

/// The group is held back, so that the instance comes to the end of what it does; then the attachment is gone.
pub fn force_detachment(cloud: &Cloud) {
    hold_back(cloud);
    cloud.sim.tamper(|world| {
        if let Some(record) = world.volumes.get_mut(cloud.stack.volume_id.as_str()) {
            record.volume.attachment = None;
            record.volume.state = VolumeState::Available;
        }
    });
}

/// Lets the group go on.
pub fn resume(cloud: &Cloud) -> TaskResult<()> {
    cloud.operate(
        cloud
            .sim
            .resume_processes(&cloud.stack.group, &["Launch", "ReplaceUnhealthy"].map(str::to_owned)),
    )
}
