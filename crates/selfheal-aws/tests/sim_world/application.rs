//! Application status checks: what is refused, and when AWS asks, finds and tells.

use std::time::Duration;

use selfheal_aws::sim::{Range, Sim, SimConfig, TraceEvent, TraceKind};
use selfheal_aws::{ApplicationChecks, AutoScaling, Ec2};
use selfheal_core::names::{ResourceKind, TAG_STACK};
use selfheal_core::world::{ApplicationCheckSettings, CreateApplicationStatusCheck, InstanceId, InstanceState};

use crate::support::{HOUR, Stack, check_settings, code, create, member, names, on, prepare_with, rest, world};

fn input(token: &str) -> CreateApplicationStatusCheck {
    CreateApplicationStatusCheck {
        settings: check_settings(),
        tags: names().tags(ResourceKind::ApplicationCheck),
        client_token: token.to_owned(),
    }
}

/// A world in which more of a kind may exist than a stack should have.
fn unchecked(seed: u64) -> Sim {
    Sim::new(SimConfig {
        check_invariants: false,
        ..SimConfig::seeded(seed)
    })
}

/// Makes a check and associates it with the instances of the stack.
fn asked(sim: &Sim, settings: ApplicationCheckSettings) -> String {
    on(sim, async {
        let input = CreateApplicationStatusCheck {
            settings,
            ..input("token-1")
        };
        let id = sim.create_application_status_check(&input).await?.id;
        sim.associate_application_status_check(&id, TAG_STACK, "web").await?;
        Ok(id)
    })
    .expect("it is made")
}

/// A stack whose app nobody on the instance watches, with port 80 open.
fn unwatched(sim: &Sim) -> Stack {
    prepare_with(sim, |spec| spec.app.health = None)
}

fn status(sim: &Sim, instance: &InstanceId) -> String {
    let ids = [instance.to_owned()];
    let read = on(sim, sim.describe_application_status(&ids)).expect("it can be read");
    read.into_iter()
        .next()
        .map(|(_, status)| status.to_string())
        .unwrap_or_default()
}

/// When a check came to this verdict, in logical milliseconds.
fn found(sim: &Sim, verdict: &str) -> Vec<u64> {
    let at = |event: TraceEvent| match event.what {
        TraceKind::Application { status, .. } if status.as_str() == verdict => Some(event.at_ms),
        _ => None,
    };
    sim.trace().into_iter().filter_map(at).collect()
}

#[test]
fn settings_that_ec2_refuses_are_refused() {
    let sim = world(1);
    let wrong: [fn(&mut ApplicationCheckSettings); 10] = [
        |s| s.protocol = "tcp".to_owned(),
        |s| s.aggregation = "sometimes".to_owned(),
        |s| s.port = 0,
        |s| s.path = "healthz".to_owned(),
        |s| s.interval_s = 30,
        |s| s.timeout_s = 31,
        |s| s.failure_threshold = 0,
        |s| s.status_codes = "2".repeat(65),
        |s| s.initial_grace_s = 601,
        |s| s.ip_scope = "public".to_owned(),
    ];
    for spoil in wrong {
        let mut input = input("");
        spoil(&mut input.settings);
        assert_eq!(
            code(on(&sim, sim.create_application_status_check(&input))),
            "InvalidParameterValue"
        );
    }
    assert_eq!(sim.effects(), 0);
}

#[test]
fn a_token_leads_to_what_it_made_even_when_that_was_deleted() {
    let sim = unchecked(2);
    let make = |input: &CreateApplicationStatusCheck| on(&sim, sim.create_application_status_check(input));
    let first = make(&input("token-1")).unwrap();
    assert_eq!(make(&input("token-1")).unwrap().id, first.id);
    assert_ne!(make(&input("token-2")).unwrap().id, first.id);
    let mut other = input("token-1");
    other.settings.port = 81;
    assert_eq!(code(make(&other)), "IdempotentParameterMismatch");
    on(&sim, sim.delete_application_status_check(&first.id)).unwrap();
    let again = make(&input("token-1")).unwrap();
    assert!(again.deleted && again.id == first.id);
    // It is shown for a while, and then no more.
    let shown = || {
        let checks = on(&sim, sim.describe_application_status_checks(&["web"])).unwrap();
        checks.iter().filter(|check| check.deleted).count()
    };
    assert_eq!(shown(), 1);
    sim.advance(HOUR);
    assert_eq!(shown(), 0);
}

#[test]
fn a_check_that_does_not_exist_is_not_found() {
    let sim = world(3);
    let id = asked(&sim, check_settings());
    on(&sim, sim.delete_application_status_check(&id)).unwrap();
    let missing = "InvalidApplicationStatusCheckId.NotFound";
    for id in [id.as_str(), "asc-0123456789abcdef0"] {
        assert_eq!(code(on(&sim, sim.delete_application_status_check(id))), missing);
        assert_eq!(
            code(on(&sim, sim.modify_application_status_check(id, &check_settings()))),
            missing
        );
        assert_eq!(
            code(on(&sim, sim.associate_application_status_check(id, "a", "b"))),
            missing
        );
    }
    assert_eq!(
        on(&sim, sim.describe_application_status_checks(&["another"])).unwrap(),
        []
    );
}

#[test]
fn an_account_has_fifty_checks_and_a_check_fifty_tags() {
    let sim = unchecked(4);
    let make = || {
        on(
            &sim,
            sim.create_application_status_check(&CreateApplicationStatusCheck {
                tags: selfheal_core::names::Tags::new(),
                ..input("")
            }),
        )
    };
    let first = make().unwrap();
    for _ in 1..50 {
        make().unwrap();
    }
    assert_eq!(code(make()), "ApplicationStatusCheckLimitExceeded");
    on(&sim, sim.delete_application_status_check(&first.id)).unwrap();
    let id = make().unwrap().id;
    // Slower than the request buckets drain.
    for n in 0..51 {
        sim.advance(Duration::from_secs(1));
        let tag = on(&sim, sim.associate_application_status_check(&id, "n", &n.to_string()));
        assert_eq!(tag.is_ok(), n < 50, "{tag:?}");
    }
    // What is associated already stays so.
    on(&sim, sim.associate_application_status_check(&id, "n", "0")).unwrap();
}

#[test]
fn aws_asks_every_minute_after_the_grace_and_counts_in_a_row() {
    let sim = world(5);
    let stack = unwatched(&sim);
    asked(&sim, check_settings());
    create(&sim, &stack);
    let id = member(&sim);
    let launched_ms = sim.inspect(|world| world.instances[&id].launched_ms);
    assert_eq!(found(&sim, "passed"), [launched_ms + 300_000]);
    assert_eq!(status(&sim, &id), "ok");
    // It dies ten seconds after it was asked, and is asked three times more.
    let last_ms = launched_ms + 300_000 + 60_000 * ((sim.now_ms() - launched_ms - 300_000) / 60_000 + 1);
    sim.advance_to(last_ms + 10_000);
    sim.fail_app(&id);
    rest(&sim);
    assert_eq!(found(&sim, "failed"), [last_ms + 180_000], "{}", sim.trace_text());
    assert_ne!(member(&sim), id, "{}", sim.trace_text());
    assert_eq!(status(&sim, &member(&sim)), "ok");
}

#[test]
fn a_new_instance_is_not_unhealthy_for_what_is_not_known_of_it() {
    let sim = world(6);
    let stack = unwatched(&sim);
    asked(&sim, check_settings());
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(250));
    assert_eq!(status(&sim, &member(&sim)), "initializing");
    rest(&sim);
    assert_eq!(sim.inspect(|world| world.instances.len()), 1);
}

#[test]
fn instances_that_are_there_already_are_asked_once_their_tag_is() {
    let sim = world(7);
    let stack = unwatched(&sim);
    create(&sim, &stack);
    let id = member(&sim);
    assert_eq!(status(&sim, &id), "not-applicable");
    let check = asked(&sim, check_settings());
    rest(&sim);
    assert_eq!(status(&sim, &id), "ok");
    on(&sim, sim.delete_application_status_check(&check)).unwrap();
    assert_eq!(status(&sim, &id), "not-applicable");
    sim.fail_app(&id);
    rest(&sim);
    assert_eq!(member(&sim), id, "nobody notices any more");
}

#[test]
fn a_check_that_does_not_count_replaces_nothing_until_it_does() {
    let sim = world(8);
    let stack = unwatched(&sim);
    let mut excluded = check_settings();
    excluded.aggregation = "excluded".to_owned();
    let check = asked(&sim, excluded);
    create(&sim, &stack);
    let id = member(&sim);
    sim.fail_app(&id);
    rest(&sim);
    assert_eq!(found(&sim, "failed").len(), 1);
    assert_eq!(status(&sim, &id), "not-applicable");
    assert_eq!(member(&sim), id);
    on(&sim, sim.modify_application_status_check(&check, &check_settings())).unwrap();
    rest(&sim);
    assert_ne!(member(&sim), id, "{}", sim.trace_text());
}

#[test]
fn a_port_that_is_closed_is_a_failure_and_a_suspended_health_check_does_not_mind() {
    let sim = world(9);
    let stack = unwatched(&sim);
    asked(&sim, check_settings());
    create(&sim, &stack);
    let id = member(&sim);
    sim.tamper(|world| {
        let group = world.groups.values_mut().next().expect("there is one");
        group.suspended.insert("HealthCheck".to_owned());
    });
    let rules = sim.inspect(|world| world.security_groups[&stack.security_group].group.ingress.clone());
    on(&sim, sim.revoke_ingress(&stack.security_group, &rules)).unwrap();
    rest(&sim);
    assert_eq!(status(&sim, &id), "impaired");
    assert_eq!(member(&sim), id);
    on(&sim, sim.authorize_ingress(&stack.security_group, &rules)).unwrap();
    rest(&sim);
    assert_eq!(status(&sim, &id), "ok");
    let processes = ["HealthCheck".to_owned()];
    on(&sim, sim.resume_processes(&names().group, &processes)).unwrap();
    rest(&sim);
    assert_eq!(member(&sim), id);
}

#[test]
fn the_group_is_patient_for_its_grace_period_after_the_entry_into_service() {
    let sim = Sim::new(SimConfig::seeded(10));
    let mut stack = unwatched(&sim);
    stack.settings.health_check_grace_s = 1_800;
    asked(&sim, check_settings());
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(120));
    let id = member(&sim);
    let in_service_ms = sim.inspect(|world| world.groups[&names().group].members[0].in_service_ms);
    sim.fail_app(&id);
    rest(&sim);
    let unhealthy = |event: &TraceEvent| matches!(&event.what, TraceKind::Unhealthy { .. });
    let at_ms = sim
        .trace()
        .iter()
        .find(|event| unhealthy(event))
        .map(|event| event.at_ms);
    let grace_ends_ms = in_service_ms.expect("it is in service") + 1_800_000;
    assert_eq!(at_ms, Some(grace_ends_ms), "{}", sim.trace_text());
}

#[test]
fn a_lab_that_boots_for_real_is_not_judged() {
    let mut config = SimConfig::seeded(11);
    config.boot_model = false;
    config.timings.instance_pending = Range::new(5_000, 5_000);
    let sim = Sim::new(config);
    let stack = unwatched(&sim);
    asked(&sim, check_settings());
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    // Shorter than its launch hook waits.
    sim.advance(Duration::from_secs(800));
    let id = member(&sim);
    assert_eq!(status(&sim, &id), "insufficient-data");
    let running = sim.inspect(|world| world.instances[&id].state == InstanceState::Running);
    assert!(running, "{}", sim.trace_text());
}
