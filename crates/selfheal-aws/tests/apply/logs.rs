//! The stack's log group on the simulated AWS: made whole however a run ends, and kept unless it is named.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, When};
use selfheal_aws::{CallErrorKind, CallResult, Ec2, Goal, LogEvent, LogQuery, Logs};
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{LogsSpec, Spec};
use selfheal_core::world::InstanceState;
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, faulty, look, operate, run, run_until_done, serving, web};

const NAME: &str = "/selfheal/web";
const HOUR: Duration = Duration::from_secs(3600);
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const LOGS: Goal = Goal::Destroy(DestroyOptions {
    delete_logs: true,
    ..DestroyOptions::KEEP
});

fn logged(retention_days: u32) -> Spec {
    Spec {
        logs: Some(LogsSpec {
            retention_days,
            files: Vec::new(),
        }),
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

/// What the group holds, as the command reads it: every page of it.
fn told(sim: &Sim, newest_first: bool, stream: Option<&str>) -> Vec<LogEvent> {
    let mut query = LogQuery {
        group: NAME.to_owned(),
        stream: stream.map(str::to_owned),
        from: Timestamp::from_second(1_704_067_200).expect("in range"),
        newest_first,
        page: None,
    };
    let mut events = Vec::new();
    loop {
        let page = sim.block_on(sim.filter_log_events(&query)).expect("it ends");
        let page = page.expect("it is allowed").expect("the group is there");
        events.extend(page.events);
        match page.next {
            Some(next) => query.page = Some(next),
            None => return events,
        }
    }
}

fn texts(events: &[LogEvent]) -> Vec<&str> {
    let text = |event: &'_ LogEvent| event.message.split_once(": ").map(|(head, _)| head.len() + 2);
    let texts = events
        .iter()
        .map(|event| &event.message[text(event).expect("a head")..]);
    texts.collect()
}

#[test]
fn failed_boots_log_is_read_after_the_instance_is_gone() {
    let sim = applied_as(even(9), &logged(14));
    sim.advance(HOUR);
    let (first, ..) = serving(&sim).expect("it serves");
    assert_eq!(
        texts(&told(&sim, false, Some(first.as_str()))).last(),
        Some(&"selfheal: boot is done")
    );
    sim.fail_boots("selfheal-web", true);
    assert!(sim.kill_instance(&first));
    sim.advance(HOUR);
    let gone = sim.inspect(|world| {
        let failed = world.instances.values().find(|it| it.boot.failure.is_some());
        failed.map(|it| {
            (
                it.id.clone(),
                it.boot.failure.clone().expect("it failed"),
                it.state.clone(),
            )
        })
    });
    let (id, failure, state) = gone.expect("a boot failed");
    assert_eq!(state, InstanceState::Terminated);
    // Under the policy of the command, which reads nothing else.
    operate(&sim, Purpose::Logs, |scope| scope.logs = true);
    let events = told(&sim, false, Some(id.as_str()));
    assert!(
        texts(&events).contains(&format!("selfheal: failed: {failure}").as_str()),
        "{events:?}"
    );
    assert_eq!(used(&sim), ["logs:FilterLogEvents"]);
    let console = sim
        .block_on(sim.console_output(&id, false))
        .expect("it ends")
        .expect("it is allowed");
    assert!(console.expect("there is one").contains(&failure));
    let other = sim.block_on(sim.describe_log_group(NAME)).expect("it ends");
    assert_eq!(other.expect_err("it is not needed").kind(), CallErrorKind::Denied);
}

#[test]
fn newest_come_first_and_pages_may_be_empty() {
    let mut config = even(10);
    config.page_size = Some(2);
    let sim = applied_as(config, &logged(14));
    sim.advance(HOUR);
    let (first, ..) = serving(&sim).expect("it serves");
    assert!(sim.kill_instance(&first));
    sim.advance(HOUR);
    let mut events = told(&sim, false, None);
    assert!(
        events.len() > 6 && events.is_sorted_by_key(|event| event.at),
        "{events:?}"
    );
    let streams: BTreeSet<&str> = events.iter().map(|event| event.stream.as_str()).collect();
    assert_eq!(streams.len(), 2, "one an instance");
    let of_first = told(&sim, true, Some(first.as_str()));
    events.reverse();
    assert_eq!(told(&sim, true, None), events);
    assert!(!of_first.is_empty() && of_first.len() < events.len());
    let ids: BTreeSet<&String> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn instance_that_cannot_ship_boots_and_ships_later() {
    for fault in [
        Fault::Throttle,
        Fault::AccessDenied,
        Fault::AnswerLost,
        Fault::ServiceDown,
    ] {
        let of_logs = |action: &str, nth| When::Nth(format!("logs:{action}"), nth);
        let faults = (1..4).fold(FaultPlan::none(), |plan, nth| {
            plan.with(of_logs("PutLogEvents", nth), fault.clone())
                .with(of_logs("CreateLogStream", nth), fault.clone())
        });
        let sim = faulty(even(11), faults);
        run_until_done(&sim, &logged(14), Goal::Apply, 1);
        sim.advance(HOUR);
        assert!(serving(&sim).is_some(), "{fault:?}");
        let events = told(&sim, false, None);
        assert!(
            texts(&events).contains(&"selfheal: boot is done"),
            "{fault:?}: {events:?}"
        );
        assert!(sim.violations().is_empty());
    }
}

#[test]
fn what_is_put_keeps_to_the_limits() {
    let sim = applied_as(even(12), &logged(7));
    sim.advance(HOUR);
    let (id, ..) = serving(&sim).expect("it serves");
    let (me, now) = (sim.as_instance(&id), sim.inspect(|world| world.now().as_millisecond()));
    let put = |events: &[(i64, &str)]| {
        let events: Vec<(i64, String)> = events.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        me.put_log_events(NAME, id.as_str(), &events)
    };
    let code = |result: CallResult<usize>| result.expect_err("it is refused").code.expect("a code");
    let day = 24 * 3_600_000;
    let large = "x".repeat(600_000);
    for refused in [
        &[][..],
        &[(now, "")],
        &[(now, "late"), (now - 1, "early")],
        &[(now - day - 1, "yesterday"), (now, "today")],
        &[(now, &large), (now, &large)],
        &vec![(now, "x"); 10_001],
    ] {
        assert_eq!(
            code(put(refused)),
            "InvalidParameterException",
            "{} events",
            refused.len()
        );
    }
    assert_eq!(
        code(me.put_log_events(NAME, "i-other", &[(now, "x".to_owned())])),
        "ResourceNotFoundException"
    );
    let other = me.put_log_events("/selfheal/other", id.as_str(), &[(now, "x".to_owned())]);
    assert_eq!(other.expect_err("it is refused").kind(), CallErrorKind::Denied);
    assert_eq!(put(&[(now, "as it is")]).expect("it is taken"), 0);
    assert_eq!(put(&[(now - 8 * day, "before the retention")]).expect("it is taken"), 1);
    assert_eq!(put(&[(now + 3 * 3_600_000, "ahead")]).expect("it is taken"), 1);
}
