//! When a failed call is made again, and after how long.

use std::future::Future;
use std::time::Duration;

use futures::future::{self, Either};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::plan::RepeatClass;

use crate::backend::CallResult;
use crate::control::{Control, Event};
use crate::error::{CallError, CallErrorKind};

/// How long a call is repeated after one kind of failure, and with which pauses.
#[derive(Clone, Copy, Debug)]
struct RetryPolicy {
    /// Upper bound of the first pause; each later one may be twice as long.
    first: Duration,
    /// Upper bound of every pause.
    longest: Duration,
    /// Time since the first attempt after which the failure is final.
    budget: SignedDuration,
}

/// AWS throttled the call. EC2's request buckets for mutating calls refill at 5 tokens a second, so a pause of up to 20 s
/// lets many callers through.
const THROTTLED: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(20),
    budget: SignedDuration::from_mins(5),
};
/// EC2 does not know a new instance profile yet. IAM spreads it within seconds, rarely in more than a minute; AWS's own
/// guidance is to keep trying.
const NOT_READY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    budget: SignedDuration::from_mins(4),
};
/// Another change of the resource is in progress, or something still uses it. Most of that ends within seconds; a
/// volume's modification takes longer.
const BUSY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(8),
    budget: SignedDuration::from_mins(2),
};
/// The volume to delete is still attached. A terminated instance has been seen to hold its volumes for ten minutes.
const HELD: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(15),
    budget: SignedDuration::from_mins(15),
};
/// AWS does not know the resource's id. One that was just created may stay unknown to other calls for some seconds.
const NOT_VISIBLE: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    budget: SignedDuration::from_mins(1),
};
/// A server error, or a lost answer, to a read.
const AMBIGUOUS: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(10),
    budget: SignedDuration::from_mins(1),
};
/// The same for a read of Route 53: its control plane has outages of its own, and only the DNS record waits for it.
const DNS_AMBIGUOUS: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(2),
    budget: SignedDuration::from_secs(5),
};
/// No connection could be made, so the call had no effect. Five seconds outlast a brief loss of the network, and report a
/// wrong endpoint soon.
const UNREACHABLE: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(2),
    budget: SignedDuration::from_secs(5),
};

/// The kind of a call: it decides after which failures the call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read: after every failure that may pass.
    Read,
    /// A read of Route 53, or of something that nothing else hangs on: the same, but for five seconds at most where the answer
    /// is lost.
    ReadDns,
    /// A step's mutating call, by its class.
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

/// Makes a call until it succeeds, fails for good, or has used up its time. Every pause is drawn by [`backoff`].
pub(crate) async fn retry<T, F, Fut>(ctl: &Control<'_>, repeat: Repeat, call: F) -> CallResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = CallResult<T>>,
{
    retry_unless(ctl, repeat, future::pending::<()>(), call).await
}

/// The same, but makes no further attempt once `halt` completes: the last failure is final then. An attempt in progress is
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

/// Draws a pause between half and the whole of `first × 2^attempt`, where the whole is never above `longest`.
///
/// The lower half is left out, so that a series of small draws does not make many attempts in a short time.
pub(crate) fn backoff(ctl: &Control<'_>, first: Duration, longest: Duration, attempt: u32) -> Duration {
    let bound = first.saturating_mul(2_u32.saturating_pow(attempt.min(16))).min(longest);
    bound.mul_f64(0.5 + 0.5 * ctl.jitter.fraction())
}
