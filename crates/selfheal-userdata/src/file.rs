//! Files of the user, which every boot puts in their place.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::RenderError;
use crate::quote::quote;
use crate::word::Words;

/// Where no file may be put: what is made anew at every start, what the kernel shows, and what is ours.
const TAKEN: [&str; 6] = [
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/etc/selfheal",
    "/usr/local/lib/selfheal",
];

/// A file that every boot puts in its place, before the setup script runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFile {
    /// Path: absolute, without `.`, `..`, empty components or control characters.
    pub path: String,
    /// Content, any bytes. It holds no secret, as no user data does.
    pub content: Vec<u8>,
    /// Owner as `chown` takes it: `user`, `user:group` or numbers. One that the setup script makes is taken after it.
    pub owner: String,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
}

impl BootFile {
    /// Checks everything but the content.
    ///
    /// # Errors
    /// What of the path, the owner or the mode cannot be.
    pub fn check(&self) -> Result<(), FileFault> {
        let fault = |field, expected, value: &str| {
            Err(FileFault {
                field,
                expected,
                value: value.to_owned(),
            })
        };
        let proper = |part: &str| !matches!(part, "" | "." | "..");
        let path = self.path.strip_prefix('/').unwrap_or_default();
        if !path.split('/').all(proper) || self.path.contains(char::is_control) {
            let expected = "must be an absolute path without empty parts, . or ..";
            return fault("files.path", expected, &self.path);
        }
        let below = |folder: &&str| {
            let rest = self.path.strip_prefix(*folder);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if TAKEN.iter().any(below) {
            let expected = "must not be below /dev, /proc, /run, /sys, /etc/selfheal or /usr/local/lib/selfheal";
            return fault("files.path", expected, &self.path);
        }
        if !is_owner(&self.owner) {
            return fault("files.owner", "must be a user, or user:group", &self.owner);
        }
        if self.mode > 0o777 {
            return fault("files.mode", "must be at most 0777", &format!("{:04o}", self.mode));
        }
        Ok(())
    }
}

/// What of a file cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// Field, such as `files.path`.
    pub field: &'static str,
    /// What the field accepts, as "must be …".
    pub expected: &'static str,
    /// Refused value.
    pub value: String,
}

impl From<FileFault> for RenderError {
    fn from(fault: FileFault) -> Self {
        let FileFault { field, expected, value } = fault;
        Self::Invalid { field, expected, value }
    }
}

/// Whether `chown` takes this for an owner: names as Debian and Red Hat allow them, or numbers.
fn is_owner(text: &str) -> bool {
    let name = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !text.is_empty() && text.len() <= 32 && !text.starts_with('-') && text.chars().all(plain)
    };
    let (user, group) = text.split_once(':').unwrap_or((text, "root"));
    name(user) && name(group)
}

/// Returns the shell source that puts the files in their places: a call of `file` for each.
pub(crate) fn source(files: &[BootFile]) -> Result<String, RenderError> {
    let mut text = String::new();
    for BootFile {
        path,
        content,
        owner,
        mode,
    } in files
    {
        let (path, owner) = (quote(path)?, quote(owner)?);
        // Writing to a string cannot fail.
        let _ = match quote(content) {
            Ok(word) => writeln!(text, "file {mode:04o} {owner} {path} {word}"),
            // Only a NUL byte is refused.
            Err(_) => writeln!(text, "file {mode:04o} {owner} {path} '' {}", STANDARD.encode(content)),
        };
    }
    Ok(text)
}

/// Reads back what [`source`] has written; `None` for anything else.
pub(crate) fn read(source: &[u8]) -> Option<Vec<BootFile>> {
    let mut words = Words(source);
    let mut files = Vec::new();
    while !words.0.is_empty() {
        let mut line = Vec::new();
        loop {
            line.push(words.word()?);
            if words.takes(b'\n') {
                break;
            }
            if !words.takes(b' ') {
                return None;
            }
        }
        let content = match line.as_slice() {
            [_, _, _, _, content] => content.clone(),
            [_, _, _, _, _, encoded] => STANDARD.decode(encoded).ok()?,
            _ => return None,
        };
        let text = |place: usize| String::from_utf8(line.get(place)?.clone()).ok();
        files.push(BootFile {
            mode: u32::from_str_radix(&text(1)?, 8).ok()?,
            owner: text(2)?,
            path: text(3)?,
            content,
        });
    }
    Some(files)
}
