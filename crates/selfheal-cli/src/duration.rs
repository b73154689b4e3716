//! Durations as people write them.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The shortest sleep: an instance takes minutes to go and to come back.
const SHORTEST: Duration = Duration::from_secs(300);
/// The longest sleep that ends by itself.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// The longest that Run Command lets a command run.
const COMMAND_LONGEST: Duration = Duration::from_secs(172_800);
/// The longest retention of logs.
const OLDEST: Duration = Duration::from_secs(3_653 * 86_400);

/// Reads for how long the stack is to sleep, such as `3d`, `12h` or `1d 6h`; a day is 24 hours.
///
/// # Errors
/// The text is no duration, or outside the bounds.
pub fn duration(text: &str) -> Result<Duration, String> {
    within(text, SHORTEST..=LONGEST)
        .ok_or_else(|| "expected a duration from 5m to 366d, such as 3d, 12h or 1d6h".to_owned())
}

/// Reads how far back logs go, such as `30m`, `1h` or `2d`.
///
/// # Errors
/// The text is no duration, or outside the bounds.
pub fn ago(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration from 1s to 3653d, such as 30m, 1h or 2d".to_owned();
    within(text, Duration::from_secs(1)..=OLDEST).ok_or_else(expected)
}

/// Reads for how long a command may run, such as `90s` or `2h`.
///
/// # Errors
/// The text is no duration, or outside the bounds.
pub fn command_time(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration from 1s to 48h, such as 90s or 2h".to_owned();
    within(text, Duration::from_secs(1)..=COMMAND_LONGEST).ok_or_else(expected)
}

/// Reads a duration in which a day is 24 hours.
fn within(text: &str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let whole: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(whole)
        .ok()
        .filter(|duration| bounds.contains(duration))
}

/// Says how long so many seconds are, in the largest unit of which there are at least two, or one that fits exactly.
pub fn age(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let fits = |(unit, _): &&(u64, &str)| seconds >= 2 * unit || seconds == *unit;
    match units.iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_one_unit() {
        let said = [0, 60, 90, 119, 120, 900, 3_600, 5_000, 86_400, 100_000, 200_000].map(age);
        let expected = ["0s", "1m", "90s", "119s", "2m", "15m", "1h", "83m", "1d", "27h", "2d"];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_sleep_lasts_from_minutes_to_a_year() {
        let seconds = |text: &str| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("3d"), Ok(3 * 86_400));
        assert_eq!(seconds("12h"), Ok(43_200));
        assert_eq!(seconds("1d 6h"), Ok(30 * 3_600));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(ago("90s").map(|duration| duration.as_secs()), Ok(90));
        assert!(ago("0s").is_err() && ago("-1h").is_err() && ago("1").is_err());
        assert_eq!(command_time("90s"), Ok(Duration::from_secs(90)));
        assert!(["0s", "49h", "x"].iter().all(|text| command_time(text).is_err()));
        for text in ["4m", "367d", "-3d", "3", "", "soon", "1 month"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
