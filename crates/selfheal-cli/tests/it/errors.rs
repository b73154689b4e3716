//! What goes wrong, and the exit code that says so.

use crate::support::Folder;

#[test]
fn every_way_to_fail_has_its_code() {
    let folder = Folder::new();
    folder.expect(&["plan", "--nonsense"], 2);
    folder.expect(&["plan", "--region", "us-east-1"], 2);
    folder.expect(&["plan", "-f", "nowhere.toml"], 6);
    folder.edit("setup.sh", "missing.sh");
    folder.expect(&["plan"], 6);
    // An x86 instance type with an image for arm64: the plan refuses.
    folder.edit("t4g.small", "t3.small");
    folder.expect(&["plan"], 5);
    folder.expect(&["apply", "--yes"], 5);
    folder.write(".selfheal-sim.json", "{");
    folder.edit("t4g.small", "t4g.small");
    folder.expect(&["plan"], 1);
}

#[test]
fn a_region_that_contradicts_the_file_is_named() {
    let folder = Folder::new();
    folder.expect(&["plan", "--region", "eu-west-1"], 0);
    let run = folder.expect(&["plan", "--region", "us-east-1"], 2);
    insta::assert_snapshot!(run.stderr, @"error: the stack `web` is in eu-west-1, not in us-east-1: its Region is part of what it is, and selfheal.toml says which");
}

#[test]
fn a_wrong_file_shows_every_problem_with_its_line() {
    let folder = Folder::new();
    folder.write("selfheal.toml", "name = \"Web\"\nregion = \"eu-west-1\"\n\n[instance]\ntyp = \"t4g.small\"\nimage = \"al2032\"\ningress = [\"80\"]\n");
    let run = folder.expect(&["plan"], 6);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!(run.stderr, @r#"
      × `name` is `Web`
       ╭─[selfheal.toml:1:8]
     1 │ name = "Web"
       ·        ─────
     2 │ region = "eu-west-1"
       ╰────
      help: expected 1 to 32 of a-z, 0-9 and `-`, beginning with a letter and not ending in `-`

      × `instance.typ` is not a key in [instance]
       ╭─[selfheal.toml:5:1]
     4 │ [instance]
     5 │ typ = "t4g.small"
       · ───
     6 │ image = "al2032"
       ╰────
      help: did you mean `type`? expected one of `type`, `types`, `market`, `image`, `subnet`,
            `ingress`, `security_groups`, `root_size`, `permissions_boundary`, `kms_key`

      × `instance.image` is `al2032`
       ╭─[selfheal.toml:6:9]
     5 │ typ = "t4g.small"
     6 │ image = "al2032"
       ·         ────────
     7 │ ingress = ["80"]
       ╰────
      help: did you mean `al2023`? expected an image id `ami-…`, a parameter `ssm:/…`, or one of
            `al2023`, `al2023-x86_64`, `al2023-arm64`, `debian-12`, `debian-12-arm64`, `debian-13`,
            `debian-13-arm64`, `ubuntu-22.04`, `ubuntu-22.04-arm64`, `ubuntu-24.04`, `ubuntu-24.04-
            arm64`

      × `instance.ingress[0]` is `80`
       ╭─[selfheal.toml:7:12]
     6 │ image = "al2032"
     7 │ ingress = ["80"]
       ·            ────
       ╰────
      help: did you mean `80/tcp`? expected a port and a protocol, such as "80/tcp" or "53/udp", or a
            range such as "8000-8010/tcp"

    error: selfheal.toml has 4 problems
    "#);
}

#[test]
fn a_missing_setup_script_points_at_its_key() {
    let folder = Folder::new();
    folder.edit("setup.sh", "missing.sh");
    insta::assert_snapshot!(folder.expect(&["plan"], 6).stderr, @r#"
      × `app.setup` cannot be read: no such file or directory
        ╭─[selfheal.toml:21:9]
     20 │ [app]
     21 │ setup = "missing.sh"
        ·         ────────────
        ╰────
      help: expected the path of a script, relative to this file's folder

    error: selfheal.toml has 1 problem
    "#);
}

#[test]
fn a_missing_file_says_what_is_looked_for() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.expect(&["plan", "-f", "nowhere.toml"], 6).stderr, @r"
    error: cannot read nowhere.toml: no such file or directory
    help: a stack is described by a `selfheal.toml` in the current folder, or by the file that `-f` names
    ");
}

#[test]
fn a_refusal_says_what_to_do() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("20GiB", "10GiB");
    let run = folder.expect(&["apply", "--yes"], 5);
    insta::assert_snapshot!(run.stderr, @"error: the plan is refused, and nothing was changed");
    assert!(run.stdout.contains("\n! "), "{}", run.stdout);
}

#[test]
fn the_help_lists_the_exit_codes() {
    let help = Folder::new().expect(&["--help"], 0).stdout;
    let codes = help.split_once("Exit codes:\n").expect("a list of exit codes").1;
    insta::assert_snapshot!(codes, @r"
      0  done, or nothing to do
      1  failed
      2  bad usage
      3  plan --check: something would change, or the stack is parked; status --check: outdated,
         without its snapshots, or somebody is not told
      4  not confirmed: declined, or no terminal to ask on and no --yes
      5  refused by the plan as unsafe or impossible
      6  the stack's file is invalid
      7  AWS denied a call, or there are no valid credentials
      8  the stack changed after the plan was shown, or somebody else's run on it won
      9  status --check: would not heal; doctor: something would fail
     10  status --check: does not serve
     11  shell, forward: the AWS CLI or its plug-in for Session Manager is not installed
     12  shell, forward, run: there is no instance that can be reached
     13  apply, replace, rollback, wait: done, and the stack does not serve
    130  interrupted
    255  run: the command did not run to its end; one that did ends run with its own status
    ");
}

#[test]
fn a_missing_permission_names_action_resource_and_statement() {
    let folder = Folder::new();
    let policy = folder.expect(&["policy", "operator", "--for", "plan"], 0).stdout;
    folder.authorise_by(&policy);
    folder.expect(&["plan", "--check"], 3);
    let run = folder.expect(&["apply", "--yes"], 7);
    let error = run.stderr.split_once("error: ").expect("an error").1;
    // A call that names several resources may need a statement for each.
    let (message, needed) = error.split_once("the operator's policy needs ").expect("a statement");
    let (_, statement) = needed.split_once(":\n").expect("a statement");
    let action = message
        .split_once(" failed: ")
        .expect("a step")
        .1
        .split([' ', ':'])
        .nth(1)
        .expect("an action");
    let statement: serde_json::Value = serde_json::from_str(statement).expect("the statement is JSON");
    let statements = match statement {
        serde_json::Value::Array(several) => several,
        one => vec![one],
    };
    let speaks = |statement: &serde_json::Value| statement["Action"].to_string().contains(action);
    assert!(!statements.is_empty() && statements.iter().all(speaks), "{error}");
    assert!(
        message.contains("done before") || message.contains("not done"),
        "{error}"
    );
}

#[test]
fn the_printed_policies_are_enough_for_what_they_are_for() {
    let folder = Folder::new();
    let policy = |purpose: &str| folder.expect(&["policy", "operator", "--for", purpose], 0).stdout;
    let policies = ["plan", "apply", "status", "destroy"].map(policy);
    let [plan, apply, status, destroy] = &policies;
    folder.authorise_by(apply);
    folder.expect(&["apply", "--yes"], 0);
    folder.authorise_by(plan);
    folder.expect(&["plan", "--check"], 0);
    folder.authorise_by(status);
    assert_eq!(folder.json(&["status"])["healthy"], true);
    folder.authorise_by(destroy);
    folder.expect(&["destroy", "--yes"], 0);
    folder.expect(&["destroy", "--yes", "--release-address", "--delete-data"], 0);
}

#[test]
fn somebody_without_rights_can_print_the_policy_that_they_lack() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    let stranger = r#"{"Version":"2012-10-17","Statement":
        [{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}]}"#;
    folder.authorise_by(stranger);
    folder.expect(&["plan"], 7);
    let policy = folder.expect(&["policy", "operator"], 0).stdout;
    assert!(policy.contains("123456789012"), "{policy}");
}

/// AWS tells of a creation that the tags were refused, and of a launch nothing at all.
#[test]
fn the_statements_are_those_of_the_action_that_is_refused_and_not_of_the_call() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    let whole = folder.expect(&["policy", "operator"], 0).stdout;
    let actions = |sid: &str| -> Vec<String> {
        let mut policy: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        let statements = policy["Statement"].as_array_mut().expect("a list");
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != sid);
        assert!(statements.len() < before, "no statement {sid}");
        folder.authorise_by(&policy.to_string());
        let run = folder.expect(&["apply", "--yes"], 7);
        let (_, needed) = run.stderr.split_once("the operator's policy needs th").expect("help");
        let (_, json) = needed.split_once(":\n").expect("statements");
        let statements: serde_json::Value = serde_json::from_str(json).expect("the statements are JSON");
        let list = statements.as_array().cloned().unwrap_or_else(|| vec![statements]);
        let mut actions: Vec<String> = list
            .iter()
            .map(|one| one["Action"].as_str().unwrap_or_default().to_owned())
            .collect();
        actions.dedup();
        actions
    };
    assert_eq!(actions("TagOnCreate"), ["ec2:CreateTags"]);
    assert_eq!(actions("PassRole"), ["iam:PassRole"]);
    let launch = ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"];
    assert_eq!(actions("LaunchByOwnTemplate"), launch);
}
