//! The machine's own clock and randomness, for the executor.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::backend::{Clock, Jitter};

/// Real time. Sleeping needs a tokio runtime with its timer enabled.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Randomness from the operating system, good enough to spread retries and for nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemJitter;

impl Jitter for SystemJitter {
    fn fraction(&self) -> f64 {
        // Every `RandomState` hashes with other keys, seeded by the operating system, so that even an empty hash is a
        // fresh number. An `f64` holds 53 bits exactly; the rest is dropped to stay below 1.
        let bits = RandomState::new().build_hasher().finish() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_spread_over_the_unit_interval() {
        let drawn: Vec<f64> = (0..1000).map(|_| SystemJitter.fraction()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "mean {mean}");
        assert!(drawn.iter().any(|value| *value < 0.1) && drawn.iter().any(|value| *value > 0.9));
    }
}
