//! Drills of a restore: a copy of the last snapshot's data is shown to the instance that serves, which says what is on it.

use std::time::Duration;

use selfheal_aws::sim::{Content, Fault, FaultPlan, Sim, When, World};
use selfheal_aws::{Clock, Control, Event, Goal, Progress, RestoreDrilled, Scope, Silent, drill_restore};
use selfheal_core::drill::{Moment, RestoreDrill, TAG_MARKERS, TAG_RESTORE_DRILL};
use selfheal_core::names::TAG_ROLE;
use selfheal_core::plan::SnapshotOptions;
use selfheal_core::spec::Spec;
use selfheal_core::world::{VolumeId, VolumeState};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, operate, read, run_until_done, serving, web};

/// A stack that serves, with a snapshot of its data.
fn world(seed: u64) -> Sim {
    let sim = applied_as(even(seed), &web());
    while serving(&sim).is_none() {
        sim.advance(Duration::from_secs(10));
    }
    // Its watch begins.
    sim.advance(Duration::from_secs(60));
    snapshot(&sim);
    sim
}

fn snapshot(sim: &Sim) {
    let goal = Goal::Snapshot(SnapshotOptions {
        wait: true,
        instant: false,
    });
    run_until_done(sim, &web(), goal, 1);
}

fn prepared(sim: &Sim, spec: &Spec) -> Result<RestoreDrill, Vec<String>> {
    let observed = read(sim, spec, Scope::Drill);
    let drill = RestoreDrill::of(spec, &observed, sim.now());
    drill.map_err(|refusals| refusals.into_iter().map(|it| it.code).collect())
}

/// What comes of a drill; `Err` where the caller is cut off, or no copy is made.
fn tried(sim: &Sim, progress: &dyn Progress) -> Result<RestoreDrilled, String> {
    disturbed(sim, progress, FaultPlan::none())
}

/// The same, where this goes wrong once the stack is read.
fn disturbed(sim: &Sim, progress: &dyn Progress, faults: FaultPlan) -> Result<RestoreDrilled, String> {
    let spec = web();
    let drill = prepared(sim, &spec).map_err(|codes| codes.join(", "))?;
    sim.drain_trace();
    sim.set_faults(faults);
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress,
    };
    let drilling = drill_restore(sim, &spec, drill, &ctl);
    match sim.block_on(drilling) {
        Ok(drilled) => drilled.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The copies that exist.
fn copies(sim: &Sim) -> Vec<VolumeId> {
    sim.inspect(|world| {
        let volumes = world.volumes.values().map(|record| &record.volume);
        let is_copy = |volume: &&selfheal_core::world::Volume| {
            let role = volume.tags.get(TAG_ROLE);
            role.is_some_and(|role| role == "drill-copy")
                && !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
        };
        volumes.filter(is_copy).map(|volume| volume.id.clone()).collect()
    })
}

fn tag(sim: &Sim, key: &str) -> Option<String> {
    sim.inspect(|world| {
        let address = world.addresses.values().next().expect("one");
        address.address.tags.get(key).cloned()
    })
}

#[test]
fn a_snapshot_is_proven_on_a_copy_within_the_drills_policy() {
    let sim = world(1);
    let before = serving(&sim);
    operate(&sim, Purpose::DrillRestore, |_| {});
    let drilled = tried(&sim, &Silent).unwrap_or_else(|error| panic!("{error}\n{}", sim.trace_text()));
    let report = drilled.report;
    assert!(
        report.passed && drilled.untold.is_none(),
        "{report:#?}\n{}",
        sim.trace_text()
    );
    // None was written before this snapshot was taken.
    assert!(!report.marker_compared && report.marker.is_none(), "{report:#?}");
    assert_eq!(tag(&sim, TAG_RESTORE_DRILL), Some(report.to_tag()));
    assert_eq!(copies(&sim), [""; 0]);
    sim.advance(Duration::from_secs(600));
    operate(&sim, Purpose::Snapshot, |_| {});
    snapshot(&sim);
    sim.advance(Duration::from_secs(600));
    operate(&sim, Purpose::DrillRestore, |_| {});
    let report = tried(&sim, &Silent).expect("it takes place").report;
    assert!(report.passed && report.marker_compared, "{report:#?}");
    let markers = tag(&sim, TAG_MARKERS).expect("they are noted");
    assert!(
        markers.contains(report.marker.as_deref().expect("it is there")),
        "{markers}"
    );
    assert_eq!(
        (copies(&sim).len(), serving(&sim)),
        (0, before),
        "the stack is what it was"
    );
    assert_eq!(sim.violations(), []);
}

/// Harms the world at a moment of the drill.
#[derive(Debug)]
struct Harming<'a>(&'a Sim, Moment, fn(&Sim));

impl Progress for Harming<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Moment { entry } = event
            && entry.what == self.1
        {
            self.2(self.0);
        }
    }
}

/// Changes what the snapshots hold.
fn spoil(sim: &Sim, change: fn(&mut Content)) {
    sim.tamper(|world: &mut World| {
        world
            .snapshots
            .values_mut()
            .for_each(|record| change(&mut record.content));
    });
}

#[test]
fn what_does_not_hold_fails_the_drill_and_leaves_nothing() {
    type Change = fn(&Sim);
    let cases: [(&str, Change); 3] = [
        ("mounts", |sim| spoil(sim, |content| *content = Content::Blank)),
        ("mounts", |sim| {
            spoil(sim, |content| *content = Content::Foreign("gpt".to_owned()));
        }),
        ("marker", |sim| {
            spoil(sim, |content| {
                if let Content::Filesystem { marker, .. } = content {
                    *marker = Some("ff".repeat(16));
                }
            });
        }),
    ];
    for (what, harm) in cases {
        let sim = world(2);
        tried(&sim, &Silent).expect("the first writes a marker");
        sim.advance(Duration::from_secs(600));
        snapshot(&sim);
        harm(&sim);
        let report = tried(&sim, &Silent).expect("it takes place").report;
        let failed: Vec<&str> = report
            .checks
            .iter()
            .filter(|it| !it.holds)
            .map(|it| it.what.as_str())
            .collect();
        assert!(
            !report.passed && failed.len() == 1 && failed[0].contains(what),
            "{what}: {report:#?}"
        );
        assert!(tag(&sim, TAG_RESTORE_DRILL).is_some_and(|tag| tag.contains(" failed")));
        assert_eq!(copies(&sim), [""; 0]);
        assert_eq!(sim.violations(), []);
    }
}

#[test]
fn an_instance_that_ends_meanwhile_fails_the_drill_and_the_copy_is_taken_away() {
    let sim = world(3);
    let harm: fn(&Sim) = |sim| {
        let (running, _, _) = serving(sim).expect("it serves");
        sim.kill_instance(&running);
    };
    let report = tried(&sim, &Harming(&sim, Moment::CopyAttached, harm))
        .expect("it takes place")
        .report;
    assert!(!report.passed, "{report:#?}");
    assert_eq!(copies(&sim), [""; 0], "{report:#?}");
    sim.advance(Duration::from_secs(1_200));
    assert!(serving(&sim).is_some(), "the stack heals");
    assert_eq!(sim.violations(), []);
}

/// The same, after a first drill, whose marker the snapshot does not carry yet.
fn marked(seed: u64) -> Sim {
    let sim = world(seed);
    tried(&sim, &Silent).expect("it takes place");
    sim.advance(Duration::from_secs(600));
    sim
}

#[test]
fn a_drill_that_is_disturbed_at_any_call_leaves_nothing_after_the_next() {
    let whole = marked(4);
    tried(&whole, &Silent).expect("it takes place");
    let count = calls(&whole);
    assert!(count > 15, "{count}");
    let faults = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::AnswerLost,
        Fault::ErrorBeforeEffect,
        Fault::Throttle,
        Fault::LateVisibility(20_000),
        Fault::Stale(20_000),
    ];
    for fault in faults {
        for call in 1..=count {
            let sim = marked(4);
            let before = serving(&sim);
            let faults = FaultPlan::none().with_times(When::Call(call), fault.clone(), 1);
            let first = disturbed(&sim, &Silent, faults);
            sim.set_faults(FaultPlan::none());
            let context = || format!("{fault:?} at {call}: {first:?}\n{}", sim.trace_text());
            let gone = copies(&sim).is_empty();
            let told = matches!(&first, Ok(drilled) if gone == drilled.report.left.is_none());
            assert!(told || first.is_err(), "{}", context());
            // Until it may be one that was cut off, it counts as one that is under way.
            if !gone {
                assert_eq!(
                    tried(&sim, &Silent).map(drop),
                    Err("under-way".to_owned()),
                    "{}",
                    context()
                );
            }
            sim.advance(Duration::from_secs(1_900));
            // It carries the marker of the one that was disturbed, or that of the one before.
            snapshot(&sim);
            let report = tried(&sim, &Silent)
                .unwrap_or_else(|error| panic!("{error}: {}", context()))
                .report;
            assert!(report.passed && copies(&sim).is_empty(), "{report:#?} {}", context());
            assert_eq!(serving(&sim), before, "{}", context());
            assert_eq!(sim.violations(), [], "{}", context());
        }
    }
}

#[test]
fn without_a_snapshot_or_an_instance_there_is_nothing_to_drill() {
    let sim = applied_as(even(5), &web());
    sim.advance(Duration::from_secs(600));
    assert_eq!(prepared(&sim, &web()).map(drop), Err(vec!["no-snapshot".to_owned()]));
    snapshot(&sim);
    let mut bare = web();
    bare.data = None;
    assert_eq!(prepared(&sim, &bare).map(drop), Err(vec!["no-data".to_owned()]));
    let (instance, _, _) = serving(&sim).expect("it serves");
    sim.kill_instance(&instance);
    // Until the group has noticed.
    let noticed = (0..60).any(|_| {
        sim.advance(Duration::from_secs(5));
        prepared(&sim, &web()).is_err()
    });
    assert!(noticed);
    assert_eq!(prepared(&sim, &web()).map(drop), Err(vec!["not-serving".to_owned()]));
}

/// What the judge lets a drill delete is a drill's copy alone.
#[test]
fn a_copy_that_somebody_has_written_to_is_data() {
    use selfheal_aws::Ec2;

    for (at, spoiled) in [false, true].into_iter().enumerate() {
        let sim = world(6 + at as u64);
        let snapshot = sim.inspect(|world| world.snapshots.keys().next().cloned());
        let observed = read(&sim, &web(), Scope::Drill);
        let drill = RestoreDrill::of(&web(), &observed, sim.now()).expect("nothing is against it");
        assert_eq!(Some(&drill.snapshot_id), snapshot.as_ref());
        let copy = sim
            .block_on(sim.create_volume(&drill.copy))
            .expect("it ends")
            .expect("it is made")
            .id;
        sim.advance(Duration::from_secs(60));
        if spoiled {
            sim.tamper(|world| {
                let record = world.volumes.get_mut(&copy).expect("it is there");
                if let Content::Filesystem { writes, .. } = &mut record.content {
                    *writes += 1;
                }
            });
        }
        let deleted = sim.block_on(sim.delete_volume(&copy));
        assert_eq!(deleted.is_err() || !sim.violations().is_empty(), spoiled);
    }
}
