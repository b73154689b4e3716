//! Values that several sections have: read, and rendered.

use std::ops::RangeInclusive;

use toml_edit::{Array, Item, Value, value};

use super::reader::{Fault, Located, Reader, Section};
use super::syntax;
use super::words::{list, nearest};

/// Reads the key of a volume.
pub(super) fn kms_key(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<String> {
    let key = section.string(reader, "kms_key", "a key's ARN such as \"arn:aws:kms:…:key/…\"");
    reader.check(key, |key| syntax::kms_key(key)).map(|key| key.value)
}

/// Reads a string that must be one of a few words.
pub(super) fn one_of<T: Copy>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    values: &[(&'static str, T)],
) -> Option<Located<T>> {
    let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
    let expected = format!("one of {}", list(&words));
    let read = section.string(reader, key, &expected);
    reader.check(read, |word| {
        let found = values.iter().find(|(known, _)| known == word).map(|(_, value)| *value);
        found.ok_or_else(|| Fault::malformed(syntax::is(word), expected.clone()).near(nearest(word, words.clone())))
    })
}

/// Reads a duration within a range of seconds.
pub(super) fn duration(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    range: RangeInclusive<u32>,
) -> Option<Located<u32>> {
    let text = section.string(reader, key, "a duration with its unit, such as \"30s\" or \"5m\"");
    reader.check(text, |text| {
        let duration_s = syntax::duration_s(text)?;
        if range.contains(&duration_s) {
            return Ok(duration_s);
        }
        let expected = format!("a duration from {} to {} seconds", range.start(), range.end());
        Err(Fault::out_of_range(syntax::is(text), expected))
    })
}

/// The number if it is in the range, else the range.
pub(super) fn within(number: u32, range: RangeInclusive<u32>) -> Result<u32, RangeInclusive<u32>> {
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(range)
    }
}

/// The fault of a size outside its range.
pub(super) fn size_fault(found: &str, range: &RangeInclusive<u32>) -> Fault {
    Fault::out_of_range(syntax::is(found), format!("{}GiB to {}GiB", range.start(), range.end()))
}

/// A size as a value.
pub(super) fn size(gib: u32) -> Item {
    value(format!("{gib}GiB"))
}

/// Strings as a value.
pub(super) fn strings(items: impl Iterator<Item = String>) -> Item {
    value(Value::Array(items.collect::<Array>()))
}
