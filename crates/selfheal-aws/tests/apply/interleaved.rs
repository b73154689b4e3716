//! Two operators at once, by who makes which call when: every order with up to three changes from the one to the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimError, TraceKind, Violation, When, World};
use selfheal_aws::{
    ApplyError, ApplyErrorKind, CallError, CallResult, Clock, Control, Goal, Intercepted, Interceptor, Silent, apply,
    observe,
};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::Spec;
use selfheal_core::world::InstanceState;

use crate::support::{applied, calls, census, even, look, run, run_until_done, serving, web};

const SETTLED: Duration = Duration::from_secs(1_800);
/// For how long others read the addresses before they allocate one.
const OTHERS_WAIT_MS: u64 = 15_000;
/// How often whoever is not at it looks whether that has changed. Nothing of AWS passes so fast.
const LOOK: Duration = Duration::from_millis(5);

/// Who may make calls: so many of the first, then so many of the second, then the rest of the first, then the rest of the second.
#[derive(Debug, Default)]
struct Order {
    first: u64,
    second: u64,
    made: [u64; 2],
    ended: [bool; 2],
}

impl Order {
    fn may(&self, who: usize) -> bool {
        let [made_first, made_second] = self.made;
        if self.ended[1 - who] {
            return true;
        }
        let second_is_over = made_second >= self.second || self.ended[1];
        match who {
            0 => made_first < self.first || second_is_over,
            _ => made_first >= self.first && made_second < self.second,
        }
    }
}

/// One operator's place in the order.
#[derive(Debug)]
struct Turn {
    sim: Sim,
    who: usize,
    order: Arc<Mutex<Order>>,
}

impl Turn {
    fn take(&self) -> bool {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let may = order.may(self.who);
        order.made[self.who] += u64::from(may);
        may
    }
}

#[async_trait]
impl Interceptor for Turn {
    async fn before(&self, _: &'static str) -> CallResult<()> {
        while !self.take() {
            self.sim.sleep(LOOK).await;
        }
        Ok(())
    }

    async fn after(&self, _: &'static str, _: Option<&CallError>) -> CallResult<()> {
        Ok(())
    }
}

/// Reads, plans and executes, each call in its turn.
async fn in_turn(sim: Sim, who: usize, order: Arc<Mutex<Order>>, spec: &Spec, goal: Goal) -> Result<(), ApplyError> {
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let turn = Turn {
        sim: sim.clone(),
        who,
        order: Arc::clone(&order),
    };
    let aws = Intercepted::new(sim.clone(), turn);
    let observed = observe(&aws, spec, goal.scope(), &ctl).await.expect("it can be read");
    let shown = goal.plan(spec, &observed);
    let done = apply(&aws, spec, goal, &shown, observed, &ctl).await;
    order.lock().unwrap_or_else(PoisonError::into_inner).ended[who] = true;
    done.map(drop)
}

/// Lets two operators act in this order; answers whether each was done, or why both were ended.
fn both(sim: &Sim, spec: &Spec, goals: [Goal; 2], first: u64, second: u64) -> Result<[bool; 2], SimError> {
    let order = Arc::new(Mutex::new(Order {
        first,
        second,
        ..Order::default()
    }));
    let [one, other] = goals;
    let alice = in_turn(sim.as_operator("alice"), 0, Arc::clone(&order), spec, one);
    let bob = in_turn(sim.as_operator("bob"), 1, order, spec, other);
    let (one, other) = sim.block_on(join(alice, bob))?;
    for error in [one.as_ref().err(), other.as_ref().err()].into_iter().flatten() {
        let told = matches!(
            error.kind,
            ApplyErrorKind::Changed(_)
                | ApplyErrorKind::Overtaken(_)
                | ApplyErrorKind::Refused(_)
                | ApplyErrorKind::Step { .. }
        );
        assert!(told, "{first} calls, then {second}: {error}");
    }
    Ok([one.is_ok(), other.is_ok()])
}

fn one_stack(sim: &Sim, spec: &Spec, context: &str) {
    run_until_done(sim, spec, Goal::Apply, 3);
    assert!(
        look(sim, spec, Goal::Apply).is_empty(),
        "{context}\n{}",
        sim.trace_text()
    );
    let more: Vec<_> = census(sim)
        .into_iter()
        .filter(|(kind, count)| {
            let once = [
                "addresses",
                "data volumes",
                "security groups",
                "templates",
                "groups",
                "roles",
                "profiles",
            ];
            once.contains(kind) && *count != 1
        })
        .collect();
    assert!(more.is_empty(), "{context}: {more:?}\n{}", sim.trace_text());
    sim.settle(SETTLED);
    assert!(serving(sim).is_some(), "{context}\n{}", sim.trace_text());
}

/// Whether what ended both is a second address.
fn is_second_address(error: &SimError) -> bool {
    let SimError::Violated { violations, .. } = error else {
        return false;
    };
    let second = |it: &Violation| it.to_string().starts_with("S5: stack web has 2 of role address");
    violations.iter().all(second)
}

/// Whether whoever made the role allocated an address later than others wait for that.
fn stopped_with_the_lock(sim: &Sim) -> bool {
    let at = |action: &str, caller: Option<&str>| {
        sim.trace().into_iter().find_map(|event| match event.what {
            TraceKind::Call(call)
                if call.action == action && call.took_effect() && caller.is_none_or(|name| name == call.caller) =>
            {
                Some((event.at_ms, call.caller))
            }
            _ => None,
        })
    };
    let (made_ms, maker) = at("iam:CreateRole", None).expect("somebody made the role");
    let allocated = at("ec2:AllocateAddress", Some(&maker));
    allocated.is_some_and(|(at_ms, _)| at_ms - made_ms > OTHERS_WAIT_MS)
}

/// One address is used, and where there is a second one, a plan tells of it.
fn one_address_is_used(sim: &Sim, spec: &Spec, context: &str) -> usize {
    run_until_done(sim, spec, Goal::Apply, 3);
    sim.settle(SETTLED);
    let (used, all) = sim.inspect(|world| {
        let running = world.instances.values().find(|it| it.state == InstanceState::Running);
        let of_running = |id: Option<&_>| running.is_some_and(|it| Some(&it.id) == id);
        let held = world.addresses.values().map(|it| it.address.instance_id.as_ref());
        (held.filter(|id| of_running(*id)).count(), world.addresses.len())
    });
    assert!(
        used == 1 && all <= 2,
        "{context}: {used} of {all}\n{}",
        sim.trace_text()
    );
    let plan = look(sim, spec, Goal::Apply);
    assert!(plan.is_empty(), "{context}: {plan}");
    assert!(all == 1 || plan.to_string().contains("eipalloc-"), "{context}: {plan}");
    all
}

#[test]
fn two_first_applies_end_in_one_world_in_every_order_of_up_to_three_changes() {
    let spec = web();
    let count = calls(&applied(even(80)));
    let (mut orders, mut twice) = (0, 0);
    for first in 0..=count {
        // Another fifth of the second's calls for each of the first's.
        for second in (first % 5..=count).step_by(5) {
            let sim = Sim::new(even(80));
            let context = format!("{first} calls, then {second}");
            orders += 1;
            let Err(error) = both(&sim, &spec, [Goal::Apply, Goal::Apply], first, second) else {
                one_stack(&sim, &spec, &context);
                continue;
            };
            // Whoever made the role holds the lock, and may stop for longer than anybody waits before allocating: ARCHITECTURE.md.
            let stopped = is_second_address(&error) && stopped_with_the_lock(&sim);
            assert!(stopped, "{context}: {error}\n{}", sim.trace_text());
            assert_eq!(one_address_is_used(&sim, &spec, &context), 2, "{context}");
            twice += 1;
        }
    }
    assert!(
        orders > 150 && twice * 5 < orders,
        "{orders} orders, {twice} with a second address"
    );
}

#[test]
fn an_apply_and_a_destroy_never_both_succeed_with_half_a_stack_in_any_order_of_up_to_three_changes() {
    let spec = web();
    let there = applied(even(81));
    there.settle(SETTLED);
    let there = there.inspect(World::clone);
    let destroy = Goal::Destroy(DestroyOptions::default());
    let mut changed = web();
    changed.instance.instance_type = "t4g.medium".to_owned();
    let whole = Sim::from_world(there.clone());
    whole.drain_trace();
    run_until_done(&whole, &spec, destroy.clone(), 1);
    let count = calls(&whole);
    let (mut orders, mut both_done) = (0, 0);
    for first in 0..=20 {
        for second in (first % 10..=count).step_by(10) {
            let sim = Sim::from_world(there.clone());
            sim.drain_trace();
            let done = both(&sim, &changed, [Goal::Apply, destroy.clone()], first, second);
            let done =
                done.unwrap_or_else(|error| panic!("{first} calls, then {second}: {error}\n{}", sim.trace_text()));
            let pieces = sim.inspect(|world| [world.templates.len(), world.groups.len(), world.roles.len()]);
            let context = format!("{first} calls, then {second}: {done:?}");
            if done == [true, true] {
                assert!(
                    pieces.iter().all(|it| *it == pieces[0]),
                    "{context} {pieces:?}\n{}",
                    sim.trace_text()
                );
                both_done += 1;
            }
            one_stack(&sim, &changed, &context);
            orders += 1;
        }
    }
    assert!(
        orders > 50 && both_done > 0,
        "{orders} orders, {both_done} with both done"
    );
}

#[test]
fn two_who_finish_a_first_apply_that_was_killed_before_its_address_end_with_one_that_is_used_and_the_other_is_told() {
    let spec = web();
    let killed = || {
        let sim = Sim::new(even(82));
        let allocates = When::Nth("ec2:AllocateAddress".to_owned(), 1);
        sim.set_faults(FaultPlan::none().with_times(allocates, Fault::CrashBefore, 1));
        assert!(sim.block_on(run(&sim, &spec, Goal::Apply)).is_err());
        sim.set_faults(FaultPlan::none());
        sim
    };
    let mut twice = 0;
    for later_ms in [0, 40, 90, 500, 16_000] {
        let sim = killed();
        let (alice, bob) = (sim.as_operator("alice"), sim.as_operator("bob"));
        let late = async {
            bob.sleep(Duration::from_millis(later_ms)).await;
            run(&bob, &spec, Goal::Apply).await
        };
        let ended = sim.block_on(join(run(&alice, &spec, Goal::Apply), late));
        // What is left of the race is a second address, which S5 tells at once.
        assert!(ended.as_ref().err().is_none_or(is_second_address), "{ended:?}");
        twice += usize::from(one_address_is_used(&sim, &spec, &format!("{later_ms} ms")) == 2);
    }
    assert!(twice < 5, "whoever comes later finds the address of the first");
}
