//! A first apply, a second one, and what changes in between.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_aws::{ApplyErrorKind, Clock, Control, Goal, Silent, apply, observe};
use selfheal_core::plan::StepKind;

use crate::support::{applied, calls, even, look, run, run_until_done, web};

#[test]
fn a_first_apply_takes_six_round_trips_and_at_most_27_calls() {
    // Late propagation of the instance profile costs time that no chain of calls explains.
    let mut config = even(1);
    config.timings.iam_propagation = selfheal_aws::sim::Range::new(0, 0);
    let sim = Sim::new(config);
    sim.block_on(run(&sim, &web(), Goal::Apply))
        .expect("no crash")
        .expect("it applies");
    // One of them is the lock: an address is allocated once the role is there, whose name is unique.
    assert!(sim.now_ms() <= 6 * 50, "{} ms\n{}", sim.now_ms(), sim.trace_text());
    assert!(calls(&sim) <= 27, "{} calls\n{}", calls(&sim), sim.trace_text());
}

#[test]
fn a_groups_hooks_come_with_it_and_are_put_where_that_is_in_doubt_or_one_is_missing() {
    let hooks = |sim: &Sim| sim.inspect(|world| world.groups["selfheal-web"].hooks.len());
    let puts = |sim: &Sim| {
        sim.trace_text()
            .matches("operator autoscaling:PutLifecycleHook")
            .count()
    };
    let sim = applied(even(2));
    assert_eq!((hooks(&sim), puts(&sim)), (2, 0), "{}", sim.trace_text());
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    // Somebody takes them away.
    sim.tamper(|world| world.groups.get_mut("selfheal-web").expect("it exists").hooks.clear());
    let done = run_until_done(&sim, &web(), Goal::Apply, 1).done;
    let keys: std::collections::BTreeSet<StepKind> = done.iter().map(|done| done.step.kind).collect();
    assert_eq!(keys, [StepKind::PutLaunchHook, StepKind::PutTerminateHook].into());
    assert_eq!((hooks(&sim), puts(&sim)), (2, 2), "{}", sim.trace_text());
    // Nobody knows whether the create took effect: what a reading of the group alone does not tell is put.
    let mut config = even(2);
    config.timings.iam_propagation = selfheal_aws::sim::Range::exactly(0);
    let sim = Sim::new(config);
    let lost = When::Nth("autoscaling:CreateAutoScalingGroup".to_owned(), 1);
    sim.set_faults(FaultPlan::none().with_times(lost, Fault::AnswerLost, 1));
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!((hooks(&sim), puts(&sim)), (2, 2), "{}", sim.trace_text());
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn a_second_apply_changes_nothing_and_reads_two_deep() {
    for seed in 0..20 {
        let sim = applied(even(seed));
        sim.settle(Duration::from_secs(600));
        sim.drain_trace();
        let before = sim.now_ms();
        let outcome = sim
            .block_on(run(&sim, &web(), Goal::Apply))
            .expect("no crash")
            .expect("it applies");
        assert!(outcome.done.is_empty(), "{:?}", outcome.done);
        assert_eq!(sim.effects(), 0, "{}", sim.trace_text());
        assert!(calls(&sim) <= 14, "{} calls", calls(&sim));
        assert_eq!(sim.now_ms() - before, 100, "{}", sim.trace_text());
    }
}

#[test]
fn equal_seeds_give_equal_traces_and_others_do_not() {
    let trace = |seed| applied(selfheal_aws::sim::SimConfig::seeded(seed)).trace_text();
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

#[test]
fn another_type_is_a_version_and_a_pin_and_the_instance_stays() {
    let sim = applied(even(3));
    sim.settle(Duration::from_secs(600));
    let before = sim.inspect(|world| world.instances.len());
    let mut spec = web();
    spec.instance.instance_type = "t4g.medium".to_owned();
    let outcome = run_until_done(&sim, &spec, Goal::Apply, 1);
    let keys: Vec<StepKind> = outcome.done.iter().map(|done| done.step.kind).collect();
    assert_eq!(keys, [StepKind::CreateTemplateVersion, StepKind::UpdateGroup]);
    sim.settle(Duration::from_secs(600));
    assert_eq!(sim.inspect(|world| world.instances.len()), before);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
}

#[test]
fn a_plan_that_a_person_thought_about_is_read_again_and_not_outgrown() {
    let sim = Sim::new(even(4));
    let spec = web();
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let result = sim
        .block_on(async {
            let observed = observe(&sim, &spec, Goal::Apply.scope(), &ctl)
                .await
                .expect("it can be read");
            let shown = Goal::Apply.plan(&spec, &observed);
            // Meanwhile a colleague applies the stack with a larger volume.
            let colleague = sim.as_operator("colleague");
            let mut theirs = spec.clone();
            theirs.data.as_mut().expect("the example has data").size_gib = 10;
            run(&colleague, &theirs, Goal::Apply).await.expect("it applies");
            sim.sleep(Duration::from_secs(3600)).await;
            let seen = sim.drain_trace().len();
            assert!(seen > 0);
            apply(&sim, &spec, Goal::Apply, &shown, observed, &ctl).await
        })
        .expect("no crash");
    let error = result.expect_err("the volume has another size now: growing it was not shown");
    assert!(
        matches!(&error.kind, ApplyErrorKind::Changed(deviation) if deviation.step.kind == StepKind::ModifyVolume),
        "{error}"
    );
    assert_eq!(sim.effects(), 0, "{}", sim.trace_text());
}
