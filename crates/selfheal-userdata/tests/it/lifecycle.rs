//! Which instances may take anything: those that their group wants in service, or that have none yet.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::full;
use crate::support::machine::{Machine, text};

const STATE: &str = "autoscaling/target-lifecycle-state";

#[test]
fn only_an_instance_that_is_to_be_in_service_takes_anything() {
    for state in ["Warmed:Running", "Warmed:Stopped", "Standby", "Detached", "Quarantined"] {
        let machine = Machine::new();
        machine.install(&full());
        machine.aws.metadata(STATE, state);
        thread::scope(|scope| {
            let boot = scope.spawn(|| machine.program("boot"));
            // It asks again after five seconds, with nothing taken and nobody told.
            thread::sleep(Duration::from_secs(3));
            assert_eq!(machine.actions(), [""; 0], "{state}");
            assert!(!boot.is_finished());
            machine.aws.metadata(STATE, "InService");
            let output = boot.join().unwrap();
            assert!(output.status.success(), "{}", text(&output));
            assert!(text(&output).contains(&format!("wants this instance {state}")));
        });
        assert_eq!(
            machine.aws.state().holder.as_deref(),
            Some(crate::support::aws::INSTANCE)
        );
    }
}

#[test]
fn warm_instance_that_is_ended_has_taken_nothing() {
    for state in ["Terminated", "Warmed:Terminated"] {
        let machine = Machine::new();
        machine.install(&full());
        machine.aws.metadata(STATE, "Warmed:Running");
        thread::scope(|scope| {
            let boot = scope.spawn(|| machine.program("boot"));
            thread::sleep(Duration::from_secs(1));
            machine.aws.metadata(STATE, state);
            assert_eq!(boot.join().unwrap().status.code(), Some(21));
        });
        assert_eq!(machine.actions(), [""; 0]);
    }
}

/// Lets the watch run until the machine has made so many calls of an action, or for so long; then ends the instance.
pub fn watch_until(machine: &Machine, action: &str, calls: usize, at_most: Duration) {
    let deadline = Instant::now() + at_most;
    thread::scope(|scope| {
        let watch = scope.spawn(|| machine.program("watch"));
        let made = || machine.actions().iter().filter(|name| *name == action).count();
        while made() < calls && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
        }
        machine.aws.metadata(STATE, "Terminated");
        let output = watch.join().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    });
}
