//! Two operators at once.

use std::time::Duration;

use futures::future::join;
use selfheal_aws::sim::{Range, Sim, SimConfig};
use selfheal_aws::{ApplyErrorKind, Clock, Goal};
use selfheal_core::plan::DestroyOptions;

use selfheal_core::spec::Spec;

use crate::support::{applied, census, even, look, run, run_until_done, seeds, serving, stacks, web};

#[test]
fn two_applies_at_once_end_in_one_world() {
    stacks().iter().for_each(ends_in_one_world);
}

fn ends_in_one_world(spec: &Spec) {
    for seed in seeds(spec, 60) {
        let sim = Sim::new(SimConfig::seeded(seed));
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let both = sim.block_on(join(run(&alice, spec, Goal::Apply), run(&bob, spec, Goal::Apply)));
        let (first, second) = both.expect("no crash");
        for result in [first, second] {
            if let Err(error) = result {
                let told = matches!(error.kind, ApplyErrorKind::Changed(_) | ApplyErrorKind::Step { .. });
                assert!(told, "seed {seed}: {error}");
            }
        }
        run_until_done(&sim, spec, Goal::Apply, 2);
        assert!(
            look(&sim, spec, Goal::Apply).is_empty(),
            "seed {seed}\n{}",
            sim.trace_text()
        );
        let twice: Vec<_> = census(&sim)
            .into_iter()
            .filter(|(kind, count)| {
                let once = matches!(
                    *kind,
                    "addresses" | "data volumes" | "security groups" | "templates" | "groups" | "roles" | "profiles"
                );
                let asked = matches!(*kind, "application checks" | "tags that are asked");
                (once && *count != 1) || (asked && *count != usize::from(spec.asks_aws()))
            })
            .collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}\n{}", sim.trace_text());
        sim.settle(Duration::from_secs(1800));
        assert!(serving(&sim).is_some(), "seed {seed}\n{}", sim.trace_text());
    }
}

#[test]
fn an_apply_against_a_destroy_ends_where_the_next_run_says() {
    stacks().iter().for_each(ends_where_the_next_run_says);
}

fn ends_where_the_next_run_says(spec: &Spec) {
    for seed in seeds(spec, 30) {
        let sim = Sim::new(SimConfig::seeded(seed));
        run_until_done(&sim, spec, Goal::Apply, 1);
        sim.settle(Duration::from_secs(900));
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let destroy = Goal::Destroy(DestroyOptions::default());
        let both = sim.block_on(join(run(&alice, spec, Goal::Apply), run(&bob, spec, destroy)));
        if let Err(error) = both.expect("no crash").1 {
            assert!(
                matches!(error.kind, ApplyErrorKind::Overtaken(_)),
                "seed {seed}: {error}"
            );
        }
        run_until_done(&sim, spec, Goal::Apply, 3);
        sim.settle(Duration::from_secs(1800));
        assert!(serving(&sim).is_some(), "seed {seed}\n{}", sim.trace_text());
        assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
    }
}

/// A world in which, for every second seed, the group need not wait for IAM: there a destroy that is too late to know of the
/// group is soon enough to take its template, role and profile away.
fn racing(seed: u64) -> SimConfig {
    let mut config = SimConfig::seeded(seed);
    if seed.is_multiple_of(2) {
        config.timings.iam_propagation = Range::exactly(0);
    }
    config
}

/// What a destroy removes, beside what an instance leaves behind: all of it is there, or none.
fn pieces(sim: &Sim) -> [usize; 4] {
    sim.inspect(|world| {
        [
            world.templates.len(),
            world.groups.len(),
            world.roles.len(),
            world.profiles.len(),
        ]
    })
}

/// An apply and a destroy that begins some milliseconds later, or earlier: how they end, and what is left then.
fn race(sim: &Sim, spec: &Spec, offset_ms: i64) -> (bool, bool) {
    let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
    let wait = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let applied = async {
        alice.sleep(wait(-offset_ms)).await;
        run(&alice, spec, Goal::Apply).await
    };
    let destroyed = async {
        bob.sleep(wait(offset_ms)).await;
        run(&bob, spec, Goal::Destroy(DestroyOptions::default())).await
    };
    let (applied, destroyed) = sim.block_on(join(applied, destroyed)).expect("no crash");
    for error in [applied.as_ref().err(), destroyed.as_ref().err()].into_iter().flatten() {
        let told = matches!(
            error.kind,
            ApplyErrorKind::Overtaken(_) | ApplyErrorKind::Changed(_) | ApplyErrorKind::Step { .. }
        );
        assert!(told, "{offset_ms} ms: {error}");
    }
    (applied.is_ok(), destroyed.is_ok())
}

#[test]
fn an_apply_and_a_destroy_at_once_never_both_succeed_with_half_a_stack() {
    let spec = web();
    let (mut both, mut lost) = (0, 0);
    for seed in 0..4 {
        for offset_ms in (-300..600).step_by(9) {
            let sim = Sim::new(racing(seed));
            let ends = race(&sim, &spec, offset_ms);
            if ends == (true, true) {
                let there = pieces(&sim);
                let whole = there.iter().all(|count| *count == there[0]);
                assert!(whole, "seed {seed}, {offset_ms} ms: {there:?}\n{}", sim.trace_text());
                both += 1;
            } else {
                lost += 1;
            }
            run_until_done(&sim, &spec, Goal::Apply, 3);
            sim.settle(Duration::from_secs(1800));
            assert!(
                serving(&sim).is_some(),
                "seed {seed}, {offset_ms} ms\n{}",
                sim.trace_text()
            );
        }
    }
    assert!(both > 0 && lost > 0, "{both} and {lost}: no race took place");
}

#[test]
fn a_change_and_a_destroy_at_once_never_both_succeed_with_half_a_stack() {
    let mut changed = web();
    changed.instance.instance_type = "t4g.medium".to_owned();
    for seed in 0..3 {
        for offset_ms in (-400..700).step_by(23) {
            let sim = applied(racing(seed));
            sim.settle(Duration::from_secs(900));
            if race(&sim, &changed, offset_ms) == (true, true) {
                let there = pieces(&sim);
                let whole = there.iter().all(|count| *count == there[0]);
                assert!(whole, "seed {seed}, {offset_ms} ms: {there:?}\n{}", sim.trace_text());
            }
        }
    }
}

#[test]
fn a_destroy_that_is_overtaken_names_what_is_there_again() {
    let starts = (0..12).flat_map(|seed| (300..520).step_by(7).map(move |offset_ms| (seed, offset_ms)));
    let errors = starts.filter_map(|(seed, offset_ms)| {
        let sim = Sim::new(racing(2 * seed));
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let spec = web();
        let late = async {
            bob.sleep(Duration::from_millis(offset_ms)).await;
            run(&bob, &spec, Goal::Destroy(DestroyOptions::default())).await
        };
        let both = sim.block_on(join(run(&alice, &spec, Goal::Apply), late));
        both.expect("no crash").1.err()
    });
    let overtaken = errors.filter(|error| matches!(error.kind, ApplyErrorKind::Overtaken(_)));
    let mut texts = overtaken.map(|error| error.to_string());
    // The apply that won has exit code 0, and a group without what the destroy took away from under it.
    assert!(texts.any(|text| text.contains("Auto Scaling group selfheal-web is there again")));
}

#[test]
fn an_apply_whose_ground_is_taken_away_says_that_it_lost_and_names_what_is_gone() {
    // The group waits for IAM to spread the profile; a destroy meanwhile knows of no group, and removes the rest.
    let mut config = even(1);
    config.timings.iam_propagation = Range::exactly(20_000);
    let sim = Sim::new(config);
    let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
    let spec = web();
    let destroyed = async {
        bob.sleep(Duration::from_secs(3)).await;
        run(&bob, &spec, Goal::Destroy(DestroyOptions::default())).await
    };
    let both = sim.block_on(join(run(&alice, &spec, Goal::Apply), destroyed));
    let (applied, destroyed) = both.expect("no crash");
    assert!(destroyed.is_ok(), "{}", sim.trace_text());
    let error = applied.expect_err("what it builds on is gone");
    assert!(matches!(error.kind, ApplyErrorKind::Overtaken(_)), "{error}");
    let text = error.to_string();
    assert!(!text.contains("continues from here"), "what to do is said once: {text}");
    for gone in [
        "IAM role selfheal-web-eu-west-1 is gone",
        "instance profile selfheal-web-eu-west-1 is gone",
        "launch template lt-",
    ] {
        assert!(text.contains(gone), "{gone}: {text}");
    }
}
