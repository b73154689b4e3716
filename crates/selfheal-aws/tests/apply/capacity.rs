//! Types that are tried in order, spot, and the one replacement in which a group comes to launch in another way.

use std::time::Duration;

use selfheal_aws::sim::{FaultPlan, Sim, SimError, TraceKind, World};
use selfheal_aws::{AutoScaling, Goal, Scope};
use selfheal_core::plan::{StepKind, plan};
use selfheal_core::spec::{Market, Spec};
use selfheal_core::status::{FindingCode, StatusReport, status};
use selfheal_core::world::{InstanceId, InstanceState};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, look, operate, read, run, run_until_done, serving, web};

const HOUR: Duration = Duration::from_secs(3_600);
const GROUP: &str = "selfheal-web";

fn of(types: &[&str], market: Market) -> Spec {
    let mut spec = web();
    spec.instance.instance_type = types[0].to_owned();
    spec.instance.fallback_types = types[1..].iter().map(|&name| name.to_owned()).collect();
    spec.instance.market = market;
    spec
}

fn several() -> Spec {
    of(&["t4g.small", "t4g.medium"], Market::OnDemand)
}

fn spot() -> Spec {
    of(&["t4g.small", "t4g.medium", "m7g.medium"], Market::Spot)
}

fn type_of(sim: &Sim, id: &InstanceId) -> String {
    sim.inspect(|world| world.instances[id].data.instance_type.clone())
}

fn report(sim: &Sim, spec: &Spec) -> StatusReport {
    let world = read(sim, spec, Scope::Status);
    status(spec, &world, &plan(spec, &world))
}

/// The stack in service.
fn served(spec: &Spec) -> Sim {
    let sim = applied_as(even(3), spec);
    sim.settle(HOUR);
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    sim
}

/// How many instances of the stack ran at once, at the worst.
fn most_at_once(sim: &Sim) -> usize {
    let mut live = std::collections::BTreeSet::new();
    let mut most = 0;
    for event in sim.trace() {
        if let TraceKind::Instance { id, state, .. } = &event.what {
            match state.to_string().as_str() {
                "pending" | "running" => live.insert(id.clone()),
                "terminated" => live.remove(id),
                _ => false,
            };
            most = most.max(live.len());
        }
    }
    most
}

#[test]
fn the_second_type_is_launched_where_the_first_is_sold_out_and_in_the_volumes_zone() {
    let sim = served(&several());
    let (first, address, volume) = serving(&sim).expect("it serves");
    assert_eq!(type_of(&sim, &first), "t4g.small");
    sim.sell_out("t4g.small", true);
    sim.kill_instance(&first);
    sim.settle(HOUR);
    let (second, same_address, same_volume) = serving(&sim).expect("it fell back");
    assert_eq!(type_of(&sim, &second), "t4g.medium");
    assert_eq!((address, volume), (same_address, same_volume));
    let report = report(&sim, &several());
    assert!(report.to_string().contains("t4g.medium, running"), "{report}");
    assert!(look(&sim, &several(), Goal::Apply).is_empty(), "a fallback is no drift");
}

/// What AWS does by itself is in `sim_world::capacity`: it launches first.
#[test]
fn a_change_of_the_market_is_one_replacement_that_terminates_first() {
    for (from, to) in [
        (web(), several()),
        (several(), spot()),
        (spot(), web()),
        (web(), spot()),
        (spot(), several()),
    ] {
        let sim = served(&from);
        let (first, address, volume) = serving(&sim).expect("it serves");
        let shown = look(&sim, &to, Goal::Apply);
        let kinds: Vec<StepKind> = shown.steps.iter().map(|step| step.kind).collect();
        for kind in [
            StepKind::SuspendLaunches,
            StepKind::UpdateGroup,
            StepKind::ReplaceInstance,
            StepKind::ResumeLaunches,
        ] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        sim.drain_trace();
        run_until_done(&sim, &to, Goal::Apply, 1);
        sim.settle(HOUR);
        let (second, same_address, same_volume) = serving(&sim).expect("it serves again");
        assert_ne!(first, second);
        assert_eq!((address, volume), (same_address, same_volume));
        assert!(most_at_once(&sim) <= 1, "{}", sim.trace_text());
        assert!(look(&sim, &to, Goal::Apply).is_empty());
        sim.inspect(|world| assert!(world.groups[GROUP].suspended.is_empty()));
        assert!(report(&sim, &to).healthy);
    }
}

#[test]
fn other_types_in_the_same_market_replace_nothing() {
    let sim = served(&several());
    let (first, ..) = serving(&sim).expect("it serves");
    let other = of(&["t4g.large", "t4g.medium"], Market::OnDemand);
    let shown = look(&sim, &other, Goal::Apply);
    assert!(shown.step(StepKind::ReplaceInstance).is_none(), "{shown}");
    run_until_done(&sim, &other, Goal::Apply, 1);
    sim.settle(HOUR);
    assert_eq!(serving(&sim).expect("as before").0, first);
    sim.kill_instance(&first);
    sim.settle(HOUR);
    assert_eq!(type_of(&sim, &serving(&sim).expect("replaced").0), "t4g.large");
}

/// Cut off at each of its calls, before and after it took effect: in between nothing is launched beside the old instance, a
/// status says what is to be done, and the next apply finishes it.
#[test]
fn a_replacement_that_is_cut_off_anywhere_is_finished_by_the_next_apply() {
    let whole = {
        let sim = served(&web());
        sim.drain_trace();
        run_until_done(&sim, &spot(), Goal::Apply, 1);
        calls(&sim)
    };
    assert!(whole > 10);
    for k in 1..=whole {
        for after in [false, true] {
            let sim = served(&web());
            let (first, address, volume) = serving(&sim).expect("it serves");
            sim.drain_trace();
            let faults = if after {
                FaultPlan::none().crash_after(k)
            } else {
                FaultPlan::none().crash_before(k)
            };
            sim.set_faults(faults);
            let ended = sim.block_on(run(&sim, &spot(), Goal::Apply));
            let cut = matches!(ended, Err(SimError::Crashed { .. }));
            assert!(cut || matches!(ended, Ok(Ok(_))), "{k}: {ended:?}");
            sim.settle(HOUR);
            assert!(most_at_once(&sim) <= 1, "{k} {after}\n{}", sim.trace_text());
            let replacing = sim.inspect(|world| !world.groups[GROUP].suspended.is_empty());
            if replacing {
                let told = report(&sim, &spot());
                let found = |code| told.findings.iter().any(|finding| finding.code == code);
                assert!(found(FindingCode::ReplacementUnfinished), "{told}");
                assert!(
                    look(&sim, &spot(), Goal::Resume).is_refused(),
                    "it would launch beside it"
                );
            }
            run_until_done(&sim, &spot(), Goal::Apply, 2);
            sim.settle(HOUR);
            let (second, same_address, same_volume) = serving(&sim).expect("it serves again");
            assert_ne!(first, second, "{k} {after}");
            assert_eq!((address, volume), (same_address, same_volume));
            assert!(most_at_once(&sim) <= 1, "{k} {after}\n{}", sim.trace_text());
            assert!(look(&sim, &spot(), Goal::Apply).is_empty(), "{k} {after}");
        }
    }
}

/// Whoever lost the spot capacity gets out by an apply, which has no instance to replace then.
#[test]
fn a_status_tells_the_way_out_of_spot_without_capacity_and_an_apply_is_it() {
    let sim = served(&spot());
    let (first, address, volume) = serving(&sim).expect("it serves");
    for name in spot().instance.types() {
        sim.sell_out_spot(name, true);
    }
    sim.interrupt_instance(&first);
    sim.advance(Duration::from_secs(1_800));
    assert!(serving(&sim).is_none());
    let told = report(&sim, &spot());
    let failing = told.findings.iter().find(|it| it.code == FindingCode::LaunchFailing);
    let failing = failing.expect("it says that the launch fails");
    assert!(failing.message.contains("UnfulfillableCapacity"), "{}", failing.message);
    assert!(failing.help.contains("`market = \"on-demand\"`") && failing.help.contains("`selfheal apply`"));
    assert!(
        told.to_string().contains("never falls back to on-demand by itself"),
        "{told}"
    );
    let shown = look(&sim, &several(), Goal::Apply);
    assert!(shown.step(StepKind::ReplaceInstance).is_none(), "{shown}");
    run_until_done(&sim, &several(), Goal::Apply, 1);
    sim.settle(HOUR);
    let (_, same_address, same_volume) = serving(&sim).expect("on demand");
    assert_eq!((address, volume), (same_address, same_volume));
}

#[test]
fn a_type_that_is_sold_out_is_told_with_what_to_write() {
    let sim = served(&web());
    let (first, ..) = serving(&sim).expect("it serves");
    sim.sell_out("t4g.small", true);
    sim.kill_instance(&first);
    sim.advance(Duration::from_secs(900));
    let told = report(&sim, &web());
    let failing = told.findings.iter().find(|it| it.code == FindingCode::LaunchFailing);
    assert!(
        failing.is_some_and(|it| it.help.contains("write `types` in the place of `type`")),
        "{told}"
    );
    run_until_done(&sim, &several(), Goal::Apply, 1);
    sim.settle(HOUR);
    assert_eq!(type_of(&sim, &serving(&sim).expect("it fell back").0), "t4g.medium");
}

/// A stack that sleeps, or is parked, has nothing to replace, or must not be woken by it.
#[test]
fn a_stack_that_rests_is_changed_without_a_replacement_and_a_parked_one_is_refused() {
    let sim = served(&web());
    let parked = ["Launch", "ReplaceUnhealthy"].map(str::to_owned);
    sim.block_on(sim.suspend_processes(GROUP, &parked))
        .expect("it ends")
        .expect("allowed");
    let refused = look(&sim, &spot(), Goal::Apply);
    assert_eq!(refused.refusals[0].code, "replacement-suspended");
    sim.block_on(sim.resume_processes(GROUP, &parked))
        .expect("it ends")
        .expect("allowed");
    run_until_done(&sim, &web(), Goal::Sleep(Default::default()), 1);
    sim.settle(HOUR);
    run_until_done(&sim, &spot(), Goal::Apply, 1);
    sim.settle(HOUR);
    sim.inspect(|world: &World| {
        assert!(world.groups[GROUP].members.is_empty(), "it sleeps");
        assert!(world.instances.values().all(|it| it.state == InstanceState::Terminated));
    });
}

/// All of it under the generated policy, which lets the group launch these types and no others.
#[test]
fn the_policy_of_an_apply_is_enough_for_a_replacement_and_names_the_types() {
    let sim = served(&web());
    operate(&sim, Purpose::Apply, |scope| {
        scope.instance_types = spot().instance.types().cloned().collect();
        scope.replaces = true;
    });
    run_until_done(&sim, &spot(), Goal::Apply, 1);
    sim.settle(HOUR);
    assert!(serving(&sim).is_some());
    let other = of(&["t4g.small", "t4g.large"], Market::Spot);
    let denied = sim.block_on(run(&sim, &other, Goal::Apply)).expect("it ends");
    assert!(denied.is_err_and(|error| error.to_string().contains("not authorized")));
}
