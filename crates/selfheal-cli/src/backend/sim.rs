//! The simulated AWS, kept in a file.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig, SubnetConfig, World};
use selfheal_core::spec::{Architecture, ImageRef, Spec, ZoneRef};
use selfheal_core::world::{Image, ImageId};

use crate::cli::Global;
use crate::error::CliError;
use crate::files;
use crate::spec::beside;

/// How long the simulated world goes on after each command: long enough for an instance to be replaced, so that the
/// next command finds the world at rest.
const AFTER_A_COMMAND: Duration = Duration::from_secs(20 * 60);

/// Size limit of a kept world: one after many commands has a few hundred KiB.
const WORLD_BYTES_MAX: u64 = 64 << 20;

/// A simulated AWS with the file that keeps it.
#[derive(Debug)]
pub struct SimFile {
    pub(super) sim: Sim,
    file: PathBuf,
    /// Holds off other commands on the same world; the system lets go of it when the process ends, however that is.
    _lock: Option<File>,
}

impl SimFile {
    pub(super) fn open(global: &Global, spec: &Spec) -> Result<Self, CliError> {
        let beside_the_spec = || beside(&global.file, ".selfheal-sim.json");
        let file = global.sim_file.clone().unwrap_or_else(beside_the_spec);
        let failed = |message: String| CliError::World {
            path: file.clone(),
            message,
        };
        let lock = lock_folder(&file).map_err(|error| failed(error.to_string()))?;
        let sim = match files::read(&file, WORLD_BYTES_MAX) {
            Ok(bytes) => Sim::load(&bytes).map_err(|error| failed(error.to_string()))?,
            Err(error) if error.is_missing() => new_world(spec),
            Err(error) => return Err(failed(error.to_string())),
        };
        sim.tamper(|world| offer_types(world, spec));
        Ok(Self { sim, file, _lock: lock })
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> CliError {
        CliError::World {
            path: self.file.clone(),
            message: error.to_string(),
        }
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
        self.sim.block_on(future).map_err(|error| self.failed(&error))
    }

    /// Lets the world go on, and writes it beside its file and then over it, so that no crash leaves half a world.
    pub(super) fn close(&self) -> Result<(), CliError> {
        self.sim.settle(AFTER_A_COMMAND);
        for event in self.sim.drain_trace() {
            tracing::debug!("{event}");
        }
        let bytes = self.sim.save().map_err(|error| self.failed(&error))?;
        let draft = self.file.with_extension(format!("{}.tmp", std::process::id()));
        let written = File::create(&draft)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&draft, &self.file));
        written.map_err(|error| {
            // What is left of the draft is of no use; that it cannot be removed changes nothing.
            drop(std::fs::remove_file(&draft));
            self.failed(&error)
        })
    }
}

/// Locks the folder that a world is in, since the world's own file is replaced by every command. Waits for another command
/// to end; `None` where folders cannot be opened.
fn lock_folder(file: &Path) -> std::io::Result<Option<File>> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Ok(lock) = File::open(folder) else { return Ok(None) };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another command on the simulated AWS in {}", file.display());
            lock.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(Some(lock))
}

/// Makes a new world in which everything that the stack's file takes for given exists.
fn new_world(spec: &Spec) -> Sim {
    let mut config = SimConfig {
        region: spec.region.clone(),
        ..SimConfig::default()
    };
    if let Some(dns) = &spec.dns {
        config.hosted_zones = match &dns.zone {
            ZoneRef::Name(zone) => vec![zone.clone()],
            ZoneRef::Id(_) => Vec::new(),
        };
    }
    if let Some(subnet) = &spec.instance.subnet {
        let vpc_id = "vpc-0000000000000000f".into();
        config.subnets.push(SubnetConfig {
            id: subnet.clone(),
            vpc_id,
            zone: 'a',
        });
    }
    let sim = Sim::new(config);
    sim.tamper(|world| publish_image(world, spec));
    if let Some(dns) = &spec.dns
        && let ZoneRef::Id(id) = &dns.zone
    {
        // What the zone is called, only the real Route 53 knows: the name's parent, where that is a domain.
        let parent = dns.name.split_once('.').map(|(_, parent)| parent);
        let zone = parent.filter(|parent| parent.contains('.')).unwrap_or(&dns.name);
        sim.tamper(|world| world.add_zone(id.clone(), zone));
    }
    sim
}

/// Offers the types of the stack's file, whatever they are: which types there are, only EC2 knows.
fn offer_types(world: &mut World, spec: &Spec) {
    let zones = world.config.zones.clone();
    for name in spec.instance.types() {
        let offered = &mut world.config.type_zones;
        offered.entry(name.clone()).or_insert_with(|| zones.clone());
    }
}

fn publish_image(world: &mut World, spec: &Spec) {
    let id = match &spec.instance.image {
        ImageRef::Alias { .. } => return,
        ImageRef::Id(id) => id.clone(),
        ImageRef::Parameter(path) => {
            let id = ImageId::from("ami-0000000000000000f");
            world.set_parameter(path, id.as_str());
            id
        }
    };
    let architecture = Architecture::of_instance_type(&spec.instance.instance_type);
    let image = Image {
        id: id.clone(),
        root_device: "/dev/xvda".to_owned(),
        architecture: architecture.map(|architecture| architecture.to_string()),
        root_size_gib: None,
    };
    world.images.insert(id, image);
}
