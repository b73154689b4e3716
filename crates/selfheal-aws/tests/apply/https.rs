//! The certificate on the simulated AWS: asked for once it can be had, and never again by a replacement.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{Control, Scope, Silent, ask, request_id};
use selfheal_core::plan;
use selfheal_core::request::Request;
use selfheal_core::spec::{Answers, ChallengeKind, HttpsSpec, Site, Spec};
use selfheal_core::status::{CertificateStatus, status};
use selfheal_core::world::VolumeId;

use crate::support::{applied_as, even, read, serving, web};

const HOUR: Duration = Duration::from_secs(3_600);

fn secured(domains: &[&str]) -> Spec {
    Spec {
        https: Some(HttpsSpec {
            ca: "https://ca.example.com/dir".to_owned(),
            ..HttpsSpec::new(vec![Site {
                domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
                answers: Answers::Upstreams(vec!["127.0.0.1:8080".to_owned()]),
            }])
        }),
        ..web()
    }
}

/// How many orders there were, and the certificate on the volume.
fn certificate(sim: &Sim, volume: &VolumeId) -> (usize, Vec<String>, usize) {
    sim.inspect(|world| {
        let have = world.certificates.get(volume).cloned().unwrap_or_default();
        (world.orders.len(), have.domains, have.order)
    })
}

/// Loses the instance, and waits for the next.
fn replace(sim: &Sim, within: Duration) {
    let (instance, ..) = serving(sim).expect("an instance serves");
    assert!(sim.kill_instance(&instance));
    sim.advance(within);
}

#[test]
fn a_replacement_finds_the_certificate_and_asks_nobody() {
    for seed in 0..10 {
        let sim = applied_as(SimConfig::seeded(seed), &secured(&["app.example.com"]));
        sim.settle(HOUR);
        let (_, _, volume) = serving(&sim).expect("it serves");
        let first = certificate(&sim, &volume);
        assert_eq!(
            first,
            (1, vec!["app.example.com".to_owned()], 1),
            "{}",
            sim.trace_text()
        );
        for _ in 0..3 {
            replace(&sim, HOUR);
        }
        assert_eq!(certificate(&sim, &volume), first, "{}", sim.trace_text());
    }
}

#[test]
fn nobody_is_asked_before_each_name_leads_here() {
    let sim = applied_as(even(1), &secured(&["app.example.com", "www.example.com"]));
    sim.settle(HOUR);
    let (_, _, volume) = serving(&sim).expect("a boot waits for no certificate");
    assert_eq!(certificate(&sim, &volume), (0, Vec::new(), 0));
    sim.tamper(|world| {
        for zone in world.zones.values_mut() {
            let mut record = zone
                .records
                .iter()
                .find(|record| record.name == "app.example.com")
                .cloned();
            if let Some(record) = &mut record {
                record.name = "www.example.com".to_owned();
                zone.records.push(record.clone());
            }
        }
    });
    sim.settle(HOUR);
    let (orders, domains, _) = certificate(&sim, &volume);
    assert_eq!((orders, domains.len()), (1, 2));
}

#[test]
fn an_authority_that_is_away_fails_no_boot_and_a_crash_loop_makes_three_orders_an_hour() {
    let sim = Sim::new(even(1));
    sim.tamper(|world| world.authority_away = true);
    let spec = secured(&["app.example.com"]);
    crate::support::run_until_done(&sim, &spec, selfheal_aws::Goal::Apply, 1);
    sim.advance(Duration::from_secs(300));
    let (_, _, volume) = serving(&sim).expect("it serves all the same");
    let before = sim.inspect(|world| world.orders.len());
    for _ in 0..30 {
        if serving(&sim).is_some() {
            replace(&sim, Duration::from_secs(120));
        }
    }
    let orders = sim.inspect(|world| world.orders.clone());
    let per_hour = orders.iter().map(|order| {
        let within = orders
            .iter()
            .filter(|other| other.at_ms <= order.at_ms && order.at_ms - other.at_ms < 3_600_000);
        within.count()
    });
    assert!(orders.len() > before, "it was asked again");
    assert_eq!(per_hour.max(), Some(3));
    let marks = sim.inspect(|world| world.groups["selfheal-web"].tags.clone());
    assert!(!marks.contains_key("selfheal:parked"), "{marks:?}");
    sim.tamper(|world| world.authority_away = false);
    sim.settle(24 * HOUR);
    assert_eq!(certificate(&sim, &volume).1, ["app.example.com"]);
}

#[test]
fn more_than_three_orders_an_hour_are_a_violation() {
    let sim = applied_as(even(1), &secured(&["app.example.com"]));
    sim.settle(HOUR);
    let mut found = Vec::new();
    sim.tamper(|world| {
        let order = world.orders[0].clone();
        world.orders.extend([order.clone(), order.clone(), order]);
        found = selfheal_aws::sim::invariants(world);
    });
    assert!(found.iter().any(|violation| violation.invariant == "S14"), "{found:?}");
}

#[test]
fn storms_of_failing_calls_cost_the_authority_nothing() {
    let sim = applied_as(even(3), &secured(&["app.example.com"]));
    sim.settle(HOUR);
    let (_, _, volume) = serving(&sim).expect("it serves");
    let first = certificate(&sim, &volume);
    let storm = FaultPlan::none().with(When::Sometimes(String::new(), 200), Fault::Throttle);
    sim.set_faults(storm);
    replace(&sim, HOUR);
    sim.set_faults(FaultPlan::none());
    sim.settle(2 * HOUR);
    assert_eq!(certificate(&sim, &volume), first);
}

/// What a status finds of the certificate, in words.
fn found(sim: &Sim, spec: &Spec) -> (CertificateStatus, Vec<&'static str>) {
    let observed = read(sim, spec, Scope::Status);
    let report = status(spec, &observed, &plan(spec, &observed));
    let words = report.findings.iter().map(|finding| finding.code.word());
    let words = words.filter(|word| word.starts_with("certificate")).collect();
    (report.certificate.expect("https"), words)
}

#[test]
fn a_status_tells_what_the_instance_has_noted() {
    let spec = secured(&["app.example.com"]);
    let sim = Sim::new(even(1));
    sim.tamper(|world| world.authority_away = true);
    crate::support::run_until_done(&sim, &spec, selfheal_aws::Goal::Apply, 1);
    sim.advance(HOUR);
    let (certificate, words) = found(&sim, &spec);
    assert_eq!(certificate.error.as_deref(), Some("the authority is away"));
    assert_eq!((certificate.until, words), (None, vec!["certificate-missing"]));
    sim.tamper(|world| world.authority_away = false);
    // The tag is written in spite of a call that is refused.
    sim.set_faults(FaultPlan::none().with(
        When::Nth("autoscaling:CreateOrUpdateTags".to_owned(), 1),
        Fault::Throttle,
    ));
    sim.settle(24 * HOUR);
    let (certificate, words) = found(&sim, &spec);
    assert!(
        certificate.until.is_some() && certificate.missing.is_empty(),
        "{certificate:?}"
    );
    assert_eq!((certificate.error, words), (None, Vec::new()));
    sim.advance(90 * 24 * HOUR);
    assert_eq!(found(&sim, &spec).1, ["certificate-expired"]);
}

/// The same, with challenges in the DNS.
fn by_dns(domains: &[&str]) -> Spec {
    let mut spec = secured(domains);
    if let Some(https) = &mut spec.https {
        https.challenge = ChallengeKind::Dns;
    }
    spec
}

/// The TXT records of all zones, by their names.
fn texts(sim: &Sim) -> Vec<String> {
    sim.inspect(|world| {
        let records = world.zones.values().flat_map(|zone| &zone.records);
        let texts = records.filter(|record| record.record_type == "TXT");
        texts.map(|record| record.name.clone()).collect()
    })
}

#[test]
fn records_show_whose_the_names_are_and_none_of_them_stays() {
    for seed in 0..10 {
        // One of the names leads nowhere, which matters to nobody.
        let spec = by_dns(&["app.example.com", "*.example.com", "example.com"]);
        let sim = applied_as(SimConfig::seeded(seed), &spec);
        sim.settle(HOUR);
        let (_, _, volume) = serving(&sim).expect("it serves");
        let (orders, domains, _) = certificate(&sim, &volume);
        assert_eq!((orders, domains.len()), (1, 3), "{}", sim.trace_text());
        assert_eq!(texts(&sim), Vec::<String>::new(), "{}", sim.trace_text());
        let zone = sim
            .inspect(|world| world.zones.values().next().cloned())
            .expect("a zone");
        assert_eq!(zone.records.len(), 1, "the stack's own A record stays");
    }
}

#[test]
fn a_zone_that_throttles_refuses_and_loses_answers_ends_with_a_certificate_and_no_record() {
    let change = "route53:ChangeResourceRecordSets";
    for (action, nth, fault) in [
        (change, 2, Fault::Throttle),
        (change, 2, Fault::AnswerLost),
        (change, 3, Fault::Throttle),
        (change, 3, Fault::AnswerLost),
        ("route53:GetChange", 1, Fault::Throttle),
    ] {
        let spec = by_dns(&["app.example.com"]);
        let about = format!("{fault:?} of {action} {nth}");
        let sim = Sim::new(even(1));
        // The first change is the operator's: the A record.
        sim.set_faults(FaultPlan::none().with(When::Nth(action.to_owned(), nth), fault));
        crate::support::run_until_done(&sim, &spec, selfheal_aws::Goal::Apply, 1);
        sim.settle(3 * HOUR);
        let (_, _, volume) = serving(&sim).expect("it serves");
        assert_eq!(
            certificate(&sim, &volume).1,
            ["app.example.com"],
            "{about}: {}",
            sim.trace_text()
        );
        assert_eq!(texts(&sim), Vec::<String>::new(), "{about}: {}", sim.trace_text());
    }
}

#[test]
fn what_an_instance_that_died_has_left_in_the_zone_goes_with_the_next() {
    let sim = applied_as(even(1), &by_dns(&["app.example.com"]));
    let mut left = Vec::new();
    for _ in 0..600 {
        left = texts(&sim);
        if !left.is_empty() {
            break;
        }
        sim.advance(Duration::from_secs(1));
    }
    assert_eq!(left, ["_acme-challenge.app.example.com"]);
    replace(&sim, 3 * HOUR);
    let (_, _, volume) = serving(&sim).expect("it serves");
    assert_eq!(certificate(&sim, &volume).1, ["app.example.com"]);
    assert_eq!(texts(&sim), Vec::<String>::new(), "{}", sim.trace_text());
}

/// Asks the instance that serves for something, and waits for the answer.
fn asked(sim: &Sim, spec: &Spec, verb: &str) -> (bool, String) {
    let (instance, ..) = serving(sim).expect("it serves");
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let request = Request::new(&request_id(&ctl), verb, &[]).expect("a request");
    let at_most = SignedDuration::from_secs(900);
    let reply = sim.block_on(ask(sim, spec, &instance, &request, at_most, &ctl));
    let reply = reply
        .expect("the world goes on")
        .expect("it is asked")
        .expect("an answer");
    (reply.done, reply.words)
}

#[test]
fn an_operator_gets_another_certificate_and_the_one_before() {
    for spec in [secured(&["app.example.com"]), by_dns(&["app.example.com"])] {
        let sim = applied_as(even(1), &spec);
        sim.settle(HOUR);
        let (_, _, volume) = serving(&sim).expect("it serves");
        let (done, told) = asked(&sim, &spec, "rollback");
        assert!(!done && told.starts_with("none before"), "{told}");
        let (done, told) = asked(&sim, &spec, "renew");
        assert!(done && told.contains("app.example.com"), "{told}");
        assert_eq!(certificate(&sim, &volume).2, 2);
        assert!(asked(&sim, &spec, "rollback").0);
        assert_eq!(certificate(&sim, &volume).2, 1);
        assert_eq!(texts(&sim), Vec::<String>::new());
        sim.tamper(|world| world.authority_away = true);
        assert_eq!(asked(&sim, &spec, "renew"), (false, "the authority is away".to_owned()));
        let (done, told) = asked(&sim, &spec, "renew");
        assert!(
            !done && told.starts_with("the authority is asked again after"),
            "{told}"
        );
        assert_eq!(sim.inspect(|world| world.orders.len()), 3, "{told}");
    }
}
