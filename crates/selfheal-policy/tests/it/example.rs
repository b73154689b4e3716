//! The example, run.

#[path = "../../examples/evaluate.rs"]
mod evaluate;

#[test]
fn the_example_generates_policies_and_asks_what_they_decide() {
    let story = evaluate::story().expect("the scope is sound");
    let decided: Vec<(&str, bool)> = story
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(what, _)| what.contains("deletes"))
        .map(|(what, decision)| (what, decision == "allowed"))
        .collect();
    assert_eq!(
        decided,
        [
            ("apply deletes a volume of web", false),
            ("destroy deletes a volume of web", true),
            ("apply deletes a volume of other", false),
            ("destroy deletes a volume of other", false),
        ]
    );
    // The linter found nothing: each of its findings would be a line of its own.
    assert_eq!(story.lines().count(), 7, "{story}");
    assert!(story.contains(r#"{"Sid":"ReleaseAddress""#), "{story}");
    evaluate::main().expect("it prints");
}
