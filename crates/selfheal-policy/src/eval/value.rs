//! Values of conditions: numbers, moments, bytes and addresses.

use std::cmp::Ordering;
use std::net::IpAddr;

/// A decimal number, compared exactly: the sign, the digits before the point and those after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    /// Reads an integer or a decimal number such as `-1.50`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let digits = if negative {
            digits
        } else {
            digits.strip_prefix('+').unwrap_or(digits)
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let good = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !good(whole) || !good(fraction) || (digits.contains('.') && fraction.is_empty()) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self {
            negative: negative && !zero,
            whole,
            fraction,
        })
    }

    fn magnitude(self, other: Self) -> Ordering {
        let by_length = self.whole.len().cmp(&other.whole.len());
        by_length
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(*other),
            (true, true) => other.magnitude(*self),
        })
    }
}

/// A moment in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    /// Reads ISO 8601 as the W3C profiles it, from the year alone to fractions of a second with a zone, or the seconds
    /// since 1970. Source: "Date condition operators". Fractions count to the millisecond.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text
            .split_once('T')
            .map_or((text, None), |(date, time)| (date, Some(time)));
        let parts: Vec<&str> = date.split('-').collect();
        // Four digits alone are a year; IAM's epoch times are longer.
        if let [seconds] = parts[..]
            && seconds.len() > 4
            && time.is_none()
        {
            return digits(seconds, 5..=12).map(|seconds| Self(seconds * 1_000));
        }
        let (year, month, day) = match parts[..] {
            [year] if time.is_none() => (digits(year, 4..=4)?, 1, 1),
            [year, month] if time.is_none() => (digits(year, 4..=4)?, digits(month, 2..=2)?, 1),
            [year, month, day] => (digits(year, 4..=4)?, digits(month, 2..=2)?, digits(day, 2..=2)?),
            _ => return None,
        };
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        let midnight = days_since_1970(year, month, day) * 86_400_000;
        Some(Self(midnight + time.map_or(Some(0), time_of_day)?))
    }
}

/// Reads digits alone, so many of them, as a number.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let good = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

/// Reads `hh:mm`, `hh:mm:ss` or `hh:mm:ss.sss` with `Z` or an offset, in milliseconds since midnight UTC.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (hours, minutes) = text[at + 1..].split_once(':')?;
            let minutes = digits(hours, 2..=2)? * 60 + digits(minutes, 2..=2)?;
            (
                &text[..at],
                if text[at..].starts_with('-') { -minutes } else { minutes },
            )
        }
    };
    let (clock, fraction) = clock
        .split_once('.')
        .map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let parts = clock
        .split(':')
        .map(|part| digits(part, 2..=2))
        .collect::<Option<Vec<_>>>()?;
    let (hour, minute, second) = match (&parts[..], fraction) {
        ([hour, minute], None) => (*hour, *minute, 0),
        ([hour, minute, second], _) => (*hour, *minute, *second),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let millis = match fraction {
        None => 0,
        Some(text) => {
            digits(text, 1..=9)?;
            let padded = format!("{text:0<3}");
            digits(&padded[..3], 3..=3)?
        }
    };
    Some(((hour * 60 + minute - offset) * 60 + second) * 1_000 + millis)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts days in the Gregorian calendar; March begins the year, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Decodes base64 with the standard alphabet; `None` if it is not that.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in body.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Tells whether an address is in a range such as `203.0.113.0/24` or `2001:db8::/32`; a range without length is one
/// address.
pub(crate) fn in_range(address: &str, range: &str) -> bool {
    let (network, length) = range
        .split_once('/')
        .map_or((range, None), |(network, length)| (network, Some(length)));
    let (Ok(address), Ok(network)) = (address.parse::<IpAddr>(), network.parse::<IpAddr>()) else {
        return false;
    };
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(u32::from(address)), u128::from(u32::from(network)), 32_u32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (u128::from(address), u128::from(network), 128),
        _ => return false,
    };
    let length = match length {
        None => width,
        Some(text) => match text.parse::<u32>() {
            Ok(length) if length <= width => length,
            _ => return false,
        },
    };
    // Shifting by the whole width overflows, and a length of nothing matches everything.
    (address ^ network).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        let less = |a: &str, b: &str| Number::parse(a) < Number::parse(b);
        assert!(less("9", "10") && less("-10", "-9") && less("-1", "1") && less("1.25", "1.3") && less("0.9", "1"));
        assert_eq!(Number::parse("007.50"), Number::parse("7.5"));
        assert_eq!(Number::parse("-0"), Number::parse("0"));
        for text in ["", "-", "1.", ".5", "1e3", "0x1", "1,5", "+-1"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_every_form() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2019-07-16T12:00:00Z", 1_563_278_400_000),
            ("2019-07-16T14:00:00+02:00", 1_563_278_400_000),
            ("2019-07-16T08:30-03:30", 1_563_278_400_000),
            ("2019-07-16T12:00:00.250Z", 1_563_278_400_250),
            ("2020", 1_577_836_800_000),
            ("2020-02", 1_580_515_200_000),
            ("2020-02-29", 1_582_934_400_000),
            ("1563278400", 1_563_278_400_000),
        ] {
            assert_eq!(Moment::parse(text), Some(Moment(millis)), "{text}");
        }
        for text in [
            "",
            "2019-02-29",
            "2019-13-01",
            "2019-07-16T25:00Z",
            "2019-07-16T12:00:00",
            "soon",
            "-5",
            "2019-07T12:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_strict() {
        assert_eq!(
            base64("QmluYXJ5VmFsdWVJbkJhc2U2NA=="),
            Some(b"BinaryValueInBase64".to_vec())
        );
        assert_eq!(base64(""), Some(Vec::new()));
        assert_eq!(base64("abc"), None);
        assert_eq!(base64("a==="), None);
        assert_eq!(base64("a!=="), None);
    }

    #[test]
    fn ranges_of_both_families() {
        for (address, range, expected) in [
            ("203.0.113.7", "203.0.113.0/24", true),
            ("203.0.114.7", "203.0.113.0/24", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("198.51.100.1", "0.0.0.0/0", true),
            ("2001:db8:1234:5678::1", "2001:db8:1234:5678::/64", true),
            ("2001:db9::1", "2001:db8::/32", false),
            ("::1", "::/0", true),
            ("203.0.113.7", "::/0", false),
            ("203.0.113.7", "203.0.113.0/33", false),
            ("nonsense", "0.0.0.0/0", false),
        ] {
            assert_eq!(in_range(address, range), expected, "{address} in {range}");
        }
    }
}
