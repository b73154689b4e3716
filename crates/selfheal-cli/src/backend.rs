//! Where a stack lives: the real AWS or a simulated one, behind the same calls.

#[cfg(feature = "sdk")]
mod aws;
#[cfg(feature = "sdk")]
mod signals;
#[cfg(feature = "sim")]
mod sim;
mod stdin;

use std::future::Future;

use jiff::Timestamp;
use selfheal_aws::{Aws, Control, Prober, Progress, Resolver, Silent};
use selfheal_core::Spec;

use crate::cli::{BackendKind, Global};
use crate::error::CliError;

/// A backend with the runtime that drives it.
#[derive(Debug)]
pub enum Backend {
    /// The real AWS.
    #[cfg(feature = "sdk")]
    Aws(aws::Real),
    /// A simulated AWS, kept in a file.
    #[cfg(feature = "sim")]
    Sim(sim::SimFile),
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
            BackendKind::Sim => sim::SimFile::open(global, spec).map(Self::Sim),
            #[cfg(not(all(feature = "sdk", feature = "sim")))]
            other => Err(CliError::Usage(format!(
                "this build of selfheal was made without the backend {other:?}"
            ))),
        }
    }

    /// Returns the calls of AWS's API.
    #[must_use]
    pub fn aws(&self) -> &dyn Aws {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(real) => &real.sdk,
            #[cfg(feature = "sim")]
            Self::Sim(kept) => &kept.sim,
        }
    }

    /// Returns who answers for the DNS.
    #[must_use]
    pub fn resolver(&self) -> Box<dyn Resolver> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => Box::new(selfheal_aws::sdk::SystemResolver::of_system()),
            #[cfg(feature = "sim")]
            Self::Sim(kept) => Box::new(kept.sim.clone()),
        }
    }

    /// Returns who asks at a stack's address.
    #[must_use]
    pub fn prober(&self) -> Box<dyn Prober> {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => Box::new(selfheal_aws::sdk::NetworkProber),
            #[cfg(feature = "sim")]
            Self::Sim(kept) => Box::new(kept.sim.clone()),
        }
    }

    /// Tells whether nothing of it is real, and time passes as fast as it is waited for.
    #[must_use]
    pub const fn is_simulated(&self) -> bool {
        match self {
            #[cfg(feature = "sdk")]
            Self::Aws(_) => false,
            #[cfg(feature = "sim")]
            Self::Sim(_) => true,
        }
    }

    /// Returns the time of this backend.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.control(&Silent).clock.now()
    }

    /// Returns time and randomness of this backend, with who is told how a run goes.
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
            Self::Sim(_) => Ok(stdin::line()),
        }
    }

    /// Says that a person gave up what holds an address or data. A simulated AWS holds it for a mistake otherwise; the real
    /// one never asks.
    pub fn given_up(&self, ids: &[String]) {
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
