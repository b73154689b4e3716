//! Finds the fewest events with which a day still fails.

/// The events of these places.
pub fn keep<T: Clone>(events: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().filter_map(|index| events.get(*index)).cloned().collect()
}

/// Leaves out one event after the other for as long as the day still fails; answers the places of those that it needs.
///
/// No single one of them can be left out any more.
pub fn fewest(count: usize, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..count).collect();
    loop {
        let shorter = (0..kept.len()).rev().find_map(|left_out| {
            let mut fewer = kept.clone();
            fewer.remove(left_out);
            fails(&fewer).then_some(fewer)
        });
        match shorter {
            Some(fewer) => kept = fewer,
            None => return kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fewest, keep};

    #[test]
    fn only_what_makes_it_fail_is_left() {
        let fails = |kept: &[usize]| kept.contains(&2) && kept.contains(&5);
        assert_eq!(fewest(9, fails), [2, 5]);
        assert_eq!(fewest(3, |_| true), [0_usize; 0]);
        assert_eq!(keep(&['a', 'b', 'c'], &[0, 2]), ['a', 'c']);
    }
}
