//! `shell`, `forward` and `run`: the ways to the instance.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Folder, Run, SPEC};

/// Puts stand-ins for the AWS CLI and its plug-in into the folder: the first notes its arguments, one a line.
fn stand_ins(folder: &Folder, names: &[&str]) -> String {
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).expect("the folder is writable");
    for name in names {
        let path = bin.join(name);
        let note = folder.path().join("arguments");
        let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >{}\nexit 42\n", note.display());
        fs::write(&path, text).expect("the folder is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    format!("{}:/usr/bin:/bin", bin.display())
}

/// Runs with the stand-ins alone on the path; answers the arguments of the AWS CLI.
fn session(folder: &Folder, args: &[&str]) -> (Run, Vec<String>) {
    let path = stand_ins(folder, &["aws", "session-manager-plugin"]);
    let output = folder.command(args).env("PATH", path).output().expect("it starts");
    let noted = fs::read_to_string(folder.path().join("arguments")).unwrap_or_default();
    (Run::of(&output), noted.lines().map(str::to_owned).collect())
}

fn applied() -> (Folder, String) {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let status = folder.json(&["status"]);
    assert_eq!(status["agent"]["state"], "online", "{status:#}");
    let id = status["instance"]["id"].as_str().expect("an instance").to_owned();
    (folder, id)
}

#[test]
fn a_shell_becomes_the_aws_cli_on_the_instance_and_ends_as_it_does() {
    let (folder, id) = applied();
    // A simulated instance is no reason to ask the real AWS for anything.
    let common = [
        "--region",
        "eu-west-1",
        "--endpoint-url",
        "https://simulated.invalid",
        "--target",
        &id,
    ];
    let begin = ["ssm", "start-session"];
    let (run, arguments) = session(&folder, &["shell"]);
    assert_eq!(run.code, 42, "{}", run.stderr);
    assert_eq!(arguments, [&begin[..], &common].concat());
    let (_, arguments) = session(&folder, &["--profile", "ops", "shell", "--", "less", "/var/log/it's"]);
    assert_eq!(arguments[2..6], ["--region", "eu-west-1", "--profile", "ops"]);
    let end = &arguments[arguments.len() - 4..];
    assert_eq!(
        end[..3],
        ["--document-name", "AWS-StartInteractiveCommand", "--parameters"]
    );
    assert_eq!(end[3], r#"{"command":["less \"/var/log/it's\""]}"#);
}

#[test]
fn a_port_is_forwarded_to_the_instance_and_through_it() {
    let (folder, _) = applied();
    let forwards = |args: &[&str]| {
        let (run, arguments) = session(&folder, args);
        assert_eq!(run.code, 42, "{}", run.stderr);
        arguments[arguments.len() - 3..].to_vec()
    };
    let to_itself = "AWS-StartPortForwardingSession";
    let expected = |local: u16, port: u16| format!(r#"{{"localPortNumber":["{local}"],"portNumber":["{port}"]}}"#);
    let sorted = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    for (args, local, port) in [
        (&["forward", "5432"][..], 5432, 5432),
        (&["forward", "8080:80"], 8080, 80),
    ] {
        let found = forwards(args);
        assert_eq!(found[..2], [to_itself, "--parameters"]);
        assert_eq!(sorted(&found[2]), sorted(&expected(local, port)));
    }
    let found = forwards(&["forward", "5432:db.internal:5433"]);
    assert_eq!(found[0], "AWS-StartPortForwardingSessionToRemoteHost");
    let text = r#"{"host":["db.internal"],"localPortNumber":["5432"],"portNumber":["5433"]}"#;
    assert_eq!(sorted(&found[2]), sorted(text));
    // Where none is said, the stack's file says it.
    let none = session(&folder, &["forward"]).0;
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("`port` in [app]"), "{}", none.stderr);
    folder.write("selfheal.toml", &SPEC.replace("[app]\n", "[app]\nport = 8080\n"));
    assert_eq!(sorted(&forwards(&["forward"])[2]), sorted(&expected(8080, 8080)));
    folder.expect(&["forward", "80:"], 2);
}

#[test]
fn what_is_not_installed_is_told_with_what_installs_it() {
    let (folder, _) = applied();
    let path = stand_ins(&folder, &["aws"]);
    for args in [&["shell"][..], &["forward", "80"]] {
        let run = Run::of(
            &folder
                .command(args)
                .env("PATH", path.replace(":/usr/bin:/bin", ""))
                .output()
                .expect("it starts"),
        );
        assert_eq!(run.code, 11, "{}", run.stderr);
        assert!(
            run.stderr.contains("not installed: session-manager-plugin\n"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("installs nothing by itself"), "{}", run.stderr);
        assert!(!folder.path().join("arguments").exists());
    }
}

#[test]
fn a_command_runs_and_ends_as_it_would_here() {
    let (folder, id) = applied();
    assert_eq!(
        folder.expect(&["run", "--", "echo", "it's", "$HOME", "a  b"], 0).stdout,
        "it's $HOME a  b\n"
    );
    folder.expect(&["run", "--", "true"], 0);
    folder.expect(&["run", "--", "false"], 1);
    folder.expect(&["run", "--", "exit", "7"], 7);
    let unknown = folder.expect(&["run", "--", "frobnicate"], 127);
    assert_eq!(unknown.stderr, "sh: 1: frobnicate: not found\n");
    let long = folder.expect(&["run", "--", "yes", "30000"], 0);
    assert_eq!(long.stdout.len(), 24_000);
    assert!(long.stderr.contains("first 24000 characters"), "{}", long.stderr);
    let over = folder.expect(&["run", "--timeout", "5s", "--", "sleep", "60"], 255);
    assert!(
        over.stderr.contains("did not run to its end: Execution Timed Out"),
        "{}",
        over.stderr
    );
    let ran = folder.expect(&["run", "--json", "--", "echo", "a"], 0).json(&["run"]);
    assert_eq!(
        (&ran["status"], &ran["exit"], &ran["stdout"]),
        (&"Success".into(), &0.into(), &"a\n".into())
    );
    assert_eq!((&ran["instance"], &ran["truncated"]), (&id.into(), &false.into()));
    folder.expect(&["run"], 2);
    folder.expect(&["run", "--timeout", "49h", "--", "true"], 2);
}

#[test]
fn why_nothing_can_be_reached_is_told() {
    let folder = Folder::new();
    let told = |args: &[&str], what: &str| {
        let run = folder.expect(args, 12);
        assert!(run.stderr.contains(what), "{}", run.stderr);
    };
    told(&["run", "--", "true"], "it has no Auto Scaling group");
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["sleep", "--yes"], 0);
    told(&["run", "--", "true"], "the stack sleeps");
    let folder = Folder::new();
    let told = |args: &[&str], what: &str| {
        let run = folder.expect(args, 12);
        assert!(run.stderr.contains(what), "{}", run.stderr);
    };
    let debian = SPEC.replace("al2023-arm64", "debian-13-arm64").replace("xfs", "ext4");
    folder.write("selfheal.toml", &debian);
    folder.expect(&["apply", "--yes"], 0);
    told(&["run", "--", "true"], "Debian's images come without the agent");
    let status = folder.json(&["status"]);
    assert_eq!(
        (&status["agent"]["state"], &status["healthy"]),
        (&"not-seen".into(), &true.into())
    );
    assert!(
        folder
            .expect(&["status"], 0)
            .stdout
            .contains("[access.agent] names none to install"),
        "the status says why"
    );
    let plan = folder.json(&["plan"]);
    assert_eq!(plan["notes"][0]["code"], "no-agent", "{plan:#}");
    // Who lets nobody in is not asked about an agent.
    folder.write(
        "selfheal.toml",
        &format!("{debian}\n[access]\nsession_manager = false\n"),
    );
    let refused = folder.expect(&["run", "--", "true"], 2);
    assert!(refused.stderr.contains("session_manager = false"), "{}", refused.stderr);
    assert!(folder.json(&["status"])["agent"].is_null());
}

#[test]
fn an_agent_that_is_pinned_is_installed_on_debian_once_the_instance_serves() {
    let folder = Folder::new();
    let debian = SPEC.replace("al2023-arm64", "debian-13-arm64").replace("xfs", "ext4");
    let agent = format!(
        "[access.agent]\nversion = \"3.3.3270.0\"\nsha256_arm64 = \"{}\"\n",
        "0a".repeat(32)
    );
    folder.write("selfheal.toml", &format!("{debian}\n{agent}"));
    folder.expect(&["apply", "--yes"], 0);
    assert_eq!(folder.json(&["plan"])["notes"].as_array().map(Vec::len), Some(0));
    let run = folder.expect(&["run", "--", "true"], 12);
    assert!(
        run.stderr.contains("it is installed once the instance serves"),
        "{}",
        run.stderr
    );
    folder.pass(std::time::Duration::from_secs(300));
    folder.expect(&["run", "--", "true"], 0);
}

#[test]
fn an_agent_that_has_ceased_to_answer_is_told_from_one_that_was_never_there() {
    let (folder, id) = applied();
    folder.tamper(|world| {
        let instance = world.instances.get_mut(id.as_str()).expect("the instance");
        instance.impaired = true;
    });
    let run = folder.expect(&["run", "--", "true"], 12);
    assert!(
        run.stderr.contains("is not connected (ConnectionLost, last heard of"),
        "{}",
        run.stderr
    );
}

/// A status is there for whoever may not ask about agents; who may not run commands is told what allows it.
#[test]
fn what_the_policies_allow_is_enough_and_no_more_is_needed() {
    let (folder, _) = applied();
    let policy = |purpose: &str| folder.expect(&["policy", "operator", "--for", purpose], 0).stdout;
    let (run, shell, status) = (policy("run"), policy("shell"), policy("status"));
    folder.authorise_by(&run);
    folder.expect(&["run", "--", "true"], 0);
    folder.authorise_by(&shell);
    assert_eq!(session(&folder, &["shell"]).0.code, 42);
    let refused = folder.expect(&["run", "--", "true"], 7);
    assert!(
        refused.stderr.contains("\"Action\": \"ssm:SendCommand\""),
        "{}",
        refused.stderr
    );
    folder.authorise_by(&status);
    assert_eq!(folder.json(&["status"])["agent"]["state"], "online");
    let without = status
        .replace("\"ssm:DescribeInstanceInformation\",", "")
        .replace(",\n        \"ssm:DescribeInstanceInformation\"", "");
    assert_ne!(without, status);
    folder.authorise_by(&without);
    let told = folder.json(&["status"]);
    assert_eq!(
        (&told["agent"]["state"], &told["healthy"]),
        (&"unknown".into(), &true.into())
    );
    let why = told["agent"]["unknown"].as_str().expect("a reason");
    assert!(why.contains("ssm:DescribeInstanceInformation"), "{why}");
}
