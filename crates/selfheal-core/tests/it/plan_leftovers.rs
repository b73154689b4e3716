//! Issue 8, number 51: what a change of the spec leaves behind, and what was changed by hand.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::names::TAG_STACK;
use selfheal_core::plan::{DestroyOptions, Plan, StepKind, plan, plan_destroy};
use selfheal_core::spec::{HealthFrom, Ingress, Setup, Spec};
use selfheal_core::status::status;
use selfheal_core::world::{
    Attachment, AttachmentState, GroupInstance, HealthStatus, IngressRule, LaunchTemplateCall, LifecycleState,
    Observed, RoleCall, SecurityGroup,
};
use selfheal_core::{Action, Answer};

/// The stack of the README, applied, with an instance of version 1 that holds the volume or not.
fn running(attached: bool) -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    world
        .group
        .as_mut()
        .expect("it was made")
        .instances
        .push(GroupInstance {
            id: "i-a".into(),
            lifecycle: LifecycleState::InService,
            health: HealthStatus::Healthy,
            template_version: Some("1".to_owned()),
            instance_type: None,
        });
    world.volumes[0].attachment = attached.then(|| Attachment {
        instance_id: "i-a".into(),
        state: AttachmentState::Attached,
    });
    world
}

fn without_data() -> Spec {
    let mut spec = web();
    spec.data = None;
    spec
}

fn names_volume(world: &Observed) -> bool {
    let policy = world.role_policy.as_deref().expect("there is a policy");
    policy.contains(world.volumes[0].id.as_str())
}

fn note(plan: &Plan, code: &str) -> String {
    let note = plan.notes.iter().find(|note| note.code == code);
    note.map(|note| note.message.clone()).unwrap_or_default()
}

#[test]
fn an_instance_keeps_its_rights_to_the_volume_that_the_spec_has_dropped_until_it_is_replaced() {
    for attached in [true, false] {
        let (spec, mut world) = (without_data(), running(attached));
        let ran = carry_out(|world| plan(&spec, world), &mut world);
        assert!(
            !ran.iter()
                .any(|action| matches!(action, Action::Role(RoleCall::PutRolePolicy { .. }))),
            "{ran:?}"
        );
        assert!(ran.iter().any(|action| matches!(
            action,
            Action::LaunchTemplate(LaunchTemplateCall::CreateTemplateVersion { .. })
        )));
        assert!(
            names_volume(&world),
            "the running instance could not give the volume back"
        );
        assert!(plan(&spec, &world).is_empty(), "{}", plan(&spec, &world));

        // Its replacement was launched without the volume.
        world.group.as_mut().expect("one").instances[0].template_version = Some("2".to_owned());
        world.volumes[0].attachment = None;
        carry_out(|world| plan(&spec, world), &mut world);
        assert!(!names_volume(&world), "nothing uses it any more");
        assert!(plan(&spec, &world).is_empty());
    }
}

/// In whichever order the answers come, the run does what was shown.
#[test]
fn rights_are_kept_whatever_ends_first() {
    let (spec, mut world) = (without_data(), running(false));
    let shown = plan(&spec, &world);
    let (_, action) = shown
        .ready()
        .find(|(step, _)| step.kind == StepKind::CreateTemplateVersion)
        .expect("a new version");
    world.record_answer(&action.clone(), Answer::Version(2));
    let keys: Vec<StepKind> = plan(&spec, &world).steps.iter().map(|step| step.kind).collect();
    assert!(keys.iter().all(|key| shown.step(*key).is_some()), "{keys:?}");
}

#[test]
fn a_volume_in_use_is_not_called_unattached() {
    let told = note(&plan(&without_data(), &running(true)), "volume-unused");
    assert!(told.contains("i-a uses it"), "{told}");
    assert!(!told.contains("not attached"), "{told}");
    let told = note(&plan(&without_data(), &running(false)), "volume-unused");
    assert!(told.contains("no new instance attaches it"), "{told}");
}

#[test]
fn nobody_is_told_to_remove_what_may_be_the_stacks_own() {
    let bare = |change: fn(&mut Observed)| {
        let mut world = running(true);
        change(&mut world);
        let plan = plan(&web(), &world);
        assert_eq!(plan.refusals[0].code, "foreign-resource");
        plan.refusals[0].help.clone()
    };
    let untagged: [fn(&mut Observed); 4] = [
        |world| world.group.as_mut().expect("one").tags.clear(),
        |world| world.role.as_mut().expect("one").tags.clear(),
        |world| world.profile.as_mut().expect("one").tags.clear(),
        |world| world.security_groups[0].tags.clear(),
    ];
    for change in untagged {
        let help = bare(change);
        assert!(!help.contains("remove"), "{help}");
        assert!(help.contains("put selfheal:stack=web and selfheal:role="), "{help}");
    }
    let help = bare(|world| {
        let template = world.launch_template.as_mut().expect("one");
        template.data.instance_tags.remove(TAG_STACK);
    });
    assert!(help.contains("delete version 1"), "{help}");
}

#[test]
fn the_security_group_of_ingress_is_told_after_the_spec_names_others_and_destroyed_in_the_end() {
    let mut spec = web();
    spec.instance.ingress = Ingress::Groups(vec!["sg-0123456789abcdef0".into()]);
    let mut world = running(true);
    let own = world.security_groups[0].clone();
    world.security_groups.push(SecurityGroup {
        id: "sg-0123456789abcdef0".into(),
        name: "theirs".to_owned(),
        tags: Default::default(),
        ..own.clone()
    });
    carry_out(|world| plan(&spec, world), &mut world);
    assert!(note(&plan(&spec, &world), "security-group-unused").contains(own.id.as_str()));
    let destroy = plan_destroy(&spec, &world, &DestroyOptions::default());
    let gone = destroy
        .step(StepKind::DeleteSecurityGroup)
        .and_then(|step| step.target.clone());
    assert_eq!(gone, Some(own.id.to_string()));
    // Where the spec names that very group it is no leftover.
    spec.instance.ingress = Ingress::Groups(vec![own.id]);
    assert_eq!(note(&plan(&spec, &world), "security-group-unused"), "");
}

#[test]
fn egress_that_was_changed_by_hand_is_told() {
    let mut world = running(true);
    assert_eq!(note(&plan(&web(), &world), "egress-changed"), "");
    world.security_groups[0].egress = vec![IngressRule {
        protocol: "tcp".to_owned(),
        from_port: 443,
        to_port: 443,
        source: "0.0.0.0/0".to_owned(),
    }];
    let plan = plan(&web(), &world);
    assert!(
        note(&plan, "egress-changed").contains("443/tcp to 0.0.0.0/0 alone"),
        "{plan}"
    );
    let report = status(&web(), &world, &plan);
    assert!(report.notes.iter().any(|note| note.code == "egress-changed"));
    world.security_groups[0].egress.clear();
    let told = note(&selfheal_core::plan::plan(&web(), &world), "egress-changed");
    assert!(told.contains("it lets out nothing"), "{told}");
}

#[test]
fn a_status_without_the_setup_script_shows_no_drift_that_is_none() {
    let mut spec = probed(HealthFrom::Instance);
    spec.app.setup = Some(Setup {
        path: "setup.sh".to_owned(),
        body: b"#!/bin/sh\n".to_vec(),
    });
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    spec.app.setup = Some(Setup::unread("setup.sh"));
    let report = status(&spec, &world, &plan(&spec, &world));
    let codes: Vec<&str> = report.drift.iter().map(|drift| drift.code.as_str()).collect();
    assert_eq!(codes, ["setup-unread"], "{report}");
    // What does not hang on the script is compared all the same, and nothing is ready to run.
    spec.instance.instance_type = "t4g.medium".to_owned();
    let plan = plan(&spec, &world);
    assert!(plan.step(StepKind::CreateTemplateVersion).is_some());
    assert!(plan.is_refused() && plan.ready().next().is_none());
    assert!(!plan_destroy(&spec, &world, &DestroyOptions::default()).is_refused());
}
