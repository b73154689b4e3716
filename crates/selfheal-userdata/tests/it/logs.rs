//! Shipping the journal: what arrives, and what happens when it does not.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use selfheal_userdata::BootConfig;

use crate::support::aws::INSTANCE;
use crate::support::machine::Machine;
use crate::support::{bare, logged};

/// A program that runs beside the test, and ends with it.
struct Shipper(Child);

impl Drop for Shipper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn config() -> BootConfig {
    BootConfig {
        logs: logged().logs,
        ..bare()
    }
}

/// A machine whose journal is a file of lines, of which each has its cursor.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.install(&config());
    let journal = machine.folder().join("journal").display().to_string();
    machine.stub(
        "journalctl",
        &format!(
            "[[ $* != --sync ]] || exit 0\nfor word; do [[ $word != --cursor=* ]] || from=${{word#*=}}; done\n\
             [[ $* == *--output-fields=MESSAGE,* && $* == *--all* ]] || exit 1\n\
             if [[ -z ${{from-}} ]]; then [[ $* == *--boot* ]] && exec /usr/bin/cat {journal}; exit; fi\n\
             /usr/bin/grep -qF \"$from\" {journal} || exec /usr/bin/cat {journal}\n\
             exec /usr/bin/sed -n \"\\#$from#,\\$p\" {journal}"
        ),
    );
    machine
}

/// One line of the journal, of which `message` is the JSON.
fn line(place: usize, millis: u64, message: &str) -> String {
    let micros = now_ms() * 1000 - 60_000_000 + millis * 1000;
    let cursor = format!("s=0a;i={place:x};b=0b;m=1;t={micros:x};x=f");
    format!(
        "{{\"_PID\":\"{place}\",\"__CURSOR\":\"{cursor}\",\"MESSAGE\":{message},\"PRIORITY\":\"4\",\
         \"__REALTIME_TIMESTAMP\":\"{micros}\",\"SYSLOG_IDENTIFIER\":\"the app\",\"_SYSTEMD_UNIT\":\"app.service\"}}\n"
    )
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap()
}

fn write(machine: &Machine, lines: &[String]) {
    let path = machine.folder().join("journal");
    let text = fs::read_to_string(&path).unwrap_or_default() + &lines.concat();
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// What arrived, call by call: the time and the text of each event.
fn calls(machine: &Machine) -> Vec<Vec<(u64, String)>> {
    let bodies = machine.aws.state().logged.clone();
    let parse = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let events = body["logEvents"].as_array().unwrap().clone();
        let event = |it: &serde_json::Value| {
            (
                it["timestamp"].as_u64().unwrap(),
                it["message"].as_str().unwrap().to_owned(),
            )
        };
        events.iter().map(event).collect()
    };
    bodies.iter().map(parse).collect()
}

/// The texts that arrived, without what stands before each.
fn texts(machine: &Machine) -> Vec<String> {
    let events = calls(machine).concat();
    let text = |(_, message): &(u64, String)| message.split_once(": ").unwrap().1.to_owned();
    events.iter().map(text).collect()
}

fn until(machine: &Machine, what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "{what}: {:?}",
            texts(machine)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn failure(machine: &Machine) -> String {
    fs::read_to_string(machine.root().join("run/selfheal/logs.failure")).unwrap_or_default()
}

#[test]
fn every_form_of_a_message_arrives_as_it_was() {
    let machine = machine();
    let ascii: String = (1..=127_u8).map(char::from).collect();
    let bytes = |bytes: &[u8]| format!("{bytes:?}").replace(' ', "");
    let said = [
        (serde_json::json!("plain").to_string(), "plain".to_owned()),
        (serde_json::json!(ascii).to_string(), ascii.clone()),
        (bytes(ascii.as_bytes()), ascii),
        ("\"é 😀\\nsecond line\"".to_owned(), "é 😀\nsecond line".to_owned()),
        (
            "\"\\\",\\\"MESSAGE\\\":\\\"x\\\\\"".to_owned(),
            "\",\"MESSAGE\":\"x\\".to_owned(),
        ),
        (
            bytes(b"\x1b[31mred\xff \xc3\xa9 \xed\xa0\x80 \0"),
            "\u{1b}[31mred\u{fffd} é \u{fffd}\u{fffd}\u{fffd} \u{fffd}".to_owned(),
        ),
        ("null".to_owned(), String::new()),
        ("\"\"".to_owned(), String::new()),
        (
            "[\"one \\\"\",[27,65],null,\"two\"]".to_owned(),
            "one \"\n\u{1b}A\ntwo".to_owned(),
        ),
        (format!("\"{}\"", "x".repeat(48_000)), "x".repeat(48_000)),
    ];
    let lines: Vec<String> = (0..)
        .zip(&said)
        .map(|(place, (json, _))| line(place, 10 * place as u64, json))
        .collect();
    write(&machine, &lines);
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "all lines", || texts(&machine).len() == said.len());
    let want: Vec<String> = said.iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(texts(&machine), want);
    assert_eq!(calls(&machine)[0][0].1, "warning app.service the_app[0]: plain");
    // A group that exists and a stream that does not, once.
    assert_eq!(machine.actions(), ["PutLogEvents", "CreateLogStream", "PutLogEvents"]);
    assert_eq!(machine.aws.state().complaints, [""; 0]);
    let cursor = machine.root().join(format!("var/lib/selfheal/{INSTANCE}.cursor"));
    until(&machine, "the cursor", || cursor.exists());
    let cursor = fs::read_to_string(cursor).unwrap();
    assert!(lines[9].contains(cursor.trim_end()), "{cursor}");
}

#[test]
fn calls_stay_within_the_limits_of_aws() {
    let machine = machine();
    let long = format!("\"{}\"", "é".repeat(40_000));
    let mut lines: Vec<String> = (0..2_300).map(|place| line(place, place as u64, "\"short\"")).collect();
    lines.extend((2_300..2_330).map(|place| line(place, 5_000, &long)));
    // The clock is set back, then far ahead, and was far back once.
    lines.push(line(2_330, 1_000, "\"set back\""));
    lines.push(line(2_331, 90_000_000_000, "\"ahead\""));
    lines.push(line(2_332, 0, "\"long ago\"").replace("\"__REALTIME_TIMESTAMP\":\"1", "\"__REALTIME_TIMESTAMP\":\""));
    lines.push(line(2_333, 6_000, "\"now\""));
    write(&machine, &lines);
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "all lines", || texts(&machine).len() == lines.len());
    for (call, body) in calls(&machine).iter().zip(&machine.aws.state().logged) {
        assert!(
            call.len() <= 1_000 && body.len() <= 900_000,
            "{} in {}",
            call.len(),
            body.len()
        );
        assert!(call.is_sorted_by_key(|(at, _)| *at));
        let now = now_ms();
        assert!(
            call.iter()
                .all(|(at, _)| *at <= now + 1_000 && *at + 14 * 86_400_000 > now)
        );
    }
    let last: Vec<String> = texts(&machine).split_off(2_330);
    assert_eq!(last, ["set back", "ahead", "long ago", "now"]);
}

#[test]
fn what_is_refused_for_a_while_arrives_later_and_in_order() {
    let machine = machine();
    write(&machine, &[line(1, 0, "\"one\"")]);
    let faults = [
        (400, "ThrottlingException", "Rate exceeded"),
        (400, "AccessDeniedException", "no identity-based policy allows it"),
        (400, "ExpiredTokenException", "expired"),
        (503, "ServiceUnavailableException", ""),
    ];
    machine.aws.fail("PutLogEvents", &faults);
    let mut shipper = Shipper(machine.start("logs"));
    until(&machine, "the failure is told", || {
        failure(&machine).contains("ThrottlingException: Rate exceeded")
    });
    write(&machine, &[line(2, 10, "\"two\"")]);
    until(&machine, "both lines", || texts(&machine) == ["one", "two"]);
    until(&machine, "the failure is over", || failure(&machine).is_empty());
    shipper.0.kill().unwrap();
    // Nothing that the shipper ships comes from itself.
    let mut said = String::new();
    std::io::Read::read_to_string(&mut shipper.0.stdout.take().unwrap(), &mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_line_that_aws_refuses_is_left_out_and_no_other() {
    let machine = machine();
    let lines: Vec<String> = (0..40)
        .map(|place| line(place, place as u64, if place == 11 { "\"poison\"" } else { "\"good\"" }))
        .collect();
    write(&machine, &lines);
    {
        let mut state = machine.aws.state();
        state.poison = Some(": poison");
        state.log_stream = true;
    }
    machine.set_program("wait_s=$((failures < 12 ? 5 : 30))", "wait_s=0.1");
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "the others", || texts(&machine).len() == 39);
    assert!(texts(&machine).iter().all(|text| text == "good"));
}

#[test]
fn killed_between_the_call_and_the_cursor_it_ships_again_and_skips_nothing() {
    let machine = machine();
    let mut lines: Vec<String> = (0..5)
        .map(|place| line(place, place as u64, &format!("\"{place}\"")))
        .collect();
    write(&machine, &lines);
    // The first thing that is done with the cursor after a call.
    machine.stub("sync", "[[ $* != *cursor.new ]] || kill -9 $PPID");
    let mut shipper = Shipper(machine.start("logs"));
    assert!(!shipper.0.wait().unwrap().success());
    machine.stub("sync", "");
    lines.push(line(5, 5, "\"5\""));
    write(&machine, &lines[5..]);
    let shipper = Shipper(machine.start("logs"));
    until(&machine, "the last", || {
        texts(&machine).last().is_some_and(|text| text == "5")
    });
    assert_eq!(texts(&machine), ["0", "1", "2", "3", "4", "0", "1", "2", "3", "4", "5"]);
    drop(shipper);
    // The journal has lost what came before, the last line that was shipped too.
    let kept: Vec<String> = (8..10)
        .map(|place| line(place, place as u64, &format!("\"{place}\"")))
        .collect();
    fs::write(machine.folder().join("journal"), kept.concat()).unwrap();
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "what is left", || {
        texts(&machine).ends_with(&["5".into(), "8".into(), "9".into()])
    });
}

#[test]
fn full_root_disk_costs_nothing_but_repetition_after_a_reboot() {
    let machine = machine();
    write(&machine, &[line(1, 0, "\"one\"")]);
    let state = machine.root().join(format!("var/lib/selfheal/{INSTANCE}.cursor.new"));
    fs::create_dir(&state).unwrap();
    let shipper = Shipper(machine.start("logs"));
    until(&machine, "one", || texts(&machine) == ["one"]);
    until(&machine, "its cursor", || {
        machine.root().join("run/selfheal/logs.cursor").exists()
    });
    drop(shipper);
    let shipper = Shipper(machine.start("logs"));
    write(&machine, &[line(2, 10, "\"two\"")]);
    until(&machine, "two", || texts(&machine) == ["one", "two"]);
    drop(shipper);
    // There is room again: what the root disk says is newer than what the folder of this boot does.
    fs::remove_dir(&state).unwrap();
    let _shipper = Shipper(machine.start("logs"));
    write(&machine, &[line(3, 20, "\"three\"")]);
    until(&machine, "three", || texts(&machine) == ["one", "two", "three"]);
    until(&machine, "the cursor", || {
        fs::read_to_string(machine.root().join("run/selfheal/logs.cursor"))
            .unwrap()
            .is_empty()
    });
}

#[test]
fn failed_boot_has_its_log_shipped_before_the_launch_is_abandoned() {
    let machine = machine();
    let failing = BootConfig {
        setup: Some(b"#!/bin/sh\nexit 7\n".to_vec()),
        ..config()
    };
    machine.install(&failing);
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "the shipper", || {
        machine.root().join("run/selfheal/logs.wake").exists()
    });
    // Its own pauses are too long for what follows.
    std::thread::sleep(Duration::from_millis(500));
    write(&machine, &[line(1, 0, "\"failed: setup\"")]);
    let text = machine.again("boot", 16);
    assert!(text.contains("launch abandoned"), "{text}");
    assert_eq!(texts(&machine), ["failed: setup"]);
    let actions = machine.actions();
    let place = |name: &str| actions.iter().rposition(|action| action == name).unwrap();
    assert!(place("PutLogEvents") < place("CompleteLifecycleAction"), "{actions:?}");
}

#[test]
fn flush_waits_for_nobody_who_is_not_there_and_not_long_for_who_does_not_answer() {
    let machine = machine();
    machine.again("flush_logs", 0);
    machine.stub("journalctl", "exec /usr/bin/sleep 60");
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "the shipper", || {
        machine.root().join("run/selfheal/logs.wake").exists()
    });
    let began = Instant::now();
    machine.again("flush_logs", 0);
    assert!((4..9).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn python_ships_as_well() {
    let machine = machine();
    let python = machine.folder().join("bin/python3");
    std::os::unix::fs::symlink("/usr/bin/python3", &python).unwrap();
    machine.stub("curl", "exit 2");
    machine.install(&config());
    write(&machine, &[line(1, 0, "\"é \\\"quoted\\\"\"")]);
    let _shipper = Shipper(machine.start("logs"));
    until(&machine, "the line", || texts(&machine) == ["é \"quoted\""]);
    assert_eq!(machine.aws.state().complaints, [""; 0]);
}
