//! The log of the calls that went through the proxy, and what it says about concurrency.

use std::time::Duration;

use super::call::{Call, Caller};

/// One call in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number since the log began, from 1, in the order of arrival.
    pub number: usize,
    /// What was called.
    pub call: Call,
    /// When it arrived, since the log began.
    pub arrived: Duration,
    /// When its answer left, if one did.
    pub answered: Option<Duration>,
    /// How long moto took for it.
    pub served: Duration,
    /// The answer's status.
    pub status: Option<u16>,
    /// Whether the proxy answered in moto's place, because moto lacks the call.
    pub stood_in: bool,
}

/// The mutating calls of a caller, in order.
pub fn mutating(log: &[Entry], caller: Caller) -> Vec<String> {
    of(log, caller)
        .filter(|entry| entry.call.is_mutating())
        .map(|entry| entry.call.to_string())
        .collect()
}

/// The calls of a caller.
pub fn of(log: &[Entry], caller: Caller) -> impl Iterator<Item = &Entry> {
    log.iter().filter(move |entry| entry.call.caller == caller)
}

/// The longest chain of calls of which each began after the one before was answered.
///
/// Every dependency between calls shows as such a pair, so this is never less than the longest chain of dependent round
/// trips; a client that does one thing after another without need has a longer one. No client can be faster than this
/// chain, so wall time over the chain's own time measures what the client adds.
pub fn longest_chain(log: &[Entry]) -> Vec<&Entry> {
    // The classic choice: of the calls that begin late enough, take the one that ends first.
    let mut calls: Vec<(&Entry, Duration)> = log
        .iter()
        .filter_map(|entry| entry.answered.map(|answered| (entry, answered)))
        .collect();
    calls.sort_by_key(|(_, answered)| *answered);
    let mut chain = Vec::new();
    let mut free_from = Duration::ZERO;
    for (entry, answered) in calls {
        if entry.arrived >= free_from {
            chain.push(entry);
            free_from = answered;
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize, arrived_ms: u64, answered_ms: u64) -> Entry {
        Entry {
            number,
            call: Call {
                service: "ec2".to_owned(),
                action: "DescribeVolumes".to_owned(),
                caller: Caller::Operator,
            },
            arrived: Duration::from_millis(arrived_ms),
            answered: Some(Duration::from_millis(answered_ms)),
            served: Duration::ZERO,
            status: Some(200),
            stood_in: false,
        }
    }

    fn chain(log: &[Entry]) -> Vec<usize> {
        longest_chain(log).iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn calls_at_once_are_one_round_trip() {
        assert_eq!(chain(&[entry(1, 0, 50), entry(2, 1, 51), entry(3, 2, 52)]), [1]);
    }

    #[test]
    fn waves_are_counted_once_each() {
        let log = [
            entry(1, 0, 50),
            entry(2, 0, 90),
            entry(3, 91, 140),
            entry(4, 95, 150),
            entry(5, 151, 200),
        ];
        assert_eq!(chain(&log), [1, 3, 5]);
    }

    #[test]
    fn a_call_that_was_never_answered_is_no_link() {
        let mut lost = entry(2, 60, 0);
        lost.answered = None;
        assert_eq!(chain(&[entry(1, 0, 50), lost]), [1]);
    }
}
