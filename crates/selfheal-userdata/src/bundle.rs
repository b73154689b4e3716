//! The bundle: what of a boot program does not fit into user data, in parameters of Parameter Store.
//!
//! It is a script of its own, addressed by its content: the user data pins its SHA-256, so that an instance runs what its
//! user data means or nothing. In parameters it stands compressed, in base64 and cut into chunks. Each begins with its place,
//! their number and the beginning of its own SHA-256, so that a boot can say which of them is missing or damaged.

use std::fmt;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::error::RenderError;

/// The largest number of parameters that a bundle may take: the boot program reads them ten at a time.
pub const BUNDLE_CHUNKS_MAX: usize = 30;
/// Characters of base64 in one chunk: with its head it fits into a parameter of the tier Standard, which holds 4 KB.
///
/// Source: Systems Manager user guide, "Managing parameter tiers".
pub(crate) const CHUNK_CHARS: usize = 4_000;
/// Characters before the base64 of a chunk.
const HEAD_CHARS: usize = "00:00:01234567:".len();
/// Largest bundle, in bytes after compression.
pub const BUNDLE_MAX_BYTES: usize = BUNDLE_CHUNKS_MAX * CHUNK_CHARS / 4 * 3;
/// What a bundle may unpack to when it is read back: far above anything that setup scripts hold.
const UNPACKED_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Bundle of a stack, rendered: what the parameters hold that its user data names.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    digest: String,
    chunks: Vec<String>,
}

impl Bundle {
    /// Packs a script.
    pub(crate) fn of(script: &str) -> Result<Self, RenderError> {
        let packed = pack(script.as_bytes());
        if packed.len() > BUNDLE_MAX_BYTES {
            return Err(RenderError::BundleTooLarge {
                size: packed.len(),
                limit: BUNDLE_MAX_BYTES,
            });
        }
        let encoded = STANDARD.encode(packed);
        let cut = encoded.as_bytes().chunks(CHUNK_CHARS);
        let count = cut.len();
        let chunks = cut.enumerate().map(|(place, part)| {
            let sum = sha256(part);
            format!("{place:02}:{count:02}:{}:{}", &sum[..8], String::from_utf8_lossy(part))
        });
        Ok(Self {
            digest: sha256(script.as_bytes()),
            chunks: chunks.collect(),
        })
    }

    /// Returns the SHA-256 of the script, in 64 lower-case hexadecimal digits: the name by which user data pins it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the values of the parameters in their order; at most [`BUNDLE_CHUNKS_MAX`], each of at most 4 KB.
    #[must_use]
    pub fn chunks(&self) -> &[String] {
        &self.chunks
    }
}

/// The digest and the number of chunks: the text itself is long.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({}, {} chunks)", self.digest, self.chunks.len())
    }
}

/// Recovers a bundle's script from the values of its parameters, in any order, as the boot program does. Gives `None` where one
/// is missing or damaged, or where what they hold has another digest.
#[must_use]
pub fn unbundle<'a>(digest: &str, chunks: impl IntoIterator<Item = &'a str>) -> Option<Vec<u8>> {
    let mut chunks: Vec<&str> = chunks.into_iter().collect();
    // The place comes first, in two digits.
    chunks.sort_unstable();
    let count: usize = chunks.first()?.get(3..5)?.parse().ok()?;
    let mut encoded = String::new();
    for place in 0..count {
        encoded.push_str(chunks.get(place)?.get(HEAD_CHARS..)?);
    }
    let packed = STANDARD.decode(encoded).ok()?;
    let mut script = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(UNPACKED_MAX_BYTES)
        .read_to_end(&mut script)
        .ok()?;
    (sha256(&script) == digest).then_some(script)
}

/// Compresses without a time or a name, so that equal scripts give equal bytes.
pub(crate) fn pack(script: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    // Writing to memory cannot fail; were it to, an empty result would be larger than nothing and never be chosen.
    let packed = encoder.write_all(script).and_then(|()| encoder.finish());
    packed.unwrap_or_else(|_| script.to_vec())
}

/// Returns the SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
