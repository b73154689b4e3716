//! Readings of what this run made: a listing lags behind, and may even go back in time.

use std::collections::BTreeSet;

/// Puts a listing in the place of an earlier one. What this run made stays until a listing has shown it.
pub(super) fn list<T>(have: &mut Vec<T>, read: Vec<T>, unseen: &mut BTreeSet<String>, key: impl Fn(&T) -> String) {
    for shown in &read {
        unseen.remove(&key(shown));
    }
    let before = std::mem::replace(have, read);
    have.extend(before.into_iter().filter(|made| unseen.contains(&key(made))));
}

/// The same for what there is one of.
pub(super) fn one<T>(have: &mut Option<T>, read: Option<T>, unseen: &mut BTreeSet<String>, key: impl Fn(&T) -> String) {
    match (&read, &have) {
        (Some(shown), _) => {
            unseen.remove(&key(shown));
        }
        (None, Some(made)) if unseen.contains(&key(made)) => return,
        (None, _) => {}
    }
    *have = read;
}
