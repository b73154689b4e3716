//! What replaces the running instance because a person asks for it.

use crate::common::{carry_out, empty_world, serve, web};
use selfheal_core::Action;
use selfheal_core::names::TAG_PARKED;
use selfheal_core::plan::{Plan, Planner, plan};
use selfheal_core::world::{GroupCall, InstanceId, LifecycleState, Observed, REPLACING};

fn applied() -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    serve(&mut world);
    if let Some(group) = &mut world.group {
        group.instances[0].template_version = Some("1".to_owned());
        group.template_version = Some("2".to_owned());
    }
    world
}

fn replace(world: &Observed, id: &str) -> Plan {
    Planner::new(&web()).replace(world, Some(&InstanceId::from(id)))
}

const SERVES: &str = "i-00000000000000001";

#[test]
fn it_is_one_call_and_tells_from_which_version_to_which() {
    let shown = replace(&applied(), SERVES).to_string();
    let from = shown.find("- instance").expect("it is there");
    insta::assert_snapshot!(&shown[from..], @r"
    - instance i-00000000000000001                  the group launches the next one: down until that serves
        launch template version  1 -> 2

    Plan: 0 to create, 0 to update, 1 to delete.
    ");
}

#[test]
fn it_is_done_once_the_instance_is_on_its_way_out_and_touches_no_other() {
    let mut world = applied();
    assert!(
        replace(&world, "i-00000000000000002").is_empty(),
        "another one is the group's by now"
    );
    let done = carry_out(|world| replace(world, SERVES), &mut world);
    let [Action::Group(GroupCall::TerminateInstance { id, .. })] = &done[..] else {
        panic!("one call: {done:?}");
    };
    assert_eq!(id.as_str(), SERVES);
    assert!(replace(&world, SERVES).is_empty());
    let member = &world.group.as_ref().expect("it stays").instances[0];
    assert!(member.lifecycle.is_leaving());
    assert_ne!(member.lifecycle, LifecycleState::InService);
}

#[test]
fn what_would_bring_no_other_instance_is_refused() {
    let refused = |change: &dyn Fn(&mut Observed)| {
        let mut world = applied();
        change(&mut world);
        let plan = replace(&world, SERVES);
        assert!(plan.steps.is_empty());
        plan.refusals
            .first()
            .map(|refusal| refusal.code.clone())
            .unwrap_or_default()
    };
    let group = |change: &dyn Fn(&mut selfheal_core::world::Group)| {
        refused(&|world| change(world.group.as_mut().expect("it is there")))
    };
    let nobody = Planner::new(&web()).replace(&applied(), None);
    assert_eq!(nobody.refusals[0].code, "no-instance");
    assert_eq!(refused(&|world| world.group = None), "no-group");
    assert_eq!(group(&|group| group.tags.clear()), "foreign-resource");
    assert_eq!(group(&|group| group.desired = 0), "stack-asleep");
    assert_eq!(
        group(&|group| group.suspended = vec!["Launch".to_owned()]),
        "launch-suspended"
    );
    assert_eq!(
        group(&|group| group.suspended = REPLACING.map(str::to_owned).to_vec()),
        "replacement-unfinished"
    );
    let parks = |group: &mut selfheal_core::world::Group| {
        group
            .tags
            .insert(TAG_PARKED.to_owned(), "2026-01-01T00:00:00Z".to_owned());
    };
    assert_eq!(group(&parks), "stack-parked");
}

#[test]
fn going_back_pins_the_version_and_leaves_all_else_of_the_group_as_it_is() {
    let mut world = applied();
    let before = world.group.clone().expect("it is there");
    let plan = Planner::new(&web()).rollback(&world, 1);
    assert_eq!(plan.notes.iter().filter(|note| note.code == "rolled-back").count(), 1);
    let done = carry_out(|world| Planner::new(&web()).rollback(world, 1), &mut world);
    let [Action::Group(GroupCall::UpdateGroup(settings))] = &done[..] else {
        panic!("one call: {done:?}");
    };
    assert_eq!(
        (settings.template_version, settings.min, settings.max),
        (1, before.min, before.max)
    );
    let after = world.group.clone().expect("it stays");
    let then = selfheal_core::world::Group {
        template_version: Some("1".to_owned()),
        ..before
    };
    assert_eq!(after, then, "nothing else differs");
    assert!(Planner::new(&web()).rollback(&world, 1).is_empty());
    assert_eq!(
        world.group.as_ref().map(selfheal_core::world::Group::version_before),
        Some(0)
    );
    let before_the_first = Planner::new(&web()).rollback(&world, 0);
    assert_eq!(before_the_first.refusals[0].code, "no-earlier-version");
}
