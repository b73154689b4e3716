//! Somebody looks on for as long as they like.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When, World};
use selfheal_aws::{CallErrorKind, CallResult, Control, Event, Looking, Progress, Scope, follow};
use selfheal_core::watch::{Phase, Standing};
use selfheal_policy::Purpose;

use crate::support::{applied, calls, even, operate, read, serving, web};

const HOUR: Duration = Duration::from_secs(3600);

/// Remembers what is told.
#[derive(Debug, Default)]
struct Told {
    changes: Mutex<Vec<String>>,
    looked: Mutex<Vec<Timestamp>>,
    again: AtomicU32,
}

impl Progress for Told {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Reached { .. } | Event::Lost { .. } | Event::Stands { .. } => {
                self.changes.lock().expect("no panic").push(event.to_string());
            }
            Event::Looked { glance } => self.looked.lock().expect("no panic").push(glance.at),
            Event::Retrying { .. } => {
                self.again.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

fn look_on(sim: &Sim, minutes: i64, told: &Told) -> CallResult<Standing> {
    let looking = Looking {
        at_most: Some(SignedDuration::from_mins(minutes)),
        is_anybody_there: &|| true,
    };
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: told,
    };
    let spec = web();
    let before = read(sim, &spec, Scope::Status);
    sim.block_on(follow(sim, &spec, before, looking, &ctl))
        .expect("it ends")
}

#[test]
fn a_healing_is_seen_from_the_loss_to_the_service() {
    for seed in 0..10 {
        let sim = applied(SimConfig::seeded(seed));
        sim.settle(HOUR);
        let (old, ..) = serving(&sim).expect("it serves");
        assert!(sim.kill_instance(&old));
        let told = Told::default();
        let standing = look_on(&sim, 30, &told).expect("it can be read");
        let (new, ..) = serving(&sim).expect("it has healed");
        assert_ne!(new, old);
        assert_eq!(standing, Standing::Serving { instance: new.clone() }, "seed {seed}");
        let changes = told.changes.into_inner().expect("no panic").join("\n");
        for (id, what) in [
            (&old, Phase::AddressAssociated.undone()),
            (&old, Phase::VolumeAttached.undone()),
            (&old, Phase::Left.happened()),
            (&new, Phase::Launched.happened()),
            (&new, Phase::VolumeAttached.happened()),
            (&new, Phase::AddressAssociated.happened()),
            (&new, Phase::InService.happened()),
        ] {
            assert_eq!(
                changes.matches(&format!("{id} {what}")).count(),
                1,
                "seed {seed}: {what}\n{changes}"
            );
        }
        assert!(
            changes.ends_with(&format!("the stack serves from {new}")),
            "seed {seed}\n{changes}"
        );
    }
}

#[test]
fn it_is_read_at_a_pace_and_ends_when_it_is_to() {
    let sim = applied(even(1));
    sim.settle(HOUR);
    let told = Told::default();
    let (made, began) = (calls(&sim), sim.inspect(World::now));
    look_on(&sim, 180, &told).expect("it can be read");
    let took = sim.inspect(World::now).duration_since(began);
    assert!(
        took >= SignedDuration::from_mins(180) && took < SignedDuration::from_secs(10_805),
        "{took:?}"
    );
    let looked = told.looked.into_inner().expect("no panic");
    let pauses = looked.windows(2).map(|two| two[1].duration_since(two[0]).as_secs());
    let mut pauses: Vec<i64> = pauses.collect();
    pauses.pop();
    let slowest = |from: usize| pauses[from..].iter().min().copied();
    assert_eq!(
        (slowest(3), slowest(30), slowest(80)),
        (Some(5), Some(10), Some(30)),
        "{pauses:?}"
    );
    // Three calls a look, and two for the name each minute: what is read before is some twenty.
    let looks = u64::try_from(looked.len()).expect("a few hundred");
    let made = calls(&sim) - made;
    assert!(
        looks < 430 && made <= 3 * looks + 2 * 181 + 20,
        "{made} calls in {looks} looks"
    );
}

#[test]
fn who_has_gone_is_not_read_for_any_more() {
    let sim = applied(even(2));
    sim.settle(HOUR);
    let asked = AtomicU32::new(0);
    let told = Told::default();
    let looking = Looking {
        at_most: None,
        is_anybody_there: &|| asked.fetch_add(1, Ordering::Relaxed) < 4,
    };
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &told,
    };
    let spec = web();
    let before = read(&sim, &spec, Scope::Status);
    let standing = sim
        .block_on(follow(&sim, &spec, before, looking, &ctl))
        .expect("it ends");
    assert!(matches!(standing, Ok(Standing::Serving { .. })), "{standing:?}");
    assert_eq!(told.looked.into_inner().expect("no panic").len(), 5);
}

#[test]
fn an_outage_is_waited_out_and_a_denial_ends_it() {
    let groups = || When::Every("autoscaling:DescribeAutoScalingGroups".to_owned());
    let sim = applied(even(3));
    sim.settle(HOUR);
    let told = Told::default();
    let spec = web();
    let observed = read(&sim, &spec, Scope::Status);
    sim.set_faults(FaultPlan::none().with_times(groups(), Fault::Throttle, 30));
    let looking = Looking {
        at_most: Some(SignedDuration::from_mins(20)),
        is_anybody_there: &|| true,
    };
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &told,
    };
    let standing = sim
        .block_on(follow(&sim, &spec, observed, looking, &ctl))
        .expect("it ends");
    assert!(matches!(standing, Ok(Standing::Serving { .. })), "{standing:?}");
    assert!(told.again.load(Ordering::Relaxed) > 0);
    // The policy of `status` allows it, and that of another command does not.
    operate(&sim, Purpose::Status, |_| ());
    assert!(look_on(&sim, 5, &Told::default()).is_ok());
    let observed = read(&sim, &spec, Scope::Status);
    operate(&sim, Purpose::Sleep, |_| ());
    let denied = sim
        .block_on(follow(&sim, &spec, observed, looking, &ctl))
        .expect("it ends");
    assert_eq!(denied.expect_err("it is denied").kind(), CallErrorKind::Denied);
}
