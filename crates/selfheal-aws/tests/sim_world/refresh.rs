//! A running instance looks at the app's configuration by its clock.

use std::time::Duration;

use selfheal_aws::sim::{BootState, Fault, FaultPlan, Sim, When, invariants};
use selfheal_core::names::TAG_CONFIG;
use selfheal_core::spec::{ConfigSpec, Setup};
use selfheal_core::world::InstanceId;

use crate::support::{assert_safe, create, lines, member, prepare_with, rest, world};

/// More than an interval, and less than two.
const LOOK: Duration = Duration::from_secs(90);

/// A stack whose instance serves, with 25 parameters that it looks at once a minute: three pages.
fn serving(setup_bytes: usize) -> (Sim, InstanceId) {
    let sim = world(1);
    let stack = prepare_with(&sim, |spec| {
        let mut noise = 1_u32;
        let mut letter = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (noise >> 27) as u8 % 26
        };
        spec.app.setup = Some(Setup {
            path: "setup.sh".to_owned(),
            body: (0..setup_bytes).map(|_| letter()).collect(),
        });
        spec.config = Some(ConfigSpec {
            path: "/web".to_owned(),
            required: vec!["N00".to_owned()],
            refresh_s: Some(60),
            kms_key: None,
        });
    });
    for number in 0..25 {
        set(&sim, number, "first");
    }
    create(&sim, &stack);
    rest(&sim);
    let id = member(&sim);
    (sim, id)
}

fn set(sim: &Sim, number: usize, value: &str) {
    let name = format!("/web/N{number:02}");
    sim.tamper(|world| {
        world.set_parameter(&name, value);
        let record = world.parameters.get_mut(&name).expect("the parameter");
        record.version = if value == "first" { 1 } else { 2 };
    });
}

fn boot(sim: &Sim, id: &InstanceId) -> BootState {
    sim.inspect(|world| world.instances[id].boot.clone())
}

/// How many of the values that the instance holds are this one.
fn holds(sim: &Sim, id: &InstanceId, value: &str) -> usize {
    boot(sim, id).held.values().filter(|held| held.value == value).count()
}

#[test]
fn what_has_changed_restarts_the_app_once_and_is_told() {
    for setup_bytes in [20, 20_000] {
        let (sim, id) = serving(setup_bytes);
        sim.advance(LOOK * 4);
        let quiet = boot(&sim, &id);
        assert!(quiet.fetches >= 4, "{setup_bytes}: {}", quiet.fetches);
        assert_eq!((quiet.restarts, holds(&sim, &id, "first")), (0, 25));
        set(&sim, 3, "second");
        set(&sim, 24, "second");
        sim.advance(LOOK);
        assert_eq!((boot(&sim, &id).restarts, holds(&sim, &id, "second")), (1, 2));
        sim.advance(LOOK * 4);
        assert_eq!(boot(&sim, &id).restarts, 1, "{setup_bytes}");
        let told = sim.inspect(|world| world.groups["selfheal-web"].tags[TAG_CONFIG].clone());
        assert!(told.contains("N03=2") && told.contains("N24=2"), "{told}");
        assert_safe(&sim);
    }
}

#[test]
fn a_look_that_fails_keeps_what_is_there_and_the_next_one_finds_what_has_changed() {
    let (sim, id) = serving(20);
    let before = boot(&sim, &id).fetches;
    let away = When::Every("ssm:GetParametersByPath".to_owned());
    sim.set_faults(FaultPlan::none().with(away, Fault::Throttle));
    set(&sim, 0, "second");
    set(&sim, 24, "second");
    sim.advance(LOOK);
    let after = boot(&sim, &id);
    assert_eq!(
        (after.fetches, after.restarts, holds(&sim, &id, "first")),
        (before, 0, 25)
    );
    assert!(!lines(&sim, "the configuration stays as it was").is_empty());
    sim.set_faults(FaultPlan::none());
    sim.advance(LOOK * 2);
    assert_eq!((boot(&sim, &id).restarts, holds(&sim, &id, "second")), (1, 2));
    // A required one that is gone is no reason to go on without it.
    sim.tamper(|world| world.parameters.remove("/web/N00"));
    sim.advance(LOOK * 2);
    assert_eq!((boot(&sim, &id).restarts, holds(&sim, &id, "second")), (1, 2));
    assert_safe(&sim);
}

/// The bug that it finds: one that writes value by value.
#[test]
fn s15_a_mixture_of_two_fetches_is_found() {
    let (sim, id) = serving(20);
    assert_safe(&sim);
    sim.tamper(|world| {
        let held = &mut world.instances.get_mut(&id).expect("the instance").boot.held;
        held.get_mut("N03").expect("a parameter").fetch += 1;
    });
    let violations = sim.inspect(invariants);
    assert!(
        violations.iter().any(|violation| violation.invariant == "S15"),
        "{violations:?}"
    );
}
