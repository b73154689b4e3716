//! The section `[schedule]`: when the stack sleeps.

use jiff::{SignedDuration, Timestamp};
use toml_edit::{Table, value};

use super::problem::SpecProblemKind;
use super::reader::{Fault, Located, Reader, Section};
use super::recurrence::{Occurrence, Recurrence, Zone};
use super::syntax;
use super::words::nearest;

/// Its keys.
pub(super) const KEYS: &[&str] = &["stop", "start", "timezone"];

/// Turns that are looked at for a year: one an hour each way.
const TURNS_MAX: usize = 2 * 364 * 24;

/// When the stack sleeps: its group has no instance between `stop` and `start`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// When it falls asleep.
    pub stop: Recurrence,
    /// When it wakes.
    pub start: Recurrence,
    /// The IANA time zone of both, such as `Europe/Paris`.
    pub timezone: String,
}

/// One of the two things that a schedule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// The stack wakes.
    Start,
    /// The stack falls asleep.
    Stop,
}

impl Turn {
    /// The key of the spec: `start` or `stop`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }

    /// The group's desired capacity from then on.
    #[must_use]
    pub const fn desired(self) -> u32 {
        match self {
            Self::Start => 1,
            Self::Stop => 0,
        }
    }
}

impl ScheduleSpec {
    /// The time zone; UTC where the name is none, which a spec that was read does not hold.
    #[must_use]
    pub fn zone(&self) -> Zone {
        Zone::named(&self.timezone).unwrap_or_else(Zone::utc)
    }

    /// When a turn recurs.
    #[must_use]
    pub const fn recurrence(&self, turn: Turn) -> &Recurrence {
        match turn {
            Turn::Start => &self.start,
            Turn::Stop => &self.stop,
        }
    }

    /// The next turns after this instant, the earliest first.
    #[must_use]
    pub fn next(&self, after: Timestamp, count: usize) -> Vec<(Turn, Occurrence)> {
        let zone = self.zone();
        let turns = [Turn::Start, Turn::Stop];
        let each = turns.map(|turn| (turn, self.recurrence(turn).next(&zone, after, count)));
        let mut all: Vec<_> = (each.into_iter())
            .flat_map(|(turn, times)| times.into_iter().map(move |time| (turn, time)))
            .collect();
        all.sort_by_key(|(_, time)| time.at);
        all.truncate(count);
        all
    }

    /// The last turn at or before this instant: whether the stack is to serve then. `None` where there was none.
    #[must_use]
    pub fn last(&self, until: Timestamp) -> Option<Turn> {
        let zone = self.zone();
        let last = |turn: Turn| Some((self.recurrence(turn).last(&zone, until)?.at, turn));
        let both = [last(Turn::Start), last(Turn::Stop)];
        both.into_iter()
            .flatten()
            .max_by_key(|(at, _)| *at)
            .map(|(_, turn)| turn)
    }

    /// Which share of the time the stack is awake: 0 to 1, over the 52 weeks from an instant on.
    #[must_use]
    pub fn awake_share(&self, from: Timestamp) -> f64 {
        let whole = SignedDuration::from_hours(364 * 24);
        let end = from.checked_add(whole).unwrap_or(from);
        let turns = self.next(from, TURNS_MAX);
        let mut awake = match (self.last(from), turns.first()) {
            (Some(last), _) => last == Turn::Start,
            // Until its first turn it is what that ends.
            (None, Some((first, _))) => *first == Turn::Stop,
            (None, None) => true,
        };
        let (mut since, mut sum) = (from, 0.0);
        for (turn, time) in turns.into_iter().filter(|(_, time)| time.at < end) {
            if awake {
                sum += time.at.duration_since(since).as_secs_f64();
            }
            (since, awake) = (time.at, turn == Turn::Start);
        }
        if awake {
            sum += end.duration_since(since).as_secs_f64();
        }
        sum / whole.as_secs_f64()
    }

    /// The turns within a year that a change of clocks skips or repeats, the earliest first.
    #[must_use]
    pub fn unsteady(&self, from: Timestamp) -> Vec<(Turn, Occurrence)> {
        let zone = self.zone();
        let of = |turn: Turn| {
            self.recurrence(turn)
                .unsteady(&zone, from)
                .into_iter()
                .map(move |it| (turn, it))
        };
        let mut all: Vec<_> = of(Turn::Start).chain(of(Turn::Stop)).collect();
        all.sort_by_key(|(_, time)| time.at);
        all
    }
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<ScheduleSpec> {
    let stop = recurrence(
        reader,
        section,
        "stop",
        "when the stack falls asleep, such as \"0 20 * * 1-5\"",
    );
    let start = recurrence(
        reader,
        section,
        "start",
        "when the stack wakes, such as \"0 8 * * 1-5\"",
    );
    let timezone = section.required(reader, "timezone", "an IANA time zone such as \"Europe/Paris\"");
    let timezone = reader.check(timezone, |name| zone(name));
    let (stop, start) = (stop?, start?);
    if stop.value.meets(&start.value) {
        let found = if stop.value == start.value {
            "is the same time as `schedule.stop`"
        } else {
            "meets `schedule.stop`: both name the same minute on some day"
        };
        let expected = "another time: Auto Scaling takes no two actions of one time, and the stack would do either";
        reader.fault(&start, Fault::conflict(found, expected));
        return None;
    }
    Some(ScheduleSpec {
        stop: stop.value,
        start: start.value,
        timezone: timezone?.value,
    })
}

fn recurrence(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    expected: &str,
) -> Option<Located<Recurrence>> {
    let text = section.required(reader, key, expected);
    reader.check(text, |text| {
        text.parse::<Recurrence>().map_err(|error| {
            Fault::new(
                SpecProblemKind::Malformed,
                format!("`{text}` {}", error.found),
                error.expected,
            )
        })
    })
}

fn zone(name: &str) -> Result<String, Fault> {
    if Zone::named(name).is_some() {
        return Ok(name.to_owned());
    }
    let names = Zone::names();
    let spelled = names.iter().find(|known| known.eq_ignore_ascii_case(name));
    let near = spelled
        .map(String::as_str)
        .or_else(|| nearest(name, names.iter().map(String::as_str)));
    Err(Fault::malformed(
        syntax::is(name),
        "a zone of the IANA time zone database such as \"Europe/Paris\"",
    )
    .near(near))
}

/// The section as a table.
pub(super) fn table(spec: &ScheduleSpec) -> Table {
    let mut table = Table::new();
    table["stop"] = value(spec.stop.as_str());
    table["start"] = value(spec.start.as_str());
    table["timezone"] = value(&spec.timezone);
    table
}
