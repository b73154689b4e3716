//! The role: its boundary, the app's own policy, and what others gave it.

use crate::support::{Folder, SPEC};

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const APP: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Files","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#;

/// The stack's file with a boundary and a policy of the app's.
fn bounded(folder: &Folder) {
    let text = SPEC
        .replace("[data]", &format!("permissions_boundary = \"{BOUNDARY}\"\n\n[data]"))
        .replace("[app]", "[app]\npolicy = \"policy.json\"");
    folder.write("selfheal.toml", &text);
    folder.write("policy.json", APP);
}

#[test]
fn the_printed_boundary_and_the_operators_policy_are_enough_and_neither_can_be_left_out() {
    let folder = Folder::new();
    bounded(&folder);
    let boundary = folder.expect(&["policy", "boundary"], 0).stdout;
    let offline = ["policy", "boundary", "--offline", "--account", "123456789012"];
    assert_eq!(folder.expect(&offline, 0).stdout, boundary, "no id is part of it");
    assert!(
        boundary.contains("elastic-ip/*") && boundary.contains("arn:aws:s3:::web-files/*"),
        "{boundary}"
    );
    let policy = folder.expect(&["policy", "operator"], 0).stdout;
    assert!(policy.contains("iam:PermissionsBoundary"), "{policy}");
    folder.tamper(|world| {
        world
            .config
            .managed_policies
            .insert(BOUNDARY.to_owned(), boundary.as_str().into());
    });
    folder.authorise_by(&policy);
    // Without the boundary the role may not be made.
    folder.edit("[app]", "[app]");
    let run = folder.expect(&["apply", "--yes"], 7);
    assert!(run.stderr.contains("iam:CreateRole"), "{}", run.stderr);
    bounded(&folder);
    let run = folder.expect(&["apply", "--yes"], 0);
    assert!(
        run.stdout.contains("+ app policy selfheal-web-eu-west-1"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(&format!("boundary  {BOUNDARY}")), "{}", run.stdout);
    folder.expect(&["plan", "--check"], 0);
    folder.tamper(|world| world.config.operator_policy = None);
    let status = folder.json(&["status"]);
    assert_eq!(status["drift"], serde_json::json!([]));
}

#[test]
fn a_policy_that_is_none_points_at_its_key() {
    let folder = Folder::new();
    bounded(&folder);
    folder.write("policy.json", "{");
    let run = folder.expect(&["plan"], 6);
    assert!(
        run.stderr.contains("`app.policy` names a policy that IAM would refuse"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("policy = \"policy.json\""), "{}", run.stderr);
    folder.write("policy.json", &APP.replace("s3:GetObject", "*"));
    let run = folder.expect(&["plan"], 6);
    assert!(run.stderr.contains("allows every action in `Files`"), "{}", run.stderr);
    std::fs::remove_file(folder.path().join("policy.json")).expect("it is there");
    let run = folder.expect(&["plan"], 6);
    assert!(
        run.stderr.contains("`app.policy` cannot be read: no such file"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_role_that_others_use_is_not_destroyed_under_them() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    folder.tamper(|world| {
        let role = world.roles.values_mut().next().expect("a role");
        role.attached.push(managed.to_owned());
    });
    let run = folder.expect(&["destroy", "--yes"], 5);
    assert!(run.stdout.contains(managed), "{}", run.stdout);
    let detach = "aws iam detach-role-policy --role-name selfheal-web-eu-west-1 --policy-arn";
    assert!(run.stdout.contains(detach), "{}", run.stdout);
    folder.tamper(|world| world.roles.values_mut().for_each(|role| role.attached.clear()));
    folder.expect(&["destroy", "--yes"], 0);
}
