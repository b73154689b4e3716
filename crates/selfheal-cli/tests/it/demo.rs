//! The demo's text: the same for the same seed, and worth reading.

use crate::support::Folder;

#[test]
fn the_story_is_the_same_for_the_same_seed() {
    let folder = Folder::new();
    let first = folder.expect(&["demo"], 0);
    assert_eq!(first.stderr, "");
    assert_eq!(folder.expect(&["demo"], 0).stdout, first.stdout);
    assert_ne!(folder.expect(&["demo", "--seed", "8"], 0).stdout, first.stdout);
    assert!(
        !folder.path().join(".selfheal-sim.json").exists(),
        "the demo keeps nothing"
    );
    insta::assert_snapshot!("demo", first.stdout);
}

#[test]
fn every_story_ends_well() {
    let folder = Folder::new();
    for seed in 0..20 {
        let run = folder.expect(&["demo", "--seed", &seed.to_string()], 0);
        assert!(run.stdout.contains("\nHealed after "), "seed {seed}\n{}", run.stdout);
    }
}
