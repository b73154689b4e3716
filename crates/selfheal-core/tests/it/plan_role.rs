//! What an apply plans for the instance's role.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::plan::{StepKind, plan};
use selfheal_core::spec::{HealthFrom, Spec, SpecFile};
use selfheal_core::world::Observed;

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

/// The plan's line about a field.
fn line(spec: &Spec, world: &Observed, name: &str) -> Option<String> {
    let text = plan(spec, world).to_string();
    let found = text.lines().map(str::trim).find(|line| line.starts_with(name));
    found.map(|line| line[name.len()..].trim().to_owned())
}

#[test]
fn session_managers_rights_are_there_only_where_the_spec_says_so() {
    for spec in [web(), probed(HealthFrom::Both)] {
        check_sessions(spec);
    }
}

fn check_sessions(mut spec: Spec) {
    assert_eq!(
        line(&spec, &empty_world(), "Session Manager").as_deref(),
        Some("may open a shell")
    );
    let mut world = applied(&spec);
    let before = world.role_policy.clone().unwrap_or_default();
    assert!(before.contains("ssmmessages:"));
    spec.access.session_manager = false;
    assert_eq!(
        line(&spec, &world, "Session Manager").as_deref(),
        Some("may open a shell -> may not open a shell")
    );
    let keys: Vec<StepKind> = plan(&spec, &world).steps.iter().map(|step| step.kind).collect();
    assert_eq!(keys, [StepKind::PutRolePolicy], "no instance is replaced for it");
    carry_out(|world| plan(&spec, world), &mut world);
    let policy = world.role_policy.clone().unwrap_or_default();
    assert!(!policy.is_empty());
    assert!(!policy.contains("ssmmessages:") && !policy.contains("ssm:"), "{policy}");
    assert!(plan(&spec, &world).is_empty());
}

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const OTHER: &str = "arn:aws:iam::123456789012:policy/other";

fn bounded(boundary: &str) -> Spec {
    let mut spec = web();
    spec.instance.permissions_boundary = Some(boundary.to_owned());
    spec
}

fn keys(spec: &Spec, world: &Observed) -> Vec<StepKind> {
    plan(spec, world).steps.iter().map(|step| step.kind).collect()
}

#[test]
fn a_role_is_made_with_its_boundary_and_nothing_is_left_to_do() {
    let spec = bounded(BOUNDARY);
    assert_eq!(line(&spec, &empty_world(), "boundary").as_deref(), Some(BOUNDARY));
    let world = applied(&spec);
    let role = world.role.as_ref().unwrap();
    assert_eq!(role.permissions_boundary.as_deref(), Some(BOUNDARY));
    assert!(plan(&spec, &world).is_empty());
}

#[test]
fn a_boundary_is_put_changed_and_taken_off_in_a_step_of_its_own() {
    let mut world = applied(&web());
    for (spec, key, shown) in [
        (bounded(BOUNDARY), StepKind::PutPermissionsBoundary, BOUNDARY.to_owned()),
        (
            bounded(OTHER),
            StepKind::PutPermissionsBoundary,
            format!("{BOUNDARY} -> {OTHER}"),
        ),
        (
            web(),
            StepKind::DeletePermissionsBoundary,
            format!("{OTHER} -> nothing"),
        ),
    ] {
        assert_eq!(keys(&spec, &world), [key]);
        assert_eq!(line(&spec, &world, "policy"), Some(shown));
        carry_out(|world| plan(&spec, world), &mut world);
        let role = world.role.as_ref().unwrap();
        assert_eq!(role.permissions_boundary, spec.instance.permissions_boundary);
        assert!(plan(&spec, &world).is_empty());
    }
}

/// Whoever may write the policy only within the boundary has to set the boundary first.
#[test]
fn the_policy_is_not_written_before_the_boundary_is_there() {
    let mut world = applied(&web());
    world.role_policy = None;
    let spec = bounded(BOUNDARY);
    let ready: Vec<StepKind> = plan(&spec, &world).ready().map(|(step, _)| step.kind).collect();
    assert_eq!(ready, [StepKind::PutPermissionsBoundary]);
    let mut keys = Vec::new();
    for action in carry_out(|world| plan(&spec, world), &mut world) {
        keys.push(serde_json::to_value(&action).unwrap()["call"].clone());
    }
    assert_eq!(keys, ["PutPermissionsBoundary", "PutRolePolicy"]);
}

#[test]
fn a_boundary_of_another_account_or_partition_is_refused() {
    for (boundary, refused) in [
        (BOUNDARY, false),
        ("arn:aws:iam::aws:policy/PowerUserAccess", false),
        ("arn:aws:iam::999999999999:policy/boundary", true),
        ("arn:aws-cn:iam::123456789012:policy/boundary", true),
    ] {
        let plan = plan(&bounded(boundary), &empty_world());
        let codes: Vec<&str> = plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect();
        assert_eq!(codes == ["boundary-elsewhere"], refused, "{boundary}: {codes:?}");
    }
}

#[test]
fn only_a_managed_policys_arn_is_a_boundary() {
    let file = |arn: &str| {
        let text = web()
            .to_toml()
            .replace("[instance]", &format!("[instance]\npermissions_boundary = \"{arn}\""));
        SpecFile::parse(&text).map(drop).map_err(|errors| errors.to_string())
    };
    assert_eq!(file(BOUNDARY), Ok(()));
    for arn in [
        "boundary",
        "arn:aws:iam::123456789012:role/boundary",
        "arn:aws:iam::1234:policy/boundary",
        "arn:aws:iam::123456789012:policy/*",
        "arn:aws:iam::123456789012:policy/",
        "arn:moon:iam::123456789012:policy/boundary",
    ] {
        let error = file(arn).unwrap_err();
        assert!(error.contains("`instance.permissions_boundary` is"), "{arn}: {error}");
    }
}
