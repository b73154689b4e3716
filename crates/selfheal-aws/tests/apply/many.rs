//! Many stacks read together: each view is what a reading of its own gives, in a fraction of the calls.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use selfheal_aws::sim::{Fault, FaultPlan, Range, Rng, Sim, SimConfig, TraceKind, When, World};
use selfheal_aws::{CallErrorKind, Control, Goal, Scope, Silent, StackUnread, observe, observe_all};
use selfheal_core::names::{Names, TAG_ROLE, TAG_STACK};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{HealthFrom, ImageRef, Spec, ZoneRef};
use selfheal_core::world::{Observed, RecordSet};

use crate::support::{even, probed, run, web};

/// Stacks in a world.
const STACKS: usize = 50;

/// The account of these tests: two zones, and addresses enough.
fn account(seed: u64) -> SimConfig {
    SimConfig {
        address_quota: 2 * STACKS,
        hosted_zones: vec!["example.com".to_owned(), "example.org".to_owned()],
        ..even(seed)
    }
}

/// A number below another one.
fn below(rng: &mut Rng, end: usize) -> usize {
    let drawn = rng.between(Range::new(0, end as u64 - 1));
    usize::try_from(drawn).expect("it is small")
}

/// One of many specs, as the draws say. Names begin with one another, as `web` and `web-1` do.
fn drawn(number: usize, rng: &mut Rng, world: &World) -> Spec {
    let asked = [None, None, None, Some(HealthFrom::Instance), Some(HealthFrom::Both)];
    let mut spec = asked[below(rng, 5)].map_or_else(web, probed);
    spec.name = if number == 0 {
        "web".to_owned()
    } else {
        format!("web-{number}")
    };
    if rng.permille(300) {
        spec.data = None;
    }
    if rng.permille(300) {
        let subnet = world.subnets.keys().next().expect("the world has subnets");
        spec.instance.subnet = Some(subnet.clone());
    }
    if rng.permille(200) {
        let image = world
            .images
            .values()
            .find(|image| image.architecture.as_deref() == Some("arm64"));
        spec.instance.image = ImageRef::Id(image.expect("the world has images").id.clone());
    }
    let zones: Vec<_> = world.zones.values().collect();
    match below(rng, 4) {
        0 => spec.dns = None,
        which => {
            let dns = spec.dns.as_mut().expect("the example has a record");
            let zone = zones[usize::from(which == 1)];
            dns.zone = match which {
                3 => ZoneRef::Id(zone.id.clone()),
                _ => ZoneRef::Name(zone.name.clone()),
            };
            dns.name = match number % 7 {
                0 => zone.name.clone(),
                1 => format!("a.b-{number}.{}", zone.name),
                _ => format!("app-{number}.{}", zone.name),
            };
        }
    }
    spec
}

/// Worlds of fifty stacks each, at rest: whole ones, ones that a run left half made, destroyed ones, ones that never were.
fn worlds() -> &'static [(World, Vec<Spec>)] {
    static WORLDS: OnceLock<Vec<(World, Vec<Spec>)>> = OnceLock::new();
    WORLDS.get_or_init(|| (0..2).map(made).collect())
}

fn made(seed: u64) -> (World, Vec<Spec>) {
    let sim = Sim::new(account(seed));
    let mut rng = Rng::new(seed, "specs");
    let specs: Vec<Spec> = (0..STACKS)
        .map(|number| sim.inspect(|world| drawn(number, &mut rng, world)))
        .collect();
    for spec in &specs {
        let cut_off = match below(&mut rng, 8) {
            0 => continue,
            1 => 14 + below(&mut rng, 20) as u64,
            _ => 0,
        };
        if cut_off > 0 {
            sim.set_faults(FaultPlan::none().crash_after(cut_off));
        }
        // Who shares a zone's name with another stack may be refused; what that leaves behind is a world like any other.
        drop(sim.block_on(run(&sim, spec, Goal::Apply)));
        sim.set_faults(FaultPlan::none());
        if rng.permille(100) {
            drop(sim.block_on(run(&sim, spec, Goal::Destroy(DestroyOptions::default()))));
        }
    }
    sim.settle(Duration::from_secs(2 * 3_600));
    sim.drain_trace();
    (sim.inspect(World::clone), specs)
}

/// Something that somebody does by hand, or that a listing does not show.
#[derive(Clone, Copy, Debug)]
enum Damage {
    TagsOfVolume,
    StrangersVolume,
    SecondVolume,
    UnlistedVolume,
    TagsOfAddress,
    UnlistedAddress,
    Hooks,
    RolePolicy,
    Template,
    Records,
    SecondZone,
    SecurityGroupElsewhere,
    InstanceOfGroup,
}

const DAMAGES: [Damage; 13] = [
    Damage::TagsOfVolume,
    Damage::StrangersVolume,
    Damage::SecondVolume,
    Damage::UnlistedVolume,
    Damage::TagsOfAddress,
    Damage::UnlistedAddress,
    Damage::Hooks,
    Damage::RolePolicy,
    Damage::Template,
    Damage::Records,
    Damage::SecondZone,
    Damage::SecurityGroupElsewhere,
    Damage::InstanceOfGroup,
];

/// The value at a place that may lie beyond the end.
fn nth<K: Ord + Clone, V>(map: &BTreeMap<K, V>, place: usize) -> Option<K> {
    (!map.is_empty())
        .then(|| map.keys().nth(place % map.len()).cloned())
        .flatten()
}

fn damage_volume(world: &mut World, what: Damage, place: usize) {
    let is_data = |tags: &selfheal_core::names::Tags| tags.get(TAG_ROLE).is_some_and(|role| role == "volume");
    let data = world.volumes.values().filter(|record| is_data(&record.volume.tags));
    let ids: Vec<_> = data.map(|record| record.volume.id.clone()).collect();
    let Some(id) = ids.get(place % ids.len().max(1)) else {
        return;
    };
    match what {
        Damage::TagsOfVolume => world.volumes.get_mut(id).expect("it is there").volume.tags.clear(),
        Damage::UnlistedVolume => drop(world.unlisted.insert(id.to_string())),
        _ => {
            let mut other = world.volumes[id].clone();
            if matches!(what, Damage::StrangersVolume) {
                other.volume.tags.insert(TAG_STACK.to_owned(), "stranger".to_owned());
            }
            other.volume.id = format!("vol-{place:017}").into();
            other.volume.attachment = None;
            world.volumes.insert(other.volume.id.clone(), other);
        }
    }
}

fn damage(world: &mut World, what: Damage, place: usize) {
    match what {
        Damage::TagsOfVolume | Damage::StrangersVolume | Damage::SecondVolume | Damage::UnlistedVolume => {
            damage_volume(world, what, place);
        }
        Damage::TagsOfAddress | Damage::UnlistedAddress => {
            let Some(id) = nth(&world.addresses, place) else { return };
            match what {
                Damage::UnlistedAddress => drop(world.unlisted.insert(id.to_string())),
                _ => world.addresses.get_mut(&id).expect("it is there").address.tags.clear(),
            }
        }
        Damage::Hooks | Damage::InstanceOfGroup => {
            let Some(name) = nth(&world.groups, place) else { return };
            let group = world.groups.get_mut(&name).expect("it is there");
            match what {
                Damage::Hooks => group.hooks.clear(),
                _ => group.members.clear(),
            }
        }
        Damage::RolePolicy => {
            let Some(name) = nth(&world.roles, place) else { return };
            world.roles.get_mut(&name).expect("it is there").policies.clear();
        }
        Damage::Template => drop(nth(&world.templates, place).map(|id| world.templates.remove(&id))),
        Damage::Records => {
            let Some(id) = nth(&world.zones, place) else { return };
            let zone = world.zones.get_mut(&id).expect("it is there");
            let texts: Vec<RecordSet> = zone
                .records
                .iter()
                .map(|record| RecordSet {
                    record_type: "TXT".to_owned(),
                    ..record.clone()
                })
                .collect();
            zone.records.extend(texts);
            if !zone.records.is_empty() {
                zone.records.remove(place % zone.records.len());
            }
        }
        Damage::SecondZone => world.add_zone(format!("Z{place:020}"), "example.org"),
        Damage::SecurityGroupElsewhere => {
            let Some(id) = nth(&world.security_groups, place) else {
                return;
            };
            let mut other = world.security_groups[&id].clone();
            other.group.id = format!("sg-{place:017}").into();
            other.group.vpc_id = "vpc-elsewhere".into();
            world.security_groups.insert(other.group.id.clone(), other);
        }
    }
}

/// Reads each stack by itself, in a world of its own, so that no reading comes later than another.
fn one_by_one(world: &World, specs: &[Spec], scope: Scope) -> Vec<Observed> {
    let own = |spec: &Spec| {
        let sim = Sim::from_world(world.clone());
        crate::support::read(&sim, spec, scope)
    };
    specs.iter().map(own).collect()
}

/// Reads all stacks together.
fn together(sim: &Sim, specs: &[Spec], scope: Scope) -> Vec<Result<Observed, StackUnread>> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    sim.block_on(observe_all(sim, specs, scope, &ctl)).expect("it ends")
}

/// Calls by action.
fn by_action(sim: &Sim) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for event in sim.trace() {
        if let TraceKind::Call(call) = event.what {
            *calls.entry(call.action).or_default() += 1;
        }
    }
    calls
}

fn healthy() -> (World, Vec<Spec>) {
    let sim = Sim::new(account(7));
    let specs: Vec<Spec> = (0..STACKS)
        .map(|number| {
            let mut spec = web();
            spec.name = format!("web-{number}");
            let dns = spec.dns.as_mut().expect("the example has a record");
            let zone = if number % 2 == 0 { "example.com" } else { "example.org" };
            dns.zone = ZoneRef::Name(zone.to_owned());
            dns.name = format!("app-{number}.{zone}");
            spec
        })
        .collect();
    for spec in &specs {
        let run = sim.block_on(run(&sim, spec, Goal::Apply)).expect("it ends");
        run.expect("it is applied");
    }
    sim.settle(Duration::from_secs(2 * 3_600));
    sim.drain_trace();
    (sim.inspect(World::clone), specs)
}

/// A world of fifty stacks that serve.
fn fifty() -> &'static (World, Vec<Spec>) {
    static FIFTY: OnceLock<(World, Vec<Spec>)> = OnceLock::new();
    FIFTY.get_or_init(healthy)
}

#[test]
fn fifty_stacks_cost_a_third_of_the_calls_and_few_at_once() {
    let (world, specs) = fifty();
    let sim = Sim::from_world(world.clone());
    let began = sim.now_ms();
    let views = together(&sim, specs, Scope::Plan);
    let took_ms = sim.now_ms() - began;
    assert!(views.iter().all(Result::is_ok));
    let calls = by_action(&sim);
    let all: usize = calls.values().sum();
    println!("{all} calls in {took_ms} ms: {calls:#?}");
    // Hooks, role, policy and profile of each; the rest for all.
    let own = [
        "autoscaling:DescribeLifecycleHooks",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:GetInstanceProfile",
    ];
    for action in own {
        assert_eq!(calls[action], STACKS, "{action}");
    }
    let shared = all - own.len() * STACKS;
    assert!(shared <= 12, "{shared} calls for all: {calls:#?}");
    assert!(3 * all <= 14 * STACKS, "{all} calls");
    // Every call takes as long as every other, so that those that arrive at once were under way at once.
    let mut at_once: BTreeMap<u64, usize> = BTreeMap::new();
    for event in sim.trace() {
        *at_once.entry(event.at_ms).or_default() += 1;
    }
    let most = at_once.values().max().copied().unwrap_or_default();
    assert!(most <= 30, "{most} calls at once");
    assert!(took_ms <= 2_000, "{took_ms} ms");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_view_of_each_stack_is_what_a_reading_of_its_own_gives(
        which in 0_usize..2,
        damages in proptest::collection::vec((select(DAMAGES.to_vec()), 0_usize..1_000), 0..12),
        scope in select(vec![Scope::Plan, Scope::Status, Scope::Destroy, Scope::Resume]),
        // Each size with how many times rarer throttling is then: a listing whose page is refused begins anew.
        (page_size, rarer) in select(vec![(None, 1), (Some(1), 20), (Some(3), 6), (Some(17), 1)]),
        throttled in 0_u16..60,
        lost in 1_u64..4,
    ) {
        let (world, specs) = &worlds()[which];
        let mut world = world.clone();
        // What was broken by hand is no bug of the program.
        world.config.check_invariants = false;
        damages.iter().for_each(|(what, place)| damage(&mut world, *what, *place));
        let own = one_by_one(&world, specs, scope);
        world.config.page_size = page_size;
        let sim = Sim::from_world(world);
        sim.set_faults(
            FaultPlan::none()
                .with(When::Nth("ec2:DescribeVolumes".to_owned(), lost), Fault::PageLost)
                .with(When::Nth("route53:ListResourceRecordSets".to_owned(), lost), Fault::AnswerLost)
                .with(When::Sometimes(String::new(), throttled / rarer), Fault::Throttle),
        );
        let views = together(&sim, specs, scope);
        prop_assert_eq!(views.len(), specs.len());
        for ((spec, own), view) in specs.iter().zip(own).zip(views) {
            let view = view.map_err(|unread| TestCaseError::fail(unread.to_string()))?;
            let observed_at = own.observed_at;
            prop_assert_eq!(Observed { observed_at, ..view }, own, "{}", spec.name);
        }
    }
}

/// A world of fifty stacks under a policy of the operator's that denies something.
fn denying(denied: &str, resource: &str) -> Sim {
    let mut world = fifty().0.clone();
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}},
            {{"Sid": "Not", "Effect": "Deny", "Action": "{denied}", "Resource": "{resource}"}}
        ]}}"#
    );
    world.config.operator_policy = Some(policy.into());
    Sim::from_world(world)
}

#[test]
fn what_is_denied_of_one_stack_takes_no_other_along() {
    let specs = &fifty().1;
    let role = Names::new("web-7", "eu-west-1").role;
    let sim = denying(
        "iam:GetRole",
        &format!("arn:aws:iam::123456789012:role/selfheal/{role}"),
    );
    let own = one_by_one(&fifty().0, specs, Scope::Plan);
    for ((spec, own), view) in specs.iter().zip(own).zip(together(&sim, specs, Scope::Plan)) {
        match view {
            Ok(view) => assert_eq!(
                Observed {
                    observed_at: own.observed_at,
                    ..view
                },
                own,
                "{}",
                spec.name
            ),
            Err(unread) => {
                assert_eq!(unread.stack, "web-7");
                assert_eq!(spec.name, "web-7");
                assert_eq!(unread.error.kind(), CallErrorKind::Denied);
                assert!(
                    unread
                        .to_string()
                        .starts_with("stack web-7 could not be read: iam:GetRole"),
                    "{unread}"
                );
            }
        }
    }
    let unread = together(&sim, specs, Scope::Plan)
        .into_iter()
        .filter(Result::is_err)
        .count();
    assert_eq!(unread, 1);
}

#[test]
fn what_is_denied_of_all_is_asked_once_and_told_of_each() {
    let specs = &fifty().1;
    let sim = denying("ec2:DescribeVolumes", "*");
    let views = together(&sim, specs, Scope::Plan);
    for (spec, view) in specs.iter().zip(views) {
        let unread = view.expect_err("its volumes cannot be read");
        assert_eq!(unread.stack, spec.name);
        assert_eq!(unread.error.action, "ec2:DescribeVolumes");
    }
    assert_eq!(by_action(&sim)["ec2:DescribeVolumes"], 1);
}

#[test]
fn a_listing_that_fails_for_all_is_asked_for_each() {
    let (world, specs) = fifty();
    let own = one_by_one(world, specs, Scope::Plan);
    let sim = Sim::from_world(world.clone());
    let odd = Fault::Refuse("SomethingNew".to_owned(), "what it is, nobody knows".to_owned());
    sim.set_faults(FaultPlan::none().with(When::Nth("ec2:DescribeVolumes".to_owned(), 1), odd));
    for (own, view) in own.into_iter().zip(together(&sim, specs, Scope::Plan)) {
        let view = view.expect("it is read by itself");
        assert_eq!(
            Observed {
                observed_at: own.observed_at,
                ..view
            },
            own
        );
    }
    assert_eq!(by_action(&sim)["ec2:DescribeVolumes"], 1 + STACKS);
}

#[test]
fn a_listing_goes_on_behind_an_empty_page() {
    let (world, specs) = fifty();
    let mut world = world.clone();
    world.config.page_size = Some(1);
    let last = specs.last().expect("there are fifty");
    let sim = Sim::from_world(world);
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let read = sim.block_on(observe(&sim, last, Scope::Plan, &ctl)).expect("it ends");
    assert_eq!(read.expect("it can be read").volumes.len(), 2);
    // Most of the pages hold other stacks' volumes, and show nothing.
    assert_eq!(by_action(&sim)["ec2:DescribeVolumes"], 2 * STACKS);
}
