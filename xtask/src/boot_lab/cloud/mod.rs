//! The simulated AWS with real effects: it runs in real time, and what it does shows on the machines.

mod waits;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::Server;
use crate::wire::Wire;
use jiff::{SignedDuration, Timestamp};
use selfheal_aws::sim::{InstanceChange, Sim, TraceEvent, TraceKind};
use selfheal_core::request::TAG_REQUEST;
use selfheal_core::world::{AttachmentState, InstanceId, InstanceState, LifecycleState, VolumeId};

use super::config::LabConfig;
use super::disk::{Disk, Loop};
use super::host::Host;
use super::identity::Identity;
use super::machine::Machine;
use super::metadata;
use super::network::{GATEWAY, Routes};
use super::stack::{Options, Stack, create, world};
use crate::error::{Context, TaskError, TaskResult};
use crate::imds::Imds;

/// The port of the simulated AWS, which is none that a URL may leave out: the host is signed with its port.
const PORT: u16 = 8000;
/// How often the world's clock follows the real one.
const TICK: Duration = Duration::from_millis(5);

/// What the world has on the machines.
#[derive(Debug)]
struct Effects {
    config: LabConfig,
    machines: BTreeMap<InstanceId, Host>,
    disks: BTreeMap<String, Disk>,
    /// Where each volume is plugged in.
    plugged: BTreeMap<String, InstanceId>,
    /// A device made beforehand, so that an attachment costs no time where that is measured.
    spare: Option<Loop>,
    next_number: u8,
    events: Vec<TraceEvent>,
    log: File,
    faults: Vec<String>,
    /// Whether new instances are booted as they start to run.
    boots: bool,
    /// What is wrong with volumes that are attached from now on.
    defect: Defect,
}

/// What is wrong with a volume as the machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Nothing.
    None,
    /// EC2 says attached, and no device appears.
    NoDevice,
    /// The device is there, and reading it beyond the first MiB fails.
    ReadErrors,
}

/// A running cloud with one stack. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The simulated AWS.
    pub sim: Sim,
    /// Its wire.
    pub wire: Wire,
    /// The metadata service.
    pub imds: Imds,
    /// The stack.
    pub stack: Stack,
    _server: Arc<Server>,
    routes: Routes,
    effects: Arc<Mutex<Effects>>,
    began: Instant,
    base_ms: u64,
}

impl Cloud {
    /// Makes the stack and lets time run.
    pub fn start(config: &LabConfig, imds: Imds, options: &Options) -> TaskResult<Self> {
        let sim = world(options);
        let stack = create(&sim, options)?;
        let mut disks = BTreeMap::new();
        let disk = Disk::create(&config.memory, &stack.volume_id, options.volume_mib << 20)?;
        disks.insert(stack.volume_id.clone(), disk);
        let base_ms = sim.now_ms();
        // From here on the world's time is the real one: requests are signed with it.
        let began_at = Timestamp::now();
        sim.tamper(|world| {
            let since = SignedDuration::from_millis(i64::try_from(base_ms).unwrap_or_default());
            world.config.start = began_at.checked_sub(since).unwrap_or(began_at);
        });
        let wire = Wire::new(sim.clone());
        let listener = TcpListener::bind((GATEWAY, PORT)).context(|| format!("listen on {GATEWAY}:{PORT}"))?;
        let server = wire.serve(listener).context(|| "serve the simulated AWS".to_owned())?;
        let calls = File::create(config.logs.join("calls.log")).context(|| "make calls.log".to_owned())?;
        wire.set_observer(Some(note_calls(calls)));
        let routes = Routes::default();
        let public: Ipv4Addr = stack
            .public_ip
            .parse()
            .map_err(|error| TaskError::malformed("the Elastic IP", error))?;
        routes.announce(public)?;
        let log = File::create(config.logs.join("events.log")).context(|| "make events.log".to_owned())?;
        let effects = Effects {
            config: config.clone(),
            machines: BTreeMap::new(),
            disks,
            plugged: BTreeMap::new(),
            spare: None,
            next_number: 2,
            events: Vec::new(),
            log,
            faults: Vec::new(),
            boots: true,
            defect: Defect::None,
        };
        let effects = Arc::new(Mutex::new(effects));
        let cloud = Self {
            sim,
            wire,
            imds,
            stack,
            _server: Arc::new(server),
            routes,
            effects,
            began: Instant::now(),
            base_ms,
        };
        Ok(cloud)
    }

    /// Lets time run, in a thread that ends with the process.
    pub fn run(&self) {
        let cloud = self.clone();
        thread::spawn(move || {
            loop {
                cloud.tick();
                thread::sleep(TICK);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Effects> {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the world to the present, and the machines to the world.
    pub fn tick(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sim.advance_to(self.base_ms + elapsed);
        let mut effects = self.lock();
        for event in self.sim.drain_trace() {
            let _ = writeln!(effects.log, "{event}");
            if let Err(error) = self.follow(&mut effects, &event.what) {
                effects.fault(format!("{event}: {error}"));
            }
            effects.events.push(event);
        }
        if let Err(error) = self.plug(&mut effects) {
            effects.fault(error.to_string());
        }
        self.point(&effects);
        self.show_requests(&effects);
        effects.watch_writers();
    }

    /// Does to a machine what the event says.
    fn follow(&self, effects: &mut Effects, what: &TraceKind) -> TaskResult<()> {
        match what {
            TraceKind::Instance {
                id,
                state: InstanceChange::State(InstanceState::Running),
                ..
            } => {
                self.prepare(effects, id)?;
                if effects.boots
                    && let Some(machine) = effects.machines.get_mut(id)
                {
                    machine.power_on()?;
                }
            }
            TraceKind::Instance {
                id,
                state: InstanceChange::State(InstanceState::ShuttingDown | InstanceState::Stopping),
                ..
            } => {
                // EC2 presses the power button. What does not stop in time is cut off.
                if let Some(machine) = effects.machines.get_mut(id) {
                    machine.press_power()?;
                }
            }
            TraceKind::Instance {
                id,
                state: InstanceChange::State(InstanceState::Terminated | InstanceState::Stopped),
                ..
            } => {
                if let Some(machine) = effects.machines.get_mut(id) {
                    machine.kill()?;
                }
            }
            TraceKind::Lifecycle { instance, .. } => {
                let target = self.sim.inspect(|world| world.target_state(instance));
                if let Some(machine) = effects.machines.get(instance) {
                    let ip = machine.identity().ip().into();
                    self.imds.set(
                        ip,
                        "meta-data/autoscaling/target-lifecycle-state",
                        target.as_ref().map(LifecycleState::as_str),
                    );
                }
            }
            TraceKind::Violation { invariant, detail } => {
                effects.fault(format!("invariant {invariant}: {detail}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes the machine of an instance and tells it who it is.
    fn prepare(&self, effects: &mut Effects, id: &InstanceId) -> TaskResult<()> {
        let record = self.sim.inspect(|world| world.instances.get(id).cloned());
        let record = record.ok_or_else(|| TaskError::failed(format!("no instance {id}")))?;
        let identity = Identity {
            instance: id.to_owned(),
            number: effects.next_number,
        };
        effects.next_number += 1;
        self.imds.publish(
            identity.ip().into(),
            metadata::of(&self.sim, &self.wire, &self.stack.role, &record, &identity)?,
        );
        let machine = Host::prepare(&effects.config, identity)?;
        effects.machines.insert(id.to_owned(), machine);
        Ok(())
    }

    /// Plugs volumes in where the world has them attached, and out where not.
    fn plug(&self, effects: &mut Effects) -> TaskResult<()> {
        let Effects {
            machines,
            disks,
            plugged,
            defect,
            spare,
            ..
        } = effects;
        for (volume, disk) in disks {
            let holder = self.sim.inspect(|world| {
                let attachment = world.volumes.get(volume.as_str())?.volume.attachment.as_ref()?;
                (attachment.state != AttachmentState::Attaching).then(|| attachment.instance_id.clone())
            });
            if plugged.get(volume) == holder.as_ref() {
                continue;
            }
            if let Some(machine) = plugged.remove(volume).and_then(|id| machines.get_mut(&id)) {
                machine.unplug_disk(volume)?;
            }
            if let Some(holder) = holder
                && let Some(machine) = machines.get_mut(&holder)
            {
                if *defect != Defect::NoDevice {
                    if *defect == Defect::ReadErrors {
                        // The device keeps its size, and what lies beyond the end of its file cannot be read.
                        let device = spare.take().map_or_else(|| disk.attach(), Ok)?;
                        disk.resize(1 << 20)?;
                        *spare = Some(device);
                    }
                    machine.plug(volume, disk, spare.take())?;
                }
                plugged.insert(volume.clone(), holder);
            }
        }
        Ok(())
    }

    /// Lets public addresses lead where the world says, and tells the machines.
    fn point(&self, effects: &Effects) {
        let Ok(public) = self.stack.public_ip.parse::<Ipv4Addr>() else {
            return;
        };
        let holder = self.sim.inspect(|world| {
            world
                .addresses
                .get(self.stack.allocation_id.as_str())
                .and_then(|record| record.address.instance_id.clone())
        });
        let machine = holder.and_then(|id| effects.machines.get(&id));
        self.routes
            .lead(public, machine.map(|machine| IpAddr::from(machine.identity().ip())));
        for (id, machine) in &effects.machines {
            let ip = self.sim.inspect(|world| world.public_ip(id));
            let (address, mac) = (machine.identity().ip().into(), machine.identity().mac());
            self.imds.set(address, "meta-data/public-ipv4", ip.as_deref());
            let path = format!("meta-data/network/interfaces/macs/{mac}/public-ipv4s");
            self.imds.set(address, &path, ip.as_deref());
        }
    }

    /// Tells the machines in their metadata what they are asked to do, where their launch template lets them see their tags.
    fn show_requests(&self, effects: &Effects) {
        for (id, machine) in &effects.machines {
            let request = self.sim.inspect(|world| {
                let instance = world
                    .instances
                    .get(id)
                    .filter(|it| it.data.metadata_tags == "enabled")?;
                instance.tags.get(TAG_REQUEST).cloned()
            });
            let path = format!("meta-data/tags/instance/{TAG_REQUEST}");
            self.imds.set(machine.identity().ip().into(), &path, request.as_deref());
        }
    }

    /// Works with the machine of an instance, of whatever kind.
    pub fn host<T>(&self, id: &InstanceId, work: impl FnOnce(&mut Host) -> TaskResult<T>) -> TaskResult<T> {
        let mut effects = self.lock();
        let host = effects.machines.get_mut(id);
        work(host.ok_or_else(|| TaskError::failed(format!("{id} has no machine")))?)
    }

    /// Works with the machine of an instance, which must be one in namespaces.
    pub fn machine<T>(&self, id: &InstanceId, work: impl FnOnce(&mut Machine) -> TaskResult<T>) -> TaskResult<T> {
        self.host(id, |host| work(host.machine()?))
    }

    /// Runs a command inside a machine; the world goes on meanwhile.
    pub fn run_in(&self, id: &InstanceId, words: &[&str]) -> TaskResult<String> {
        let mut command = self.machine(id, |machine| machine.command(words))?;
        super::command::output(&mut command)
    }

    /// Works with the data volume's bytes.
    pub fn disk<T>(&self, work: impl FnOnce(&mut Disk) -> TaskResult<T>) -> TaskResult<T> {
        let mut effects = self.lock();
        let disk = effects.disks.get_mut(&self.stack.volume_id);
        work(disk.ok_or_else(|| TaskError::failed("the volume has no disk"))?)
    }

    /// Gives a volume the bytes that the data volume has now, as a snapshot has them.
    pub fn copy_disk(&self, id: &VolumeId) -> TaskResult<()> {
        let memory = self.lock().config.memory.clone();
        let copy = self.disk(|disk| Disk::copy(&memory, id.as_str(), &disk.path()))?;
        self.lock().disks.insert(id.to_string(), copy);
        Ok(())
    }

    /// The machine that a volume is plugged into.
    pub fn holder_of(&self, id: &VolumeId) -> Option<InstanceId> {
        self.lock().plugged.get(id.as_str()).cloned()
    }

    /// Makes the device of the data volume's next attachment beforehand.
    pub fn prepare_attachment(&self) -> TaskResult<()> {
        let device = self.disk(|disk| disk.attach())?;
        self.lock().spare = Some(device);
        Ok(())
    }

    /// Makes the data volume blank again, at its size.
    pub fn blank_disk(&self) -> TaskResult<()> {
        let memory = self.lock().config.memory.clone();
        self.disk(|disk| {
            let bytes = std::fs::metadata(disk.path())
                .context(|| "look at the volume".to_owned())?
                .len();
            disk.renew(&memory, bytes).map(drop)
        })
    }

    /// Cuts the power of an instance's host: nothing is written any more, and EC2 sees the instance go.
    pub fn cut_power(&self, id: &InstanceId) -> TaskResult<()> {
        let mut effects = self.lock();
        let Effects {
            machines,
            disks,
            plugged,
            ..
        } = &mut *effects;
        let machine = machines
            .get_mut(id)
            .ok_or_else(|| TaskError::failed(format!("{id} has no machine")))?;
        let held = disks
            .iter_mut()
            .filter(|(volume, _)| plugged.get(*volume).is_some_and(|holder| holder == id))
            .map(|(_, disk)| disk);
        machine.cut_power(held)
    }

    /// Switches a machine on again as it was: the same instance, its root disk, its volumes.
    pub fn power_on(&self, id: &InstanceId) -> TaskResult<()> {
        let mut effects = self.lock();
        let Effects {
            machines,
            disks,
            plugged,
            ..
        } = &mut *effects;
        let machine = machines
            .get_mut(id)
            .ok_or_else(|| TaskError::failed(format!("{id} has no machine")))?;
        for (volume, disk) in disks {
            if plugged.get(volume).is_some_and(|holder| holder == id) {
                machine.unplug_disk(volume)?;
                machine.plug(volume, disk, None)?;
            }
        }
        machine.power_on()
    }

    /// Sets what is wrong with volumes that are attached from now on.
    pub fn set_defect(&self, defect: Defect) {
        self.lock().defect = defect;
    }

    /// Whether instances are booted when they start to run.
    pub fn set_boots(&self, boots: bool) {
        self.lock().boots = boots;
    }

    /// Ends every machine.
    pub fn shut_down(&self) -> TaskResult<()> {
        let mut effects = self.lock();
        effects.boots = false;
        for machine in effects.machines.values_mut() {
            machine.kill()?;
        }
        Ok(())
    }
}

impl Effects {
    fn fault(&mut self, text: String) {
        let _ = writeln!(self.log, "FAULT {text}");
        self.faults.push(text);
    }

    /// At any instant at most one machine has the volume mounted.
    fn watch_writers(&mut self) {
        for volume in self.disks.keys() {
            let writers: Vec<&InstanceId> = self
                .machines
                .iter()
                .filter(|(_, machine)| machine.has_mounted(volume))
                .map(|(id, _)| id)
                .collect();
            if writers.len() > 1 {
                let text = format!("two writers of {volume}: {writers:?}");
                self.faults.push(text);
                return;
            }
        }
    }
}

/// Writes a line for every call that comes over the wire.
fn note_calls(mut log: File) -> crate::wire::Observer {
    Box::new(move |record| {
        let (who, what) = record
            .call
            .as_ref()
            .map_or(("?", "?"), |call| (call.instance.as_str(), &call.action));
        let _ = writeln!(log, "{} {who} {what} {} {}", record.at, record.outcome, record.detail);
    })
}
