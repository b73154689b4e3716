//! Issue 8, numbers 47, 50 and 51, as a script sees them: exit codes, one JSON document, and headlines.

use serde_json::Value;

use crate::support::{Folder, Run};

fn codes(status: &Value) -> Vec<&str> {
    let findings = status["findings"].as_array().expect("a list");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

#[test]
fn status_check_tells_by_its_code_whether_the_stack_serves_and_heals() {
    let folder = Folder::new();
    folder.expect(&["status", "--check"], 10);
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["status", "--check"], 0);
    folder.tamper(|world| world.roles.values_mut().for_each(|role| role.policies.clear()));
    let run = folder.expect(&["status", "--check"], 9);
    assert!(run.stdout.contains("serves, but would not heal"), "{}", run.stdout);
    let status = folder.json(&["status"]);
    assert_eq!(codes(&status), ["role-policy-missing"]);
    assert_eq!(
        (&status["healthy"], &status["severity"]),
        (&false.into(), &"cannot-heal".into())
    );
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["status", "--check"], 0);
    folder.edit("t4g.small", "t4g.medium");
    folder.expect(&["apply", "--yes"], 0);
    let run = folder.expect(&["status", "--check"], 3);
    assert!(run.stdout.contains("healthy, on an older version"), "{}", run.stdout);
    let status = folder.json(&["status"]);
    assert_eq!(codes(&status), ["version-behind"]);
    assert_eq!(status["healthy"], true);
}

#[test]
fn a_launch_that_aws_refuses_is_told_in_its_words() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let id = folder.json(&["status"])["instance"]["id"]
        .as_str()
        .expect("an instance")
        .to_owned();
    folder.tamper(|world| world.images.clear());
    folder.kill(&id);
    let run = folder.expect(&["status", "--check"], 10);
    let run = if run.stdout.contains("cannot launch") {
        run
    } else {
        folder.expect(&["status", "--check"], 10)
    };
    assert!(
        run.stdout.contains("! the group cannot launch an instance: "),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("does not exist"), "{}", run.stdout);
    assert_eq!(codes(&folder.json(&["status"]))[0], "launch-failing");
}

#[test]
fn the_plan_of_a_parked_stack_never_says_nothing_to_do() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.park();
    let run = folder.expect(&["plan", "--check"], 3);
    assert!(!run.stdout.contains("Nothing to do"), "{}", run.stdout);
    assert!(run.stdout.contains("would not heal"), "{}", run.stdout);
    let status = folder.json(&["status"]);
    assert_eq!(codes(&status), ["parked", "suspended"]);
    folder.expect(&["resume", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
}

#[test]
fn whatever_goes_wrong_json_ends_with_it_on_standard_output() {
    let folder = Folder::new();
    for args in [&["apply"][..], &["destroy"], &["resume"], &["status"], &["plan"]] {
        let wrong = folder.expect(&[args, &["--json", "-f", "nowhere.toml"]].concat(), 6);
        assert_eq!(wrong.json(args)["error"]["code"], "spec", "{args:?}");
    }
    let unasked = folder.expect(&["apply", "--json"], 4);
    assert_eq!(unasked.json(&["apply"])["error"]["code"], "declined");
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("20GiB", "10GiB");
    let refused = folder.expect(&["apply", "--json", "--yes"], 5).json(&["apply"]);
    assert_eq!(refused["error"]["exit"], 5);
    assert_eq!(refused["refusals"][0]["code"], "volume-shrinks", "{refused:#}");
    assert!(
        refused["refusals"][0]["help"]
            .as_str()
            .is_some_and(|help| help.contains("20GiB"))
    );
    // The plan's own document tells what it refuses.
    let plan = json(&folder.expect(&["plan", "--json"], 5));
    assert_eq!(plan["refusals"][0]["code"], "volume-shrinks");
    folder.authorise_by(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let denied = json(&folder.expect(&["status", "--json"], 7));
    assert_eq!(denied["error"]["code"], "denied");
}

#[test]
fn a_refusal_is_printed_once() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("20GiB", "10GiB");
    for args in [&["apply", "--yes"][..], &["plan"], &["apply", "--yes", "--json"]] {
        let run = folder.expect(args, 5);
        let people_read = if args.contains(&"--json") {
            run.stderr
        } else {
            run.stdout + &run.stderr
        };
        let told = people_read.matches("a volume cannot shrink").count();
        assert_eq!(told, 1, "{args:?}: {people_read}");
    }
}

#[test]
fn a_stack_is_seen_resumed_and_destroyed_without_its_setup_script() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    std::fs::remove_file(folder.path().join("setup.sh")).expect("it is there");
    let status = folder.json(&["status"]);
    assert_eq!(status["healthy"], true, "{status:#}");
    let drift = status["drift"].as_array().expect("a list");
    assert_eq!(drift.len(), 1, "{status:#}");
    assert_eq!(drift[0]["code"], "setup-unread");
    folder.expect(&["plan"], 6);
    folder.expect(&["apply", "--yes"], 6);
    folder.expect(&["resume", "--yes"], 0);
    folder.expect(&["policy", "instance"], 0);
    folder.expect(&["destroy", "--yes"], 0);
}

#[test]
fn the_group_that_ingress_made_goes_with_the_stack_after_the_spec_named_another() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let mut given = String::new();
    folder.tamper(|world| {
        let mut other = world.security_groups.values().next().expect("ours").clone();
        other.group.id = "sg-0123456789abcdef0".into();
        other.group.name = "theirs".to_owned();
        other.group.tags.clear();
        given = other.group.id.to_string();
        world.security_groups.insert(other.group.id.clone(), other);
    });
    folder.edit(
        "ingress = [\"80/tcp\", \"443/tcp\"]",
        &format!("security_groups = [\"{given}\"]"),
    );
    let run = folder.expect(&["apply", "--yes"], 0);
    assert!(
        folder.expect(&["plan"], 0).stdout.contains("`ingress` made"),
        "{}",
        run.stdout
    );
    folder.expect(&["destroy", "--yes"], 0);
    let mut left = Vec::new();
    folder.tamper(|world| left = world.security_groups.keys().cloned().collect());
    assert_eq!(left, [given.as_str()]);
}
