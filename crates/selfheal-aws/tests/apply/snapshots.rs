//! Snapshots by schedule on the simulated AWS: the policy and its role made whole however a run ends, acting by the clock under
//! rights of their own, and removed cleanly.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, When};
use selfheal_aws::{Goal, Lifecycle, Scope};
use selfheal_core::names::TAG_SNAPSHOTS;
use selfheal_core::plan::{DestroyOptions, RestoreFrom, RestoreOptions, SnapshotOptions};
use selfheal_core::spec::{SnapshotsSpec, Spec};
use selfheal_core::status::{FindingCode, Severity};
use selfheal_core::world::VolumeId;
use selfheal_core::{Cause, Planner, snapshots};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, faulty, look, operate, read, run, run_until_done, serving, web};

const DAY: Duration = Duration::from_secs(86_400);
const ROLE: &str = "selfheal-web-eu-west-1-dlm";

fn scheduled(every_h: u32, keep_days: u32) -> Spec {
    let mut spec = web();
    let data = spec.data.as_mut().expect("the example has a data volume");
    data.snapshots = Some(SnapshotsSpec {
        every_h,
        keep_days,
        ..SnapshotsSpec::default()
    });
    spec
}

/// What there is of snapshots by schedule: state, hours and days of each policy, whether the role is there with its policy, and
/// the volumes that bear the mark.
type Whole = (Vec<(String, u32, u32)>, Option<bool>, usize);

fn there(sim: &Sim) -> Whole {
    sim.inspect(|world| {
        let policies = world.lifecycle_policies.values().map(|record| {
            let settings = &record.policy.settings;
            (record.policy.state.clone(), settings.every_h, settings.keep_days)
        });
        let role = world.roles.get(ROLE).map(|role| !role.policies.is_empty());
        let marked = world.volumes.values().filter(|record| {
            let mark = record.volume.tags.get(TAG_SNAPSHOTS);
            mark.is_some_and(|stack| stack == "web")
        });
        (policies.collect(), role, marked.count())
    })
}

fn whole(every_h: u32, keep_days: u32) -> Whole {
    (vec![("ENABLED".to_owned(), every_h, keep_days)], Some(true), 1)
}

fn nothing() -> Whole {
    (Vec::new(), None, 0)
}

fn taken(sim: &Sim) -> usize {
    sim.inspect(|world| world.snapshots.len())
}

#[test]
fn snapshots_are_taken_and_pruned_within_the_generated_rights() {
    let spec = scheduled(6, 2);
    let sim = applied_as(even(1), &spec);
    assert_eq!(there(&sim), whole(6, 2));
    sim.advance(DAY);
    assert!((3..=5).contains(&taken(&sim)), "{}", taken(&sim));
    sim.advance(DAY * 6);
    assert!((8..=9).contains(&taken(&sim)), "two days of them: {}", taken(&sim));
    assert_eq!(there(&sim), whole(6, 2), "its role allowed all of it");
    let observed = read(&sim, &spec, Scope::Snapshot);
    let report = snapshots(&spec, &observed);
    assert!(
        report.snapshots.iter().all(|it| it.cause == Cause::Schedule),
        "{report}"
    );
    assert!(report.latest.is_some());
    assert!(sim.violations().is_empty());
}

#[test]
fn what_the_role_may_not_do_is_told_by_status() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(2), &spec);
    sim.settle(Duration::from_secs(900));
    let found = |sim: &Sim| {
        let observed = read(sim, &spec, Scope::Status);
        let plan = Planner::new(&spec).plan(&observed, &Default::default());
        selfheal_core::status::status(&spec, &observed, &plan)
    };
    let report = found(&sim);
    assert_eq!(report.severity, None, "nothing is late yet: {report}");
    assert!(report.to_string().contains("every 24 h, kept 14 days"), "{report}");
    sim.tamper(|world| {
        let role = world.roles.get_mut(ROLE).expect("it is there");
        role.policies.clear();
    });
    sim.advance(DAY * 2);
    assert_eq!(taken(&sim), 0);
    let report = found(&sim);
    assert_eq!(report.severity, Some(Severity::Unprotected), "{report}");
    assert_eq!(report.findings[0].code, FindingCode::SnapshotsStopped, "{report}");
    assert!(report.to_string().contains("ec2:CreateSnapshot"), "{report}");
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert_eq!(there(&sim), whole(24, 14));
    sim.advance(DAY * 2);
    assert!(taken(&sim) > 0);
    assert_eq!(found(&sim).severity, None);
    // AWS says that it is enabled, and nothing happens.
    sim.tamper(|world| {
        for record in world.volumes.values_mut() {
            record.volume.tags.remove(TAG_SNAPSHOTS);
        }
    });
    sim.advance(DAY * 4);
    let report = found(&sim);
    assert_eq!(report.findings[0].code, FindingCode::SnapshotsLate, "{report}");
}

#[test]
fn it_lives_within_the_generated_policies() {
    let spec = scheduled(24, 14);
    let sim = Sim::new(even(3));
    let asked = |scope: &mut selfheal_policy::OperatorScope| scope.snapshots = true;
    operate(&sim, Purpose::Apply, asked);
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert_eq!(there(&sim), whole(24, 14));
    run_until_done(&sim, &scheduled(12, 30), Goal::Apply, 1);
    assert_eq!(there(&sim), whole(12, 30));
    for purpose in [Purpose::Plan, Purpose::Status] {
        operate(&sim, purpose, asked);
        assert!(look(&sim, &scheduled(12, 30), Goal::Apply).is_empty());
    }
    operate(&sim, Purpose::Apply, asked);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(there(&sim), nothing());
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert_eq!(there(&sim), whole(24, 14), "an existing volume is marked");
    operate(&sim, Purpose::Destroy, asked);
    run_until_done(&sim, &spec, Goal::Destroy(DestroyOptions::KEEP), 1);
    let (policies, role, _) = there(&sim);
    assert_eq!((policies, role), (Vec::new(), None));
}

#[test]
fn a_stack_without_them_neither_asks_nor_may_ask() {
    let sim = Sim::new(even(4));
    operate(&sim, Purpose::Apply, |scope| scope.snapshots = false);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let before = calls(&sim);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(calls(&sim) - before, 14);
    let spec = scheduled(24, 14);
    let with = applied_as(even(4), &spec);
    let before = calls(&with);
    assert!(look(&with, &spec, Goal::Apply).is_empty());
    assert_eq!(
        calls(&with) - before,
        18,
        "which policies, the policy, the role and its policy"
    );
}

#[test]
fn wherever_a_run_is_cut_off_the_next_one_makes_it_whole() {
    let spec = scheduled(24, 14);
    let count = calls(&applied_as(even(5), &spec));
    for k in 1..=count {
        for plan in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
            let sim = faulty(even(5), plan);
            assert!(
                sim.block_on(run(&sim, &spec, Goal::Apply)).is_err(),
                "cut off at call {k}"
            );
            run_until_done(&sim, &spec, Goal::Apply, 3);
            assert_eq!(there(&sim), whole(24, 14), "cut off at call {k}\n{}", sim.trace_text());
        }
    }
}

#[test]
fn wherever_their_removal_is_cut_off_the_next_run_removes_the_rest() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(6), &spec);
    let before = calls(&sim);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(there(&sim), nothing());
    let count = calls(&sim) - before;
    for k in 1..=count {
        for after in [false, true] {
            let sim = applied_as(even(6), &spec);
            sim.set_faults(match after {
                false => FaultPlan::none().crash_before(k),
                true => FaultPlan::none().crash_after(k),
            });
            assert!(
                sim.block_on(run(&sim, &web(), Goal::Apply)).is_err(),
                "cut off at call {k}"
            );
            run_until_done(&sim, &web(), Goal::Apply, 3);
            assert_eq!(there(&sim), nothing(), "cut off at call {k}\n{}", sim.trace_text());
        }
    }
}

#[test]
fn a_lost_answer_a_refusal_or_a_throttle_is_lived_through() {
    let spec = scheduled(24, 14);
    for name in [
        "dlm:CreateLifecyclePolicy",
        "dlm:GetLifecyclePolicies",
        "iam:PutRolePolicy",
        "iam:CreateRole",
    ] {
        let refused = name.contains("Create").then_some((Fault::AccessDenied, 1));
        let passing = [(Fault::AnswerLost, 1), (Fault::AnswerLost, 2), (Fault::Throttle, 1)];
        for (fault, nth) in passing.into_iter().chain(refused) {
            let faults = FaultPlan::none().with(When::Nth(name.to_owned(), nth), fault.clone());
            let sim = faulty(even(7), faults);
            let _ = sim.block_on(run(&sim, &spec, Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &spec, Goal::Apply, 3);
            assert_eq!(there(&sim), whole(24, 14), "{name} {fault:?}\n{}", sim.trace_text());
        }
    }
}

#[test]
fn a_second_policy_of_a_lost_answer_goes_and_listings_may_lag() {
    let spec = scheduled(24, 14);
    for seed in 0..10 {
        let mut config = even(seed);
        config.timings.visibility = Range::new(1_000, 8_000);
        let faults = FaultPlan::none().with(When::Nth("dlm:CreateLifecyclePolicy".to_owned(), 1), Fault::AnswerLost);
        let sim = faulty(config, faults);
        run_until_done(&sim, &spec, Goal::Apply, 3);
        sim.advance(Duration::from_secs(60));
        run_until_done(&sim, &spec, Goal::Apply, 1);
        assert_eq!(there(&sim), whole(24, 14), "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn console_edits_are_undone() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(8), &spec);
    sim.tamper(|world| {
        for record in world.lifecycle_policies.values_mut() {
            "DISABLED".clone_into(&mut record.policy.state);
            record.policy.settings.keep_days = 1;
        }
        let role = world.roles.get_mut(ROLE).expect("it is there");
        role.role.trust_policy = r#"{"Version":"2012-10-17","Statement":[]}"#.into();
    });
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert_eq!(there(&sim), whole(24, 14));
    sim.advance(DAY * 2);
    assert!(taken(&sim) > 0, "the role can be taken again");
}

#[test]
fn a_role_of_that_name_that_is_somebody_elses_is_left_alone() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(9), &spec);
    sim.tamper(|world| {
        let role = world.roles.get_mut(ROLE).expect("it is there");
        role.role.tags.clear();
    });
    let plan = look(&sim, &spec, Goal::Apply);
    assert!(plan.is_refused(), "{plan}");
    run_until_done(&sim, &spec, Goal::Destroy(DestroyOptions::KEEP), 1);
    assert!(there(&sim).1.is_some());
}

#[test]
fn the_snapshots_stay_whatever_goes() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(10), &spec);
    sim.advance(DAY * 3);
    let had = taken(&sim);
    assert!(had > 0);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.advance(DAY * 30);
    assert_eq!(taken(&sim), had, "nobody prunes them any more");
    let sim = applied_as(even(10), &spec);
    sim.advance(DAY * 3);
    let volumes = sim.inspect(|world| world.volumes.keys().cloned().collect::<Vec<_>>());
    volumes.iter().for_each(|id| sim.permit(id.as_str()));
    let data = DestroyOptions {
        delete_data: true,
        ..DestroyOptions::KEEP
    };
    run_until_done(&sim, &spec, Goal::Destroy(data), 1);
    assert_eq!(taken(&sim), had + 1, "and the last one of the volume");
    let (policies, role, _) = there(&sim);
    assert_eq!((policies, role), (Vec::new(), None));
}

#[test]
fn a_restore_takes_the_mark_along() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(11), &spec);
    sim.settle(Duration::from_secs(900));
    let goal = Goal::Snapshot(SnapshotOptions {
        wait: true,
        instant: false,
    });
    run_until_done(&sim, &spec, goal, 1);
    let snapshot = sim
        .inspect(|world| world.snapshots.keys().next().cloned())
        .expect("it was taken");
    let restore = Goal::Restore(RestoreOptions {
        from: RestoreFrom::Snapshot(snapshot),
        zone: None,
        zone_lost: false,
    });
    run_until_done(&sim, &spec, restore, 1);
    sim.settle(Duration::from_secs(900));
    let (_, _, now) = serving(&sim).expect("it serves");
    let marked: Vec<VolumeId> = sim.inspect(|world| {
        let volumes = world.volumes.values().map(|record| &record.volume);
        let marked = volumes.filter(|volume| volume.tags.get(TAG_SNAPSHOTS).is_some_and(|stack| stack == "web"));
        marked.map(|volume| volume.id.clone()).collect()
    });
    assert_eq!(marked, std::slice::from_ref(&now));
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    sim.drain_trace();
    sim.advance(DAY * 2);
    let of = sim.inspect(|world| {
        let all = world.snapshots.values().map(|record| &record.snapshot);
        let by_schedule = all.filter(|snapshot| snapshot.tags.contains_key("aws:dlm:lifecycle-policy-id"));
        by_schedule
            .map(|snapshot| snapshot.volume_id.clone())
            .collect::<Vec<_>>()
    });
    assert!(!of.is_empty() && of.iter().all(|volume| *volume == now), "{of:?}");
}

#[test]
fn what_is_asked_of_the_service_keeps_to_its_limits() {
    let spec = scheduled(24, 14);
    let sim = applied_as(even(12), &spec);
    let (id, settings) = sim.inspect(|world| {
        let (id, record) = world.lifecycle_policies.iter().next().expect("it is there");
        (id.clone(), record.policy.settings.clone())
    });
    for (what, change) in [
        ("every", (5, "03:00", 14)),
        ("at", (24, "24:00", 14)),
        ("keep", (24, "03:00", 0)),
    ] {
        let mut bad = settings.clone();
        (bad.every_h, bad.at, bad.keep_days) = (change.0, change.1.to_owned(), change.2);
        let result = sim.block_on(sim.update_lifecycle_policy(&id, &bad)).expect("it ends");
        let error = result.expect_err(what);
        assert_eq!(error.code.as_deref(), Some("InvalidRequestException"), "{what}");
    }
    let gone = sim.block_on(sim.get_lifecycle_policy("policy-0")).expect("it ends");
    assert_eq!(gone.expect("a read"), None);
}
