//! The handover from one instance to the next, explored: at every instant at which something happens in it, everything that may befall
//! either of the two; and pairs of such. The world itself is the model, so that what decides is what decides everywhere else.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::sim::{Content, Sim, World, unhealed};
use selfheal_core::spec::{HealthFrom, NotifySpec, NotifyTo, Repair, Spec};
use selfheal_core::world::{InstanceId, InstanceState};

use crate::support::{applied_as, even, probed, serving};

/// What may befall an instance.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Kill,
    Stop,
    Impair,
    Reboot,
    PowerOff,
    TakeBack,
    FailApp,
    HangApp,
    StallVolume,
    TakeVolume,
    TakeAddress,
    Refresh,
}

const HARMS: [Harm; 12] = [
    Harm::Kill,
    Harm::Stop,
    Harm::Impair,
    Harm::Reboot,
    Harm::PowerOff,
    Harm::TakeBack,
    Harm::FailApp,
    Harm::HangApp,
    Harm::StallVolume,
    Harm::TakeVolume,
    Harm::TakeAddress,
    Harm::Refresh,
];

const GROUP: &str = "selfheal-web";
/// Nothing in a handover takes longer, nor does what an instance waits for that cannot do its work.
const HEALED: Duration = Duration::from_secs(6 * 3_600);

/// A stack that is probed, repaired in place, and told of.
fn spec() -> Spec {
    let mut spec = probed(HealthFrom::Instance);
    spec.app.repair = Some(Repair::Restart);
    spec.notify = Some(NotifySpec {
        to: NotifyTo::Own {
            emails: vec!["ops@example.com".to_owned()],
            webhook: None,
        },
        disk_percent: NotifySpec::DISK_PERCENT_DEFAULT,
        terminations: false,
    });
    spec
}

/// Lets it befall an instance; answers whether it could.
fn befall(sim: &Sim, id: &InstanceId, harm: Harm) -> bool {
    match harm {
        Harm::Kill => sim.kill_instance(id),
        Harm::Stop => sim.stop_instance(id),
        Harm::Impair => sim.impair_instance(id),
        Harm::Reboot => sim.reboot_instance(id),
        Harm::PowerOff => sim.power_off_instance(id),
        Harm::TakeBack => sim.interrupt_instance(id),
        Harm::FailApp => sim.fail_app(id),
        Harm::HangApp => sim.hang_app(id),
        Harm::StallVolume => sim.stall_volume(id),
        Harm::Refresh => sim.refresh_instances(GROUP),
        Harm::TakeVolume | Harm::TakeAddress => {
            let me = sim.as_instance(id);
            let (volume, association) = sim.inspect(|world| {
                let instance = world.instances.get(id);
                let config = instance.and_then(|it| it.boot.config.as_ref());
                let address = world.addresses.values().map(|record| &record.address);
                let mut held = address.filter(|it| it.instance_id.as_ref() == Some(id));
                let association = held.next().and_then(|it| it.association_id.clone());
                (config.and_then(|config| config.volume.clone()), association)
            });
            // As somebody in the console who has those rights.
            match (harm, volume, association) {
                (Harm::TakeVolume, Some(volume), _) => me.detach_volume(&volume, Some(id)).is_ok(),
                (Harm::TakeAddress, _, Some(association)) => me.disassociate_address(&association).is_ok(),
                _ => false,
            }
        }
    }
}

/// The instances that run.
fn running(world: &World) -> Vec<InstanceId> {
    let up = world.instances.values().filter(|it| it.state == InstanceState::Running);
    up.map(|it| it.id.clone()).collect()
}

/// A world of its own, as this one stands.
fn again(world: &World) -> Sim {
    let sim = Sim::from_world(world.clone());
    sim.drain_trace();
    sim
}

/// The worlds of a handover: one before each instant at which something happens, from the death of the one instance until the
/// next one serves.
fn instants(begun: &World, at_most: Duration) -> Vec<World> {
    let whole = again(begun);
    whole.advance(at_most);
    let times: BTreeSet<u64> = whole.trace().iter().map(|event| event.at_ms).collect();
    let sim = again(begun);
    let before = |at_ms: u64| {
        sim.advance_to(at_ms - 1);
        sim.inspect(World::clone)
    };
    times
        .into_iter()
        .filter(|at_ms| *at_ms > begun.now_ms)
        .map(before)
        .collect()
}

/// Whatever happened, it heals: one instance serves with the volume and the address, nothing is lost, and no invariant is hurt.
fn heals(sim: &Sim, before: &(InstanceId, String, selfheal_core::world::VolumeId), context: &str) {
    sim.advance(HEALED);
    let context = || format!("{context}\n{}", sim.trace_text());
    assert!(sim.violations().is_empty(), "{:?}: {}", sim.violations(), context());
    let parked = sim.inspect(|world| world.groups[GROUP].suspended.contains("Launch"));
    if !parked {
        let (_, address, volume) = serving(sim).unwrap_or_else(|| panic!("nothing serves: {}", context()));
        assert_eq!((&address, &volume), (&before.1, &before.2), "{}", context());
        assert!(
            sim.inspect(unhealed).is_empty(),
            "{:?}: {}",
            sim.inspect(unhealed),
            context()
        );
    }
    let kept = sim.inspect(|world| matches!(world.volumes[&before.2].content, Content::Filesystem { .. }));
    assert!(kept, "{}", context());
}

fn at_rest(seed: u64) -> (World, (InstanceId, String, selfheal_core::world::VolumeId)) {
    let sim = applied_as(even(seed), &spec());
    sim.advance(Duration::from_secs(3_600));
    let before = serving(&sim).expect("it serves");
    assert!(sim.kill_instance(&before.0));
    (sim.inspect(World::clone), before)
}

#[test]
fn whatever_befalls_either_instance_at_any_instant_of_a_handover_it_heals() {
    let (begun, before) = at_rest(95);
    let worlds = instants(&begun, Duration::from_secs(240));
    let mut explored = 0;
    for world in &worlds {
        for id in running(world) {
            for harm in HARMS {
                let sim = again(world);
                if befall(&sim, &id, harm) {
                    explored += 1;
                    heals(&sim, &before, &format!("{harm:?} of {id} at {} ms", world.now_ms));
                }
            }
        }
    }
    // Printed with --nocapture.
    println!("{explored} handovers, {} instants", worlds.len());
    assert!(
        worlds.len() > 10 && explored > 80,
        "{explored} of {} instants",
        worlds.len()
    );
}

#[test]
fn pairs_of_what_may_befall_a_handover_heal() {
    let (begun, before) = at_rest(96);
    let worlds = instants(&begun, Duration::from_secs(240));
    let mut explored = 0;
    for (place, world) in worlds.iter().enumerate() {
        for (id, harm) in running(world)
            .into_iter()
            .flat_map(|id| HARMS.map(|harm| (id.clone(), harm)))
        {
            let sim = again(world);
            if !befall(&sim, &id, harm) {
                continue;
            }
            let shaken = sim.inspect(World::clone);
            let later = instants(&shaken, Duration::from_secs(300));
            // Every seventh instant, and the harms by turns.
            for (step, world) in later.iter().enumerate().skip(place % 7).step_by(7) {
                for other in running(world) {
                    let second = HARMS[(explored + step) % HARMS.len()];
                    let sim = again(world);
                    if befall(&sim, &other, second) {
                        explored += 1;
                        let context = format!("{harm:?} of {id}, {second:?} of {other} at {} ms", world.now_ms);
                        heals(&sim, &before, &context);
                    }
                }
            }
        }
    }
    println!("{explored} pairs");
    assert!(explored > 100, "{explored}");
}
