//! The same on virtual machines: a kernel of their own, real udev, and a volume that is really taken away.
//!
//! Nobody sees into such a machine, so what counts is what it calls, what it serves and what its console says; the
//! observer in the image tells there what the kernel has.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use selfheal_aws::AutoScaling;
use selfheal_aws::sim::{InstanceChange, TraceKind};
use selfheal_core::spec::{Filesystem, HealthProbe, HealthSpec};
use selfheal_core::world::{InstanceId, InstanceState};

use super::boots::actions_of;
use super::get;
use super::leaving::{force_detachment, resume};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::network::APP_PORT;
use crate::boot_lab::stack::{Options, app_health};
use crate::error::{TaskError, TaskResult};

/// How long a boot may take. It takes half a minute where two processors are free, and several where they are not.
pub const BOOT_S_MAX: u64 = 400;
/// How long anything else may take that a machine does once it has booted.
pub const STEP_S_MAX: u64 = 120;

/// Goes on to the setup script: the app writes, and flushes what it wrote, all the time.
const WRITER: &str = r"
sed -i 's/^exec python3/while sleep 0.5; do date >>written; sync -f written; done \&\n&/' /usr/local/bin/lab-app
";

/// The same, but the app answers a request only when it has written and flushed something.
const FLUSHER: &str = include_str!("../../../boot-lab/app-flushes.sh");

/// Time enough for the observer in a machine to say what has changed.
const GLANCE: Duration = Duration::from_secs(2);

/// A stack whose budgets allow for emulation.
fn options() -> Options {
    Options {
        health: Some(HealthSpec {
            startup_budget_s: 120,
            interval_s: 5,
            ..app_health()
        }),
        setup: Options::default().setup.map(|setup| setup + WRITER),
        ..Options::default()
    }
}

/// Boots the first instance, checks what a first boot has to come to, and answers its id and the app's bytes.
pub fn first_boot(lab: &mut Lab, cloud: &Cloud) -> TaskResult<(InstanceId, Vec<u8>)> {
    let began = Instant::now();
    let id = cloud.await_in_service(1, BOOT_S_MAX)?;
    let bytes = served(cloud)?;
    lab.note(format!("first boot {:.0} s", began.elapsed().as_secs_f64()));
    ensure(cloud.address_holder().as_ref() == Some(&id), || {
        "the address is not with the instance".to_owned()
    })?;
    let actions = actions_of(cloud, &id);
    let place = |wanted: &str| actions.iter().position(|action| action == wanted);
    let (attached, associated) = (place("AttachVolume"), place("AssociateAddress"));
    let completed = place("CompleteLifecycleAction");
    let in_order = attached.is_some() && attached < associated && associated < completed;
    ensure(in_order, || format!("the calls came in another order: {actions:?}"))?;
    cloud.await_console(&id, "boot is done", STEP_S_MAX)?;
    shows_volume(lab, cloud, &id)?;
    Ok((id, bytes))
}

/// The kernel shows the volume's id as the serial, and udev a link that ends with it.
fn shows_volume(lab: &mut Lab, cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let serial = cloud.stack.volume_id.replacen('-', "", 1);
    let link = wait_for("link by id", Duration::from_secs(STEP_S_MAX), || {
        let seen = Seen::of(cloud, id)?;
        let link = seen.part("links").split(' ').find(|link| link.ends_with(&serial));
        Ok(link.map(str::to_owned))
    })?;
    let seen = Seen::of(cloud, id)?;
    let shown = seen
        .part("serials")
        .split(' ')
        .any(|pair| pair.ends_with(&format!("={serial}")));
    ensure(shown, || format!("the kernel shows {}", seen.part("serials")))?;
    // The model is part of the name: EC2's is "Amazon Elastic Block Store", and QEMU's cannot be set.
    lab.note(format!("by-id link {link}"));
    Ok(())
}

/// The host's power is cut; another machine serves the same bytes over the same address.
pub fn replacement(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let (first, before) = first_boot(lab, &cloud)?;
    replaced(lab, &cloud, &first, &before, "the power cut", || {
        cloud.cut_power(&first)?;
        cloud.sim.kill_instance(&first);
        Ok(())
    })
}

/// Waits for the second instance after `end` has ended the first; it must serve the same.
fn replaced(
    lab: &mut Lab,
    cloud: &Cloud,
    first: &InstanceId,
    before: &[u8],
    name: &str,
    end: impl FnOnce() -> TaskResult<()>,
) -> TaskResult<()> {
    let began = Instant::now();
    end()?;
    wait_for("end of the old address", Duration::from_secs(STEP_S_MAX), || {
        Ok((cloud.address_holder().as_ref() != Some(first)).then_some(()))
    })?;
    let after = wait_for(
        "same bytes over the same address",
        Duration::from_secs(BOOT_S_MAX),
        || {
            alive(cloud)?;
            Ok(get(cloud, "/birth").ok())
        },
    )?;
    let recovery_s = began.elapsed().as_secs_f64();
    ensure(after == before, || "the bytes are not the same".to_owned())?;
    let second = cloud.await_in_service(2, STEP_S_MAX)?;
    ensure(cloud.address_holder() == Some(second.clone()), || {
        "the address did not follow".to_owned()
    })?;
    cloud.await_console(&second, "boot is done", STEP_S_MAX)?;
    lab.note(format!(
        "same bytes over the same address {recovery_s:.0} s after {name}"
    ));
    Ok(())
}

/// The machine is reset without warning: the volume is there already, so nothing is called for again.
pub fn reset(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let (id, before) = first_boot(lab, &cloud)?;
    let calls = cloud.calls().len();
    let began = Instant::now();
    cloud.host(&id, |host| host.vm()?.reset())?;
    wait_for("second start of the app", Duration::from_secs(BOOT_S_MAX), || {
        alive(&cloud)?;
        let starts = get(&cloud, "/starts").unwrap_or_default();
        Ok((starts.iter().filter(|byte| **byte == b'\n').count() == 2).then_some(()))
    })?;
    lab.note(format!(
        "serving {:.0} s after the reset",
        began.elapsed().as_secs_f64()
    ));
    ensure(served(&cloud)? == before, || {
        "the bytes have changed over the reset".to_owned()
    })?;
    ensure(cloud.address_holder() == Some(id), || {
        "the address is elsewhere".to_owned()
    })?;
    let again: Vec<_> = cloud.calls().split_off(calls);
    let needless = ["AttachVolume", "AssociateAddress", "CompleteLifecycleAction"];
    let repeated = again.iter().find(|(_, action, _)| needless.contains(&action.as_str()));
    ensure(repeated.is_none(), || {
        format!("the boot after the reset called {repeated:?} again")
    })
}

/// The group ends the instance, which gives the volume back: the device is ejected from a machine that still runs.
pub fn scale_in(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        terminate_hook: true,
        ..options()
    })?;
    let (first, before) = first_boot(lab, &cloud)?;
    let at_detachment = watch_call(&cloud, "DetachVolume");
    let began = Instant::now();
    cloud.operate(cloud.sim.terminate_instance(&first))?;
    // The group goes on from here, and EC2 may be quicker than what the instance still does.
    wait_for(
        "completion of the terminate hook",
        Duration::from_secs(STEP_S_MAX),
        || {
            let actions = actions_of(&cloud, &first);
            let completed = actions.iter().filter(|action| *action == "CompleteLifecycleAction");
            Ok((completed.count() == 2).then_some(()))
        },
    )?;
    let left_s = began.elapsed().saturating_sub(GLANCE).as_secs_f64();
    lab.note(format!("left after {left_s:.1} s"));
    at_rest(&at_detachment, "the volume was given back")?;
    replaced(lab, &cloud, &first, &before, "it left", || Ok(()))
}

pub fn volume_lost(lab: &mut Lab) -> TaskResult<()> {
    lose_volume(lab, &options())
}

pub fn volume_lost_xfs(lab: &mut Lab) -> TaskResult<()> {
    // mkfs.xfs makes nothing smaller than 300 MiB.
    lose_volume(
        lab,
        &Options {
            filesystem: Filesystem::Xfs,
            volume_mib: 320,
            ..options()
        },
    )
}

/// Somebody detaches the volume by force, under a file system that is mounted and written to.
fn lose_volume(lab: &mut Lab, options: &Options) -> TaskResult<()> {
    let cloud = lab.launch(options)?;
    let (first, before) = first_boot(lab, &cloud)?;
    let at_address = watch_call(&cloud, "DisassociateAddress");
    // First the kernel finds out, by what it writes. The device is still there, so the boot program does not.
    cloud.host(&first, |host| host.vm()?.break_disk(&cloud.stack.volume_id))?;
    cloud.await_console(&first, "I/O Error", STEP_S_MAX)?;
    let began = Instant::now();
    force_detachment(&cloud);
    cloud.await_console(&first, "is gone", STEP_S_MAX)?;
    lab.note(format!("noticed after {:.1} s", began.elapsed().as_secs_f64()));
    cloud.await_call(&first, "SetInstanceHealth", "200", STEP_S_MAX)?;
    cloud.await_call(&first, "DisassociateAddress", "200", STEP_S_MAX)?;
    let given_up_s = began.elapsed().saturating_sub(GLANCE).as_secs_f64();
    lab.note(format!("address given up after {given_up_s:.1} s"));
    at_rest(&at_address, "the address was given up")?;
    replaced(lab, &cloud, &first, &before, "the group was let go on", || {
        resume(&cloud)
    })
}

/// The app stops answering, since it waits for a volume that stalls.
pub fn volume_stalls(lab: &mut Lab) -> TaskResult<()> {
    stall_volume(
        lab,
        &Options {
            setup: Options::default().setup.map(|setup| setup + FLUSHER),
            ..options()
        },
    )
}

/// The probe itself waits for a volume that stalls, and cannot be killed.
pub fn probe_stalls(lab: &mut Lab) -> TaskResult<()> {
    let probe = HealthProbe::Command {
        line: "date >/srv/data/probe && sync -f /srv/data/probe".to_owned(),
    };
    let health = options().health.map(|health| HealthSpec { probe, ..health });
    stall_volume(lab, &Options { health, ..options() })
}

/// The volume stalls: nothing fails, and nothing ends any more. What an instance does on its way out may never end
/// either; it gives up on the volume, and lets the group go on.
fn stall_volume(lab: &mut Lab, options: &Options) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        terminate_hook: true,
        ..options.clone()
    })?;
    let (first, before) = first_boot(lab, &cloud)?;
    let began = Instant::now();
    cloud.host(&first, |host| host.vm()?.stall_disk(&cloud.stack.volume_id))?;
    cloud.await_call(&first, "SetInstanceHealth", "200", STEP_S_MAX)?;
    lab.note(format!("reported after {:.0} s", began.elapsed().as_secs_f64()));
    cloud.await_event(
        "end of the terminate hook",
        2 * STEP_S_MAX,
        |what| matches!(what, TraceKind::Instance { id, state, .. } if *id == first && *state == InstanceChange::State(InstanceState::ShuttingDown)),
    )?;
    lab.note(format!("ended after {:.0} s", began.elapsed().as_secs_f64()));
    // It let the group go on by itself: for the launch, and now.
    let actions = actions_of(&cloud, &first);
    let completed = actions.iter().filter(|action| *action == "CompleteLifecycleAction");
    ensure(completed.count() == 2, || {
        format!("the terminate hook ran into its time-out: {actions:?}")
    })?;
    replaced(lab, &cloud, &first, &before, "its end", || Ok(()))
}

/// What was the case when an instance made a call: whether the file system was still alive, and whether the app still
/// served.
type AtCall = Arc<Mutex<Option<(bool, bool)>>>;

/// Looks at the instance that makes the first call of this action, while it waits for its answer.
fn watch_call(cloud: &Cloud, action: &'static str) -> AtCall {
    let found = AtCall::default();
    let (noted, lab) = (Arc::clone(&found), cloud.clone());
    cloud.wire.set_hook(Some(Box::new(move |call| {
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        if call.action == action && noted.is_none() {
            std::thread::sleep(GLANCE);
            let seen = Seen::of(&lab, &call.instance);
            let mounted = !seen.is_ok_and(|seen| seen.part("alive").is_empty() && seen.part("mounted").is_empty());
            let address = lab.host(&call.instance, |host| Ok(host.identity().ip()));
            let address = address.map(|ip| SocketAddr::from((ip, APP_PORT)));
            let serves = address.is_ok_and(|at| TcpStream::connect_timeout(&at, Duration::from_secs(5)).is_ok());
            *noted = Some((mounted, serves));
        }
        None
    })));
    found
}

/// Fails unless by that call the app had stopped and the file system had gone.
fn at_rest(at_call: &AtCall, what: &str) -> TaskResult<()> {
    let at_call = *at_call.lock().unwrap_or_else(PoisonError::into_inner);
    let (mounted, serves) = at_call.ok_or_else(|| TaskError::failed(format!("nobody saw that {what}")))?;
    ensure(!serves, || format!("{what} while the app still ran"))?;
    ensure(!mounted, || format!("{what} before the volume was unmounted"))
}

/// What the observer in a machine said last on its console.
struct Seen {
    line: String,
}

impl Seen {
    fn of(cloud: &Cloud, id: &InstanceId) -> TaskResult<Self> {
        let path = cloud.host(id, |host| Ok(host.console()))?;
        let console = std::fs::read(&path).unwrap_or_default();
        Self::last_on(&String::from_utf8_lossy(&console))
            .ok_or_else(|| TaskError::failed(format!("the observer of {id} has said nothing")))
    }

    /// The last line that came through whole: the kernel writes into lines of others.
    fn last_on(console: &str) -> Option<Self> {
        let whole = |line: &&str| line.starts_with("lab: serials:") && line.contains("; alive:") && line.ends_with('.');
        let line = console.lines().map(str::trim_end).rfind(whole)?;
        Some(Self { line: line.to_owned() })
    }

    /// One part of the line, between its name and the next.
    fn part(&self, name: &str) -> &str {
        let mut parts = self.line.trim_start_matches("lab: ").trim_end_matches('.').split("; ");
        let part = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix(':'));
        part.unwrap_or_default().trim()
    }
}

/// The app's own hash of its bytes, over the Elastic IP.
pub fn served(cloud: &Cloud) -> TaskResult<Vec<u8>> {
    wait_for("answer over the Elastic IP", Duration::from_secs(STEP_S_MAX), || {
        alive(cloud)?;
        Ok(get(cloud, "/birth").ok())
    })
}

/// Ends a wait early where the lab or the world has found a fault.
pub fn alive(cloud: &Cloud) -> TaskResult<()> {
    cloud
        .faults()
        .first()
        .map_or(Ok(()), |fault| Err(TaskError::failed(fault.clone())))
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn reads_the_observers_last_whole_line() {
        let console = "boot\r\n\nlab: serials: nvme0=vol1; models:; links:; mounted:; alive:.\r\n\
                       lab: serials: nvme0=vol1 nvme1=vol2; models: nvme0='M X'; links: nvme-nvme.1b36 nvme-M_X_vol2; \
                       mounted: /dev/nvme1n1; alive:.\r\n\
                       lab: serials: nvme0=vol1; mod[   70.1] the kernel\r\n";
        let seen = Seen::last_on(console).expect("a whole line");
        assert_eq!(seen.part("serials"), "nvme0=vol1 nvme1=vol2");
        assert_eq!(seen.part("links"), "nvme-nvme.1b36 nvme-M_X_vol2");
        assert_eq!(seen.part("mounted"), "/dev/nvme1n1");
        assert_eq!(seen.part("alive"), "");
        assert!(Seen::last_on("nothing").is_none());
    }
}
