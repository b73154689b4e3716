//! Plans that are saved and applied later, and what `plan --check` counts.

use crate::support::Folder;

#[test]
fn a_saved_plan_is_applied_as_it_was_shown() {
    let folder = Folder::new();
    let saved = folder.expect(&["plan", "--out", "today.plan"], 0);
    assert!(
        saved.stderr.contains("selfheal apply --plan today.plan"),
        "{}",
        saved.stderr
    );
    let path = folder.path().join("today.plan");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).expect("it is written"));
    assert_eq!(mode & 0o777, 0o600, "it holds the setup script");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(document["version"], 1);
    folder.expect(&["apply", "--plan", "today.plan", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
    // What is done by now is not done again.
    let again = folder.expect(&["apply", "--plan", "today.plan", "--yes"], 0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
}

#[test]
fn a_saved_plan_that_the_world_or_the_file_has_left_behind_is_refused() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.edit("\"443/tcp\"]", "\"443/tcp\", \"8443/tcp\"]");
    folder.expect(&["plan", "--out", "a.plan"], 0);
    // Somebody else closes a port meanwhile.
    folder.tamper(|world| {
        world
            .security_groups
            .values_mut()
            .for_each(|record| record.group.ingress.clear());
    });
    let run = folder.expect(&["apply", "--plan", "a.plan", "--yes"], 8);
    assert!(
        run.stderr
            .contains("the saved plan does not hold any more, and nothing was changed"),
        "{}",
        run.stderr
    );
    folder.expect(&["plan", "--out", "a.plan"], 0);
    folder.edit("\"t4g.small\"", "\"t4g.medium\"");
    let run = folder.expect(&["apply", "--plan", "a.plan", "--yes"], 8);
    assert!(
        run.stderr.contains("`selfheal plan --out` saves a new one"),
        "{}",
        run.stderr
    );
    let other = folder.expect(&["plan", "--json"], 0).stdout;
    folder.write("b.plan", &other.replace("\"stack\": \"web\"", "\"stack\": \"shop\""));
    let run = folder.expect(&["apply", "--plan", "b.plan", "--yes"], 2);
    assert!(
        run.stderr.contains("the saved plan is for stack shop"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_no_saved_plan_is_told_and_a_refused_one_is_not_saved() {
    let folder = Folder::new();
    folder.write("bad.plan", "{\"version\": 1}");
    folder.write("new.plan", "{\"version\": 2}");
    for (file, told) in [
        ("none.plan", "none.plan is no saved plan: no such file"),
        ("bad.plan", "bad.plan is no saved plan: missing field"),
        ("new.plan", "its form is 2, and this version reads 1"),
    ] {
        let run = folder.expect(&["apply", "--plan", file, "--yes"], 2);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    folder.edit("\"t4g.small\"", "\"t3.small\"");
    folder.expect(&["plan", "--out", "c.plan"], 5);
    assert!(!folder.path().join("c.plan").exists());
}

#[test]
fn an_image_whose_name_leads_elsewhere_is_no_drift_unless_it_is_asked_for() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.tamper(|world| {
        for record in world.templates.values_mut() {
            for version in record.versions.iter_mut() {
                version.image_id = "ami-00000000000000bad".into();
            }
        }
    });
    let quiet = folder.expect(&["plan", "--check"], 0);
    assert!(quiet.stderr.contains("only the image has moved on"), "{}", quiet.stderr);
    assert!(quiet.stdout.contains("ami-00000000000000bad"), "{}", quiet.stdout);
    folder.expect(&["plan", "--check", "--image"], 3);
    folder.edit("\"8GiB\"", "\"9GiB\"");
    folder.expect(&["plan", "--check"], 3);
}

#[test]
fn a_changed_setup_script_is_shown_line_by_line() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    folder.write("setup.sh", "#!/bin/sh\ntouch /srv/data/steady\n");
    let plan = folder.expect(&["plan"], 0).stdout;
    assert!(
        plan.contains("\n-touch /srv/data/ready\n+touch /srv/data/steady\n"),
        "{plan}"
    );
    let apply = folder.expect(&["apply", "--yes"], 0).stdout;
    assert!(
        apply.contains("--- app.setup, version 1\n+++ app.setup, as the spec says\n"),
        "{apply}"
    );
}

#[test]
fn several_stacks_are_a_line_each() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let shop = crate::support::SPEC
        .replace("\"web\"", "\"shop\"")
        .replace("app.example.com", "shop.example.com");
    folder.write("shop.toml", &shop);
    let run = folder.expect(&["status", "selfheal.toml", "shop.toml"], 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", run.stdout);
    assert!(
        lines[1].starts_with("web ") && lines[1].ends_with("healthy"),
        "{}",
        run.stdout
    );
    assert!(
        lines[2].starts_with("shop ") && lines[2].contains("does not serve: "),
        "{}",
        run.stdout
    );
    folder.expect(&["status", "selfheal.toml", "shop.toml", "--check"], 10);
    folder.expect(&["status", "selfheal.toml", "--check"], 0);
    let run = folder.expect(&["status", "selfheal.toml", "shop.toml", "--json"], 2);
    assert!(run.stderr.contains("one stack at a time"), "{}", run.stderr);
}
