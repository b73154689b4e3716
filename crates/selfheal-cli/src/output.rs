//! What goes to standard output: people's text, coloured on terminals alone, or JSON.

use std::io::{IsTerminal, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::ColourChoice;
use crate::error::CliError;

/// The version of the form of what `--json` prints. It grows when a field is renamed, removed or comes to mean something
/// else; fields are added without.
pub const JSON_VERSION: u32 = 1;

/// A report with the version of its form.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Versioned<T> {
    /// Version of the form of this document: 1.
    version: u32,
    /// The report, whose fields stand beside the version.
    #[serde(flatten)]
    report: T,
}

impl<T> Versioned<T> {
    /// The report in the form of this version.
    pub const fn of(report: T) -> Self {
        Self {
            version: JSON_VERSION,
            report,
        }
    }
}

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    colour: bool,
}

/// Tells whether a stream is to be coloured.
pub fn colours(choice: ColourChoice, stream: &impl IsTerminal) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !plain && stream.is_terminal()
        }
    }
}

impl Output {
    /// Decides about colour once.
    #[must_use]
    pub fn new(choice: ColourChoice) -> Self {
        Self {
            colour: colours(choice, &std::io::stdout()),
        }
    }

    /// Tells whether people's text is coloured.
    #[must_use]
    pub const fn is_coloured(self) -> bool {
        self.colour
    }

    /// Writes people's text.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the reader has gone.
    pub fn text(self, text: &str) -> Result<(), CliError> {
        self.bytes(if self.colour { paint(text) } else { text.to_owned() }.as_bytes())
    }

    /// Writes a report as indented JSON, with the version of its form and a final newline.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the reader has gone.
    pub fn report(self, report: &impl Serialize) -> Result<(), CliError> {
        self.json(&Versioned::of(report))
    }

    /// Writes a report as one line of JSON, with the version of its form.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the reader has gone.
    pub fn line(self, report: &impl Serialize) -> Result<(), CliError> {
        let report = Versioned::of(report);
        let mut text = serde_json::to_string(&report).map_err(|error| CliError::Failed(error.to_string()))?;
        text.push('\n');
        self.bytes(text.as_bytes())
    }

    /// Writes a document of somebody else's form, such as a policy, as indented JSON with a final newline.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the reader has gone.
    pub fn json(self, document: &impl Serialize) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(document).map_err(|error| CliError::Failed(error.to_string()))?;
        text.push('\n');
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the reader has gone.
    pub fn bytes(self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(CliError::Output)
    }
}

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// Colours a text by the signs at the beginning of its lines, which say the same without colour.
fn paint(text: &str) -> String {
    let mut painted = String::with_capacity(text.len() + 256);
    for line in text.split_inclusive('\n') {
        let colour = match line.get(..2) {
            Some("+ ") => GREEN,
            Some("~ ") => YELLOW,
            Some("- " | "! ") => RED,
            Some("* ") => DIM,
            _ if line.starts_with("Stack ") || line.starts_with("# ") => BOLD,
            _ => "",
        };
        if colour.is_empty() {
            painted.push_str(line);
        } else {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
            painted.extend([colour, body, RESET, end]);
        }
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::paint;

    #[test]
    fn colour_adds_nothing_but_colour() {
        let text = "Stack web\n\n+ Elastic IP\n    x  1 -> 2\n~ group\n- volume\n! no\n* note\nend";
        let painted = paint(text);
        assert!(painted.contains("\x1b[32m+ Elastic IP\x1b[0m\n"));
        let mut plain = painted;
        for colour in [
            super::GREEN,
            super::YELLOW,
            super::RED,
            super::BOLD,
            super::DIM,
            super::RESET,
        ] {
            plain = plain.replace(colour, "");
        }
        assert_eq!(plain, text);
    }
}
