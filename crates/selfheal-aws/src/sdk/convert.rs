//! Small conversions that every service needs.

use aws_sdk_ec2::primitives::DateTime;
use jiff::Timestamp;

use crate::error::{CallError, CallErrorKind};

/// A number of ours as the SDK takes it; what does not fit becomes the largest that does, which AWS then refuses.
pub(super) fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A number of the SDK's as ours; AWS has no negative sizes, and one would be read as zero.
pub(super) fn uint(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// The time of an answer, when it is there and within jiff's range.
pub(super) fn time(value: Option<&DateTime>) -> Option<Timestamp> {
    let value = value?;
    Timestamp::new(value.secs(), i32::try_from(value.subsec_nanos()).ok()?).ok()
}

/// A time of ours as the SDK takes it, in whole seconds.
pub(super) fn date_time(value: Timestamp) -> DateTime {
    DateTime::from_secs(value.as_second())
}

/// An owned copy of a text that is there and not empty; moto writes an empty element where AWS leaves it out.
pub(super) fn text(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

/// A field that an answer always has.
///
/// An answer without it cannot be told from one that was cut short, so the effect of the call counts as unknown.
pub(super) fn field<T>(value: Option<T>, action: &'static str, name: &str) -> Result<T, CallError> {
    value.ok_or_else(|| CallError::new(CallErrorKind::Ambiguous, action, format!("the answer has no {name}")))
}

/// Undoes percent-encoding as of RFC 3986, in which IAM returns policy documents. Anything malformed stays as it is.
pub(super) fn percent_decoded(encoded: &str) -> String {
    let bytes = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| encoded.get(at + 1..at + 3)).flatten();
        match escaped
            .filter(|digits| !digits.starts_with('+'))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| encoded.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone() {
        let check = |encoded: &str, decoded: &str| assert_eq!(percent_decoded(encoded), decoded, "{encoded}");
        check("%7B%22Version%22%3A%222012-10-17%22%7D", r#"{"Version":"2012-10-17"}"#);
        check("%c3%a9", "é");
        check(r#"{"a":"50+1 %"}"#, r#"{"a":"50+1 %"}"#);
        check("%", "%");
        check("%4", "%4");
        check("%zz%+1", "%zz%+1");
        check("%é", "%é");
        check("%ff", "%ff");
    }

    #[test]
    fn numbers_saturate() {
        assert_eq!(int(u32::MAX), i32::MAX);
        assert_eq!(int(8), 8);
        assert_eq!(uint(-1), 0);
        assert_eq!(uint(300), 300);
    }

    #[test]
    fn times_are_exact_or_absent() {
        let half = DateTime::from_secs_and_nanos(1_700_000_000, 500_000_000);
        assert_eq!(time(Some(&half)).unwrap().to_string(), "2023-11-14T22:13:20.5Z");
        assert_eq!(time(Some(&DateTime::from_secs(i64::MAX))), None);
        assert_eq!(time(None), None);
        let whole = Timestamp::new(1_700_000_000, 0).unwrap();
        assert_eq!(time(Some(&date_time(whole))), Some(whole));
    }
}
