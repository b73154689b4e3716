//! `selfheal logs`.

use crate::support::{Folder, SPEC};

const LOGGED: &str = "[logs]\nretention_days = 14\n\n[app]\n";

/// A folder with an applied stack that ships its logs, and its instance.
fn logged() -> (Folder, String) {
    let folder = Folder::new();
    folder.write("selfheal.toml", &SPEC.replace("[app]\n", LOGGED));
    folder.expect(&["apply", "--yes"], 0);
    let id = instance(&folder);
    (folder, id)
}

fn instance(folder: &Folder) -> String {
    let status = folder.json(&["status"]);
    status["instance"]["id"].as_str().expect("an instance").to_owned()
}

#[test]
fn lines_of_an_instance_that_is_gone_are_shown_with_those_of_the_next() {
    let (folder, first) = logged();
    let text = folder.expect(&["logs"], 0).stdout;
    let last = text.lines().last().expect("a line");
    assert!(
        last.ends_with(&format!(
            "Z {first} selfheal-boot.service selfheal[1]: selfheal: boot is done"
        )),
        "{text}"
    );
    folder.kill(&first);
    folder.expect(&["status"], 0);
    let second = instance(&folder);
    assert_ne!(first, second);
    let both = folder.expect(&["logs", "--boot"], 0).stdout;
    let place = |id: &str| both.find(id).expect("it is there");
    assert!(place(&first) < place(&second), "in the order of time: {both}");
    let of_first = folder.expect(&["logs", "--instance", &first], 0).stdout;
    assert!(of_first.contains(&first) && !of_first.contains(&second), "{of_first}");
    let newest = folder
        .expect(&["logs", "--lines", "1", "--unit", "selfheal-boot"], 0)
        .stdout;
    assert_eq!(newest.lines().count(), 1);
    assert!(newest.contains("boot is done") && newest.contains(&second), "{newest}");
    let none = folder.expect(&["logs", "--unit", "app"], 0);
    assert_eq!(none.stdout, "");
    assert!(
        none.stderr.contains("no line of the log group /selfheal/web matches"),
        "{}",
        none.stderr
    );
    let lines = folder.expect(&["logs", "--json"], 0).lines();
    assert_eq!(lines.len(), both.lines().count());
    assert_eq!(lines[0]["source"], "log-group");
    assert_eq!(lines[0]["priority"], "info");
    assert_eq!(lines[0]["instance"], first.as_str());
}

#[test]
fn follow_shows_each_line_once_in_the_order_in_which_it_comes() {
    let (folder, first) = logged();
    folder.kill(&first);
    let lines = folder
        .expect(&["logs", "--follow", "--lines", "2", "--json"], 0)
        .lines();
    let texts: Vec<&str> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(
        texts.iter().filter(|text| **text == "selfheal: boot is done").count(),
        2,
        "{texts:?}"
    );
    let mut ids: Vec<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert_eq!(
        lines[..2]
            .iter()
            .filter(|line| line["instance"] == first.as_str())
            .count(),
        2
    );
}

#[test]
fn without_logs_or_with_an_empty_group_the_console_is_shown_and_said_to_be() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let console = folder.expect(&["logs", "--lines", "1"], 0);
    assert_eq!(console.stdout, "selfheal: boot is done\n");
    assert!(
        console.stderr.contains("has no [logs]: this is the console output"),
        "{}",
        console.stderr
    );
    let followed = folder.expect(&["logs", "--follow"], 2);
    assert!(
        followed.stderr.contains("there is nothing to follow"),
        "{}",
        followed.stderr
    );
    let nobody = folder.expect(&["logs", "--instance", "i-00000000000000000"], 0);
    assert!(nobody.stderr.contains("no such instance"), "{}", nobody.stderr);
    let line = &folder.expect(&["logs", "--json"], 0).lines()[0];
    assert_eq!(
        (&line["source"], &line["at"]),
        (&"console".into(), &serde_json::Value::Null)
    );

    let (folder, _) = logged();
    folder.tamper(|world| {
        let group = world.log_groups.get_mut("/selfheal/web").expect("the group");
        group.streams.clear();
    });
    let console = folder.expect(&["logs"], 0);
    assert!(
        console.stderr.contains("is empty: this is the console output"),
        "{}",
        console.stderr
    );
    assert!(
        console.stdout.ends_with("selfheal: boot is done\n"),
        "{}",
        console.stdout
    );
}

#[test]
fn who_may_not_read_is_told_what_is_missing() {
    let (folder, _) = logged();
    let policy = folder.expect(&["policy", "operator", "--for", "logs"], 0).stdout;
    folder.authorise_by(&policy);
    folder.expect(&["logs"], 0);
    folder.authorise_by(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let denied = folder.expect(&["logs"], 7);
    assert!(denied.stderr.contains("logs:FilterLogEvents"), "{}", denied.stderr);
    let failure = folder.expect(&["logs", "--json"], 7).lines().pop().expect("a line");
    assert_eq!(failure["error"]["code"], "denied");
}
