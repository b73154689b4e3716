//! What somebody who looks on is shown, on standard output: on a terminal a view that is redrawn in place, below the changes
//! so far; elsewhere a line for each change, or an event.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use selfheal_aws::{Event, Progress};

use crate::error::CliError;
use crate::events::Events;
use crate::output::Output;

/// Shows how a stack goes on.
#[derive(Debug)]
pub struct Live<'a> {
    output: Output,
    /// Who is told in place of a person.
    events: Option<&'a Events>,
    /// `None` where standard output is no terminal.
    view: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The first line that could not be written: nobody reads any more.
    broken: Option<CliError>,
    /// Whether the last reading failed, and somebody was told.
    is_trying: bool,
}

impl<'a> Live<'a> {
    /// Begins.
    #[must_use]
    pub fn new(output: Output, events: Option<&'a Events>) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let redrawn = events.is_none() && !is_dumb && std::io::stdout().is_terminal();
        let view = redrawn.then(|| {
            let view = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) = ProgressStyle::with_template("{msg}\n  looked on for {elapsed}; Ctrl-C ends it") {
                view.set_style(style);
            }
            view.set_message("looking on");
            view
        });
        Self {
            output,
            events,
            view,
            state: Mutex::default(),
        }
    }

    /// Whether a person at a terminal looks on.
    #[must_use]
    pub const fn is_redrawn(&self) -> bool {
        self.view.is_some()
    }

    /// Whether everything so far could be written.
    #[must_use]
    pub fn is_read(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.broken.is_none() && self.events.is_none_or(Events::is_read)
    }

    /// Ends, and leaves the last view where it is.
    ///
    /// # Errors
    /// [`CliError::Output`] where a line could not be written.
    pub fn finish(&self) -> Result<(), CliError> {
        if let Some(view) = &self.view {
            view.abandon();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.broken.take().map_or(Ok(()), Err)
    }

    fn line(&self, state: &mut State, at: Timestamp, text: &str) {
        let line = format!("{}  {text}", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
        match &self.view {
            Some(view) => view.println(line),
            None if state.broken.is_none() => {
                let parts: Vec<&str> = line.lines().map(str::trim_start).collect();
                state.broken = self.output.text(&format!("{}\n", parts.join(" | "))).err();
            }
            None => {}
        }
    }
}

impl Progress for Live<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Some(events) = self.events {
            events.event(event);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Retrying { error, .. } => {
                tracing::info!(%error, "again");
                if !state.is_trying {
                    let said = format!("waiting for AWS: {error}");
                    match &self.view {
                        Some(view) => view.println(said),
                        None => eprintln!("{said}"),
                    }
                }
                state.is_trying = true;
            }
            _ if self.events.is_some() => {}
            Event::Reached { reached, .. } => {
                let text = format!("{} {}", reached.instance, reached.phase.happened());
                self.line(&mut state, reached.at, &text);
            }
            Event::Lost { lost } => {
                let text = format!("{} {}", lost.instance, lost.phase.undone());
                self.line(&mut state, lost.at, &text);
            }
            Event::Stands { stands } => self.line(&mut state, stands.at, &stands.standing.to_string()),
            Event::Looked { glance } => {
                state.is_trying = false;
                if let Some(view) = &self.view {
                    view.set_message(glance.to_string());
                }
            }
            other => tracing::debug!(?other),
        }
    }
}
