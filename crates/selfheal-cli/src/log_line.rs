//! A line of a log, as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::entry::Priority;

/// Where a line was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The log group of the stack.
    LogGroup,
    /// The console of an instance: there is no log group, or nothing is in it.
    Console,
}

/// A line of what `selfheal logs` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogLine {
    /// Where it was read.
    pub source: Source,
    /// When it was logged, in RFC 3339 and UTC; `null` of a console, which does not tell.
    pub at: Option<String>,
    /// AWS's id of it, the same in every reading; `null` of a console.
    pub id: Option<String>,
    /// The instance.
    pub instance: String,
    /// Its priority; `null` where it is not told.
    pub priority: Option<Priority>,
    /// The unit that it comes from, or that systemd speaks of; `null` where it is not told.
    pub unit: Option<String>,
    /// What it is called that wrote it; of a followed file its path.
    pub identifier: Option<String>,
    /// The process.
    pub pid: Option<u32>,
    /// The text, which may have several lines.
    pub text: String,
}

impl LogLine {
    /// A line of an instance's console.
    #[must_use]
    pub fn console(instance: &str, text: &str) -> Self {
        Self {
            source: Source::Console,
            at: None,
            id: None,
            instance: instance.to_owned(),
            priority: None,
            unit: None,
            identifier: None,
            pid: None,
            text: text.to_owned(),
        }
    }

    /// Returns the line for people, with its end. What would move a terminal's cursor or colour it is shown as `\x1b`: nobody
    /// knows who wrote the log.
    #[must_use]
    pub fn text(&self, coloured: bool) -> String {
        let mut text = String::new();
        if let Some(at) = &self.at {
            text.push_str(&format!("{at} {} ", self.instance));
        }
        match (&self.unit, &self.identifier) {
            // A service whose name says who writes.
            (Some(unit), Some(who)) if unit.strip_suffix(".service") == Some(who) => text.push_str(who),
            (Some(unit), Some(who)) => text.push_str(&format!("{unit} {who}")),
            (Some(name), None) | (None, Some(name)) => text.push_str(name),
            (None, None) => {}
        }
        if let Some(pid) = self.pid {
            text.push_str(&format!("[{pid}]"));
        }
        if self.unit.is_some() || self.identifier.is_some() {
            text.push_str(": ");
        }
        text.push_str(&self.text);
        let text = shown(&text);
        let colour = match self.priority {
            Some(Priority::Emerg | Priority::Alert | Priority::Crit | Priority::Err) => "\x1b[31m",
            Some(Priority::Warning) => "\x1b[33m",
            Some(Priority::Notice) => "\x1b[1m",
            Some(Priority::Debug) => "\x1b[2m",
            Some(Priority::Info) | None => "",
        };
        if coloured && !colour.is_empty() {
            format!("{colour}{text}\x1b[0m\n")
        } else {
            text + "\n"
        }
    }
}

/// A text with its control characters written out; the lines after the first are indented.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.trim_end_matches('\n').chars() {
        match c {
            '\n' => shown.push_str("\n    "),
            '\t' => shown.push(c),
            c if c.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            at: Some("2026-11-28T15:04:05Z".to_owned()),
            priority: Some(Priority::Err),
            unit: Some("app.service".to_owned()),
            identifier: Some("app".to_owned()),
            pid: Some(7),
            ..LogLine::console("i-1", text)
        }
    }

    #[test]
    fn people_see_who_said_it_and_no_colour_of_the_logs_own() {
        let plain = line("\x1b[31mone\u{9b}\ntwo\t3\n").text(false);
        assert_eq!(
            plain,
            "2026-11-28T15:04:05Z i-1 app[7]: \\x1b[31mone\\x9b\n    two\t3\n"
        );
        assert_eq!(
            line("x").text(true),
            "\x1b[31m2026-11-28T15:04:05Z i-1 app[7]: x\x1b[0m\n"
        );
        let other = LogLine {
            unit: None,
            pid: None,
            priority: Some(Priority::Info),
            ..line("x")
        };
        assert_eq!(other.text(true), "2026-11-28T15:04:05Z i-1 app: x\n");
        assert_eq!(LogLine::console("i-1", "a: b").text(true), "a: b\n");
    }
}
