//! The challenge in the DNS: what the zone holds while an authority looks, and that nothing of it stays.

use std::fs;

use crate::https::{attempts, look, machine, pass, set_part, tls};
use crate::support::aws::SECRETS;
use crate::support::machine::Machine;
use crate::support::secured_by_dns;

/// A machine that has booted, whose name leads nowhere yet.
pub fn booted() -> Machine {
    let machine = machine();
    machine.boot(&secured_by_dns("https://route53.amazonaws.com"), 0);
    // Below a root prefix nothing is mounted.
    set_part(&machine, " && mounted || return 0", " || return 0");
    machine
}

/// The changes that were asked for: whether each wrote, and of how many records.
fn changes(machine: &Machine) -> Vec<(bool, usize)> {
    let state = machine.aws.state();
    let calls = state
        .calls
        .iter()
        .filter(|(action, _)| action == "ChangeResourceRecordSets");
    calls
        .map(|(_, call)| {
            (
                call["Body"].contains("UPSERT"),
                call["Body"].matches("<Change>").count(),
            )
        })
        .collect()
}

/// How often the authority had something to look at.
fn looked(machine: &Machine) -> usize {
    let asked = fs::read_to_string(machine.root().join("asked")).unwrap_or_default();
    asked.lines().filter(|line| *line == "looked").count()
}

fn records(machine: &Machine) -> usize {
    machine.aws.state().records.len()
}

/// Lets what certbot stands for do this while the records are there.
fn halt(machine: &Machine, how: &str) {
    fs::write(machine.root().join("halt"), how).unwrap();
}

#[test]
fn the_records_of_all_names_are_there_while_the_authority_looks_and_gone_after() {
    let machine = booted();
    machine.aws.state().behind = 2;
    let text = look(&machine);
    assert!(
        text.contains("certificate: published for app.localhost localhost.test *.localhost.test"),
        "{text}"
    );
    // One change for all of them; each is removed by itself.
    assert_eq!(changes(&machine), [(true, 2), (false, 1), (false, 1)]);
    let actions = machine.actions();
    assert_eq!(actions.iter().filter(|action| *action == "GetChange").count(), 3);
    assert_eq!((looked(&machine), records(&machine)), (1, 0));
    assert!(!tls(&machine).join("records").exists());
    let asked = fs::read_to_string(machine.root().join("asked")).unwrap();
    assert!(
        asked.contains("--manual --preferred-challenges dns") && !asked.contains("--webroot"),
        "{asked}"
    );
    let first = machine
        .aws
        .state()
        .calls
        .iter()
        .find(|(action, _)| action == "ChangeResourceRecordSets")
        .cloned();
    let body = first.unwrap().1["Body"].clone();
    let both = "<Value>\"token-1\"</Value></ResourceRecord><ResourceRecord><Value>\"token-2\"</Value>";
    assert!(
        body.contains("<Name>_acme-challenge.localhost.test.</Name>") && body.contains(both),
        "{body}"
    );
    for secret in SECRETS {
        assert!(!text.contains(secret) && !asked.contains(secret));
    }
    // The next look finds what it has to find.
    look(&machine);
    assert_eq!(looked(&machine), 1);
}

#[test]
fn records_that_do_not_come_about_end_the_attempt_before_the_authority_looks() {
    let machine = booted();
    set_part(&machine, "dns_s_max=120", "dns_s_max=1");
    machine.aws.state().behind = 1_000;
    let text = look(&machine);
    let told =
        "no certificate yet: the servers of the hosted zone Z0123456789ABCDEFGHIJ do not have the records after 1 s";
    assert!(text.contains(told), "{text}");
    assert_eq!((looked(&machine), records(&machine)), (0, 0));
    machine.aws.state().behind = 0;
    machine.set_program("denied_s_max=180", "denied_s_max=1");
    machine.aws.fail(
        "ChangeResourceRecordSets",
        &[(403, "AccessDenied", "not authorized"); 9],
    );
    pass(&machine, 3_600);
    let text = look(&machine);
    assert!(
        text.contains("no certificate yet: ChangeResourceRecordSets refused with AccessDenied: not authorized"),
        "{text}"
    );
    assert_eq!(looked(&machine), 0);
    assert_eq!(attempts(&machine).lines().count(), 2, "each counts");
    machine.aws.state().faults.clear();
    machine.aws.fail(
        "ChangeResourceRecordSets",
        &[(400, "PriorRequestNotComplete", "busy"), (400, "Throttling", "slow")],
    );
    pass(&machine, 7_200);
    let text = look(&machine);
    assert!(text.contains("certificate: published for"), "{text}");
    assert_eq!((looked(&machine), records(&machine)), (1, 0));
}

#[test]
fn what_an_attempt_has_left_in_the_zone_is_removed_by_whoever_has_the_volume() {
    let machine = booted();
    // The power goes while the authority looks.
    halt(&machine, "kill -KILL $PPID $$");
    let _ = fs::remove_file(machine.root().join("run/selfheal/tls/due"));
    machine.program("tls");
    assert_eq!(records(&machine), 2);
    fs::remove_file(machine.root().join("halt")).unwrap();
    fs::remove_dir_all(machine.root().join("run/selfheal/tls")).unwrap();
    machine.again("boot", 0);
    assert_eq!(records(&machine), 2, "a boot asks nobody");
    // One of them is somebody else's by now.
    let name = "_acme-challenge.localhost.test.".to_owned();
    machine
        .aws
        .state()
        .records
        .insert(name.clone(), vec!["\"another\"".to_owned()]);
    let text = look(&machine);
    assert!(text.contains("the authority is asked again after"), "{text}");
    assert_eq!(machine.aws.state().records.keys().collect::<Vec<_>>(), [&name]);
    assert!(!tls(&machine).join("records").exists());
}

#[test]
fn what_cannot_be_removed_now_is_removed_soon_and_not_with_the_next_certificate() {
    let machine = booted();
    set_part(&machine, "call_s_max=180", "call_s_max=1");
    machine.aws.state().keeps_records = true;
    let text = look(&machine);
    assert!(text.contains("certificate: published for"), "{text}");
    assert_eq!(records(&machine), 2);
    let due = fs::read_to_string(machine.root().join("run/selfheal/tls/due")).unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: i64 = uptime.split('.').next().unwrap().parse().unwrap();
    let wait = due.trim().parse::<i64>().unwrap() - uptime;
    assert!((30..=60).contains(&wait), "{wait} s");
    machine.aws.state().keeps_records = false;
    look(&machine);
    assert_eq!((records(&machine), looked(&machine)), (0, 1));
}
