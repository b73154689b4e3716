//! Going back to an earlier state of the data, and on again.

use std::time::Duration;

use selfheal_aws::sim::{Content, Fault, FaultPlan, FaultRule, Sim, When};
use selfheal_aws::{Goal, Scope};
use selfheal_core::plan::{RestoreFrom, RestoreOptions, SnapshotOptions, StepKind, undo_restore};
use selfheal_core::spec::Spec;
use selfheal_core::world::{SnapshotId, VolumeId};

use crate::support::{applied_as, calls, even, look, read, run, run_until_done, serving, web};

/// Long enough for a replacement to be in service.
const HEALED: Duration = Duration::from_secs(900);
const GROUP: &str = "selfheal-web";

/// How many boots have written to a volume: what stands for its data.
pub fn writes(sim: &Sim, id: &VolumeId) -> u64 {
    sim.inspect(|world| match &world.volumes[id].content {
        Content::Filesystem { writes, .. } => *writes,
        other => panic!("{id} holds {other:?}"),
    })
}

pub fn role(sim: &Sim, id: &VolumeId) -> String {
    sim.inspect(|world| world.volumes[id].volume.tags["selfheal:role"].clone())
}

pub fn holds(sim: &Sim) -> VolumeId {
    let (_, _, volume) = serving(sim).unwrap_or_else(|| panic!("nothing serves\n{}", sim.trace_text()));
    volume
}

/// The instance dies, and another one takes its place.
fn replace(sim: &Sim) {
    let (instance, _, _) = serving(sim).expect("it serves");
    sim.kill_instance(&instance);
    sim.settle(HEALED);
}

/// A stack that one boot has written to, with a completed snapshot of that, and two more boots since.
pub fn with_a_past(seed: u64, spec: &Spec) -> (Sim, SnapshotId) {
    let sim = applied_as(even(seed), spec);
    sim.settle(HEALED);
    let goal = Goal::Snapshot(SnapshotOptions {
        wait: true,
        instant: false,
    });
    run_until_done(&sim, spec, goal, 1);
    let snapshot = sim
        .inspect(|world| world.snapshots.keys().next().cloned())
        .expect("it was taken");
    replace(&sim);
    replace(&sim);
    assert_eq!(writes(&sim, &holds(&sim)), 3);
    sim.drain_trace();
    (sim, snapshot)
}

pub fn back_to(id: &SnapshotId) -> Goal {
    Goal::Restore(RestoreOptions {
        from: RestoreFrom::Snapshot(id.clone()),
        zone: None,
        zone_lost: false,
    })
}

/// What `restore --undo` is for as things stand.
pub fn undo(sim: &Sim, spec: &Spec) -> Goal {
    let observed = read(sim, spec, Scope::Restore);
    Goal::Restore(RestoreOptions {
        from: undo_restore(spec, &observed).unwrap_or_else(|why| panic!("{why}\n{}", sim.trace_text())),
        zone: None,
        zone_lost: false,
    })
}

#[test]
fn a_restore_brings_the_snapshot_back_and_keeps_what_was() {
    let spec = web();
    let (sim, snapshot) = with_a_past(1, &spec);
    let (_, address, old) = serving(&sim).expect("it serves");
    let plan = look(&sim, &spec, back_to(&snapshot));
    assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
    assert!(
        plan.notes.iter().any(|note| note.code == "data-as-of"),
        "{:?}",
        plan.notes
    );

    run_until_done(&sim, &spec, back_to(&snapshot), 1);
    let (_, same, new) = serving(&sim).expect("it serves again");
    assert_eq!(same, address);
    assert_ne!(new, old);
    // The snapshot's one boot, and that of the new instance.
    assert_eq!((writes(&sim, &new), writes(&sim, &old)), (2, 3));
    assert_eq!(
        (role(&sim, &new).as_str(), role(&sim, &old).as_str()),
        ("volume", "previous-volume")
    );
    let taken = sim.inspect(|world| {
        world
            .snapshots
            .values()
            .filter(|it| it.snapshot.volume_id == old)
            .count()
    });
    assert_eq!(taken, 2, "a last snapshot of what was");
    assert!(look(&sim, &spec, Goal::Apply).is_empty());

    // A replacement keeps the new one, and the way back is open.
    replace(&sim);
    assert_eq!(holds(&sim), new);
    run_until_done(&sim, &spec, undo(&sim, &spec), 1);
    assert_eq!((holds(&sim), writes(&sim, &old)), (old.clone(), 4));
    assert_eq!(role(&sim, &new), "previous-volume");
    assert!(look(&sim, &spec, Goal::Apply).is_empty());

    // And on again; then to the snapshot once more, which is another volume.
    run_until_done(&sim, &spec, undo(&sim, &spec), 1);
    assert_eq!(holds(&sim), new);
    run_until_done(&sim, &spec, undo(&sim, &spec), 1);
    run_until_done(&sim, &spec, back_to(&snapshot), 1);
    let third = holds(&sim);
    assert!(third != old && third != new);
    assert_eq!(writes(&sim, &third), 2);
}

/// Every fault that cuts a run off or leaves it in the dark.
const FAULTS: [Fault; 4] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::AnswerLost,
    Fault::Throttle,
];

fn at_call(call: u64, fault: &Fault) -> FaultPlan {
    FaultPlan {
        rules: vec![FaultRule {
            when: When::Call(call),
            caller: None,
            fault: fault.clone(),
            times: Some(1),
        }],
        ..FaultPlan::none()
    }
}

#[test]
fn a_restore_that_is_cut_off_at_any_call_is_finished_by_the_next() {
    let spec = web();
    let (whole, snapshot) = with_a_past(2, &spec);
    run_until_done(&whole, &spec, back_to(&snapshot), 1);
    let count = calls(&whole);
    assert!(count > 20, "{count}");
    for fault in FAULTS {
        for call in 1..=count {
            let (sim, snapshot) = with_a_past(2, &spec);
            let old = holds(&sim);
            sim.set_faults(at_call(call, &fault));
            let _ = sim.block_on(run(&sim, &spec, back_to(&snapshot)));
            sim.set_faults(FaultPlan::none());
            // An apply in the meantime changes nothing of it: it goes well, or is refused while no volume is the data volume.
            let applied = sim.block_on(run(&sim, &spec, Goal::Apply)).expect("it ends");
            if let Err(error) = applied {
                assert!(error.to_string().contains("is not finished"), "{error}");
            }
            let made = sim.inspect(|world| {
                let volumes = world.volumes.values().map(|record| &record.volume);
                let mut made = volumes.filter(|volume| volume.tags.contains_key("selfheal:restored-from"));
                made.next()
                    .and_then(|volume| volume.tags.get("selfheal:restore").cloned())
            });
            let finished = made.is_some_and(|value| value.starts_with("done "));
            if !finished {
                run_until_done(&sim, &spec, back_to(&snapshot), 2);
            }
            let new = holds(&sim);
            let context = || format!("{fault:?} at {call}\n{}", sim.trace_text());
            assert_ne!(new, old, "{}", context());
            assert_eq!((writes(&sim, &new), writes(&sim, &old)), (2, 3), "{}", context());
            let data = sim.inspect(|world| {
                let roles = world
                    .volumes
                    .values()
                    .map(|record| record.volume.tags.get("selfheal:role").cloned());
                let mut roles: Vec<String> = roles.flatten().filter(|role| role != "root-volume").collect();
                roles.sort();
                roles
            });
            assert_eq!(data, ["previous-volume", "volume"], "{}", context());
            assert!(look(&sim, &spec, Goal::Apply).is_empty(), "{}", context());
        }
    }
}

#[test]
fn a_restore_that_was_cut_off_is_given_up_by_its_undoing() {
    let spec = web();
    let (whole, snapshot) = with_a_past(3, &spec);
    run_until_done(&whole, &spec, back_to(&snapshot), 1);
    for call in 1..=calls(&whole) {
        let (sim, snapshot) = with_a_past(3, &spec);
        let old = holds(&sim);
        sim.set_faults(FaultPlan::none().crash_after(call));
        let _ = sim.block_on(run(&sim, &spec, back_to(&snapshot)));
        sim.set_faults(FaultPlan::none());
        let begun = sim.inspect(|world| {
            let mut tags = world.volumes.values().map(|record| &record.volume.tags);
            tags.any(|tags| tags.contains_key("selfheal:restore"))
        });
        if begun {
            // The way back is cut off as well.
            let goal = undo(&sim, &spec);
            sim.set_faults(FaultPlan::none().crash_after(call % 25 + 1));
            let _ = sim.block_on(run(&sim, &spec, goal));
            sim.set_faults(FaultPlan::none());
            let now = sim.inspect(|world| world.groups[GROUP].settings.desired);
            if role(&sim, &old) != "volume"
                || now == 0
                || !look(&sim, &spec, undo_or_apply(&sim, &spec, &old)).is_empty()
            {
                run_until_done(&sim, &spec, undo_or_apply(&sim, &spec, &old), 2);
            }
        }
        sim.settle(HEALED);
        let context = || format!("cut off after {call}\n{}", sim.trace_text());
        let (_, _, volume) = serving(&sim).unwrap_or_else(|| panic!("{}", context()));
        assert_eq!(volume, old, "{}", context());
    }
}

/// The undoing, where it was cut off or has not begun; where it was finished, an apply.
fn undo_or_apply(sim: &Sim, spec: &Spec, old: &VolumeId) -> Goal {
    let open = sim.inspect(|world| {
        let mut tags = world.volumes.values().map(|record| &record.volume.tags);
        tags.any(|tags| {
            tags.get("selfheal:restore")
                .is_some_and(|value| !value.starts_with("done "))
        })
    });
    if open || role(sim, old) != "volume" {
        undo(sim, spec)
    } else {
        Goal::Apply
    }
}

#[test]
fn a_stack_that_sleeps_is_asleep_after_a_restore() {
    let spec = web();
    let (sim, snapshot) = with_a_past(4, &spec);
    let old = holds(&sim);
    run_until_done(&sim, &spec, Goal::Sleep(selfheal_core::plan::SleepUntil::Schedule), 1);
    sim.settle(HEALED);
    run_until_done(&sim, &spec, back_to(&snapshot), 1);
    sim.settle(HEALED);
    assert!(serving(&sim).is_none());
    assert_eq!(role(&sim, &old), "previous-volume");
    run_until_done(&sim, &spec, Goal::Wake { wait: true }, 1);
    assert_ne!(holds(&sim), old);
}

#[test]
fn a_volume_that_is_gone_is_made_anew_from_its_snapshot() {
    let spec = web();
    let (sim, snapshot) = with_a_past(5, &spec);
    let old = holds(&sim);
    sim.permit(old.as_str());
    sim.tamper(|world| {
        for instance in world.instances.values_mut() {
            instance.mounted = None;
        }
        world.volumes.remove(&old);
    });
    let refused = look(&sim, &spec, Goal::Apply);
    assert!(
        refused.refusals.iter().any(|it| it.help.contains("selfheal restore")),
        "{refused:?}"
    );
    run_until_done(&sim, &spec, back_to(&snapshot), 2);
    let new = holds(&sim);
    assert_eq!(writes(&sim, &new), 2);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
}

#[test]
fn a_restore_into_another_zone_brings_a_stack_back_whose_zone_is_lost() {
    let spec = web();
    let (sim, snapshot) = with_a_past(6, &spec);
    let old = holds(&sim);
    let zone = sim.inspect(|world| world.volumes[&old].volume.zone.clone());
    let other = sim.inspect(|world| {
        let zones = world.subnets.values().map(|record| record.subnet.zone.clone());
        zones.into_iter().find(|other| *other != zone)
    });
    let other = other.expect("there are several");
    sim.lose_zone(&zone);
    let goal = Goal::Restore(RestoreOptions {
        from: RestoreFrom::Snapshot(snapshot),
        zone: Some(other.clone()),
        zone_lost: true,
    });
    run_until_done(&sim, &spec, goal, 2);
    let new = holds(&sim);
    assert_ne!(new, old);
    let place = sim.inspect(|world| world.volumes[&new].volume.zone.clone());
    assert_eq!(place, other);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
}

#[test]
fn a_copy_is_the_stacks_and_nothing_uses_it_until_it_is_restored() {
    let spec = web();
    let (sim, snapshot) = with_a_past(7, &spec);
    let old = holds(&sim);
    let instant = Goal::Snapshot(SnapshotOptions {
        wait: false,
        instant: true,
    });
    run_until_done(&sim, &spec, instant, 1);
    let of_snapshot = Goal::VolumeOfSnapshot { snapshot, zone: None };
    run_until_done(&sim, &spec, of_snapshot, 1);
    let copies = sim.inspect(|world| {
        let volumes = world.volumes.values().map(|record| &record.volume);
        let copies = volumes.filter(|it| it.tags.get("selfheal:role").is_some_and(|role| role == "volume-copy"));
        copies.map(|it| it.id.clone()).collect::<Vec<_>>()
    });
    let mut copies = copies;
    copies.sort_by_key(|id| std::cmp::Reverse(writes(&sim, id)));
    assert_eq!(copies.iter().map(|id| writes(&sim, id)).collect::<Vec<_>>(), [3, 1]);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    assert_eq!(holds(&sim), old);
    let goal = Goal::Restore(RestoreOptions {
        from: RestoreFrom::Volume(copies[0].clone()),
        zone: None,
        zone_lost: false,
    });
    let plan = look(&sim, &spec, goal.clone());
    assert!(plan.step(StepKind::RestoreVolume).is_none());
    run_until_done(&sim, &spec, goal, 1);
    assert_eq!((holds(&sim), writes(&sim, &copies[0])), (copies[0].clone(), 4));
    assert_eq!(role(&sim, &old), "previous-volume");
}
