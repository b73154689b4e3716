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

/// How a wait is polled: often at first, since a pause that outlasts what it waits for is lost to everybody, and ever less
/// often, since each pause is at most twice the one before it. A wait of minutes costs some five polls more than it would
/// without the short ones.
pub(super) fn rhythm(wait: &WorldWait) -> Rhythm {
    let (parts, first_ms, longest_s, budget): (&[Part], u64, u64, _) = match wait {
        WorldWait::VolumeSeen { .. } => (&[Part::Volumes], 100, 5, SignedDuration::from_mins(5)),
        // An address loses its association with its instance. A terminate hook, an app that stops slowly and a shutdown may take their time.
        WorldWait::InstancesGone { .. } => (
            &[Part::Instances, Part::Addresses],
            100,
            10,
            SignedDuration::from_mins(30),
        ),
        // The first snapshot of a large volume takes hours, in which somebody may apply the stack again.
        WorldWait::SnapshotCompleted { .. } => (
            &[Part::Snapshots, Part::Group, Part::Instances],
            200,
            30,
            SignedDuration::from_hours(12),
        ),
        _ => (&[Part::Group], 100, 10, SignedDuration::from_mins(30)),
    };
    Rhythm {
        parts,
        first: Duration::from_millis(first_ms),
        longest: Duration::from_secs(longest_s),
        budget,
    }
}

/// After how long a volume that was just created and that no reading shows is taken to be gone.
///
/// AWS answers with a volume that it takes back at once where its key cannot be used. Visibility lags by seconds.
pub(super) const MISSING_MAX: SignedDuration = SignedDuration::from_mins(1);
