//! Every way from one state of a stack to another, disturbed at each of its calls: cut off before it, and where it changes
//! something also after it, and its answer lost. Whoever runs it again ends where an undisturbed run does, and the instance that serves is left alone.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, TraceEvent, TraceKind, When, World};
use selfheal_aws::{Ec2, Goal};
use selfheal_core::names::Tags;
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{EXAMPLE, Spec, SpecFile};
use selfheal_core::world::CreateVolume;

use crate::support::{calls, census, even, look, run, run_until_done, serving};

const SETTLED: Duration = Duration::from_secs(900);

/// What the example says, what a feature puts in its place, and what a change of it does.
type Feature = (&'static str, &'static str, &'static str);

const LOGS: Feature = ("", "[logs]\nretention_days = 14\n", "[logs]\nretention_days = 30\n");
const NOTIFY: Feature = (
    "",
    "[notify]\nemail = \"ops@example.com\"\n",
    "[notify]\nemail = \"me@example.com\"\nwebhook = \"https://hooks.example.com/x\"\n",
);
const SCHEDULE: Feature = (
    "",
    "[schedule]\nstop = \"0 20 * * 1-5\"\nstart = \"0 8 * * 1-5\"\ntimezone = \"Europe/Paris\"\n",
    "[schedule]\nstop = \"0 21 * * 1-5\"\nstart = \"0 8 * * 1-5\"\ntimezone = \"Europe/Paris\"\n",
);
const CHECK: Feature = (
    "",
    "[app]\nhealth = { http = \"/\", from = \"both\" }\n",
    "[app]\nhealth = { http = \"/ready\", from = \"both\" }\n",
);
const SNAPSHOTS: Feature = (
    "mount = \"/srv/data\"\n",
    "mount = \"/srv/data\"\n\n[data.snapshots]\nevery = \"24h\"\nkeep = \"14d\"\n",
    "mount = \"/srv/data\"\n\n[data.snapshots]\nevery = \"12h\"\nkeep = \"7d\"\n",
);
const PORTS: Feature = (
    "[\"80/tcp\", \"443/tcp\"]",
    "[\"22/tcp\", \"443/tcp\"]",
    "[\"443/tcp\", \"53/udp\"]",
);
const TYPE: Feature = ("\"t4g.small\"", "\"t4g.medium\"", "\"t4g.large\"");
const NAME: Feature = ("\"app.example.com\"", "\"www.example.com\"", "\"example.com\"");

/// All that does not stand in another's place.
const ALL: [Feature; 5] = [LOGS, NOTIFY, SCHEDULE, CHECK, SNAPSHOTS];

fn parsed(text: &str) -> Spec {
    let file = SpecFile::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    file.into_spec(None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// The example with a text in place of another, or at its end.
fn with(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return format!("{text}\n{to}");
    }
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to)
}

fn full() -> Spec {
    let add = |text: String, (from, to, _): &Feature| with(&text, from, to);
    parsed(&ALL.iter().fold(EXAMPLE.to_owned(), add))
}

/// Enough of a world to tell two apart that a run has ended in.
fn shape(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, group) in &world.groups {
        let scheduled: Vec<_> = group.scheduled.keys().collect();
        let (settings, hooks) = (&group.settings, group.hooks.len());
        let told: Vec<_> = group.notifications.iter().collect();
        lines.push(format!(
            "group {name} {}..{} version {} of {hooks} hooks {scheduled:?} {told:?} {:?}",
            settings.min, settings.max, settings.template_version, group.suspended
        ));
    }
    for (name, topic) in &world.topics {
        let mut told: Vec<&str> = topic.subscriptions.iter().map(|it| it.endpoint.as_str()).collect();
        told.sort_unstable();
        lines.push(format!("topic {name} {told:?}"));
    }
    for (name, logs) in &world.log_groups {
        lines.push(format!("log group {name} {:?}", logs.retention_days));
    }
    for record in world.lifecycle_policies.values() {
        let settings = &record.policy.settings;
        lines.push(format!("snapshots {} h, {} days", settings.every_h, settings.keep_days));
    }
    for record in world.security_groups.values() {
        let mut ports: Vec<String> = record.group.ingress.iter().map(|rule| format!("{rule:?}")).collect();
        ports.sort();
        lines.push(format!("ports {ports:?}"));
    }
    for zone in world.zones.values() {
        let names = zone.records.iter().map(|record| &record.name);
        lines.push(format!("records {:?}", names.collect::<Vec<_>>()));
    }
    lines
}

/// A world of its own, as this one stands.
fn again(world: &World) -> Sim {
    let sim = Sim::from_world(world.clone());
    sim.drain_trace();
    sim
}

/// Disturbs the way from this world to where the goal leads, and answers how often.
fn disturb(before: &World, spec: &Spec, goal: &Goal, stays: bool) -> u64 {
    let whole = again(before);
    let first = serving(&whole);
    run_until_done(&whole, spec, goal.clone(), 1);
    let count = calls(&whole);
    let expected = (census(&whole), whole.inspect(shape));
    let changes = changing(&whole);
    let mut disturbed = 0;
    for call in 1..=count {
        // After a read nothing is different from before the next call.
        let faults: &[Fault] = match changes.contains(&call) {
            true => &[Fault::CrashBefore, Fault::CrashAfter, Fault::AnswerLost],
            false => &[Fault::CrashBefore],
        };
        for fault in faults {
            disturbed += 1;
            let sim = again(before);
            sim.set_faults(FaultPlan::none().with_times(When::Call(call), fault.clone(), 1));
            let _ = sim.block_on(run(&sim, spec, goal.clone()));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, spec, goal.clone(), 3);
            let context = || format!("{fault:?} at call {call} of {count}\n{}", sim.trace_text());
            assert_eq!((census(&sim), sim.inspect(shape)), expected, "{}", context());
            let rest = look(&sim, spec, goal.clone());
            assert!(rest.is_empty(), "{rest}\n{}", context());
            if stays {
                assert_eq!(serving(&sim), first, "{}", context());
            }
            assert!(sim.violations().is_empty(), "{:?}\n{}", sim.violations(), context());
        }
    }
    assert!(!changes.is_empty(), "nothing changes");
    disturbed
}

/// The numbers of an operator's calls that changed something.
fn changing(sim: &Sim) -> BTreeSet<u64> {
    let of_operator = |event: TraceEvent| match event.what {
        TraceKind::Call(call) if call.mutating && call.caller == "operator" => Some(call.index),
        _ => None,
    };
    sim.trace().into_iter().filter_map(of_operator).collect()
}

/// A world in which this stack serves.
fn served(spec: &Spec) -> World {
    let sim = Sim::new(even(70));
    run_until_done(&sim, spec, Goal::Apply, 1);
    sim.settle(SETTLED);
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    sim.inspect(World::clone)
}

/// A feature comes, is changed, and goes.
fn comes_changes_and_goes((from, to, changed): Feature) {
    let base = parsed(EXAMPLE);
    let (has, other) = (parsed(&with(EXAMPLE, from, to)), parsed(&with(EXAMPLE, from, changed)));
    let mut disturbed = disturb(&served(&base), &has, &Goal::Apply, true);
    let there = served(&has);
    disturbed += disturb(&there, &other, &Goal::Apply, true);
    disturbed += disturb(&there, &base, &Goal::Apply, true);
    assert!(disturbed > 40, "{disturbed} faults are too few for three runs");
}

#[test]
fn a_log_group_comes_changes_and_goes() {
    comes_changes_and_goes(LOGS);
}

#[test]
fn notifications_come_change_and_go() {
    comes_changes_and_goes(NOTIFY);
}

#[test]
fn a_schedule_comes_changes_and_goes() {
    comes_changes_and_goes(SCHEDULE);
}

#[test]
fn an_application_check_comes_changes_and_goes() {
    comes_changes_and_goes(CHECK);
}

#[test]
fn snapshots_by_schedule_come_change_and_go() {
    comes_changes_and_goes(SNAPSHOTS);
}

#[test]
fn ports_open_and_close() {
    comes_changes_and_goes(PORTS);
}

#[test]
fn the_type_changes_and_changes_back() {
    comes_changes_and_goes(TYPE);
}

#[test]
fn the_name_changes_and_changes_back() {
    comes_changes_and_goes(NAME);
}

#[test]
fn from_nothing_to_everything() {
    let nothing = Sim::new(even(71)).inspect(World::clone);
    let disturbed = disturb(&nothing, &full(), &Goal::Apply, false);
    assert!(disturbed > 60, "{disturbed}");
}

#[test]
fn from_everything_to_what_a_destroy_leaves() {
    let spec = full();
    let there = served(&spec);
    let disturbed = disturb(&there, &spec, &Goal::Destroy(DestroyOptions::KEEP), false);
    assert!(disturbed > 60, "{disturbed}");
    let sim = again(&there);
    run_until_done(&sim, &spec, Goal::Destroy(DestroyOptions::KEEP), 1);
    // Back to everything, from what is left.
    let left = sim.inspect(World::clone);
    disturb(&left, &spec, &Goal::Apply, false);
}

#[test]
fn a_volume_and_an_address_that_others_made_are_adopted() {
    let sim = Sim::new(even(72));
    let volume = CreateVolume {
        zone: "eu-west-1b".to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: None,
        snapshot_id: None,
        tags: Tags::new(),
        client_token: "by hand".to_owned(),
    };
    let made = sim.block_on(sim.create_volume(&volume)).expect("it ends");
    let volume = made.expect("it is made").id;
    let address = sim.foreign_address(&Tags::new());
    sim.advance(SETTLED);
    let text = with(
        EXAMPLE,
        "size = \"20GiB\"",
        &format!("size = \"20GiB\"\nvolume = \"{volume}\""),
    );
    let spec = parsed(&with(&text, "", &format!("[address]\nallocation = \"{address}\"\n")));
    let disturbed = disturb(&sim.inspect(World::clone), &spec, &Goal::Apply, false);
    assert!(disturbed > 40, "{disturbed}");
}

#[test]
fn pairs_of_cuts_in_a_first_apply_and_in_the_run_after_it_end_in_one_world() {
    let spec = parsed(EXAMPLE);
    let whole = Sim::new(even(73));
    run_until_done(&whole, &spec, Goal::Apply, 1);
    let (expected, count) = (census(&whole), calls(&whole));
    let mut pairs = 0;
    for first in 1..=count {
        let cut = Sim::new(even(73));
        cut.set_faults(FaultPlan::none().crash_after(first));
        assert!(cut.block_on(run(&cut, &spec, Goal::Apply)).is_err());
        let begun = cut.inspect(World::clone);
        // Another fifth of the second calls for each of the first, and both sides of them by turns.
        for second in (1 + first % 5..=count).step_by(5) {
            let sim = again(&begun);
            let plan = FaultPlan::none();
            sim.set_faults(match second % 2 {
                0 => plan.crash_before(second),
                _ => plan.crash_after(second),
            });
            let _ = sim.block_on(run(&sim, &spec, Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &spec, Goal::Apply, 3);
            assert_eq!(census(&sim), expected, "{first} and {second}\n{}", sim.trace_text());
            pairs += 1;
        }
    }
    assert!(pairs > 120, "{pairs}");
}
