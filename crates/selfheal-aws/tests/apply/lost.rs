//! What goes beyond the loss of an instance: its zone, its key, a day without a launch; and who comes back from it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, SimError, Timings, When};
use selfheal_aws::{
    AutoScaling, CallError, CallResult, Control, Goal, Intercepted, Interceptor, Scope, Silent, apply, observe,
};
use selfheal_core::names::Tags;
use selfheal_core::status::{FindingCode, status};
use selfheal_core::world::{InstanceId, InstanceState, VolumeId};

use crate::support::{applied, applied_as, calls, census, even, look, read, run, run_until_done, serving, web};

const ZONE: &str = "eu-west-1a";
const HOUR: Duration = Duration::from_secs(3600);

/// A stack that serves, with what it serves with.
fn at_rest(seed: u64) -> (Sim, (InstanceId, String, VolumeId)) {
    let sim = applied(SimConfig::seeded(seed));
    sim.settle(Duration::from_secs(1800));
    let found = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    (sim, found)
}

fn codes(sim: &Sim) -> Vec<FindingCode> {
    let spec = web();
    let observed = read(sim, &spec, Scope::Status);
    let report = status(&spec, &observed, &Goal::Apply.plan(&spec, &observed));
    report.findings.iter().map(|finding| finding.code).collect()
}

/// The stack serves again, from another instance, with the address and the volume that it had.
fn is_back(sim: &Sim, before: &(InstanceId, String, VolumeId)) {
    let now = serving(sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_ne!(now.0, before.0);
    assert_eq!((&now.1, &now.2), (&before.1, &before.2));
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
    assert!(look(sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn a_zone_that_is_lost_keeps_its_volume_and_the_stack_waits_for_it() {
    for seed in 0..10 {
        let (sim, before) = at_rest(seed);
        let all = census(&sim);
        sim.lose_zone(ZONE);
        sim.advance(3 * HOUR);
        assert!(serving(&sim).is_none());
        assert!(codes(&sim).contains(&FindingCode::LaunchFailing), "{:?}", codes(&sim));
        // Data does not follow an instance into another zone, and nobody sends it there unasked.
        run_until_done(&sim, &web(), Goal::Apply, 1);
        assert_eq!(census(&sim), all);
        sim.refuse_launches(ZONE, false);
        sim.advance(2 * HOUR);
        is_back(&sim, &before);
    }
}

#[test]
fn a_day_without_a_launch_is_told_and_resumed() {
    let (sim, before) = at_rest(31);
    sim.refuse_launches(ZONE, true);
    sim.kill_instance(&before.0);
    assert!(sim.settle(30 * HOUR), "AWS gives up after a day");
    assert!(codes(&sim).contains(&FindingCode::Suspended), "{:?}", codes(&sim));
    sim.refuse_launches(ZONE, false);
    sim.advance(5 * HOUR);
    assert!(serving(&sim).is_none(), "nothing is launched before it is resumed");
    run_until_done(&sim, &web(), Goal::Resume, 1);
    sim.advance(2 * HOUR);
    is_back(&sim, &before);
}

#[test]
fn a_key_that_is_disabled_keeps_the_next_instance_away_and_costs_nothing_else() {
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/2f1ab4f2-5d4c-4c0f-a1bd-8d7d9e0a1b2c";
    let mut keyed = web();
    keyed.data.as_mut().expect("it has data").kms_key = Some(KEY.to_owned());
    let of_account = SimConfig {
        default_key: Some(KEY.to_owned()),
        ..SimConfig::seeded(32)
    };
    // The data's key lets an instance start and keeps it from its volume; the account's lets none start.
    for (config, spec, told, parked) in [
        (SimConfig::seeded(32), keyed, KEY, true),
        (of_account, web(), "InvalidKMSKey.InvalidState", false),
    ] {
        let sim = applied_as(config, &spec);
        sim.settle(Duration::from_secs(1800));
        let before = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
        sim.tamper(|world| world.config.unusable_keys.insert(KEY.to_owned()));
        sim.kill_instance(&before.0);
        sim.advance(6 * HOUR);
        assert!(serving(&sim).is_none());
        let observed = read(&sim, &spec, Scope::Status);
        let report = status(&spec, &observed, &Goal::Apply.plan(&spec, &observed));
        assert!(format!("{report:?}").contains(told), "{report:?}");
        sim.tamper(|world| world.config.unusable_keys.clear());
        if parked {
            run_until_done(&sim, &spec, Goal::Resume, 1);
        }
        sim.advance(2 * HOUR);
        let now = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
        assert_eq!((&now.1, &now.2), (&before.1, &before.2));
    }
}

#[test]
fn an_instance_that_is_started_again_is_never_the_second_writer() {
    let (mut kept, mut replaced) = (0, 0);
    for seed in 0..40 {
        let (sim, before) = at_rest(seed);
        sim.stop_instance(&before.0);
        // Sometimes before its group has seen that it was off, sometimes while it is on its way out.
        while !sim.start_instance(&before.0) {
            sim.advance(Duration::from_millis(500));
            let state = sim.inspect(|world| world.instances[&before.0].state.clone());
            if !matches!(state, InstanceState::Stopping | InstanceState::Stopped) {
                break;
            }
        }
        sim.advance(2 * HOUR);
        let now = serving(&sim).unwrap_or_else(|| panic!("seed {seed}\n{}", sim.trace_text()));
        assert_eq!((&now.1, &now.2), (&before.1, &before.2), "seed {seed}");
        assert!(sim.violations().is_empty(), "seed {seed}: {:?}", sim.violations());
        *(if now.0 == before.0 { &mut kept } else { &mut replaced }) += 1;
    }
    assert!(kept > 0 && replaced > 0, "{kept} kept, {replaced} replaced");
}

#[test]
fn the_dead_may_lose_their_tags_before_they_go() {
    for tagged_ms in [0, 60_000] {
        let timings = Timings {
            terminated_tagged_ms: tagged_ms,
            ..Timings::default()
        };
        let sim = applied(SimConfig {
            timings,
            ..SimConfig::seeded(33)
        });
        sim.settle(Duration::from_secs(1800));
        let before = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
        sim.kill_instance(&before.0);
        sim.advance(Duration::from_secs(1200));
        let spec = web();
        assert!(
            !read(&sim, &spec, Scope::Status)
                .instances
                .iter()
                .any(|it| it.id == before.0)
        );
        is_back(&sim, &before);
    }
}

#[test]
fn a_reading_of_old_things_as_they_were_changes_nothing() {
    let (sim, before) = at_rest(34);
    sim.kill_instance(&before.0);
    sim.advance(Duration::from_secs(900));
    // Attachment and association are those of the dead instance again, at any one of the readings, and at all.
    let start = calls(&sim);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let readings = calls(&sim) - start;
    let effects = sim.effects();
    let every = FaultPlan::none().with(When::Every("ec2:Describe".to_owned()), Fault::Stale(1_200_000));
    let one = |call| FaultPlan::none().with_times(When::Call(call), Fault::Stale(1_200_000), 1);
    for faults in (1..=readings).map(one).chain([every]) {
        sim.set_faults(faults.clone());
        drop(
            sim.block_on(run(&sim, &web(), Goal::Apply))
                .unwrap_or_else(|error| panic!("{error}")),
        );
        assert_eq!(sim.effects(), effects, "{faults:?}\n{}", sim.trace_text());
    }
    sim.set_faults(FaultPlan::none());
    is_back(&sim, &before);
}

/// Takes something away at one call and puts it back at the next: whoever reads before and after sees nothing of it.
#[derive(Debug)]
struct Hides {
    sim: Sim,
    at: u64,
    hidden: Mutex<(u64, Option<Tags>)>,
}

impl Hides {
    fn step(&self) {
        let mut hidden = self.hidden.lock().expect("nobody panics in it");
        hidden.0 += 1;
        let (now, at) = (hidden.0, self.at);
        self.sim.tamper(|world| {
            let Some(record) = world.addresses.values_mut().next() else {
                return;
            };
            let tags = &mut record.address.tags;
            if now == at {
                hidden.1 = Some(std::mem::take(tags));
            } else if let Some(before) = hidden.1.take() {
                tags.extend(before);
            }
        });
    }
}

#[async_trait]
impl Interceptor for Hides {
    async fn before(&self, _: &'static str) -> CallResult<()> {
        self.step();
        Ok(())
    }

    async fn after(&self, _: &'static str, _: Option<&CallError>) -> CallResult<()> {
        Ok(())
    }
}

#[test]
fn what_goes_and_comes_back_between_two_readings_makes_no_second_address() {
    let whole = applied(even(35));
    let (expected, count) = (census(&whole), calls(&whole));
    for at in 1..=count {
        let sim = Sim::new(even(35));
        let ctl = Control {
            clock: &sim,
            jitter: &sim,
            progress: &Silent,
        };
        let spec = web();
        let hides = Hides {
            sim: sim.clone(),
            at,
            hidden: Mutex::new((0, None)),
        };
        let aws = Intercepted::new(sim.clone(), hides);
        let ended: Result<_, SimError> = sim.block_on(async {
            let observed = observe(&aws, &spec, Scope::Plan, &ctl).await.expect("it can be read");
            let shown = Goal::Apply.plan(&spec, &observed);
            apply(&aws, &spec, Goal::Apply, &shown, observed, &ctl).await.map(drop)
        });
        drop(ended.unwrap_or_else(|error| panic!("at call {at}: {error}")));
        aws.interceptor.step();
        run_until_done(&sim, &spec, Goal::Apply, 2);
        assert_eq!(census(&sim), expected, "at call {at}\n{}", sim.trace_text());
    }
}

#[test]
fn an_apply_during_a_replacement_finds_nothing_to_do() {
    for seed in 0..6 {
        let (sim, before) = at_rest(seed);
        let all = census(&sim);
        sim.kill_instance(&before.0);
        let effects = sim.effects();
        for _ in 0..60 {
            let plan = look(&sim, &web(), Goal::Apply);
            assert!(plan.is_empty(), "seed {seed}: {plan}\n{}", sim.trace_text());
            run_until_done(&sim, &web(), Goal::Apply, 1);
            sim.advance(Duration::from_secs(5));
        }
        assert_eq!(sim.effects(), effects, "seed {seed}\n{}", sim.trace_text());
        sim.advance(HOUR);
        assert_eq!(census(&sim), all);
        is_back(&sim, &before);
    }
}

#[test]
fn of_two_instances_that_somebody_asked_for_one_writes() {
    let (sim, before) = at_rest(36);
    let mut two = sim.inspect(|world| world.groups["selfheal-web"].settings.clone());
    two.max = 2;
    sim.permit(&two.name);
    let console = sim.as_operator("console");
    let asked = sim
        .block_on(AutoScaling::update_group(&console, &two))
        .expect("it ends");
    asked.expect("it is taken");
    let wanted = sim.block_on(AutoScaling::set_desired_capacity(&console, &two.name, 2));
    wanted.expect("it ends").expect("it is taken");
    sim.advance(12 * HOUR);
    assert!(
        sim.violations().is_empty(),
        "{:?}\n{}",
        sim.violations(),
        sim.trace_text()
    );
    assert!(codes(&sim).contains(&FindingCode::DesiredMany), "{:?}", codes(&sim));
    let now = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_eq!(now, before);
}
