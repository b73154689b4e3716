//! How long a function may be.

use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use super::exceptions::LONG;
use super::syntax::Parsed;

/// The most lines of a function, from its name's line to its closing brace.
const LINES_MAX: usize = 70;

/// Finds functions that are too long, in tests as well, and exceptions that nothing needs any more.
pub fn check(files: &[Parsed<'_>]) -> Vec<String> {
    findings(files, LONG)
}

/// The same with these exceptions: the beginning of a path, and a function.
fn findings(files: &[Parsed<'_>], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut unused = exceptions.to_vec();
    for Parsed { path, file } in files {
        let mut lengths = Lengths { long: Vec::new() };
        lengths.visit_file(file);
        for (name, line, lines) in lengths.long {
            let excepted = |(folder, function): &(&str, &str)| *function == name && path.starts_with(folder);
            if exceptions.iter().any(excepted) {
                unused.retain(|exception| !excepted(exception));
            } else {
                findings.push(format!(
                    "{path}:{line}: {name} has {lines} lines, more than {LINES_MAX}"
                ));
            }
        }
    }
    let stale = |(folder, function)| {
        format!("{folder}: {function} is short by now: take it out of xtask/src/tidy/exceptions.rs")
    };
    findings.extend(unused.into_iter().map(stale));
    findings
}

/// The functions that are too long: name, line, length.
struct Lengths {
    long: Vec<(String, usize, usize)>,
}

impl Lengths {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let first = signature.ident.span().start().line;
        let last = block.brace_token.span.close().end().line;
        let lines = last + 1 - first;
        if lines > LINES_MAX {
            self.long.push((signature.ident.to_string(), first, lines));
        }
    }
}

impl<'ast> Visit<'ast> for Lengths {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, exceptions: &[(&str, &str)]) -> Vec<String> {
        let file = syn::parse_file(text).unwrap();
        findings(&[Parsed { path: "a.rs", file }], exceptions)
    }

    #[test]
    fn long_functions_are_found_wherever_they_stand() {
        let body = |lines: usize| format!("fn long() {{\n{}}}\n", "let _ = 1;\n".repeat(lines - 2));
        assert!(found(&body(70), &[]).is_empty());
        let long = body(71);
        assert_eq!(found(&long, &[]), ["a.rs:1: long has 71 lines, more than 70"]);
        assert_eq!(
            found(&long, &[("a", "long"), ("b", "long")]),
            ["b: long is short by now: take it out of xtask/src/tidy/exceptions.rs"]
        );
        for around in ["impl A {", "trait A {", "mod a {", "fn short() {"] {
            let found = found(&format!("{around}\n{long}}}\n"), &[]);
            assert!(
                found.contains(&"a.rs:2: long has 71 lines, more than 70".to_owned()),
                "{around} {found:?}"
            );
        }
    }
}
