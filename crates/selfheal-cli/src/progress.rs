//! How a run goes, on standard error: a spinner on a terminal, a line for each event elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use selfheal_aws::{Event, Progress};
use selfheal_core::plan::{StepId, WaitFor};
use selfheal_core::watch::Phase;

use crate::done::{DoneStep, Report};
use crate::events::Events;

/// Tells a person how a run goes, and remembers what was done.
#[derive(Debug)]
pub struct Reporter<'a> {
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
    /// Whoever else is told.
    events: Option<&'a Events>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<StepId>,
    waiting: Vec<WaitFor>,
    /// What is missing of the stack that is to serve.
    next: Option<Phase>,
    done: Vec<DoneStep>,
    /// How long each call that keeps failing has been paused for, and after how long it is told of next.
    trying: BTreeMap<&'static str, (Duration, Duration)>,
}

/// After how long a call that is made again and again is told of; then each time that it has taken twice as long.
const TOLD_AFTER: Duration = Duration::from_secs(5);

impl<'a> Reporter<'a> {
    /// Begins, with what the spinner says until the first event.
    #[must_use]
    pub fn new(message: &'static str, events: Option<&'a Events>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_message(message);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            events,
            state: Mutex::default(),
        }
    }

    /// Ends, and takes the spinner away.
    pub fn finish(&self) -> Report {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let under_way = state.running.iter().map(ToString::to_string).collect();
        Report {
            done: state.done,
            under_way,
            left: Vec::new(),
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    fn show(&self, state: &State) {
        let Some(bar) = &self.bar else { return };
        let steps = state.running.iter().map(ToString::to_string);
        let waits = state.waiting.iter().map(|wait| format!("waiting for {wait}"));
        let next = state.next.map(|phase| format!("waiting for {}", phase.awaited()));
        let texts: Vec<String> = steps.chain(waits).chain(next).collect();
        if !texts.is_empty() {
            bar.set_message(texts.join(", "));
        }
    }
}

impl State {
    /// Counts a pause before a call is made again; answers how long that has been going on when it is time to say so.
    fn tried(&mut self, action: &'static str, pause: Duration) -> Option<Duration> {
        let (so_far, told_at) = self.trying.entry(action).or_insert((Duration::ZERO, TOLD_AFTER));
        *so_far += pause;
        if *so_far < *told_at {
            return None;
        }
        *told_at = *so_far * 2;
        Some(*so_far)
    }
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Progress for Reporter<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Some(events) = self.events {
            events.event(event);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { step } => {
                tracing::info!(%step, "begins");
                state.running.push((*step).clone());
            }
            Event::Finished { step, detail } => {
                tracing::info!(%step, detail, "done");
                state.running.retain(|running| running != *step);
                let step = DoneStep {
                    kind: step.kind,
                    detail: (*detail).to_owned(),
                };
                self.line(&format!("  done: {step}"));
                state.done.push(step);
            }
            Event::Retrying { error, pause } => {
                tracing::info!(%error, ?pause, "again");
                if let Some(tried) = state.tried(error.action, *pause) {
                    self.line(&format!("  waiting for AWS, {} s so far: {error}", tried.as_secs()));
                }
            }
            Event::Waiting { wait } => {
                if self.bar.is_none() {
                    self.line(&format!("  waiting for {wait}"));
                }
                state.waiting.push((*wait).clone());
            }
            Event::Reached { reached, next } => {
                let (id, what) = (&reached.instance, reached.phase.happened());
                self.line(&format!("  {:>4} s  {id} {what}", reached.after_ms / 1_000));
                state.next = *next;
            }
            Event::Moment { entry } => {
                let (id, what) = (&entry.instance, entry.what.happened());
                self.line(&format!("  {:>4} s  {id} {what}", entry.after_ms / 1_000));
            }
            Event::Failing { failing } => self.line(&format!("  {failing}\n  {}", failing.help())),
            Event::Arrived { wait } => state.waiting.retain(|waiting| waiting != *wait),
            other => tracing::debug!(?other),
        }
        self.show(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_keeps_failing_is_told_of_after_five_seconds_and_then_seldom() {
        let mut state = State::default();
        let told: Vec<u64> = (0..60)
            .filter_map(|_| state.tried("ec2:AttachVolume", Duration::from_secs(1)))
            .map(|tried| tried.as_secs())
            .collect();
        assert_eq!(told, [5, 10, 20, 40]);
        assert_eq!(
            state.tried("ec2:CreateVolume", Duration::from_secs(4)),
            None,
            "each call counts for itself"
        );
    }
}
