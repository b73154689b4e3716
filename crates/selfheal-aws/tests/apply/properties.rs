//! What holds for every spec and every seed, on the simulated AWS.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use selfheal_aws::Goal;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{HealthFrom, Ingress, Protocol, Spec};
use selfheal_core::world::{AllocationId, VolumeId};

use crate::support::{live_checks, look, probed, run_until_done, web};

fn specs() -> impl Strategy<Value = Spec> {
    let ports = proptest::collection::btree_set(select(vec![22_u16, 80, 443, 8080]), 0..4);
    let types = select(vec!["t4g.small", "t4g.medium", "m7g.large"]);
    let froms = [
        None,
        Some(HealthFrom::Instance),
        Some(HealthFrom::Aws),
        Some(HealthFrom::Both),
    ];
    (
        ports,
        types,
        proptest::option::of(1_u32..100),
        any::<bool>(),
        1_u32..600,
        select(froms.to_vec()),
    )
        .prop_map(|(mut ports, kind, size_gib, dns, ttl_s, from)| {
            let mut spec = from.map_or_else(web, probed);
            if spec.asks_aws() {
                ports.insert(80);
            }
            spec.instance.instance_type = kind.to_owned();
            spec.instance.ingress = Ingress::to_world(ports.into_iter().map(|port| (port, Protocol::Tcp)));
            spec.data = spec.data.zip(size_gib).map(|(mut data, size_gib)| {
                data.size_gib = size_gib;
                data
            });
            spec.dns = spec.dns.filter(|_| dns).map(|mut dns| {
                dns.ttl_s = ttl_s;
                dns
            });
            spec
        })
}

/// The volumes and addresses that exist.
fn kept(sim: &Sim) -> (Vec<VolumeId>, Vec<AllocationId>) {
    sim.inspect(|world| {
        let data = |tags: &selfheal_core::names::Tags| tags.get("selfheal:role").is_some_and(|role| role == "volume");
        let volumes = world.volumes.values().filter(|record| data(&record.volume.tags));
        (
            volumes.map(|record| record.volume.id.clone()).collect(),
            world.addresses.keys().cloned().collect(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_apply_converges_from_whatever_was_applied_before_and_keeps_data_and_address(
        first in specs(), second in specs(), seed in 0_u64..1_000_000, lost in 0_u16..200, damage in 0_usize..6,
    ) {
        let sim = Sim::new(SimConfig::seeded(seed));
        run_until_done(&sim, &first, Goal::Apply, 1);
        sim.settle(Duration::from_secs(1800));
        let (volumes, addresses) = kept(&sim);
        // Somebody takes something away by hand; nothing that holds data or an address.
        sim.tamper(|world| match damage {
            1 => world.zones.values_mut().for_each(|zone| zone.records.retain(|record| record.record_type != "A")),
            2 => world.security_groups.values_mut().for_each(|group| group.group.ingress.clear()),
            3 => world.groups.values_mut().for_each(|group| group.hooks.clear()),
            4 => world.application_checks.values_mut().for_each(|record| record.check.targets.clear()),
            5 => world.application_checks.values_mut().for_each(|record| {
                record.check.deleted = true;
                record.check.targets.clear();
            }),
            _ => (),
        });
        let grown = look(&sim, &second, Goal::Apply);
        if grown.is_refused() {
            prop_assert!(grown.refusals.iter().all(|refusal| refusal.code == "volume-shrinks"), "{}", grown);
            return Ok(());
        }
        sim.set_faults(
            FaultPlan::none()
                .with(When::Sometimes(String::new(), lost), Fault::AnswerLost)
                .with(When::Sometimes(String::new(), lost), Fault::Throttle),
        );
        run_until_done(&sim, &second, Goal::Apply, 6);
        sim.set_faults(FaultPlan::none());
        sim.settle(Duration::from_secs(1800));
        prop_assert!(look(&sim, &second, Goal::Apply).is_empty());
        let asked = usize::from(second.asks_aws());
        prop_assert_eq!(sim.inspect(|world| live_checks(world).count()), asked);
        let (volumes_now, addresses_now) = kept(&sim);
        prop_assert!(volumes.iter().all(|id| volumes_now.contains(id)));
        prop_assert!(addresses.iter().all(|id| addresses_now.contains(id)));
        run_until_done(&sim, &second, Goal::Destroy(DestroyOptions::default()), 2);
        prop_assert_eq!(kept(&sim), (volumes_now, addresses_now));
        prop_assert_eq!(sim.inspect(|world| live_checks(world).count()), 0);
    }
}
