//! Waiting for what AWS finishes by itself.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::plan::WorldWait;

use crate::observe::Part;

/// How a wait is polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// The parts that tell, or that change with it.
    pub(super) parts: &'static [Part],
    /// Upper bound of the first pause.
    pub(super) first: Duration,
    /// Upper bound of every pause.
    pub(super) longest: Duration,
    /// After this long the run gives up; running it again goes on waiting.
    pub(super) budget: SignedDuration,
}

/// How a wait is polled: often where AWS takes seconds, seldom where it takes minutes.
pub(super) fn rhythm(wait: &WorldWait) -> Rhythm {
    let (parts, first, longest, budget): (&[Part], _, _, _) = match wait {
        WorldWait::VolumeSeen { .. } => (&[Part::Volumes], 1, 5, SignedDuration::from_mins(5)),
        // An address loses its association with its instance. A terminate hook, an app that stops slowly and a shutdown may take their time.
        WorldWait::InstancesGone { .. } => (
            &[Part::Instances, Part::Addresses],
            2,
            10,
            SignedDuration::from_mins(30),
        ),
        // The first snapshot of a large volume takes hours, in which somebody may apply the stack again.
        WorldWait::SnapshotCompleted { .. } => (
            &[Part::Snapshots, Part::Group, Part::Instances],
            2,
            30,
            SignedDuration::from_hours(12),
        ),
        _ => (&[Part::Group], 2, 10, SignedDuration::from_mins(30)),
    };
    Rhythm {
        parts,
        first: Duration::from_secs(first),
        longest: Duration::from_secs(longest),
        budget,
    }
}

/// After how long a volume that was just created and that no reading shows is taken to be gone.
///
/// AWS repeats the first answer to a token, also for a volume that was deleted since. Visibility lags by seconds; a second
/// volume made too early would cost more than this wait.
pub(super) const MISSING_MAX: SignedDuration = SignedDuration::from_mins(1);
