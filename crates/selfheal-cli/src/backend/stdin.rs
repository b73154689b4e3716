//! Standard input.

/// Reads a line of standard input without its end; `None` at the end of input.
pub(super) fn line() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}
