//! How a run goes, on standard error: a spinner on a terminal, a line for each event elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use selfheal_aws::{Event, Progress};
use selfheal_core::plan::{StepKey, WorldWait};

/// Tells a person how a run goes, and remembers what was done.
#[derive(Debug)]
pub struct Reporter {
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

/// How far a run came.
#[derive(Debug)]
pub struct Report {
    /// What was done, for people.
    pub done: Vec<String>,
    /// Steps that began and did not end: whether they took effect is unknown.
    pub under_way: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<StepKey>,
    waiting: Vec<WorldWait>,
    done: Vec<String>,
}

impl Reporter {
    /// Begins, with what the spinner says until the first event.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
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
            state: Mutex::default(),
        }
    }

    /// Ends, and takes the spinner away.
    pub fn finish(&self) -> Report {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let under_way = state.running.iter().map(|key| key.subject().to_owned()).collect();
        Report {
            done: state.done,
            under_way,
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
        let steps = state.running.iter().map(|key| key.subject().to_owned());
        let waits = state.waiting.iter().map(|wait| format!("waiting {}", describe(wait)));
        let texts: Vec<String> = steps.chain(waits).collect();
        if !texts.is_empty() {
            bar.set_message(texts.join(", "));
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Progress for Reporter {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { key } => {
                tracing::info!(step = key.subject(), "begins");
                state.running.push(*key);
            }
            Event::Finished { key, detail } => {
                tracing::info!(step = key.subject(), detail, "done");
                state.running.retain(|running| running != key);
                let what = if detail.is_empty() {
                    key.subject().to_owned()
                } else {
                    format!("{} {detail}", key.subject())
                };
                self.line(&format!("  done: {what}"));
                state.done.push(what);
            }
            Event::Retrying { error, pause } => {
                tracing::info!(%error, ?pause, "again");
            }
            Event::Waiting { wait } => {
                if self.bar.is_none() {
                    self.line(&format!("  waiting {}", describe(wait)));
                }
                state.waiting.push((*wait).clone());
            }
            Event::Arrived { wait } => state.waiting.retain(|waiting| waiting != *wait),
            other => tracing::debug!(?other),
        }
        self.show(&state);
    }
}

/// What is waited for, after the word "waiting".
fn describe(wait: &WorldWait) -> String {
    match wait {
        WorldWait::VolumeSeen { id } => format!("for the volume {id} to show"),
        WorldWait::GroupGone { name } => format!("for the group {name} to be gone"),
        WorldWait::InstancesGone { ids } => format!("for {} to terminate", ids.join(", ")),
        WorldWait::SnapshotCompleted { id } => format!("for the snapshot {id} to be complete"),
        other => format!("for {other:?}"),
    }
}
