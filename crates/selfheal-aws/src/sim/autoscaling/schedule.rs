//! Scheduled actions: the group's size by the clock.

use jiff::{SignedDuration, Timestamp};
use selfheal_core::spec::{ClockChange, Recurrence, Zone};
use selfheal_core::world::{SCHEDULED_ACTIONS, ScheduledAction};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::ScheduledActionRecord;
use super::super::trace::TraceKind;
use super::super::world::World;
use crate::backend::CallResult;

/// Scheduled actions of a group.
///
/// Source: Auto Scaling User Guide, "Quotas for Amazon EC2 Auto Scaling".
const ACTIONS_MAX: usize = 125;

/// When an action happens, and what a change of clocks does to that time.
struct Run {
    at: Timestamp,
    clock: ClockChange,
}

/// An hour in milliseconds: how far most clocks are set back.
const HOUR_MS: u64 = 3_600_000;

impl World {
    /// `DescribeScheduledActions`. The start of one that recurs is its next run, whether or not the caller has set one.
    pub(super) fn describe_scheduled_actions(&self, group: &str) -> Vec<ScheduledAction> {
        let seen = self.groups.get(group).filter(|record| self.sees(record.visible_ms));
        let records = seen.map(|record| record.scheduled.values());
        let describe = |record: &ScheduledActionRecord| ScheduledAction {
            start: self.next_run(&record.action).map(|run| run.at),
            ..record.action.clone()
        };
        records.into_iter().flatten().map(describe).collect()
    }

    /// When an action happens next.
    fn next_run(&self, action: &ScheduledAction) -> Option<Run> {
        let now = self.now();
        let Some((recurrence, zone)) = recurrence(action) else {
            let at = action.start.filter(|at| *at > now)?;
            return Some(Run {
                at,
                clock: ClockChange::None,
            });
        };
        // A recurrence begins at its start, not after it.
        let just_before = |start: Timestamp| start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(start);
        let after = action.start.map_or(now, |start| just_before(start).max(now));
        let next = recurrence.next(&zone, after, 1).pop()?;
        let run = Run {
            at: next.at,
            clock: next.clock,
        };
        action.end.is_none_or(|end| run.at < end).then_some(run)
    }

    /// `PutScheduledUpdateGroupAction`.
    pub(super) fn put_scheduled_action(&mut self, group: &str, action: &ScheduledAction) -> CallResult<()> {
        const ACTION: &str = "autoscaling:PutScheduledUpdateGroupAction";
        self.live_group_mut(ACTION, group)?;
        self.check_scheduled_action(ACTION, action)?;
        let next = self.next_run(action).map(|run| run.at);
        let record = self.live_group_mut(ACTION, group)?;
        let others: Vec<ScheduledAction> = record
            .scheduled
            .values()
            .map(|record| record.action.clone())
            .filter(|other| other.name != action.name)
            .collect();
        if others.len() >= ACTIONS_MAX {
            let message = format!("Scheduled action limit exceeded: {ACTIONS_MAX}");
            return fail(ACTION, "LimitExceeded", message);
        }
        let meets = |other: &ScheduledAction| match (recurrence(other), recurrence(action)) {
            (Some((one, here)), Some((two, there))) if here == there => one.meets(&two),
            _ => false,
        };
        for other in others {
            let same_run = next.is_some() && self.next_run(&other).map(|run| run.at) == next;
            if same_run || meets(&other) {
                let message = format!("Scheduled action {} already exists at this time", other.name);
                return fail(ACTION, "ValidationError", message);
            }
        }
        let record = self.live_group_mut(ACTION, group)?;
        let generation = record.scheduled.get(&action.name).map_or(0, |have| have.generation) + 1;
        let scheduled = ScheduledActionRecord {
            action: action.clone(),
            generation: generation.max(record.scheduled_generation + 1),
        };
        record.scheduled_generation = scheduled.generation;
        record.scheduled.insert(action.name.clone(), scheduled);
        self.arm_scheduled_action(group, &action.name);
        Ok(())
    }

    fn check_scheduled_action(&self, call: &'static str, action: &ScheduledAction) -> CallResult<()> {
        let invalid = |message: String| fail(call, "ValidationError", message);
        if (action.min, action.max, action.desired) == (None, None, None) {
            return invalid("At least one of MinSize, MaxSize and DesiredCapacity is required".to_owned());
        }
        if let Some(text) = &action.recurrence
            && text.parse::<Recurrence>().is_err()
        {
            return invalid(format!("Given recurrence string:{text} is invalid"));
        }
        if let Some(zone) = action.timezone.as_ref().filter(|zone| Zone::named(zone).is_none()) {
            return invalid(format!("TimeZone {zone} is invalid"));
        }
        if action.recurrence.is_none() && action.start.is_none() {
            return invalid("Either StartTime or Recurrence is required".to_owned());
        }
        if action.start.is_some_and(|start| start < self.now()) {
            return invalid("Given start time is in the past".to_owned());
        }
        Ok(())
    }

    /// `DeleteScheduledAction`.
    pub(super) fn delete_scheduled_action(&mut self, group: &str, name: &str) -> CallResult<()> {
        const ACTION: &str = "autoscaling:DeleteScheduledAction";
        let record = self.live_group_mut(ACTION, group)?;
        match record.scheduled.remove(name) {
            Some(_) => Ok(()),
            None => fail(
                ACTION,
                "ValidationError",
                format!("Scheduled action name not found: {name}"),
            ),
        }
    }

    /// Lets an action happen at its next time, up to two minutes late.
    ///
    /// What AWS does at a time that the clock skips or repeats is not documented: it is drawn from all that it might do.
    fn arm_scheduled_action(&mut self, group: &str, name: &str) {
        let found = self.groups.get(group).and_then(|record| record.scheduled.get(name));
        let Some(ScheduledActionRecord { action, generation }) = found.cloned() else {
            return;
        };
        let Some(next) = self.next_run(&action) else { return };
        let wait_ms = self.ms_until(next.at);
        let again_ms = wait_ms.saturating_add(HOUR_MS);
        let runs = match (next.clock, self.drawn(next.clock)) {
            (ClockChange::Skipped, 0) => vec![],
            (ClockChange::Repeated, 0) => vec![again_ms],
            (ClockChange::Repeated, 1) => vec![wait_ms, again_ms],
            _ => vec![wait_ms],
        };
        let event = |arm| WorldEvent::ScheduledAction {
            group: group.to_owned(),
            name: name.to_owned(),
            generation,
            arm,
        };
        let late = self.config.timings.scheduled_action;
        for run_ms in runs {
            let late_ms = self.rng_events.between(late);
            self.after_ms(run_ms.saturating_add(late_ms), event(false));
        }
        self.after_ms(wait_ms, event(true));
    }

    fn drawn(&mut self, clock: ClockChange) -> u64 {
        match clock {
            ClockChange::None => 2,
            ClockChange::Skipped | ClockChange::Repeated => self.rng_events.between(Range::new(0, 2)),
        }
    }

    fn ms_until(&self, at: Timestamp) -> u64 {
        u64::try_from(at.duration_since(self.now()).as_millis()).unwrap_or(0)
    }

    /// The time of an action has come: it is armed for the next one, or it happens.
    pub(in crate::sim) fn scheduled_action(&mut self, group: &str, name: &str, generation: u64, arm: bool) {
        let record = self.groups.get(group).filter(|record| !record.deleting);
        let Some(record) = record else { return };
        let current = record.scheduled.get(name).filter(|it| it.generation == generation);
        let Some(ScheduledActionRecord { action, .. }) = current.cloned() else {
            return;
        };
        if arm {
            return self.arm_scheduled_action(group, name);
        }
        let suspended = record.suspends(SCHEDULED_ACTIONS);
        self.record(TraceKind::Scheduled {
            group: group.to_owned(),
            action: name.to_owned(),
            skipped: suspended,
        });
        if action.recurrence.is_none()
            && let Some(record) = self.groups.get_mut(group)
        {
            record.scheduled.remove(name);
        }
        if !suspended {
            self.carry_out(group, &action);
        }
    }

    fn carry_out(&mut self, group: &str, action: &ScheduledAction) {
        let Some(record) = self.groups.get_mut(group) else {
            return;
        };
        let settings = &mut record.settings;
        let (min, max) = (action.min.unwrap_or(settings.min), action.max.unwrap_or(settings.max));
        let desired = action
            .desired
            .unwrap_or_else(|| settings.desired.clamp(min, max.max(min)));
        if min > max || !(min..=max).contains(&desired) {
            // AWS does not carry out what the bounds forbid.
            return;
        }
        let before = settings.desired;
        (settings.min, settings.max, settings.desired) = (min, max, desired);
        let what = format!(
            "a scheduled action update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired}"
        );
        self.resized(group, &what, before, desired);
    }

    /// `SetDesiredCapacity`, without regard to a cooldown.
    pub(super) fn set_desired_capacity(&mut self, group: &str, desired: u32) -> CallResult<()> {
        const ACTION: &str = "autoscaling:SetDesiredCapacity";
        let settings = &mut self.live_group_mut(ACTION, group)?.settings;
        let (before, min, max) = (settings.desired, settings.min, settings.max);
        if desired < min {
            let message =
                format!("New SetDesiredCapacity value {desired} is below min value {min} for the AutoScalingGroup.");
            return fail(ACTION, "ValidationError", message);
        }
        if desired > max {
            let message =
                format!("New SetDesiredCapacity value {desired} is above max value {max} for the AutoScalingGroup.");
            return fail(ACTION, "ValidationError", message);
        }
        settings.desired = desired;
        self.resized(
            group,
            "a user request explicitly set group desired capacity",
            before,
            desired,
        );
        Ok(())
    }

    /// `UpdateAutoScalingGroup` with the minimum alone.
    pub(super) fn set_min_size(&mut self, group: &str, min: u32) -> CallResult<()> {
        const ACTION: &str = "autoscaling:UpdateAutoScalingGroup";
        let settings = &mut self.live_group_mut(ACTION, group)?.settings;
        if min > settings.max {
            let message = format!(
                "Max bound, {}, must be greater than or equal to min bound, {min}",
                settings.max
            );
            return fail(ACTION, "ValidationError", message);
        }
        settings.min = min;
        self.keep_within_bounds(group);
        Ok(())
    }

    /// Brings the desired capacity within bounds that have changed, as AWS does: below a new minimum it becomes the minimum,
    /// which launches.
    pub(super) fn keep_within_bounds(&mut self, group: &str) {
        let Some(record) = self.groups.get_mut(group) else {
            return;
        };
        let settings = &mut record.settings;
        let (before, min, max) = (settings.desired, settings.min, settings.max);
        let desired = before.clamp(min, max.max(min));
        settings.desired = desired;
        if desired != before {
            let what = format!(
                "a user request update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired}"
            );
            self.resized(group, &what, before, desired);
        } else {
            self.reconcile_soon(group);
        }
    }

    /// Notes why a group's desired capacity changed, in AWS's words, and lets the group act on it.
    fn resized(&mut self, group: &str, what: &str, before: u32, desired: u32) {
        let at = self.now();
        if before != desired
            && let Some(record) = self.groups.get_mut(group)
        {
            record.resized = Some(format!(
                "At {at:.0} {what} changing the desired capacity from {before} to {desired}."
            ));
        }
        self.reconcile_soon(group);
    }

    /// Why an instance is launched.
    pub(super) fn cause_of_growing(&self, group: &str) -> String {
        let resized = self.groups.get(group).and_then(|record| record.resized.clone());
        let grows = format!(
            "At {:.0} an instance was started in response to a difference between desired and actual capacity, increasing \
             the capacity from 0 to 1.",
            self.now()
        );
        resized.map_or(grows.clone(), |resized| format!("{resized} {grows}"))
    }

    /// Why an instance goes that is one too many.
    pub(super) fn cause_of_shrinking(&self, group: &str) -> String {
        let resized = self.groups.get(group).and_then(|record| record.resized.clone());
        let shrinks = format!(
            "At {:.0} an instance was taken out of service in response to a difference between desired and actual capacity.",
            self.now()
        );
        resized.map_or(shrinks.clone(), |resized| format!("{resized} {shrinks}"))
    }
}

fn recurrence(action: &ScheduledAction) -> Option<(Recurrence, Zone)> {
    let recurrence = action.recurrence.as_deref()?.parse().ok()?;
    let zone = action.timezone.as_deref().map_or(Some(Zone::utc()), Zone::named)?;
    Some((recurrence, zone))
}
