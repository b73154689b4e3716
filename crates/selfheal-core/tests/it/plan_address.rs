//! Addresses that others use, the account's quota of them, and stacks of a newer version.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::names::{SCHEMA, TAG_SCHEMA, TAG_STACK};
use selfheal_core::plan::{DestroyOptions, Plan, StepKind, plan, plan_destroy, plan_resume};
use selfheal_core::spec::{HealthFrom, Spec};
use selfheal_core::world::{Address, GroupInstance, HealthStatus, LifecycleState, Observed};

const ADOPTED: &str = "eipalloc-0000000000000aaaa";

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn address(allocation: &str) -> Address {
    Address {
        allocation_id: allocation.into(),
        public_ip: "203.0.113.8".to_owned(),
        association_id: None,
        instance_id: None,
        interface_id: None,
        service_managed: None,
        own_pool: false,
        tags: [].into(),
    }
}

fn refusals(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

/// The stack of the README, which adopts an address that is as `change` leaves it.
fn adopting(change: impl Fn(&mut Address)) -> (Spec, Observed) {
    let mut spec = web();
    spec.address.allocation = Some(ADOPTED.into());
    let mut world = empty_world();
    let mut found = address(ADOPTED);
    change(&mut found);
    world.addresses.push(found);
    (spec, world)
}

fn at_instance(address: &mut Address) {
    address.association_id = Some("eipassoc-00000000000000001".into());
    address.instance_id = Some("i-00000000000000009".into());
    address.interface_id = Some("eni-00000000000000009".into());
}

#[test]
fn an_address_that_another_instance_uses_is_adopted_only_where_it_may_be_taken() {
    let (mut spec, world) = adopting(at_instance);
    let refused = plan(&spec, &world);
    assert_eq!(refusals(&refused), ["address-in-use"]);
    assert!(refused.refusals[0].message.contains("i-00000000000000009"), "{refused}");
    assert!(refused.refusals[0].help.contains("take = true"), "{refused}");
    spec.address.take = true;
    let taken = plan(&spec, &world);
    assert_eq!(refusals(&taken), [""; 0]);
    assert!(taken.step(StepKind::TagAddress).is_some());
    assert!(taken.notes.iter().any(|note| note.code == "address-taken"), "{taken}");
}

#[test]
fn an_address_of_a_service_or_a_nat_gateway_is_never_adopted() {
    for take in [false, true] {
        let (mut spec, world) = adopting(|address| {
            at_instance(address);
            address.instance_id = None;
        });
        spec.address.take = take;
        assert_eq!(refusals(&plan(&spec, &world)), ["address-in-use"]);
        let (mut spec, world) = adopting(|address| {
            at_instance(address);
            address.service_managed = Some("alb".to_owned());
        });
        spec.address.take = take;
        assert_eq!(refusals(&plan(&spec, &world)), ["address-managed"]);
    }
}

#[test]
fn an_adopted_address_at_the_stacks_own_instance_is_in_nobody_elses_use() {
    let (spec, mut world) = adopting(|_| {});
    carry_out(|world| plan(&spec, world), &mut world);
    world.addresses.iter_mut().for_each(at_instance);
    let now = plan(&spec, &world);
    assert!(now.is_empty(), "{now}");
    // Nor is it once the stack has adopted it and its instance is known.
    world.addresses[0].tags.clear();
    assert_eq!(refusals(&plan(&spec, &world)), ["address-in-use"]);
    world.group.as_mut().expect("applied").instances.push(GroupInstance {
        id: "i-00000000000000009".into(),
        lifecycle: LifecycleState::InService,
        health: HealthStatus::Healthy,
        template_version: None,
        instance_type: None,
    });
    assert_eq!(refusals(&plan(&spec, &world)), [""; 0]);
}

#[test]
fn an_address_that_others_use_is_not_released() {
    let spec = web();
    let mut world = applied(&spec);
    world.addresses.iter_mut().for_each(at_instance);
    let options = DestroyOptions {
        release_address: true,
        ..DestroyOptions::KEEP
    };
    assert_eq!(refusals(&plan_destroy(&spec, &world, &options)), ["address-in-use"]);
    let kept = plan_destroy(&spec, &world, &DestroyOptions::default());
    assert_eq!(refusals(&kept), [""; 0]);
}

#[test]
fn a_used_up_quota_is_refused_before_anything_is_made() {
    let spec = web();
    let mut world = empty_world();
    world.address_quota = Some(5);
    world.addresses = (0..4)
        .map(|at| address(&format!("eipalloc-0000000000000000{at}")))
        .collect();
    assert_eq!(refusals(&plan(&spec, &world)), [""; 0]);
    let mut brought = address("eipalloc-00000000000000005");
    brought.own_pool = true;
    world.addresses.push(brought);
    assert_eq!(
        refusals(&plan(&spec, &world)),
        [""; 0],
        "a brought address does not count"
    );
    world.addresses.push(address("eipalloc-00000000000000006"));
    let refused = plan(&spec, &world);
    assert_eq!(refusals(&refused), ["address-quota"]);
    assert!(refused.refusals[0].message.contains("holds 5"), "{refused}");
    assert_eq!(refused.ready().count(), 0);
    // A stack that has its address needs none.
    let mut world = applied(&spec);
    world.address_quota = Some(1);
    assert!(plan(&spec, &world).is_empty());
}

#[test]
fn what_is_created_bears_the_form_and_a_stack_of_a_newer_one_is_left_alone() {
    let spec = probed(HealthFrom::Both);
    let world = applied(&spec);
    let form = SCHEMA.to_string();
    let marked = |tags: &selfheal_core::names::Tags| tags.get(TAG_SCHEMA) == Some(&form);
    assert!(marked(&world.addresses[0].tags) && marked(&world.volumes[0].tags));
    assert!(marked(&world.security_groups[0].tags) && marked(&world.group.as_ref().expect("applied").tags));
    assert!(marked(&world.role.as_ref().expect("applied").tags));
    assert!(marked(&world.application_checks[0].tags));
    let newer: [fn(&mut Observed); 7] = [
        |world| mark(&mut world.application_checks[0].tags, "2"),
        |world| mark(&mut world.addresses[0].tags, "2"),
        |world| mark(&mut world.volumes[0].tags, "2"),
        |world| mark(&mut world.group.as_mut().expect("applied").tags, "2"),
        |world| mark(&mut world.role.as_mut().expect("applied").tags, "two"),
        |world| mark(&mut world.profile.as_mut().expect("applied").tags, "2"),
        |world| {
            mark(
                &mut world.launch_template.as_mut().expect("applied").data.instance_tags,
                "3",
            );
        },
    ];
    let all = DestroyOptions::ALL;
    for change in newer {
        let mut world = world.clone();
        change(&mut world);
        for plan in [
            plan(&spec, &world),
            plan_destroy(&spec, &world, &all),
            plan_resume(&spec, &world),
        ] {
            assert_eq!(refusals(&plan), ["newer-schema"]);
            assert!(plan.steps.is_empty(), "{plan}");
        }
    }
    // Nobody's tags, another stack's, and an older stack's are no reason.
    let mut other = world.clone();
    let mut foreign = address("eipalloc-00000000000000005");
    mark(&mut foreign.tags, "9");
    foreign.tags.insert(TAG_STACK.to_owned(), "shop".to_owned());
    other.addresses.push(foreign);
    other.volumes[0].tags.remove(TAG_SCHEMA);
    assert!(plan(&spec, &other).is_empty(), "{}", plan(&spec, &other));
}

fn mark(tags: &mut selfheal_core::names::Tags, form: &str) {
    tags.insert(TAG_SCHEMA.to_owned(), form.to_owned());
}
