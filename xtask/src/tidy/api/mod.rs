//! The public items of the crates, a line each, as they are committed in `api/`: a change of them is seen in review.
//!
//! They are read out of the sources, so that neither a nightly compiler nor a build of the AWS SDK is needed. Public modules
//! and re-exports are followed to what they lead to. Macros are not expanded: what a list declares through one stands here as
//! the rows of the list. Of selfheal-cli, which has no library, it is the command line and the exit codes.

mod item;
mod tree;

use std::fs;
use std::path::Path;

use super::syntax::Parsed;
use crate::error::{Context, TaskResult};
use tree::Tree;

/// The crates whose public items are listed.
const CRATES: [&str; 5] = [
    "selfheal-aws",
    "selfheal-cli",
    "selfheal-core",
    "selfheal-policy",
    "selfheal-userdata",
];

/// The modules of selfheal-cli that people and scripts meet.
const CLI: [&str; 2] = ["cli", "exit"];

/// Compares the public items with the committed lists; writes these anew where `SELFHEAL_API=write` asks for it.
///
/// # Errors
/// A list cannot be written.
pub fn check(root: &Path, parsed: &[Parsed<'_>]) -> TaskResult<Vec<String>> {
    let write = std::env::var_os("SELFHEAL_API").is_some_and(|value| value == "write");
    let mut findings = Vec::new();
    for name in CRATES {
        let path = root.join("api").join(format!("{name}.txt"));
        let lines = lines(name, parsed);
        if write {
            let text = lines.join("\n") + "\n";
            fs::create_dir_all(root.join("api")).context(|| "make the folder of the lists".to_owned())?;
            fs::write(&path, text).context(|| format!("write {}", path.display()))?;
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        findings.extend(differences(name, &committed, &lines));
    }
    Ok(findings)
}

/// Lists the public items of a crate, sorted.
fn lines(name: &str, parsed: &[Parsed<'_>]) -> Vec<String> {
    let folder = format!("crates/{name}/src/");
    let files = parsed
        .iter()
        .filter_map(|parsed| Some((parsed.path.strip_prefix(&folder)?, &parsed.file)));
    let tree = Tree::of(files);
    let roots: &[&str] = if name == "selfheal-cli" { &CLI } else { &[""] };
    let mut lines: Vec<String> = roots.iter().flat_map(|root| tree.public(root)).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn differences(name: &str, committed: &str, lines: &[String]) -> Vec<String> {
    let committed: Vec<&str> = committed.lines().collect();
    let added = lines
        .iter()
        .filter(|line| !committed.contains(&line.as_str()))
        .map(|line| format!("+ {line}"));
    let gone = committed
        .iter()
        .filter(|line| !lines.iter().any(|other| other == **line));
    let changes: Vec<String> = added.chain(gone.map(|line| format!("- {line}"))).collect();
    if changes.is_empty() {
        return changes;
    }
    let told = format!(
        "the public items of {name} are not those of api/{name}.txt: SELFHEAL_API=write cargo xtask tidy writes it anew"
    );
    [vec![told], changes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "mod inner; pub mod open; mod list;\n\
        pub use inner::{One as Other, function, Kind}; pub use list::Listed;\n\
        pub(crate) fn hidden() {}";
    const INNER: &str = "#[derive(Clone, Debug)] #[non_exhaustive] pub struct One { pub a: u8, b: u8 }\n\
        impl One { pub fn get(&self, at: usize) -> Option<u8> { None } fn own(&self) {} }\n\
        impl Default for One { fn default() -> Self { Self { a: 0, b: 0 } } }\n\
        pub enum Kind { First, Second { at: u8 }, Third(String) }\n\
        pub struct NotReached;\n\
        pub const fn function<T: Clone>(of: &[T]) -> T where T: Copy { of[0] }";
    const OPEN: &str =
        "pub trait Does: Send { const N: u8; fn it(&self) -> u8; }\n pub type Short = Vec<u8>; pub const MAX: u8 = 3;";
    const LIST: &str = "macro_rules! list { ($($name:ident;)*) => { pub enum Listed { $($name),* } } }\n list! { #[doc = \"One.\"] A; B; } impl Listed { pub fn get(&self) -> u8 { 1 } }";

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let named: Vec<(String, syn::File)> = files
            .iter()
            .map(|(path, text)| {
                (
                    format!("crates/selfheal-core/src/{path}"),
                    syn::parse_file(text).unwrap(),
                )
            })
            .collect();
        let parsed: Vec<Parsed<'_>> = named
            .into_iter()
            .map(|(path, file)| Parsed {
                path: path.leak(),
                file,
            })
            .collect();
        lines("selfheal-core", &parsed)
    }

    fn with(changed: &str, text: &str) -> Vec<String> {
        let files = [
            ("lib.rs", LIB),
            ("inner.rs", INNER),
            ("open.rs", OPEN),
            ("list.rs", LIST),
        ];
        of(&files.map(|(path, old)| (path, if path == changed { text } else { old })))
    }

    #[test]
    fn lists_what_can_be_reached_under_the_name_by_which_it_is() {
        let lines = with("", "");
        assert_eq!(
            lines,
            [
                "Kind: enum",
                "Kind::First",
                "Kind::Second { at: u8 }",
                "Kind::Third(String)",
                "Listed: by list! A",
                "Listed: by list! B",
                "Listed::get: fn(&self) -> u8",
                "Other: #[non_exhaustive] struct, derives Clone, Debug, with private fields",
                "Other.a: u8",
                "Other: Default",
                "Other::get: fn(&self, at: usize) -> Option<u8>",
                "function: const fn<T: Clone>(of: &[T]) -> T where T: Copy",
                "open: mod",
                "open::Does: trait: Send",
                "open::Does::N: const u8",
                "open::Does::it: fn(&self) -> u8",
                "open::MAX: const u8 = 3",
                "open::Short: type = Vec<u8>",
            ]
            .map(str::to_owned)
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn sees_every_change_and_no_formatting() {
        let before = with("", "");
        for (file, old, from, to) in [
            ("inner.rs", INNER, "pub a: u8", "pub a: u16"),
            ("inner.rs", INNER, "pub a: u8", "a: u8"),
            ("inner.rs", INNER, "Second { at: u8 }", "Second { at: u16 }"),
            ("inner.rs", INNER, "First, ", ""),
            ("inner.rs", INNER, "at: usize", "at: u8"),
            ("inner.rs", INNER, "Clone, Debug", "Debug"),
            ("inner.rs", INNER, "#[non_exhaustive] ", ""),
            ("inner.rs", INNER, "impl Default for One", "impl Fault for One"),
            ("inner.rs", INNER, "pub const fn", "pub fn"),
            ("open.rs", OPEN, "fn it(&self)", "fn it(&self, more: u8)"),
            ("open.rs", OPEN, "Vec<u8>", "Vec<u16>"),
            ("open.rs", OPEN, "MAX: u8 = 3", "MAX: u8 = 4"),
            ("list.rs", LIST, "A; B;", "A; C;"),
            ("list.rs", LIST, "-> u8", "-> u16"),
            ("lib.rs", LIB, "One as Other, ", ""),
            ("lib.rs", LIB, "pub mod open", "mod open"),
            ("lib.rs", LIB, "pub(crate) fn hidden", "pub fn hidden"),
        ] {
            let text = old.replace(from, to);
            assert_ne!(text, old, "{from}");
            let after = with(file, &text);
            assert_ne!(after, before, "{from} -> {to}");
            assert!(!differences("x", &(before.join("\n") + "\n"), &after).is_empty());
        }
        let spread = INNER
            .replace(", at: usize)", ",\n    at: usize,\n)")
            .replace(
                "{ pub a: u8, b: u8 }",
                "{\n    /// What it is.\n    pub a: u8,\n    b: u8,\n}",
            )
            .replace("Third(String)", "Third(\n  String,\n),");
        assert_eq!(with("inner.rs", &spread), before);
        assert_eq!(differences("x", &(before.join("\n") + "\n"), &before), [""; 0]);
    }
}
