//! How contents too long to show are shown: by size and by a few digits of their hash.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Describes bytes as "3120 bytes, sha256 1f2e3d4c".
pub(super) fn describe(what: &str, bytes: &[u8]) -> String {
    let mut text = format!("{what}, {} bytes, sha256 ", bytes.len());
    for byte in &Sha256::digest(bytes)[..4] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
