//! A stack that sleeps: by its schedule, by hand, and what applies, faults and other operators do to it.

use std::time::Duration;

use jiff::Timestamp;
use selfheal_aws::sim::{Fault, FaultPlan, FaultRule, Sim, SimConfig, When, World};
use selfheal_aws::{AutoScaling, Goal, Scope};
use selfheal_core::plan::{SleepUntil, StepKind, plan};
use selfheal_core::spec::{ScheduleSpec, Spec};
use selfheal_core::status::{FindingCode, Severity, Sleeper, StatusReport, status};

use crate::support::{applied_as, even, look, read, run, run_until_done, serving, web};

const MINUTE: Duration = Duration::from_secs(60);
const GROUP: &str = "selfheal-web";

pub fn office(zone: &str) -> ScheduleSpec {
    ScheduleSpec {
        stop: "0 20 * * 1-5".parse().expect("a recurrence"),
        start: "0 8 * * 1-5".parse().expect("a recurrence"),
        timezone: zone.to_owned(),
    }
}

fn scheduled() -> Spec {
    Spec {
        schedule: Some(office("Europe/Paris")),
        ..web()
    }
}

/// A world that begins on Monday, 5 January 2026, at noon in Paris, with the stack in service.
fn noon(spec: &Spec) -> Sim {
    let config = SimConfig {
        start: at("2026-01-05T11:00:00Z"),
        ..even(7)
    };
    let sim = applied_as(config, spec);
    to(&sim, "2026-01-05T11:30:00Z");
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    sim
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// Lets the world run until then.
fn to(sim: &Sim, text: &str) {
    let ahead = at(text).duration_since(sim.inspect(World::now));
    sim.advance(Duration::try_from(ahead).expect("it lies ahead"));
}

pub fn desired(sim: &Sim) -> u32 {
    sim.inspect(|world| world.groups[GROUP].settings.desired)
}

/// Whether nothing of the stack runs, and its volume and its address are free.
pub fn rests(sim: &Sim) -> bool {
    sim.inspect(|world| {
        world.groups[GROUP].members.is_empty()
            && world
                .addresses
                .values()
                .all(|record| record.address.instance_id.is_none())
            && world.instances.values().all(|instance| instance.mounted.is_none())
    })
}

fn report(sim: &Sim, spec: &Spec) -> StatusReport {
    let world = read(sim, spec, Scope::Status);
    status(spec, &world, &plan(spec, &world))
}

#[test]
fn it_falls_asleep_and_wakes_by_the_clock_on_the_wall_and_no_apply_disturbs_it() {
    let spec = scheduled();
    let sim = noon(&spec);
    let (first, address, volume) = serving(&sim).expect("it serves");
    to(&sim, "2026-01-05T18:59:59Z");
    assert_eq!(desired(&sim), 1);
    to(&sim, "2026-01-05T19:02:00Z");
    assert_eq!(desired(&sim), 0);
    to(&sim, "2026-01-05T19:15:00Z");
    assert!(rests(&sim), "volume and address are given back\n{}", sim.trace_text());

    let told = report(&sim, &spec);
    let asleep = told.asleep.clone().expect("it sleeps");
    assert_eq!(asleep.by, Some(Sleeper::Schedule), "{asleep:?}");
    assert_eq!(asleep.until, Some(at("2026-01-06T07:00:00Z")));
    assert!(
        asleep
            .since
            .is_some_and(|since| since >= at("2026-01-05T19:00:00Z") && since < at("2026-01-05T19:03:00Z"))
    );
    assert!(told.healthy && told.severity.is_none(), "{:?}", told.findings);
    let text = told.to_string();
    assert!(text.contains(": asleep\n"), "{text}");
    assert!(
        text.contains("by its schedule, until Tue 2026-01-06 08:00 +01:00"),
        "{text}"
    );
    assert!(text.contains("next      start Tue 2026-01-06 08:00 +01:00"), "{text}");

    // An apply that changes everything that an update of the group carries.
    let mut other = spec.clone();
    other.instance.instance_type = "t4g.medium".to_owned();
    sim.tamper(|world| world.groups.get_mut(GROUP).expect("one").settings.max = 4);
    run_until_done(&sim, &other, Goal::Apply, 1);
    sim.advance(30 * MINUTE);
    assert!(desired(&sim) == 0 && rests(&sim), "{}", sim.trace_text());

    to(&sim, "2026-01-06T06:59:59Z");
    assert!(rests(&sim));
    to(&sim, "2026-01-06T07:02:00Z");
    assert_eq!(desired(&sim), 1);
    to(&sim, "2026-01-06T07:20:00Z");
    let (second, same_address, same_volume) = serving(&sim).expect("it is awake");
    assert_ne!(first, second);
    assert_eq!((address, volume), (same_address, same_volume));
    assert!(report(&sim, &other).asleep.is_none());
}

#[test]
fn a_schedule_comes_and_goes_and_leaving_it_at_night_is_a_wake_that_was_shown() {
    let sim = noon(&web());
    run_until_done(&sim, &scheduled(), Goal::Apply, 1);
    assert_eq!(sim.inspect(|world| world.groups[GROUP].scheduled.len()), 2);
    to(&sim, "2026-01-05T20:00:00Z");
    assert!(rests(&sim));
    let shown = look(&sim, &web(), Goal::Apply);
    assert!(
        shown
            .step(StepKind::SetDesiredCapacity)
            .is_some_and(|step| step.reason.contains("WAKES"))
    );
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.advance(20 * MINUTE);
    assert!(serving(&sim).is_some());
    sim.inspect(|world| {
        let group = &world.groups[GROUP];
        assert!(group.scheduled.is_empty());
        assert_eq!((group.settings.min, group.settings.max), (0, 1));
    });
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn sleep_and_wake_by_hand_are_told_with_who_did_it() {
    let spec = web();
    let sim = noon(&spec);
    run_until_done(&sim, &spec, Goal::Sleep(SleepUntil::Schedule), 1);
    sim.advance(10 * MINUTE);
    assert!(rests(&sim));
    let asleep = report(&sim, &spec).asleep.expect("it sleeps");
    assert_eq!((asleep.by, asleep.until), (Some(Sleeper::Request), None));
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    sim.advance(24 * 60 * MINUTE);
    assert!(rests(&sim), "nothing wakes it");
    let woken = run_until_done(&sim, &spec, Goal::Wake { wait: true }, 1);
    assert!(serving(&sim).is_some(), "it waits until it serves");
    assert_eq!(woken.done.len(), 1);
    assert!(
        run_until_done(&sim, &spec, Goal::Wake { wait: true }, 1)
            .done
            .is_empty()
    );
}

#[test]
fn a_sleep_until_wake_outlasts_the_schedule_and_wake_gives_it_back() {
    let spec = scheduled();
    let sim = noon(&spec);
    run_until_done(&sim, &spec, Goal::Sleep(SleepUntil::Wake), 1);
    to(&sim, "2026-01-07T12:00:00Z");
    assert!(rests(&sim), "two starts were skipped");
    let told = report(&sim, &spec);
    assert!(
        told.asleep
            .as_ref()
            .is_some_and(|asleep| asleep.schedule_suspended && asleep.until.is_none())
    );
    assert!(told.healthy, "{:?}", told.findings);
    run_until_done(&sim, &spec, Goal::Wake { wait: false }, 1);
    to(&sim, "2026-01-07T12:20:00Z");
    assert!(serving(&sim).is_some());
    to(&sim, "2026-01-07T19:15:00Z");
    assert!(rests(&sim), "the schedule holds again");
}

#[test]
fn a_sleep_for_some_days_skips_starts_and_ends_when_it_was_asked_to() {
    let spec = scheduled();
    let sim = noon(&spec);
    // Until Thursday at noon, when it is to serve.
    run_until_done(
        &sim,
        &spec,
        Goal::Sleep(SleepUntil::Time(at("2026-01-08T11:00:00Z"))),
        1,
    );
    to(&sim, "2026-01-08T10:59:59Z");
    assert!(rests(&sim));
    assert_eq!(
        report(&sim, &spec).asleep.expect("it sleeps").until,
        Some(at("2026-01-08T11:00:00Z"))
    );
    assert!(look(&sim, &spec, Goal::Apply).is_empty(), "an apply leaves it");
    to(&sim, "2026-01-08T11:20:00Z");
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    to(&sim, "2026-01-08T19:15:00Z");
    assert!(rests(&sim));
    to(&sim, "2026-01-09T07:20:00Z");
    assert!(serving(&sim).is_some(), "the schedule holds again");
    assert!(look(&sim, &spec, Goal::Wake { wait: false }).is_empty());
    // Until Sunday, when it is to sleep: it wakes on Monday.
    run_until_done(
        &sim,
        &spec,
        Goal::Sleep(SleepUntil::Time(at("2026-01-11T11:00:00Z"))),
        1,
    );
    to(&sim, "2026-01-12T06:59:59Z");
    assert!(rests(&sim));
    to(&sim, "2026-01-12T07:20:00Z");
    assert!(serving(&sim).is_some());
    // Somebody wakes it before.
    run_until_done(
        &sim,
        &spec,
        Goal::Sleep(SleepUntil::Time(at("2026-01-20T11:00:00Z"))),
        1,
    );
    to(&sim, "2026-01-13T12:00:00Z");
    assert!(rests(&sim));
    run_until_done(&sim, &spec, Goal::Wake { wait: true }, 1);
    to(&sim, "2026-01-14T07:20:00Z");
    assert!(serving(&sim).is_some(), "its next start is no longer put off");
}

#[test]
fn a_parked_stack_stays_parked_whatever_its_schedule_says() {
    let spec = scheduled();
    let sim = noon(&spec);
    sim.fail_boots(GROUP, true);
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.kill_instance(&instance);
    to(&sim, "2026-01-05T18:00:00Z");
    let parked = || sim.inspect(|world| world.groups[GROUP].suspended.contains("Launch"));
    assert!(parked(), "{}", sim.trace_text());
    to(&sim, "2026-01-05T22:00:00Z");
    let told = report(&sim, &spec);
    assert!(told.asleep.is_none() && told.parked.is_some());
    assert!(told.findings.iter().any(|finding| finding.code == FindingCode::Parked));
    to(&sim, "2026-01-06T08:00:00Z");
    assert!(
        parked() && desired(&sim) == 1 && serving(&sim).is_none(),
        "a start launches nothing"
    );
    let told = report(&sim, &spec);
    assert!(
        told.notes
            .iter()
            .any(|note| note.message.contains("Its schedule does not wake it")),
        "{told}"
    );
    sim.fail_boots(GROUP, false);
    run_until_done(&sim, &spec, Goal::Resume, 1);
    sim.advance(30 * MINUTE);
    assert!(serving(&sim).is_some());
}

#[test]
fn no_capacity_in_the_morning_is_a_launch_that_fails_and_no_sleep() {
    let spec = scheduled();
    let sim = noon(&spec);
    to(&sim, "2026-01-06T03:00:00Z");
    sim.tamper(|world| {
        world
            .config
            .type_zones
            .insert(spec.instance.instance_type.clone(), vec!['c'])
    });
    to(&sim, "2026-01-06T07:30:00Z");
    let told = report(&sim, &spec);
    assert!(told.asleep.is_none());
    assert_eq!(told.severity, Some(Severity::Down));
    assert!(
        told.findings
            .iter()
            .any(|finding| finding.code == FindingCode::LaunchFailing),
        "{:?}",
        told.findings
    );
    sim.tamper(|world| world.config.type_zones.clear());
    to(&sim, "2026-01-06T12:00:00Z");
    assert!(serving(&sim).is_some(), "the group tries again by itself");
}

/// Cuts a command off at each of its calls, before and after it takes effect, and runs it again.
#[test]
fn each_command_is_finished_by_running_it_again_wherever_it_was_cut_off() {
    let until = SleepUntil::Time(at("2026-01-08T11:00:00Z"));
    let stories: [(Spec, &[Goal], u32); 6] = [
        (web(), &[Goal::Sleep(SleepUntil::Schedule)], 0),
        (scheduled(), &[Goal::Sleep(SleepUntil::Wake)], 0),
        (scheduled(), &[Goal::Sleep(until)], 0),
        (scheduled(), &[Goal::Sleep(until), Goal::Wake { wait: false }], 1),
        (
            scheduled(),
            &[Goal::Sleep(SleepUntil::Wake), Goal::Wake { wait: true }],
            1,
        ),
        (web(), &[Goal::Sleep(until), Goal::Wake { wait: true }], 1),
    ];
    for (spec, goals, ends) in stories {
        let (last, before) = goals.split_last().expect("there is one");
        for call in 1..12 {
            for fault in [
                Fault::CrashBefore,
                Fault::CrashAfter,
                Fault::AnswerLost,
                Fault::Throttle,
            ] {
                let sim = noon(&spec);
                before
                    .iter()
                    .for_each(|goal| drop(run_until_done(&sim, &spec, goal.clone(), 1)));
                sim.set_faults(FaultPlan {
                    rules: vec![FaultRule {
                        when: When::Call(call),
                        caller: None,
                        fault: fault.clone(),
                        times: Some(1),
                    }],
                    ..FaultPlan::none()
                });
                run_until_done(&sim, &spec, last.clone(), 2);
                sim.set_faults(FaultPlan::none());
                assert!(
                    look(&sim, &spec, last.clone()).is_empty(),
                    "{last:?}, {fault:?} at {call}"
                );
                assert_eq!(desired(&sim), ends, "{last:?}, {fault:?} at {call}");
                assert!(look(&sim, &spec, Goal::Apply).steps.is_empty());
            }
        }
    }
}

/// The same for an apply that brings a schedule, changes the places of its times, and leaves it while the stack sleeps.
#[test]
fn each_change_of_a_schedule_is_finished_by_running_it_again_wherever_it_was_cut_off() {
    let swapped = Spec {
        schedule: Some(ScheduleSpec {
            stop: "0 8 * * 1-5".parse().expect("a recurrence"),
            start: "0 20 * * 1-5".parse().expect("a recurrence"),
            timezone: "Europe/Paris".to_owned(),
        }),
        ..web()
    };
    let mut called = 0;
    for (from, into, asleep) in [
        (web(), scheduled(), false),
        (scheduled(), swapped, false),
        (scheduled(), web(), true),
    ] {
        for call in 1..7 {
            for fault in [
                Fault::CrashBefore,
                Fault::CrashAfter,
                Fault::AnswerLost,
                Fault::ErrorBeforeEffect,
            ] {
                let sim = noon(&from);
                if asleep {
                    to(&sim, "2026-01-05T20:00:00Z");
                }
                sim.set_faults(FaultPlan {
                    rules: vec![FaultRule {
                        when: When::MutatingCall(call),
                        caller: None,
                        fault: fault.clone(),
                        times: Some(1),
                    }],
                    ..FaultPlan::none()
                });
                let before = sim.effects();
                run_until_done(&sim, &into, Goal::Apply, 2);
                called = called.max(sim.effects() - before);
                sim.set_faults(FaultPlan::none());
                assert!(look(&sim, &into, Goal::Apply).is_empty(), "{fault:?} at {call}");
                assert_eq!(desired(&sim), 1, "{fault:?} at {call}");
                sim.advance(20 * MINUTE);
                assert!(serving(&sim).is_some(), "{fault:?} at {call}\n{}", sim.trace_text());
            }
        }
    }
    assert!((3..7).contains(&called), "{called} calls were tried to be cut off at");
}

#[test]
fn what_aws_refuses_of_a_schedule() {
    let sim = noon(&scheduled());
    let have = sim
        .block_on(sim.describe_scheduled_actions(GROUP))
        .expect("no crash")
        .expect("it is read");
    assert_eq!(have.len(), 2);
    let next: Vec<_> = have
        .iter()
        .map(|action| action.start.expect("it is told").to_string())
        .collect();
    assert_eq!(
        next,
        ["2026-01-06T07:00:00Z", "2026-01-05T19:00:00Z"],
        "the next runs are told as starts"
    );
    let stop = have[1].clone();
    let refused = |change: &dyn Fn(&mut selfheal_core::world::ScheduledAction)| {
        let mut action = stop.clone();
        (action.start, action.name) = (None, "other".to_owned());
        change(&mut action);
        let put = sim
            .block_on(sim.put_scheduled_action(GROUP, &action))
            .expect("no crash");
        put.expect_err("it is refused").message
    };
    assert!(refused(&|_| {}).contains("already exists at this time"));
    assert!(refused(&|action| action.recurrence = Some("0,30 20 * * *".to_owned())).contains("at this time"));
    assert!(refused(&|action| action.recurrence = Some("0 25 * * *".to_owned())).contains("recurrence"));
    assert!(refused(&|action| action.timezone = Some("Europe/Pariss".to_owned())).contains("TimeZone"));
    assert!(refused(&|action| action.desired = None).contains("DesiredCapacity"));
    assert!(refused(&|action| (action.recurrence, action.timezone) = (None, None)).contains("StartTime"));
    assert!(refused(&|action| action.start = Some(at("2026-01-05T00:00:00Z"))).contains("in the past"));
    let size = |desired| {
        let set = sim
            .block_on(sim.set_desired_capacity(GROUP, desired))
            .expect("no crash");
        set.expect_err("it is refused").message
    };
    assert!(size(2).contains("above max value 1"));
    let plain = noon(&web());
    let below = plain.block_on(plain.set_desired_capacity(GROUP, 0)).expect("no crash");
    assert!(
        below
            .expect_err("the minimum is 1")
            .message
            .contains("below min value 1")
    );
    let gone = sim
        .block_on(sim.delete_scheduled_action(GROUP, "other"))
        .expect("no crash");
    assert_eq!(
        gone.expect_err("there is none").kind(),
        selfheal_aws::CallErrorKind::NotFound
    );
}

#[test]
fn two_operators_who_sleep_and_wake_at_once_end_where_the_last_one_says() {
    use futures::future::join;
    for seed in 0..20 {
        let sim = noon(&scheduled());
        let spec = scheduled();
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let until = if seed % 2 == 0 {
            SleepUntil::Wake
        } else {
            SleepUntil::Schedule
        };
        sim.advance(Duration::from_secs(seed));
        let both = sim.block_on(join(
            run(&alice, &spec, Goal::Sleep(until)),
            run(&bob, &spec, Goal::Wake { wait: false }),
        ));
        drop(both.expect("no crash"));
        run_until_done(&sim, &spec, Goal::Wake { wait: true }, 2);
        assert!(serving(&sim).is_some(), "seed {seed}");
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}
