//! Several types, spot, and the replacement by which a group comes to launch in another way: as plans.

use crate::common::{carry_out, empty_world, probed, serve, web};
use selfheal_core::plan::{Plan, StepKind, plan};
use selfheal_core::spec::{HealthFrom, Market, Spec};
use selfheal_core::world::{InstanceType, InstanceTypeDetails, Observed, REPLACING};

fn several() -> Spec {
    let mut spec = web();
    spec.instance.fallback_types = vec!["t4g.medium".to_owned()];
    spec
}

fn spot() -> Spec {
    let mut spec = several();
    spec.instance.market = Market::Spot;
    spec
}

/// The stack as it was applied, in service.
fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    serve(&mut world);
    world
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

#[test]
fn a_replacement_is_shown_whole_and_spot_is_told() {
    let world = applied(&web());
    let shown = plan(&spot(), &world).to_string();
    let from = shown.find("launches").expect("it is there");
    insta::assert_snapshot!(&shown[from - 2..], @r#"
    ~ launches selfheal-web                         the group would launch the next instance before this one is gone, which holds the volume
        suspended  AZRebalance, Launch, ReplaceUnhealthy
    ~ Auto Scaling group selfheal-web               the group differs
        instance types  that of the launch template -> t4g.small, then t4g.medium
        market          on-demand -> spot, capacity-optimized-prioritized
    - instance i-00000000000000001                  another one takes its place: down until that serves
    ~ launches selfheal-web                         the group launches the instance that takes the place
        resumed  AZRebalance, Launch, ReplaceUnhealthy

    * AWS takes a spot instance back when it wants to, with two minutes' notice, and launches another one only while it has spot capacity of t4g.small or t4g.medium: it never falls back to on-demand by itself. The way back is `market = "on-demand"` and `selfheal apply`. The fewer types, the more often there is none: name three or more as `instance.types`

    Plan: 0 to create, 3 to update, 1 to delete.
    "#);
}

#[test]
fn what_differs_in_the_types_alone_is_an_update_and_nothing_else() {
    let world = applied(&several());
    let mut other = several();
    other.instance.fallback_types = vec!["t4g.large".to_owned(), "t4g.medium".to_owned()];
    let shown = plan(&other, &world);
    let kinds: Vec<StepKind> = shown.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::UpdateGroup]);
}

/// Each field of a size by itself: what a run changes of one was shown of that one.
#[test]
fn a_size_that_somebody_changed_is_put_back_field_by_field() {
    let spec = probed(HealthFrom::Instance);
    let mut world = applied(&spec);
    world.group.as_mut().expect("applied").max = 3;
    let shown = plan(&spec, &world);
    let step = shown.step(StepKind::UpdateGroup).expect("it differs");
    let fields: Vec<&str> = step.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["maximum size"]);
}

/// What a cut-off replacement leaves is gone on with, whatever it had come to, and whatever the spec says by now.
#[test]
fn what_is_left_of_a_replacement_is_finished() {
    for spec in [web(), spot()] {
        let mut world = applied(&web());
        let group = world.group.as_mut().expect("applied");
        group.suspended = REPLACING.map(str::to_owned).to_vec();
        let shown = plan(&spec, &world);
        assert!(shown.step(StepKind::SuspendLaunches).is_none(), "{shown}");
        assert!(shown.step(StepKind::ReplaceInstance).is_some(), "{shown}");
        carry_out(|world| plan(&spec, world), &mut world);
        let group = world.group.as_ref().expect("it is there");
        assert!(group.suspended.is_empty() && group.instances.is_empty());
        assert!(plan(&spec, &world).is_empty());
    }
}

#[test]
fn whatever_else_is_suspended_is_for_a_person_to_lift_first() {
    let mut world = applied(&web());
    world.group.as_mut().expect("applied").suspended = vec!["Launch".to_owned()];
    assert_eq!(codes(&plan(&spot(), &world)), ["replacement-suspended"]);
    // Where nothing runs there is nothing to replace.
    world.group.as_mut().expect("applied").instances.clear();
    assert!(codes(&plan(&spot(), &world)).is_empty());
}

fn kind(name: &str, zones: &[&str]) -> InstanceType {
    InstanceType {
        name: name.to_owned(),
        details: Some(InstanceTypeDetails {
            architectures: vec!["arm64".to_owned()],
            nvme: "required".to_owned(),
            ebs_baseline_mbps: None,
            ebs_maximum_mbps: None,
            vcpus: None,
        }),
        zones: zones.iter().map(|zone| format!("eu-west-1{zone}")).collect(),
    }
}

#[test]
fn the_zone_is_one_that_has_all_types_and_one_that_has_none_is_refused() {
    let mut world = empty_world();
    world.instance_types = vec![kind("t4g.small", &["a", "c"]), kind("t4g.medium", &["b", "c"])];
    let shown = plan(&several(), &world);
    let volume = shown.step(StepKind::CreateVolume).expect("a first apply").clone();
    assert!(format!("{volume:?}").contains("eu-west-1c"), "{shown}");
    world.instance_types = vec![kind("t4g.small", &["a"]), kind("t4g.medium", &["b"])];
    let shown = plan(&several(), &world);
    assert!(codes(&shown).is_empty());
    let note = shown.notes.iter().find(|note| note.code == "types-not-offered");
    assert!(
        note.is_some_and(|note| note.message.contains("t4g.medium in eu-west-1a")),
        "{shown}"
    );
    world.instance_types = vec![kind("t4g.small", &[]), kind("t4g.medium", &[])];
    assert!(codes(&plan(&several(), &world)).contains(&"type-not-offered"));
}

#[test]
fn each_type_is_checked_by_itself() {
    let mut world = empty_world();
    world.instance_types = vec![kind("t4g.small", &["a"]), kind("t4g.medium", &["a"])];
    world.instance_types[1].details = None;
    let shown = plan(&several(), &world);
    assert_eq!(codes(&shown), ["type-unknown"]);
    assert!(shown.refusals[0].message.contains("t4g.medium"));
    world.instance_types[1] = kind("t4g.medium", &["a"]);
    let details = world.instance_types[1].details.as_mut().expect("it has them");
    details.architectures = vec!["x86_64".to_owned()];
    assert_eq!(codes(&plan(&several(), &world)), ["image-architecture"]);
}
