//! A role that is bounded: by whom, and what it can do.

use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{CallErrorKind, Goal};
use selfheal_core::desired::Ids;
use selfheal_core::permissions::permissions_boundary;
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::Spec;
use selfheal_core::world::Observed;
use selfheal_policy::Purpose;

use crate::support::{even, look, run, run_until_done, serving, web};

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const HOUR: Duration = Duration::from_secs(3_600);

fn bounded() -> Spec {
    let mut spec = web();
    spec.instance.permissions_boundary = Some(BOUNDARY.to_owned());
    spec
}

/// A world with the boundary that `selfheal policy boundary` prints before anything of the stack exists.
fn world(seed: u64) -> Sim {
    let mut observed = Observed::default();
    observed.identity.account = "123456789012".to_owned();
    let ids = Ids::of(&bounded(), &observed);
    let boundary = permissions_boundary(&bounded(), &ids).expect("it fits");
    Sim::new(SimConfig {
        managed_policies: [(BOUNDARY.to_owned(), (&boundary).into())].into(),
        ..even(seed)
    })
}

fn operate(sim: &Sim, purpose: Purpose, boundary: Option<&str>, drops_boundary: bool) {
    crate::support::operate(sim, purpose, |scope| {
        scope.permissions_boundary = boundary.map(str::to_owned);
        scope.drops_boundary = drops_boundary;
    });
}

fn boundary_of(sim: &Sim) -> Option<String> {
    sim.inspect(|world| world.roles.values().next()?.role.permissions_boundary.clone())
}

#[test]
fn an_instance_heals_under_the_printed_boundary() {
    let sim = world(1);
    operate(&sim, Purpose::Apply, Some(BOUNDARY), false);
    run_until_done(&sim, &bounded(), Goal::Apply, 1);
    assert_eq!(boundary_of(&sim).as_deref(), Some(BOUNDARY));
    sim.settle(HOUR);
    let (first, ..) = serving(&sim).expect("it serves");
    sim.kill_instance(&first);
    sim.settle(HOUR);
    let (second, ..) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_ne!(first, second);
    assert!(look(&sim, &bounded(), Goal::Apply).is_empty());
    operate(&sim, Purpose::Destroy, Some(BOUNDARY), false);
    run_until_done(&sim, &bounded(), Goal::Destroy(DestroyOptions::default()), 1);
    assert!(sim.inspect(|world| world.roles.is_empty()));
}

#[test]
fn a_boundary_is_put_on_a_role_that_exists_and_taken_off_it() {
    let sim = world(2);
    operate(&sim, Purpose::Apply, None, false);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(boundary_of(&sim), None);
    operate(&sim, Purpose::Apply, Some(BOUNDARY), false);
    run_until_done(&sim, &bounded(), Goal::Apply, 1);
    assert_eq!(boundary_of(&sim).as_deref(), Some(BOUNDARY));
    operate(&sim, Purpose::Apply, None, true);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(boundary_of(&sim), None);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn whoever_must_bound_the_role_cannot_make_it_without() {
    let sim = world(3);
    operate(&sim, Purpose::Apply, Some(BOUNDARY), false);
    let error = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
    let error = error.expect_err("the role has no boundary");
    let call = error.call().expect("a call");
    assert_eq!(
        (call.kind(), call.action),
        (CallErrorKind::Denied, "iam:CreateRole"),
        "{error}"
    );
    assert!(sim.inspect(|world| world.roles.is_empty()));
}

#[test]
fn a_boundary_that_does_not_exist_is_told_and_nothing_is_lost() {
    let sim = Sim::new(even(4));
    let error = sim.block_on(run(&sim, &bounded(), Goal::Apply)).expect("no crash");
    let error = error.expect_err("there is no such policy").to_string();
    assert!(
        error.contains(&format!("Scope ARN: {BOUNDARY} does not exist")),
        "{error}"
    );
    sim.tamper(|world| {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        world.config.managed_policies.insert(BOUNDARY.to_owned(), text.into());
    });
    run_until_done(&sim, &bounded(), Goal::Apply, 1);
    assert_eq!(boundary_of(&sim).as_deref(), Some(BOUNDARY));
}

#[test]
fn a_boundary_that_is_too_narrow_keeps_the_instance_from_its_volume() {
    let sim = world(5);
    sim.tamper(|world| {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:*","Resource":"*"}}"#;
        world.config.managed_policies.insert(BOUNDARY.to_owned(), text.into());
    });
    run_until_done(&sim, &bounded(), Goal::Apply, 1);
    sim.advance(HOUR);
    assert_eq!(serving(&sim), None);
    let attach = sim
        .trace_text()
        .lines()
        .filter(|line| line.contains("ec2:AttachVolume"))
        .count();
    let refused = sim
        .trace_text()
        .lines()
        .filter(|line| line.contains("i-") && line.contains("UnauthorizedOperation"))
        .count();
    assert!(refused > 0, "{attach}\n{}", sim.trace_text());
}
