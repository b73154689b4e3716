//! Waiting for what AWS finishes by itself.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::observed::Observed;
use selfheal_core::plan::WorldWait;

use crate::observe::Part;

/// How a wait is polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// The part that tells.
    pub(super) part: Part,
    /// Upper bound of the first pause.
    pub(super) first: Duration,
    /// Upper bound of every pause.
    pub(super) longest: Duration,
    /// After this long the run gives up; running it again goes on waiting.
    pub(super) budget: SignedDuration,
}

/// How a wait is polled: often where AWS takes seconds, seldom where it takes minutes.
pub(super) fn rhythm(wait: &WorldWait) -> Rhythm {
    let (part, first, longest, budget) = match wait {
        WorldWait::VolumeAvailable { .. } => (Part::Volumes, 1, 5, SignedDuration::from_mins(5)),
        // A terminate hook, an app that stops slowly and a shutdown may take their time.
        WorldWait::InstancesGone { .. } => (Part::Instances, 2, 10, SignedDuration::from_mins(30)),
        // The first snapshot of a large volume takes hours.
        WorldWait::SnapshotCompleted { .. } => (Part::Snapshots, 2, 30, SignedDuration::from_hours(12)),
        _ => (Part::Group, 2, 10, SignedDuration::from_mins(30)),
    };
    Rhythm {
        part,
        first: Duration::from_secs(first),
        longest: Duration::from_secs(longest),
        budget,
    }
}

/// How often a volume that was just created may be missing from a listing before it is taken to be gone.
///
/// With the pauses above this is some ten seconds of delayed visibility.
const MISSING_MAX: u32 = 4;

/// Notes a volume that AWS answered with and that does not exist: a token used again brings back the first answer, also for
/// a volume that was deleted since.
pub(super) fn note_missing(observed: &mut Observed, wait: &WorldWait, before: &Observed, misses: &mut u32) {
    let WorldWait::VolumeAvailable { id } = wait else {
        return;
    };
    if observed.volumes.iter().any(|volume| volume.id == *id) {
        *misses = 0;
        return;
    }
    *misses += 1;
    if *misses >= MISSING_MAX {
        observed.dead_volumes.push(id.clone());
    } else {
        observed
            .volumes
            .extend(before.volumes.iter().filter(|volume| volume.id == *id).cloned());
    }
}
