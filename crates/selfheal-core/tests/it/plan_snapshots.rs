//! What an apply and a destroy plan for snapshots by schedule: the policy, its role, and the mark that tells of both.

use crate::common::{carry_out, empty_world, probed};
use selfheal_core::Action;
use selfheal_core::names::TAG_SNAPSHOTS;
use selfheal_core::plan::{DestroyOptions, Plan, StepKind, plan, plan_destroy};
use selfheal_core::spec::{HealthFrom, SnapshotsSpec, Spec};
use selfheal_core::world::{LifecyclePolicyCall, Observed, RoleCall, TagCall, VolumeCall};

fn scheduled() -> Spec {
    let mut spec = probed(HealthFrom::Instance);
    let data = spec.data.as_mut().expect("the example has a data volume");
    data.snapshots = Some(SnapshotsSpec::default());
    spec
}

/// The same stack without them.
fn plain() -> Spec {
    probed(HealthFrom::Instance)
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn kinds(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

fn place(actions: &[Action], wanted: impl Fn(&Action) -> bool) -> usize {
    actions.iter().position(wanted).expect("it is done")
}

#[test]
fn the_mark_and_the_role_are_there_before_the_policy_is_made() {
    let mut world = empty_world();
    let actions = carry_out(|world| plan(&scheduled(), world), &mut world);
    let volume = place(&actions, |action| {
        matches!(action, Action::Volume(VolumeCall::CreateVolume(input))
            if input.tags.get(TAG_SNAPSHOTS).is_some_and(|stack| stack == "web"))
    });
    let policy = place(&actions, |action| {
        matches!(
            action,
            Action::LifecyclePolicy(LifecyclePolicyCall::CreateLifecyclePolicy { .. })
        )
    });
    let rights = place(
        &actions,
        |action| matches!(action, Action::Role(RoleCall::PutRolePolicy { role, .. }) if role.ends_with("-dlm")),
    );
    assert!(volume < policy && rights < policy);
    assert!(plan(&scheduled(), &world).is_empty());
    let none = carry_out(|world| plan(&plain(), world), &mut empty_world());
    assert!(!none.iter().any(|action| matches!(action, Action::LifecyclePolicy(_))));
}

#[test]
fn a_volume_that_is_there_is_marked_first() {
    let mut world = applied(&plain());
    let planned = plan(&scheduled(), &world);
    assert_eq!(
        kinds(&planned),
        [
            StepKind::MarkForSnapshots,
            StepKind::CreateSnapshotRole,
            StepKind::PutSnapshotPolicy,
            StepKind::CreateLifecyclePolicy
        ]
    );
    let actions = carry_out(|world| plan(&scheduled(), world), &mut world);
    let mark = place(
        &actions,
        |action| matches!(action, Action::Tag(TagCall::CreateTags { tags, .. }) if tags.contains_key(TAG_SNAPSHOTS)),
    );
    let policy = place(&actions, |action| matches!(action, Action::LifecyclePolicy(_)));
    assert!(mark < policy);
}

#[test]
fn leaving_the_spec_removes_policy_and_role_and_then_the_mark() {
    let mut world = applied(&scheduled());
    let planned = plan(&plain(), &world).to_string();
    assert!(planned.contains("the snapshots stay"), "{planned}");
    let actions = carry_out(|world| plan(&plain(), world), &mut world);
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(matches!(
        &actions[3],
        Action::Tag(TagCall::CreateTags { tags, .. }) if tags[TAG_SNAPSHOTS].is_empty()
    ));
    assert!(plan(&plain(), &world).is_empty());
}

#[test]
fn a_second_policy_is_deleted_and_another_stacks_is_told() {
    let mut world = applied(&scheduled());
    let mut second = world.lifecycle_policies[0].clone();
    second.id = "policy-zzz".to_owned();
    let mut other = second.clone();
    other.id = "policy-other".to_owned();
    other.tags.clear();
    world.lifecycle_policies.extend([second, other]);
    let planned = plan(&scheduled(), &world);
    assert_eq!(kinds(&planned), [StepKind::DeleteLifecyclePolicy]);
    assert_eq!(planned.steps[0].target.as_deref(), Some("policy-zzz"));
    let notes: Vec<&str> = planned.notes.iter().map(|note| note.code.as_str()).collect();
    assert!(notes.contains(&"other-lifecycle-policy"), "{notes:?}");
}

#[test]
fn what_was_edited_is_shown_and_set_back() {
    let mut world = applied(&scheduled());
    let policy = &mut world.lifecycle_policies[0];
    "DISABLED".clone_into(&mut policy.state);
    policy.settings.keep_days = 1;
    let planned = plan(&scheduled(), &world);
    assert_eq!(kinds(&planned), [StepKind::UpdateLifecyclePolicy]);
    let text = planned.to_string();
    assert!(text.contains("DISABLED") && text.contains("14 days"), "{text}");
}

#[test]
fn a_destroy_takes_policy_and_role_before_the_volume() {
    let mut world = applied(&scheduled());
    let options = DestroyOptions {
        delete_data: true,
        ..DestroyOptions::KEEP
    };
    let planned = plan_destroy(&scheduled(), &world, &options);
    assert!(kinds(&planned).contains(&StepKind::DeleteLifecyclePolicy), "{planned}");
    let actions = carry_out(|world| plan_destroy(&scheduled(), world, &options), &mut world);
    let role = place(
        &actions,
        |action| matches!(action, Action::Role(RoleCall::DeleteRole { name }) if name.ends_with("-dlm")),
    );
    let volume = place(&actions, |action| {
        matches!(action, Action::Volume(VolumeCall::DeleteVolume { .. }))
    });
    assert!(role < volume);
}

#[test]
fn a_boundary_binds_the_role_as_well() {
    let mut spec = scheduled();
    spec.instance.permissions_boundary = Some("arn:aws:iam::123456789012:policy/bound".to_owned());
    let mut world = applied(&spec);
    let role = world.snapshot_role.as_mut().expect("it is there");
    assert_eq!(role.permissions_boundary, spec.instance.permissions_boundary);
    role.permissions_boundary = None;
    assert_eq!(kinds(&plan(&spec, &world)), [StepKind::BoundSnapshotRole]);
    let kinds = kinds(&plan(&scheduled(), &applied(&spec)));
    assert!(kinds.contains(&StepKind::UnboundSnapshotRole), "{kinds:?}");
}
