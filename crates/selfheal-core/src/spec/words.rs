//! Words that a person reads in place of a key or a value.

/// Words in backquotes, separated by commas.
pub(super) fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The candidate most like a word; `None` when none is like it.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // The comparison is quadratic, and nothing valid is this long.
    if word.len() > 64 {
        return None;
    }
    // Below 0.7 the suggestions are other words rather than misspellings, except that in a word of three letters two
    // that changed places weigh more than that.
    let likeness = |candidate: &str| {
        let swapped = strsim::osa_distance(word, candidate) == 1;
        strsim::jaro_winkler(word, candidate).max(if swapped { 0.75 } else { 0.0 })
    };
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
