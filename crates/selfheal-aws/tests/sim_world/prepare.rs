//! A script that prepares an instance hides behind the release of the volume.

use selfheal_aws::sim::{Range, Sim, SimConfig, TraceKind, VolumeChange};
use selfheal_core::spec::Setup;
use selfheal_core::world::InstanceId;

use crate::support::{assert_safe, create, healed, member, prepare_with, rest};

/// Milliseconds from the mount until an instance is ready: of the first one, and of the one that takes its place.
fn after_mount_ms(seed: u64, prepares: bool) -> (u64, u64) {
    let mut config = SimConfig::seeded(seed);
    config.timings.volume_release = Range::exactly(90_000);
    let sim = Sim::new(config);
    let stack = prepare_with(&sim, |spec| {
        spec.app.prepare = prepares.then(|| Setup {
            path: "prepare.sh".to_owned(),
            body: b"#!/bin/sh\n".to_vec(),
        });
    });
    create(&sim, &stack);
    let first = member(&sim);
    rest(&sim);
    sim.kill_instance(&first);
    rest(&sim);
    let second = healed(&sim, &stack);
    assert_safe(&sim);
    (ready_ms(&sim, &first), ready_ms(&sim, &second))
}

/// Milliseconds from the mount until an instance said that it is ready.
fn ready_ms(sim: &Sim, of: &InstanceId) -> u64 {
    let trace = sim.trace();
    let at_ms = |wanted: &dyn Fn(&TraceKind) -> bool| {
        let found = trace.iter().find(|event| wanted(&event.what));
        found.expect("it happened").at_ms
    };
    let mounted_ms = at_ms(
        &|what| matches!(what, TraceKind::Volume { state: VolumeChange::Mounted, instance, .. } if instance.as_ref() == Some(of)),
    );
    let ready_ms =
        at_ms(&|what| matches!(what, TraceKind::Boot { instance, says } if instance == of && says == "ready"));
    ready_ms - mounted_ms
}

#[test]
fn packages_cost_a_first_boot_time_and_a_replacement_none() {
    for seed in 0..10 {
        let (first_with, second_with) = after_mount_ms(seed, true);
        let (first_without, second_without) = after_mount_ms(seed, false);
        // The setup takes a few seconds by itself; packages take 18 at least, and the volume is let go after 90.
        assert!(
            first_without < 12_000 && second_without < 12_000,
            "seed {seed}: {first_without} {second_without}"
        );
        assert!(first_with >= 12_000, "seed {seed}: {first_with} ms from the mount on");
        assert!(second_with < 12_000, "seed {seed}: {second_with} ms from the mount on");
    }
}
