//! Refusals: what AWS judges, and which action it names.

use selfheal_aws::{AutoScaling, CallError, CallErrorKind, Ec2, Iam};
use selfheal_core::names::{Names, POLICY_NAME, ResourceKind};
use selfheal_policy::{Document, OperatorScope, Partition, Purpose, operator_policy};

use crate::support::{names, on, prepare, words, world};

/// The policy of an apply, without the statement of this name.
fn without(sid: &str) -> String {
    let scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    let mut document = operator_policy(&scope, Purpose::Apply).expect("the scope is well-formed");
    let before = document.statements.len();
    document.statements.retain(|statement| statement.name() != sid);
    assert!(
        sid.is_empty() || document.statements.len() + 1 == before,
        "no statement {sid}"
    );
    document.to_json()
}

#[track_caller]
fn check(error: &CallError, action: &str, named: Option<&str>, missing: &[&str]) {
    assert_eq!(error.kind(), CallErrorKind::Denied, "{error}");
    assert_eq!(
        (error.action, error.denied_action.as_deref()),
        (action, named),
        "{error}"
    );
    assert_eq!(error.missing_actions(), missing, "{error}");
}

#[test]
fn a_creation_that_may_not_tag_names_create_tags() {
    let sim = world(1);
    sim.tamper(|world| world.config.operator_policy = Some(without("TagOnCreate").into()));
    let tags = Names::new("web", "eu-west-1").tags(ResourceKind::Address);
    let error = on(&sim, sim.allocate_address(&tags)).unwrap_err();
    let action = "ec2:CreateTags";
    check(&error, "ec2:AllocateAddress", Some(action), &[action]);
    assert!(error.to_string().contains("perform: ec2:CreateTags on"), "{error}");
}

#[test]
fn a_role_that_may_not_be_passed_names_pass_role() {
    let sim = world(2);
    let stack = prepare(&sim);
    on(&sim, sim.remove_role_from_profile(&names().profile, &names().role)).unwrap();
    sim.tamper(|world| world.config.operator_policy = Some(without("PassRole").into()));
    let error = on(&sim, sim.add_role_to_profile(&names().profile, &names().role)).unwrap_err();
    check(
        &error,
        "iam:AddRoleToInstanceProfile",
        Some("iam:PassRole"),
        &["iam:PassRole"],
    );
    sim.tamper(|world| world.config.operator_policy = Some(without("").into()));
    on(&sim, sim.add_role_to_profile(&names().profile, &names().role)).unwrap();
    sim.tamper(|world| world.config.operator_policy = Some(without("PassRole").into()));
    let error = on(&sim, sim.create_group(&stack.settings)).unwrap_err();
    let group = "autoscaling:CreateAutoScalingGroup";
    check(&error, group, Some("iam:PassRole"), &["iam:PassRole"]);
}

#[test]
fn a_launch_that_is_refused_names_nothing_and_all_that_is_checked_is_told() {
    let sim = world(3);
    let stack = prepare(&sim);
    for sid in ["Launch", "LaunchByOwnTemplate", "TagOnCreate"] {
        sim.tamper(|world| world.config.operator_policy = Some(without(sid).into()));
        let error = on(&sim, sim.create_group(&stack.settings)).unwrap_err();
        let checked = ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"];
        check(&error, "autoscaling:CreateAutoScalingGroup", None, &checked);
        let said = format!("You are not authorized to use launch template: {}", stack.template);
        assert_eq!(error.message, said, "{sid}");
    }
}

/// A name that does not exist is judged without any path, and reads as absent only where that is allowed.
#[test]
fn a_read_of_what_does_not_exist_is_judged_without_its_path() {
    let sim = world(4);
    let pathed: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Action":["iam:GetRole","iam:GetRolePolicy","iam:GetInstanceProfile","iam:ListRolePolicies"],
        "Resource":["arn:aws:iam::123456789012:role/selfheal/*","arn:aws:iam::123456789012:instance-profile/selfheal/*"]}}"#
        .parse()
        .unwrap();
    let (role, profile) = (names().role, names().profile);
    sim.tamper(|world| world.config.operator_policy = Some(pathed.to_json().into()));
    let error = on(&sim, sim.get_role(&role)).unwrap_err();
    assert!(
        words(Err::<(), _>(error)).contains(&format!("resource: arn:aws:iam::123456789012:role/{role} ")),
        "the path is not part of it"
    );
    for denied in [
        on(&sim, sim.get_role_policy(&role, POLICY_NAME)).map(drop),
        on(&sim, sim.get_instance_profile(&profile)).map(drop),
        on(&sim, sim.list_role_policies(&role)).map(drop),
    ] {
        assert_eq!(denied.unwrap_err().kind(), CallErrorKind::Denied);
    }
    // The commands that read all of a stack; of the others some read a part of IAM, and most nothing of it.
    for purpose in [
        Purpose::Plan,
        Purpose::Apply,
        Purpose::Status,
        Purpose::Destroy,
        Purpose::Resume,
    ] {
        let scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
        let policy = operator_policy(&scope, purpose).expect("the scope is well-formed");
        sim.tamper(|world| world.config.operator_policy = Some(policy.to_json().into()));
        assert_eq!(on(&sim, sim.get_role(&role)).unwrap(), None, "{purpose}");
        assert_eq!(on(&sim, sim.get_role_policy(&role, POLICY_NAME)).unwrap(), None);
        assert_eq!(on(&sim, sim.get_instance_profile(&profile)).unwrap(), None);
        let other = on(&sim, sim.get_role("selfheal-api-eu-west-1")).unwrap_err();
        assert_eq!(other.kind(), CallErrorKind::Denied);
    }
    sim.tamper(|world| world.config.operator_policy = None);
    prepare(&sim);
    sim.tamper(|world| world.config.operator_policy = Some(pathed.to_json().into()));
    assert!(on(&sim, sim.get_role(&role)).unwrap().is_some());
}
