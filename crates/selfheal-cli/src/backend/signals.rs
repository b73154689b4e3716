//! Interrupts: what ends a run from outside, in good order.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a run in good order: of the keyboard, of whoever stops services, and of a terminal that went away.
///
/// They are taken over once and for the whole run, so that one which comes between two waits is not lost. One that whoever
/// started the run has had ignored, as `nohup` does with SIGHUP, stays so.
#[derive(Debug)]
pub(super) struct Signals(Mutex<Vec<Signal>>);

impl Signals {
    /// Takes them over. To be called in the runtime that waits for them.
    pub(super) fn take_over() -> io::Result<Self> {
        let ignored = ignored();
        let wanted = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals = wanted
            .into_iter()
            .filter(|kind| ignored & (1 << (kind.as_raw_value() - 1)) == 0)
            .map(signal)
            .collect::<io::Result<_>>()?;
        Ok(Self(Mutex::new(signals)))
    }

    /// Waits for one of them; for ever where each is ignored.
    pub(super) async fn any(&self) {
        std::future::poll_fn(|context| {
            let mut signals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let ready = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if ready {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

/// Returns the signals that are ignored, a bit for each from the lowest on, as Linux tells them; none where nothing tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
