//! Which enums may be `non_exhaustive`: errors, and what embedders read or give and no crate of the workspace takes apart.
//!
//! Every other one is closed. With the attribute a match in another crate needs a `_`, and what is added to the list later
//! falls through it in silence where it should not have compiled.

use super::Source;
use super::exceptions::OPEN;

/// How the names of errors and of their kinds end.
const ERRORS: [&str; 3] = ["Error", "ErrorKind", "ProblemKind"];
/// What embedders read, or give to the simulation, which takes it apart within its own crate.
const READ: [&str; 10] = [
    "Caller",
    "DocumentKind",
    "Event",
    "Fault",
    "Goal",
    "Limit",
    "Location",
    "Rule",
    "TraceKind",
    "When",
];
/// The attribute.
const ATTRIBUTE: &str = "#[non_exhaustive]";

/// Finds enums that are open and may not be, and exceptions that nothing needs any more.
pub fn check(sources: &[Source]) -> Vec<String> {
    findings(sources, OPEN)
}

fn findings(sources: &[Source], exceptions: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut unused = exceptions.to_vec();
    for source in sources.iter().filter(|source| source.path.contains("/src/")) {
        for (line, name) in open_enums(&source.text) {
            if exceptions.contains(&name) {
                unused.retain(|exception| *exception != name);
            } else if !READ.contains(&name) && !ERRORS.iter().any(|end| name.ends_with(end)) {
                let path = &source.path;
                findings.push(format!(
                    "{path}:{line}: {name} is non_exhaustive, and neither an error nor only read"
                ));
            }
        }
    }
    let unused = unused.iter();
    findings.extend(unused.map(|name| format!("{name} is closed by now: take it out of xtask/src/tidy/exceptions.rs")));
    findings
}

/// The public enums with the attribute, with their lines. It is looked for in the text, since macros make enums too.
fn open_enums(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut open = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let line = line.trim();
        if line == ATTRIBUTE {
            open = true;
        } else if !line.starts_with("#[") && !line.starts_with("//") && !line.starts_with("$(#[") {
            let was_open = std::mem::take(&mut open);
            let name = line.strip_prefix("pub enum ").filter(|_| was_open)?;
            let end = name.find(|character: char| !character.is_alphanumeric());
            return Some((at + 1, &name[..end.unwrap_or(name.len())]));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_enums_are_errors_or_only_read() {
        let source = Source {
            path: "crates/a/src/b.rs".to_owned(),
            text: "#[non_exhaustive]\n/// Text.\n#[derive(Debug)]\npub enum Colour {\n#[non_exhaustive]\npub enum Shape<'a> {\n\
                   #[non_exhaustive]\npub enum LoadError {\n#[non_exhaustive]\npub enum Rule {\n\
                   #[non_exhaustive]\npub struct Open;\npub enum Closed {\n"
                .to_owned(),
        };
        let sources = [source];
        assert_eq!(
            findings(&sources, &["Shape", "Closed"]),
            [
                "crates/a/src/b.rs:4: Colour is non_exhaustive, and neither an error nor only read",
                "Closed is closed by now: take it out of xtask/src/tidy/exceptions.rs"
            ]
        );
    }
}
