//! Addresses that others use, and the account's quota of them.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{ApplyErrorKind, Goal, Scope};
use selfheal_core::names::Tags;
use selfheal_core::plan::{DestroyOptions, StepKind};
use selfheal_core::spec::{Spec, ZoneRef};
use selfheal_core::world::{AllocationId, HostedZoneId, InstanceId};
use selfheal_policy::{OperatorScope, Partition, Purpose, operator_policy};

use crate::support::{applied_as, calls, even, look, read, run, run_until_done, serving, web};

const HOUR: Duration = Duration::from_secs(3600);

fn refusals(sim: &Sim, spec: &Spec, goal: Goal) -> Vec<String> {
    let plan = look(sim, spec, goal);
    plan.refusals.into_iter().map(|refusal| refusal.code).collect()
}

/// A world with another stack's instance, and the allocation of the address that it serves under.
fn beside_another(seed: u64) -> (Sim, AllocationId, InstanceId) {
    let mut other = web();
    other.name = "shop".to_owned();
    other.dns = None;
    let sim = applied_as(SimConfig::seeded(seed), &other);
    sim.settle(HOUR);
    let held = sim.inspect(|world| world.addresses.values().next().expect("it has one").address.clone());
    let instance = held.instance_id.expect("it serves");
    (sim, held.allocation_id, instance)
}

#[test]
fn an_address_in_use_is_adopted_only_where_it_may_be_taken_and_then_moves_when_the_instance_is_ready() {
    for seed in 0..5 {
        let (sim, allocation, instance) = beside_another(seed);
        // Somebody's own box, of no stack.
        sim.tamper(|world| {
            world
                .addresses
                .get_mut(&allocation)
                .expect("it exists")
                .address
                .tags
                .clear();
            // Nobody's boot program runs on it, which would take the address back.
            world.instances.get_mut(&instance).expect("it exists").boot.config = None;
            world.groups.clear();
        });
        let mut spec = web();
        spec.dns = None;
        spec.address.allocation = Some(allocation.clone());
        assert_eq!(refusals(&sim, &spec, Goal::Apply), ["address-in-use"]);
        spec.address.take = true;
        run_until_done(&sim, &spec, Goal::Apply, 1);
        let holder = |sim: &Sim| sim.inspect(|world| world.addresses[&allocation].address.instance_id.clone());
        assert_eq!(
            holder(&sim),
            Some(instance),
            "it is left where it is until the new instance is ready"
        );
        sim.settle(HOUR);
        let (ours, ..) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
        assert_eq!(holder(&sim), Some(ours));
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}

#[test]
fn an_address_of_a_service_or_a_nat_gateway_is_refused_and_aws_would_refuse_it_too() {
    let (sim, allocation, instance) = beside_another(1);
    let spec = |take: bool| {
        let mut spec = web();
        spec.address.allocation = Some(allocation.clone());
        spec.address.take = take;
        spec
    };
    let change = |change: fn(&mut selfheal_core::world::Address)| {
        sim.tamper(|world| change(&mut world.addresses.get_mut(&allocation).expect("it exists").address));
    };
    change(|address| {
        address.tags.clear();
        address.instance_id = None;
    });
    for take in [false, true] {
        assert_eq!(refusals(&sim, &spec(take), Goal::Apply), ["address-in-use"]);
    }
    change(|address| address.service_managed = Some("alb".to_owned()));
    for take in [false, true] {
        assert_eq!(refusals(&sim, &spec(take), Goal::Apply), ["address-managed"]);
    }
    let claimed = sim
        .as_instance(&instance)
        .associate_address(&allocation, instance.as_str(), true);
    assert_eq!(
        claimed.expect_err("it is the service's").code.as_deref(),
        Some("AuthFailure")
    );
}

#[test]
fn a_used_up_quota_is_refused_up_front_and_asked_for_only_where_it_matters() {
    let sim = Sim::new(even(2));
    for _ in 0..5 {
        sim.foreign_address(&Tags::new());
    }
    assert_eq!(refusals(&sim, &web(), Goal::Apply), ["address-quota"]);
    let asked = |sim: &Sim| sim.trace_text().matches("ec2:DescribeAccountAttributes").count();
    assert_eq!(asked(&sim), 1);
    assert_eq!(sim.effects(), 0, "nothing is made that could not be finished");
    // An account that AWS allows more is asked, and found to have room.
    sim.tamper(|world| world.config.address_quota = 6);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(HOUR);
    sim.drain_trace();
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(
        (asked(&sim), calls(&sim)),
        (0, 14),
        "a stack that has its address needs no quota"
    );
    let fresh = Sim::new(even(3));
    run_until_done(&fresh, &web(), Goal::Apply, 1);
    assert_eq!(asked(&fresh), 0, "an account with few addresses has room for another");
}

#[test]
fn who_may_not_ask_for_the_quota_learns_of_it_from_aws() {
    let sim = Sim::new(even(4));
    for _ in 0..5 {
        sim.foreign_address(&Tags::new());
    }
    let denied = FaultPlan::none().with(
        When::Every("ec2:DescribeAccountAttributes".to_owned()),
        Fault::AccessDenied,
    );
    sim.set_faults(denied);
    let error = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
    let error = error.expect_err("the account is full");
    assert!(
        matches!(&error.kind, ApplyErrorKind::Step { step, error }
            if step.kind == StepKind::AllocateAddress && error.code.as_deref() == Some("AddressLimitExceeded")),
        "{error}"
    );
}

#[test]
fn two_public_zones_of_one_name_are_refused_naming_both_and_the_id_tells_which() {
    let sim = Sim::new(even(5));
    sim.tamper(|world| world.add_zone("Z0SECOND", "example.com"));
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(plan.refusals.len(), 1, "{plan}");
    assert_eq!(plan.refusals[0].code, "zone-ambiguous");
    let ids: Vec<HostedZoneId> = sim.inspect(|world| world.zones.keys().cloned().collect());
    assert!(
        ids.iter().all(|id| plan.refusals[0].message.contains(id.as_str())),
        "{plan}"
    );
    let mut spec = web();
    let dns = spec.dns.as_mut().expect("the example has a name");
    dns.zone = ZoneRef::Id("Z0SECOND".into());
    let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    scope.record_name = Some("app.example.com".to_owned());
    scope.hosted_zone_id = Some("Z0SECOND".to_owned());
    scope.zone_by_id = true;
    scope.session_manager = true;
    let operate = |purpose: Purpose| {
        let policy = operator_policy(&scope, purpose).expect("the scope is well-formed");
        sim.tamper(|world| world.config.operator_policy = Some(policy.to_json().into()));
    };
    operate(Purpose::Apply);
    run_until_done(&sim, &spec, Goal::Apply, 1);
    let records = |id: &str| sim.inspect(|world| world.zones[id].records.len());
    assert_eq!(records("Z0SECOND"), 1);
    sim.settle(HOUR);
    sim.drain_trace();
    operate(Purpose::Status);
    read(&sim, &spec, Scope::Status);
    assert_eq!(
        calls(&sim),
        18,
        "a zone costs one call, however it is named\n{}",
        sim.trace_text()
    );
    operate(Purpose::Destroy);
    run_until_done(&sim, &spec, Goal::Destroy(DestroyOptions::default()), 1);
    assert_eq!(records("Z0SECOND"), 0);
    // A private one, one that is not there, and one of another domain.
    sim.tamper(|world| {
        world.config.operator_policy = None;
        world.add_zone("Z0PRIVATE", "example.com");
        world.zones.get_mut("Z0PRIVATE").expect("it was added").private = true;
        world.add_zone("Z0OTHERS", "example.org");
    });
    for (id, code) in [
        ("Z0PRIVATE", "zone-private"),
        ("Z0NOBODYS", "zone-missing"),
        ("Z0OTHERS", "record-outside-zone"),
    ] {
        spec.dns.as_mut().expect("the example has a name").zone = ZoneRef::Id(id.into());
        assert_eq!(refusals(&sim, &spec, Goal::Apply), [code]);
    }
}
