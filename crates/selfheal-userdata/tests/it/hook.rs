//! The launch hook: not there yet, there, and over.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::full;
use crate::support::machine::{Machine, text};

const STATE: &str = "autoscaling/target-lifecycle-state";
/// What AWS says of a hook that is over, and of one that the group has not come to yet.
const NOT_WAITING: (u16, &str, &str) = (
    400,
    "ValidationError",
    "No active Lifecycle Action found with instance ID i-0",
);

fn completions(machine: &Machine) -> usize {
    let actions = machine.actions();
    actions.iter().filter(|name| *name == "CompleteLifecycleAction").count()
}

/// Boots while the group comes to the hook after some seconds; answers what was printed.
fn boot_before_the_group(machine: &Machine, code: i32) -> String {
    machine.aws.fail("CompleteLifecycleAction", &[NOT_WAITING]);
    machine.install(&full());
    let started = Instant::now();
    let output = thread::scope(|scope| {
        let boot = scope.spawn(|| machine.program("boot"));
        while completions(machine) == 0 && !boot.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_secs(2));
        // Without a target state nothing is over, and nothing is noted as done.
        assert!(!boot.is_finished());
        machine.aws.metadata(STATE, "InService");
        boot.join().unwrap()
    });
    let text = text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(
        text.contains("the group has not come to the hook selfheal-launch yet"),
        "{text}"
    );
    assert_eq!(
        completions(machine),
        2,
        "after {} s: {text}",
        started.elapsed().as_secs()
    );
    text
}

#[test]
fn launch_hook_that_is_not_there_yet_is_waited_for() {
    let machine = Machine::new();
    let text = boot_before_the_group(&machine, 0);
    assert!(text.contains("launch completed"), "{text}");
    let last = machine.last("CompleteLifecycleAction");
    assert_eq!(last["LifecycleActionResult"], "CONTINUE");
}

#[test]
fn boot_that_fails_before_the_hook_is_there_abandons_it_all_the_same() {
    let machine = Machine::new();
    machine.stub("mount", "exit 32");
    let text = boot_before_the_group(&machine, 15);
    assert!(text.contains("launch abandoned"), "{text}");
    let last = machine.last("CompleteLifecycleAction");
    assert_eq!(last["LifecycleActionResult"], "ABANDON");
}

#[test]
fn hook_that_is_over_is_good_enough() {
    let machine = Machine::new();
    machine.aws.metadata(STATE, "InService");
    machine.aws.fail("CompleteLifecycleAction", &[NOT_WAITING; 3]);
    machine.boot(&full(), 0);
    assert_eq!(completions(&machine), 3);
}

#[test]
fn hook_that_never_comes_is_not_waited_for_without_end() {
    let machine = Machine::new();
    machine.aws.fail("CompleteLifecycleAction", &[NOT_WAITING; 100]);
    machine.set_limit("hook_s_max", 10);
    machine.again("boot", 0);
    assert_eq!(completions(&machine), 2);
}
