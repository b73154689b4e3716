//! Drills on the simulated AWS.

use crate::support::Folder;

#[test]
fn a_drill_is_shown_confirmed_by_name_proven_and_kept() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let refused = folder.expect(&["drill", "--confirm", "web"], 5);
    assert!(
        refused.stderr.contains("no snapshot of the last day") && refused.stderr.contains("--no-snapshot"),
        "{}",
        refused.stderr
    );
    let declined = folder.expect(&["drill", "--no-snapshot", "--confirm", "other"], 4);
    assert!(
        declined.stderr.contains("the name is not the stack's"),
        "{}",
        declined.stderr
    );
    // Nobody to ask.
    folder.expect(&["drill", "--no-snapshot"], 4);
    assert_eq!(folder.json(&["status"])["last_drill"], serde_json::Value::Null);
    let run = folder.expect(
        &["drill", "--no-snapshot", "--confirm", "web", "--report", "drill.html"],
        0,
    );
    for part in [
        "the group ends the instance",
        "is down for",
        "A marker is written",
        "is made to fail",
        "has left the group",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    for part in [
        "holds  the address is the same",
        "holds  the marker on it is the same",
        "holds  the breaker is untouched",
        "It served again after",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let page = std::fs::read_to_string(folder.path().join("drill.html")).expect("it is there");
    assert!(page.contains("<svg") && page.contains("passed"), "{page}");
    let status = folder.json(&["status"]);
    assert_eq!(
        (&status["last_drill"]["passed"], &status["last_drill"]["how"]),
        (&true.into(), &"terminate".into()),
        "{status:#}"
    );
    assert_eq!(status["healthy"], true);
}

#[test]
fn a_drill_tells_a_program_moment_by_moment() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let lines = folder
        .expect(
            &[
                "drill",
                "--no-snapshot",
                "--confirm",
                "web",
                "--how",
                "poweroff",
                "--json",
            ],
            0,
        )
        .lines();
    let (last, before) = lines.split_last().expect("lines");
    assert_eq!(
        (&last["outcome"], &last["passed"]),
        (&"drilled".into(), &true.into()),
        "{last:#}"
    );
    let moments: Vec<&str> = before.iter().filter_map(|line| line["what"].as_str()).collect();
    assert!(
        moments.starts_with(&["failed", "ending"]) && moments.contains(&"in-service"),
        "{moments:?}"
    );
    assert_eq!(last["timeline"][0]["what"], "failed");
}

#[test]
fn what_nobody_would_see_and_a_file_that_nobody_can_write_are_refused_before_anything_fails() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let before = folder.json(&["status"])["instance"]["id"].clone();
    let refused = folder.expect(&["drill", "--no-snapshot", "--confirm", "web", "--how", "reboot"], 5);
    assert!(
        refused.stderr.contains("nobody would see it heal"),
        "{}",
        refused.stderr
    );
    folder.expect(
        &[
            "drill",
            "--no-snapshot",
            "--confirm",
            "web",
            "--report",
            "/nowhere/drill.html",
        ],
        1,
    );
    assert_eq!(folder.json(&["status"])["instance"]["id"], before);
}

#[test]
fn a_drill_of_a_restore_proves_the_last_snapshot() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let refused = folder.expect(&["drill", "--restore", "--confirm", "web"], 5);
    assert!(
        refused.stderr.contains("no completed snapshot") && refused.stderr.contains("selfheal snapshot --wait"),
        "{}",
        refused.stderr
    );
    folder.expect(&["snapshot", "--wait"], 0);
    // Nobody to ask.
    folder.expect(&["drill", "--restore"], 4);
    let first = folder.expect(&["drill", "--restore", "--confirm", "web"], 0);
    for part in ["is made of snap-", "has the copy attached", "has read the copy"] {
        assert!(first.stderr.contains(part), "{part}: {}", first.stderr);
    }
    for part in [
        "holds  its filesystem mounts",
        "No marker was written before this snapshot",
    ] {
        assert!(first.stdout.contains(part), "{part}: {}", first.stdout);
    }
    assert_eq!(folder.json(&["snapshots"])["volumes"], serde_json::json!([]));
    let status = folder.json(&["status"]);
    assert_eq!(status["last_restore_drill"]["passed"], true, "{status:#}");
    assert_eq!(status["last_restore_drill"]["marker_compared"], false);
    assert_eq!(status["healthy"], true);
    let lines = folder
        .expect(&["drill", "--restore", "--confirm", "web", "--json"], 0)
        .lines();
    let (last, before) = lines.split_last().expect("lines");
    assert_eq!(last["outcome"], "restore-drilled", "{last:#}");
    let moments: Vec<&str> = before.iter().filter_map(|line| line["what"].as_str()).collect();
    assert_eq!(moments, ["copy-made", "copy-attached", "copy-read", "copy-removed"]);
    for other in [["--how", "app"], ["--report", "x.html"]] {
        let arguments = [["drill", "--restore"].as_slice(), &other].concat();
        folder.expect(&arguments, 2);
    }
}
