//! Waiting until a stack serves, and telling how that goes: one engine for whoever waits.

use std::time::Duration;

use futures::future::try_join_all;
use jiff::SignedDuration;
use selfheal_core::spec::Spec;
use selfheal_core::watch::{Change, Failing, Follow, Glance, Phase, Standing, Verdict, Watch};
use selfheal_core::world::{Observed, Part};

use crate::backend::{Aws, CallResult};
use crate::control::{Control, Event};
use crate::observe::{Read, Reading, Source, read};

/// For how long is waited unless somebody says otherwise: a first boot reads all of a new volume and sets the app up, and a
/// replacement may have to wait for capacity.
pub const WATCH_MAX: SignedDuration = SignedDuration::from_mins(30);

/// The pause before a reading: short for the first seconds, since a stack that was applied before may serve at once, then five
/// seconds, and ten after two minutes.
fn pause(attempt: u32, age: SignedDuration) -> Duration {
    Duration::from_secs(match attempt {
        0 => 1,
        1 => 2,
        2 => 3,
        _ if age < SignedDuration::from_mins(2) => 5,
        _ => 10,
    })
}

/// When somebody ceases to wait for a stack that does not come to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After so long, whatever is still missing.
    pub at_most: SignedDuration,
    /// Whether what the group tries again by itself, a boot that failed and a launch that was refused, is told of and waited
    /// out.
    pub lets_group_try_again: bool,
}

/// What somebody who waited has seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Watched {
    /// The watch, with every phase that was seen.
    pub watch: Watch,
    /// The last reading.
    pub observed: Observed,
    /// How it stands by that: still waiting where it took too long.
    pub verdict: Verdict,
}

/// Waits until the stack serves, from what was read of it before; makes no call where it serves by that already.
///
/// Each reading is three calls side by side, and one more where no instance is in service, or where all but the name is there. A reading that fails for what may
/// pass (throttled, no network, an outage) is told of and made again until the patience ends.
///
/// # Errors
/// The first call that failed for good, such as one that is denied.
pub async fn watch(
    aws: &dyn Aws,
    spec: &Spec,
    (mut watch, mut observed): (Watch, Observed),
    patience: Patience,
    ctl: &Control<'_>,
) -> CallResult<Watched> {
    let mut told: Vec<Failing> = Vec::new();
    let mut attempt = 0;
    loop {
        let now = ctl.clock.now();
        let new = watch.look(spec, &observed, now);
        let missing = watch.missing(spec, &observed);
        let next = missing.first().copied();
        // What is so from the beginning has not come to pass while somebody waited.
        let tells = attempt > 0 || !matches!(watch.verdict(spec, &observed), Verdict::Serving(_));
        for reached in new.iter().filter(|_| tells) {
            ctl.progress.event(&Event::Reached { reached, next });
        }
        let verdict = watch.verdict(spec, &observed);
        let over = match &verdict {
            Verdict::Serving(_) => true,
            Verdict::Failing(failing) if patience.lets_group_try_again && failing.may_pass() => {
                if !told.contains(failing) {
                    ctl.progress.event(&Event::Failing { failing });
                    told.push(failing.clone());
                }
                false
            }
            Verdict::Failing(_) => true,
            Verdict::Waiting(_) => false,
        };
        let age = now.duration_since(watch.began());
        if over || age >= patience.at_most {
            return Ok(Watched {
                watch,
                observed,
                verdict,
            });
        }
        ctl.clock.sleep(pause(attempt, age)).await;
        attempt += 1;
        let name = missing == [Phase::Named];
        read_again(aws, spec, (name, pause(attempt, age)), &mut observed, ctl).await?;
    }
}

/// How often the name is read by whoever looks on without waiting for it: Route 53 takes five calls a second of a whole account.
const NAME_AGE_MAX: SignedDuration = SignedDuration::from_mins(1);

/// The pause where nothing has changed for ten minutes: a dashboard that nobody looks at costs six calls a minute.
const AT_REST: Duration = Duration::from_secs(30);
const RESTS_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// For how long somebody looks on.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// For so long; `None` until whoever looks on has gone.
    pub at_most: Option<SignedDuration>,
    /// Whether there still is somebody who looks on: asked before each pause.
    pub is_anybody_there: &'a (dyn Fn() -> bool + Sync),
}

/// Looks on, from what was read in the scope of a status, and tells of everything that changes: at first of what there is.
/// Answers how the stack stands at the end.
///
/// It reads as [`watch`] does: often for the first seconds, every five for two minutes after the last change, every ten until
/// the tenth, then every thirty; the name each minute, and as often as the rest while it alone is missing. A reading that fails for what may pass is told of and
/// made again, for however long that takes.
///
/// # Errors
/// The first call that failed for good, such as one that is denied.
pub async fn follow(
    aws: &dyn Aws,
    spec: &Spec,
    mut observed: Observed,
    looking: Looking<'_>,
    ctl: &Control<'_>,
) -> CallResult<Standing> {
    let began = ctl.clock.now();
    let mut follow = Follow::new(&observed, began);
    let (mut attempt, mut last_change, mut name_read) = (0, began, began);
    loop {
        let now = ctl.clock.now();
        let changes = follow.look(spec, &observed, now);
        let standing = follow.stands(spec, &observed);
        tell(spec, &observed, &standing, &changes, ctl);
        if !changes.is_empty() {
            last_change = now;
        }
        let left = looking.at_most.map(|most| most - now.duration_since(began));
        if left.is_some_and(|left| !left.is_positive()) || !(looking.is_anybody_there)() {
            return Ok(standing);
        }
        let rested = now.duration_since(last_change);
        let pause = if rested >= RESTS_AFTER {
            AT_REST
        } else {
            pause(attempt, rested)
        };
        let left = left.and_then(|left| Duration::try_from(left).ok());
        ctl.clock.sleep(left.map_or(pause, |left| left.min(pause))).await;
        attempt += 1;
        let waits = matches!(standing, Standing::Waiting { next: Phase::Named });
        let name = waits || ctl.clock.now().duration_since(name_read) >= NAME_AGE_MAX;
        if name {
            name_read = ctl.clock.now();
        }
        read_again(aws, spec, (name, pause), &mut observed, ctl).await?;
    }
}

fn tell(spec: &Spec, observed: &Observed, standing: &Standing, changes: &[Change], ctl: &Control<'_>) {
    let next = match standing {
        Standing::Waiting { next } => Some(*next),
        _ => None,
    };
    for change in changes {
        ctl.progress.event(&match change {
            Change::Reached(reached) => Event::Reached { reached, next },
            Change::Lost(lost) => Event::Lost { lost },
            Change::Stands(stands) => Event::Stands { stands },
        });
    }
    let glance = Glance::of(spec, observed, standing, ctl.clock.now());
    ctl.progress.event(&Event::Looked { glance: &glance });
}

/// Puts another reading into what was read, of the name too where that is asked for; what fails for what may pass is told of
/// with the pause before the next one.
async fn read_again(
    aws: &dyn Aws,
    spec: &Spec,
    (name, pause): (bool, Duration),
    observed: &mut Observed,
    ctl: &Control<'_>,
) -> CallResult<()> {
    match look_again(aws, spec, name, ctl).await {
        Ok(readings) => readings.iter().for_each(|reading| reading(observed)),
        Err(error) if error.is_outage() => ctl.progress.event(&Event::Retrying { error: &error, pause }),
        Err(error) => return Err(error),
    }
    Ok(())
}

pub(crate) async fn look_again(aws: &dyn Aws, spec: &Spec, name: bool, ctl: &Control<'_>) -> CallResult<Vec<Reading>> {
    let source = Source::own(aws, ctl);
    let parts = [Read::Launches, Read::Part(Part::Volumes), Read::Part(Part::Addresses)];
    let name = name.then_some(Read::Part(Part::Dns));
    try_join_all(parts.into_iter().chain(name).map(|part| read(source, spec, part))).await
}
