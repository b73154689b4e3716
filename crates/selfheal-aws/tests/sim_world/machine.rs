//! Random operations in random order never bring the world out of its own rules.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use selfheal_aws::sim::{Fault, FaultPlan, Range, Sim, SimConfig, When, World, unhealed};
use selfheal_aws::{AutoScaling, Ec2};
use selfheal_core::spec::Repair;
use selfheal_core::world::{HealthStatus, InstanceId, InstanceState, VolumeState};

use crate::support::{Stack, assert_safe, create, healed, prepare_with, sim_text};

/// What is done to the world, each to the instance that the number picks.
#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Kill(usize),
    Stop(usize),
    PowerOff(usize),
    Impair(usize),
    Panic(usize),
    Hang(usize),
    Reboot(usize),
    FailApp(usize),
    HangApp(usize),
    Terminate(usize),
    Unhealthy(usize),
    Detach(usize),
    Associate(usize),
    Desire(u32),
    Snapshot,
    Grow(u32),
    Delete,
    Create,
    ReleaseSlowly(bool),
    Storm(usize),
}

/// What storms are made of: a fifth of all calls, the boot program's too, until twenty were hit.
const STORMS: [Fault; 5] = [
    Fault::Throttle,
    Fault::ErrorBeforeEffect,
    Fault::AnswerLost,
    Fault::AccessDenied,
    Fault::LateVisibility(5_000),
];

/// The model keeps no more than what makes a run: the seed of the world.
struct Plain;

impl ReferenceStateMachine for Plain {
    type State = u64;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<u64> {
        any::<u64>().boxed()
    }

    fn transitions(_: &u64) -> BoxedStrategy<Step> {
        let which = 0_usize..4;
        prop_oneof![
            8 => (1_u64..120).prop_map(Step::Advance),
            2 => which.clone().prop_map(Step::Kill),
            1 => which.clone().prop_map(Step::Stop),
            1 => which.clone().prop_map(Step::PowerOff),
            1 => which.clone().prop_map(Step::Impair),
            1 => which.clone().prop_map(Step::Panic),
            1 => which.clone().prop_map(Step::Hang),
            1 => which.clone().prop_map(Step::Reboot),
            1 => which.clone().prop_map(Step::FailApp),
            1 => which.clone().prop_map(Step::HangApp),
            1 => which.clone().prop_map(Step::Terminate),
            1 => which.clone().prop_map(Step::Unhealthy),
            1 => which.clone().prop_map(Step::Detach),
            1 => which.prop_map(Step::Associate),
            1 => (0_u32..2).prop_map(Step::Desire),
            1 => Just(Step::Snapshot),
            1 => (20_u32..40).prop_map(Step::Grow),
            1 => Just(Step::Delete),
            2 => Just(Step::Create),
            1 => any::<bool>().prop_map(Step::ReleaseSlowly),
            2 => (0_usize..STORMS.len()).prop_map(Step::Storm),
        ]
        .boxed()
    }

    fn apply(seed: u64, _: &Step) -> u64 {
        seed
    }
}

struct Machine;

struct Running {
    sim: Sim,
    stack: Stack,
}

fn pick(sim: &Sim, which: usize) -> Option<InstanceId> {
    sim.inspect(|world| {
        let live = world
            .instances
            .values()
            .filter(|it| it.state != InstanceState::Terminated);
        let ids: Vec<&InstanceId> = live.map(|it| &it.id).collect();
        (!ids.is_empty()).then(|| ids[which % ids.len()].clone())
    })
}

/// What is done may be refused: the rules are what is tested.
fn attempt(running: &Running, step: &Step) {
    let Running { sim, stack } = running;
    let group = &stack.settings.name;
    let with = |which: &usize, act: &dyn Fn(&InstanceId)| {
        if let Some(id) = pick(sim, *which) {
            act(&id);
        }
    };
    match step {
        Step::Advance(seconds) => sim.advance(Duration::from_secs(*seconds)),
        Step::Kill(which) => with(which, &|id| _ = sim.kill_instance(id)),
        Step::Stop(which) => with(which, &|id| _ = sim.stop_instance(id)),
        Step::PowerOff(which) => with(which, &|id| _ = sim.power_off_instance(id)),
        Step::Impair(which) => with(which, &|id| _ = sim.impair_instance(id)),
        Step::Panic(which) => with(which, &|id| _ = sim.panic_instance(id)),
        Step::Hang(which) => with(which, &|id| _ = sim.hang_instance(id)),
        Step::Reboot(which) => with(which, &|id| _ = sim.reboot_instance(id)),
        Step::FailApp(which) => with(which, &|id| _ = sim.fail_app(id)),
        Step::HangApp(which) => with(which, &|id| _ = sim.hang_app(id)),
        Step::Terminate(which) => with(which, &|id| drop(sim.block_on(sim.terminate_instance(id)))),
        Step::Unhealthy(which) => with(which, &|id| {
            drop(
                sim.as_instance(id)
                    .set_instance_health(id, &HealthStatus::Unhealthy, false),
            );
        }),
        Step::Detach(which) => with(which, &|id| {
            drop(sim.as_instance(id).detach_volume(&stack.volume, Some(id)));
        }),
        // An instance takes the address only as its boot program does: when it has the volume.
        Step::Associate(which) => with(which, &|id| {
            if sim.inspect(|world| world.instances[id].mounted.is_some()) {
                drop(sim.as_instance(id).associate_address(&stack.address, id.as_str(), true));
            }
        }),
        Step::Desire(desired) => {
            drop(sim.block_on(sim.set_min_size(group, 0)));
            drop(sim.block_on(sim.set_desired_capacity(group, *desired)));
        }
        Step::Snapshot => drop(sim.block_on(sim.create_snapshot(&stack.volume, "", &Default::default()))),
        Step::Grow(size) => {
            let input = selfheal_core::world::ModifyVolume {
                id: stack.volume.clone(),
                size_gib: Some(*size),
                volume_type: None,
                iops: None,
                throughput_mibps: None,
            };
            drop(sim.block_on(sim.modify_volume(&input)));
        }
        Step::Delete => drop(sim.block_on(sim.delete_group(group))),
        Step::Create => drop(sim.block_on(sim.create_group(&stack.settings))),
        Step::Storm(which) => {
            let everything = When::Sometimes(String::new(), 200);
            sim.set_faults(FaultPlan::none().with_times(everything, STORMS[*which].clone(), 20));
        }
        Step::ReleaseSlowly(slowly) => sim.tamper(|world| {
            world.config.timings.volume_release = if *slowly {
                Range::exactly(600_000)
            } else {
                Range::new(1_000, 8_000)
            };
        }),
    }
}

/// The world's own rules, beside the safety invariants.
fn consistent(world: &World) {
    let text = || sim_text(world);
    for record in world.volumes.values() {
        let volume = &record.volume;
        let attached = volume.attachment.is_some();
        assert_eq!(attached, volume.state == VolumeState::InUse, "{volume:?}\n{}", text());
        assert_eq!(attached, record.device.is_some(), "{volume:?}");
        if let Some(held) = &volume.attachment {
            let instance = &world.instances[&held.instance_id];
            assert_eq!(instance.zone, volume.zone);
        }
    }
    for record in world.addresses.values() {
        let address = &record.address;
        assert_eq!(address.association_id.is_some(), address.instance_id.is_some());
        if let Some(holder) = &address.instance_id {
            assert_ne!(world.instances[holder].state, InstanceState::Terminated, "{}", text());
        }
    }
    for group in world.groups.values() {
        let staying = group
            .members
            .iter()
            .filter(|member| !member.lifecycle.is_leaving())
            .count();
        assert!(staying <= group.settings.max as usize, "{}", text());
        let live = group
            .members
            .iter()
            .filter(|it| world.instances[&it.id].state != InstanceState::Terminated)
            .count();
        // One that stays and any that leave: a group that heals twice in a row has two on the way out.
        let leaving = group
            .members
            .iter()
            .filter(|member| member.lifecycle.is_leaving())
            .count();
        assert!(live <= group.settings.max as usize + leaving, "{}", text());
    }
    for instance in world
        .instances
        .values()
        .filter(|it| it.state == InstanceState::Terminated)
    {
        assert!(instance.mounted.is_none(), "{}", text());
    }
    let members: Vec<&InstanceId> = world
        .groups
        .values()
        .flat_map(|it| it.members.iter().map(|member| &member.id))
        .collect();
    for instance in world.instances.values().filter(|it| it.state == InstanceState::Running) {
        assert!(
            members.contains(&&instance.id),
            "an orphan: {}\n{}",
            instance.id,
            text()
        );
    }
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Running;
    type Reference = Plain;

    fn init_test(seed: &u64) -> Running {
        let sim = Sim::new(SimConfig::seeded(*seed));
        // Each rung of the ladder in a part of the worlds.
        let stack = prepare_with(&sim, |spec| {
            spec.app.repair = [None, Some(Repair::Restart), Some(Repair::Reboot)][(seed % 3) as usize];
            spec.app.reboot_on_hang = !seed.is_multiple_of(4);
        });
        Running { sim, stack }
    }

    fn apply(running: Running, _: &u64, step: Step) -> Running {
        attempt(&running, &step);
        running
    }

    fn check_invariants(running: &Running, _: &u64) {
        assert_safe(&running.sim);
        running.sim.inspect(consistent);
    }

    /// Once nothing disturbs it any more, the stack heals by itself.
    fn teardown(running: Running, _: u64) {
        let Running { sim, stack } = &running;
        sim.tamper(|world| world.config.timings.volume_release = Range::new(1_000, 8_000));
        sim.set_faults(FaultPlan::none());
        assert!(sim.settle(Duration::from_secs(24 * 3600)), "{}", sim.trace_text());
        if sim.inspect(|world| world.groups.contains_key(&stack.settings.name)) {
            // A storm may have parked the stack.
            let resumed = sim.block_on(sim.resume_processes(&stack.settings.name, &[]));
            resumed.expect("nothing is violated").expect("the group is there");
            drop(sim.block_on(sim.update_group(&stack.settings)));
            assert!(sim.settle(Duration::from_secs(24 * 3600)), "{}", sim.trace_text());
        } else {
            create(sim, stack);
        }
        healed(sim, stack);
        assert_eq!(sim.inspect(unhealed), [], "{}", sim.trace_text());
        sim.inspect(consistent);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_keep_the_rules_and_the_stack_heals(sequential 1..40 => Machine);
}
