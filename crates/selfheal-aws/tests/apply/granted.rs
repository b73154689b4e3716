//! What the generated policies grant is what runs use: every statement and every action of each policy allows some call of
//! a story, and every call of the stories is allowed. What is called is recorded, and not taken from a table.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::sim::{Granted, Sim, World};
use selfheal_aws::{Clock, Control, Goal, Patience, Scope, Silent, WATCH_MAX, drill, drill_restore, observe, watch};
use selfheal_core::drill::{How, RestoreDrill};
use selfheal_core::names::{TAG_RECORD, TAG_STACK, Tags};
use selfheal_core::plan::{DestroyOptions, RestoreFrom, RestoreOptions, SleepUntil, SnapshotOptions};
use selfheal_core::spec::{HealthFrom, Ingress, Market, Protocol, ScheduleSpec, Spec};
use selfheal_core::watch::{Verdict, Watch};
use selfheal_core::world::Observed;
use selfheal_policy::{Document, Effect, OperatorScope, Partition, Purpose, operator_policy};

use crate::support::{even, look, probed, run_until_done, serving};

const HOUR: Duration = Duration::from_secs(3_600);
const REMOVE_ALL: Goal = Goal::Destroy(DestroyOptions::ALL);

/// What a destroy comes to only where others had their hands in the stack: an address that is on an instance which the
/// group does not have.
const BY_OTHERS: [(&str, &str); 1] = [("FreeAddress", "ec2:DisassociateAddress")];

/// A statement and an action of it.
type Right = (String, String);

fn scope() -> OperatorScope {
    let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    scope.record_name = Some("app.example.com".to_owned());
    scope.application_check = true;
    scope.schedule = true;
    scope.instance_types = ["t4g.small", "t4g.medium"].map(str::to_owned).to_vec();
    scope.replaces = true;
    scope
}

/// Lets the operator act under the policy of a command from here on.
fn operate(sim: &Sim, scope: &OperatorScope, purpose: Purpose) -> Document {
    let policy = operator_policy(scope, purpose).expect("the scope is well-formed");
    sim.tamper(|world| {
        world.config.operator_policy = Some(policy.to_json().into());
        world.granted.clear();
    });
    policy
}

fn read(sim: &Sim, spec: &Spec, scope: Scope) -> Observed {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    sim.block_on(observe(sim, spec, scope, &ctl))
        .expect("it ends")
        .expect("the policy allows to read")
}

fn used(sim: &Sim, operator: bool) -> BTreeSet<Right> {
    sim.inspect(|world| {
        let of_caller = |granted: &&Granted| granted.operator == operator;
        let right = |granted: &Granted| (granted.statement.clone(), granted.action.clone());
        world.granted.iter().filter(of_caller).map(right).collect()
    })
}

fn granted(document: &Document) -> BTreeSet<Right> {
    document
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow)
        .flat_map(|statement| {
            let actions = statement.actions.patterns().iter();
            actions.map(|action| (statement.name().to_owned(), action.to_string()))
        })
        .collect()
}

/// Checks that all that is granted was used, but for what these stories do not come to.
#[track_caller]
fn check(document: &Document, used: &BTreeSet<Right>, beyond: &[(&str, &str)]) {
    let told = |right: &&Right| !beyond.contains(&(right.0.as_str(), right.1.as_str()));
    let granted = granted(document);
    let unused: Vec<&Right> = granted.difference(used).filter(told).collect();
    assert!(unused.is_empty(), "granted, and used by no call: {unused:?}");
    for (sid, action) in beyond {
        let right = ((*sid).to_owned(), (*action).to_owned());
        assert!(granted.contains(&right), "{right:?} is not granted");
    }
}

/// Tells the invariants that the address and the volume may go.
fn permit_all(sim: &Sim) {
    let ids: Vec<String> = sim.inspect(|world| {
        let addresses = world.addresses.keys().map(ToString::to_string);
        addresses.chain(world.volumes.keys().map(ToString::to_string)).collect()
    });
    ids.iter().for_each(|id| sim.permit(id));
}

/// The stack with a probe of AWS's and two types.
fn several() -> Spec {
    let mut spec = probed(HealthFrom::Both);
    spec.instance.fallback_types = vec!["t4g.medium".to_owned()];
    spec
}

/// The stack with a probe of AWS's and everything that is changed later.
fn first(sim: &Sim) -> Spec {
    let mut spec = several();
    // In the stories it is January.
    spec.schedule = Some(ScheduleSpec {
        stop: "0 20 * 12 *".parse().expect("a recurrence"),
        start: "0 8 * 12 *".parse().expect("a recurrence"),
        timezone: "Europe/Paris".to_owned(),
    });
    run_until_done(sim, &spec, Goal::Apply, 1);
    sim.settle(HOUR);
    spec
}

/// Plans a first apply in a subnet that the spec names: what is asked before something is made.
fn ask_first(sim: &Sim) -> BTreeSet<Right> {
    let mut spec = several();
    spec.instance.subnet = sim.inspect(|world| world.subnets.keys().next().cloned());
    assert!(!look(sim, &spec, Goal::Apply).is_refused());
    used(sim, true)
}

/// Changes all that an apply may change, and breaks all that it mends.
fn changes(sim: &Sim, spec: &Spec) {
    let mut other = spec.clone();
    other.instance.market = Market::Spot;
    other.instance.ingress = Ingress::to_world([(80, Protocol::Tcp), (8443, Protocol::Tcp)]);
    other.data.as_mut().expect("it has data").size_gib = 30;
    other.app.health.as_mut().expect("it has a probe").threshold = 7;
    sim.tamper(|world| {
        let role = world.roles.values_mut().next().expect("there is a role");
        role.role.trust_policy = role
            .role
            .trust_policy
            .replace("Ec2TakesTheRole", "Somebody")
            .replace("ec2.", "ssm.")
            .into();
        // A version that did not note the record.
        let address = world.addresses.values_mut().next().expect("there is an address");
        address.address.tags.remove(TAG_RECORD);
        let group = world.groups.get_mut("selfheal-web").expect("there is a group");
        group.hooks.clear();
    });
    run_until_done(sim, &other, Goal::Apply, 1);
    sim.settle(HOUR);
    // The check and the schedule go once the spec does not ask for them, and a stack that sleeps is woken.
    let mut without = other.clone();
    (without.app.health, without.schedule) = (None, None);
    sim.tamper(|world| {
        world
            .groups
            .get_mut("selfheal-web")
            .expect("there is a group")
            .settings
            .desired = 0;
    });
    run_until_done(sim, &without, Goal::Apply, 2);
    sim.settle(HOUR);
    // Whoever waits while there is no instance asks why.
    let (instance, ..) = serving(sim).expect("it serves");
    sim.kill_instance(&instance);
    let now = read(sim, &without, Scope::Replace);
    let begun = Watch::new(&now, sim.inspect(World::now)).replacing(instance);
    await_serving(sim, &without, (begun, now));
}

#[test]
fn whatever_apply_is_granted_some_apply_uses() {
    let sim = Sim::new(even(21));
    let policy = operate(&sim, &scope(), Purpose::Apply);
    ask_first(&sim);
    let spec = first(&sim);
    changes(&sim, &spec);
    check(
        &policy,
        &used(&sim, true),
        &[
            // The role of Auto Scaling's own is made in the first account that has no group yet; the simulated one has it.
            ("AutoScalingRole", "iam:CreateServiceLinkedRole"),
            // An image that is named by its id; the stories name it by an alias, whose root device is known.
            ("Look", "ec2:DescribeImages"),
            // Asked where the account holds as many addresses as AWS allows by default.
            ("Look", "ec2:DescribeAccountAttributes"),
        ],
    );
}

#[test]
fn whatever_plan_status_and_resume_are_granted_they_use() {
    let sim = Sim::new(even(22));
    operate(&sim, &scope(), Purpose::Plan);
    let asked = ask_first(&sim);
    sim.tamper(|world| world.config.operator_policy = None);
    let spec = first(&sim);
    // Whether a volume is being modified is asked where it differs from the spec; here it does not.
    let images = [
        ("Look", "ec2:DescribeImages"),
        ("Look", "ec2:DescribeVolumesModifications"),
    ];
    let rare = [images[0], images[1], ("Look", "ec2:DescribeAccountAttributes")];
    let policy = operate(&sim, &scope(), Purpose::Plan);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    check(&policy, &used(&sim, true).union(&asked).cloned().collect(), &rare);
    let policy = operate(&sim, &scope(), Purpose::Status);
    read(&sim, &spec, Scope::Status);
    // Why a launch failed is asked where no instance is in service; here one is.
    let beyond = [
        rare[0],
        rare[1],
        rare[2],
        ("Look", "autoscaling:DescribeScalingActivities"),
    ];
    check(&policy, &used(&sim, true), &beyond);

    sim.tamper(|world| world.config.operator_policy = None);
    sim.fail_boots("selfheal-web", true);
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.kill_instance(&instance);
    sim.settle(6 * HOUR);
    sim.fail_boots("selfheal-web", false);
    let policy = operate(&sim, &scope(), Purpose::Resume);
    run_until_done(&sim, &spec, Goal::Resume, 1);
    check(&policy, &used(&sim, true), &images);
    sim.settle(6 * HOUR);
    assert!(serving(&sim).is_some(), "it serves again\n{}", sim.trace_text());
}

#[test]
fn whatever_sleep_is_granted_some_sleep_or_wake_uses() {
    let sim = Sim::new(even(27));
    let mut spec = first(&sim);
    let policy = operate(&sim, &scope(), Purpose::Sleep);
    let act = |sim: &Sim, spec: &Spec, goals: &[Goal]| {
        for goal in goals {
            run_until_done(sim, spec, goal.clone(), 1);
            sim.settle(HOUR);
        }
    };
    act(
        &sim,
        &spec,
        &[Goal::Sleep(SleepUntil::Wake), Goal::Wake { wait: false }],
    );
    // One that has never slept, and that nothing but a sleep's own action wakes.
    let plain = Sim::new(even(28));
    spec.schedule = None;
    run_until_done(&plain, &spec, Goal::Apply, 1);
    plain.settle(HOUR);
    operate(&plain, &scope(), Purpose::Sleep);
    let later = SleepUntil::Time(plain.inspect(World::now) + 72 * HOUR);
    act(&plain, &spec, &[Goal::Sleep(later), Goal::Wake { wait: true }]);
    check(
        &policy,
        &used(&sim, true).union(&used(&plain, true)).cloned().collect(),
        &[],
    );
}

#[test]
fn whatever_replace_is_granted_some_replacement_uses() {
    let sim = Sim::new(even(33));
    let spec = first(&sim);
    let policy = operate(&sim, &scope(), Purpose::Replace);
    let (instance, ..) = serving(&sim).expect("it serves");
    let before = read(&sim, &spec, Scope::Replace);
    run_until_done(&sim, &spec, Goal::Replace(Some(instance.clone())), 1);
    let begun = Watch::new(&before, sim.inspect(World::now)).replacing(instance);
    await_serving(&sim, &spec, (begun, before));
    check(&policy, &used(&sim, true), &[]);
}

#[test]
fn whatever_drill_is_granted_some_drill_uses() {
    let sim = Sim::new(even(34));
    let spec = first(&sim);
    // Its watch begins.
    sim.advance(Duration::from_secs(60));
    let policy = operate(&sim, &scope(), Purpose::Drill);
    let before = read(&sim, &spec, Scope::Drill);
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let drilling = drill(&sim, &spec, before, How::Terminate, (&sim, None), &ctl);
    let drilled = sim.block_on(drilling).expect("it ends").expect("it takes place");
    assert!(drilled.report.passed, "{:#?}", drilled.report);
    check(&policy, &used(&sim, true), &[]);
}

#[test]
fn whatever_a_drill_of_a_restore_is_granted_some_drill_uses() {
    let sim = Sim::new(even(35));
    let spec = first(&sim);
    // Its watch begins.
    sim.advance(Duration::from_secs(60));
    let whole = SnapshotOptions {
        wait: true,
        instant: false,
    };
    run_until_done(&sim, &spec, Goal::Snapshot(whole), 1);
    let policy = operate(&sim, &scope(), Purpose::DrillRestore);
    let before = read(&sim, &spec, Scope::Drill);
    let drill = RestoreDrill::of(&spec, &before, sim.now()).expect("nothing is against it");
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let drilling = drill_restore(&sim, &spec, drill, &ctl);
    let drilled = sim.block_on(drilling).expect("it ends").expect("it takes place");
    assert!(drilled.report.passed, "{:#?}", drilled.report);
    check(&policy, &used(&sim, true), &[]);
}

/// Waits as whoever has applied a stack does.
fn await_serving(sim: &Sim, spec: &Spec, begun: (Watch, Observed)) {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let patience = Patience {
        at_most: WATCH_MAX,
        lets_group_try_again: true,
    };
    let watched = sim.block_on(watch(sim, spec, begun, patience, &ctl)).expect("it ends");
    let verdict = watched.expect("the policy allows to read").verdict;
    assert!(matches!(verdict, Verdict::Serving(_)), "{verdict:?}");
}

#[test]
fn whatever_snapshot_is_granted_some_snapshot_uses() {
    let sim = Sim::new(even(29));
    let spec = first(&sim);
    let policy = operate(&sim, &scope(), Purpose::Snapshot);
    for instant in [false, true] {
        let wait = !instant;
        run_until_done(&sim, &spec, Goal::Snapshot(SnapshotOptions { wait, instant }), 1);
    }
    check(&policy, &used(&sim, true), &[]);
}

/// A restore has the policy of an apply beside its own.
#[test]
fn whatever_restore_is_granted_some_restore_uses() {
    let sim = Sim::new(even(30));
    let mut spec = first(&sim);
    // One that has never slept.
    let whole = SnapshotOptions {
        wait: true,
        instant: false,
    };
    spec.schedule = None;
    sim.tamper(|world| {
        let group = world.groups.get_mut("selfheal-web").expect("there is a group");
        group.settings.min = 1;
        group.scheduled.clear();
    });
    run_until_done(&sim, &spec, Goal::Snapshot(whole), 1);
    let snapshot = sim
        .inspect(|world| world.snapshots.keys().next().cloned())
        .expect("it is taken");
    let mut both = operate(&sim, &scope(), Purpose::Apply);
    let policy = operate(&sim, &scope(), Purpose::Restore);
    // One document may not use an identifier twice.
    let shared: BTreeSet<String> = both.statements.iter().map(|it| it.name().to_owned()).collect();
    both.statements
        .extend(policy.statements.iter().cloned().map(|mut statement| {
            if shared.contains(statement.name()) {
                statement.sid = None;
            }
            statement
        }));
    sim.tamper(|world| world.config.operator_policy = Some(both.to_json().into()));
    let goal = Goal::Restore(RestoreOptions {
        from: RestoreFrom::Snapshot(snapshot),
        zone: None,
        zone_lost: false,
    });
    run_until_done(&sim, &spec, goal, 1);
    // The policies of both let the parts of the world be read that both need.
    let own = |right: &Right| right.0 != "Look";
    let used: BTreeSet<Right> = used(&sim, true).into_iter().filter(own).collect();
    let looks: Vec<Right> = granted(&policy).into_iter().filter(|right| !own(right)).collect();
    let looks: Vec<(&str, &str)> = looks
        .iter()
        .map(|(sid, action)| (sid.as_str(), action.as_str()))
        .collect();
    // What the policy of an apply allows as well, for a stack with a schedule.
    let both = [
        ("RestoreTagged", "ec2:CreateVolume"),
        ("SetDesired", "autoscaling:SetDesiredCapacity"),
    ];
    check(&policy, &used, &[&looks[..], &both].concat());
}

#[test]
fn whatever_destroy_is_granted_some_destroy_uses() {
    let sim = Sim::new(even(23));
    let spec = first(&sim);
    let policy = operate(&sim, &scope(), Purpose::Destroy);
    permit_all(&sim);
    run_until_done(&sim, &spec, REMOVE_ALL, 1);
    check(&policy, &used(&sim, true), &BY_OTHERS);
}

/// An address that was there before, with a name of its own and without one.
#[test]
fn whatever_is_granted_for_an_adopted_address_is_used() {
    let named = Tags::from([("Name".to_owned(), "the old server".to_owned())]);
    for tags in [named, Tags::new()] {
        let sim = Sim::new(even(24));
        let allocation = sim.foreign_address(&tags);
        let mut scope = scope();
        scope.allocation_id = Some(allocation.to_string());
        let mut spec = several();
        spec.address.allocation = Some(allocation.clone());
        let policy = operate(&sim, &scope, Purpose::Apply);
        run_until_done(&sim, &spec, Goal::Apply, 1);
        let of_the_address = |right: &Right| right.0 == "AdoptAddress";
        assert!(granted(&policy).iter().any(of_the_address));
        assert!(used(&sim, true).iter().any(of_the_address));
        sim.inspect(|world| {
            let kept = world.addresses[&allocation].address.tags.clone();
            assert_eq!(kept.get(TAG_STACK).map(String::as_str), Some("web"));
            let name = tags.get("Name").map_or("selfheal-web", String::as_str);
            assert_eq!(
                kept.get("Name").map(String::as_str),
                Some(name),
                "its owner's name stays"
            );
        });
        sim.settle(HOUR);
        let policy = operate(&sim, &scope, Purpose::Destroy);
        permit_all(&sim);
        run_until_done(&sim, &spec, REMOVE_ALL, 1);
        let beyond = [&BY_OTHERS[..], &[("FreeInterfaces", "ec2:DisassociateAddress")]].concat();
        check(&policy, &used(&sim, true), &beyond);
    }
}

/// Boots, heals, fails and parks, with a volume and a check; once asked by its own watchdog too, once by AWS alone.
#[test]
fn whatever_the_instance_is_granted_some_instance_uses() {
    let mut all = BTreeSet::new();
    let mut policy = None;
    for from in [HealthFrom::Both, HealthFrom::Aws] {
        let sim = Sim::new(even(25));
        run_until_done(&sim, &probed(from), Goal::Apply, 1);
        sim.settle(HOUR);
        let text = sim.inspect(|world| {
            let role = world.roles.values().next().expect("there is a role");
            let (_, policy) = role.policies.iter().next().expect("it has a policy");
            policy.document.clone()
        });
        policy = Some(text.parse::<Document>().expect("it is a policy"));
        let (instance, ..) = serving(&sim).expect("it serves");
        sim.fail_app(&instance);
        sim.settle(2 * HOUR);
        sim.fail_boots("selfheal-web", true);
        if let Some((instance, ..)) = serving(&sim) {
            sim.impair_instance(&instance);
        }
        sim.settle(6 * HOUR);
        all.extend(used(&sim, false));
    }
    check(
        &policy.expect("it has a policy"),
        &all,
        &[
            // The agent of Session Manager calls these; it is no part of the simulation.
            ("SessionChannels", "ssmmessages:CreateDataChannel"),
            ("SessionChannels", "ssmmessages:OpenControlChannel"),
            ("SessionChannels", "ssmmessages:OpenDataChannel"),
            ("SessionControl", "ssmmessages:CreateControlChannel"),
            ("SessionRegistration", "ssm:UpdateInstanceInformation"),
        ],
    );
}

/// The predecessor of an instance runs under the same role: it can take the address or the volume from nobody by name.
#[test]
fn no_instance_acts_for_another_one_of_its_stack() {
    let sim = Sim::new(even(26));
    first(&sim);
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.kill_instance(&instance);
    sim.settle(HOUR);
    let (second, ..) = serving(&sim).expect("it serves again");
    // A third one, launched beside it.
    sim.tamper(|world| {
        let mut twin = world.instances[&second].clone();
        twin.mounted = None;
        world.instances.insert("i-0twin".into(), twin);
    });
    let twin = sim.as_instance(&"i-0twin".into());
    let volume = sim.inspect(|world| world.instances[&second].mounted.clone().expect("it has the volume"));
    let denied = |result: Result<_, selfheal_aws::CallError>| {
        result.expect_err("it is refused").kind() == selfheal_aws::CallErrorKind::Denied
    };
    assert!(denied(twin.detach_volume(&volume, Some(&second)).map(drop)));
    let allocation = sim.inspect(|world| world.addresses.keys().next().cloned().expect("there is an address"));
    assert!(denied(
        twin.associate_address(&allocation, second.as_str(), true).map(drop)
    ));
}
