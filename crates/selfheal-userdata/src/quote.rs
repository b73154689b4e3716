//! The one function that turns a string into shell source.

use crate::error::RenderError;

/// Renders bytes as one bash word that expands to exactly these bytes.
///
/// Plain words stay as they are, text goes into single quotes, and everything else (control characters, bytes that are
/// not UTF-8) into `$'…'` with octal escapes, so the source is always valid UTF-8 without control characters but tab
/// and newline.
///
/// # Errors
/// [`RenderError::Nul`] if there is a NUL byte: no shell word can hold one.
pub fn quote(bytes: impl AsRef<[u8]>) -> Result<String, RenderError> {
    let bytes = bytes.as_ref();
    if bytes.contains(&0) {
        return Err(RenderError::Nul);
    }
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.bytes().all(is_plain) => text.to_owned(),
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => ansi_c(bytes),
    })
}

/// Tells whether a byte means only itself to the shell, at any place in a word. `~` and `=` are left out: they mean
/// something at the start of a word.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',')
}

fn ansi_c(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => {
                word.push('\\');
                word.push(char::from(byte));
            }
            b'\n' => word.push('\n'),
            b' '..=b'~' => word.push(char::from(byte)),
            // Always three digits, so that a digit that follows cannot join them.
            _ => word.push_str(&format!("\\{byte:03o}")),
        }
    }
    word.push('\'');
    word
}
