//! Whether every Rust file is part of some crate: a file that no `mod` names is never compiled.

use std::collections::BTreeSet;

use super::Source;

/// The stems of files that cargo or a `mod` of the parent folder finds by themselves.
const ROOTS: [&str; 3] = ["lib", "main", "build"];

/// Finds files that nothing names.
pub fn check(sources: &[Source]) -> Vec<String> {
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let is_declared = |path: &str| {
        parents(path).any(|(parent, name)| {
            paths.contains(parent.as_str())
                && sources
                    .iter()
                    .any(|other| other.path == parent && declares(&other.text, &name))
        })
    };
    sources
        .iter()
        .filter(|source| {
            !is_root(&source.path) && !is_declared(&source.path) && !is_shared_by_tests(&source.path, sources)
        })
        .map(|source| format!("{} is part of no crate: no `mod` names it", source.path))
        .collect()
}

/// Whether cargo takes the file for the root of a target.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [.., folder, file] => {
            let stem = file.trim_end_matches(".rs");
            (*folder == "src" && ROOTS.contains(&stem))
                || stem == "build" && !parts.contains(&"src")
                || ["tests", "examples", "benches", "bin"].contains(folder)
                || stem == "main"
                    && parts
                        .iter()
                        .any(|part| ["tests", "examples", "benches", "bin"].contains(part))
        }
        _ => false,
    }
}

/// Whether the file is a module that the test binaries beside it share, and one of them names it.
fn is_shared_by_tests(path: &str, sources: &[Source]) -> bool {
    let Some((tests, name)) = path.strip_suffix("/mod.rs").and_then(|folder| folder.rsplit_once('/')) else {
        return false;
    };
    tests.ends_with("/tests")
        && sources.iter().any(|other| {
            other.path.rsplit_once('/').is_some_and(|(folder, _)| folder == tests) && declares(&other.text, name)
        })
}

/// The files that may declare this one, each with the module's name.
fn parents(path: &str) -> impl Iterator<Item = (String, String)> {
    let stem = path.trim_end_matches(".rs");
    let module = stem.strip_suffix("/mod").unwrap_or(stem);
    let (folder, name) = module.rsplit_once('/').unwrap_or(("", module));
    let name = name.to_owned();
    ["mod.rs", "lib.rs", "main.rs"]
        .map(|file| format!("{folder}/{file}"))
        .into_iter()
        .chain([format!("{folder}.rs")])
        .map(move |parent| (parent, name.clone()))
}

/// Whether the text has `mod name;`, whatever its visibility.
fn declares(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        let declared = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "));
        declared.is_some_and(|(before, found)| found == name && (before.is_empty() || before.starts_with("pub")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_file_needs_a_mod() {
        let sources = [
            source("crates/a/src/lib.rs", "mod one;\npub(crate) mod two;\n"),
            source("crates/a/src/one.rs", "mod deep;"),
            source("crates/a/src/one/deep.rs", ""),
            source("crates/a/src/two/mod.rs", ""),
            source("crates/a/src/two/lost.rs", ""),
            source("crates/a/tests/it/main.rs", "mod case;"),
            source("crates/a/tests/it/case.rs", ""),
            source("crates/a/tests/other.rs", "mod common;"),
            source("crates/a/tests/common/mod.rs", ""),
        ];
        assert_eq!(
            check(&sources),
            ["crates/a/src/two/lost.rs is part of no crate: no `mod` names it"]
        );
    }
}
