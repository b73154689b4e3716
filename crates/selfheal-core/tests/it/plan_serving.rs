//! What a plan tells of a stack that is as its spec says and serves nobody.

use crate::common::{carry_out, empty_world, web};
use selfheal_core::plan::plan;
use selfheal_core::world::{GroupInstance, HealthStatus, InstanceId, Observed};

/// An applied stack whose one instance has this lifecycle, with the address at somebody.
fn world(lifecycle: &str, address_at: Option<&str>) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(&web(), world), &mut world);
    if let Some(group) = &mut world.group {
        group.instances.push(GroupInstance {
            id: "i-a".into(),
            lifecycle: lifecycle.into(),
            health: HealthStatus::Healthy,
            template_version: None,
            instance_type: None,
        });
    }
    world.addresses[0].instance_id = address_at.map(InstanceId::from);
    world.addresses[0].association_id = address_at.map(|_| "eipassoc-1".into());
    world
}

fn notes(world: &Observed) -> String {
    let plan = plan(&web(), world);
    assert!(plan.is_empty(), "{plan}");
    let notes = plan.notes.iter().map(|note| format!("{}: {}", note.code, note.message));
    notes.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_address_that_was_taken_off_is_told_of() {
    insta::assert_snapshot!(notes(&world("InService", None)), @"address-elsewhere: the Elastic IP eipalloc-00000000000000014 (203.0.113.7) is at no instance and not at i-a, which is in service: nobody reaches the app by it. The instance takes it again within some minutes where it holds the data volume");
    insta::assert_snapshot!(notes(&world("InService", Some("i-z"))), @"address-elsewhere: the Elastic IP eipalloc-00000000000000014 (203.0.113.7) is at i-z and not at i-a, which is in service: nobody reaches the app by it. The instance takes it again within some minutes where it holds the data volume");
    // In the plan as people read it, too.
    let text = plan(&web(), &world("InService", None)).to_string();
    assert!(text.contains("\n* the Elastic IP "), "{text}");
}

#[test]
fn an_address_that_is_where_it_should_be_or_on_its_way_is_not() {
    assert_eq!(notes(&world("InService", Some("i-a"))), "");
    assert_eq!(notes(&world("Pending:Wait", None)), "");
}
