//! What the commands do and print.

use std::process::Stdio;

use crate::support::{Folder, shape};

#[test]
fn a_stack_lives_from_plan_to_destroy() {
    let folder = Folder::new();
    let plan = folder.expect(&["plan"], 0);
    assert!(
        plan.stdout.contains("Stack web in eu-west-1, account 123456789012"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains("+ Elastic IP"), "{}", plan.stdout);
    folder.expect(&["plan", "--check"], 3);

    let apply = folder.expect(&["apply", "--yes"], 0);
    assert!(
        apply.stderr.contains("  done: Auto Scaling group selfheal-web"),
        "{}",
        apply.stderr
    );
    let end: Vec<&str> = apply.stdout.lines().rev().take(2).collect();
    assert_eq!(end[0], "  name     app.example.com");
    assert!(end[1].starts_with("  address  203.0.113."), "{}", end[1]);

    let check = folder.expect(&["plan", "--check"], 0);
    assert!(check.stdout.contains("Nothing to do"), "{}", check.stdout);
    let again = folder.json(&["apply", "--yes"]);
    assert_eq!(again["done"], serde_json::json!([]));

    let status = folder.json(&["status"]);
    assert_eq!(status["healthy"], true, "{status:#}");
    assert_eq!(status["address"]["public_ip"], again["public_ip"]);
    assert_eq!(status["address"]["associated_instance"], status["instance"]["id"]);
    assert_eq!(status["volume"]["attached_instance"], status["instance"]["id"]);

    folder.expect(&["destroy", "--yes"], 0);
    let left = folder.json(&["status"]);
    assert_eq!(
        (&left["group"], &left["instance"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert_eq!(left["address"]["public_ip"], again["public_ip"]);
    assert_eq!(left["volume"]["id"], status["volume"]["id"]);
    folder.expect(&["destroy", "--yes"], 0);

    folder.expect(&["apply", "--yes"], 0);
    let adopted = folder.json(&["status"]);
    assert_eq!(adopted["address"]["allocation_id"], status["address"]["allocation_id"]);
    assert_eq!(adopted["volume"]["id"], status["volume"]["id"]);

    folder.expect(&["destroy", "--yes", "--release-address", "--delete-data"], 0);
    let gone = folder.json(&["status"]);
    assert_eq!(
        (&gone["address"], &gone["volume"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[test]
fn a_stack_that_aws_probes_shows_its_check_from_plan_to_destroy() {
    let folder = Folder::new();
    let probe = "[app]\nhealth = { http = \"http://localhost/healthz\", from = \"both\" }\n";
    folder.edit("[app]\n", probe);
    let plan = folder.expect(&["plan"], 0);
    let shown =
        "+ application check                             AWS asks the app from outside, and charges for it by the hour";
    assert!(plan.stdout.contains(shown), "{}", plan.stdout);
    let policy = folder.expect(&["policy", "operator", "--for", "apply"], 0);
    assert!(
        policy.stdout.contains("ec2:CreateApplicationStatusCheck"),
        "{}",
        policy.stdout
    );

    folder.expect(&["apply", "--yes"], 0);
    assert!(folder.expect(&["plan", "--check"], 0).stdout.contains("Nothing to do"));
    let status = folder.json(&["status"]);
    let id = status["application_check"]["id"]
        .as_str()
        .expect("it is there")
        .to_owned();
    assert!(id.starts_with("asc-"), "{status:#}");
    assert!(status["application_check"]["instance_status"].is_string(), "{status:#}");
    assert!(
        folder
            .expect(&["status"], 0)
            .stdout
            .contains(&format!("  check     {id}, "))
    );

    // Asked for no more, it goes; until then the operator may look for it and delete it.
    folder.edit("[app]\n", "[app]\n");
    let policy = folder.expect(&["policy", "operator", "--for", "apply"], 0);
    assert!(
        policy.stdout.contains("ec2:DeleteApplicationStatusCheck"),
        "{}",
        policy.stdout
    );
    let plan = folder.expect(&["plan"], 0);
    assert!(
        plan.stdout.contains(&format!("- application check {id}")),
        "{}",
        plan.stdout
    );
    let destroy = folder.expect(&["destroy", "--yes"], 0);
    assert!(destroy.stderr.contains("done: application check"), "{}", destroy.stderr);
    folder.expect(&["apply", "--yes"], 0);
    let policy = folder.expect(&["policy", "operator", "--for", "apply"], 0);
    assert!(!policy.stdout.contains("ApplicationStatus"), "{}", policy.stdout);
}

#[test]
fn the_shape_of_plans_and_runs_is_stable() {
    let folder = Folder::new();
    insta::assert_snapshot!(shape(&folder.json(&["plan"])), @r"
    .account: string
    .image.asked: string
    .image.id: string
    .notes[]
    .refusals[]
    .region: string
    .stack: string
    .steps[].change: string
    .steps[].fields[]
    .steps[].kind: string
    .steps[].readiness.waiting.needs[].step.kind: string
    .steps[].readiness.waiting.needs[].step.target: string
    .steps[].reason: string
    .steps[].target: null
    .version: number
    .waits[]
    ");
    insta::assert_snapshot!(shape(&folder.json(&["apply", "--yes"])), @r"
    .account: string
    .allocation_id: string
    .done[].detail: string
    .done[].kind: string
    .event: string
    .left[]
    .name: string
    .outcome: string
    .public_ip: string
    .region: string
    .replaced: null
    .served.instance_id: string
    .served.seconds: number
    .served.timeline[].after_ms: number
    .served.timeline[].at: string
    .served.timeline[].instance: string
    .served.timeline[].phase: string
    .stack: string
    .version: number
    ");
    insta::assert_snapshot!(shape(&folder.json(&["destroy", "--yes"])), @r"
    .account: string
    .done[].detail: string
    .done[].kind: string
    .event: string
    .kept[]: string
    .left[]
    .outcome: string
    .region: string
    .snapshot_id: null
    .stack: string
    .version: number
    ");
}

#[test]
fn the_shape_of_a_status_is_stable() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    insta::assert_snapshot!(shape(&folder.json(&["status"])), @r"
    .account: string
    .address.allocation_id: string
    .address.associated_instance: string
    .address.public_ip: string
    .agent.last_ping: string
    .agent.state: string
    .agent.unknown: null
    .agent.version: string
    .app_port: null
    .application_check: null
    .asleep: null
    .certificate: null
    .config: null
    .dns.in_sync: boolean
    .dns.name: string
    .dns.value: string
    .drift[]
    .failed_boots: number
    .findings[]
    .group: string
    .healthy: boolean
    .instance.health: string
    .instance.id: string
    .instance.instance_type: string
    .instance.launched_at: string
    .instance.lifecycle: string
    .instance.state: string
    .instance.template_version: string
    .last_drill: null
    .last_error: null
    .last_log: null
    .last_restore_drill: null
    .last_snapshot: null
    .launch_template.id: string
    .launch_template.latest: number
    .launch_template.version: number
    .log_group: null
    .notes[]
    .notify: null
    .observed_at: string
    .other_instances[]
    .parked: null
    .problems[]
    .region: string
    .repairs: null
    .replacements: null
    .schedule[]
    .severity: null
    .snapshots: null
    .stack: string
    .suspended[]
    .version: number
    .volume.attached_instance: string
    .volume.filesystem_gib: number
    .volume.id: string
    .volume.size_gib: number
    .volume.state: string
    .volume.zone: string
    ");
    folder.edit("t4g.small", "t4g.medium");
    insta::assert_snapshot!(shape(&folder.json(&["status"])["drift"]), @r"
    [].code: string
    [].message: string
    [].subject: string
    ");
}

#[test]
fn drift_is_told_by_status_and_by_plan() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("t4g.small", "t4g.medium");
    let plan = folder.json(&["plan"]);
    let keys: Vec<&str> = plan["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|s| s["kind"].as_str())
        .collect();
    assert_eq!(keys, ["create-template-version", "update-group"]);
    let status = folder.json(&["status"]);
    assert_eq!(status["drift"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["healthy"], true, "a stack with drift still serves");
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let folder = Folder::new();
    let run = folder.expect(&["apply"], 4);
    assert!(run.stderr.contains("no terminal to ask on"), "{}", run.stderr);
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    folder.expect(&["plan", "--check"], 3);
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["destroy", "--delete-data"], 4);
    folder.expect(&["plan", "--check"], 0);
    // What has nothing to do needs no consent.
    folder.expect(&["apply"], 0);
    folder.expect(&["resume"], 0);
}

#[test]
fn a_parked_stack_says_so_until_it_is_resumed() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.tamper(|world| {
        let group = world.groups.get_mut("selfheal-web").expect("the stack's group");
        group
            .suspended
            .extend(["Launch", "ReplaceUnhealthy"].map(str::to_owned));
        let tags = [
            ("parked", "setup failed"),
            ("failed-boots", "3"),
            ("last-error", "status 1"),
        ];
        let tags = tags.map(|(key, value)| (format!("selfheal:{key}"), value.to_owned()));
        group.tags.extend(tags);
    });
    let parked = folder.json(&["status"]);
    assert_eq!(parked["healthy"], false);
    assert_eq!(
        (&parked["failed_boots"], &parked["last_error"]),
        (&3.into(), &"status 1".into())
    );
    assert_eq!(parked["suspended"], serde_json::json!(["Launch", "ReplaceUnhealthy"]));
    folder.expect(&["resume"], 4);
    let resumed = folder.json(&["resume", "--yes"]);
    assert_eq!(resumed["done"].as_array().map(Vec::len), Some(2), "{resumed:#}");
    let status = folder.json(&["status"]);
    assert_eq!(
        (&status["healthy"], &status["failed_boots"]),
        (&true.into(), &0.into()),
        "{status:#}"
    );
}

#[test]
fn an_instance_that_is_killed_comes_back_with_everything() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let before = folder.json(&["status"]);
    let id = before["instance"]["id"].as_str().expect("an instance").to_owned();
    folder.kill(&id);
    // The world of a command goes on when it ends: the next one finds the replacement in service.
    folder.expect(&["plan", "--check"], 0);
    let after = folder.json(&["status"]);
    assert_ne!(after["instance"]["id"], before["instance"]["id"]);
    assert_eq!(after["healthy"], true, "{after:#}");
    assert_eq!(after["address"]["public_ip"], before["address"]["public_ip"]);
    assert_eq!(after["address"]["associated_instance"], after["instance"]["id"]);
    assert_eq!(after["volume"]["attached_instance"], after["instance"]["id"]);
}

#[test]
fn commands_at_once_take_turns_on_the_simulated_world() {
    let folder = Folder::new();
    let start = |args: &[&str]| {
        let mut command = folder.command(args);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts")
    };
    let mut runs: Vec<_> = (0..3)
        .flat_map(|_| [start(&["apply", "--yes"]), start(&["status"])])
        .collect();
    for run in &mut runs {
        assert_eq!(run.wait().expect("it ends").code(), Some(0));
    }
    folder.expect(&["plan", "--check"], 0);
}

#[test]
fn documents_are_all_that_is_on_standard_output() {
    let folder = Folder::new();
    let policy = folder.expect(&["policy", "instance", "--offline"], 0);
    let document: serde_json::Value = serde_json::from_str(&policy.stdout).expect("a policy is JSON");
    assert_eq!(document["Version"], "2012-10-17");
    assert!(
        policy.stdout.contains("eipalloc-00000000000000000"),
        "{}",
        policy.stdout
    );
    assert!(policy.stderr.contains("stand as zeroes"), "{}", policy.stderr);
    for purpose in ["plan", "apply", "status", "destroy"] {
        let account = [
            "policy",
            "operator",
            "--for",
            purpose,
            "--offline",
            "--account",
            "210987654321",
        ];
        let policy = folder.expect(&account, 0);
        assert!(
            policy.stdout.contains("210987654321") || purpose == "plan",
            "{}",
            policy.stdout
        );
        serde_json::from_str::<serde_json::Value>(&policy.stdout).expect("a policy is JSON");
    }
    folder.expect(&["apply", "--yes"], 0);
    let script = folder.expect(&["userdata"], 0);
    assert!(script.stdout.starts_with("#!"), "{}", script.stdout);
    assert!(script.stderr.is_empty(), "{}", script.stderr);
    let allocation = folder.json(&["status"])["address"]["allocation_id"].to_string();
    assert!(
        script.stdout.contains(allocation.trim_matches('"')),
        "the ids are those of the stack"
    );
    let encoded = folder.expect(&["userdata", "--encoded"], 0);
    assert_eq!(encoded.stdout.lines().count(), 1);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let folder = Folder::new();
    assert!(!folder.expect(&["plan"], 0).stdout.contains('\x1b'));
    assert!(
        folder
            .expect(&["plan", "--color", "always"], 0)
            .stdout
            .contains("\x1b[32m+ Elastic IP")
    );
    assert!(!folder.expect(&["plan", "--color", "never"], 0).stdout.contains('\x1b'));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = Folder::new();
    for args in [
        &["plan"][..],
        &["status"],
        &["policy", "instance", "--offline"],
        &["demo"],
        &["userdata"],
    ] {
        let (code, stderr) = folder.read_nothing(args);
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
    // A plan that nobody saw is not carried out.
    let (code, stderr) = folder.read_nothing(&["apply", "--yes"]);
    assert_eq!(code, Some(1), "{stderr}");
    folder.expect(&["plan", "--check"], 3);
}
