//! The stack's log group on the simulated AWS: made whole however a run ends, and kept unless it is named.

use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, When};
use selfheal_aws::{Goal, Logs};
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{LogsSpec, Spec};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, faulty, look, operate, run, run_until_done, web};

const NAME: &str = "/selfheal/web";
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const LOGS: Goal = Goal::Destroy(DestroyOptions {
    delete_logs: true,
    ..DestroyOptions::KEEP
});

fn logged(retention_days: u32) -> Spec {
    Spec {
        logs: Some(LogsSpec { retention_days }),
        ..web()
    }
}

/// Retention and owner of the log groups that there are.
fn groups(sim: &Sim) -> Vec<(String, Option<u32>, Option<String>)> {
    sim.inspect(|world| {
        let groups = world.log_groups.iter();
        let seen = groups.map(|(name, record)| {
            let owner = record.tags.get(TAG_STACK).cloned();
            (name.clone(), record.retention_days, owner)
        });
        seen.collect()
    })
}

fn whole(days: u32) -> Vec<(String, Option<u32>, Option<String>)> {
    vec![(NAME.to_owned(), Some(days), Some("web".to_owned()))]
}

/// The actions about logs that the operator's policy was asked for since it was set.
fn used(sim: &Sim) -> Vec<String> {
    sim.inspect(|world| {
        let logs = world.granted.iter().filter(|granted| granted.operator);
        let mut actions: Vec<String> = logs
            .map(|granted| granted.action.clone())
            .filter(|action| action.starts_with("logs:"))
            .collect();
        actions.sort();
        actions
    })
}

#[test]
fn it_lives_within_the_generated_policies_and_uses_all_that_they_grant_about_it() {
    let sim = Sim::new(even(1));
    operate(&sim, Purpose::Apply, |scope| scope.logs = true);
    run_until_done(&sim, &logged(14), Goal::Apply, 1);
    assert_eq!(groups(&sim), whole(14));
    let read = ["logs:DescribeLogGroups", "logs:ListTagsForResource"];
    let written = [
        "logs:CreateLogGroup",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
    ];
    look(&sim, &logged(14), Goal::Apply);
    assert_eq!(used(&sim), written);
    for purpose in [Purpose::Plan, Purpose::Status, Purpose::Resume] {
        operate(&sim, purpose, |scope| scope.logs = true);
        assert!(look(&sim, &logged(14), Goal::Apply).is_empty());
        assert_eq!(used(&sim), read, "{purpose:?}");
    }
    operate(&sim, Purpose::Destroy, |scope| scope.logs = true);
    run_until_done(&sim, &logged(14), LOGS, 1);
    assert_eq!(groups(&sim), []);
    assert_eq!(used(&sim), [&["logs:DeleteLogGroup"][..], &read].concat());
}

#[test]
fn a_stack_without_logs_neither_asks_nor_may_ask() {
    let sim = Sim::new(even(2));
    operate(&sim, Purpose::Apply, |scope| scope.logs = false);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let before = calls(&sim);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(calls(&sim) - before, 14);
    assert_eq!(used(&sim), [""; 0]);
    let with = applied_as(even(2), &logged(14));
    let before = calls(&with);
    assert!(look(&with, &logged(14), Goal::Apply).is_empty());
    assert_eq!(calls(&with) - before, 16, "which group there is, and whose");
}

#[test]
fn whatever_call_fails_or_is_the_last_the_next_run_makes_it_whole() {
    for name in ["logs:CreateLogGroup", "logs:PutRetentionPolicy"] {
        for fault in [Fault::AnswerLost, Fault::AccessDenied, Fault::Throttle] {
            let sim = faulty(
                even(3),
                FaultPlan::none().with(When::Nth(name.to_owned(), 1), fault.clone()),
            );
            let _ = sim.block_on(run(&sim, &logged(14), Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &logged(14), Goal::Apply, 2);
            assert_eq!(groups(&sim), whole(14), "{name}: {fault:?}\n{}", sim.trace_text());
        }
    }
    let count = calls(&applied_as(even(4), &logged(14)));
    for k in 1..=count {
        for plan in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
            let sim = faulty(even(4), plan);
            let _ = sim.block_on(run(&sim, &logged(14), Goal::Apply));
            run_until_done(&sim, &logged(14), Goal::Apply, 3);
            assert_eq!(groups(&sim), whole(14), "cut off at call {k}\n{}", sim.trace_text());
        }
    }
}

#[test]
fn a_console_edit_is_undone_and_a_longer_retention_is_set() {
    let sim = applied_as(even(5), &logged(14));
    sim.tamper(|world| {
        let group = world.log_groups.get_mut(NAME).expect("it is there");
        group.retention_days = None;
    });
    run_until_done(&sim, &logged(14), Goal::Apply, 1);
    assert_eq!(groups(&sim), whole(14));
    run_until_done(&sim, &logged(365), Goal::Apply, 1);
    assert_eq!(groups(&sim), whole(365));
}

#[test]
fn one_of_that_name_that_is_somebody_elses_is_left_alone() {
    let sim = Sim::new(even(6));
    sim.block_on(sim.create_log_group(NAME, &Tags::new()))
        .expect("it ends")
        .expect("the name is free");
    let before = groups(&sim);
    let plan = look(&sim, &logged(14), Goal::Apply);
    assert!(plan.is_refused(), "{plan}");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    run_until_done(&sim, &logged(14), LOGS, 1);
    assert_eq!(groups(&sim), before);
}

#[test]
fn what_leaves_the_spec_is_kept_and_can_still_be_named() {
    let sim = applied_as(even(7), &logged(14));
    run_until_done(&sim, &web(), LOGS, 1);
    assert_eq!(groups(&sim), [], "the role's policy told of it");
    let sim = applied_as(even(7), &logged(14));
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(groups(&sim), whole(14));
    let before = calls(&sim);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(calls(&sim) - before, 14);
}

#[test]
fn a_destroy_that_does_not_name_it_keeps_it_and_an_apply_takes_it_up_again() {
    let sim = applied_as(even(8), &logged(14));
    run_until_done(&sim, &logged(14), KEEP, 1);
    assert_eq!(groups(&sim), whole(14));
    run_until_done(&sim, &logged(14), Goal::Apply, 1);
    assert_eq!(groups(&sim), whole(14));
}

#[test]
fn a_group_that_listings_do_not_show_yet_is_made_once() {
    for seed in 0..10 {
        let mut config = even(seed);
        config.timings.visibility = Range::new(1_000, 8_000);
        let sim = Sim::new(config);
        run_until_done(&sim, &logged(14), Goal::Apply, 2);
        assert_eq!(groups(&sim), whole(14), "seed {seed}\n{}", sim.trace_text());
    }
}
