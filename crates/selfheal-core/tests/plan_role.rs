//! What an apply plans for the instance's role.

mod common;

use common::{carry_out, empty_world, probed, web};
use selfheal_core::observed::Observed;
use selfheal_core::plan::{StepKey, plan};
use selfheal_core::spec::{HealthFrom, Spec};

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
    assert!(world.role_policy.as_ref().unwrap().contains("ssmmessages:"));
    spec.access.session_manager = false;
    assert_eq!(
        line(&spec, &world, "Session Manager").as_deref(),
        Some("may open a shell -> may not open a shell")
    );
    let keys: Vec<StepKey> = plan(&spec, &world).steps.iter().map(|step| step.key).collect();
    assert_eq!(keys, [StepKey::PutRolePolicy], "no instance is replaced for it");
    carry_out(|world| plan(&spec, world), &mut world);
    let policy = world.role_policy.clone().unwrap();
    assert!(!policy.contains("ssmmessages:") && !policy.contains("ssm:"), "{policy}");
    assert!(plan(&spec, &world).is_empty());
}
