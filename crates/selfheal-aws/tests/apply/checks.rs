//! EC2's application status checks: AWS itself asks the app, and the group replaces an instance that does not answer.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, SimConfig, TraceKind, When};
use selfheal_aws::{ApplicationChecks, ApplyErrorKind, CallErrorKind, Control, Ec2, Goal, Scope, Silent, observe};
use selfheal_core::desired::application_check;
use selfheal_core::names::{TAG_APPLICATION_CHECK, TAG_FAILED_BOOTS, TAG_PARKED, Tags};
use selfheal_core::plan::{DestroyOptions, StepKind};
use selfheal_core::spec::{HealthFrom, Spec};
use selfheal_core::world::{ApplicationStatus, CreateApplicationStatusCheck, InstanceId};
use selfheal_policy::{OperatorScope, Partition, Purpose, operator_policy};

use crate::support::{
    applied, applied_as, calls, census, even, live_checks, look, probed, read, run, run_until_done, serving, web,
};

const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const HOUR: Duration = Duration::from_secs(3600);

/// What the group held against its instances.
fn reasons(sim: &Sim) -> Vec<String> {
    let why = |event| match event {
        selfheal_aws::sim::TraceEvent {
            what: TraceKind::Unhealthy { why, .. },
            ..
        } => Some(why),
        _ => None,
    };
    sim.trace().into_iter().filter_map(why).collect()
}

fn ids(sim: &Sim) -> Vec<String> {
    sim.inspect(|world| live_checks(world).map(|check| check.id.clone()).collect())
}

fn ran(sim: &Sim, spec: &Spec, goal: Goal) -> Vec<StepKind> {
    let done = run_until_done(sim, spec, goal, 1).done;
    done.iter().map(|done| done.step.kind).collect()
}

#[test]
fn an_app_that_dies_where_nobody_on_the_instance_looks_is_found_by_aws_and_replaced() {
    for seed in 0..10 {
        let spec = probed(HealthFrom::Aws);
        let sim = applied_as(SimConfig::seeded(seed), &spec);
        sim.settle(HOUR);
        let (first, address, volume) = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
        assert_eq!(reasons(&sim), [""; 0], "seed {seed}\n{}", sim.trace_text());
        sim.drain_trace();
        assert!(!sim.fail_app(&first), "there is no watchdog");
        assert!(sim.settle(2 * HOUR), "the world comes to rest");
        let (second, same_address, same_volume) =
            serving(&sim).unwrap_or_else(|| panic!("seed {seed} did not heal\n{}", sim.trace_text()));
        assert_ne!(first, second);
        assert_eq!((address, volume), (same_address, same_volume));
        let why = ["EC2 application status checks report impaired"];
        assert_eq!(reasons(&sim), why, "seed {seed}\n{}", sim.trace_text());
        assert!(!sim.trace_text().contains("SetInstanceHealth"), "{}", sim.trace_text());
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}

#[test]
fn an_app_that_aws_never_reaches_parks_the_stack() {
    for (seed, from) in (0..4).flat_map(|seed| [(seed, HealthFrom::Aws), (seed, HealthFrom::Both)]) {
        let spec = probed(from);
        let sim = applied_as(SimConfig::seeded(seed), &spec);
        sim.settle(HOUR);
        let group = format!("selfheal-{}", spec.name);
        let tag = |key: &str| sim.inspect(|world| world.groups.get(&group)?.tags.get(key).cloned());
        assert_eq!(tag(TAG_FAILED_BOOTS).unwrap_or_else(|| "0".to_owned()), "0");
        // Somebody closes the port: the app is well, and nobody from outside can tell.
        let observed = read(&sim, &spec, Scope::Plan);
        for group in &observed.security_groups {
            let closed = sim.block_on(sim.revoke_ingress(&group.id, &group.ingress));
            closed.expect("it ends").expect("it closes");
        }
        assert!(sim.settle(24 * HOUR), "the world comes to rest");
        let text = sim.trace_text();
        assert_eq!(tag(TAG_FAILED_BOOTS).as_deref(), Some("3"), "seed {seed}\n{text}");
        assert!(tag(TAG_PARKED).is_some(), "seed {seed}\n{text}");
        assert_eq!(sim.inspect(|world| world.instances.len()), 3, "seed {seed}\n{text}");
        assert!(sim.violations().is_empty(), "{:?}", sim.violations());
    }
}

#[test]
fn where_both_ask_a_dead_app_is_replaced_once() {
    for seed in 0..10 {
        let spec = probed(HealthFrom::Both);
        let sim = applied_as(SimConfig::seeded(seed), &spec);
        sim.settle(HOUR);
        let (first, address, volume) = serving(&sim).expect("it serves");
        assert!(sim.fail_app(&first), "there is a watchdog as well");
        sim.settle(2 * HOUR);
        let (second, same_address, same_volume) =
            serving(&sim).unwrap_or_else(|| panic!("seed {seed} did not heal\n{}", sim.trace_text()));
        assert_ne!(first, second);
        assert_eq!((address, volume), (same_address, same_volume));
        assert_eq!(sim.inspect(|world| world.instances.len()), 2, "{}", sim.trace_text());
    }
}

#[test]
fn an_instance_that_comes_into_service_under_an_old_verdict_is_kept() {
    for (seed, from) in (0..4).flat_map(|seed| [(seed, HealthFrom::Aws), (seed, HealthFrom::Both)]) {
        let spec = probed(from);
        let mut config = SimConfig::seeded(seed);
        // The dead instance holds the volume for longer than the check is patient with a new one.
        config.timings.volume_release = Range::new(660_000, 840_000);
        let sim = applied_as(config, &spec);
        sim.settle(HOUR);
        let (first, ..) = serving(&sim).expect("it serves");
        sim.drain_trace();
        sim.kill_instance(&first);
        sim.settle(2 * HOUR);
        let (second, ..) = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
        let text = sim.trace_text();
        let failed = format!("{second} failed");
        assert!(
            text.contains(&failed),
            "the check never failed: it proves nothing\n{text}"
        );
        assert_eq!(sim.inspect(|world| world.instances.len()), 2, "seed {seed}\n{text}");
        let status = read(&sim, &spec, Scope::Status).application_status;
        assert_eq!(status.get(&second).cloned(), Some(ApplicationStatus::Ok), "{text}");
    }
}

#[test]
fn a_check_costs_one_reading_and_two_calls_on_no_longer_a_chain() {
    let mut config = even(1);
    config.timings.iam_propagation = Range::new(0, 0);
    let spec = probed(HealthFrom::Both);
    let sim = Sim::new(config);
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert!(sim.now_ms() <= 7 * 50, "{} ms\n{}", sim.now_ms(), sim.trace_text());
    assert!(calls(&sim) <= 29 + 3, "{} calls\n{}", calls(&sim), sim.trace_text());
    sim.settle(HOUR);
    sim.drain_trace();
    for (scope, most) in [(Scope::Plan, 15), (Scope::Status, 20), (Scope::Destroy, 18)] {
        let before = sim.now_ms();
        read(&sim, &spec, scope);
        assert!(calls(&sim) <= most, "{scope:?}: {} calls", calls(&sim));
        assert_eq!(sim.now_ms() - before, 100, "{scope:?}: two round trips");
        assert_eq!(sim.effects(), 0);
        sim.drain_trace();
    }
}

#[test]
fn a_region_without_application_checks_is_asked_for_none_where_none_is_wanted() {
    for spec in [web(), probed(HealthFrom::Instance)] {
        let sim = Sim::new(even(2));
        let lacking = Fault::Refuse("InvalidAction".to_owned(), "The action is not valid.".to_owned());
        for action in ["Describe", "Create", "Associate", "Modify", "Delete"] {
            let every = When::Every(format!("ec2:{action}ApplicationStatus"));
            sim.set_faults(FaultPlan::none().with(every, lacking.clone()));
        }
        run_until_done(&sim, &spec, Goal::Apply, 1);
        sim.settle(HOUR);
        read(&sim, &spec, Scope::Status);
        run_until_done(&sim, &spec, KEEP, 1);
        assert!(!sim.trace_text().contains("ApplicationStatus"), "{}", sim.trace_text());
    }
}

#[test]
fn what_the_spec_asks_for_is_followed_there_and_back() {
    let (instance, both) = (probed(HealthFrom::Instance), probed(HealthFrom::Both));
    let sim = applied_as(even(3), &instance);
    sim.settle(HOUR);
    let keys = ran(&sim, &both, Goal::Apply);
    let place = |keys: &[StepKind], key: StepKind| keys.iter().position(|done| *done == key);
    let order = [
        StepKind::CreateTemplateVersion,
        StepKind::CreateApplicationStatusCheck,
        StepKind::AssociateApplicationStatusCheck,
    ]
    .map(|key| place(&keys, key));
    assert!(order[0].is_some() && order.is_sorted(), "{keys:?}");
    // The instance counts what AWS finds, and has to be allowed to ask.
    assert!(keys.contains(&StepKind::PutRolePolicy), "{keys:?}");
    let first = ids(&sim);
    assert_eq!(first.len(), 1);
    let mut slower = both.clone();
    slower.app.health.as_mut().expect("it has a probe").threshold = 5;
    assert!(ran(&sim, &slower, Goal::Apply).contains(&StepKind::ModifyApplicationStatusCheck));
    assert_eq!(ids(&sim), first);
    let keys = ran(&sim, &instance, Goal::Apply);
    let order = [StepKind::DeleteApplicationStatusCheck, StepKind::CreateTemplateVersion].map(|key| place(&keys, key));
    assert!(order[0].is_some() && order.is_sorted(), "{keys:?}");
    assert_eq!(ids(&sim), [""; 0]);
    assert!(look(&sim, &instance, Goal::Apply).is_empty());
    // The same check again is another one, and not what AWS remembers of the first.
    run_until_done(&sim, &both, Goal::Apply, 1);
    assert_eq!(ids(&sim).len(), 1);
    assert_ne!(ids(&sim), first);
    assert!(look(&sim, &both, Goal::Apply).is_empty());
}

#[test]
fn a_change_of_mind_that_is_cut_off_at_any_call_orphans_no_check() {
    let (instance, both) = (probed(HealthFrom::Instance), probed(HealthFrom::Both));
    let cuts: [fn(FaultPlan, u64) -> FaultPlan; 2] = [FaultPlan::crash_before, FaultPlan::crash_after];
    for (from, to) in [(&instance, &both), (&both, &instance)] {
        let start = || {
            let sim = applied_as(even(4), from);
            sim.settle(HOUR);
            sim.drain_trace();
            sim
        };
        let whole = start();
        run_until_done(&whole, to, Goal::Apply, 1);
        // Whoever runs it again wants what was wanted, or what was there before.
        let cases = (1..=calls(&whole)).flat_map(|k| [(k, cuts[0], to), (k, cuts[1], to), (k, cuts[1], from)]);
        for (k, cut, then) in cases {
            let sim = start();
            sim.set_faults(cut(FaultPlan::none(), k));
            assert!(sim.block_on(run(&sim, to, Goal::Apply)).is_err(), "call {k}");
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, then, Goal::Apply, 3);
            let wanted = usize::from(then.asks_aws());
            assert_eq!(ids(&sim).len(), wanted, "call {k}\n{}", sim.trace_text());
            assert!(look(&sim, then, Goal::Apply).is_empty(), "call {k}");
            if then == from {
                run_until_done(&sim, &web(), KEEP, 1);
                assert_eq!(ids(&sim), [""; 0], "call {k}\n{}", sim.trace_text());
            }
        }
    }
}

#[test]
fn a_check_that_somebody_deleted_is_made_again_however_long_ago_that_was() {
    // Within the hour for which the model shows it, and after it, when only the token is left of it.
    for later in [Duration::from_secs(60), 3 * HOUR] {
        let spec = probed(HealthFrom::Both);
        let sim = applied_as(even(5), &spec);
        let first = ids(&sim);
        let deleted = sim.block_on(sim.delete_application_status_check(&first[0]));
        deleted.expect("it ends").expect("it is deleted");
        sim.advance(later);
        let outcome = run_until_done(&sim, &spec, Goal::Apply, 1);
        assert!(!outcome.done.is_empty());
        assert_eq!(ids(&sim).len(), 1, "{}", sim.trace_text());
        assert_ne!(ids(&sim), first);
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}

#[test]
fn an_answer_that_names_a_check_which_is_gone_is_not_believed_twice() {
    let spec = probed(HealthFrom::Both);
    // To the invariants the check is still there; AWS alone remembers its token, and does not say that it is gone.
    let mut config = even(6);
    config.check_invariants = false;
    let sim = applied_as(config, &spec);
    sim.tamper(|world| {
        for record in world.application_checks.values_mut() {
            record.visible_ms = u64::MAX;
        }
    });
    let outcome = run_until_done(&sim, &spec, Goal::Apply, 1);
    let made = |key: StepKind| outcome.done.iter().filter(|done| done.step.kind == key).count();
    assert_eq!(made(StepKind::CreateApplicationStatusCheck), 2, "{}", sim.trace_text());
    assert_eq!(
        made(StepKind::AssociateApplicationStatusCheck),
        1,
        "{}",
        sim.trace_text()
    );
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
}

#[test]
fn a_stack_that_was_destroyed_and_made_again_has_a_check_of_its_own() {
    for later in [Duration::from_secs(60), 3 * HOUR] {
        let spec = probed(HealthFrom::Both);
        let sim = applied_as(even(7), &spec);
        sim.settle(HOUR);
        let first = ids(&sim);
        run_until_done(&sim, &spec, KEEP, 1);
        let left: Vec<_> = census(&sim).into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(left, [("addresses", 1), ("data volumes", 1)]);
        assert!(look(&sim, &spec, KEEP).steps.is_empty());
        sim.advance(later);
        run_until_done(&sim, &spec, Goal::Apply, 1);
        assert_eq!(ids(&sim).len(), 1);
        assert_ne!(ids(&sim), first);
    }
}

#[test]
fn a_second_check_is_told_at_every_plan_and_left_alone() {
    let spec = probed(HealthFrom::Both);
    let mut config = even(8);
    config.check_invariants = false;
    let sim = applied_as(config, &spec);
    let tags: Tags = sim.inspect(|world| live_checks(world).next().expect("there is one").tags.clone());
    let input = CreateApplicationStatusCheck {
        settings: application_check(&spec).expect("it asks AWS"),
        tags,
        client_token: String::new(),
    };
    let made = sim.block_on(sim.create_application_status_check(&input));
    made.expect("it ends").expect("it is made");
    let plan = look(&sim, &spec, Goal::Apply);
    assert!(plan.steps.is_empty(), "{plan}");
    assert!(
        plan.notes.iter().any(|note| note.code == "duplicate-application-check"),
        "{plan}"
    );
    // Once none is wanted, both are shown, and both go.
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(ids(&sim), [""; 0]);
}

#[test]
fn too_many_checks_in_the_account_stop_the_run_and_say_so() {
    let spec = probed(HealthFrom::Both);
    let sim = Sim::new(even(9));
    let settings = application_check(&spec).expect("it asks AWS");
    for _ in 0..50 {
        let input = CreateApplicationStatusCheck {
            settings: settings.clone(),
            tags: Tags::new(),
            client_token: String::new(),
        };
        let made = sim.block_on(sim.create_application_status_check(&input));
        made.expect("it ends").expect("it is made");
    }
    let error = sim.block_on(run(&sim, &spec, Goal::Apply)).expect("no crash");
    let error = error.expect_err("the account is full");
    assert!(
        matches!(&error.kind, ApplyErrorKind::Step { step, error }
            if step.kind == StepKind::CreateApplicationStatusCheck && error.kind() == CallErrorKind::LimitExceeded),
        "{error}"
    );
}

#[test]
fn the_generated_policies_allow_it_where_the_stack_has_a_check_and_not_elsewhere() {
    let spec = probed(HealthFrom::Both);
    let operate = |sim: &Sim, purpose: Purpose, application_check: bool| {
        let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
        scope.record_name = Some("app.example.com".to_owned());
        scope.application_check = application_check;
        let policy = operator_policy(&scope, purpose).expect("the scope is well-formed");
        sim.tamper(|world| world.config.operator_policy = Some(policy.to_json().into()));
    };
    let sim = Sim::new(even(10));
    operate(&sim, Purpose::Apply, true);
    run_until_done(&sim, &spec, Goal::Apply, 1);
    sim.settle(HOUR);
    let mut other = spec.clone();
    other.app.health.as_mut().expect("it has a probe").threshold = 7;
    run_until_done(&sim, &other, Goal::Apply, 1);
    sim.settle(HOUR);
    operate(&sim, Purpose::Status, true);
    let status = read(&sim, &spec, Scope::Status).application_status;
    assert_eq!(status.into_values().collect::<Vec<_>>(), [ApplicationStatus::Ok]);
    operate(&sim, Purpose::Destroy, true);
    run_until_done(&sim, &spec, KEEP, 1);
    assert_eq!(ids(&sim), [""; 0]);

    let sim = applied(even(10));
    operate(&sim, Purpose::Plan, false);
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let read = sim.block_on(observe(&sim, &spec, Scope::Plan, &ctl)).expect("it ends");
    let error = read.expect_err("it may not look for checks");
    assert_eq!(error.kind(), CallErrorKind::Denied);
    assert_eq!(error.action, "ec2:DescribeApplicationStatusChecks");
}

#[test]
fn the_instances_that_are_asked_are_those_that_were_launched_for_it() {
    let sim = applied_as(even(11), &probed(HealthFrom::Instance));
    sim.settle(HOUR);
    let (first, ..) = serving(&sim).expect("it serves");
    let both = probed(HealthFrom::Both);
    run_until_done(&sim, &both, Goal::Apply, 1);
    sim.settle(HOUR);
    // The running instance stays as it is until it is replaced, in this as in everything else.
    let asked = |id: &InstanceId| {
        let status = read(&sim, &both, Scope::Status).application_status;
        status.get(id).cloned()
    };
    assert_eq!(asked(&first), Some(ApplicationStatus::NotApplicable));
    sim.kill_instance(&first);
    sim.settle(HOUR);
    let (second, ..) = serving(&sim).expect("it healed");
    assert_eq!(asked(&second), Some(ApplicationStatus::Ok));
    let tagged = sim.inspect(|world| world.instances[&second].tags.get(TAG_APPLICATION_CHECK).cloned());
    assert_eq!(tagged.as_deref(), Some("web"));
}
