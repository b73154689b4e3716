//! The oldest Rust that builds the workspace: `rust-version` in `Cargo.toml` is the truth, and two pages tell of it.

use std::fs;
use std::path::Path;

use crate::error::{Context, TaskResult};

/// The pages that tell of it, in one sentence each.
const PAGES: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

/// What stands before the version in them.
const BEFORE: &str = "Rust ";

/// Compares what the pages tell with `Cargo.toml`.
///
/// # Errors
/// One of them cannot be read.
pub fn check(root: &Path) -> TaskResult<Vec<String>> {
    let read = |name: &str| fs::read_to_string(root.join(name)).context(|| format!("read {name}"));
    let Some(version) = rust_version(&read("Cargo.toml")?).map(str::to_owned) else {
        return Ok(vec!["Cargo.toml has no `rust-version`".to_owned()]);
    };
    let mut findings = Vec::new();
    for page in PAGES {
        findings.extend(differs(page, &read(page)?, &version));
    }
    Ok(findings)
}

fn rust_version(manifest: &str) -> Option<&str> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))?;
    line.strip_suffix('"')
}

fn differs(page: &str, text: &str, version: &str) -> Option<String> {
    let told: Vec<&str> = text
        .match_indices(BEFORE)
        .filter_map(|(at, _)| number(&text[at + BEFORE.len()..]))
        .collect();
    match told.as_slice() {
        [one] if *one == version => None,
        [] => Some(format!("{page} does not say that Rust {version} is needed")),
        [one] => Some(format!("{page} says Rust {one}, and Cargo.toml {version}")),
        several => Some(format!("{page} tells of Rust {}: once is enough", several.join(", "))),
    }
}

/// The version that a text begins with.
fn number(text: &str) -> Option<&str> {
    let end = text
        .find(|sign: char| !sign.is_ascii_digit() && sign != '.')
        .unwrap_or(text.len());
    let version = text[..end].trim_end_matches('.');
    version.contains('.').then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_the_version_once_and_as_it_is() {
        assert_eq!(
            rust_version("[workspace.package]\nrust-version = \"1.95\"\n"),
            Some("1.95")
        );
        assert_eq!(differs("p", "Rust 1.95 or newer builds it.", "1.95"), None);
        assert_eq!(differs("p", "You need Rust 1.95.", "1.95"), None);
        for text in [
            "Rust 1.94 builds it.",
            "Rust builds it.",
            "Rust 1.95, or Rust 1.96.",
            "",
        ] {
            assert!(differs("p", text, "1.95").is_some(), "{text}");
        }
    }
}
