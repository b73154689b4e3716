//! Drills: a stack is made to fail in every way, heals, and proves it; and what is asked of its instance is done once.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_aws::sim::{Content, Fault, FaultPlan, Sim, When, World};
use selfheal_aws::{Control, Drilled, Event, Goal, Progress, Scope, Silent, ask, drill};
use selfheal_core::drill::{How, Moment, Outside, TAG_DRILL, refusals};
use selfheal_core::names::TAG_REPAIRS;
use selfheal_core::request::{Reply, Request, TAG_ANSWER};
use selfheal_core::spec::{HealthFrom, Spec};
use selfheal_core::watch::Phase;
use selfheal_core::world::InstanceId;
use selfheal_policy::Purpose;

use crate::support::{applied_as, even, operate, probed, read, run_until_done, serving};

const ID: &str = "0123456789abcdef";
const MARKER: &str = "00112233445566778899aabbccddeeff";

/// A stack whose app is restarted before its instance is replaced.
fn spec() -> Spec {
    let mut spec = probed(HealthFrom::Instance);
    spec.app.units = vec!["web.service".to_owned()];
    spec
}

fn control<'a>(sim: &'a Sim, progress: &'a dyn Progress) -> Control<'a> {
    Control {
        clock: sim,
        jitter: sim,
        progress,
    }
}

/// A stack that serves.
fn world(seed: u64) -> Sim {
    let sim = applied_as(even(seed), &spec());
    while serving(&sim).is_none() {
        sim.advance(Duration::from_secs(10));
    }
    // Its watch begins.
    sim.advance(Duration::from_secs(60));
    sim
}

fn drilled(sim: &Sim, how: How, progress: &dyn Progress) -> Drilled {
    let spec = spec();
    let before = read(sim, &spec, Scope::Drill);
    let outside = Outside::of(&spec);
    let drilling = async {
        let ctl = control(sim, progress);
        drill(sim, &spec, before, how, (sim, outside.as_ref()), &ctl).await
    };
    let drilled = sim
        .block_on(drilling)
        .unwrap_or_else(|error| panic!("{error}\n{}", sim.trace_text()));
    drilled.unwrap_or_else(|error| panic!("{how}: {error}\n{}", sim.trace_text()))
}

#[test]
fn a_stack_heals_from_every_way_to_fail_and_proves_it_within_the_drills_policy() {
    for (seed, how) in (0..30).zip(How::ALL.into_iter().cycle()) {
        let sim = world(seed);
        operate(&sim, Purpose::Drill, |_| {});
        let (before, ip, volume) = serving(&sim).expect("it serves");
        let Drilled { report, untold, .. } = drilled(&sim, how, &Silent);
        assert!(
            report.passed && untold.is_none(),
            "{how} {seed}: {report:#?}\n{}",
            sim.trace_text()
        );
        assert_eq!((&report.public_ip, report.volume_id.as_ref()), (&ip, Some(&volume)));
        let after = report.instance_after.clone().expect("it serves");
        assert_eq!(after == before, !how.replaces(), "{how}");
        assert_eq!(serving(&sim).map(|found| found.0), Some(after));
        let marks = report
            .checks
            .iter()
            .filter(|check| check.what.contains("marker"))
            .count();
        assert_eq!(marks, 1);
        let silent = report.silent_ms.expect("nobody answered for a while");
        assert!(report.healed_ms.is_some_and(|healed| healed >= silent), "{report:#?}");
        let times: Vec<u64> = report.timeline.iter().map(|entry| entry.after_ms).collect();
        assert!(times.is_sorted(), "{report:#?}");
        assert_eq!(report.timeline[0].what, Moment::Failed);
        let told = sim.inspect(|world| {
            let address = world.addresses.values().next().expect("one");
            address.address.tags.get(TAG_DRILL).cloned()
        });
        assert_eq!(told, Some(report.to_tag()));
        if how == How::App {
            let repairs = sim.inspect(|world| world.groups["selfheal-web"].tags.get(TAG_REPAIRS).cloned());
            assert!(repairs.is_some_and(|tag| tag.starts_with("1 ")));
        }
        assert_eq!(sim.violations(), []);
    }
}

/// Harms the world when the next instance is launched.
#[derive(Debug)]
struct Harming<'a>(&'a Sim, fn(&mut World));

impl Progress for Harming<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Moment { entry } = event
            && entry.what == Moment::Phase(Phase::Launched)
        {
            self.0.tamper(self.1);
        }
    }
}

#[test]
fn what_does_not_hold_fails_the_drill() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 3] = [
        ("marker", |world| {
            for record in world.volumes.values_mut() {
                if let Content::Filesystem { marker, .. } = &mut record.content {
                    *marker = Some("ff".repeat(16));
                }
            }
        }),
        ("marker", |world| {
            for record in world.volumes.values_mut() {
                if let Content::Filesystem { marker, .. } = &mut record.content {
                    *marker = None;
                }
            }
        }),
        ("breaker", |world| {
            let group = world.groups.get_mut("selfheal-web").expect("it is there");
            group.tags.insert("selfheal:failed-boots".to_owned(), "1".to_owned());
        }),
    ];
    for (what, harm) in cases {
        let sim = world(40);
        let harming = Harming(&sim, harm);
        let report = drilled(&sim, How::Terminate, &harming).report;
        let failed: Vec<&str> = report
            .checks
            .iter()
            .filter(|it| !it.holds)
            .map(|it| it.what.as_str())
            .collect();
        // A breaker that is reset once the app has stayed well is none of this drill's.
        assert!(
            !report.passed && failed.len() == 1 && failed[0].contains(what),
            "{what}: {report:#?}"
        );
        assert!(report.to_tag().contains(" failed"), "{}", report.to_tag());
    }
}

#[test]
fn a_stack_that_does_not_come_back_is_told_of() {
    let sim = world(41);
    sim.fail_boots("selfheal-web", true);
    let report = drilled(&sim, How::Terminate, &Silent).report;
    assert!(
        !report.passed && report.instance_after.is_none() && report.healed_ms.is_none(),
        "{report:#?}"
    );
    let first = &report.checks[0];
    assert!(!first.holds && first.seen.contains("parked"), "{report:#?}");
}

#[test]
fn lost_answers_and_throttling_make_nothing_fail_twice() {
    for fault in [Fault::Throttle, Fault::AnswerLost, Fault::ErrorBeforeEffect] {
        let sim = world(42);
        let tags = When::Every("ec2:CreateTags".to_owned());
        sim.set_faults(FaultPlan::none().with_times(tags, fault, 2));
        let report = drilled(&sim, How::Reboot, &Silent).report;
        assert!(report.passed, "{report:#?}");
        let boots = sim.inspect(|world| world.instances.values().map(|it| it.boots).max());
        assert_eq!(boots, Some(2));
    }
}

#[test]
fn a_drill_is_refused_where_it_would_prove_nothing_or_cost_too_much() {
    let codes = |sim: &Sim, spec: &Spec, how, rules| -> Vec<String> {
        let observed = read(sim, spec, Scope::Drill);
        let found = refusals(spec, &observed, how, sim.inspect(World::now), rules);
        found.into_iter().map(|refusal| refusal.code).collect()
    };
    let sim = world(43);
    assert_eq!(codes(&sim, &spec(), How::Terminate, (false, true)), [""; 0]);
    assert_eq!(codes(&sim, &spec(), How::Terminate, (true, true)), ["no-snapshot"]);
    assert_eq!(codes(&sim, &spec(), How::Reboot, (false, false)), ["unseen"]);
    assert_eq!(
        codes(&sim, &probed(HealthFrom::Instance), How::App, (false, true)),
        ["no-units"]
    );
    let by_hand = selfheal_core::plan::SnapshotOptions::default();
    run_until_done(&sim, &spec(), Goal::Snapshot(by_hand), 1);
    sim.advance(Duration::from_secs(3_600));
    assert_eq!(codes(&sim, &spec(), How::Terminate, (true, true)), [""; 0]);
    sim.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(codes(&sim, &spec(), How::Terminate, (true, true)), ["no-snapshot"]);
    sim.tamper(|world| {
        let group = world.groups.get_mut("selfheal-web").expect("it is there");
        group.tags.insert("selfheal:parked".to_owned(), "now".to_owned());
    });
    assert_eq!(codes(&sim, &spec(), How::Terminate, (false, true)), ["parked"]);
}

fn asked(sim: &Sim, instance: &InstanceId, request: &str) -> Option<Reply> {
    let (spec, request): (_, Request) = (spec(), request.parse().expect("it is one"));
    let ctl = control(sim, &Silent);
    let at_most = SignedDuration::from_secs(60);
    let asking = ask(sim, &spec, instance, &request, at_most, &ctl);
    sim.block_on(asking).expect("it ends").expect("it can be asked")
}

fn marker(sim: &Sim) -> Option<String> {
    let (_, _, volume) = serving(sim)?;
    sim.inspect(|world| match &world.volumes[&volume].content {
        Content::Filesystem { marker, .. } => marker.clone(),
        _ => None,
    })
}

#[test]
fn a_request_is_done_once_whatever_its_id_comes_back_for_and_answered_within_its_policy() {
    let sim = world(44);
    operate(&sim, Purpose::Request, |_| {});
    let (instance, ..) = serving(&sim).expect("it serves");
    let reply = asked(&sim, &instance, &format!("{ID} marker {MARKER}")).expect("it answers");
    assert_eq!((reply.done, reply.words.as_str()), (true, MARKER));
    assert_eq!(marker(&sim).as_deref(), Some(MARKER));
    let other = "fedcba9876543210";
    let reply = asked(&sim, &instance, &format!("{other} dance")).expect("it answers");
    assert_eq!(
        (reply.done, reply.words.as_str()),
        (false, "this instance knows no dance")
    );
    // An earlier id is not taken again.
    assert_eq!(
        asked(&sim, &instance, &format!("{ID} marker {}", "ff".repeat(16))),
        None
    );
    assert_eq!(marker(&sim).as_deref(), Some(MARKER));
}

#[test]
fn a_request_that_a_reboot_cut_off_is_told_and_not_done() {
    let sim = world(45);
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.tamper(|world| {
        let record = world.instances.get_mut(&instance).expect("it is there");
        record
            .tags
            .insert("selfheal:request".to_owned(), format!("{ID} marker {MARKER}"));
        record.boot.asked.push(ID.to_owned());
        record.boot.doing = true;
        record.boot.reply = Some("failed it was cut off".to_owned());
    });
    assert!(sim.reboot_instance(&instance));
    sim.advance(Duration::from_secs(300));
    let answer = sim.inspect(|world| world.groups["selfheal-web"].tags.get(TAG_ANSWER).cloned());
    assert_eq!(answer, Some(format!("{ID} failed it was cut off")));
    assert_eq!(marker(&sim), None);
}

#[test]
fn an_instance_that_does_not_see_its_tags_says_nothing() {
    let sim = world(46);
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.tamper(|world| {
        let record = world.instances.get_mut(&instance).expect("it is there");
        record.data.metadata_tags = "disabled".to_owned();
    });
    assert_eq!(asked(&sim, &instance, &format!("{ID} marker")), None);
}
