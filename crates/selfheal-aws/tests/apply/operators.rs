//! Two operators at once.

use std::time::Duration;

use futures::future::join;
use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{ApplyErrorKind, Goal};
use selfheal_core::plan::DestroyOptions;

use crate::support::{census, look, run, run_until_done, serving, web};

#[test]
fn two_applies_at_once_end_in_one_world() {
    for seed in 0..60 {
        // AllocateAddress has no token and addresses have no names: two of them is what a race may leave, to be told and
        // never to be released unasked. Everything else is checked below, which the invariant of the sim would forestall.
        let sim = Sim::new(SimConfig {
            check_invariants: false,
            ..SimConfig::seeded(seed)
        });
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let spec = web();
        let both = sim.block_on(join(run(&alice, &spec, Goal::Apply), run(&bob, &spec, Goal::Apply)));
        let (first, second) = both.expect("no crash");
        for result in [first, second] {
            if let Err(error) = result {
                let told = matches!(error.kind, ApplyErrorKind::Changed(_) | ApplyErrorKind::Step { .. });
                assert!(told, "seed {seed}: {error}");
            }
        }
        run_until_done(&sim, &spec, Goal::Apply, 2);
        assert!(
            look(&sim, &spec, Goal::Apply).steps.is_empty(),
            "seed {seed}\n{}",
            sim.trace_text()
        );
        let twice: Vec<_> = census(&sim)
            .into_iter()
            .filter(|(kind, count)| {
                let once = matches!(
                    *kind,
                    "data volumes" | "security groups" | "templates" | "groups" | "roles" | "profiles"
                );
                once && *count != 1
            })
            .collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}\n{}", sim.trace_text());
        let extra = sim.inspect(|world| world.addresses.len()) - 1;
        let told = look(&sim, &spec, Goal::Apply)
            .notes
            .iter()
            .filter(|note| note.code == "duplicate-address")
            .count();
        assert_eq!(told, extra, "seed {seed}");
        sim.settle(Duration::from_secs(1800));
        assert!(serving(&sim).is_some(), "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn an_apply_against_a_destroy_ends_where_the_next_run_says() {
    for seed in 0..30 {
        let sim = Sim::new(SimConfig::seeded(seed));
        let spec = web();
        run_until_done(&sim, &spec, Goal::Apply, 1);
        sim.settle(Duration::from_secs(900));
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let destroy = Goal::Destroy(DestroyOptions::default());
        let both = sim.block_on(join(run(&alice, &spec, Goal::Apply), run(&bob, &spec, destroy)));
        both.expect("no crash").1.expect("nobody else deletes");
        run_until_done(&sim, &spec, Goal::Apply, 3);
        sim.settle(Duration::from_secs(1800));
        assert!(serving(&sim).is_some(), "seed {seed}\n{}", sim.trace_text());
        assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
    }
}
