//! The simulated AWS stands apart: it rests on what every backend rests on, and nothing of its crate rests on it.

use super::rooms::Crate;

/// The crate that it is part of.
const CRATE: &str = "crates/selfheal-aws/src";
/// Its module.
const SIM: &str = "sim";
/// What it may refer to: the traits that it implements, their errors, and the clock and the chance that a run is given.
const FLOOR: [&str; 3] = ["backend", "control", "error"];

/// Finds arrows from the simulation to anything but its floor, and arrows to the simulation.
pub fn check(crates: &[Crate]) -> Vec<String> {
    let Some(of) = crates.iter().find(|of| of.folder == CRATE) else {
        return vec![format!("there is no {CRATE}")];
    };
    let arrows = of.arrows().into_iter().filter(|arrow| arrow.parent.is_empty());
    let wrong = arrows.filter(|arrow| arrow.to == SIM || arrow.from == SIM && !FLOOR.contains(&arrow.to.as_str()));
    wrong
        .map(|arrow| format!("{} must not refer to {} ({})", arrow.from, arrow.to, arrow.example))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::syntax::parse;
    use super::*;

    #[test]
    fn the_simulation_knows_its_floor_and_nobody_knows_it() {
        let source = |path: &str, text: &str| Source {
            path: format!("{CRATE}/{path}"),
            text: text.to_owned(),
        };
        let sources = [
            source(
                "lib.rs",
                "mod apply; mod error; mod observe; mod sim; pub use error::E; pub use sim::Sim;",
            ),
            source("apply.rs", "use crate::Sim;"),
            source("error.rs", "pub struct E;"),
            source("observe.rs", "pub fn observe() {}"),
            source("sim/mod.rs", "mod deep; pub struct Sim;"),
            source(
                "sim/deep.rs",
                "use crate::E; use super::Sim; fn f() { crate::observe::observe() }",
            ),
        ];
        let parsed = parse(&sources).unwrap();
        assert_eq!(
            check(&Crate::all(&parsed)),
            [
                format!("apply must not refer to sim ({CRATE}/apply.rs:1: Sim)"),
                format!("sim must not refer to observe ({CRATE}/sim/deep.rs:1: observe::observe)"),
            ]
        );
    }
}
