//! What replaces the running instance because a person asks for it.

use crate::common::{carry_out, empty_world, serve, web};
use selfheal_core::Action;
use selfheal_core::names::TAG_PARKED;
use selfheal_core::plan::{Plan, PlanOptions, Planner, StepKind, plan, plan_with};
use selfheal_core::spec::{Market, Spec};
use selfheal_core::world::{Group, GroupCall, InstanceId, LifecycleState, Observed, REPLACING};

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
    let group = |change: &dyn Fn(&mut Group)| refused(&|world| change(world.group.as_mut().expect("it is there")));
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
    let parks = |group: &mut Group| {
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
    let then = Group {
        template_version: Some("1".to_owned()),
        ..before
    };
    assert_eq!(after, then, "nothing else differs");
    assert!(Planner::new(&web()).rollback(&world, 1).is_empty());
    assert_eq!(world.group.as_ref().map(Group::version_before), Some(0));
    let before_the_first = Planner::new(&web()).rollback(&world, 0);
    assert_eq!(before_the_first.refusals[0].code, "no-earlier-version");
}

/// The plan of an apply that is asked to replace the instance too.
fn apply_and_replace(spec: &Spec, world: &Observed) -> Plan {
    let options = PlanOptions {
        replace: true,
        ..PlanOptions::default()
    };
    plan_with(spec, world, &options)
}

/// The stack as it was applied, with an instance of what the group launches.
fn up_to_date() -> Observed {
    let mut world = applied();
    let group = world.group.as_mut().expect("it is there");
    group.template_version = Some("1".to_owned());
    world
}

#[test]
fn an_apply_replaces_last_and_only_where_it_is_asked_to() {
    let spec = web();
    let mut other = web();
    other.instance.instance_type = "t4g.medium".to_owned();
    let mut world = up_to_date();
    assert!(
        apply_and_replace(&spec, &world).is_empty(),
        "it is what the group launches"
    );
    assert!(plan(&other, &world).step(StepKind::ReplaceInstance).is_none());

    let shown = apply_and_replace(&other, &world).to_string();
    let from = shown.find("- instance").expect("it is there");
    insta::assert_snapshot!(&shown[from..], @r"
    - instance i-00000000000000001                  the group launches the next one, as the spec says by then: down until that serves
        launch template version  1 -> (known after apply)

    Plan: 0 to create, 2 to update, 1 to delete.
    ");
    let kinds: Vec<&str> = carry_out(|world| apply_and_replace(&other, world), &mut world)
        .iter()
        .map(|action| match action {
            Action::Group(GroupCall::UpdateGroup(_)) => "update",
            Action::Group(GroupCall::TerminateInstance { .. }) => "replace",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds.last(), Some(&"replace"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "replace").count(), 1);
    assert!(apply_and_replace(&other, &world).is_empty());
    // The next one is of the new version, and stays.
    serve(&mut world);
    let group = world.group.as_mut().expect("it is there");
    group.instances[0].template_version.clone_from(&group.template_version);
    group.instances[0].instance_type = Some("t4g.medium".to_owned());
    assert!(apply_and_replace(&other, &world).is_empty());
}

#[test]
fn one_of_a_type_that_the_spec_names_no_longer_is_replaced_too() {
    let mut several = web();
    several.instance.fallback_types = vec!["t4g.medium".to_owned()];
    let mut world = up_to_date();
    carry_out(|world| plan(&several, world), &mut world);
    serve(&mut world);
    let group = world.group.as_mut().expect("it is there");
    group.instances[0].template_version.clone_from(&group.template_version);
    group.instances[0].instance_type = Some("t4g.medium".to_owned());
    assert!(apply_and_replace(&several, &world).is_empty());
    several.instance.fallback_types = vec!["t4g.large".to_owned()];
    let shown = apply_and_replace(&several, &world);
    let step = shown.step(StepKind::ReplaceInstance).expect("it is replaced");
    assert_eq!(step.fields[0].name, "instance type");
    // And a change of how it is bought replaces it once, in its own order.
    let mut spot = several.clone();
    spot.instance.market = Market::Spot;
    let steps = apply_and_replace(&spot, &world).steps;
    let replaced = steps.iter().filter(|step| step.kind == StepKind::ReplaceInstance);
    assert_eq!(replaced.count(), 1);
}

#[test]
fn an_apply_does_not_replace_where_nothing_would_take_the_place() {
    let mut other = web();
    other.instance.instance_type = "t4g.medium".to_owned();
    let codes = |change: &dyn Fn(&mut Group)| {
        let mut world = up_to_date();
        change(world.group.as_mut().expect("it is there"));
        let plan = apply_and_replace(&other, &world);
        assert!(plan.is_refused() == (plan.step(StepKind::ReplaceInstance).is_none()));
        plan.refusals
            .into_iter()
            .map(|refusal| refusal.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(&|_| ()), [""; 0]);
    let parked = codes(&|group| {
        group.tags.insert(TAG_PARKED.to_owned(), "setup failed".to_owned());
    });
    assert_eq!(parked, ["stack-parked"]);
    assert_eq!(
        codes(&|group| group.suspended = vec!["Launch".to_owned()]),
        ["launch-suspended"]
    );
    assert_eq!(codes(&|group| group.desired = 0), ["stack-asleep"]);
    // Of a stack that has no instance there is nothing to replace.
    let mut world = up_to_date();
    world.group.as_mut().expect("it is there").instances.clear();
    let plan = apply_and_replace(&other, &world);
    assert!(!plan.is_refused() && plan.step(StepKind::ReplaceInstance).is_none());
    assert!(!apply_and_replace(&other, &empty_world()).is_refused());
}
