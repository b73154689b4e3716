//! What is told of the certificate: in the group's tag, and to the topic.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::https::{age, booted, look, machine, pass, refuse, set_config, set_part, tls};
use crate::support::machine::Machine;
use crate::support::secured;

/// What the group's tag says of the certificate, and how often it was written.
fn noted(machine: &Machine) -> (String, usize) {
    let state = machine.aws.state();
    let told = state.tags.get("selfheal:tls").cloned().unwrap_or_default();
    let wrote = state.calls.iter().filter(|(action, call)| {
        action == "CreateOrUpdateTags" && call.get("Tags.member.1.Key").is_some_and(|key| key == "selfheal:tls")
    });
    (told, wrote.count())
}

#[test]
fn how_the_certificate_is_stands_in_a_tag_of_the_group() {
    let machine = booted();
    fs::write(machine.root().join("resolves-to"), "192.0.2.1").unwrap();
    look(&machine);
    let (told, wrote) = noted(&machine);
    assert!(
        told.starts_with("error=app.localhost has 192.0.2.1  and it has to have"),
        "{told}"
    );
    look(&machine);
    assert_eq!((noted(&machine).1, wrote), (1, 1), "nothing has changed");
    let address = fs::read_to_string(machine.root().join("var/lib/selfheal/address")).unwrap();
    fs::write(machine.root().join("resolves-to"), address).unwrap();
    look(&machine);
    let (told, wrote) = noted(&machine);
    let field = |name: &str| {
        let field = told
            .split(' ')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        field.unwrap_or_else(|| panic!("{name}: {told}")).to_owned()
    };
    assert_eq!((field("ca").as_str(), wrote), ("https://ca.example.com/dir", 2));
    let time = |name: &str| field(name).parse::<u64>().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((89 * 86_400..=90 * 86_400).contains(&(time("until") - now)), "{told}");
    assert_eq!(time("until") - time("renews"), 30 * 86_400, "{told}");
    assert!(
        now - time("tried") < 60 && !told.contains("error") && !told.contains("missing"),
        "{told}"
    );
    set_config(
        &machine,
        "https_domains=app.localhost",
        "https_domains='app.localhost www.localhost'",
    );
    refuse(&machine, "echo 'An error: no route to host'");
    look(&machine);
    let (told, _) = noted(&machine);
    assert!(told.contains(" missing=www.localhost "), "{told}");
    assert!(
        told.ends_with(" error=https://ca.example.com/dir: An error: no route to host"),
        "{told}"
    );
}

#[test]
fn that_it_is_about_to_end_is_told_once_a_day() {
    let machine = machine();
    let mut config = secured();
    config.notify = crate::support::told().notify;
    machine.boot(&config, 0);
    let address = fs::read_to_string(machine.root().join("var/lib/selfheal/address")).unwrap();
    fs::write(machine.root().join("resolves-to"), address).unwrap();
    set_part(&machine, " && mounted || return 0", " || return 0");
    look(&machine);
    refuse(&machine, "echo 'An error: no route to host'");
    let messages = || {
        let state = machine.aws.state();
        let calls = state.calls.iter().filter(|(action, _)| action == "Publish");
        calls
            .map(|(_, call)| (call["Subject"].clone(), call["Message"].clone()))
            .collect::<Vec<_>>()
    };
    let before = messages().len();
    let mut told = Vec::new();
    for end in ["16", "15", "14", "-2"] {
        // The authority may be asked by then, and refuses.
        pass(&machine, 86_400);
        age(&machine, "-77", end);
        look(&machine);
        told.push(
            messages()
                .split_off(before)
                .into_iter()
                .map(|(subject, _)| subject)
                .collect::<Vec<_>>(),
        );
        if end == "14" {
            fs::write(tls(&machine).join("warned"), "1000000000\n").unwrap();
        }
    }
    // A second more or less makes a day.
    let first = vec![told[1].first().cloned().unwrap_or_default()];
    assert!(
        ["15", "14"]
            .iter()
            .any(|days| first[0] == format!("web: the certificate expires in {days} days")),
        "{first:?}"
    );
    let mut both = first.clone();
    both.push("web: the certificate expired 2 days ago".to_owned());
    assert_eq!(told, [vec![], first.clone(), first, both]);
    let (_, text) = messages().pop().unwrap();
    assert!(text.contains("no route to host"), "{text}");
}
