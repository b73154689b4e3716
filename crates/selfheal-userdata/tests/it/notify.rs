//! What the instance tells the topic: boots that fail, healing, and disks that fill up.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use selfheal_userdata::BootConfig;

use crate::support::aws::{INSTANCE, SECRETS};
use crate::support::machine::Machine;
use crate::support::{TOPIC, told};

const STATE: &str = "autoscaling/target-lifecycle-state";
const REPLACED: &str = "At 2026-01-01T00:00:00Z an instance was started in response to a difference between desired and \
                        actual capacity, increasing the capacity from 0 to 1.";
const WOKEN: &str = "At 2026-01-01T00:00:00Z a scheduled action update changing the desired capacity from 0 to 1. At \
                     2026-01-01T00:00:01Z an instance was started in response to a difference.";

/// Subjects and texts that were published.
fn published(machine: &Machine) -> Vec<(String, String)> {
    let state = machine.aws.state();
    let calls = state.calls.iter().filter(|(action, _)| action == "Publish");
    calls
        .map(|(_, call)| {
            assert_eq!(call["TopicArn"], TOPIC);
            let (subject, text) = (call["Subject"].clone(), call["Message"].clone());
            assert!(subject.len() <= 100 && subject.is_ascii(), "{subject}");
            for secret in SECRETS {
                assert!(!subject.contains(secret) && !text.contains(secret));
            }
            (subject, text)
        })
        .collect()
}

fn subjects(machine: &Machine) -> Vec<String> {
    published(machine).into_iter().map(|(subject, _)| subject).collect()
}

fn activity(instance: &str, cause: &str) -> String {
    format!(
        "<member><ActivityId>a</ActivityId><Description>Launching a new EC2 instance: {instance}</Description>\
         <Cause>{cause}</Cause><StartTime>2026-01-01T00:00:00Z</StartTime></member>"
    )
}

/// Lets the watch run until so many messages were published, or for so long.
fn watch_until(machine: &Machine, count: usize, at_most: Duration) {
    let deadline = Instant::now() + at_most;
    thread::scope(|scope| {
        let watch = scope.spawn(|| machine.program("watch"));
        while subjects(machine).len() < count && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
        }
        machine.aws.metadata(STATE, "Terminated");
        watch.join().unwrap();
    });
}

#[test]
fn a_boot_that_fails_is_told_with_its_reason_before_the_launch_is_given_up() {
    let machine = Machine::new();
    machine.stub("mount", "exit 32");
    machine.boot(&told(), 15);
    let [(subject, text)] = &published(&machine)[..] else {
        panic!("{:?}", published(&machine))
    };
    assert!(subject.starts_with("web: failed: cannot mount"), "{subject}");
    assert!(
        text.contains("(exit 15)") && text.contains("1 of 3") && text.contains(INSTANCE),
        "{text}"
    );
    let actions = machine.actions();
    let at = |name: &str| actions.iter().position(|action| action == name).unwrap();
    assert!(at("CreateOrUpdateTags") < at("Publish") && at("Publish") < at("CompleteLifecycleAction"));
}

#[test]
fn a_stack_that_parks_itself_says_so() {
    let machine = Machine::new();
    let marks = [("selfheal:failed-boots".into(), "2".into())];
    machine.aws.state().tags.extend(marks);
    machine.stub("mount", "exit 32");
    machine.boot(&told(), 15);
    let [(subject, text)] = &published(&machine)[..] else {
        panic!("{:?}", published(&machine))
    };
    assert!(subject.starts_with("web: parked: "), "{subject}");
    assert!(text.contains("3 of 3") && text.contains("selfheal resume"), "{text}");
}

#[test]
fn what_cannot_be_told_changes_nothing_and_is_tried_once_more() {
    let machine = Machine::new();
    machine.aws.fail(
        "Publish",
        &[(403, "AuthorizationError", "no"), (500, "InternalError", "no")],
    );
    machine.stub("mount", "exit 32");
    let began = Instant::now();
    machine.boot(&told(), 15);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(
        machine.last("CompleteLifecycleAction")["LifecycleActionResult"],
        "ABANDON"
    );
    watch_until(&machine, 2, Duration::from_secs(10));
    watch_until(&machine, 3, Duration::from_secs(4));
    let told = subjects(&machine);
    assert_eq!(told.len(), 2, "once more, and not again: {told:?}");
    assert_eq!(told[0], told[1]);
}

#[test]
fn whoever_took_anothers_place_says_so_once_and_who_was_woken_does_not() {
    let machine = Machine::new();
    machine.aws.state().activities = activity("i-0bbbbbbbbbbbbbbb1", WOKEN) + &activity(INSTANCE, REPLACED);
    machine.boot(&told(), 0);
    let [(subject, text)] = &published(&machine)[..] else {
        panic!("{:?}", published(&machine))
    };
    let begins = format!("web: healed: {INSTANCE} is in service ");
    assert!(
        subject.starts_with(&begins) && subject.ends_with(" s after the group launched it"),
        "{subject}"
    );
    assert!(text.contains("the address and the data volume"), "{text}");
    machine.again("boot", 0);
    assert_eq!(subjects(&machine).len(), 1, "a reboot heals nobody");
    for activities in [activity(INSTANCE, WOKEN), String::new()] {
        let machine = Machine::new();
        machine.aws.state().activities = activities;
        machine.boot(&told(), 0);
        assert_eq!(subjects(&machine), [""; 0]);
    }
}

#[test]
fn why_it_was_launched_is_asked_once_more_and_ends_no_boot_otherwise() {
    for (refusals, heard) in [(1, 1), (2, 0)] {
        let machine = Machine::new();
        machine.aws.state().activities = activity(INSTANCE, REPLACED);
        let refusal = (403, "AccessDenied", "no");
        machine.aws.fail("DescribeScalingActivities", &vec![refusal; refusals]);
        machine.boot(&told(), 0);
        assert_eq!(subjects(&machine), [""; 0]);
        watch_until(&machine, 1, Duration::from_secs(if heard > 0 { 10 } else { 4 }));
        watch_until(&machine, 2, Duration::from_secs(4));
        assert_eq!(subjects(&machine).len(), heard, "{refusals} refusals");
        let asked = machine
            .actions()
            .iter()
            .filter(|it| *it == "DescribeScalingActivities")
            .count();
        assert_eq!(asked, 2, "once more, and not again");
    }
}

#[test]
fn a_disk_that_fills_up_is_told_once_a_day_and_once_when_it_is_free_again() {
    let machine = Machine::new();
    let root_only = BootConfig {
        data: None,
        health: None,
        ..told()
    };
    machine.boot(&root_only, 0);
    let fill = |percent: u32| {
        let text = format!(
            "echo Filesystem 1024-blocks Used Available Capacity Mounted on\necho /dev/root 8388608 1 819200 {percent}% /"
        );
        machine.stub("df", &text);
    };
    let look = |wanted: usize| {
        machine.aws.metadata(STATE, "InService");
        fs::write(machine.root().join("run/selfheal/serving"), "1\n").unwrap();
        watch_until(
            &machine,
            wanted,
            Duration::from_secs(if wanted > subjects(&machine).len() { 10 } else { 3 }),
        );
        subjects(&machine)
    };
    fill(89);
    assert_eq!(look(0), [""; 0]);
    fill(91);
    assert_eq!(look(1), ["web: the disk at / is 91 % full"]);
    let (_, text) = &published(&machine)[0];
    assert!(text.contains("800 MiB of 8192 are left"), "{text}");
    // Told already, and not yet well below.
    fill(95);
    assert_eq!(look(1).len(), 1);
    fill(87);
    assert_eq!(look(1).len(), 1);
    fill(85);
    assert_eq!(look(2)[1], "web: the disk at / is below its limit again, at 85 %");
    assert_eq!(look(2).len(), 2);
    // A day later it is told again.
    fill(92);
    assert_eq!(look(3).len(), 3);
    fs::write(machine.root().join("run/selfheal/disk.root"), "1000000\n").unwrap();
    assert_eq!(look(4).len(), 4);
}
