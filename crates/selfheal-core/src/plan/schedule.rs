//! The schedule: two scheduled actions that set the group's desired capacity alone.
//!
//! The bounds of the group are fixed, the desired capacity between them is free: so there is no race between an apply and
//! the clock, and no apply wakes a stack that sleeps. Only leaving the schedule does, and the plan shows it: nothing else
//! would wake the stack any more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::names::{ResourceKind, START_ACTION, STOP_ACTION, WAKE_ACTION};
use crate::spec::{ClockChange, Recurrence, ScheduleSpec, Turn, Zone};
use crate::world::{Action, Group, GroupCall, SCHEDULED_ACTIONS, ScheduledAction, ScheduledActionCall};

/// How many of the next turns are shown.
const SHOWN: usize = 3;

/// How far the time of AWS's next run may be behind the recurrence's own before it was put off: in the hours around a change
/// of clocks the two may differ.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(3);

/// Plans the scheduled actions.
pub(super) fn plan(builder: &mut Builder<'_>) {
    let group = builder.observed.group.as_ref().filter(|group| !group.deleting);
    if group.is_some_and(|group| !builder.names.owns(&group.tags, ResourceKind::Group)) {
        return;
    }
    match &builder.spec.schedule {
        Some(schedule) => {
            put(builder, group, schedule);
            tell_next(builder, schedule);
        }
        None => group.into_iter().for_each(|group| leave(builder, group)),
    }
    if let Some(group) = group {
        tell(builder, group);
    }
}

/// The scheduled action of a turn, as the spec wants it.
fn wanted(schedule: &ScheduleSpec, turn: Turn) -> ScheduledAction {
    ScheduledAction {
        name: name_of(turn).to_owned(),
        recurrence: Some(schedule.recurrence(turn).to_string()),
        timezone: Some(schedule.timezone.clone()),
        start: None,
        end: None,
        min: None,
        max: None,
        desired: Some(turn.desired()),
    }
}

const fn name_of(turn: Turn) -> &'static str {
    match turn {
        Turn::Start => START_ACTION,
        Turn::Stop => STOP_ACTION,
    }
}

/// Writes the actions that are missing or differ.
///
/// AWS takes no two actions of the same time. So one that moves to where the other one still is waits for it; where each
/// moves to where the other is, the one that puts the stack to sleep goes first, since a stack that stays awake for a moment
/// is better than one that nothing wakes.
fn put(builder: &mut Builder<'_>, group: Option<&Group>, schedule: &ScheduleSpec) {
    let ready = match group {
        Some(group) if group.may_sleep() => BTreeSet::new(),
        Some(_) => builder.planned(StepKind::UpdateGroup),
        None => builder.planned(StepKind::CreateGroup),
    };
    let ready = match group {
        Some(group) if group.may_sleep() => Deferred::Known(()),
        _ => Deferred::After(ready),
    };
    let have = |turn: Turn| {
        let actions = builder.observed.scheduled_actions.iter();
        group.and_then(|_| actions.clone().find(|action| action.name == name_of(turn)))
    };
    let (start, stop) = (have(Turn::Start), have(Turn::Stop));
    let (want_start, want_stop) = (wanted(schedule, Turn::Start), wanted(schedule, Turn::Stop));
    let moves = |have: Option<&ScheduledAction>, want: &ScheduledAction| have.is_some_and(|have| differs(have, want));
    let mut before = BTreeSet::new();
    let mut stop_now = stop;
    if let Some(old) = stop.filter(|old| moves(stop, &want_stop) && meets(old, &want_start))
        && start.is_none_or(|start| differs(start, &want_start))
    {
        let reason = "AWS takes no two actions of the same time, and the other one is to have this one's";
        before.insert(delete(builder, old, reason, &BTreeSet::new()));
        stop_now = None;
    }
    let put_start = put_one(builder, start, want_start.clone(), ready.clone().not_before(&before));
    if start.is_some_and(|old| differs(old, &want_start) && meets(old, &want_stop)) {
        before.extend(put_start);
    }
    put_one(builder, stop_now, want_stop, ready.not_before(&before));
}

/// Whether an action is not as it is wanted. When it happens next is for AWS to say.
fn differs(have: &ScheduledAction, want: &ScheduledAction) -> bool {
    let zone = |action: &ScheduledAction| action.timezone.clone();
    have.recurrence != want.recurrence
        || zone(have) != zone(want)
        || (have.min, have.max, have.desired, have.end) != (want.min, want.max, want.desired, want.end)
}

/// Whether an action that exists and one that is wanted may have the same time. In different zones they are taken to.
fn meets(have: &ScheduledAction, want: &ScheduledAction) -> bool {
    let recurrence = |action: &ScheduledAction| action.recurrence.as_deref()?.parse::<Recurrence>().ok();
    match (recurrence(have), recurrence(want)) {
        (Some(one), Some(two)) if have.timezone == want.timezone => one.meets(&two),
        _ => true,
    }
}

fn put_one(
    builder: &mut Builder<'_>,
    have: Option<&ScheduledAction>,
    mut want: ScheduledAction,
    ready: Deferred<()>,
) -> Option<Need> {
    let reason = match want.desired {
        Some(0) => "puts the stack to sleep",
        _ => "wakes the stack",
    };
    let draft = match have {
        None => Draft::new(StepKind::PutScheduledAction, Change::Create, reason)
            .sets("when", when(&want))
            .sets("size", size(&want)),
        Some(have) => {
            // What `sleep --for` has put off stays put off.
            want.start = put_off_until(have, builder.observed.observed_at);
            Draft::new(StepKind::PutScheduledAction, Change::Update, reason)
                .changes("when", when(have), when(&want))
                .changes("size", size(have), size(&want))
                .changes("end", end(have), end(&want))
        }
    };
    if !draft.has_changes() {
        return None;
    }
    let draft = draft.target(want.name.clone());
    let group = builder.names.group.clone();
    let action = ready.map(|()| ScheduledActionCall::PutScheduledAction { group, action: want }.into());
    Some(builder.step(draft, action))
}

/// When an action happens, for people.
pub(super) fn when(action: &ScheduledAction) -> String {
    let zone = action.timezone.as_deref().unwrap_or("UTC");
    match (&action.recurrence, action.start) {
        (Some(recurrence), _) => format!("{recurrence} in {zone}"),
        (None, Some(start)) => format!("once, at {start}"),
        (None, None) => "once".to_owned(),
    }
}

fn size(action: &ScheduledAction) -> String {
    let parts = [("min", action.min), ("max", action.max), ("desired", action.desired)];
    let set: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    set.join(", ")
}

fn end(action: &ScheduledAction) -> String {
    action.end.map_or_else(|| "never".to_owned(), |end| end.to_string())
}

/// Until when an action that recurs was put off, where it was: AWS tells a next run that is later than its own next time.
pub(super) fn put_off_until(action: &ScheduledAction, now: Timestamp) -> Option<Timestamp> {
    let recurrence = action.recurrence.as_deref()?.parse::<Recurrence>().ok()?;
    let zone = zone_of(action)?;
    let next = recurrence.next(&zone, now, 1).first()?.at;
    action.start.filter(|start| start.duration_since(next) > LATE_MAX)
}

/// The zone of an action's recurrence.
pub(super) fn zone_of(action: &ScheduledAction) -> Option<Zone> {
    action.timezone.as_deref().map_or(Some(Zone::utc()), Zone::named)
}

/// Removes the actions of a schedule that the spec has ceased to have. A stack that only they would wake is woken first.
fn leave(builder: &mut Builder<'_>, group: &Group) {
    let ours = builder.observed.scheduled_actions.iter();
    let ours: Vec<&ScheduledAction> = ours
        .filter(|action| [START_ACTION, STOP_ACTION].contains(&action.name.as_str()))
        .collect();
    if ours.is_empty() {
        return;
    }
    let mut woken = BTreeSet::new();
    if group.may_sleep() && group.desired == 0 {
        if group.suspends(SCHEDULED_ACTIONS) {
            let message = "the stack sleeps until `selfheal wake`, also without its schedule";
            builder.note("asleep", message);
        } else {
            let reason = "WAKES the stack: without a schedule nothing else would";
            woken.insert(set_desired(builder, group, 1, reason, &BTreeSet::new()));
        }
    }
    for action in ours {
        delete(builder, action, "the spec has no [schedule]", &woken);
    }
}

/// Deletes an action.
pub(super) fn delete(builder: &mut Builder<'_>, have: &ScheduledAction, reason: &str, before: &BTreeSet<Need>) -> Need {
    let draft = Draft::new(StepKind::DeleteScheduledAction, Change::Delete, reason)
        .target(have.name.clone())
        .removes("when", when(have));
    let (group, name) = (builder.names.group.clone(), have.name.clone());
    let action = Action::ScheduledAction(ScheduledActionCall::DeleteScheduledAction { group, name });
    builder.step(draft, Deferred::Known(action).not_before(before))
}

/// Sets the desired capacity.
pub(super) fn set_desired(
    builder: &mut Builder<'_>,
    group: &Group,
    desired: u32,
    reason: &str,
    before: &BTreeSet<Need>,
) -> Need {
    let draft = Draft::new(StepKind::SetDesiredCapacity, Change::Update, reason)
        .target(group.name.clone())
        .changes("desired capacity", group.desired.to_string(), desired.to_string());
    let action = Action::Group(GroupCall::SetDesiredCapacity {
        group: group.name.clone(),
        desired,
    });
    builder.step(draft, Deferred::Known(action).not_before(before))
}

/// Tells what the schedule does next, and which of its times a change of clocks makes doubtful.
fn tell_next(builder: &mut Builder<'_>, schedule: &ScheduleSpec) {
    let now = builder.observed.observed_at;
    let zone = schedule.zone();
    let next: Vec<String> = schedule
        .next(now, SHOWN)
        .into_iter()
        .map(|(turn, time)| format!("{} {}", turn.as_str(), zone.show(time.at)))
        .collect();
    builder.note(
        "schedule-next",
        format!("the schedule's next times: {}", next.join(", ")),
    );
    let unsteady = schedule.unsteady(now);
    if let Some((turn, time)) = unsteady.first() {
        let does = match time.clock {
            ClockChange::Repeated => "repeats",
            ClockChange::Skipped | ClockChange::None => "skips",
        };
        let more = match unsteady.len() {
            1 => String::new(),
            many => format!(" ({many} such times within a year)"),
        };
        builder.note(
            "schedule-clock-change",
            format!(
                "a change of clocks {does} {} in {}, at which `schedule.{}` is{more}: AWS does not say what it does then; \
                 choose an hour that every day has once",
                time.wall.strftime("%Y-%m-%d %H:%M"),
                schedule.timezone,
                turn.as_str(),
            ),
        );
    }
}

/// Tells that the stack sleeps, that its schedule is suspended, and what else changes its size by the clock.
fn tell(builder: &mut Builder<'_>, group: &Group) {
    if group.is_asleep() && builder.planned(StepKind::SetDesiredCapacity).is_empty() {
        builder.note(
            "asleep",
            format!(
                "the stack sleeps, and an apply leaves it asleep: {}",
                wakes(builder, group)
            ),
        );
    }
    let suspended = group.suspends(SCHEDULED_ACTIONS);
    if suspended && !group.is_asleep() && !builder.observed.scheduled_actions.is_empty() {
        let message = "the schedule is suspended: `selfheal wake` lets it act again";
        builder.note("schedule-suspended", message);
    }
    let ours = [START_ACTION, STOP_ACTION, WAKE_ACTION];
    let actions = builder.observed.scheduled_actions.iter();
    let strangers: Vec<String> = actions
        .filter(|action| !ours.contains(&action.name.as_str()))
        .map(|action| format!("{} ({}, {})", action.name, when(action), size(action)))
        .collect();
    for stranger in strangers {
        let message = format!("the group has a scheduled action of somebody else, which is left alone: {stranger}");
        builder.note("scheduled-action-foreign", message);
    }
}

/// What wakes a stack that sleeps: a clause.
pub(super) fn wakes(builder: &Builder<'_>, group: &Group) -> String {
    match next_wake(&builder.observed.scheduled_actions, group, builder.observed.observed_at) {
        Some((at, zone)) => format!("it wakes at {}, or by `selfheal wake`", zone.show(at)),
        None => "`selfheal wake` wakes it".to_owned(),
    }
}

/// When a stack that sleeps wakes by itself, and in which zone that is to be told.
pub(crate) fn next_wake(actions: &[ScheduledAction], group: &Group, now: Timestamp) -> Option<(Timestamp, Zone)> {
    if group.suspends(SCHEDULED_ACTIONS) {
        return None;
    }
    let zone = actions
        .iter()
        .find(|action| action.name == START_ACTION)
        .and_then(zone_of)
        .unwrap_or_else(Zone::utc);
    let wakes = actions
        .iter()
        .filter(|action| action.desired.is_some_and(|desired| desired > 0));
    let at = wakes.filter_map(|action| {
        let next = || {
            let recurrence = action.recurrence.as_deref()?.parse::<Recurrence>().ok()?;
            Some(recurrence.next(&zone_of(action)?, now, 1).first()?.at)
        };
        action.start.filter(|start| *start > now).or_else(next)
    });
    at.min().map(|at| (at, zone))
}
