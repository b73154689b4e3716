//! Where a stack lives: the real AWS or a simulated one, behind the same calls.

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};

use selfheal_aws::{Aws, Control, Progress};
use selfheal_core::Spec;

use crate::cli::{BackendKind, Global};
use crate::error::CliError;
use crate::spec::beside;

/// A backend with the runtime that drives it.
#[derive(Debug)]
pub enum Backend {
    /// The real AWS.
    #[cfg(feature = "sdk")]
    Aws(aws::Real),
    /// A simulated AWS, kept in a file.
    #[cfg(feature = "sim")]
    Sim(sim::Kept),
}

impl Backend {
    /// Opens the backend that the command line asks for, in the stack's Region.
    ///
    /// # Errors
    /// This build lacks it, the Region contradicts the stack's, or it cannot be opened.
    pub fn open(global: &Global, spec: &Spec) -> Result<Self, CliError> {
        if let Some(region) = global.region.as_ref().filter(|region| **region != spec.region) {
            return Err(CliError::Usage(format!(
                "the stack `{}` is in {}, not in {region}: its Region is part of what it is, and {} says which",
                spec.name,
                spec.region,
                global.file.display()
            )));
        }
        match global.backend {
            #[cfg(feature = "sdk")]
            BackendKind::Aws => aws::Real::open(global, spec).map(Self::Aws),
            #[cfg(feature = "sim")]
            BackendKind::Sim => sim::Kept::open(&sim_file(global), spec).map(Self::Sim),
            #[cfg(not(all(feature = "sdk", feature = "sim")))]
            other => Err(CliError::Usage(format!(
                "this build of selfheal was made without the backend {other:?}"
            ))),
        }
    }

    /// The calls.
    #[must_use]
    pub fn aws(&self) -> &dyn Aws {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(real) => &real.sdk,
            #[cfg(feature = "sim")]
            Self::Sim(kept) => &kept.sim,
        }
    }

    /// Time and randomness of this backend, and who is told how it goes.
    #[must_use]
    pub fn control<'a>(&'a self, progress: &'a dyn Progress) -> Control<'a> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => Control {
                clock: &selfheal_aws::sdk::SystemClock,
                jitter: &selfheal_aws::sdk::SystemJitter,
                progress,
            },
            #[cfg(feature = "sim")]
            Self::Sim(kept) => Control {
                clock: &kept.sim,
                jitter: &kept.sim,
                progress,
            },
        }
    }

    /// Runs a future to its end, or until an interrupt. The simulated AWS takes no real time to speak of, and an interrupt
    /// ends it like any other program.
    ///
    /// # Errors
    /// [`CliError::Interrupted`], or a simulated AWS that fails.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(real) => real.block_on(future),
            #[cfg(feature = "sim")]
            Self::Sim(kept) => kept.block_on(future),
        }
    }

    /// Asks a person on the terminal, interruptibly, and answers the line without its end; `None` at the end of input.
    ///
    /// # Errors
    /// [`CliError::Interrupted`].
    pub fn read_line(&self) -> Result<Option<String>, CliError> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(real) => real.read_line(),
            #[cfg(feature = "sim")]
            Self::Sim(_) => Ok(stdin_line()),
        }
    }

    /// Says that a person gave up what holds an address or data. A simulated AWS holds it for a mistake otherwise; the real
    /// one never asks.
    pub fn given_up(&self, ids: &[&str]) {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => {}
            #[cfg(feature = "sim")]
            Self::Sim(kept) => ids.iter().for_each(|id| kept.sim.permit(id)),
        }
    }

    /// Keeps what has to be kept between commands. To be called at the end of every command, also of one that failed.
    ///
    /// # Errors
    /// The simulated AWS cannot be written to its file.
    pub fn close(&self) -> Result<(), CliError> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => Ok(()),
            #[cfg(feature = "sim")]
            Self::Sim(kept) => kept.close(),
        }
    }
}

#[cfg(feature = "sim")]
fn sim_file(global: &Global) -> PathBuf {
    global
        .sim_file
        .clone()
        .unwrap_or_else(|| beside(&global.file, ".selfheal-sim.json"))
}

/// A line of standard input without its end; `None` at the end of input.
fn stdin_line() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}

/// The real AWS.
#[cfg(feature = "sdk")]
pub mod aws {
    use std::future::Future;

    use selfheal_aws::sdk::{Sdk, SdkConfig};
    use selfheal_core::Spec;
    use tokio::runtime::{Builder, Runtime};

    use super::stdin_line;
    use crate::cli::Global;
    use crate::error::CliError;

    /// The real AWS, on one thread: the run waits on the network, and one thread needs the least memory.
    #[derive(Debug)]
    pub struct Real {
        pub(super) sdk: Sdk,
        runtime: Runtime,
    }

    impl Real {
        pub(super) fn open(global: &Global, spec: &Spec) -> Result<Self, CliError> {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| CliError::Failed(format!("cannot start: {error}")))?;
            let config = SdkConfig {
                profile: global.profile.clone(),
                region: Some(spec.region.clone()),
                endpoint_url: global.endpoint_url.clone(),
            };
            let sdk = runtime.block_on(Sdk::connect(config)).map_err(|error| CliError::Call {
                error: Box::new(error),
                statement: None,
            })?;
            Ok(Self { sdk, runtime })
        }

        pub(super) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
            self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    output = future => Ok(output),
                    _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted(None)),
                }
            })
        }

        /// Once a run has waited for interrupts, the runtime has taken them over for good: reading a line has to be
        /// interruptible by it, so it happens on a thread of its own, which the end of the process ends.
        pub(super) fn read_line(&self) -> Result<Option<String>, CliError> {
            let (answer, line) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || answer.send(stdin_line()));
            self.block_on(async { line.await.ok().flatten() })
        }
    }
}

/// The simulated AWS, kept in a file.
#[cfg(feature = "sim")]
pub mod sim {
    use std::future::Future;
    use std::time::Duration;

    use selfheal_aws::sim::{Sim, SimConfig, SubnetConfig, World};
    use selfheal_core::observed::Image;
    use selfheal_core::spec::{Architecture, ImageRef, Spec};

    use super::{Path, PathBuf, Write};
    use crate::error::CliError;

    /// How long the simulated world goes on after each command: long enough for an instance to be replaced, so that the
    /// next command finds the world at rest.
    const AFTER_A_COMMAND: Duration = Duration::from_secs(20 * 60);

    /// A simulated AWS with the file that keeps it.
    #[derive(Debug)]
    pub struct Kept {
        pub(super) sim: Sim,
        file: PathBuf,
    }

    impl Kept {
        pub(super) fn open(file: &Path, spec: &Spec) -> Result<Self, CliError> {
            let world = |message: String| CliError::World {
                path: file.to_path_buf(),
                message,
            };
            let sim = match std::fs::read(file) {
                Ok(bytes) => Sim::load(&bytes).map_err(|error| world(error.to_string()))?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => new_world(spec),
                Err(error) => return Err(world(error.to_string())),
            };
            Ok(Self {
                sim,
                file: file.to_path_buf(),
            })
        }

        pub(super) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
            self.sim.block_on(future).map_err(|error| CliError::World {
                path: self.file.clone(),
                message: error.to_string(),
            })
        }

        /// Lets the world go on, and writes it beside its file and then over it, so that no crash leaves half a world.
        pub(super) fn close(&self) -> Result<(), CliError> {
            self.sim.settle(AFTER_A_COMMAND);
            self.sim.drain_trace();
            let world = |message: String| CliError::World {
                path: self.file.clone(),
                message,
            };
            let bytes = self.sim.save().map_err(|error| world(error.to_string()))?;
            let draft = self.file.with_extension(format!("{}.tmp", std::process::id()));
            let written = std::fs::File::create(&draft)
                .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
                .and_then(|()| std::fs::rename(&draft, &self.file));
            written.map_err(|error| {
                // What is left of the draft is of no use; that it cannot be removed changes nothing.
                drop(std::fs::remove_file(&draft));
                world(error.to_string())
            })
        }
    }

    /// A new world in which everything that the stack's file takes for given exists.
    fn new_world(spec: &Spec) -> Sim {
        let mut config = SimConfig {
            region: spec.region.clone(),
            ..SimConfig::default()
        };
        if let Some(dns) = &spec.dns {
            config.hosted_zones = vec![dns.zone.clone()];
        }
        if let Some(subnet) = &spec.instance.subnet {
            let vpc_id = "vpc-0000000000000000f".to_owned();
            config.subnets.push(SubnetConfig {
                id: subnet.clone(),
                vpc_id,
                zone: 'a',
            });
        }
        let sim = Sim::new(config);
        sim.tamper(|world| publish_image(world, spec));
        sim
    }

    fn publish_image(world: &mut World, spec: &Spec) {
        let id = match &spec.instance.image {
            ImageRef::Alias { .. } => return,
            ImageRef::Id(id) => id.clone(),
            ImageRef::Parameter(path) => {
                let id = "ami-0000000000000000f".to_owned();
                world.parameters.insert(path.clone(), id.clone());
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
}
