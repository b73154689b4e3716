//! A volume that is being modified: AWS shows the old values, attaches it to nothing, and takes no second change.

use std::time::Duration;

use selfheal_aws::sim::{Content, Fault, FaultPlan, Range, Sim, SimConfig, When};
use selfheal_aws::{ApplyErrorKind, CallErrorKind, Goal, Scope};
use selfheal_core::names::TAG_GROWN;
use selfheal_core::plan::{SleepUntil, StepKind, plan};
use selfheal_core::spec::Spec;
use selfheal_core::status::{FindingCode, status};
use selfheal_core::world::VolumeId;

use crate::support::{applied, even, look, read, run, run_until_done, serving, web};

fn of_size(size_gib: u32) -> Spec {
    let mut spec = web();
    spec.data.as_mut().expect("it has one").size_gib = size_gib;
    spec
}

/// A stack that serves, in a world where a modification takes half an hour, and half an hour more to be optimised.
fn slow(seed: u64) -> (Sim, VolumeId) {
    let mut config: SimConfig = even(seed);
    config.timings.volume_modify = Range::exactly(1_800_000);
    let sim = applied(config);
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    (sim, volume)
}

/// The size of the filesystem on a volume, and what the group's tag says of it.
fn filesystem(sim: &Sim, volume: &VolumeId) -> (u32, String) {
    sim.inspect(|world| {
        let Content::Filesystem { size_gib, .. } = world.volumes[volume].content else {
            panic!("{volume} holds no filesystem")
        };
        let tags = &world.groups["selfheal-web"].tags;
        (size_gib, tags.get(TAG_GROWN).cloned().unwrap_or_default())
    })
}

/// The findings of a status.
fn findings(sim: &Sim, spec: &Spec) -> Vec<FindingCode> {
    let observed = read(sim, spec, Scope::Status);
    let report = status(spec, &observed, &plan(spec, &observed));
    report.findings.into_iter().map(|finding| finding.code).collect()
}

fn pass(sim: &Sim, seconds: u64) {
    sim.block_on(selfheal_aws::Clock::sleep(sim, Duration::from_secs(seconds)))
        .expect("it passes");
}

#[test]
fn what_is_being_grown_is_not_grown_again_12() {
    let (sim, volume) = slow(1201);
    let outcome = run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    assert_eq!(outcome.done.len(), 1);
    let shown = sim.inspect(|world| world.volumes[&volume].volume.size_gib);
    assert_eq!(shown, 20, "the simulation shows the old size until it is done");
    let plan = look(&sim, &of_size(40), Goal::Apply);
    assert!(plan.is_empty(), "{plan}");
    assert!(plan.notes.iter().any(|note| note.code == "volume-modifying"), "{plan}");
    // Through both states, and after.
    for _ in 0..3 {
        pass(&sim, 1_500);
        let plan = look(&sim, &of_size(40), Goal::Apply);
        assert!(plan.is_empty(), "{plan}");
    }
    assert_eq!(sim.inspect(|world| world.volumes[&volume].volume.size_gib), 40);
}

#[test]
fn the_filesystem_follows_its_volume_while_the_app_runs() {
    let (sim, volume) = slow(1205);
    let (instance, ..) = serving(&sim).expect("it serves");
    assert_eq!(filesystem(&sim, &volume), (20, format!("{volume} 20 GiB")));
    run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    pass(&sim, 1_700);
    assert_eq!(filesystem(&sim, &volume).0, 20, "the device is as it was");
    // The device has grown, and the note of it is refused at first.
    let tags = When::Every("autoscaling:CreateOrUpdateTags".to_owned());
    sim.set_faults(FaultPlan::none().with(tags, Fault::AccessDenied));
    pass(&sim, 130);
    assert_eq!(filesystem(&sim, &volume), (40, format!("{volume} 20 GiB")));
    assert_eq!(findings(&sim, &of_size(40)), [FindingCode::FilesystemBehind]);
    sim.set_faults(FaultPlan::none());
    pass(&sim, 60);
    assert_eq!(filesystem(&sim, &volume), (40, format!("{volume} 40 GiB")));
    assert_eq!(findings(&sim, &of_size(40)), []);
    assert_eq!(serving(&sim).expect("it serves").0, instance, "nothing was rebooted");
}

#[test]
fn a_replacement_grows_the_filesystem_of_a_volume_that_grew_while_nothing_ran() {
    let (sim, volume) = slow(1206);
    run_until_done(&sim, &of_size(40), Goal::Sleep(SleepUntil::Schedule), 1);
    sim.settle(Duration::from_secs(900));
    run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    pass(&sim, 3_700);
    assert_eq!(filesystem(&sim, &volume), (20, format!("{volume} 20 GiB")));
    assert_eq!(findings(&sim, &of_size(40)), [], "the next boot grows it");
    run_until_done(&sim, &of_size(40), Goal::Wake { wait: true }, 1);
    sim.settle(Duration::from_secs(900));
    assert_eq!(filesystem(&sim, &volume), (40, format!("{volume} 40 GiB")));
}

#[test]
fn a_second_change_is_refused_with_the_time_and_without_waiting_12() {
    let (sim, volume) = slow(1202);
    run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    for _ in 0..2 {
        let before = sim.now_ms();
        let plan = look(&sim, &of_size(80), Goal::Apply);
        assert_eq!(plan.refusals[0].code, "volume-busy", "{plan}");
        assert!(
            plan.refusals[0].message.contains(volume.as_str()) && plan.refusals[0].message.contains("since"),
            "{plan}"
        );
        assert!(sim.now_ms() - before < 1_000);
        assert_eq!(look(&sim, &of_size(30), Goal::Apply).refusals[0].code, "volume-shrinks");
        pass(&sim, 2_000);
    }
}

#[test]
fn the_rate_of_modifications_is_told_as_what_it_is_12() {
    let (sim, _) = slow(1203);
    run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    pass(&sim, 3_700);
    let plan = look(&sim, &of_size(80), Goal::Apply);
    assert!(
        plan.notes.iter().any(|note| note.code == "volume-changed-lately"),
        "{plan}"
    );
    assert!(plan.step(StepKind::ModifyVolume).is_some(), "AWS may allow it: {plan}");
    let before = sim.now_ms();
    let error = sim
        .block_on(run(&sim, &of_size(80), Goal::Apply))
        .expect("no crash")
        .expect_err("six hours are not over");
    assert!(sim.now_ms() - before < 5_000, "{} ms", sim.now_ms() - before);
    assert!(error.to_string().contains("6 hours"), "{error}");
    assert!(matches!(&error.kind, ApplyErrorKind::Step { error, .. } if error.kind() == CallErrorKind::LimitExceeded));
    pass(&sim, 6 * 3_600);
    run_until_done(&sim, &of_size(80), Goal::Apply, 1);
}

#[test]
fn an_instance_waits_for_a_volume_that_is_being_modified_12() {
    let mut config = even(1204);
    config.timings.volume_modify = Range::exactly(300_000);
    let sim = applied(config);
    sim.settle(Duration::from_secs(900));
    let (instance, _, volume) = serving(&sim).expect("it serves");
    run_until_done(&sim, &of_size(40), Goal::Apply, 1);
    sim.kill_instance(&instance);
    sim.settle(Duration::from_secs(1_800));
    assert!(
        sim.trace_text().contains("OperationNotPermitted"),
        "{}",
        sim.trace_text()
    );
    let (other, _, same) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_ne!(other, instance);
    assert_eq!(same, volume);
}
