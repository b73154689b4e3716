//! The events of a run, a line each.

use serde_json::Value;

use crate::support::Folder;

fn of_kind<'a>(lines: &'a [Value], event: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["event"] == event)
}

/// Checks a run that reached its goal: what began ended, each wait is over, and the result lists what ended, in that order.
fn check(lines: &[Value], outcome: &str) {
    let (last, events) = lines.split_last().expect("a line at least");
    assert_eq!((&last["event"], &last["outcome"]), (&"result".into(), &outcome.into()));
    assert_eq!(last["left"], serde_json::json!([]), "{last:#}");
    let at = |event: &str, about: &Value| {
        let same = |line: &Value| line["event"] == event && (line["step"] == *about || line["wait"] == *about);
        events.iter().position(same)
    };
    for started in of_kind(events, "started") {
        let (began, ended) = (at("started", &started["step"]), at("finished", &started["step"]));
        assert!(ended.is_some() && began < ended, "{started}");
    }
    for waiting in of_kind(events, "waiting") {
        let (began, ended) = (at("waiting", &waiting["wait"]), at("arrived", &waiting["wait"]));
        assert!(ended.is_some() && began < ended, "{waiting}");
    }
    let ended: Vec<Value> = of_kind(events, "finished")
        .map(|line| serde_json::json!({"kind": line["step"]["kind"], "detail": line["detail"]}))
        .collect();
    assert!(!ended.is_empty());
    assert_eq!(last["done"], Value::from(ended));
}

#[test]
fn each_event_is_a_line_and_the_last_one_tells_what_was_made() {
    let folder = Folder::new();
    let made = folder.expect(&["apply", "--yes", "--json"], 0);
    check(&made.lines(), "applied");
    assert!(made.stdout.starts_with("{\"version\":1,\"event\":"), "{}", made.stdout);
    // What people read is where it was.
    assert!(made.stderr.contains("+ Elastic IP"), "{}", made.stderr);
    assert!(made.stderr.contains("  done: Elastic IP"), "{}", made.stderr);
    let again = folder.expect(&["apply", "--json"], 0).lines();
    assert_eq!(again.len(), 1, "{again:#?}");
    assert_eq!(
        (&again[0]["outcome"], &again[0]["done"]),
        (&"applied".into(), &serde_json::json!([]))
    );
    folder.park();
    check(&folder.expect(&["resume", "--yes", "--json"], 0).lines(), "resumed");
    check(&folder.expect(&["sleep", "--yes", "--json"], 0).lines(), "asleep");
    let woken = folder.expect(&["wake", "--wait", "--json"], 0).lines();
    check(&woken, "awake");
    assert!(
        of_kind(&woken, "waiting").any(|line| line["wait"]["awake"].is_object()),
        "{woken:#?}"
    );
    let gone = folder.expect(&["destroy", "--yes", "--delete-data", "--json"], 0);
    check(&gone.lines(), "destroyed");
    let snapshot = of_kind(&gone.lines(), "waiting").any(|line| line["wait"]["snapshot-completed"].is_object());
    assert!(snapshot, "{}", gone.stdout);
}

#[test]
fn a_run_that_fails_half_way_tells_what_was_made_and_what_is_left() {
    let folder = Folder::new();
    let plan = folder.expect(&["policy", "operator", "--for", "plan"], 0).stdout;
    let mut policy: Value = serde_json::from_str(&plan).expect("a document");
    let more =
        serde_json::json!({"Effect": "Allow", "Action": ["ec2:CreateVolume", "ec2:CreateTags"], "Resource": "*"});
    policy["Statement"].as_array_mut().expect("statements").push(more);
    folder.authorise_by(&policy.to_string());
    let lines = folder.expect(&["apply", "--yes", "--json"], 7).lines();
    let (last, events) = lines.split_last().expect("a line at least");
    assert_eq!(last["outcome"], "failed", "{last:#}");
    assert_eq!(last["error"]["code"], "denied", "{last:#}");
    let made: Vec<&Value> = of_kind(events, "finished").map(|line| &line["step"]["kind"]).collect();
    assert_eq!(made, ["create-volume"]);
    assert_eq!(last["done"][0]["kind"], "create-volume");
    let left = last["left"].as_array().expect("a list");
    assert!(
        left.contains(&"create-group".into()) && !left.contains(&"create-volume".into()),
        "{last:#}"
    );
}

#[test]
fn nothing_is_changed_without_a_yes_also_for_a_program() {
    let folder = Folder::new();
    for args in [&["apply", "--json"][..], &["destroy", "--delete-data", "--json"]] {
        let lines = folder.expect(args, 4).lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert_eq!(lines[0]["error"]["code"], "declined");
        folder.expect(&["apply", "--yes"], 0);
    }
}

/// A stack that is half made is worse than one whose making nobody saw: the run goes on, and its exit code tells.
#[test]
fn a_reader_that_goes_away_neither_stops_the_run_nor_is_a_panic() {
    let folder = Folder::new();
    let (code, stderr) = folder.read_nothing(&["apply", "--yes", "--json"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(stderr.contains("  done: Auto Scaling group"), "{stderr}");
    folder.expect(&["plan", "--check"], 0);
    let (code, stderr) = folder.read_nothing(&["destroy", "--yes", "--json"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    folder.expect(&["destroy"], 0);
}
