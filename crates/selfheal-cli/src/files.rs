//! Reading the files of whoever runs the tool.
//!
//! A path may name anything: a pipe that nobody writes to would be waited for, and a device such as `/dev/zero` read until
//! memory is full. So that everything which is read goes through here: regular files, up to a size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Size limit of what people write by hand, in bytes: the stack's file, scripts, policies.
///
/// EC2 takes 16 KiB of user data and IAM 10 KiB of policies; a script that packs to that is far smaller than this.
pub const WRITTEN_BYTES_MAX: u64 = 1 << 20;

/// How a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system cannot read it.
    #[error("{}", reason(.0))]
    Io(#[from] std::io::Error),
    /// It is no regular file.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// It is too long.
    #[error("it has more than {} KiB", .0 / 1024)]
    TooLong(u64),
    /// It is no text.
    #[error("it is not UTF-8: {0}")]
    NotText(std::str::Utf8Error),
}

impl FileError {
    /// Tells whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Reads a regular file of at most this many bytes.
///
/// # Errors
/// It is something else, is longer, or cannot be read.
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, FileError> {
    // Asked before it is opened, because opening a pipe waits for its writer; and asked again of what was opened.
    check_regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    check_regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    // A file may grow while it is read, and some of /proc say that they are empty.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(FileError::TooLong(bytes_max));
    }
    Ok(bytes)
}

/// Reads a text that a person wrote.
///
/// # Errors
/// Those of [`read`], and what is no UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(read(path, WRITTEN_BYTES_MAX)?).map_err(|error| FileError::NotText(error.utf8_error()))
}

fn check_regular(metadata: &std::fs::Metadata) -> Result<(), FileError> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(FileError::NotRegular("a directory"))
    } else {
        Err(FileError::NotRegular("a pipe, a device or the like"))
    }
}

/// Returns the reason of an I/O error without the number of the operating system.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}
