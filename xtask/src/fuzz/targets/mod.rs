//! What is fuzzed: every reader of text that somebody else wrote.

mod boot;
mod policy;
mod spec;

use super::{Target, example};

/// Every target.
pub const ALL: &[Target] = &[
    policy::PARSER,
    policy::EVALUATOR,
    spec::PARSER,
    boot::READER,
    boot::RENDERER,
];

/// Their names.
pub const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        names[at] = ALL[at].name;
        at += 1;
    }
    names
};

/// Fails unless something holds. The first line says what does not, the others of what.
fn holds(holds: bool, what: &str, of: impl FnOnce() -> String) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{what}\n{}", of()))
    }
}
