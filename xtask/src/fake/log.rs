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

/// How many calls the longest chain has, of which each began after the one before was answered.
///
/// Every dependency between calls shows as such a pair, so this is never less than the longest chain of dependent round
/// trips. It is more where one thing is done after another without need, or where by accident a call of one branch begins
/// just after a call of another ended: so the least of several runs is the one to judge by.
pub fn longest_chain(log: &[Entry]) -> usize {
    // The classic choice: of the calls that begin late enough, take the one that ends first.
    let mut free_from = Duration::ZERO;
    let mut length = 0;
    for (entry, answered) in answered(log) {
        if entry.arrived >= free_from {
            length += 1;
            free_from = answered;
        }
    }
    length
}

/// The chain of calls, each begun after the one before was answered, that takes the longest.
///
/// No client that makes these calls in this order can end earlier than the sum of its calls, so wall time over that sum
/// measures what the client adds.
pub fn slowest_chain(log: &[Entry]) -> Vec<&Entry> {
    let calls = answered(log);
    // For each call, in the order in which they end: what the slowest chain up to it takes, and its link before.
    let mut chains: Vec<(Duration, Option<usize>)> = Vec::new();
    for (at, (entry, ended)) in calls.iter().enumerate() {
        let before = (0..at)
            .filter(|link| calls[*link].1 <= entry.arrived)
            .max_by_key(|link| chains[*link].0);
        let spent = before.map_or(Duration::ZERO, |link| chains[link].0);
        chains.push((spent + ended.saturating_sub(entry.arrived), before));
    }
    let mut link = (0..chains.len()).max_by_key(|link| chains[*link].0);
    let mut chain = Vec::new();
    while let Some(at) = link {
        chain.push(calls[at].0);
        link = chains[at].1;
    }
    chain.reverse();
    chain
}

/// What the calls of a chain take in all.
pub fn time(chain: &[&Entry]) -> Duration {
    chain
        .iter()
        .filter_map(|entry| entry.answered.map(|answered| answered.saturating_sub(entry.arrived)))
        .sum()
}

/// The calls that were answered, with the moment of the answer, in the order of their answers.
fn answered(log: &[Entry]) -> Vec<(&Entry, Duration)> {
    let mut calls: Vec<(&Entry, Duration)> = log
        .iter()
        .filter_map(|entry| entry.answered.map(|answered| (entry, answered)))
        .collect();
    calls.sort_by_key(|(_, answered)| *answered);
    calls
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

    fn slowest(log: &[Entry]) -> Vec<usize> {
        slowest_chain(log).iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn calls_at_once_are_one_round_trip() {
        let log = [entry(1, 0, 50), entry(2, 1, 51), entry(3, 2, 53)];
        assert_eq!((longest_chain(&log), slowest(&log)), (1, vec![3]));
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
        assert_eq!((longest_chain(&log), slowest(&log)), (3, vec![2, 4, 5]));
        assert_eq!(time(&slowest_chain(&log)), Duration::from_millis(90 + 55 + 49));
    }

    #[test]
    fn one_slow_call_may_take_longer_than_many() {
        let log = [entry(1, 0, 10), entry(2, 11, 20), entry(3, 0, 100)];
        assert_eq!((longest_chain(&log), slowest(&log)), (2, vec![3]));
    }

    #[test]
    fn a_call_that_was_never_answered_is_no_link() {
        let mut lost = entry(2, 60, 0);
        lost.answered = None;
        let log = [entry(1, 0, 50), lost];
        assert_eq!((longest_chain(&log), slowest(&log)), (1, vec![1]));
    }
}
