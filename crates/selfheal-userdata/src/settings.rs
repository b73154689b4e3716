//! Reads the configuration back out of user data.

use std::collections::BTreeMap;

use crate::CONFIG_PATH;

/// What the boot program of a rendered script is configured with: each name with its value, as bash would read them. A
/// list, such as the tools, is left out.
pub type Settings = BTreeMap<String, Vec<u8>>;

/// Reads the configuration out of a script that [`render`](crate::render) made, in clear as [`decode`](crate::decode) gives
/// it. Gives `None` for anything else: it never guesses.
///
/// ```
/// use selfheal_userdata::settings;
///
/// let script = b"\nput 0600 /etc/selfheal/config 'volume_id=vol-1\nmount_path=/srv\n'\n";
/// assert_eq!(settings(script).unwrap()["volume_id"], b"vol-1");
/// assert_eq!(settings(b"#!/bin/sh\nvolume_id=vol-1\n"), None);
/// ```
#[must_use]
pub fn settings(script: &[u8]) -> Option<Settings> {
    let head = format!("\nput 0600 {CONFIG_PATH} ");
    let at = script
        .windows(head.len())
        .position(|window| window == head.as_bytes())?
        + head.len();
    let text = Shell(script.get(at..)?).word()?;
    let mut shell = Shell(&text);
    let mut settings = Settings::new();
    while !shell.0.is_empty() {
        let name = shell.name()?;
        if shell.takes(b'(') {
            shell.list()?;
        } else {
            settings.insert(name, shell.word()?);
        }
        if !shell.takes(b'\n') {
            return None;
        }
    }
    Some(settings)
}

/// The rest of a text that [`quote`](crate::quote) and its callers made.
struct Shell<'a>(&'a [u8]);

impl Shell<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is = self.0.first() == Some(&byte);
        if is {
            self.0 = &self.0[1..];
        }
        is
    }

    /// The name of an assignment, up to its `=`.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            match self.next()? {
                b'=' if !name.is_empty() => return Some(name),
                byte if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' => name.push(byte.into()),
                _ => return None,
            }
        }
    }

    /// The words of a list, up to its end.
    fn list(&mut self) -> Option<()> {
        while !self.takes(b')') {
            self.word()?;
            self.takes(b' ');
        }
        Some(())
    }

    /// One word: the inverse of [`quote`](crate::quote).
    fn word(&mut self) -> Option<Vec<u8>> {
        let mut word = Vec::new();
        while let Some(&byte) = self.0.first() {
            if matches!(byte, b' ' | b'\n' | b')') {
                break;
            }
            match self.next()? {
                b'\'' => loop {
                    match self.next()? {
                        b'\'' => break,
                        byte => word.push(byte),
                    }
                },
                b'\\' => word.push(self.next()?),
                b'$' => self.ansi_c(&mut word)?,
                b'"' | b'`' => return None,
                byte => word.push(byte),
            }
        }
        Some(word)
    }

    /// `$'…'`, in the escapes that [`quote`](crate::quote) writes.
    fn ansi_c(&mut self, word: &mut Vec<u8>) -> Option<()> {
        if !self.takes(b'\'') {
            return None;
        }
        loop {
            match self.next()? {
                b'\'' => return Some(()),
                b'\\' => match self.next()? {
                    byte @ (b'\'' | b'\\') => word.push(byte),
                    first => {
                        let digits = [first, self.next()?, self.next()?];
                        let digits = std::str::from_utf8(&digits).ok()?;
                        word.push(u8::from_str_radix(digits, 8).ok()?);
                    }
                },
                byte => word.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shell;
    use crate::quote;

    #[test]
    fn a_word_that_was_quoted_is_read_back() {
        for text in [
            &b"plain-1.2"[..],
            b"",
            b"it's",
            b"a b\nc\td",
            b"$x `y` \"z\" \\",
            b"\x01\xff'\\9",
            "käse".as_bytes(),
        ] {
            let word = quote(text).unwrap() + "\nrest";
            let mut shell = Shell(word.as_bytes());
            assert_eq!(shell.word().as_deref(), Some(text), "{word}");
            assert_eq!(shell.0, b"\nrest");
        }
    }

    #[test]
    fn what_was_not_quoted_by_us_is_not_guessed() {
        for text in ["'open", "$'open", "$'\\x41'", "\"double\"", "`run`", "$HOME"] {
            assert_eq!(Shell(text.as_bytes()).word(), None, "{text}");
        }
    }
}
