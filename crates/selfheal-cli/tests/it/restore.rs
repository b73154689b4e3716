//! `snapshot`, `snapshots` and `restore`.

use crate::support::Folder;

#[test]
fn a_stack_goes_back_to_a_snapshot_and_on_again() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let none = folder.expect(&["snapshots"], 0).stdout;
    assert!(none.contains("has no snapshot"), "{none}");
    folder.expect(&["restore", "--from", "latest", "--yes"], 1);
    let taken = folder.expect(&["snapshot", "--wait"], 0).stdout;
    assert!(
        taken.contains("Took snap-") && taken.contains("It is completed"),
        "{taken}"
    );
    let before = folder.json(&["status"]);
    let old = before["volume"]["id"].as_str().expect("it has one").to_owned();

    let refused = folder.expect(&["restore", "--from", "latest"], 4);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let restored = folder.expect(&["restore", "--from", "latest", "--yes"], 0).stdout;
    assert!(restored.contains("the data will be as it was at"), "{restored}");
    assert!(restored.contains("its instance is in service"), "{restored}");
    let after = folder.json(&["status"]);
    let new = after["volume"]["id"].as_str().expect("it has one").to_owned();
    assert_ne!(new, old);
    assert_eq!(after["healthy"], true, "{after:#}");
    assert_eq!(after["address"]["public_ip"], before["address"]["public_ip"]);
    folder.expect(&["plan", "--check"], 0);

    let list = folder.json(&["snapshots"]);
    let causes: Vec<&str> = list["snapshots"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["cause"].as_str().expect("a word"))
        .collect();
    assert_eq!(causes, ["before-restore", "by-hand"], "{list:#}");
    assert_eq!(list["volumes"][0]["id"], old.as_str(), "{list:#}");
    assert_eq!(list["volumes"][0]["role"], "previous-volume");
    let text = folder.expect(&["snapshots"], 0).stdout;
    assert!(text.contains("was the data volume"), "{text}");

    folder.expect(&["restore", "--undo", "--yes"], 0);
    assert_eq!(folder.json(&["status"])["volume"]["id"], old.as_str());
    folder.expect(&["plan", "--check"], 0);
}

#[test]
fn a_copy_is_made_and_nothing_uses_it() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let made = folder.expect(&["snapshot", "--instant"], 0).stdout;
    assert!(made.contains("Made vol-"), "{made}");
    folder.expect(&["snapshot", "--wait", "--json"], 0);
    let copied = folder
        .expect(&["restore", "--from", "latest", "--as-copy", "--yes"], 0)
        .stdout;
    assert!(copied.contains("which nothing uses"), "{copied}");
    let list = folder.json(&["snapshots"]);
    assert_eq!(list["volumes"].as_array().map(Vec::len), Some(2), "{list:#}");
    folder.expect(&["plan", "--check"], 0);
    let nothing = folder.expect(&["restore", "--undo", "--yes"], 1);
    assert!(
        nothing.stderr.contains("took no other volume's place"),
        "{}",
        nothing.stderr
    );
}
