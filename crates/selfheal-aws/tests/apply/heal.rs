//! The instance is lost, and comes back with the same address and the same data.

use selfheal_core::world::InstanceId;
use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{Sim, SimConfig};

use crate::support::{applied, look, serving, web};

/// Loses the instance in one way and waits for another that serves.
fn heals(seed: u64, lose: impl Fn(&Sim, &InstanceId)) {
    let sim = applied(SimConfig::seeded(seed));
    sim.settle(Duration::from_secs(1800));
    let (first, address, volume) = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
    let content = sim.inspect(|world| world.volumes[&volume].content.clone());
    lose(&sim, &first);
    sim.settle(Duration::from_secs(3600));
    let healed = serving(&sim).unwrap_or_else(|| panic!("seed {seed} did not heal\n{}", sim.trace_text()));
    assert_ne!(healed.0, first);
    assert_eq!((healed.1, &healed.2), (address, &volume));
    let after = sim.inspect(|world| world.volumes[&volume].content.clone());
    assert!(keeps(&content, &after), "seed {seed}: {content:?} became {after:?}");
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

/// Whether what was written before is still there: nobody made the filesystem anew, and a boot has written more.
fn keeps(before: &selfheal_aws::sim::Content, after: &selfheal_aws::sim::Content) -> bool {
    use selfheal_aws::sim::Content;
    match (before, after) {
        (
            Content::Filesystem {
                made_by: a, writes: x, ..
            },
            Content::Filesystem {
                made_by: b, writes: y, ..
            },
        ) => a == b && y > x,
        _ => false,
    }
}

#[test]
fn a_killed_instance_comes_back() {
    (0..30).for_each(|seed| heals(seed, |sim, id| assert!(sim.kill_instance(id))));
}

#[test]
fn a_stopped_instance_is_replaced() {
    (0..10).for_each(|seed| heals(seed, |sim, id| assert!(sim.stop_instance(id))));
}

#[test]
fn an_impaired_instance_is_replaced() {
    (0..10).for_each(|seed| heals(seed, |sim, id| assert!(sim.impair_instance(id))));
}
