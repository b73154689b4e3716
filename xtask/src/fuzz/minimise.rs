//! Making an input smaller that shows a fault.

use std::time::{Duration, Instant};

/// How long is spent on it: a finding of some hundred bytes is readable too.
const LIMIT: Duration = Duration::from_secs(30);

/// Takes pieces away, large ones first, as long as what is left still fails.
pub fn minimise(input: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let began = Instant::now();
    let mut smallest = input.to_vec();
    let mut piece = smallest.len() / 2;
    while piece > 0 && began.elapsed() < LIMIT {
        let before = smallest.len();
        let mut at = 0;
        while at < smallest.len() && began.elapsed() < LIMIT {
            let end = (at + piece).min(smallest.len());
            let without = [&smallest[..at], &smallest[end..]].concat();
            if fails(&without) {
                smallest = without;
            } else {
                at = end;
            }
        }
        // A piece that could not go before may go now that its neighbours have.
        if piece > 1 || smallest.len() == before {
            piece /= 2;
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::minimise;

    #[test]
    fn what_is_left_is_what_fails() {
        let both = |input: &[u8]| input.contains(&b'x') && input.ends_with(b"yz");
        let input = b"some text with an x in it, and at its end yz";
        assert_eq!(minimise(input, both), b"xyz");
        assert_eq!(minimise(b"", |_| true), b"");
    }
}
