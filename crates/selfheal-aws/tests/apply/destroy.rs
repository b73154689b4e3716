//! What a destroy leaves, and what an apply after it adopts.

use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_core::plan::DestroyOptions;

use crate::support::{applied, census, even, look, run_until_done, serving, web};

const ALL: Goal = Goal::Destroy(DestroyOptions::ALL);
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);

#[test]
fn a_destroy_leaves_exactly_the_address_and_the_data_and_apply_adopts_both() {
    let sim = applied(even(31));
    sim.settle(Duration::from_secs(900));
    let (_, address, volume) = serving(&sim).expect("it serves");
    run_until_done(&sim, &web(), KEEP, 1);
    let left: Vec<_> = census(&sim).into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(left, [("addresses", 1), ("data volumes", 1)]);
    assert!(look(&sim, &web(), KEEP).steps.is_empty());
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(Duration::from_secs(900));
    let (_, same_address, same_volume) = serving(&sim).expect("it serves again");
    assert_eq!((address, volume), (same_address, same_volume));
}

#[test]
fn a_destroy_of_everything_snapshots_first_and_an_apply_starts_anew() {
    let sim = applied(even(32));
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    let addresses = sim.inspect(|world| world.addresses.keys().cloned().collect::<Vec<_>>());
    addresses.iter().for_each(|id| sim.permit(id.as_str()));
    sim.permit(volume.as_str());
    run_until_done(&sim, &web(), ALL, 1);
    assert_eq!(
        census(&sim).into_iter().map(|(_, count)| count).sum::<usize>(),
        0,
        "{}",
        sim.trace_text()
    );
    let kept = sim.inspect(|world| {
        world
            .snapshots
            .values()
            .any(|snapshot| snapshot.snapshot.volume_id == volume)
    });
    assert!(kept, "the data is gone without a snapshot");
    // The same inputs give the same token, for which AWS answers with the volume that was deleted.
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(Duration::from_secs(900));
    let (_, _, other) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_ne!(volume, other);
}
