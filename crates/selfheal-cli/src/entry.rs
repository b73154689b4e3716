//! A shipped line of a journal, as the boot program wrote it: `PRIORITY UNIT IDENTIFIER[PID]: TEXT`.

use schemars::JsonSchema;
use serde::Serialize;

/// The priority of a line, as syslog names it; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// The system is unusable.
    Emerg,
    /// Something must be done at once.
    Alert,
    /// A critical condition.
    Crit,
    /// An error.
    Err,
    /// A warning.
    Warning,
    /// Normal, and worth a look.
    Notice,
    /// Normal.
    Info,
    /// For developers.
    Debug,
}

impl Priority {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Emerg, "emerg"),
        (Self::Alert, "alert"),
        (Self::Crit, "crit"),
        (Self::Err, "err"),
        (Self::Warning, "warning"),
        (Self::Notice, "notice"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
    ];
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its priority.
    pub priority: Priority,
    /// The unit that it comes from, or that systemd speaks of.
    pub unit: Option<&'a str>,
    /// What it is called that wrote it; of a followed file its path.
    pub identifier: Option<&'a str>,
    /// The process.
    pub pid: Option<u32>,
    /// The text, which may have several lines.
    pub text: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads an event's text. Gives `None` for what somebody else put into the log group.
    #[must_use]
    pub fn of(message: &'a str) -> Option<Self> {
        let (word, rest) = message.split_once(' ')?;
        let (priority, _) = Priority::ALL.into_iter().find(|(_, name)| *name == word)?;
        let (unit, rest) = rest.split_once(' ')?;
        let (who, text) = rest.split_once(": ")?;
        if who.is_empty() || who.contains(' ') {
            return None;
        }
        let numbered = who.strip_suffix(']').and_then(|who| who.rsplit_once('['));
        let numbered = numbered.and_then(|(who, pid)| Some((who, pid.parse().ok()?)));
        let (who, pid) = numbered.map_or((who, None), |(who, pid)| (who, Some(pid)));
        let known = |name: &'a str| (name != "-").then_some(name);
        Some(Self {
            priority,
            unit: known(unit),
            identifier: known(who),
            pid,
            text,
        })
    }

    /// Tells whether it comes from what somebody names: a unit, with or without `.service`, or an identifier.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        let unit = self.unit.unwrap_or_default();
        let is_unit = unit == name || unit.strip_suffix(".service") == Some(name);
        is_unit || self.identifier == Some(name)
    }

    /// Tells whether it comes from selfheal's own units, or is said of them.
    #[must_use]
    pub fn is_boot(&self) -> bool {
        self.unit
            .is_some_and(|unit| unit.starts_with("selfheal-") && !unit.starts_with("selfheal-log-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_boot_program_writes_is_read_back() {
        let entry = Entry::of("warning app.service the_app[12]: two: \nlines ").expect("a line");
        assert_eq!(
            entry,
            Entry {
                priority: Priority::Warning,
                unit: Some("app.service"),
                identifier: Some("the_app"),
                pid: Some(12),
                text: "two: \nlines ",
            }
        );
        assert!(entry.is_of("app") && entry.is_of("app.service") && entry.is_of("the_app"));
        assert!(!entry.is_of("the") && !entry.is_boot());
        let kernel = Entry::of("err - kernel: ").expect("a line");
        assert_eq!(
            (kernel.unit, kernel.identifier, kernel.pid),
            (None, Some("kernel"), None)
        );
        assert!(Entry::of("info selfheal-boot.service bash[1]: selfheal: boot is done").is_some_and(|it| it.is_boot()));
        assert!(!Entry::of("info selfheal-log-1.service /var/log/x[1]: selfheal is").is_some_and(|it| it.is_boot()));
        let nameless = Entry::of("info - -: x").expect("a line");
        assert_eq!((nameless.unit, nameless.identifier), (None, None));
    }

    #[test]
    fn what_somebody_else_wrote_is_none() {
        for foreign in [
            "",
            "hello",
            "fatal a b: c",
            "info a",
            "info a b",
            "info a b c: d",
            "info a : d",
            "{\"a\": 1}",
        ] {
            assert_eq!(Entry::of(foreign), None, "{foreign}");
        }
    }
}
