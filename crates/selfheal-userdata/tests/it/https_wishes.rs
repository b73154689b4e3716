//! What an operator asks for: another certificate before it is due, and the one before.

use std::fs;
use std::path::PathBuf;

use crate::https::{age, attempts, booted, look, pass, refuse, set_config, tls};
use crate::support::machine::Machine;

/// Lets the unit that looks after the certificate do what is wished for; answers what came of it.
fn wish(machine: &Machine, what: &str) -> String {
    let live = machine.root().join("run/selfheal/tls");
    let _ = fs::remove_file(live.join("outcome"));
    fs::write(live.join("wish"), format!("{what}\n")).unwrap();
    machine.again("tls", 0);
    assert!(!live.join("wish").exists(), "it is done once");
    fs::read_to_string(live.join("outcome")).unwrap()
}

fn current(machine: &Machine) -> PathBuf {
    fs::read_link(tls(machine).join("current")).unwrap()
}

#[test]
fn another_certificate_is_had_before_it_is_due_as_often_as_the_volume_allows() {
    let machine = booted();
    look(&machine);
    for generation in ["gen-2", "gen-3"] {
        let told = wish(&machine, "renew");
        assert!(
            told.starts_with("ok what is served now ends ") && told.contains("app.localhost"),
            "{told}"
        );
        assert_eq!(current(&machine), PathBuf::from(generation));
    }
    let told = wish(&machine, "renew");
    assert!(told.starts_with("failed the authority is asked again after "), "{told}");
    assert_eq!(current(&machine), PathBuf::from("gen-3"), "three a week");
    // A look of its own does not ask again for what was refused.
    pass(&machine, 700_000);
    look(&machine);
    assert_eq!(current(&machine), PathBuf::from("gen-3"));
    refuse(&machine, "echo 'An error: no route to host'");
    let told = wish(&machine, "renew");
    assert!(
        told.starts_with("failed https://ca.example.com/dir: An error: no route to host"),
        "{told}"
    );
    let before = attempts(&machine);
    let told = wish(&machine, "renew");
    assert!(told.starts_with("failed the authority is asked again after "), "{told}");
    assert_eq!(attempts(&machine), before, "ten minutes");
}

#[test]
fn the_certificate_before_is_served_until_the_next_is_due() {
    let machine = booted();
    let told = wish(&machine, "rollback");
    assert!(
        told.starts_with("failed there is no certificate of an authority yet"),
        "{told}"
    );
    look(&machine);
    let told = wish(&machine, "rollback");
    assert!(told.starts_with("failed none before gen-1 is there"), "{told}");
    wish(&machine, "renew");
    let told = wish(&machine, "rollback");
    assert!(told.starts_with("ok what is served now ends "), "{told}");
    assert_eq!(current(&machine), PathBuf::from("gen-1"));
    // Neither a look nor a replacement takes up what somebody went back from.
    pass(&machine, 3_600);
    look(&machine);
    fs::remove_dir_all(machine.root().join("run/selfheal/tls")).unwrap();
    machine.again("boot", 0);
    look(&machine);
    assert_eq!(current(&machine), PathBuf::from("gen-1"));
    age(&machine, "-61", "29");
    look(&machine);
    assert_eq!(current(&machine), PathBuf::from("gen-3"), "the next one was due");
    // One that has expired is served to nobody who has a better one.
    let generation = tls(&machine).join("gen-2");
    fs::rename(&generation, tls(&machine).join("aside")).unwrap();
    fs::remove_file(tls(&machine).join("current")).unwrap();
    std::os::unix::fs::symlink("gen-1", tls(&machine).join("current")).unwrap();
    age(&machine, "-91", "-1");
    fs::remove_file(tls(&machine).join("current")).unwrap();
    std::os::unix::fs::symlink("gen-3", tls(&machine).join("current")).unwrap();
    let told = wish(&machine, "rollback");
    assert!(told.starts_with("failed none before gen-3 is there"), "{told}");
    assert_eq!(current(&machine), PathBuf::from("gen-3"));
}

#[test]
fn what_a_volume_says_that_nobody_wrote_there_keeps_nothing() {
    let machine = booted();
    look(&machine);
    fs::write(
        tls(&machine).join("passed-over"),
        "a[$(touch /tmp/selfheal-must-not-be)]\n",
    )
    .unwrap();
    fs::remove_file(tls(&machine).join("current")).unwrap();
    let text = look(&machine);
    assert!(text.contains("taking up gen-1"), "{text}");
    assert!(!PathBuf::from("/tmp/selfheal-must-not-be").exists());
}

#[test]
fn names_come_and_go_with_one_certificate_each_time_at_most() {
    let machine = booted();
    look(&machine);
    let names = |old: &str, new: &str| {
        set_config(
            &machine,
            &format!("https_domains={old}"),
            &format!("https_domains={new}"),
        );
        pass(&machine, 3_600);
        machine.again("boot", 0);
        look(&machine);
    };
    names("app.localhost", "'app.localhost www.localhost'");
    assert_eq!(current(&machine), PathBuf::from("gen-2"), "a name was added");
    names("'app.localhost www.localhost'", "app.localhost");
    assert_eq!(
        current(&machine),
        PathBuf::from("gen-2"),
        "the certificate is for more than is asked, and good"
    );
}
