//! Somebody waits until the stack serves, and replaces its instance.

use std::sync::Mutex;
use std::time::Duration;

use jiff::SignedDuration;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When, World};
use selfheal_aws::{
    CallErrorKind, CallResult, Control, Event, Goal, Patience, Progress, Scope, Silent, WATCH_MAX, Watched, watch,
};
use selfheal_core::plan::PlanOptions;
use selfheal_core::watch::{Failing, Phase, Verdict, Watch};
use selfheal_core::world::{InstanceId, Observed};

use crate::restore::{back_to, with_a_past};
use crate::support::{applied, calls, even, look, read, run, run_until_done, serving, web};

const HOUR: Duration = Duration::from_secs(3600);
const PATIENT: Patience = Patience {
    at_most: WATCH_MAX,
    lets_group_try_again: true,
};

/// Waits from what was read before on.
fn wait(sim: &Sim, before: &Observed, after: Observed, patience: Patience, told: &dyn Progress) -> CallResult<Watched> {
    wait_for(sim, Watch::new(before, sim.inspect(World::now)), after, patience, told)
}

fn wait_for(sim: &Sim, begun: Watch, after: Observed, patience: Patience, told: &dyn Progress) -> CallResult<Watched> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: told,
    };
    let spec = web();
    let watched = watch(sim, &spec, (begun, after), patience, &ctl);
    sim.block_on(watched).expect("it ends")
}

fn phases(watched: &Watched) -> Vec<Phase> {
    watched.watch.reached().iter().map(|reached| reached.phase).collect()
}

/// Counts what is told.
#[derive(Debug, Default)]
struct Told {
    failing: Mutex<Vec<Failing>>,
    again: Mutex<usize>,
}

impl Progress for Told {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Failing { failing } => self.failing.lock().expect("no panic").push((*failing).clone()),
            Event::Retrying { .. } => *self.again.lock().expect("no panic") += 1,
            _ => {}
        }
    }
}

#[test]
fn a_first_apply_is_watched_until_it_serves() {
    for seed in 0..10 {
        let sim = Sim::new(SimConfig::seeded(seed));
        let before = read(&sim, &web(), Scope::Plan);
        let after = run_until_done(&sim, &web(), Goal::Apply, 1).observed;
        let (made, began) = (calls(&sim), sim.inspect(World::now));
        let watched = wait(&sim, &before, after, PATIENT, &Silent).expect("it can be read");
        let (id, ..) = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
        assert_eq!(watched.verdict, Verdict::Serving(id), "seed {seed}");
        let seen = phases(&watched);
        for phase in [
            Phase::Launched,
            Phase::VolumeAttached,
            Phase::AddressAssociated,
            Phase::InService,
            Phase::Named,
        ] {
            assert!(seen.contains(&phase), "seed {seed}: {phase:?} in {seen:?}");
        }
        assert_eq!(seen.first(), Some(&Phase::Launched));
        // Three calls a reading and one for the launches, every five seconds but for the first few.
        let took = sim.inspect(World::now).duration_since(began).as_secs().unsigned_abs();
        assert!(
            calls(&sim) - made <= 4 * (took / 5 + 4),
            "seed {seed}: {} in {took} s",
            calls(&sim) - made
        );
    }
}

#[test]
fn what_serves_already_is_told_without_a_call() {
    let sim = applied(SimConfig::seeded(1));
    sim.settle(HOUR);
    let now = read(&sim, &web(), Scope::Plan);
    let made = calls(&sim);
    let watched = wait(&sim, &now, now.clone(), PATIENT, &Silent).expect("it can be read");
    assert!(matches!(watched.verdict, Verdict::Serving(_)));
    assert_eq!(calls(&sim), made);
}

#[test]
fn an_instance_that_is_replaced_is_followed_by_one_with_the_same_address_and_data() {
    for seed in 0..10 {
        let sim = applied(SimConfig::seeded(seed));
        sim.settle(HOUR);
        let (old, address, volume) = serving(&sim).expect("it serves");
        let before = read(&sim, &web(), Scope::Replace);
        let begun = Watch::new(&before, sim.inspect(World::now)).replacing(old.clone());
        let after = run_until_done(&sim, &web(), Goal::Replace(Some(old.clone())), 1).observed;
        let watched = wait_for(&sim, begun, after, PATIENT, &Silent).expect("it can be read");
        let new = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
        assert_ne!(new.0, old);
        assert_eq!((new.1, new.2), (address, volume));
        assert_eq!(watched.verdict, Verdict::Serving(new.0), "seed {seed}");
        assert!(
            phases(&watched).contains(&Phase::Ending),
            "seed {seed}: {:?}",
            phases(&watched)
        );
        assert!(sim.violations().is_empty(), "{:?}", sim.violations());
    }
}

#[test]
fn one_is_replaced_once_whatever_becomes_of_the_answer() {
    let terminate = || When::Every("autoscaling:TerminateInstanceInAutoScalingGroup".to_owned());
    for fault in [Fault::AnswerLost, Fault::ErrorBeforeEffect, Fault::Throttle] {
        let sim = applied(even(7));
        sim.settle(HOUR);
        let (old, ..) = serving(&sim).expect("it serves");
        let launched = sim.inspect(|world| world.instances.len());
        sim.set_faults(FaultPlan::none().with_times(terminate(), fault.clone(), 1));
        run_until_done(&sim, &web(), Goal::Replace(Some(old.clone())), 1);
        sim.settle(HOUR);
        let (new, ..) = serving(&sim).expect("it serves again");
        assert_ne!(new, old, "{fault:?}");
        assert_eq!(
            sim.inspect(|world| world.instances.len()),
            launched + 1,
            "{fault:?}: one more and no second"
        );
    }
    // Whoever was cut off runs the same again, and nothing of the new instance is touched.
    for cut in [FaultPlan::crash_before, FaultPlan::crash_after] {
        for k in 1..=6 {
            let sim = applied(even(8));
            sim.settle(HOUR);
            let (old, ..) = serving(&sim).expect("it serves");
            let launched = sim.inspect(|world| world.instances.len());
            sim.set_faults(cut(FaultPlan::none(), k));
            assert!(
                sim.block_on(run(&sim, &web(), Goal::Replace(Some(old.clone()))))
                    .is_err(),
                "{k}: cut off"
            );
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &web(), Goal::Replace(Some(old.clone())), 1);
            sim.settle(HOUR);
            run_until_done(&sim, &web(), Goal::Replace(Some(old.clone())), 1);
            sim.settle(HOUR);
            assert_ne!(serving(&sim).expect("it serves again").0, old, "{k}");
            assert_eq!(sim.inspect(|world| world.instances.len()), launched + 1, "{k}");
        }
    }
}

#[test]
fn a_boot_that_fails_ends_the_wait_or_is_told_once_for_each_until_the_stack_parks() {
    let sim = Sim::new(even(3));
    sim.fail_boots("selfheal-web", true);
    let before = read(&sim, &web(), Scope::Plan);
    let after = run_until_done(&sim, &web(), Goal::Apply, 1).observed;
    let hasty = Patience {
        lets_group_try_again: false,
        ..PATIENT
    };
    let watched = wait(&sim, &before, after.clone(), hasty, &Silent).expect("it can be read");
    let Verdict::Failing(Failing::BootFailed { error, .. }) = &watched.verdict else {
        panic!("{:?}", watched.verdict);
    };
    assert!(error.contains("setup"), "{error}");
    let told = Told::default();
    let patient = Patience {
        at_most: SignedDuration::from_hours(3),
        ..PATIENT
    };
    let watched = wait(&sim, &before, after, patient, &told).expect("it can be read");
    assert!(
        matches!(watched.verdict, Verdict::Failing(Failing::Parked { .. })),
        "{:?}",
        watched.verdict
    );
    let failing = told.failing.lock().expect("no panic");
    assert!((1..=3).contains(&failing.len()), "{failing:?}");
}

#[test]
fn a_launch_that_aws_refuses_is_told_in_its_words() {
    let sim = Sim::new(even(4));
    sim.refuse_launches("eu-west-1a", true);
    let before = read(&sim, &web(), Scope::Plan);
    let after = run_until_done(&sim, &web(), Goal::Apply, 1).observed;
    let hasty = Patience {
        lets_group_try_again: false,
        ..PATIENT
    };
    let watched = wait(&sim, &before, after, hasty, &Silent).expect("it can be read");
    let Verdict::Failing(Failing::LaunchFailed { message }) = watched.verdict else {
        panic!("{:?}", watched.verdict);
    };
    assert!(message.contains("capacity"), "{message}");
}

#[test]
fn a_launch_that_failed_before_it_was_mended_ends_no_wait() {
    let sim = applied(even(14));
    sim.settle(HOUR);
    let (old, ..) = serving(&sim).expect("it serves");
    sim.refuse_launches("eu-west-1a", true);
    sim.kill_instance(&old);
    sim.advance(HOUR);
    assert!(serving(&sim).is_none());
    sim.refuse_launches("eu-west-1a", false);
    let before = read(&sim, &web(), Scope::Plan);
    let hasty = Patience {
        lets_group_try_again: false,
        ..PATIENT
    };
    let watched = wait(&sim, &before, before.clone(), hasty, &Silent).expect("it can be read");
    assert!(matches!(watched.verdict, Verdict::Serving(_)), "{:?}", watched.verdict);
}

#[test]
fn an_hour_without_the_api_is_waited_out_and_a_denial_is_not() {
    let sim = applied(even(5));
    sim.settle(HOUR);
    let (old, ..) = serving(&sim).expect("it serves");
    let before = read(&sim, &web(), Scope::Replace);
    let begun = Watch::new(&before, sim.inspect(World::now)).replacing(old.clone());
    let after = run_until_done(&sim, &web(), Goal::Replace(Some(old)), 1).observed;
    let down = FaultPlan::none().with_times(When::Every("ec2:DescribeVolumes".to_owned()), Fault::ServiceDown, 60);
    sim.set_faults(down.only_for("operator"));
    let told = Told::default();
    let patient = Patience {
        at_most: SignedDuration::from_hours(3),
        ..PATIENT
    };
    let watched = wait_for(&sim, begun.clone(), after.clone(), patient, &told).expect("it is waited out");
    assert!(matches!(watched.verdict, Verdict::Serving(_)), "{:?}", watched.verdict);
    assert!(*told.again.lock().expect("no panic") > 0, "it is told");
    let denied = FaultPlan::none().with(When::Every("ec2:DescribeVolumes".to_owned()), Fault::AccessDenied);
    sim.set_faults(denied);
    let error = wait_for(&sim, begun, after, patient, &Silent).expect_err("nobody waits for a right");
    assert_eq!(error.kind(), CallErrorKind::Denied);
}

#[test]
fn patience_ends() {
    let sim = applied(even(6));
    sim.settle(HOUR);
    let (old, ..) = serving(&sim).expect("it serves");
    sim.refuse_launches("eu-west-1a", true);
    sim.kill_instance(&old);
    sim.advance(HOUR / 6);
    let now = read(&sim, &web(), Scope::Status);
    let began = sim.inspect(World::now);
    let short = Patience {
        at_most: SignedDuration::from_mins(5),
        ..PATIENT
    };
    let watched = wait(&sim, &now, now.clone(), short, &Silent).expect("it can be read");
    assert!(!matches!(watched.verdict, Verdict::Serving(_)));
    let took = sim.inspect(World::now).duration_since(began);
    assert!(took >= short.at_most && took < SignedDuration::from_mins(6), "{took}");
    let gone: Option<&InstanceId> = watched.watch.reached().first().map(|reached| &reached.instance);
    assert_ne!(gone, Some(&old));
}

#[test]
fn what_was_launched_before_is_gone_back_to_and_boots() {
    let sim = applied(even(15));
    sim.settle(HOUR);
    let (old, address, volume) = serving(&sim).expect("it serves");
    let mut other = web();
    other.instance.instance_type = "t4g.medium".to_owned();
    run_until_done(&sim, &other, Goal::Apply, 1);
    run_until_done(&sim, &other, Goal::Replace(Some(old)), 1);
    sim.settle(HOUR);
    let (new, ..) = serving(&sim).expect("it serves");
    sim.permit("selfheal-web version 1");
    run_until_done(&sim, &other, Goal::Rollback(1), 1);
    run_until_done(&sim, &other, Goal::Replace(Some(new)), 1);
    sim.settle(HOUR);
    let (_, address_then, volume_then) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_eq!((address_then, volume_then), (address, volume));
    let group = read(&sim, &other, Scope::Replace).group.expect("it is there");
    assert_eq!(group.instances[0].template_version.as_deref(), Some("1"));
    assert!(look(&sim, &other, Goal::Rollback(9)).refusals[0].code == "no-such-version");
}

#[test]
fn a_version_that_names_another_volume_is_not_gone_back_to() {
    let (sim, snapshot) = with_a_past(16, &web());
    run_until_done(&sim, &web(), back_to(&snapshot), 1);
    sim.settle(HOUR);
    let before = read(&sim, &web(), Scope::Replace).group.expect("it is there");
    let pinned = before.version_before();
    assert!(pinned > 0);
    let plan = look(&sim, &web(), Goal::Rollback(pinned));
    assert!(plan.steps.is_empty());
    assert_eq!(plan.refusals[0].code, "version-of-other-resources", "{plan}");
}

#[test]
fn an_apply_that_replaces_does_so_once_wherever_it_is_cut_off() {
    let mut other = web();
    other.instance.instance_type = "t4g.medium".to_owned();
    let goal = Goal::ApplyWith(PlanOptions {
        replace: true,
        ..PlanOptions::default()
    });
    let cuts: [fn(FaultPlan, u64) -> FaultPlan; 2] = [FaultPlan::crash_before, FaultPlan::crash_after];
    for cut in cuts {
        let mut k = 0;
        loop {
            k += 1;
            let sim = applied(even(9));
            sim.settle(HOUR);
            let (old, address, volume) = serving(&sim).expect("it serves");
            let launched = sim.inspect(|world| world.instances.len());
            sim.set_faults(cut(FaultPlan::none(), k));
            let was_cut = sim.block_on(run(&sim, &other, goal.clone())).is_err();
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &other, goal.clone(), 1);
            sim.settle(HOUR);
            // Whoever runs it once more replaces nothing more.
            run_until_done(&sim, &other, goal.clone(), 1);
            sim.settle(HOUR);
            let new = serving(&sim).unwrap_or_else(|| panic!("{k}\n{}", sim.trace_text()));
            assert_ne!(new.0, old, "{k}");
            assert_eq!((&new.1, &new.2), (&address, &volume), "{k}");
            assert_eq!(
                sim.inspect(|world| world.instances.len()),
                launched + 1,
                "{k}: one more"
            );
            assert_eq!(
                sim.inspect(|world| world.instances[&new.0].template_version),
                2,
                "{k}: of the version that the apply has made"
            );
            assert!(look(&sim, &other, goal.clone()).is_empty(), "{k}");
            assert!(sim.violations().is_empty(), "{k}: {:?}", sim.violations());
            if !was_cut {
                break;
            }
        }
        assert!(k > 15, "reads, a version, the group, the instance: {k}");
    }
}
