//! For how long a stack is to sleep, as people write it.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The shortest sleep: an instance takes minutes to go and to come back.
const SHORTEST: Duration = Duration::from_secs(300);
/// The longest sleep that ends by itself.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads for how long the stack is to sleep, such as `3d`, `12h` or `1d 6h`; a day is 24 hours.
///
/// # Errors
/// The text is no duration, or outside the bounds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration from 5m to 366d, such as 3d, 12h or 1d6h".to_owned();
    let span: Span = text.parse().map_err(|_| expected())?;
    let whole: SignedDuration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| expected())?;
    let duration = Duration::try_from(whole).map_err(|_| expected())?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(expected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_lasts_from_minutes_to_a_year() {
        let seconds = |text: &str| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("3d"), Ok(3 * 86_400));
        assert_eq!(seconds("12h"), Ok(43_200));
        assert_eq!(seconds("1d 6h"), Ok(30 * 3_600));
        assert_eq!(seconds("5m"), Ok(300));
        for text in ["4m", "367d", "-3d", "3", "", "soon", "1 month"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
