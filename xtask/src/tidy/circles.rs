//! Whether the modules of each crate can be read one after the other: no two of one parent need each other, not even by
//! way of others.

use std::collections::{BTreeMap, BTreeSet};

use super::exceptions::CIRCLES;
use super::rooms::{Arrow, Crate};

/// Finds the circles of every crate, and exceptions that nothing needs any more.
pub fn check(crates: &[Crate]) -> Vec<String> {
    let arrows: Vec<(String, Arrow)> = crates
        .iter()
        .flat_map(|of| {
            let place = |arrow: &Arrow| [std::slice::from_ref(&of.folder), &arrow.parent].concat().join("/");
            of.arrows().into_iter().map(move |arrow| (place(&arrow), arrow))
        })
        .collect();
    findings(&arrows, CIRCLES)
}

/// The circles among arrows of one place each, but for these arrows: their place, from, to.
fn findings(arrows: &[(String, Arrow)], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut places: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    for (place, arrow) in arrows {
        places.entry(place).or_default().push(arrow);
    }
    let mut needed: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for (place, arrows) in places {
        let (excepted, kept): (Vec<&Arrow>, Vec<&Arrow>) = arrows
            .into_iter()
            .partition(|arrow| exceptions.contains(&(place, &arrow.from, &arrow.to)));
        for arrow in &excepted {
            if leads(&kept, &arrow.to, &arrow.from) {
                needed.insert((place, &arrow.from, &arrow.to));
            }
        }
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for arrow in &kept {
            if told.contains(arrow.from.as_str()) || !leads(&kept, &arrow.to, &arrow.from) {
                continue;
            }
            let is_part = |name: &str| leads(&kept, &arrow.from, name) && leads(&kept, name, &arrow.from);
            let circle: Vec<&&Arrow> = kept
                .iter()
                .filter(|other| is_part(&other.from) && is_part(&other.to))
                .collect();
            told.extend(circle.iter().map(|other| other.from.as_str()));
            findings.push(describe(place, &circle));
        }
    }
    let unused = exceptions.iter().filter(|exception| !needed.contains(*exception));
    findings.extend(unused.map(|(place, from, to)| {
        format!("{place}: {from} -> {to} is part of no circle any more: take it out of xtask/src/tidy/exceptions.rs")
    }));
    findings
}

/// Whether arrows lead from one to the other.
fn leads(arrows: &[&Arrow], from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        for arrow in arrows.iter().filter(|arrow| arrow.from == at) {
            if arrow.to == to {
                return true;
            }
            if seen.insert(arrow.to.as_str()) {
                next.push(&arrow.to);
            }
        }
    }
    false
}

fn describe(place: &str, circle: &[&&Arrow]) -> String {
    let names: BTreeSet<&str> = circle.iter().map(|arrow| arrow.from.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let arrows: Vec<String> = circle
        .iter()
        .map(|arrow| format!("\n    {} -> {} ({})", arrow.from, arrow.to, arrow.example))
        .collect();
    format!("{place}: {} need each other:{}", names.join(", "), arrows.concat())
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::syntax::parse;
    use super::*;

    /// The arrows of the crate `a` with these files.
    fn arrows(files: &[(&str, &str)]) -> Vec<(String, Arrow)> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: format!("crates/a/src/{path}"),
                text: (*text).to_owned(),
            })
            .collect();
        let crates = Crate::all(&parse(&sources).unwrap());
        let arrows = crates.iter().flat_map(Crate::arrows);
        arrows
            .map(|arrow| {
                let place = [&["a".to_owned()], &arrow.parent[..]].concat().join("/");
                (place, arrow)
            })
            .collect()
    }

    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let name = |(place, arrow): (String, Arrow)| format!("{place}: {} -> {}", arrow.from, arrow.to);
        arrows(files).into_iter().map(name).collect()
    }

    #[test]
    fn an_arrow_leads_to_where_a_thing_is_defined() {
        let lib = (
            "lib.rs",
            "mod one; mod two; pub use one::deep::*; pub use two::Two as Second;",
        );
        let one = ("one/mod.rs", "pub mod deep; pub fn here() {}");
        let deep = ("one/deep.rs", "pub struct Deep; use super::here;");
        for (text, expected) in [
            ("use crate::Deep; pub struct Two;", "a: two -> one"),
            (
                "pub struct Two; fn f() { let _ = crate::one::here(); }",
                "a: two -> one",
            ),
            (
                "pub struct Two; fn f() { g!(1, (super::one::deep::Deep)); }",
                "a: two -> one",
            ),
            (
                "pub struct Two; impl Two { fn f(_: &super::one::deep::Deep) {} }",
                "a: two -> one",
            ),
        ] {
            assert_eq!(names(&[lib, one, deep, ("two.rs", text)]), [expected], "{text}");
        }
        let two = ("two.rs", "pub struct Two;");
        assert_eq!(
            names(&[lib, ("one/mod.rs", "pub mod deep; use crate::Second;"), deep, two]),
            ["a: one -> two"]
        );
        // Parent and child are one room; tests and what they declare do not count; a re-export is no reference.
        let tests = "pub struct Two; pub use super::one::here; #[cfg(test)] mod tests { use crate::one::here; } #[cfg(test)] mod it;";
        let it = ("two/it.rs", "use crate::one::deep::Deep;");
        assert!(names(&[lib, one, deep, ("two.rs", tests), it]).is_empty());
    }

    #[test]
    fn circles_are_found_and_exceptions_run_out() {
        let files = [
            ("lib.rs", "mod one; mod two; mod three; mod four;"),
            ("one.rs", "use crate::two::B; pub struct A;"),
            ("two.rs", "use crate::three::C; pub struct B;"),
            ("three/mod.rs", "mod deep; pub struct C;"),
            ("three/deep.rs", "use crate::one::A;"),
            ("four.rs", "use crate::one::A;"),
        ];
        let arrows = arrows(&files);
        assert_eq!(
            findings(&arrows, &[]),
            [
                "a: one, three, two need each other:\n    one -> two (crates/a/src/one.rs:1: two::B)\n    \
              three -> one (crates/a/src/three/deep.rs:1: one::A)\n    two -> three (crates/a/src/two.rs:1: three::C)"
            ]
        );
        assert!(findings(&arrows, &[("a", "three", "one")]).is_empty());
        assert_eq!(
            findings(
                &arrows,
                &[("a", "three", "one"), ("a", "four", "one"), ("a", "two", "four")]
            ),
            [
                "a: four -> one is part of no circle any more: take it out of xtask/src/tidy/exceptions.rs",
                "a: two -> four is part of no circle any more: take it out of xtask/src/tidy/exceptions.rs"
            ]
        );
    }
}
