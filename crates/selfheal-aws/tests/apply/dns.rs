//! The name: written once, found again, nobody else's, and never in the way of the rest.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{ApplyErrorKind, Goal};
use selfheal_core::plan::{DestroyOptions, StepKind, WaitFor};
use selfheal_core::spec::Spec;
use selfheal_core::world::RecordSet;
use selfheal_policy::{FormerRecord, OperatorScope, Partition, Purpose, operator_policy};

use crate::support::{applied, calls, even, look, run, run_until_done, serving, web};

const HOUR: Duration = Duration::from_secs(3600);
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const RELEASE: Goal = Goal::Destroy(DestroyOptions {
    release_address: true,
    ..DestroyOptions::KEEP
});

/// Every A record: name and values.
fn records(sim: &Sim) -> Vec<(String, String)> {
    sim.inspect(|world| {
        let all = world.zones.values().flat_map(|zone| &zone.records);
        all.map(|record| (record.name.clone(), record.values.join(",")))
            .collect()
    })
}

fn address(sim: &Sim) -> String {
    sim.inspect(|world| {
        world
            .addresses
            .values()
            .next()
            .expect("there is one")
            .address
            .public_ip
            .clone()
    })
}

fn named(name: Option<&str>) -> Spec {
    let mut spec = web();
    match name {
        Some(name) => spec.dns.as_mut().expect("the example has a name").name = name.to_owned(),
        None => spec.dns = None,
    }
    spec
}

/// Somebody's own record, in a world of its own.
fn occupied(config: SimConfig) -> Sim {
    let sim = Sim::new(config);
    sim.tamper(|world| {
        let zone = world.zones.values_mut().next().expect("there is a zone");
        zone.records.push(RecordSet {
            name: "app.example.com".to_owned(),
            record_type: "A".to_owned(),
            ttl_s: Some(300),
            values: vec!["198.51.100.9".to_owned()],
            set_identifier: None,
        });
    });
    sim
}

#[test]
fn a_name_that_changes_or_goes_leaves_no_record_behind_wherever_the_run_is_cut_off() {
    for next in [Some("www.example.com"), None] {
        let spec = named(next);
        let start = || {
            let sim = applied(even(1));
            sim.settle(HOUR);
            sim.drain_trace();
            sim
        };
        let whole = start();
        run_until_done(&whole, &spec, Goal::Apply, 1);
        let expected: Vec<_> = next
            .map(|name| (name.to_owned(), address(&whole)))
            .into_iter()
            .collect();
        assert_eq!(records(&whole), expected);
        for k in 1..=calls(&whole) {
            for cut in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
                let sim = start();
                sim.set_faults(cut);
                assert!(sim.block_on(run(&sim, &spec, Goal::Apply)).is_err(), "call {k}");
                sim.set_faults(FaultPlan::none());
                run_until_done(&sim, &spec, Goal::Apply, 2);
                assert_eq!(records(&sim), expected, "call {k}\n{}", sim.trace_text());
                // Route 53 takes five requests a second, and a call that is made again counts twice.
                sim.advance(Duration::from_secs(10));
                sim.drain_trace();
                assert!(look(&sim, &spec, Goal::Apply).is_empty(), "call {k}");
                assert!(
                    calls(&sim) <= 14,
                    "what was removed is not looked for again: {} calls",
                    calls(&sim)
                );
            }
        }
    }
}

#[test]
fn a_destroy_removes_a_record_that_the_spec_has_forgotten_and_nothing_dangles_at_a_released_address() {
    for (next, goal) in [(Some("www.example.com"), RELEASE), (None, RELEASE), (None, KEEP)] {
        let sim = applied(even(2));
        sim.settle(HOUR);
        let held = sim.inspect(|world| world.addresses.keys().cloned().collect::<Vec<_>>());
        held.iter().for_each(|id| sim.permit(id.as_str()));
        // The spec has changed since, and was never applied.
        run_until_done(&sim, &named(next), goal, 1);
        assert_eq!(records(&sim), [], "{}", sim.trace_text());
        let text = sim.trace_text();
        if let Some(released) = text.find("ec2:ReleaseAddress") {
            let removed = text
                .rfind("route53:ChangeResourceRecordSets")
                .expect("the record was removed");
            assert!(removed < released, "{text}");
        }
    }
}

#[test]
fn the_second_of_two_stacks_on_one_name_is_refused_and_the_first_keeps_it() {
    let sim = applied(SimConfig::seeded(3));
    sim.settle(HOUR);
    let mut second = web();
    second.name = "shop".to_owned();
    let refused = look(&sim, &second, Goal::Apply);
    assert_eq!(refused.refusals[0].code, "record-foreign", "{refused}");
    let error = sim.block_on(run(&sim, &second, Goal::Apply)).expect("no crash");
    assert!(matches!(
        error.expect_err("it is refused").kind,
        ApplyErrorKind::Refused(_)
    ));
    assert_eq!(records(&sim), [("app.example.com".to_owned(), address(&sim))]);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    // Nor does its destroy touch what it never wrote.
    run_until_done(&sim, &second, KEEP, 1);
    assert_eq!(records(&sim), [("app.example.com".to_owned(), address(&sim))]);
}

#[test]
fn a_record_of_others_is_switched_only_once_the_new_instance_serves() {
    for seed in 0..10 {
        let sim = occupied(SimConfig::seeded(seed));
        let mut spec = web();
        assert_eq!(look(&sim, &spec, Goal::Apply).refusals[0].code, "record-foreign");
        spec.dns.as_mut().expect("the example has a name").overwrite = true;
        run_until_done(&sim, &spec, Goal::Apply, 1);
        assert_eq!(records(&sim), [("app.example.com".to_owned(), address(&sim))]);
        let (instance, ..) = serving(&sim).expect("it serves by now");
        let text = sim.trace_text();
        let switched = text.find("route53:ChangeResourceRecordSets").expect("it was switched");
        let in_service = text
            .find(&format!("{instance} InService"))
            .or_else(|| text.find("InService"));
        assert!(in_service.is_some_and(|at| at < switched), "seed {seed}\n{text}");
        assert!(look(&sim, &spec, Goal::Apply).is_empty());
    }
}

#[test]
fn an_instance_that_never_serves_takes_no_name_over_and_the_run_says_so() {
    let sim = occupied(SimConfig::seeded(4));
    sim.fail_boots("selfheal-web", true);
    let mut spec = web();
    spec.dns.as_mut().expect("the example has a name").overwrite = true;
    let error = sim.block_on(run(&sim, &spec, Goal::Apply)).expect("no crash");
    let error = error.expect_err("it never serves");
    assert!(
        matches!(&error.kind, ApplyErrorKind::TimedOut(WaitFor::Serving { .. })),
        "{error}"
    );
    let left: Vec<StepKind> = error.left.iter().map(|step| step.kind).collect();
    assert_eq!(left, [StepKind::UpsertRecord]);
    assert_eq!(
        records(&sim),
        [("app.example.com".to_owned(), "198.51.100.9".to_owned())]
    );
}

#[test]
fn route_53_down_lets_everything_else_converge_and_the_end_says_what_is_left() {
    for (what, faults) in [
        (
            "all of it",
            FaultPlan::none().with(When::Every("route53:".to_owned()), Fault::ServiceDown),
        ),
        (
            "the change",
            FaultPlan::none().with(When::Every("route53:Change".to_owned()), Fault::ServiceDown),
        ),
        (
            "refused",
            FaultPlan::none().with(When::Every("route53:Change".to_owned()), Fault::AccessDenied),
        ),
    ] {
        let sim = Sim::new(SimConfig::seeded(5));
        sim.set_faults(faults);
        let error = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
        let error = error.expect_err("the name is not there");
        assert!(
            error.left.iter().any(|step| step.kind == StepKind::UpsertRecord),
            "{what}: {error}"
        );
        let text = error.to_string();
        assert!(
            text.contains("not done: ") && text.contains("DNS record"),
            "{what}: {text}"
        );
        sim.settle(HOUR);
        assert!(
            serving(&sim).is_some(),
            "{what}: everything else is there\n{}",
            sim.trace_text()
        );
        sim.set_faults(FaultPlan::none());
        run_until_done(&sim, &web(), Goal::Apply, 1);
        assert_eq!(records(&sim), [("app.example.com".to_owned(), address(&sim))], "{what}");
        assert!(look(&sim, &web(), Goal::Apply).is_empty());
    }
}

#[test]
fn route_53_that_comes_back_in_time_is_waited_for() {
    let sim = Sim::new(even(6));
    sim.set_faults(FaultPlan::none().with(When::Between("route53:".to_owned(), 0, 20_000), Fault::ServiceDown));
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(
        records(&sim),
        [("app.example.com".to_owned(), address(&sim))],
        "{}",
        sim.trace_text()
    );
}

#[test]
fn a_destroy_while_route_53_is_down_keeps_the_address_that_the_name_points_at() {
    let sim = applied(SimConfig::seeded(7));
    sim.settle(HOUR);
    let held = sim.inspect(|world| world.addresses.keys().cloned().collect::<Vec<_>>());
    held.iter().for_each(|id| sim.permit(id.as_str()));
    sim.set_faults(FaultPlan::none().with(When::Every("route53:".to_owned()), Fault::ServiceDown));
    let error = sim.block_on(run(&sim, &web(), RELEASE)).expect("no crash");
    let error = error.expect_err("the record cannot be removed");
    assert!(
        error.left.iter().any(|step| step.kind == StepKind::ReleaseAddress),
        "{error}"
    );
    assert_eq!(
        sim.inspect(|world| (world.groups.len(), world.roles.len(), world.addresses.len())),
        (0, 0, 1)
    );
    sim.set_faults(FaultPlan::none());
    run_until_done(&sim, &web(), RELEASE, 1);
    assert_eq!((records(&sim), sim.inspect(|world| world.addresses.len())), (vec![], 0));
}

#[test]
fn the_generated_policies_allow_a_name_to_be_changed_and_removed() {
    let sim = Sim::new(even(8));
    let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    let operate = |scope: &OperatorScope, purpose: Purpose| {
        let policy = operator_policy(scope, purpose).expect("the scope is well-formed");
        sim.tamper(|world| world.config.operator_policy = Some(policy.to_json().into()));
    };
    scope.record_name = Some("app.example.com".to_owned());
    operate(&scope, Purpose::Apply);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(HOUR);
    let zone_id = sim.inspect(|world| world.zones.keys().next().expect("there is a zone").clone());
    let former = |name: &str| {
        Some(FormerRecord {
            zone_id: zone_id.to_string(),
            name: name.to_owned(),
        })
    };
    scope.record_name = Some("www.example.com".to_owned());
    scope.former_record = former("app.example.com");
    operate(&scope, Purpose::Apply);
    run_until_done(&sim, &named(Some("www.example.com")), Goal::Apply, 1);
    assert_eq!(records(&sim), [("www.example.com".to_owned(), address(&sim))]);
    scope.record_name = None;
    scope.former_record = former("www.example.com");
    operate(&scope, Purpose::Destroy);
    run_until_done(&sim, &named(None), KEEP, 1);
    assert_eq!(records(&sim), []);
}
