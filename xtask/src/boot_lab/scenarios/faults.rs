//! Faults of AWS and of the machine that a boot has to live through, or to name.

use selfheal_core::world::InstanceId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::wire::{Hook, WireFault};
use jiff::SignedDuration;

use super::boots::{actions_of, served_bytes};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::ensure;
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{Context, TaskResult};
use crate::imds::Fault;

fn refuse(code: &str, message: &str) -> WireFault {
    WireFault::Refuse {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// Refuses the first calls of each action that is named, so many times, with this code and message.
fn first_times(faults: &'static [(&'static str, &'static str, &'static str)], times: u32) -> Hook {
    let mut seen: BTreeMap<&'static str, u32> = BTreeMap::new();
    Box::new(move |call| {
        let (action, code, message) = faults.iter().find(|(action, ..)| *action == call.action)?;
        let count = seen.entry(action).or_default();
        *count += 1;
        (*count <= times).then(|| refuse(code, message))
    })
}

/// Boots a stack in spite of these faults, each of which must have struck.
fn boots_through(lab: &mut Lab, faults: &'static [(&'static str, &'static str, &'static str)]) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    cloud.wire.set_hook(Some(first_times(faults, 2)));
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 30)?;
    for (action, code, _) in faults {
        let struck = cloud
            .calls()
            .iter()
            .filter(|(_, what, how)| what == action && how == code)
            .count();
        ensure(struck == 2, || {
            format!("{code} struck {struck} × {action} instead of 2")
        })?;
    }
    ensure(cloud.address_holder() == Some(id), || {
        "the address is not with the instance".to_owned()
    })
}

const SLOW_DOWN: &str = "Request limit exceeded.";

pub fn throttled(lab: &mut Lab) -> TaskResult<()> {
    boots_through(
        lab,
        &[
            ("AttachVolume", "RequestLimitExceeded", SLOW_DOWN),
            ("DescribeVolumes", "RequestLimitExceeded", SLOW_DOWN),
            ("AssociateAddress", "RequestLimitExceeded", SLOW_DOWN),
            ("DescribeAddresses", "RequestLimitExceeded", SLOW_DOWN),
            ("CompleteLifecycleAction", "Throttling", "Rate exceeded"),
            ("DeleteTags", "RequestLimitExceeded", SLOW_DOWN),
        ],
    )
}

pub fn not_ready(lab: &mut Lab) -> TaskResult<()> {
    boots_through(
        lab,
        &[
            ("AttachVolume", "IncorrectState", "Instance is not 'running'."),
            (
                "AssociateAddress",
                "InvalidInstanceID",
                "The pending instance is not in a valid state for this operation.",
            ),
            (
                "CompleteLifecycleAction",
                "InternalFailure",
                "The request failed because of an unknown error.",
            ),
        ],
    )
}

/// Answers that are lost after the call took effect, and connections that are cut before it.
pub fn answers_lost(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    cloud.wire.set_hook(Some(Box::new(move |call| {
        let count = seen.entry(call.action.clone()).or_default();
        *count += 1;
        match *count {
            1 => Some(WireFault::Drop),
            2 => Some(WireFault::LoseAnswer),
            _ => None,
        }
    })));
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    served_bytes(&cloud)?;
    ensure(cloud.address_holder().as_ref() == Some(&id), || {
        "the address is not with the instance".to_owned()
    })?;
    cloud.await_console(&id, "boot is done", 60)
}

pub fn imds_faults(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    cloud.imds.spoil(Fault {
        path: "meta-data/instance-id",
        status: 401,
        times: 2,
    });
    cloud.imds.spoil(Fault {
        path: "iam/security-credentials",
        status: 404,
        times: 2,
    });
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    served_bytes(&cloud)?;
    ensure(cloud.imds.spoiled_left() == 0, || "not every fault struck".to_owned())?;
    let answered = |status: u16| cloud.imds.log().iter().filter(|(_, how)| *how == status).count();
    ensure(answered(401) >= 2 && answered(404) >= 2, || {
        "the faults did not show".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(id), || {
        "the address is not with the instance".to_owned()
    })
}

/// The role's policy takes two minutes to spread.
pub fn denied(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    let until = Instant::now() + Duration::from_secs(120);
    cloud.wire.set_hook(Some(Box::new(move |call| {
        let code = if call.service == "ec2" {
            "UnauthorizedOperation"
        } else {
            "AccessDenied"
        };
        (Instant::now() < until).then(|| refuse(code, "You are not authorized to perform this operation."))
    })));
    cloud.run();
    let id = cloud.await_in_service(1, 180)?;
    ensure(Instant::now() > until, || {
        "it was in service while everything was denied".to_owned()
    })?;
    served_bytes(&cloud)?;
    let refused = cloud
        .calls()
        .iter()
        .filter(|(_, _, how)| how == "UnauthorizedOperation")
        .count();
    lab.note(format!("{refused} refusals"));
    ensure(cloud.address_holder() == Some(id), || {
        "the address is not with the instance".to_owned()
    })
}

/// The clock is ten minutes off, and is set right after some seconds, as chrony does it.
pub fn skewed_clock(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    cloud.wire.set_skew(SignedDuration::from_mins(10));
    cloud.run();
    let id = cloud.await_launched(1, 10)?;
    // A request out of date never reaches the point where its caller is known, so it is told by the console.
    cloud.await_console(&id, "RequestExpired", 60)?;
    cloud.wire.set_skew(SignedDuration::ZERO);
    cloud.await_in_service(1, 60)?;
    served_bytes(&cloud).map(drop)
}

/// The clock stays ten minutes off: the boot fails, and says why.
pub fn clock_stays_skewed(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&Options::default())?;
    cloud.wire.set_skew(SignedDuration::from_mins(10));
    cloud.run();
    let id = cloud.await_launched(1, 10)?;
    cloud.await_console(&id, "the clock of this instance is off by -", 300)?;
    ensure(actions_of(&cloud, &id).is_empty(), || {
        "a request out of date was accepted".to_owned()
    })
}

/// Puts a program on an instance's root disk.
pub fn install(cloud: &Cloud, id: &InstanceId, path: &str, text: &str) -> TaskResult<()> {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let path = cloud.machine(id, |machine| Ok(machine.root()))?.join(path);
    fs::write(&path, text).context(|| format!("write {}", path.display()))?;
    fs::set_permissions(&path, Permissions::from_mode(0o755)).context(|| format!("change {}", path.display()))
}
