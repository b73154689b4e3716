//! Asking a person.

use std::io::IsTerminal;

use crate::backend::Backend;
use crate::error::CliError;

/// What has to be answered before something is changed.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// Yes or no, with no as the default.
    YesNo(&'a str),
    /// The stack's name, typed in: for what cannot be undone.
    Name {
        /// What is about to happen.
        what: &'a str,
        /// The name.
        name: &'a str,
    },
}

/// Asks on the terminal; the question goes to standard error.
///
/// # Errors
/// Declined, no terminal to ask on, or interrupted.
pub fn confirm(backend: &Backend, question: Question<'_>) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::NotConfirmed(
            "run it on a terminal, or with --yes once you have read the plan",
        ));
    }
    let (text, accepted): (String, fn(&str, &str) -> bool) = match question {
        Question::YesNo(text) => (format!("{text} [y/N] "), |answer, _| {
            matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")
        }),
        Question::Name { what, name } => (
            format!("{what} Type the stack's name, {name}, to go on: "),
            |answer, name| answer == name,
        ),
    };
    eprint!("{text}");
    let name = if let Question::Name { name, .. } = question {
        name
    } else {
        ""
    };
    // An interrupt leaves the cursor behind the question.
    let answer = backend.read_line().inspect_err(|_| eprintln!())?;
    match answer {
        Some(answer) if accepted(answer.trim(), name) => Ok(()),
        _ => Err(CliError::Declined("declined")),
    }
}
