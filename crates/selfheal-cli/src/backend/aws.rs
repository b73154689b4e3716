//! The real AWS.

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
