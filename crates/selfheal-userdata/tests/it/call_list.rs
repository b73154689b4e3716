//! The committed list of calls that binds the boot program and the simulation's model of it. The tests of selfheal-aws
//! include this file.

use std::collections::BTreeMap;

const LIST: &str = include_str!("../calls.txt");
/// What stands behind the name of a scenario that the simulation does not have.
const PROGRAM_ALONE: &str = " program alone";

/// Calls of a scenario, as the service and the action.
pub type Calls = Vec<String>;

/// Returns the calls of each scenario: those of the boot program, or those that the simulation makes as well.
pub fn scenarios(of_simulation: bool) -> BTreeMap<String, Calls> {
    let mut scenarios = BTreeMap::new();
    for block in LIST.split("\n[").skip(1) {
        let mut lines = block.lines().filter(|line| !line.is_empty());
        let (name, note) = lines.next().unwrap_or_default().split_once(']').unwrap_or_default();
        assert!(note.is_empty() || note == PROGRAM_ALONE, "{name}:{note}");
        let calls: Calls = lines.map(str::to_owned).collect();
        if !(of_simulation && note == PROGRAM_ALONE) {
            assert_eq!(scenarios.insert(name.to_owned(), calls), None, "{name} stands twice");
        }
    }
    assert!(scenarios.len() > 10, "the list is there");
    scenarios
}

/// Asserts that these calls were made: a call that follows itself counts once.
pub fn assert_calls(scenario: &str, listed: &[String], mut made: Calls) {
    made.dedup();
    assert_eq!(made, listed, "{scenario}");
}
