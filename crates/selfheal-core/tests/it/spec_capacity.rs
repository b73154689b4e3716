//! The keys `types` and `market`, as a file says them.

use crate::files::{errors, minimal_with, parse};
use selfheal_core::spec::Market;

#[test]
fn types_are_several_in_order_and_of_one_architecture_and_not_beside_a_type() {
    let of = |lines: &str| minimal_with(&format!("{lines}\n")).replace("type = \"t4g.small\"\nimage", "image");
    let spec = parse(&of("types = [\"t4g.small\", \"m7g.medium\"]\nmarket = \"spot\""));
    let types: Vec<&String> = spec.instance.types().collect();
    assert_eq!(types, ["t4g.small", "m7g.medium"]);
    assert_eq!(spec.instance.market, Market::Spot);
    let one = parse(&of("types = [\"t4g.small\"]"));
    assert!(!one.instance.is_mixed(), "one type is what `type` says");
    let wrong = [
        "type = \"t4g.small\"\ntypes = [\"t4g.small\"]",
        "types = []",
        "types = [\"t4g.small\", \"t4g.small\"]",
        "types = [\"t4g.small\", \"t3.small\"]",
        "type = \"t4g.small\"\nmarket = \"Spot\"",
        "market = \"spot\"",
    ];
    let told: Vec<String> = wrong.iter().map(|lines| errors(&of(lines))).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    line 8, column 1: `instance.types` is here as well as `type` (expected only one of the two: `type` for one type, or `types` for several in the order in which they are tried)
    line 7, column 1: `instance.types` has 0 types (expected 1 to 10)
    line 7, column 23: `instance.types[1]` is in the list twice (expected each type once)
    line 7, column 23: `instance.types[1]` is of x86_64, and t4g.small of arm64 (expected types of one architecture: an image runs on one alone)
    line 8, column 10: `instance.market` is `Spot` (did you mean `spot`? expected one of `on-demand`, `spot`)
    line 4, column 1: `instance.type` is missing (expected an instance type such as \"t4g.small\")
    ");
}
