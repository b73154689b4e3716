//! What is executed is what was shown: the same resource, from the value that was shown to the value that was shown.

use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{ApplyError, ApplyErrorKind, Clock, Control, Ec2, Goal, Outcome, Silent, apply, observe};
use selfheal_core::names::{Names, ResourceKind};
use selfheal_core::plan::{DestroyOptions, StepKind};
use selfheal_core::spec::Spec;
use selfheal_core::world::{AllocationId, VolumeId, VolumeState};

use crate::support::{applied, even, run, run_until_done, web};

/// Plans, lets something happen while a person thinks about it, and executes what was shown.
fn shown_then(sim: &Sim, spec: &Spec, goal: Goal, meanwhile: impl AsyncFnOnce()) -> Result<Outcome, ApplyError> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    sim.block_on(async {
        let observed = observe(sim, spec, goal.scope(), &ctl).await.expect("it can be read");
        let shown = goal.plan(spec, &observed);
        assert!(!shown.is_refused(), "{shown}");
        meanwhile().await;
        sim.sleep(Duration::from_secs(60)).await;
        sim.drain_trace();
        apply(sim, spec, goal, &shown, observed, &ctl).await
    })
    .expect("no crash")
}

fn changed(result: Result<Outcome, ApplyError>) -> StepKind {
    match result {
        Err(ApplyError {
            kind: ApplyErrorKind::Changed(deviation),
            ..
        }) => deviation.step.kind,
        other => panic!("{other:?}"),
    }
}

/// A world in which a violation of S5 is the test's own doing.
fn two_of_a_kind(seed: u64) -> SimConfig {
    SimConfig {
        check_invariants: false,
        ..even(seed)
    }
}

#[test]
fn an_address_that_was_not_shown_is_not_released_3() {
    let sim = applied(two_of_a_kind(301));
    sim.settle(Duration::from_secs(900));
    // What is left of the stack is what bears its tags.
    run_until_done(&sim, &web(), Goal::Destroy(DestroyOptions::default()), 1);
    sim.settle(Duration::from_secs(900));
    let tags = Names::new("web", "eu-west-1").tags(ResourceKind::Address);
    let goal = Goal::Destroy(DestroyOptions {
        release_address: true,
        ..DestroyOptions::KEEP
    });
    let shown: Vec<AllocationId> = sim.inspect(|world| world.addresses.keys().cloned().collect());
    let result = shown_then(&sim, &web(), goal, async || {
        // Somebody moves the stack to another address: the tags go from one to the other.
        let other = sim.allocate_address(&tags).await.expect("the quota allows it");
        sim.tamper(|world| {
            for record in world.addresses.values_mut() {
                if record.address.allocation_id != other.allocation_id {
                    record.address.tags.clear();
                }
            }
        });
    });
    assert_eq!(changed(result), StepKind::ReleaseAddress);
    assert_eq!(
        sim.inspect(|world| world.addresses.len()),
        shown.len() + 1,
        "{}",
        sim.trace_text()
    );
    assert_eq!(sim.effects(), 0, "it is too late to learn it at the last step");
}

#[test]
fn a_volume_that_was_not_shown_is_not_deleted_3() {
    let sim = applied(two_of_a_kind(302));
    sim.settle(Duration::from_secs(900));
    sim.block_on(run(&sim, &web(), Goal::Destroy(DestroyOptions::default())))
        .expect("no crash")
        .expect("it destroys");
    sim.settle(Duration::from_secs(900));
    let goal = Goal::Destroy(DestroyOptions {
        delete_data: true,
        ..DestroyOptions::KEEP
    });
    let live = |sim: &Sim| {
        sim.inspect(|world| {
            let live = world.volumes.values().filter(|record| !record.delete_on_termination);
            live.filter(|record| record.volume.state == VolumeState::Available)
                .count()
        })
    };
    let before = live(&sim);
    let result = shown_then(&sim, &web(), goal, async || {
        sim.tamper(|world| {
            let (id, record) = world
                .volumes
                .iter()
                .find(|(_, it)| !it.delete_on_termination)
                .expect("it is kept");
            let (mut other, id) = (record.clone(), id.clone());
            let new = VolumeId::from("vol-0ffffffffffffffff");
            other.volume.id.clone_from(&new);
            world.volumes.insert(new, other);
            world.volumes.get_mut(&id).expect("it is there").volume.tags.clear();
        });
    });
    assert!(matches!(
        changed(result),
        StepKind::CreateSnapshot | StepKind::DeleteVolume
    ));
    assert_eq!(live(&sim), before + 1, "{}", sim.trace_text());
}

#[test]
fn a_stale_plan_does_not_move_the_stack_backwards_3() {
    let sim = applied(even(303));
    sim.settle(Duration::from_secs(900));
    let mut mine = web();
    mine.instance.instance_type = "t4g.medium".to_owned();
    let mut theirs = web();
    theirs.instance.instance_type = "t4g.large".to_owned();
    let result = shown_then(&sim, &mine, Goal::Apply, async || {
        let colleague = sim.as_operator("colleague");
        run(&colleague, &theirs, Goal::Apply).await.expect("it applies");
    });
    assert_eq!(changed(result), StepKind::CreateTemplateVersion);
    assert_eq!(sim.effects(), 0, "{}", sim.trace_text());
}
