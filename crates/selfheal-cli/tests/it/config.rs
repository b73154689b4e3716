//! `selfheal config`: the app's configuration in Parameter Store.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Folder, Run, SPEC};

const SECRET: &str = "postgres://secret-1@db/app";

/// A stack with a configuration.
fn configured(more: &str) -> Folder {
    let folder = Folder::new();
    folder.write(
        "selfheal.toml",
        &format!("{}\n[config]\npath = \"/web/\"\n{more}", *SPEC),
    );
    folder
}

/// Runs with this text on standard input.
#[track_caller]
fn given(folder: &Folder, args: &[&str], text: &[u8], code: i32) -> Run {
    let mut command = folder.command(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // Who is refused may be gone before anything is written.
    let _ = child.stdin.take().expect("a pipe").write_all(text);
    let run = Run::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, code, "{args:?}\n{}{}", run.stdout, run.stderr);
    for told in [&run.stdout, &run.stderr] {
        assert!(!told.contains("secret-"), "{told}");
    }
    run
}

#[test]
fn a_value_is_written_listed_shown_compared_and_removed() {
    let folder = configured("required = [\"DATABASE_URL\"]\nrefresh = \"15m\"\n");
    let listed = folder.expect(&["config", "list"], 0).stdout;
    assert!(
        listed.contains("! /web/DATABASE_URL is required, and not there"),
        "{listed}"
    );
    let text = format!("{SECRET}\n");
    let set = given(&folder, &["config", "set", "DATABASE_URL"], text.as_bytes(), 0).stdout;
    assert_eq!(
        set,
        "/web/DATABASE_URL is version 1. The running instance has it within 15m, and restarts the app.\n"
    );
    given(
        &folder,
        &["config", "set", "tls/key.pem", "--plain"],
        b"-----\nKEY\n-----\n\n",
        0,
    );
    let nothing = folder.expect(&["config", "diff"], 0).stdout;
    assert_eq!(nothing, "No instance has fetched the configuration yet.\n");
    folder.expect(&["apply", "--yes"], 0);
    let status = folder.json(&["status"]);
    assert_eq!(status["healthy"], true, "{status:#}");
    assert_eq!(
        status["config"]["noted"], "/web DATABASE_URL=1 tls/key.pem=1",
        "{status:#}"
    );
    let text = folder.expect(&["status"], 0).stdout;
    assert!(
        text.contains("config    the instance has /web DATABASE_URL=1 tls/key.pem=1"),
        "{text}"
    );
    let same = folder.json(&["config", "diff"]);
    assert_eq!(same["diff"]["state"], "same", "{same:#}");
    given(&folder, &["config", "set", "DATABASE_URL"], b"secret-2", 0);
    let list = folder.json(&["config", "list"]);
    let first = &list["parameters"][0];
    assert_eq!(
        (&first["name"], &first["type"], &first["version"]),
        (&"DATABASE_URL".into(), &"SecureString".into(), &2.into()),
        "{list:#}"
    );
    assert!(!list.to_string().contains("secret-"), "{list:#}");
    let diff = folder.expect(&["config", "diff"], 0).stdout;
    assert!(diff.starts_with("~ DATABASE_URL: 1 -> 2\n"), "{diff}");
    // A secret is shown to whoever says so, and plain text to everybody who may read it.
    folder.expect(&["config", "get", "DATABASE_URL"], 4);
    assert_eq!(
        folder.expect(&["config", "get", "DATABASE_URL", "--yes"], 0).stdout,
        "secret-2\n"
    );
    assert_eq!(
        folder.expect(&["config", "get", "tls/key.pem"], 0).stdout,
        "-----\nKEY\n-----\n\n"
    );
    folder.expect(&["config", "get", "NOTHING"], 1);
    folder.expect(&["config", "rm", "DATABASE_URL"], 4);
    folder.expect(&["config", "rm", "DATABASE_URL", "--yes"], 0);
    folder.expect(&["config", "rm", "DATABASE_URL", "--yes"], 1);
    let diff = folder.json(&["config", "diff"]);
    assert_eq!(
        diff["diff"]["changes"][0]["present"],
        serde_json::Value::Null,
        "{diff:#}"
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let folder = configured("");
    given(&folder, &["config", "set", "a.b"], b"x", 0);
    let refusals: [(&str, &[u8], &str); 8] = [
        ("PATH", b"secret-1", "no variable of the system's own"),
        ("1", b"secret-1", "not begin with a digit"),
        ("a/b", b"secret-1", "would be the same variable as a.b, a_b"),
        ("A", b"", "the value is empty"),
        ("A", b"\n", "the value is empty"),
        ("A", b"secret-{{x}}", "{{…}}"),
        ("A", b"secret-\xff", "not UTF-8"),
        ("A", b"secret-\0", "NUL"),
    ];
    for (name, value, part) in refusals {
        let refused = given(&folder, &["config", "set", name], value, 2);
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let long = [b'x'; 4_097];
    let refused = given(&folder, &["config", "set", "A"], &long, 2);
    assert!(refused.stderr.contains("4097 bytes"), "{}", refused.stderr);
    given(&folder, &["config", "set", "A"], &long[..4_096], 0);
    let list = folder.json(&["config", "list"]);
    assert_eq!(list["parameters"].as_array().map(Vec::len), Some(2), "{list:#}");
    let plain = Folder::new();
    let none = plain.expect(&["config", "list"], 2);
    assert!(none.stderr.contains("no section [config]"), "{}", none.stderr);
}

#[test]
fn who_may_change_the_configuration_may_do_nothing_else_and_is_told_what_is_lacking() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let folder = configured(&format!("kms_key = \"{key}\"\n"));
    folder.expect(&["apply", "--yes"], 0);
    let policy = folder.expect(&["policy", "operator", "--for", "config"], 0).stdout;
    folder.authorise_by(&policy);
    given(&folder, &["config", "set", "A"], b"secret-1", 0);
    for args in [
        &["config", "get", "A", "--yes"][..],
        &["config", "list"],
        &["config", "diff"],
        &["config", "rm", "A", "--yes"],
    ] {
        folder.expect(args, 0);
    }
    folder.expect(&["plan"], 7);
    for (action, args) in [
        ("kms:Encrypt", &["config", "set", "A"][..]),
        ("ssm:PutParameter", &["config", "set", "A"]),
        ("ssm:GetParametersByPath", &["config", "list"]),
        ("autoscaling:DescribeAutoScalingGroups", &["config", "diff"]),
    ] {
        folder.authorise_by(&policy.replace(action, "s3:ListBucket"));
        let denied = given(&folder, args, b"secret-1", 7);
        assert!(denied.stderr.contains(action), "{}", denied.stderr);
    }
}
