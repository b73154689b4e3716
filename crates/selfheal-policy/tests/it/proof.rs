//! The proof: what the generated policies allow, over every action of the services involved, is exactly a list.
//!
//! Whoever changes what is allowed changes a list in `expected/`, line by line, in plain sight. A line says an action,
//! and what it may be called on: `own` by default, `other-stack:` where it is another stack's. `*` is a call that takes
//! no resource. `new-` is created by the call.

use std::collections::BTreeSet;

use crate::common::world::allowed;
use crate::common::{instance_scope, lifecycle_scope, operator_scope};
use selfheal_policy::{Document, Purpose, instance_policy, lifecycle_policy_document, operator_policy};

fn parse(expected: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for line in expected
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (action, things) = line.split_once(": ").unwrap();
        for thing in things.split(", ") {
            let (owner, thing) = match thing.strip_prefix("other-stack:") {
                Some(thing) => ("other-stack", thing),
                None => ("own", thing),
            };
            assert!(
                out.insert(format!("{action} {thing} {owner}")),
                "{line} says something twice"
            );
        }
    }
    out
}

#[track_caller]
fn check(document: &Document, expected: &str) {
    let (found, expected) = (allowed(document), parse(expected));
    let more: Vec<_> = found.difference(&expected).collect();
    let less: Vec<_> = expected.difference(&found).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "allowed beyond the list: {more:#?}\nrefused although listed: {less:#?}"
    );
}

#[track_caller]
fn check_operator(purpose: Purpose, expected: &str) {
    check(&operator_policy(&operator_scope(), purpose).unwrap(), expected);
}

#[test]
fn the_instance_may_do_exactly_this() {
    check(
        &instance_policy(&instance_scope()).unwrap(),
        include_str!("expected/instance.txt"),
    );
}

#[test]
fn the_lifecycle_policy_may_do_exactly_this() {
    check(
        &lifecycle_policy_document(&lifecycle_scope()).unwrap(),
        include_str!("expected/lifecycle.txt"),
    );
}

#[test]
fn plan_may_do_exactly_this() {
    check_operator(Purpose::Plan, include_str!("expected/plan.txt"));
}

#[test]
fn status_may_do_exactly_this() {
    check_operator(Purpose::Status, include_str!("expected/status.txt"));
}

#[test]
fn apply_may_do_exactly_this() {
    check_operator(Purpose::Apply, include_str!("expected/apply.txt"));
}

#[test]
fn destroy_may_do_exactly_this() {
    check_operator(Purpose::Destroy, include_str!("expected/destroy.txt"));
}

#[test]
fn resume_may_do_exactly_this() {
    check_operator(Purpose::Resume, include_str!("expected/resume.txt"));
}

#[test]
fn sleep_and_wake_may_do_exactly_this() {
    check_operator(Purpose::Sleep, include_str!("expected/sleep.txt"));
}

#[test]
fn a_replacement_may_do_exactly_this() {
    check_operator(Purpose::Replace, include_str!("expected/replace.txt"));
}

#[test]
fn config_may_do_exactly_this() {
    check_operator(Purpose::Config, include_str!("expected/config.txt"));
}

#[test]
fn a_snapshot_may_do_exactly_this() {
    check_operator(Purpose::Snapshot, include_str!("expected/snapshot.txt"));
}

#[test]
fn a_restore_may_do_exactly_this() {
    check_operator(Purpose::Restore, include_str!("expected/restore.txt"));
}

#[test]
fn a_drill_may_do_exactly_this() {
    check_operator(Purpose::Drill, include_str!("expected/drill.txt"));
}

#[test]
fn a_drill_of_a_restore_may_do_exactly_this() {
    check_operator(Purpose::DrillRestore, include_str!("expected/drill-restore.txt"));
}

#[test]
fn a_request_may_do_exactly_this() {
    check_operator(Purpose::Request, include_str!("expected/request.txt"));
}

#[test]
fn logs_may_do_exactly_this() {
    check_operator(Purpose::Logs, include_str!("expected/logs.txt"));
}

#[test]
fn notify_may_do_exactly_this() {
    check_operator(Purpose::Notify, include_str!("expected/notify.txt"));
}

#[test]
fn shell_may_do_exactly_this() {
    check_operator(Purpose::Shell, include_str!("expected/shell.txt"));
}

#[test]
fn forward_may_do_exactly_this() {
    check_operator(Purpose::Forward, include_str!("expected/forward.txt"));
}

#[test]
fn run_may_do_exactly_this() {
    check_operator(Purpose::Run, include_str!("expected/run.txt"));
}

#[test]
fn doctor_may_do_exactly_this() {
    check_operator(Purpose::Doctor, include_str!("expected/doctor.txt"));
}

#[test]
fn init_may_do_exactly_this() {
    check_operator(Purpose::Init, include_str!("expected/init.txt"));
}

#[test]
fn the_lists_take_every_action_of_the_services_into_account() {
    let actions = selfheal_policy::reference::reference().actions().count();
    assert!(actions > 1_500, "{actions} actions of the reference are tried");
}
