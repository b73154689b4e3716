//! Waiting for what AWS finishes by itself.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::plan::WaitFor;

use selfheal_core::world::Part;

/// How a wait is polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollSchedule {
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
pub(super) fn schedule(wait: &WaitFor) -> PollSchedule {
    let (parts, first_ms, longest_s, budget): (&[Part], u64, u64, _) = match wait {
        // The wait is as long as a listing lags behind; what shows in it ends it early.
        WaitFor::AddressesSettled => (&[Part::Addresses], 500, 4, SignedDuration::from_mins(5)),
        // As above. Who is overtaken by another restore learns it here, before anything is stopped.
        WaitFor::VolumesSettled => (&[Part::Volumes, Part::Group], 500, 4, SignedDuration::from_mins(5)),
        // The group tells whether somebody has woken the stack, and the volumes whether another restore has come to its end.
        WaitFor::Stopped { .. } => (
            &[Part::Group, Part::Instances, Part::Volumes, Part::Addresses],
            100,
            10,
            SignedDuration::from_mins(30),
        ),
        WaitFor::Rested { .. } => (
            &[Part::Group, Part::Volumes, Part::Instances],
            100,
            1,
            SignedDuration::from_mins(1),
        ),
        // Its own readings are repeated for some seconds each.
        WaitFor::DnsAnswers => (&[Part::Dns, Part::Addresses], 2_000, 10, SignedDuration::from_mins(1)),
        // A first boot reads all of a new volume, and then sets the app up.
        WaitFor::Serving { .. } => (
            &[Part::Group, Part::Addresses],
            2_000,
            10,
            SignedDuration::from_mins(30),
        ),
        // What a wake launches is as any replacement, and may wait for capacity or for the setup of the app.
        WaitFor::Awake { .. } => (&[Part::Group], 2_000, 10, SignedDuration::from_mins(30)),
        // As above; the volume's attachment tells from which one it serves.
        WaitFor::Restored { .. } => (&[Part::Group, Part::Volumes], 2_000, 10, SignedDuration::from_mins(30)),
        WaitFor::VolumeSeen { .. } => (&[Part::Volumes], 100, 5, SignedDuration::from_mins(5)),
        // An address loses its association with its instance. A terminate hook, an app that stops slowly and a shutdown may take their time.
        WaitFor::InstancesGone { .. } => (
            &[Part::Instances, Part::Addresses],
            100,
            10,
            SignedDuration::from_mins(30),
        ),
        // The first snapshot of a large volume takes hours, in which somebody may apply the stack again.
        WaitFor::SnapshotCompleted { .. } => (
            &[Part::Snapshots, Part::Group, Part::Instances],
            200,
            30,
            SignedDuration::from_hours(12),
        ),
        // As above; a group tells of its own instances.
        WaitFor::InstancesLeft { .. } => (&[Part::Group], 500, 10, SignedDuration::from_mins(30)),
        WaitFor::GroupGone { .. } => (&[Part::Group], 100, 10, SignedDuration::from_mins(30)),
    };
    PollSchedule {
        parts,
        first: Duration::from_millis(first_ms),
        longest: Duration::from_secs(longest_s),
        budget,
    }
}

/// How long a listing may lag behind what was made.
///
/// AWS promises no time; seconds are usual. What was made a longer time ago and is not listed is not there.
pub(super) const LISTING_LAG_MAX: SignedDuration = SignedDuration::from_secs(15);

/// Whether a wait is for the sake of the name alone, so that the rest of the run goes on when it is given up.
pub(super) const fn is_for_dns(wait: &WaitFor) -> bool {
    matches!(wait, WaitFor::DnsAnswers | WaitFor::Serving { .. })
}

/// After how long a volume that was just created and that no reading shows is taken to be gone.
///
/// AWS answers with a volume that it takes back at once where its key cannot be used. Visibility lags by seconds.
pub(super) const MISSING_MAX: SignedDuration = SignedDuration::from_mins(1);
