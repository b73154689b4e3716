//! When something recurs: a cron expression in the form that Auto Scaling takes, and what it means in a time zone.
//!
//! Nothing here reads a clock: whoever asks for the next time says from which instant on. The time zones are those that
//! jiff brings along, so that every machine answers the same.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

/// A cron expression of five fields, in the form that is safe to hand to Auto Scaling.
///
/// Fields hold digits, `*`, `,`, `-` and `/` alone. Auto Scaling documents no names of days or months, no seconds and no
/// nicknames, and does not say what it makes of a day of the month beside a day of the week.
#[derive(Clone, Debug)]
pub struct Recurrence {
    text: String,
    cron: Cron,
}

/// Why a text is no [`Recurrence`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found}, expected {expected}")]
pub struct InvalidRecurrence {
    /// What is wrong: a clause.
    pub found: String,
    /// What would be right.
    pub expected: String,
}

/// The fields of a cron expression, in order.
const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];

/// What a recurrence looks like.
const EXPECTED: &str = "five fields (minute, hour, day of the month, month, day of the week) such as \"0 20 * * 1-5\"";

impl FromStr for Recurrence {
    type Err = InvalidRecurrence;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |found: String, expected: &str| {
            Err(InvalidRecurrence {
                found,
                expected: expected.to_owned(),
            })
        };
        if text.trim_start().starts_with('@') {
            return invalid(
                "is a nickname, which Auto Scaling does not document".to_owned(),
                EXPECTED,
            );
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        if fields.len() != FIELDS.len() {
            let seconds = if fields.len() == 6 {
                ": there is none for seconds"
            } else {
                ""
            };
            return invalid(format!("has {} fields{seconds}", fields.len()), EXPECTED);
        }
        for (name, field) in FIELDS.into_iter().zip(&fields) {
            if field.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                let expected = "digits, which Auto Scaling documents: 0 is Sunday, and 1-5 are Monday to Friday";
                return invalid(format!("has a name for the {name}"), expected);
            }
            if !field
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"*,-/".contains(&byte))
            {
                return invalid(
                    format!("has something else than a time for the {name}"),
                    "digits, `*`, `,`, `-` and `/`",
                );
            }
        }
        if fields[4].contains('7') {
            return invalid("has 7 for the day of the week".to_owned(), "0 for Sunday");
        }
        if fields[2] != "*" && fields[4] != "*" {
            let found = "names a day of the month and a day of the week, of which Auto Scaling does not say how they go together";
            return invalid(found.to_owned(), "`*` for one of the two");
        }
        let text = fields.join(" ");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        match parser.parse(&text) {
            Ok(cron) => {
                let recurrence = Self { text, cron };
                match recurrence.next_civil(DateTime::constant(2024, 1, 1, 0, 0, 0, 0)) {
                    Some(_) => Ok(recurrence),
                    None => invalid("is a day that no year has".to_owned(), EXPECTED),
                }
            }
            Err(error) => invalid(format!("is no time: {error}"), EXPECTED),
        }
    }
}

impl PartialEq for Recurrence {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recurrence {}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Recurrence {
    /// The expression with single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether both ever name the same minute of the same day, in one zone.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let common = |a: Vec<u16>, b: Vec<u16>| a.iter().any(|value| b.contains(value));
        let (one, two) = (&self.cron.pattern, &other.cron.pattern);
        // A day of the month falls on every day of the week sooner or later.
        let days = one.is_dom_wildcard() != two.is_dom_wildcard()
            || (common(one.days.values(), two.days.values())
                && common(one.days_of_week.values(), two.days_of_week.values()));
        days && common(one.minutes.values(), two.minutes.values())
            && common(one.hours.values(), two.hours.values())
            && common(one.months.values(), two.months.values())
    }

    /// The next times after this instant, the earliest first.
    #[must_use]
    pub fn next(&self, zone: &Zone, after: Timestamp, count: usize) -> Vec<Occurrence> {
        // What the clock shows goes back where it is set back, and a time that it skips comes after later ones.
        let from = zone.0.to_datetime(after).checked_sub(CLOCK_CHANGE_MAX);
        let mut wall = from.unwrap_or(DateTime::MIN);
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            let Some(next) = self.next_civil(wall) else { break };
            wall = next;
            let Some(occurrence) = zone.occurrence(next) else { break };
            if occurrence.at > after {
                found.push(occurrence);
            }
        }
        found
    }

    /// The last time at or before this instant.
    #[must_use]
    pub fn last(&self, zone: &Zone, until: Timestamp) -> Option<Occurrence> {
        let mut wall = zone.0.to_datetime(until).checked_add(CLOCK_CHANGE_MAX).ok()?;
        loop {
            wall = self.cron.find_previous_occurrence(&wall, false).ok()?;
            let occurrence = zone.occurrence(wall)?;
            if occurrence.at <= until {
                return Some(occurrence);
            }
        }
    }

    /// The times within a year from this instant that a change of clocks skips or repeats.
    #[must_use]
    pub fn unsteady(&self, zone: &Zone, from: Timestamp) -> Vec<Occurrence> {
        let until = from.checked_add(A_YEAR).unwrap_or(Timestamp::MAX);
        let changes = zone.0.following(from).map(|change| change.timestamp());
        let mut found = Vec::new();
        for at in changes.take_while(|at| *at <= until) {
            // The hours around the change, in which alone a time can be skipped or repeated.
            let Ok(mut wall) = zone.0.to_datetime(at).checked_sub(CLOCK_CHANGE_MAX) else {
                continue;
            };
            let Ok(end) = zone.0.to_datetime(at).checked_add(CLOCK_CHANGE_MAX) else {
                continue;
            };
            while let Some(next) = self.next_civil(wall).filter(|next| *next <= end) {
                wall = next;
                found.extend(zone.occurrence(next).filter(|it| it.clock != ClockChange::None));
            }
        }
        found
    }

    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&after, false).ok()
    }
}

/// How far a clock is ever set forward or back, generously: half an hour to an hour is usual.
const CLOCK_CHANGE_MAX: SignedDuration = SignedDuration::from_hours(3);

/// A year and a day.
const A_YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A time at which something recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When. Of a time that the clock skips, as long after the change as it would have been; of one that it repeats, the
    /// first. What Auto Scaling does in those hours is not documented.
    pub at: Timestamp,
    /// What the clock on the wall shows.
    pub wall: DateTime,
    /// What a change of clocks does to it.
    pub clock: ClockChange,
}

/// What a change of clocks does to a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// Nothing.
    None,
    /// The clock never shows it on that day.
    Skipped,
    /// The clock shows it twice on that day.
    Repeated,
}

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this name, spelled as the database spells it; `None` where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let zone = zones().get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Self(zone))
    }

    /// Coordinated Universal Time.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The names that there are.
    pub(super) fn names() -> Vec<String> {
        zones().available().map(|name| name.as_str().to_owned()).collect()
    }

    /// What the clock on the wall shows at an instant, with its offset: `Mon 2026-03-30 08:00 +02:00`.
    #[must_use]
    pub fn show(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone())
            .strftime("%a %Y-%m-%d %H:%M %:z")
            .to_string()
    }

    fn occurrence(&self, wall: DateTime) -> Option<Occurrence> {
        let ambiguous = self.0.to_ambiguous_timestamp(wall);
        let clock = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ClockChange::None,
            AmbiguousOffset::Gap { .. } => ClockChange::Skipped,
            AmbiguousOffset::Fold { .. } => ClockChange::Repeated,
        };
        let at = ambiguous.compatible().ok()?;
        Some(Occurrence { at, wall, clock })
    }
}

fn zones() -> &'static TimeZoneDatabase {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled)
}
