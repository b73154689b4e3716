//! Faults: each does what it says, to the call that it names, and to no other.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, InFlight, Sim, SimConfig, SimError, When};
use selfheal_aws::{CallErrorKind, Clock, Ec2, Iam, Route53};
use selfheal_core::names::{ResourceKind, Tags};

use crate::support::{code, lines, names, on, volume_input, words, world};

fn plan(when: When, fault: Fault) -> FaultPlan {
    FaultPlan::none().with_times(when, fault, 1)
}

fn every(prefix: &str) -> When {
    When::Every(prefix.to_owned())
}

#[test]
fn what_is_refused_had_no_effect() {
    let cases = [
        (Fault::Throttle, "RequestLimitExceeded", CallErrorKind::Throttled),
        (Fault::ErrorBeforeEffect, "InternalError", CallErrorKind::Ambiguous),
        (Fault::AccessDenied, "UnauthorizedOperation", CallErrorKind::Denied),
        (
            Fault::ExpiredCredentials,
            "RequestExpired",
            CallErrorKind::Unauthenticated,
        ),
        (Fault::SkewedClock, "RequestExpired", CallErrorKind::Unauthenticated),
        (Fault::ServiceDown, "ServiceUnavailable", CallErrorKind::Ambiguous),
        (
            Fault::Refuse("VolumeLimitExceeded".to_owned(), "no more".to_owned()),
            "VolumeLimitExceeded",
            CallErrorKind::LimitExceeded,
        ),
    ];
    for (fault, want, kind) in cases {
        let sim = world(1);
        sim.set_faults(plan(every("ec2:CreateVolume"), fault.clone()));
        let error = on(&sim, sim.create_volume(&volume_input("token"))).unwrap_err();
        assert_eq!((error.code.as_deref(), error.kind()), (Some(want), kind), "{fault:?}");
        assert!(error.request_id.is_some());
        sim.inspect(|world| assert!(world.volumes.is_empty(), "{fault:?}"));
        on(&sim, sim.create_volume(&volume_input("token"))).unwrap();
    }
}

#[test]
fn other_services_have_words_of_their_own() {
    let cases = [
        (Fault::Throttle, "Throttling"),
        (Fault::ErrorBeforeEffect, "InternalFailure"),
        (Fault::AccessDenied, "AccessDenied"),
        (Fault::ExpiredCredentials, "ExpiredToken"),
        (Fault::SkewedClock, "SignatureDoesNotMatch"),
    ];
    for (fault, want) in cases {
        let sim = world(2);
        sim.set_faults(plan(every("iam:"), fault));
        assert_eq!(code(on(&sim, sim.get_role("r"))), want);
    }
}

#[test]
fn a_lost_answer_took_effect_exactly_once() {
    let sim = world(3);
    sim.set_faults(plan(every("ec2:AllocateAddress"), Fault::AnswerLost));
    let error = on(&sim, sim.allocate_address(&names().tags(ResourceKind::Address))).unwrap_err();
    assert_eq!((error.kind(), error.code.as_deref()), (CallErrorKind::Ambiguous, None));
    let made = on(&sim, sim.describe_addresses()).unwrap();
    assert_eq!(made.len(), 1);
    assert!(names().owns(&made[0].tags, ResourceKind::Address));
    assert_eq!(lines(&sim, "ok, answer lost").len(), 1);
    assert_eq!(sim.effects(), 1);
    // A lost answer changes nothing about a refusal.
    sim.set_faults(plan(every("ec2:CreateVolume"), Fault::AnswerLost));
    let mut bad = volume_input("token");
    bad.zone = "nowhere".to_owned();
    assert_eq!(code(on(&sim, sim.create_volume(&bad))), "InvalidZone.NotFound");
}

#[test]
fn what_is_made_may_be_seen_late() {
    let sim = world(4);
    sim.set_faults(plan(every("ec2:CreateVolume"), Fault::LateVisibility(10_000)));
    let id = on(&sim, sim.create_volume(&volume_input("token"))).unwrap().id;
    assert!(on(&sim, sim.describe_volumes(&["web"])).unwrap().is_empty());
    assert_eq!(
        code(on(&sim, sim.create_snapshot(&id, "", &Tags::new()))),
        "InvalidVolume.NotFound"
    );
    assert_eq!(
        on(&sim, sim.create_volume(&volume_input("token"))).unwrap().id,
        id,
        "the token knows it"
    );
    sim.advance(Duration::from_secs(10));
    assert_eq!(on(&sim, sim.describe_volumes(&["web"])).unwrap().len(), 1);
    sim.set_faults(plan(every("iam:CreateRole"), Fault::LateVisibility(5_000)));
    let trust = selfheal_policy::trust_policy(selfheal_policy::Partition::Aws).to_json();
    on(&sim, sim.create_role("r", &trust, &Tags::new(), None)).unwrap();
    assert_eq!(on(&sim, sim.get_role("r")).unwrap(), None);
    assert_eq!(
        code(on(&sim, sim.create_role("r", &trust, &Tags::new(), None))),
        "EntityAlreadyExists",
        "the name is taken"
    );
}

#[test]
fn rules_name_calls_by_number_by_action_and_by_time() {
    let sim = world(5);
    let throttled = |sim: &Sim, plan: FaultPlan| -> Vec<bool> {
        sim.set_faults(plan);
        (0..4).map(|_| on(sim, sim.describe_addresses()).is_err()).collect()
    };
    let none = FaultPlan::none();
    assert_eq!(throttled(&sim, none.clone()), [false; 4]);
    let second = none.clone().with(When::Call(2), Fault::Throttle);
    assert_eq!(throttled(&sim, second), [false, true, false, false]);
    let third = none
        .clone()
        .with(When::Nth("ec2:DescribeAddresses".to_owned(), 3), Fault::Throttle);
    assert_eq!(throttled(&sim, third), [false, false, true, false]);
    let twice = none.clone().with_times(every("ec2:"), Fault::Throttle, 2);
    assert_eq!(throttled(&sim, twice), [true, true, false, false]);
    let always = none.clone().with(When::Sometimes(String::new(), 1000), Fault::Throttle);
    assert_eq!(throttled(&sim, always), [true; 4]);
    let others = none.clone().with(every("ec2:"), Fault::Throttle).only_for("operator-2");
    assert_eq!(throttled(&sim, others), [false; 4]);
    assert_eq!(
        throttled(&sim, none.clone().with(When::MutatingCall(1), Fault::Throttle)),
        [false; 4]
    );
    sim.set_faults(none.with(
        When::Between("route53:".to_owned(), 0, sim.now_ms() + 60_000),
        Fault::ServiceDown,
    ));
    assert_eq!(
        code(on(&sim, sim.find_hosted_zones("example.com"))),
        "ServiceUnavailable"
    );
    sim.block_on(sim.sleep(Duration::from_secs(60))).unwrap();
    on(&sim, sim.find_hosted_zones("example.com")).unwrap();
}

#[test]
fn a_page_that_is_lost_fails_the_listing() {
    let sim = world(6);
    sim.set_faults(plan(every("ec2:DescribeVolumes"), Fault::PageLost));
    assert!(words(on(&sim, sim.describe_volumes(&["web"]))).contains("next page"));
}

#[test]
fn a_slow_call_is_slow() {
    let sim = world(7);
    sim.set_faults(plan(every("ec2:DescribeVolumes"), Fault::Slow(30_000)));
    on(&sim, sim.describe_volumes(&["web"])).unwrap();
    assert!(sim.now_ms() > 30_000);
}

#[test]
fn a_crash_before_leaves_nothing_and_a_crash_after_leaves_the_effect() {
    for (plan, want) in [
        (FaultPlan::none().crash_before(2), 1),
        (FaultPlan::none().crash_after(2), 2),
    ] {
        let sim = world(8);
        sim.set_faults(plan);
        let crashed = sim.block_on(async {
            for _ in 0..3 {
                sim.allocate_address(&Tags::new()).await.unwrap();
            }
        });
        assert_eq!(
            crashed.unwrap_err(),
            SimError::Crashed {
                caller: "operator".to_owned(),
                call: 2
            }
        );
        // The next process in the same world is not cut off.
        assert_eq!(on(&sim, sim.describe_addresses()).unwrap().len(), want);
        assert_eq!(lines(&sim, "crash of operator at call 2").len(), 1);
    }
}

#[test]
fn requests_under_way_at_a_crash_arrive_or_are_lost() {
    let made = |in_flight: InFlight, seed: u64| {
        let sim = world(seed);
        sim.set_faults(FaultPlan {
            in_flight,
            ..FaultPlan::none().crash_before(5)
        });
        let crashed = sim.block_on(async {
            let tags = Tags::new();
            let calls = (0..5).map(|_| sim.allocate_address(&tags));
            futures::future::join_all(calls).await
        });
        assert!(matches!(crashed, Err(SimError::Crashed { call: 5, .. })));
        sim.inspect(|world| world.addresses.len())
    };
    assert_eq!(made(InFlight::Arrive, 1), 4);
    assert_eq!(made(InFlight::Lost, 1), 0);
    let seeded: Vec<usize> = (0..20).map(|seed| made(InFlight::Seeded, seed)).collect();
    assert!(seeded.iter().any(|count| *count != seeded[0]), "{seeded:?}");
}

#[test]
fn one_operator_crashes_and_the_other_goes_on() {
    let sim = world(9);
    let (first, second) = (sim.as_operator("operator-1"), sim.as_operator("operator-2"));
    sim.set_faults(FaultPlan::none().crash_after(1).only_for("operator-1"));
    let work = async |sim: &Sim| {
        for _ in 0..2 {
            sim.allocate_address(&Tags::new()).await.unwrap();
        }
    };
    let both = sim.block_on(async {
        futures::future::join(first.until_crash(work(&first)), second.until_crash(work(&second))).await
    });
    let (one, two) = both.unwrap();
    assert!(matches!(one, Err(SimError::Crashed { .. })));
    two.unwrap();
    assert_eq!(sim.inspect(|world| world.addresses.len()), 3);
    // Without somebody who notices, the cut-off caller is named as the reason of the deadlock.
    sim.set_faults(FaultPlan::none().crash_before(1).only_for("operator-1"));
    let stuck = sim.block_on(first.allocate_address(&Tags::new()));
    assert!(stuck.unwrap_err().to_string().contains("operator-1"));
}

#[test]
fn a_future_that_nothing_wakes_is_a_deadlock() {
    let sim = world(10);
    let error = sim.block_on(std::future::pending::<()>()).unwrap_err();
    assert!(error.to_string().starts_with("deadlock at 0 ms of seed 10"), "{error}");
}

#[test]
fn a_wait_without_end_is_cut_at_the_horizon() {
    let sim = Sim::new(SimConfig {
        horizon_ms: 60_000,
        ..SimConfig::seeded(11)
    });
    let error = sim.block_on(async {
        loop {
            sim.sleep(Duration::from_secs(1)).await;
        }
    });
    let error: SimError = match error {
        Ok(never) => never,
        Err(error) => error,
    };
    assert_eq!(
        error,
        SimError::Horizon {
            seed: 11,
            horizon_ms: 60_000
        }
    );
}

#[test]
fn a_dropped_future_abandons_the_answer_and_not_the_effect() {
    let sim = world(12);
    sim.block_on(async {
        let tags = Tags::new();
        let call = sim.allocate_address(&tags);
        let timeout = sim.sleep(Duration::from_millis(1));
        futures::future::select(std::pin::pin!(call), std::pin::pin!(timeout)).await;
    })
    .unwrap();
    assert_eq!(sim.inspect(|world| world.addresses.len()), 0, "still under way");
    sim.advance(Duration::from_secs(1));
    assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
}

#[test]
fn callers_are_throttled_when_they_empty_a_bucket() {
    let sim = world(13);
    let calls = |sim: &Sim, count: usize| {
        let results = sim.block_on(async {
            futures::future::join_all((0..count).map(|_| sim.find_hosted_zones("example.com"))).await
        });
        results
            .expect("the calls end")
            .into_iter()
            .filter(Result::is_err)
            .count()
    };
    assert_eq!(calls(&sim, 5), 0);
    assert_eq!(calls(&sim, 5), 5, "five a second");
    sim.advance(Duration::from_secs(1));
    assert_eq!(calls(&sim, 6), 1);
    let patient = Sim::new(SimConfig {
        rate_limits: false,
        ..SimConfig::seeded(13)
    });
    assert_eq!(calls(&patient, 50), 0);
}

#[test]
fn a_world_may_be_eventually_consistent_throughout() {
    let mut config = SimConfig::seeded(14);
    config.timings.visibility = selfheal_aws::sim::Range::new(500, 3_000);
    let sim = Sim::new(config);
    on(&sim, sim.allocate_address(&Tags::new())).unwrap();
    assert!(on(&sim, sim.describe_addresses()).unwrap().is_empty());
    sim.advance(Duration::from_secs(3));
    assert_eq!(on(&sim, sim.describe_addresses()).unwrap().len(), 1);
}

#[test]
fn changing_what_bears_no_stacks_tag_is_a_violation() {
    let sim = world(15);
    let address = sim.foreign_address(&Tags::new());
    sim.permit(address.as_str());
    let error = sim.block_on(sim.release_address(&address)).unwrap_err();
    assert!(
        error.to_string().contains("S6: ec2:ReleaseAddress on eipalloc-"),
        "{error}"
    );
    // Tagging is how something is adopted.
    let other = sim.foreign_address(&Tags::new());
    sim.permit(other.as_str());
    on(
        &sim,
        sim.create_tags(other.as_str(), &names().tags(ResourceKind::Address)),
    )
    .unwrap();
    on(&sim, sim.release_address(&other)).unwrap();
    assert_eq!(sim.violations().len(), 1);
}
