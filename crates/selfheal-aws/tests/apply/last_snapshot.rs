//! The last snapshot of a data volume: what it holds is what was on the volume, and its deletion waits for what holds it.

use std::time::Duration;

use selfheal_aws::sim::{Content, Fault, FaultPlan, Range, Sim, SimConfig, When};
use selfheal_aws::{ApplyError, ApplyErrorKind, Goal};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::world::{SnapshotState, VolumeId};

use crate::support::{applied, census, even, look, run, run_until_done, serving, web};

const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const DATA: Goal = Goal::Destroy(DestroyOptions {
    delete_data: true,
    ..DestroyOptions::KEEP
});

/// A stack that serves, its volume permitted to go.
fn serving_stack(config: SimConfig) -> (Sim, VolumeId) {
    let sim = applied(config);
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    sim.permit(volume.as_str());
    (sim, volume)
}

/// Cuts a destroy off as soon as its snapshot was started.
fn cut_off_after_its_snapshot(sim: &Sim) {
    sim.set_faults(FaultPlan::none().with_times(When::Nth("ec2:CreateSnapshot".to_owned(), 1), Fault::CrashAfter, 1));
    assert!(sim.block_on(run(sim, &web(), DATA)).is_err(), "it is cut off");
    sim.set_faults(FaultPlan::none());
    sim.settle(Duration::from_secs(600));
}

/// The bytes of a volume, and those that its completed snapshots hold.
fn contents(sim: &Sim, volume: &str) -> (Content, Vec<Content>) {
    sim.inspect(|world| {
        let of_volume = world.snapshots.values().filter(|it| it.snapshot.volume_id == volume);
        let completed = of_volume.filter(|it| it.snapshot.state == SnapshotState::Completed);
        (
            world.volumes[volume].content.clone(),
            completed.map(|it| it.content.clone()).collect(),
        )
    })
}

#[test]
fn a_snapshot_that_is_older_than_the_data_does_not_let_the_volume_go_2() {
    let mut config = even(201);
    // AWS promises no more than "a short while".
    config.timings.terminated_shown_ms = 60_000;
    let (sim, volume) = serving_stack(config);
    cut_off_after_its_snapshot(&sim);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(Duration::from_secs(600));
    assert_eq!(serving(&sim).expect("it serves again").2, volume);
    run_until_done(&sim, &web(), KEEP, 1);
    sim.settle(Duration::from_secs(300));
    let plan = look(&sim, &web(), DATA);
    assert!(plan.notes.iter().any(|note| note.code == "earlier-snapshot"), "{plan}");
    run_until_done(&sim, &web(), DATA, 1);
    let (written, saved) = contents(&sim, volume.as_str());
    assert!(
        saved.contains(&written),
        "{written:?} is not among {saved:?}\n{}",
        sim.trace_text()
    );
}

#[test]
fn a_lost_answer_to_the_snapshot_costs_no_second_one_2() {
    for seed in 0..20 {
        let (sim, _) = serving_stack(SimConfig::seeded(seed));
        let first = When::Nth("ec2:CreateSnapshot".to_owned(), 1);
        sim.set_faults(FaultPlan::none().with_times(first, Fault::AnswerLost, 1));
        run_until_done(&sim, &web(), DATA, 1);
        assert_eq!(sim.inspect(|world| world.snapshots.len()), 1, "{}", sim.trace_text());
    }
}

#[test]
fn a_stack_that_is_applied_during_the_snapshot_keeps_its_volume_2() {
    let mut config = even(202);
    config.timings.snapshot = Range::exactly(3_600_000);
    let (sim, volume) = serving_stack(config);
    let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
    let both = sim.block_on(futures::future::join(run(&alice, &web(), DATA), async {
        selfheal_aws::Clock::sleep(&sim, Duration::from_secs(1_200)).await;
        run(&bob, &web(), Goal::Apply).await
    }));
    let (destroyed, applied) = both.expect("no crash");
    applied.expect("it applies");
    match destroyed {
        Err(ApplyError {
            kind: ApplyErrorKind::Refused(refusals),
            ..
        }) => assert_eq!(refusals[0].code, "applied-again"),
        other => panic!("{other:?}\n{}", sim.trace_text()),
    }
    sim.settle(Duration::from_secs(900));
    assert_eq!(serving(&sim).expect("it serves").2, volume);
}

#[test]
fn a_dead_instance_may_hold_the_volume_for_ten_minutes_24() {
    let mut config = even(2401);
    config.timings.volume_release = Range::exactly(600_000);
    // A snapshot that is done at once leaves the whole wait to the deletion.
    config.timings.snapshot = Range::exactly(1_000);
    let (sim, _) = serving_stack(config);
    run_until_done(&sim, &web(), DATA, 1);
    let data = census(&sim).into_iter().find(|(kind, _)| *kind == "data volumes");
    assert_eq!(data, Some(("data volumes", 0)), "{}", sim.trace_text());
    assert!(sim.trace_text().contains("VolumeInUse"), "{}", sim.trace_text());
}
