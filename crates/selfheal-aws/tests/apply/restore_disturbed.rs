//! Restores that are not alone: somebody wakes the stack in the middle of one, somebody else begins another, the zone is lost,
//! and runs are cut off.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_aws::{ApplyErrorKind, AutoScaling, Clock, Goal, Scope};
use selfheal_core::plan::{RestoreFrom, RestoreOptions, SleepUntil, SnapshotOptions, unfinished_restore};
use selfheal_core::spec::Spec;
use selfheal_core::world::{SnapshotId, VolumeId};

use crate::restore::{back_to, holds, role, undo, with_a_past, writes};
use crate::support::{calls, look, read, run, run_until_done, serving, web};

const HEALED: Duration = Duration::from_secs(900);
const GROUP: &str = "selfheal-web";

/// The roles of the stack's volumes, without those that hold nothing of it.
fn roles(sim: &Sim) -> Vec<String> {
    sim.inspect(|world| {
        let volumes = world.volumes.values().map(|record| &record.volume);
        let roles = volumes.filter_map(|volume| volume.tags.get("selfheal:role").cloned());
        let mut roles: Vec<String> = roles.filter(|role| role != "root-volume").collect();
        roles.sort();
        roles
    })
}

fn data_volumes(sim: &Sim) -> usize {
    roles(sim).iter().filter(|role| *role == "volume").count()
}

/// Somebody wakes the stack after so long, whatever it does.
async fn wake_after(sim: &Sim, ms: u64) {
    sim.sleep(Duration::from_millis(ms)).await;
    // Refused where the group has other things to do, as for anybody.
    let _ = sim.set_desired_capacity(GROUP, 1).await;
}

/// For how long a restore runs, in milliseconds.
fn length(spec: &Spec, asleep: bool) -> u64 {
    let (sim, snapshot) = past(spec, asleep);
    let before = sim.now_ms();
    run_until_done(&sim, spec, back_to(&snapshot), 1);
    sim.now_ms() - before
}

fn past(spec: &Spec, asleep: bool) -> (Sim, SnapshotId) {
    let (sim, snapshot) = with_a_past(21, spec);
    if asleep {
        run_until_done(&sim, spec, Goal::Sleep(SleepUntil::Schedule), 1);
        sim.settle(HEALED);
    }
    (sim, snapshot)
}

#[test]
fn a_stack_that_is_woken_at_any_moment_of_a_restore_serves_from_the_new_volume_alone() {
    let spec = web();
    for asleep in [false, true] {
        let whole = length(&spec, asleep);
        // By the call, and where a run waits by the second.
        let steps = (0..whole).step_by(if asleep { 700 } else { 4_300 });
        for at in steps.chain((0..whole.min(2_000)).step_by(300)) {
            let (sim, snapshot) = past(&spec, asleep);
            let old = sim.inspect(|world| {
                let mut volumes = world.volumes.values().map(|record| &record.volume);
                let data = volumes.find(|it| it.tags.get("selfheal:role").is_some_and(|role| role == "volume"));
                data.expect("it has one").id.clone()
            });
            let (alice, clock) = (sim.as_operator("alice"), sim.as_operator("clock"));
            let both = sim.block_on(join(run(&alice, &spec, back_to(&snapshot)), wake_after(&clock, at)));
            let (restored, ()) = both.expect("nobody is cut off");
            let context = || format!("asleep {asleep}, woken after {at} ms\n{}", sim.trace_text());
            if let Err(error) = restored {
                // One that was to sleep afterwards was not shown to be stopped: its person is told, and runs it again.
                assert!(
                    asleep && matches!(error.kind, ApplyErrorKind::Changed(_)),
                    "{error}: {}",
                    context()
                );
                run_until_done(&sim, &spec, back_to(&snapshot), 1);
            }
            sim.settle(HEALED);
            let (_, _, volume) = serving(&sim).unwrap_or_else(|| panic!("nothing serves: {}", context()));
            assert_ne!(volume, old, "{}", context());
            assert_eq!(roles(&sim), ["previous-volume", "volume"], "{}", context());
            assert!(writes(&sim, &volume) >= 2 && writes(&sim, &old) >= 3, "{}", context());
            let rest = look(&sim, &spec, Goal::Apply);
            assert!(rest.is_empty(), "{rest}\n{}", context());
        }
    }
}

/// What a person does who was told that a restore is not finished: the same without a word of how it was begun.
fn gone_on_with(sim: &Sim, spec: &Spec) -> Option<Goal> {
    let begun = unfinished_restore(spec, &read(sim, spec, Scope::Restore))?;
    Some(Goal::Restore(RestoreOptions {
        from: begun,
        zone: None,
        zone_lost: false,
    }))
}

#[test]
fn a_restore_out_of_a_lost_zone_that_is_cut_off_twice_is_finished_without_saying_so_again() {
    let spec = web();
    let lost = |sim: &Sim, snapshot: &SnapshotId| {
        let old = holds(sim);
        let zone = sim.inspect(|world| world.volumes[&old].volume.zone.clone());
        let zones = sim.inspect(|world| {
            let zones = world.subnets.values().map(|record| record.subnet.zone.clone());
            zones.collect::<BTreeSet<String>>()
        });
        let other = zones
            .into_iter()
            .find(|other| *other != zone)
            .expect("there are several");
        sim.lose_zone(&zone);
        let goal = Goal::Restore(RestoreOptions {
            from: RestoreFrom::Snapshot(snapshot.clone()),
            zone: Some(other.clone()),
            zone_lost: true,
        });
        (goal, other)
    };
    let (whole, snapshot) = with_a_past(22, &spec);
    let (goal, _) = lost(&whole, &snapshot);
    run_until_done(&whole, &spec, goal, 1);
    let count = calls(&whole);
    assert!(count > 20, "{count}");
    for cut in [Fault::CrashBefore, Fault::CrashAfter] {
        for call in (1..=count).step_by(2) {
            let (sim, snapshot) = with_a_past(22, &spec);
            let (goal, other) = lost(&sim, &snapshot);
            let at = |call: u64| FaultPlan::none().with_times(When::Call(call), cut.clone(), 1);
            sim.set_faults(at(call));
            let _ = sim.block_on(run(&sim, &spec, goal.clone()));
            // And again, somewhere else.
            sim.set_faults(FaultPlan::none());
            let again = gone_on_with(&sim, &spec).unwrap_or_else(|| goal.clone());
            sim.set_faults(at(call * 7 % count + 1));
            let finished = matches!(sim.block_on(run(&sim, &spec, again)), Ok(Ok(_)));
            sim.set_faults(FaultPlan::none());
            let context = || format!("{cut:?} at {call}\n{}", sim.trace_text());
            match gone_on_with(&sim, &spec) {
                Some(again) => drop(run_until_done(&sim, &spec, again, 1)),
                None if finished || roles(&sim).contains(&"previous-volume".to_owned()) => {}
                None => drop(run_until_done(&sim, &spec, goal, 1)),
            }
            let volume = holds(&sim);
            let place = sim.inspect(|world| world.volumes[&volume].volume.zone.clone());
            assert_eq!(
                (place, roles(&sim)),
                (other, vec!["previous-volume".to_owned(), "volume".to_owned()]),
                "{}",
                context()
            );
        }
    }
}

/// A stack with two snapshots: of one boot, and of three.
fn with_two_pasts(seed: u64, spec: &Spec) -> (Sim, SnapshotId, SnapshotId) {
    let (sim, first) = with_a_past(seed, spec);
    let goal = Goal::Snapshot(SnapshotOptions {
        wait: true,
        instant: false,
    });
    run_until_done(&sim, spec, goal, 1);
    let second = sim.inspect(|world| world.snapshots.keys().find(|id| **id != first).cloned());
    (sim, first, second.expect("it was taken"))
}

#[test]
fn of_two_restores_at_once_one_is_refused_and_says_how_to_go_on_or_give_up() {
    let spec = web();
    for seed in 0..24 {
        let (sim, one, other) = with_two_pasts(seed, &spec);
        let old = holds(&sim);
        // Their listings lag behind what the other one makes.
        let made = When::Every("ec2:CreateVolume".to_owned());
        sim.set_faults(FaultPlan::none().with(made, Fault::LateVisibility(seed % 4 * 3_000)));
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let late = async {
            bob.sleep(Duration::from_millis(seed * 2_331)).await;
            run(&bob, &spec, back_to(&other)).await
        };
        let both = sim.block_on(join(run(&alice, &spec, back_to(&one)), late));
        sim.set_faults(FaultPlan::none());
        let context = || format!("seed {seed}\n{}", sim.trace_text());
        let (first, second) = both.expect("nobody is cut off");
        let done = [first.is_ok(), second.is_ok()];
        // Whoever comes once the first is done goes back again.
        let after = done == [true, true];
        for error in [first.err(), second.err()].into_iter().flatten() {
            let ApplyErrorKind::Refused(refusals) = &error.kind else {
                panic!("{error}\n{}", context())
            };
            let [refusal] = refusals.as_slice() else {
                panic!("{refusals:?}")
            };
            assert_eq!(refusal.code, "restore-unfinished", "{}", context());
            assert!(refusal.help.contains("selfheal restore --undo"), "{refusal:?}");
        }
        assert!(done.contains(&true), "one of them wins: {}", context());
        assert_eq!(data_volumes(&sim), 1, "{}", context());
        let volume = holds(&sim);
        assert_ne!(volume, old);
        let from = sim.inspect(|world| world.volumes[&volume].volume.tags["selfheal:restored-from"].clone());
        let winner = if done[0] && !after { &one } else { &other };
        assert_eq!(from, winner.as_str(), "{}", context());
        if !after {
            // The other one's volume is there, and is given up without touching what serves.
            if unfinished_restore(&spec, &read(&sim, &spec, Scope::Restore)).is_some() {
                run_until_done(&sim, &spec, undo(&sim, &spec), 1);
                assert_eq!(holds(&sim), volume, "{}", context());
            }
            assert!(unfinished_restore(&spec, &read(&sim, &spec, Scope::Restore)).is_none());
        }
        assert!(look(&sim, &spec, Goal::Apply).is_empty(), "{}", context());
    }
}

#[test]
fn another_restore_than_the_one_that_was_cut_off_is_refused() {
    let spec = web();
    let (whole, one, _) = with_two_pasts(50, &spec);
    run_until_done(&whole, &spec, back_to(&one), 1);
    let mut refused = 0;
    for call in (1..=calls(&whole)).step_by(3) {
        let (sim, one, other) = with_two_pasts(50, &spec);
        let old = holds(&sim);
        sim.set_faults(FaultPlan::none().crash_after(call));
        let _ = sim.block_on(run(&sim, &spec, back_to(&one)));
        sim.set_faults(FaultPlan::none());
        let begun = unfinished_restore(&spec, &read(&sim, &spec, Scope::Restore)).is_some();
        let switched = role(&sim, &old) != "volume" && data_volumes(&sim) == 1;
        if !begun || switched {
            continue;
        }
        for goal in [back_to(&other), as_volume(&old)] {
            let plan = look(&sim, &spec, goal.clone());
            if goal == as_volume(&old) {
                // The way back gives it up.
                assert!(plan.refusals.is_empty(), "{plan}");
                continue;
            }
            let [refusal] = plan.refusals.as_slice() else {
                panic!("{plan}")
            };
            refused += 1;
            assert_eq!(refusal.code, "restore-unfinished");
            for word in [
                one.as_str(),
                old.as_str(),
                "selfheal restore --from",
                "selfheal restore --undo",
            ] {
                assert!(
                    refusal.message.contains(word) || refusal.help.contains(word),
                    "{word}: {refusal:?}"
                );
            }
        }
        run_until_done(&sim, &spec, back_to(&one), 2);
        assert_eq!(data_volumes(&sim), 1);
    }
    assert!(refused > 2, "{refused}");
}

fn as_volume(id: &VolumeId) -> Goal {
    Goal::Restore(RestoreOptions {
        from: RestoreFrom::Volume(id.clone()),
        zone: None,
        zone_lost: false,
    })
}
