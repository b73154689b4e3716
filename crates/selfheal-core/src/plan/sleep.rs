//! Putting the stack to sleep and waking it by hand.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::builder::{Builder, Deferred, Draft};
use super::schedule::{delete, put_off_until, set_desired, wakes, when, zone_of};
use super::{Change, Need, Plan, StepKind, WaitFor, group, schema};
use crate::names::{ResourceKind, START_ACTION, STOP_ACTION, WAKE_ACTION};
use crate::spec::{Recurrence, Zone};
use crate::world::{Action, Group, GroupCall, GroupInstance, SCHEDULED_ACTIONS, ScheduledAction, ScheduledActionCall};

/// For how long the stack is put to sleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SleepUntil {
    /// Until its schedule wakes it; where there is none, until somebody does.
    #[default]
    Schedule,
    /// Until somebody wakes it, whatever its schedule says.
    Wake,
    /// At least until this instant. From then on its schedule holds again; where there is none, or the stack is to serve
    /// then, it wakes.
    Time(Timestamp),
}

/// Composes what puts the stack to sleep.
pub(super) fn sleep(mut builder: Builder<'_>, until: SleepUntil) -> Plan {
    let Some(group) = usable(&mut builder) else {
        return builder.finish();
    };
    let mut before = BTreeSet::new();
    if !group.may_sleep() {
        before.insert(allow_none(&mut builder, group));
    }
    let suspended = group.suspends(SCHEDULED_ACTIONS);
    let mut now = Vec::new();
    match until {
        SleepUntil::Wake if !suspended => before.extend([suspend(&mut builder, group)]),
        SleepUntil::Time(_) if suspended => {
            resume(&mut builder, group, "so that the schedule wakes the stack");
        }
        _ => {}
    }
    if group.desired != 0 {
        let reason = "the instance gives volume and address back, and goes";
        now.push(set_desired(&mut builder, group, 0, reason, &before));
    }
    let asleep = now.into_iter().collect();
    match until {
        SleepUntil::Time(at) => put_off(&mut builder, whole_minute(at), &asleep),
        SleepUntil::Schedule | SleepUntil::Wake => put_back(&mut builder, &asleep),
    }
    if builder
        .observed
        .group
        .as_ref()
        .is_some_and(|group| group.suspends("Launch"))
    {
        group::tell_state(&mut builder, group);
    }
    tell_until(&mut builder, group, until);
    builder.finish()
}

/// Composes what wakes the stack.
pub(super) fn wake(mut builder: Builder<'_>, wait: bool) -> Plan {
    let Some(group) = usable(&mut builder) else {
        return builder.finish();
    };
    if group.max == 0 {
        builder.refuse(
            "max-zero",
            format!("the group {} may have no instance: its maximum size is 0", group.name),
            "`selfheal apply` sets it to 1",
        );
        return builder.finish();
    }
    if group.desired == 0 {
        set_desired(
            &mut builder,
            group,
            1,
            "the group launches an instance",
            &BTreeSet::new(),
        );
    }
    if group.suspends(SCHEDULED_ACTIONS) {
        resume(&mut builder, group, "the schedule acts again");
    }
    put_back(&mut builder, &BTreeSet::new());
    group::tell_state(&mut builder, group);
    let serves = group.desired > 0 && group.instances.iter().any(GroupInstance::is_serving);
    if wait && !serves && !group.suspends("Launch") {
        builder.wait(WaitFor::Awake {
            group: group.name.clone(),
        });
    }
    builder.finish()
}

/// The group, where there is one of ours that can be put to sleep or woken, or whose instance can be replaced.
pub(super) fn usable<'a>(builder: &mut Builder<'a>) -> Option<&'a Group> {
    let (spec, observed) = (builder.spec, builder.observed);
    if schema::refuse_newer(builder) {
        return None;
    }
    let Some(group) = observed.group.as_ref().filter(|group| !group.deleting) else {
        builder.refuse(
            "no-group",
            format!("the stack `{}` has no Auto Scaling group", spec.name),
            "run `selfheal apply`",
        );
        return None;
    };
    if !builder.names.owns(&group.tags, ResourceKind::Group) {
        builder.refuse_foreign(ResourceKind::Group, "Auto Scaling group", &group.name);
        return None;
    }
    Some(group)
}

/// Lets the group have no instance, for good.
pub(super) fn allow_none(builder: &mut Builder<'_>, group: &Group) -> Need {
    let reason = "so that the group may have no instance; it stays so";
    let draft = Draft::new(StepKind::SetMinSize, Change::Update, reason)
        .target(group.name.clone())
        .changes("minimum size", group.min.to_string(), "0");
    let action = Action::Group(GroupCall::SetMinSize {
        group: group.name.clone(),
        min: 0,
    });
    builder.step(draft, Deferred::Known(action))
}

fn suspend(builder: &mut Builder<'_>, group: &Group) -> Need {
    let reason = "the schedule does not wake the stack";
    let draft = Draft::new(StepKind::SuspendSchedule, Change::Update, reason)
        .target(group.name.clone())
        .sets("suspended", SCHEDULED_ACTIONS);
    let action = Action::Group(GroupCall::SuspendProcesses {
        group: group.name.clone(),
        processes: vec![SCHEDULED_ACTIONS.to_owned()],
    });
    builder.step(draft, Deferred::Known(action))
}

fn resume(builder: &mut Builder<'_>, group: &Group, reason: &str) {
    let draft = Draft::new(StepKind::ResumeSchedule, Change::Update, reason)
        .target(group.name.clone())
        .removes("suspended", SCHEDULED_ACTIONS);
    let action = Action::Group(GroupCall::ResumeProcesses {
        group: group.name.clone(),
        processes: vec![SCHEDULED_ACTIONS.to_owned()],
    });
    builder.step(draft, Deferred::Known(action));
}

/// AWS's scheduled actions begin at whole minutes; a sleep lasts no shorter than it was asked for.
fn whole_minute(at: Timestamp) -> Timestamp {
    let seconds = at.as_second().div_euclid(60) * 60;
    let up = if seconds == at.as_second() && at.subsec_nanosecond() == 0 {
        0
    } else {
        60
    };
    Timestamp::from_second(seconds + up).unwrap_or(at)
}

fn find<'a>(builder: &Builder<'a>, name: &str) -> Option<&'a ScheduledAction> {
    let actions = &builder.observed.scheduled_actions;
    actions.iter().find(|action| action.name == name)
}

fn recurrence(action: &ScheduledAction) -> Option<(Recurrence, Zone)> {
    let recurrence = action.recurrence.as_deref()?.parse().ok()?;
    Some((recurrence, zone_of(action)?))
}

/// Puts the schedule's next wake off until an instant; where the stack is to serve then, wakes it at that instant.
fn put_off(builder: &mut Builder<'_>, until: Timestamp, asleep: &BTreeSet<Need>) {
    let last = |name: &str| {
        let (recurrence, zone) = recurrence(find(builder, name)?)?;
        Some(recurrence.last(&zone, until)?.at)
    };
    let (start, stop) = (last(START_ACTION), last(STOP_ACTION));
    // Two actions of the same time are refused: where the schedule itself wakes the stack at that instant, it alone does.
    let serves = match (start, stop) {
        (Some(start), Some(stop)) => start > stop && start < until,
        _ => true,
    };
    if let Some(have) = find(builder, START_ACTION) {
        let first = if serves {
            until + SignedDuration::from_mins(1)
        } else {
            until
        };
        put_start_off(builder, have, first, asleep);
    }
    match find(builder, WAKE_ACTION) {
        Some(have) if !serves => {
            delete(builder, have, "the schedule wakes the stack", asleep);
        }
        have if serves => {
            let action = ScheduledAction {
                name: WAKE_ACTION.to_owned(),
                recurrence: None,
                timezone: None,
                start: Some(until),
                end: None,
                min: None,
                max: None,
                desired: Some(1),
            };
            let reason = "wakes the stack, once";
            let draft = match have {
                None => Draft::new(StepKind::PutScheduledAction, Change::Create, reason).sets("when", when(&action)),
                Some(have) => Draft::new(StepKind::PutScheduledAction, Change::Update, reason).changes(
                    "when",
                    when(have),
                    when(&action),
                ),
            };
            if draft.has_changes() {
                put(builder, draft.target(WAKE_ACTION), action, asleep);
            }
        }
        _ => {}
    }
}

/// Lets the schedule wake the stack at its first time from an instant on.
fn put_start_off(builder: &mut Builder<'_>, have: &ScheduledAction, first: Timestamp, asleep: &BTreeSet<Need>) {
    let Some((recurrence, zone)) = recurrence(have) else {
        return;
    };
    let now = builder.observed.observed_at;
    let next = |after: Timestamp| recurrence.next(&zone, after, 1).first().map(|time| time.at);
    let (own, wanted) = (next(now), next(first - SignedDuration::from_secs(1)));
    // AWS tells the next run, and what this very run has put is what it asked for.
    let off = put_off_until(have, now);
    if have.start == Some(first) || off.or(own) == wanted {
        return;
    }
    let action = ScheduledAction {
        start: (own != wanted).then_some(first),
        ..have.clone()
    };
    let show = |at: Option<Timestamp>| at.map_or_else(|| "now".to_owned(), |at| at.to_string());
    let reason = "the schedule does not wake the stack before";
    let draft = Draft::new(StepKind::PutScheduledAction, Change::Update, reason)
        .target(START_ACTION)
        .changes("from", show(off), show(action.start));
    put(builder, draft, action, asleep);
}

fn put(builder: &mut Builder<'_>, draft: Draft, action: ScheduledAction, before: &BTreeSet<Need>) {
    let group = builder.names.group.clone();
    let action = Action::ScheduledAction(ScheduledActionCall::PutScheduledAction { group, action });
    builder.step(draft, Deferred::Known(action).not_before(before));
}

/// Undoes what an earlier `sleep --for` has put off.
fn put_back(builder: &mut Builder<'_>, before: &BTreeSet<Need>) {
    if let Some(have) = find(builder, WAKE_ACTION) {
        delete(builder, have, "an earlier sleep was to end then", before);
    }
    let now = builder.observed.observed_at;
    if let Some(have) = find(builder, START_ACTION)
        && let Some(until) = put_off_until(have, now)
    {
        let action = ScheduledAction {
            start: None,
            ..have.clone()
        };
        let draft = Draft::new(StepKind::PutScheduledAction, Change::Update, "the schedule holds again")
            .target(START_ACTION)
            .removes("from", until.to_string());
        put(builder, draft, action, before);
    }
}

/// Tells when the stack wakes.
fn tell_until(builder: &mut Builder<'_>, group: &Group, until: SleepUntil) {
    let message = match until {
        SleepUntil::Wake => "the stack sleeps until `selfheal wake`, whatever its schedule says".to_owned(),
        SleepUntil::Time(at) => {
            let zone = find(builder, START_ACTION).and_then(zone_of).unwrap_or_else(Zone::utc);
            format!(
                "the stack sleeps at least until {}, or until `selfheal wake`",
                zone.show(whole_minute(at))
            )
        }
        SleepUntil::Schedule => format!("the stack sleeps: {}", wakes(builder, group)),
    };
    builder.note("sleeps-until", message);
}
