//! Waiting until the stack serves, and replacing its instance.

use serde_json::Value;

use crate::support::{Folder, Run};

/// The result of a run that tells of events.
fn last(folder: &Folder, args: &[&str]) -> Value {
    let mut lines = folder.expect(&[args, &["--json"]].concat(), 0).lines();
    lines.pop().expect("a line")
}

#[test]
fn an_apply_waits_until_the_stack_serves_and_shows_how_it_comes_to() {
    let folder = Folder::new();
    let run = folder.expect(&["apply", "--yes"], 0);
    for phase in [
        "is launched",
        "holds the data volume",
        "holds the address",
        "is in service",
    ] {
        assert!(run.stderr.contains(phase), "{phase}: {}", run.stderr);
    }
    assert!(run.stdout.contains(" serves after "), "{}", run.stdout);
    assert_eq!(folder.json(&["status"])["healthy"], true);
    let again = folder.expect(&["apply", "--yes"], 0);
    assert!(
        !again.stderr.contains("is launched"),
        "nothing has come to pass: {}",
        again.stderr
    );
    let waited = folder.expect(&["wait"], 0);
    assert!(waited.stdout.ends_with(" serves.\n"), "{}", waited.stdout);
}

#[test]
fn who_does_not_wait_is_told_how_to() {
    let folder = Folder::new();
    let run = folder.expect(&["apply", "--yes", "--no-wait"], 0);
    assert!(run.stdout.contains("`selfheal status` shows"), "{}", run.stdout);
    let last = last(&folder, &["wait"]);
    assert_eq!(last["outcome"], "serving", "{last:#}");
    assert_eq!(folder.json(&["status"])["instance"]["id"], last["instance_id"]);
}

#[test]
fn a_stack_that_does_not_come_to_serve_has_an_exit_code_of_its_own() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    folder.fail_boots(true);
    let run = folder.expect(&["apply", "--yes"], 13);
    assert!(
        run.stderr
            .contains("done, and the stack does not serve: a boot failed: "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("selfheal logs --boot"), "{}", run.stderr);
    let lines = folder.expect(&["wait", "--json", "--timeout", "3h"], 13).lines();
    let last = lines.last().expect("a line");
    assert_eq!(
        (&last["outcome"], &last["error"]["code"]),
        (&"failed".into(), &"not-serving".into()),
        "{last:#}"
    );
    assert!(
        last["error"]["message"].to_string().contains("has parked itself"),
        "{last:#}"
    );
    folder.fail_boots(false);
    // What parked is no longer waited for, and the apply that mends it says so.
    let run = folder.expect(&["apply", "--yes"], 0);
    assert!(run.stdout.contains("selfheal resume"), "{}", run.stdout);
    folder.expect(&["resume", "--yes"], 0);
    folder.expect(&["wait"], 0);
}

#[test]
fn a_replacement_changes_the_instance_and_nothing_that_it_holds() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let before = folder.json(&["status"]);
    folder.edit("t4g.small", "t4g.medium");
    folder.expect(&["apply", "--yes"], 0);
    assert_eq!(
        folder.json(&["status"])["instance"]["id"],
        before["instance"]["id"],
        "an apply replaces nothing"
    );
    let unasked = folder.expect(&["replace"], 4);
    assert!(
        unasked.stdout.contains("launch template version  1 -> 2"),
        "{}",
        unasked.stdout
    );
    let run = folder.expect(&["replace", "--yes"], 0);
    assert!(run.stdout.contains("serves in the place of"), "{}", run.stdout);
    let after = folder.json(&["status"]);
    assert_eq!(after["healthy"], true, "{after:#}");
    assert_ne!(after["instance"]["id"], before["instance"]["id"]);
    assert_eq!(after["instance"]["template_version"], "2");
    assert_eq!(after["address"]["public_ip"], before["address"]["public_ip"]);
    assert_eq!(after["volume"]["id"], before["volume"]["id"]);
    let last = last(&folder, &["replace", "--yes"]);
    assert_eq!(last["outcome"], "replaced", "{last:#}");
    assert_eq!(
        last["served"]["instance_id"],
        folder.json(&["status"])["instance"]["id"]
    );
}

#[test]
fn what_does_not_boot_is_gone_back_from() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let none = folder.expect(&["rollback", "--yes"], 5);
    assert!(none.stdout.contains("there is none before"), "{}", none.stdout);
    let before = folder.json(&["status"]);
    folder.edit("t4g.small", "t4g.medium");
    folder.expect(&["apply", "--yes"], 0);
    folder.fail_boots(true);
    let run = folder.expect(&["replace", "--yes"], 13);
    assert!(
        run.stderr.contains("`selfheal rollback --to 1` goes back"),
        "{}",
        run.stderr
    );
    folder.fail_boots(false);
    let unasked = folder.expect(&["rollback"], 4);
    assert!(
        unasked.stdout.contains("launch template version  2 -> 1"),
        "{}",
        unasked.stdout
    );
    assert!(
        unasked.stdout.contains("mend it before the next `selfheal apply`"),
        "{}",
        unasked.stdout
    );
    // Meanwhile it has parked itself: it goes back, and is resumed.
    assert!(
        unasked.stdout.contains("`selfheal resume` lifts it"),
        "{}",
        unasked.stdout
    );
    folder.expect(&["rollback", "--yes"], 0);
    folder.expect(&["resume", "--yes"], 0);
    folder.expect(&["wait"], 0);
    let after = folder.json(&["status"]);
    assert_eq!(after["healthy"], true, "{after:#}");
    assert_eq!(after["instance"]["template_version"], "1");
    assert_eq!(after["address"]["public_ip"], before["address"]["public_ip"]);
    assert_eq!(after["volume"]["id"], before["volume"]["id"]);
    assert!(
        !after["drift"].as_array().expect("a list").is_empty(),
        "the file says another version"
    );
    // And where one of another version runs, it is replaced.
    let forth = last(&folder, &["rollback", "--to", "2", "--yes"]);
    assert_eq!(forth["instance_id"], after["instance"]["id"], "{forth:#}");
    assert_eq!(folder.json(&["status"])["instance"]["template_version"], "2");
    folder.expect(&["rollback", "--yes"], 0);
    let again = last(&folder, &["rollback", "--to", "1", "--yes"]);
    assert_eq!(
        (&again["done"], &again["instance_id"]),
        (&serde_json::json!([]), &Value::Null),
        "{again:#}"
    );
}

#[test]
fn what_would_bring_no_other_instance_is_not_replaced() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    folder.expect(&["replace", "--yes"], 5);
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["sleep", "--yes", "--until-wake"], 0);
    let asleep = folder.expect(&["replace", "--yes"], 5);
    assert!(asleep.stdout.contains("selfheal wake"), "{}", asleep.stdout);
    let asleep = folder.expect(&["wait"], 13);
    assert!(asleep.stderr.contains("the stack sleeps"), "{}", asleep.stderr);
    // And an apply of one that sleeps waits for nobody.
    folder.edit("t4g.small", "t4g.medium");
    let run = folder.expect(&["apply", "--yes"], 0);
    assert!(!run.stderr.contains("is launched"), "{}", run.stderr);
}

#[test]
fn who_may_replace_may_do_nothing_else() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let policy = folder.expect(&["policy", "operator", "--for", "replace"], 0).stdout;
    folder.authorise_by(&policy);
    folder.expect(&["replace", "--yes"], 0);
    folder.expect(&["apply", "--yes"], 7);
    folder.expect(&["sleep", "--yes"], 7);
}

#[test]
fn an_apply_rolls_out_at_once_what_only_another_instance_has() {
    let folder = Folder::new();
    // Of a stack that is made there is nothing to replace.
    folder.expect(&["apply", "--replace", "--yes"], 0);
    let before = folder.json(&["status"]);
    let nothing = last(&folder, &["apply", "--replace", "--yes"]);
    assert_eq!(
        (&nothing["done"], &nothing["replaced"]),
        (&serde_json::json!([]), &Value::Null)
    );

    folder.edit("t4g.small", "t4g.medium");
    let plan = folder.expect(&["plan", "--replace"], 0).stdout;
    assert!(
        plan.contains(&format!(
            "- instance {}",
            before["instance"]["id"].as_str().expect("an id")
        )),
        "{plan}"
    );
    assert!(!folder.expect(&["plan"], 0).stdout.contains("- instance"));
    let unasked = folder.expect(&["apply", "--replace"], 4);
    assert!(
        unasked.stdout.contains("launch template version  1 -> "),
        "{}",
        unasked.stdout
    );
    let run = folder.expect(&["apply", "--replace", "--yes"], 0);
    assert!(run.stdout.contains(" serves in the place of i-"), "{}", run.stdout);
    assert!(run.stderr.contains("has left the group"), "{}", run.stderr);
    let after = folder.json(&["status"]);
    assert_eq!(
        (&after["healthy"], &after["severity"]),
        (&true.into(), &Value::Null),
        "{after:#}"
    );
    assert_ne!(after["instance"]["id"], before["instance"]["id"]);
    assert_eq!(after["instance"]["template_version"], "2");
    assert_eq!(after["address"]["public_ip"], before["address"]["public_ip"]);
    assert_eq!(after["volume"]["id"], before["volume"]["id"]);

    // An earlier apply has left it to a replacement, and the next one makes it; by a saved plan too.
    folder.edit("t4g.small", "t4g.large");
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["plan", "--replace", "--check", "--out", "today.plan"], 3);
    let done = last(&folder, &["apply", "--plan", "today.plan", "--yes"]);
    assert_eq!(done["replaced"], after["instance"]["id"], "{done:#}");
    assert_eq!(done["done"].as_array().map(Vec::len), Some(1), "{done:#}");
    folder.expect(&["plan", "--replace", "--check"], 0);
}

#[test]
fn an_apply_whose_instance_does_not_boot_says_how_to_go_back() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("t4g.small", "t4g.medium");
    folder.fail_boots(true);
    let run = folder.expect(&["apply", "--replace", "--yes"], 13);
    assert!(
        run.stderr.contains("`selfheal rollback --to 1` goes back"),
        "{}",
        run.stderr
    );
    folder.fail_boots(false);
    // By now it has parked itself, and nothing would take the place of what is left.
    folder.expect(&["rollback", "--yes"], 0);
    folder.expect(&["resume", "--yes"], 0);
    folder.expect(&["wait"], 0);
    folder.park();
    let parked = folder.expect(&["apply", "--replace", "--yes"], 5);
    assert!(parked.stdout.contains("has parked itself"), "{}", parked.stdout);
}

#[test]
fn an_apply_that_replaces_needs_the_policies_of_both() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("t4g.small", "t4g.medium");
    let policy = |purpose: &str| -> Value {
        let run = folder.expect(&["policy", "operator", "--for", purpose], 0);
        serde_json::from_str(&run.stdout).expect("a policy is JSON")
    };
    let (mut both, replace) = (policy("apply"), policy("replace"));
    folder.authorise_by(&both.to_string());
    let denied = folder.expect(&["apply", "--replace", "--yes"], 7);
    assert!(
        denied
            .stderr
            .contains("autoscaling:TerminateInstanceInAutoScalingGroup"),
        "{}",
        denied.stderr
    );
    let mut more = replace["Statement"].as_array().expect("statements").clone();
    // In one document each name is there once.
    for statement in &mut more {
        statement.as_object_mut().expect("a statement").remove("Sid");
    }
    both["Statement"].as_array_mut().expect("statements").extend(more);
    folder.authorise_by(&both.to_string());
    folder.expect(&["apply", "--replace", "--yes"], 0);
    folder.expect(&["plan", "--replace", "--check"], 0);
}

#[test]
fn who_looks_on_sees_a_healing_a_line_a_change() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let id = folder.json(&["status"])["instance"]["id"]
        .as_str()
        .expect("an instance")
        .to_owned();
    folder.kill(&id);
    let run = folder.expect(&["status", "--watch", "--for", "20m"], 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    for line in &lines {
        assert!(
            line.starts_with("20") && line.as_bytes()[19] == b'Z',
            "a time and a change: {line}"
        );
    }
    let gone = format!("  {id} has left the group");
    assert!(lines.iter().any(|line| line.ends_with(&gone)), "{}", run.stdout);
    let serves = lines.last().expect("a line");
    assert!(
        serves.contains("  the stack serves from i-") && !serves.contains(&id),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);

    // Nothing changes any more: what there is, once, and no more.
    let lines = folder
        .expect(&["status", "--watch", "--for", "1h", "--json"], 0)
        .lines();
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["event"]).collect();
    assert_eq!(
        kinds,
        [
            "reached", "reached", "reached", "reached", "reached", "stands", "result"
        ]
    );
    let (stands, last) = (&lines[5], &lines[6]);
    assert_eq!(
        (&stands["stands"], &stands["after_ms"]),
        (&"serving".into(), &0.into()),
        "{stands:#}"
    );
    assert_eq!(
        (&last["outcome"], &last["stands"]),
        (&"watched".into(), &"serving".into()),
        "{last:#}"
    );
    assert!(
        last["seconds"]
            .as_u64()
            .is_some_and(|seconds| (3_600..3_700).contains(&seconds)),
        "{last:#}"
    );
    assert_eq!(last["instance"], stands["instance"]);
}

#[test]
fn who_looks_on_at_a_stack_that_does_not_boot_is_told_why() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let id = folder.json(&["status"])["instance"]["id"]
        .as_str()
        .expect("an instance")
        .to_owned();
    folder.fail_boots(true);
    folder.kill(&id);
    let run = folder.expect(&["status", "--watch", "--for", "5h"], 0);
    let failed: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.contains("a boot failed: "))
        .collect();
    assert_eq!(failed.len(), 1, "a line each: {}", run.stdout);
    assert!(failed[0].contains("| its log ends: "), "{}", run.stdout);
    assert!(run.stdout.contains("  the stack has parked itself: "), "{}", run.stdout);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.write("other.toml", &crate::support::SPEC);
    let several = folder.expect(&["status", "--watch", "selfheal.toml", "other.toml"], 2);
    assert!(
        several.stderr.contains("`--watch` takes one stack at a time"),
        "{}",
        several.stderr
    );
    let endless = folder.expect(&["status", "--watch"], 2);
    assert!(endless.stderr.contains("needs `--for`"), "{}", endless.stderr);
    folder.expect(&["status", "--for", "5m"], 2);
    folder.expect(&["status", "--watch", "--for", "0s"], 2);
    folder.expect(&["status", "--watch", "--check", "--for", "5m"], 2);
}

/// Runs a program on a terminal of its own.
const ON_A_TERMINAL: &str = "import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

#[test]
fn on_a_terminal_the_view_is_redrawn_below_the_status_and_the_changes() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let plain = folder.command(&["status", "--watch", "--for", "10m"]);
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", ON_A_TERMINAL])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(folder.path())
        .env("SELFHEAL_BACKEND", "sim")
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null());
    let run = Run::of(&command.output().expect("python3 starts"));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("No drift: the stack is as the spec says."),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(" is in service"), "{}", run.stdout);
    let view = run
        .stdout
        .rsplit("the stack serves from")
        .next()
        .expect("the last view");
    for row in [
        "  instance  i-",
        "  address   203.0.113.",
        "  read      ",
        "Ctrl-C ends it",
    ] {
        assert!(view.contains(row), "{row}: {view:?}");
    }
    assert!(run.stdout.contains("\u{1b}["), "in place: {:?}", run.stdout);
}
