//! Values that several sections have.

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
