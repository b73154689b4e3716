//! `sleep` and `wake`, and a stack with a schedule.

use crate::support::{Folder, SPEC};

const SCHEDULE: &str = "[schedule]\nstop = \"0 20 * * 1-5\"\nstart = \"0 8 * * 1-5\"\ntimezone = \"Europe/Paris\"\n";

#[test]
fn a_stack_sleeps_until_it_is_woken_and_no_apply_wakes_it() {
    let folder = Folder::new();
    folder.expect(&["sleep", "--yes"], 5);
    folder.expect(&["apply", "--yes"], 0);
    let refused = folder.expect(&["sleep"], 4);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let slept = folder.expect(&["sleep", "--yes"], 0);
    assert!(
        slept.stdout.contains("min") && slept.stdout.contains("`selfheal wake` wakes it"),
        "{}",
        slept.stdout
    );
    let asleep = folder.json(&["status"]);
    assert_eq!(asleep["asleep"]["by"], "request", "{asleep:#}");
    assert_eq!(
        (&asleep["healthy"], &asleep["instance"]),
        (&true.into(), &serde_json::Value::Null)
    );
    folder.expect(&["status", "--check"], 0);
    let text = folder.expect(&["status"], 0).stdout;
    assert!(
        text.contains(": asleep\n") && text.contains("by somebody's request, until `selfheal wake`"),
        "{text}"
    );
    folder.expect(&["plan", "--check"], 0);
    folder.write("selfheal.toml", &SPEC.replace("t4g.small", "t4g.medium"));
    folder.expect(&["apply", "--yes"], 0);
    assert!(folder.json(&["status"])["asleep"].is_object());
    // What has nothing to do needs no consent, and waking needs none at all.
    folder.expect(&["sleep"], 0);
    let woken = folder.expect(&["wake", "--wait"], 0);
    assert!(woken.stdout.contains("its instance is in service"), "{}", woken.stdout);
    let awake = folder.json(&["status"]);
    assert_eq!(
        (&awake["asleep"], &awake["healthy"]),
        (&serde_json::Value::Null, &true.into())
    );
    folder.expect(&["wake", "--wait"], 0);
}

#[test]
fn a_schedule_is_shown_with_its_next_times() {
    let folder = Folder::new();
    folder.write("selfheal.toml", &format!("{}\n{SCHEDULE}", *SPEC));
    let plan = folder.expect(&["plan"], 0).stdout;
    assert!(
        plan.contains("scheduled action selfheal-stop") && plan.contains("0 20 * * 1-5 in Europe/Paris"),
        "{plan}"
    );
    assert!(
        plan.contains("the schedule's next times: start Thu 2026-01-01 08:00 +01:00"),
        "{plan}"
    );
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
    let status = folder.json(&["status"]);
    assert_eq!(status["schedule"].as_array().map(Vec::len), Some(3), "{status:#}");
    let slept = folder.expect(&["sleep", "--yes", "--for", "3d"], 0).stdout;
    assert!(
        slept.contains("Asleep within minutes. The stack sleeps at least until"),
        "{slept}"
    );
    let kept = folder.json(&["sleep", "--yes", "--until-wake"]);
    assert_eq!(kept["outcome"], "asleep", "{kept:#}");
    assert_eq!(folder.json(&["status"])["asleep"]["schedule_suspended"], true);
    let woken = folder.json(&["wake"]);
    assert_eq!(
        (&woken["outcome"], &woken["in_service"]),
        (&"awake".into(), &false.into()),
        "{woken:#}"
    );
    folder.expect(&["sleep", "--for", "3d", "--until-wake"], 2);
    folder.expect(&["sleep", "--for", "4m"], 2);
    folder.write(
        "selfheal.toml",
        &format!("{}\n{}", *SPEC, SCHEDULE.replace("0 8", "0 20")),
    );
    let same = folder.expect(&["plan"], 6);
    assert!(same.stderr.contains("same time as"), "{}", same.stderr);
}

#[test]
fn who_may_sleep_and_wake_the_stack_may_do_nothing_else_and_is_told_what_is_lacking() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"], 0);
    let policy = folder.expect(&["policy", "operator", "--for", "sleep"], 0).stdout;
    folder.authorise_by(&policy);
    folder.expect(&["sleep", "--yes"], 0);
    folder.expect(&["wake", "--wait"], 0);
    folder.expect(&["plan"], 7);
    let without = policy.replace("autoscaling:SetDesiredCapacity", "autoscaling:DetachInstances");
    folder.authorise_by(&without);
    let denied = folder.expect(&["sleep", "--yes"], 7);
    assert!(
        denied.stderr.contains("autoscaling:SetDesiredCapacity"),
        "{}",
        denied.stderr
    );
}
