//! The real AWS.

use std::future::Future;

use selfheal_aws::sdk::{Sdk, SdkConfig};
use selfheal_core::Spec;
use tokio::runtime::{Builder, Runtime};

use super::signals::Signals;
use super::stdin;
use crate::cli::Global;
use crate::error::CliError;

/// The real AWS, on one thread: the run waits on the network, and one thread needs the least memory.
#[derive(Debug)]
pub struct Real {
    pub(super) sdk: Sdk,
    signals: Signals,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Real {
    pub(super) fn open(global: &Global, spec: &Spec) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::Failed(format!("cannot start: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let config = SdkConfig {
            profile: global.profile.clone(),
            region: Some(spec.region.clone()),
            endpoint_url: global.endpoint_url.clone(),
        };
        let signals = runtime.block_on(async { Signals::take_over() }).map_err(failed)?;
        let connect = until_a_signal(&signals, Sdk::connect(config));
        let sdk = runtime.block_on(connect)?.map_err(|error| CliError::Call {
            error: Box::new(error),
            statement: None,
        })?;
        Ok(Self {
            sdk,
            signals,
            runtime: Some(runtime),
        })
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(until_a_signal(&self.signals, future)),
            None => Err(CliError::Failed("the run is over".to_owned())),
        }
    }

    /// The runtime has taken the signals over for good: reading a line has to be interruptible by it, so it happens on a
    /// thread of its own, which the end of the process ends.
    pub(super) fn read_line(&self) -> Result<Option<String>, CliError> {
        let (answer, line) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || answer.send(stdin::line()));
        self.block_on(async { line.await.ok().flatten() })
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // A name that is still being looked up would hold an interrupted run for as long as that takes.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn until_a_signal<F: Future>(signals: &Signals, future: F) -> Result<F::Output, CliError> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = signals.any() => Err(CliError::Interrupted(None)),
    }
}
