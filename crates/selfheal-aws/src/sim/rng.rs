//! Seeded randomness, so that equal seeds give byte-equal runs.

use serde::{Deserialize, Serialize};

/// A SplitMix64 stream: small, serialisable, and good enough to spread latencies and ids.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Starts the stream that `seed` and `purpose` name; streams of different purposes do not disturb each other.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a over the purpose separates the streams of one seed.
        let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut rng = Self { state: seed ^ hash };
        rng.draw();
        rng
    }

    /// Draws 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Draws a number of the range, both ends included; an inverted range yields its start.
    pub fn between(&mut self, range: Range) -> u64 {
        let Some(width) = range.max.checked_sub(range.min) else {
            return range.min;
        };
        // The modulo bias of a 64-bit draw over ranges of milliseconds is far below anything that a test could see.
        match width.checked_add(1) {
            Some(count) => range.min + self.draw() % count,
            None => self.draw(),
        }
    }

    /// Draws a fraction of `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds exactly")]
    pub fn fraction(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws whether an event of so many in a thousand happens.
    pub fn permille(&mut self, permille: u16) -> bool {
        self.draw() % 1000 < u64::from(permille)
    }
}

/// A range of logical milliseconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl Range {
    /// A range.
    #[must_use]
    pub const fn new(min: u64, max: u64) -> Self {
        Self { min, max }
    }

    /// Always the same.
    #[must_use]
    pub const fn exactly(value: u64) -> Self {
        Self { min: value, max: value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_range_and_reach_its_ends() {
        let mut rng = Rng::new(1, "test");
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| rng.between(Range::new(3, 6))).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(rng.between(Range::new(6, 3)), 6);
        assert_eq!(rng.between(Range::exactly(7)), 7);
        assert!(
            (0..1_000)
                .map(|_| rng.fraction())
                .all(|fraction| (0.0..1.0).contains(&fraction))
        );
        assert!(!(0..100).any(|_| rng.permille(0)) && (0..100).all(|_| rng.permille(1_000)));
    }

    #[test]
    fn purposes_separate_the_streams_of_one_seed() {
        let draw = |seed, purpose| Rng::new(seed, purpose).draw();
        assert_eq!(draw(1, "ids"), draw(1, "ids"));
        assert_ne!(draw(1, "ids"), draw(1, "latency"));
        assert_ne!(draw(1, "ids"), draw(2, "ids"));
    }
}
