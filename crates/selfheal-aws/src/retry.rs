//! When a failed call is made again, and after how long.

use std::future::Future;
use std::time::Duration;

use futures::future::{self, Either};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::plan::RepeatClass;

use crate::backend::CallResult;
use crate::control::{Control, Event};
use crate::error::{CallError, CallErrorKind};

/// How long a kind of failure is borne, and how fast it is tried again.
#[derive(Clone, Copy, Debug)]
struct RetryPolicy {
    /// Upper bound of the first pause; each later one may be twice as long.
    first: Duration,
    /// Upper bound of every pause.
    longest: Duration,
    /// After this long the failure is final.
    budget: SignedDuration,
}

/// EC2 refills its buckets of mutating calls at 5 a second; a pause of up to 20 s lets many callers through.
const THROTTLED: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(20),
    budget: SignedDuration::from_mins(5),
};
/// IAM spreads a new profile within seconds, rarely more than a minute; AWS's own guidance is to keep trying.
const NOT_READY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    budget: SignedDuration::from_mins(4),
};
/// What another change keeps busy is free again within seconds, a volume's modification apart.
const BUSY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(8),
    budget: SignedDuration::from_mins(2),
};
/// A dead instance has been seen to hold its volumes for ten minutes.
const HELD: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(15),
    budget: SignedDuration::from_mins(15),
};
/// What was just created may be unknown to the next call for some seconds.
const NOT_VISIBLE: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    budget: SignedDuration::from_mins(1),
};
/// A server error or a lost answer to a call that may be repeated.
const AMBIGUOUS: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(10),
    budget: SignedDuration::from_mins(1),
};
/// Route 53's control plane has outages of its own, and nothing but the name waits for it.
const DNS_AMBIGUOUS: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(2),
    budget: SignedDuration::from_secs(5),
};
/// A connection that could not be made had no effect. A wrong endpoint is told soon, a network that flickers is borne.
const UNREACHABLE: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(2),
    budget: SignedDuration::from_secs(5),
};

/// Which failures a call may be repeated after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read: after anything that may pass.
    Read,
    /// A read of Route 53: the same, but not for long.
    ReadDns,
    /// A step's call, by its class.
    Step(RepeatClass),
}

impl Repeat {
    fn policy(self, kind: CallErrorKind) -> Option<RetryPolicy> {
        use RepeatClass as Class;
        match (kind, self) {
            (CallErrorKind::Throttled, _) => Some(THROTTLED),
            (CallErrorKind::NotReady, _) => Some(NOT_READY),
            (CallErrorKind::Busy, Self::Step(Class::Create | Class::Change)) => Some(BUSY),
            (CallErrorKind::Busy | CallErrorKind::InUse, Self::Step(Class::VolumeRemoval)) => Some(HELD),
            (CallErrorKind::InUse, Self::Step(Class::Change)) => Some(BUSY),
            (CallErrorKind::NotFound, Self::Step(Class::Change)) => Some(NOT_VISIBLE),
            (CallErrorKind::Unreachable, _) => Some(UNREACHABLE),
            (CallErrorKind::Ambiguous, Self::Read) => Some(AMBIGUOUS),
            (CallErrorKind::Ambiguous, Self::ReadDns) => Some(DNS_AMBIGUOUS),
            _ => None,
        }
    }
}

/// Makes a call until it succeeds, fails for good, or its patience is at an end. Every pause has full jitter.
pub(crate) async fn retry<T, F, Fut>(ctl: &Control<'_>, repeat: Repeat, call: F) -> CallResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = CallResult<T>>,
{
    retry_unless(ctl, repeat, future::pending::<()>(), call).await
}

/// The same, but no attempt follows once `halt` is over: the last failure is final then. An attempt that is under way is
/// awaited, since it may have an effect.
pub(crate) async fn retry_unless<T, F, Fut>(
    ctl: &Control<'_>,
    repeat: Repeat,
    mut halt: impl Future + Unpin,
    mut call: F,
) -> CallResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = CallResult<T>>,
{
    let began = ctl.clock.now();
    let mut attempt = 0;
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(pause) = pause(ctl, repeat, &error, began, attempt) else {
            return Err(error);
        };
        ctl.progress.event(&Event::Retrying { error: &error, pause });
        if let Either::Right(_) = future::select(ctl.clock.sleep(pause), &mut halt).await {
            return Err(error);
        }
        attempt += 1;
    }
}

fn pause(ctl: &Control<'_>, repeat: Repeat, error: &CallError, began: Timestamp, attempt: u32) -> Option<Duration> {
    let policy = repeat.policy(error.kind())?;
    if ctl.clock.now().duration_since(began) >= policy.budget {
        return None;
    }
    Some(backoff(ctl, policy.first, policy.longest, attempt))
}

/// A pause between half and the whole of `first × 2^attempt`, never above `longest`.
///
/// The lower bound keeps a run of small draws from spending the attempts at once.
pub(crate) fn backoff(ctl: &Control<'_>, first: Duration, longest: Duration, attempt: u32) -> Duration {
    let bound = first.saturating_mul(2_u32.saturating_pow(attempt.min(16))).min(longest);
    bound.mul_f64(0.5 + 0.5 * ctl.jitter.fraction())
}
