//! Entries of a list that another one contains.

use std::collections::BTreeMap;

/// The number of patterns of a list that are compared with the others. Each is a finding of its own where it allows; nobody
/// reads on beyond so many, and comparing all with all would cost the square of the list.
const PATTERNS_MAX: usize = 64;

/// Finds the entries of a list that an earlier one repeats, or that a pattern among the others contains.
///
/// `same` is equal for entries that are the same, and `contains` is asked of patterns alone.
pub(super) fn redundant<T>(
    list: &[T],
    same: impl Fn(&T) -> String,
    is_pattern: impl Fn(&T) -> bool,
    contains: impl Fn(&T, &T) -> bool,
) -> Vec<&T> {
    let names: Vec<String> = list.iter().map(same).collect();
    let mut first = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        first.entry(name).or_insert(index);
    }
    let patterns: Vec<usize> = (0..list.len())
        .filter(|index| is_pattern(&list[*index]))
        .take(PATTERNS_MAX)
        .collect();
    let is_redundant = |index: &usize| {
        let (index, name) = (*index, &names[*index]);
        first.get(name).is_some_and(|first| *first < index)
            || patterns.iter().any(|other| {
                let wider = *other != index && names[*other] != *name && contains(&list[*other], &list[index]);
                // Of two patterns that contain each other the first stays.
                wider && (*other < index || !(is_pattern(&list[index]) && contains(&list[index], &list[*other])))
            })
    };
    (0..list.len()).filter(is_redundant).map(|index| &list[index]).collect()
}
