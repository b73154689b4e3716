//! What an apply, `sleep` and `wake` plan about a schedule and a stack that sleeps.

use crate::common::{carry_out, empty_world, probed, serve, web};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::names::{START_ACTION, STOP_ACTION, TAG_PARKED, WAKE_ACTION};
use selfheal_core::plan::{Change, Plan, SleepUntil, StepKind, WaitFor, plan, plan_resume, plan_sleep, plan_wake};
use selfheal_core::spec::{HealthFrom, ScheduleSpec, Spec};
use selfheal_core::world::{
    Action, Group, GroupCall, Observed, SCHEDULED_ACTIONS, ScheduledAction, ScheduledActionCall,
};

/// A Friday at noon in Paris.
const NOW: &str = "2026-03-27T11:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn schedule(stop: &str, start: &str) -> ScheduleSpec {
    ScheduleSpec {
        stop: stop.parse().expect("a recurrence"),
        start: start.parse().expect("a recurrence"),
        timezone: "Europe/Paris".to_owned(),
    }
}

fn scheduled() -> Spec {
    Spec {
        schedule: Some(schedule("0 20 * * 1-5", "0 8 * * 1-5")),
        ..probed(HealthFrom::Instance)
    }
}

/// The same stack once its spec has no schedule any more.
fn left() -> Spec {
    Spec {
        schedule: None,
        ..scheduled()
    }
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    world.observed_at = at(NOW);
    carry_out(|world| plan(spec, world), &mut world);
    serve(&mut world);
    world
}

fn group(world: &mut Observed) -> &mut Group {
    world.group.as_mut().expect("there is a group")
}

/// The stack after its stop action.
fn asleep(spec: &Spec) -> Observed {
    let mut world = applied(spec);
    group(&mut world).desired = 0;
    group(&mut world).instances.clear();
    for address in &mut world.addresses {
        (address.instance_id, address.association_id) = (None, None);
    }
    world
}

fn kinds(actions: &[Action]) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::Group(GroupCall::SetDesiredCapacity { desired, .. }) => format!("desired {desired}"),
        Action::Group(GroupCall::SetMinSize { min, .. }) => format!("min {min}"),
        Action::Group(GroupCall::UpdateGroup(settings)) => format!("update min {} max {}", settings.min, settings.max),
        Action::Group(GroupCall::SuspendProcesses { processes, .. }) => format!("suspend {}", processes.join(",")),
        Action::Group(GroupCall::ResumeProcesses { processes, .. }) => format!("resume {}", processes.join(",")),
        Action::ScheduledAction(ScheduledActionCall::PutScheduledAction { action, .. }) => {
            let from = action.start.map(|start| format!(" from {start}")).unwrap_or_default();
            format!(
                "put {} {}{from}",
                action.name,
                action.recurrence.as_deref().unwrap_or("once")
            )
        }
        Action::ScheduledAction(ScheduledActionCall::DeleteScheduledAction { name, .. }) => format!("delete {name}"),
        other => format!("{other:?}"),
    };
    actions.iter().map(word).collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.notes.iter().map(|note| note.code.as_str()).collect()
}

fn note<'a>(plan: &'a Plan, code: &str) -> &'a str {
    let note = plan.notes.iter().find(|note| note.code == code);
    &note.unwrap_or_else(|| panic!("no {code} in {:?}", plan.notes)).message
}

/// Applies the spec to the world, and answers what was called.
fn apply(spec: &Spec, world: &mut Observed) -> Vec<String> {
    kinds(&carry_out(|world| plan(spec, world), world))
}

#[test]
fn a_first_apply_lets_the_group_have_none_and_sets_the_desired_capacity_alone() {
    let mut world = empty_world();
    world.observed_at = at(NOW);
    let actions = carry_out(|world| plan(&scheduled(), world), &mut world);
    let put: Vec<ScheduledAction> = actions
        .iter()
        .filter_map(|action| match action {
            Action::ScheduledAction(ScheduledActionCall::PutScheduledAction { action, .. }) => Some(action.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(put.len(), 2);
    for action in &put {
        assert_eq!(
            (action.min, action.max, action.start, action.end),
            (None, None, None, None)
        );
        assert_eq!(action.timezone.as_deref(), Some("Europe/Paris"));
        let desired = u32::from(action.name == START_ACTION);
        assert_eq!(action.desired, Some(desired));
    }
    let group = group(&mut world);
    assert_eq!((group.min, group.max, group.desired), (0, 1, 1));
    let last = actions
        .iter()
        .rposition(|action| matches!(action, Action::Group(GroupCall::CreateGroup(_))));
    let first = actions
        .iter()
        .position(|action| matches!(action, Action::ScheduledAction(_)));
    assert!(last < first, "an action needs its group");
    assert!(plan(&scheduled(), &world).is_empty());
}

#[test]
fn a_schedule_is_added_after_the_group_may_have_none_and_never_sends_the_desired_capacity() {
    let mut world = applied(&left());
    assert_eq!(
        apply(&scheduled(), &mut world),
        [
            "update min 0 max 1",
            "put selfheal-start 0 8 * * 1-5",
            "put selfheal-stop 0 20 * * 1-5",
        ]
    );
    assert_eq!(group(&mut world).desired, 1);
}

#[test]
fn no_apply_wakes_a_stack_that_sleeps_whatever_else_it_changes() {
    let mut world = asleep(&scheduled());
    let quiet = plan(&scheduled(), &world);
    assert!(quiet.is_empty());
    assert!(
        note(&quiet, "asleep").contains("it wakes at Mon 2026-03-30 08:00 +02:00"),
        "{quiet}"
    );
    // Another type, another subnet, a maximum that somebody changed: everything that leads to an update of the group.
    let mut other = scheduled();
    other.instance.instance_type = "t4g.medium".to_owned();
    group(&mut world).max = 5;
    group(&mut world).health_check_grace_s = 1;
    let calls = apply(&other, &mut world);
    assert!(calls.iter().any(|call| call == "update min 0 max 1"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("desired")), "{calls:?}");
    let group = group(&mut world);
    assert_eq!((group.min, group.max, group.desired), (0, 1, 0));
}

#[test]
fn the_minimum_stays_zero_once_the_stack_has_slept() {
    // By hand, without any schedule.
    let mut world = applied(&web());
    carry_out(|world| plan_sleep(&web(), world, SleepUntil::Schedule), &mut world);
    assert!(plan(&web(), &world).is_empty());
    carry_out(|world| plan_wake(&web(), world, false), &mut world);
    assert!(plan(&web(), &world).is_empty());
    assert_eq!(group(&mut world).min, 0);
}

#[test]
fn leaving_the_schedule_removes_its_actions_and_is_a_wake_that_is_shown_where_the_stack_sleeps() {
    let mut awake = applied(&scheduled());
    assert_eq!(
        apply(&left(), &mut awake),
        ["delete selfheal-start", "delete selfheal-stop"]
    );
    assert!(plan(&left(), &awake).is_empty());
    let mut sleeping = asleep(&scheduled());
    let shown = plan(&left(), &sleeping);
    let wake = shown.step(StepKind::SetDesiredCapacity).expect("it is shown");
    assert!(wake.reason.contains("WAKES"), "{}", wake.reason);
    assert!(!codes(&shown).contains(&"asleep"));
    assert_eq!(
        apply(&left(), &mut sleeping),
        ["desired 1", "delete selfheal-start", "delete selfheal-stop"]
    );
    // Who sleeps until somebody wakes it is not woken by that either.
    let mut kept = asleep(&scheduled());
    group(&mut kept).suspended = vec![SCHEDULED_ACTIONS.to_owned()];
    assert_eq!(
        apply(&left(), &mut kept),
        ["delete selfheal-start", "delete selfheal-stop"]
    );
    assert_eq!(group(&mut kept).desired, 0);
}

#[test]
fn times_that_change_places_are_never_the_same_in_between() {
    let change = |stop: &str, start: &str| {
        let mut world = applied(&scheduled());
        let spec = Spec {
            schedule: Some(schedule(stop, start)),
            ..scheduled()
        };
        let calls = apply(&spec, &mut world);
        assert!(plan(&spec, &world).is_empty());
        calls
    };
    assert_eq!(
        change("0 20 * * 1-5", "0 9 * * 1-5"),
        ["put selfheal-start 0 9 * * 1-5"]
    );
    assert_eq!(
        change("0 8 * * 1-5", "0 6 * * 1-5"),
        ["put selfheal-start 0 6 * * 1-5", "put selfheal-stop 0 8 * * 1-5"],
        "the stop moves to where the start has been"
    );
    assert_eq!(
        change("0 22 * * 1-5", "0 20 * * 1-5"),
        [
            "delete selfheal-stop",
            "put selfheal-start 0 20 * * 1-5",
            "put selfheal-stop 0 22 * * 1-5"
        ],
        "the start moves to where the stop is"
    );
    assert_eq!(
        change("0 8 * * 1-5", "0 20 * * 1-5"),
        [
            "delete selfheal-stop",
            "put selfheal-start 0 20 * * 1-5",
            "put selfheal-stop 0 8 * * 1-5"
        ]
    );
}

#[test]
fn what_aws_tells_of_the_next_run_is_no_drift_and_what_somebody_changed_is() {
    let drift = |change: fn(&mut ScheduledAction)| {
        let mut world = applied(&scheduled());
        world
            .scheduled_actions
            .iter_mut()
            .filter(|action| action.name == STOP_ACTION)
            .for_each(change);
        apply(&scheduled(), &mut world)
    };
    let put = ["put selfheal-stop 0 20 * * 1-5"];
    assert_eq!(drift(|action| action.start = Some(at("2026-03-27T19:00:00Z"))), [""; 0]);
    assert_eq!(drift(|action| action.recurrence = Some("0 21 * * 1-5".to_owned())), put);
    assert_eq!(drift(|action| action.timezone = None), put);
    assert_eq!(drift(|action| action.min = Some(0)), put);
    assert_eq!(drift(|action| action.desired = Some(1)), put);
    assert_eq!(drift(|action| action.end = Some(at("2027-01-01T00:00:00Z"))), put);
}

#[test]
fn somebody_elses_action_is_told_and_left_alone() {
    let mut world = applied(&scheduled());
    let mut stranger = world.scheduled_actions[0].clone();
    stranger.name = "weekend".to_owned();
    world.scheduled_actions.push(stranger);
    let plan = plan(&scheduled(), &world);
    assert!(plan.is_empty());
    assert!(note(&plan, "scheduled-action-foreign").contains("weekend"));
}

#[test]
fn a_plan_shows_the_next_times_and_what_a_change_of_clocks_makes_doubtful() {
    let world = applied(&scheduled());
    assert_eq!(
        note(&plan(&scheduled(), &world), "schedule-next"),
        "the schedule's next times: stop Fri 2026-03-27 20:00 +01:00, start Mon 2026-03-30 08:00 +02:00, \
         stop Mon 2026-03-30 20:00 +02:00"
    );
    assert!(!codes(&plan(&scheduled(), &world)).contains(&"schedule-clock-change"));
    let late = Spec {
        schedule: Some(schedule("30 2 * * *", "0 8 * * *")),
        ..scheduled()
    };
    let plan = plan(&late, &world);
    let doubt = note(&plan, "schedule-clock-change");
    assert!(
        doubt.contains("skips 2026-03-29 02:30 in Europe/Paris") && doubt.contains("`schedule.stop`"),
        "{doubt}"
    );
}

#[test]
fn a_parked_stack_stays_parked_and_says_that_its_schedule_does_not_wake_it() {
    let mut world = asleep(&scheduled());
    let group = group(&mut world);
    group.suspended = vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()];
    group.tags.insert(TAG_PARKED.to_owned(), "since noon".to_owned());
    let told = plan(&scheduled(), &world);
    assert!(
        note(&told, "parked").ends_with("Its schedule does not wake it"),
        "{told}"
    );
    assert!(!codes(&told).contains(&"asleep"));
    let wake = plan_wake(&scheduled(), &world, true);
    assert!(codes(&wake).contains(&"parked") && wake.waits.is_empty());
}

#[test]
fn resume_leaves_the_schedule_to_wake() {
    let mut world = asleep(&scheduled());
    group(&mut world).suspended = vec!["Launch".to_owned(), SCHEDULED_ACTIONS.to_owned()];
    let calls = kinds(&carry_out(|world| plan_resume(&scheduled(), world), &mut world));
    assert_eq!(calls, ["resume Launch"]);
}

fn sleep(spec: &Spec, world: &mut Observed, until: SleepUntil) -> Vec<String> {
    let calls = kinds(&carry_out(|world| plan_sleep(spec, world, until), world));
    assert!(
        plan_sleep(spec, world, until).is_empty(),
        "a second one has nothing to do"
    );
    assert!(
        !plan(spec, world)
            .steps
            .iter()
            .any(|step| step.kind == StepKind::SetDesiredCapacity)
    );
    calls
}

fn wake(spec: &Spec, world: &mut Observed) -> Vec<String> {
    let calls = kinds(&carry_out(|world| plan_wake(spec, world, false), world));
    assert!(
        plan_wake(spec, world, false).is_empty(),
        "a second one has nothing to do"
    );
    calls
}

#[test]
fn a_sleep_of_a_stack_without_schedule_lasts_until_it_is_woken() {
    let mut world = applied(&web());
    let shown = plan_sleep(&web(), &world, SleepUntil::Schedule);
    assert_eq!(
        note(&shown, "sleeps-until"),
        "the stack sleeps: `selfheal wake` wakes it"
    );
    assert_eq!(sleep(&web(), &mut world, SleepUntil::Schedule), ["min 0", "desired 0"]);
    assert_eq!(wake(&web(), &mut world), ["desired 1"]);
}

#[test]
fn a_sleep_of_a_stack_with_schedule_lasts_until_its_next_start_or_until_woken() {
    let mut world = applied(&scheduled());
    let shown = plan_sleep(&scheduled(), &world, SleepUntil::Schedule);
    assert!(
        note(&shown, "sleeps-until").contains("Mon 2026-03-30 08:00 +02:00"),
        "{shown}"
    );
    assert_eq!(sleep(&scheduled(), &mut world, SleepUntil::Schedule), ["desired 0"]);
    assert_eq!(wake(&scheduled(), &mut world), ["desired 1"]);
    assert_eq!(
        sleep(&scheduled(), &mut world, SleepUntil::Wake),
        ["suspend ScheduledActions", "desired 0"]
    );
    let told = plan(&scheduled(), &world);
    assert!(note(&told, "asleep").ends_with("`selfheal wake` wakes it"), "{told}");
    assert_eq!(told.held_back(), None);
    assert_eq!(wake(&scheduled(), &mut world), ["desired 1", "resume ScheduledActions"]);
}

/// The world as AWS tells it, with the next run in the place of the first that was asked for.
fn as_told(world: &mut Observed) {
    let now = world.observed_at;
    for action in &mut world.scheduled_actions {
        if let Some(recurrence) = &action.recurrence {
            let recurrence: selfheal_core::spec::Recurrence = recurrence.parse().expect("ours");
            let zone = selfheal_core::spec::Zone::named("Europe/Paris").expect("it is known");
            let first = action.start.unwrap_or(now) - SignedDuration::from_secs(1);
            action.start = Some(recurrence.next(&zone, first.max(now), 1)[0].at);
        }
    }
}

#[test]
fn a_sleep_for_some_time_puts_the_next_start_off_and_wakes_where_the_stack_is_to_serve_then() {
    // From Friday noon to Monday noon, when it is to serve.
    let mut world = applied(&scheduled());
    let until = SleepUntil::Time(at("2026-03-30T10:00:30Z"));
    assert_eq!(
        sleep(&scheduled(), &mut world, until),
        [
            "desired 0",
            "put selfheal-start 0 8 * * 1-5 from 2026-03-30T10:02:00Z",
            "put selfheal-wake once from 2026-03-30T10:01:00Z"
        ]
    );
    as_told(&mut world);
    assert!(
        plan_sleep(&scheduled(), &world, until).is_empty(),
        "nor after it was read"
    );
    assert!(plan(&scheduled(), &world).is_empty(), "an apply leaves it put off");
    assert!(note(&plan(&scheduled(), &world), "asleep").contains("Mon 2026-03-30 12:01 +02:00"));
    // A changed time keeps being put off.
    let later = Spec {
        schedule: Some(schedule("0 20 * * 1-5", "0 9 * * 1-5")),
        ..scheduled()
    };
    assert_eq!(
        apply(&later, &mut world.clone()),
        ["put selfheal-start 0 9 * * 1-5 from 2026-03-31T06:00:00Z"]
    );
    assert_eq!(
        wake(&scheduled(), &mut world),
        ["desired 1", "delete selfheal-wake", "put selfheal-start 0 8 * * 1-5"]
    );
}

#[test]
fn a_sleep_that_ends_where_the_stack_sleeps_anyway_ends_with_its_next_start() {
    let mut world = applied(&scheduled());
    // Monday at 23:00.
    let until = SleepUntil::Time(at("2026-03-30T21:00:00Z"));
    assert_eq!(
        sleep(&scheduled(), &mut world, until),
        ["desired 0", "put selfheal-start 0 8 * * 1-5 from 2026-03-30T21:00:00Z"]
    );
    as_told(&mut world);
    assert!(plan_sleep(&scheduled(), &world, until).is_empty());
    assert!(note(&plan(&scheduled(), &world), "asleep").contains("Tue 2026-03-31 08:00 +02:00"));
    // At the very minute of a start the schedule alone wakes it: AWS takes no two actions of one time.
    let at_start = SleepUntil::Time(at("2026-03-31T06:00:00Z"));
    let calls = sleep(&scheduled(), &mut applied(&scheduled()), at_start);
    assert_eq!(
        calls,
        ["desired 0", "put selfheal-start 0 8 * * 1-5 from 2026-03-31T06:00:00Z"]
    );
    // A plain sleep lasts until the next start again.
    assert_eq!(
        sleep(&scheduled(), &mut world, SleepUntil::Schedule),
        ["put selfheal-start 0 8 * * 1-5"]
    );
}

#[test]
fn a_sleep_for_some_time_without_schedule_wakes_once_and_lifts_a_suspension() {
    let mut world = applied(&web());
    let until = SleepUntil::Time(at("2026-03-30T10:00:00Z"));
    assert_eq!(
        sleep(&web(), &mut world, until),
        ["min 0", "desired 0", "put selfheal-wake once from 2026-03-30T10:00:00Z"]
    );
    assert!(plan(&web(), &world).is_empty(), "an apply leaves it");
    assert_eq!(wake(&web(), &mut world), ["desired 1", "delete selfheal-wake"]);
    let mut suspended = asleep(&scheduled());
    group(&mut suspended).suspended = vec![SCHEDULED_ACTIONS.to_owned()];
    let calls = sleep(&scheduled(), &mut suspended, until);
    assert_eq!(calls[0], "resume ScheduledActions");
}

#[test]
fn sleep_and_wake_are_refused_where_there_is_nothing_of_ours() {
    let refused = |world: &Observed| {
        let plans = [
            plan_sleep(&web(), world, SleepUntil::Schedule),
            plan_wake(&web(), world, true),
        ];
        plans.map(|plan| plan.refusals[0].code.clone())
    };
    let mut world = applied(&web());
    world.group.as_mut().expect("one").tags.clear();
    assert_eq!(refused(&world), ["foreign-resource", "foreign-resource"]);
    world.group = None;
    assert_eq!(refused(&world), ["no-group", "no-group"]);
    let mut closed = asleep(&scheduled());
    group(&mut closed).max = 0;
    assert_eq!(plan_wake(&web(), &closed, false).refusals[0].code, "max-zero");
}

#[test]
fn a_wake_that_waits_waits_for_an_instance_in_service() {
    let mut world = asleep(&scheduled());
    let shown = plan_wake(&scheduled(), &world, true);
    assert!(matches!(shown.waits[..], [WaitFor::Awake { .. }]));
    carry_out(|world| plan_wake(&scheduled(), world, true), &mut world);
    let after = plan_wake(&scheduled(), &world, true);
    assert!(after.is_empty() && after.waits.is_empty());
}

#[test]
fn a_name_of_somebody_elses_is_not_waited_for_in_the_night() {
    let mut spec = scheduled();
    spec.dns.as_mut().expect("it has a name").overwrite = true;
    let mut world = asleep(&spec);
    world.records[0].values = vec!["192.0.2.1".to_owned()];
    let plan = plan(&spec, &world);
    assert!(plan.waits.is_empty() && plan.step(StepKind::UpsertRecord).is_none());
    assert!(codes(&plan).contains(&"record-later"));
    assert!(plan.steps.iter().all(|step| step.change != Change::Delete));
    assert_eq!(WAKE_ACTION, "selfheal-wake");
}
