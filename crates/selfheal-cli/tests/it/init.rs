//! `init` and `schema`.

use crate::support::Folder;

/// A folder with nothing in it.
fn empty() -> Folder {
    let folder = Folder::new();
    for name in ["selfheal.toml", "setup.sh"] {
        std::fs::remove_file(folder.path().join(name)).expect("it was there");
    }
    folder
}

fn written(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).expect("it is written")
}

#[test]
fn a_first_spec_is_applied_as_it_was_written() {
    let folder = empty();
    let run = folder.expect(
        &[
            "init",
            "shop",
            "--region",
            "eu-west-1",
            "--yes",
            "--dns",
            "shop.example.com",
        ],
        0,
    );
    assert!(run.stdout.contains("selfheal apply    makes it so"), "{}", run.stdout);
    assert!(
        run.stderr.contains("to create, 0 to update, 0 to delete."),
        "{}",
        run.stderr
    );
    let text = written(&folder, "selfheal.toml");
    assert!(text.starts_with("#:schema ./selfheal.schema.json\n"), "{text}");
    assert_eq!(
        written(&folder, "selfheal.schema.json"),
        folder.expect(&["schema"], 0).stdout
    );
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let folder = Folder::new();
    let before = written(&folder, "selfheal.toml");
    let run = folder.expect(&["init", "shop", "--region", "eu-west-1", "--yes"], 2);
    assert!(
        run.stderr
            .contains("selfheal.toml is there already, and stays as it is"),
        "{}",
        run.stderr
    );
    assert_eq!(written(&folder, "selfheal.toml"), before);
    let run = folder.expect(
        &["-f", "shop.toml", "init", "--region", "eu-west-1", "--yes", "--offline"],
        0,
    );
    assert!(run.stdout.contains("selfheal -f shop.toml plan"), "{}", run.stdout);
    assert!(written(&folder, "shop.toml").contains("region = \"eu-west-1\""));
}

#[test]
fn without_an_account_a_good_one_is_written_all_the_same() {
    let folder = empty();
    let flags = [
        "init",
        "shop",
        "--region",
        "eu-central-1",
        "--offline",
        "--image",
        "debian-13-arm64",
        "--open",
        "443/tcp",
        "--data",
        "100GiB",
        "--mount",
        "/srv/shop",
        "--dns",
        "app.shop.org",
    ];
    let run = folder.expect(&flags, 0);
    assert!(!run.stderr.contains("Plan:"), "nobody was asked: {}", run.stderr);
    let text = written(&folder, "selfheal.toml");
    for line in [
        "region = \"eu-central-1\"",
        "image = \"debian-13-arm64\"",
        "ingress = [\"443/tcp\"]",
        "size = \"100GiB\"",
        "mount = \"/srv/shop\"",
        "filesystem = \"ext4\"",
        "zone = \"shop.org\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    folder.expect(&["plan"], 0);
}

#[test]
fn a_choice_that_is_not_sound_is_told_by_its_flag_and_nothing_is_written() {
    let folder = empty();
    for (flags, told) in [
        (vec!["--type", "small"], "--type: "),
        (vec!["--open", "80"], "did you mean `80/tcp`?"),
        (vec!["--data", "20GB"], "did you mean `20GiB`?"),
        (vec!["--address", "203.0.113.7"], "--address: "),
        (
            vec!["--dns", "app.example.org"],
            "no public hosted zone of the account has the name app.example.org",
        ),
        (
            vec!["--from-instance", "i-0123456789abcdef0"],
            "there is no instance i-0123456789abcdef0",
        ),
    ] {
        let mut all = vec!["init", "shop", "--region", "eu-west-1", "--yes"];
        all.extend(&flags);
        let run = folder.expect(&all, 2);
        assert!(run.stderr.contains(told), "{flags:?}: {}", run.stderr);
    }
    let run = folder.expect(&["init", "Shop", "--region", "eu-west-1", "--yes"], 2);
    assert!(run.stderr.contains("NAME: "), "{}", run.stderr);
    assert!(!folder.path().join("selfheal.toml").exists());
}

#[test]
fn a_stack_like_an_instance_leaves_that_alone() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let status = folder.json(&["status"]);
    let id = status["instance"]["id"]
        .as_str()
        .expect("it has an instance")
        .to_owned();
    let flags = [
        "-f",
        "like.toml",
        "init",
        "twin",
        "--region",
        "eu-west-1",
        "--yes",
        "--from-instance",
        &id,
    ];
    let run = folder.expect(&flags, 0);
    assert!(run.stderr.contains("0 to update, 0 to delete."), "{}", run.stderr);
    let text = written(&folder, "like.toml");
    assert!(text.contains(&format!("# Like {id}, which is left as it is")), "{text}");
    assert!(
        text.contains("size = \"20GiB\"") && text.contains("root_size = \"8GiB\""),
        "{text}"
    );
    assert!(!text.contains("\nallocation"), "{text}");
}

/// Who may not read something is told what is not offered, and gets a spec all the same.
#[test]
fn what_may_not_be_read_is_told_and_not_offered() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    folder.authorise_by(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}]}"#,
    );
    let run = folder.expect(&["-f", "a.toml", "init", "shop", "--region", "eu-west-1", "--yes"], 0);
    assert!(
        run.stderr
            .contains("hosted zones are not offered: AWS denies route53:ListHostedZones"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("not planned yet"), "{}", run.stderr);
    let policy = folder.expect(&["policy", "operator", "--for", "init"], 0).stdout;
    folder.authorise_by(&policy);
    let run = folder.expect(&["-f", "b.toml", "init", "shop", "--region", "eu-west-1", "--yes"], 0);
    assert!(!run.stderr.contains("not offered"), "{}", run.stderr);
}
