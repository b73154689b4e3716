//! A random day: two stacks in one world, what happens to them, and what must hold of it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join;
use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, SimError, When, World, unhealed};
use selfheal_aws::{ApplyError, Clock as _, Control, Goal, Silent, apply, observe};
use selfheal_core::Plan;
use selfheal_core::names::{ResourceKind, TAG_ROLE, TAG_STACK, Tags};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{
    EXAMPLE, HealthFrom, HealthProbe, HealthSpec, Ingress, OpenPorts, Protocol, Repair, Source, Spec, SpecFile,
};
use selfheal_core::world::{InstanceState, Volume, VolumeState};

use crate::event::{Change, Edit, Event, Harm, STACKS, Weather};

const HOUR: Duration = Duration::from_secs(3600);

/// How often a run is made again at most, once nothing is made to fail any more: what an earlier day has left may need some.
const TRIES: u32 = 6;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// The names of the stacks.
const NAMES: [&str; STACKS] = ["web", "shop"];

/// The spec of a stack as the first day finds it.
///
/// # Errors
/// Where the example of the README is none.
pub fn spec(stack: usize) -> Result<Spec, Failure> {
    let name = NAMES[stack];
    let text = EXAMPLE
        .replace("name = \"web\"", &format!("name = \"{name}\""))
        .replace("app.example.com", &format!("{name}.example.com"));
    let broken = |error: &dyn std::fmt::Display| Failure(format!("the example is no spec: {error}"));
    let file = SpecFile::parse(&text).map_err(|error| broken(&error))?;
    let mut spec = file.into_spec(None).map_err(|error| broken(&error))?;
    // One of them is asked by its instance, and repaired in place.
    if stack == 1 {
        spec.app.health = Some(HealthSpec::new(HealthProbe::Tcp { port: 443 }));
        spec.app.repair = Some(Repair::Reboot);
    }
    Ok(spec)
}

/// Reads, plans and executes, as the command does.
pub async fn run(sim: &Sim, spec: &Spec, goal: Goal) -> Result<usize, String> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let sim = &sim.serving(&spec.name);
    let observed = observe(sim, spec, goal.scope(), &ctl)
        .await
        .map_err(|error| error.to_string())?;
    let shown = goal.plan(spec, &observed);
    let done: Result<_, ApplyError> = apply(&sim.showing(&shown), spec, goal, &shown, observed, &ctl).await;
    done.map(|outcome| outcome.done.len())
        .map_err(|error| error.to_string())
}

/// A day under way.
struct Day {
    sim: Sim,
    specs: Vec<Spec>,
}

/// Lives through these events in the world of this seed.
///
/// # Errors
/// With the first safety invariant that was violated, or with what had not healed once everything was left in peace.
pub fn live(seed: u64, events: &[Event]) -> Result<(), Failure> {
    let specs = (0..STACKS).map(spec).collect::<Result<_, _>>()?;
    let mut day = Day {
        sim: Sim::new(SimConfig::seeded(seed)),
        specs,
    };
    day.settled(0)?;
    for event in events {
        day.happen(event)
            .and_then(|()| day.is_safe())
            .map_err(|Failure(what)| Failure(format!("{what}, at {event}")))?;
    }
    day.rest()
}

/// Writes down a day: what happened in the world, a line an event.
pub fn trace(seed: u64, events: &[Event]) -> String {
    let Ok(specs) = (0..STACKS).map(spec).collect() else {
        return String::new();
    };
    let mut day = Day {
        sim: Sim::new(SimConfig::seeded(seed)),
        specs,
    };
    let mut end = day.settled(0);
    for event in events {
        end = end.and_then(|()| day.happen(event)).and_then(|()| day.is_safe());
    }
    drop(end.and_then(|()| day.rest()));
    day.sim.trace_text()
}

impl Day {
    fn happen(&mut self, event: &Event) -> Result<(), Failure> {
        match *event {
            Event::Apply(stack) => self.attempt(stack, Goal::Apply),
            Event::Destroy(stack) => self.attempt(stack, destroy()),
            Event::CutOff { stack, call, after } => {
                let fault = if after { Fault::CrashAfter } else { Fault::CrashBefore };
                let plan = FaultPlan::none().with_times(When::Call(call), fault, 1);
                self.sim.set_faults(plan.only_for(self.sim.caller().name()));
                self.attempt(stack, Goal::Apply)?;
                self.sim.set_faults(FaultPlan::none());
                Ok(())
            }
            Event::TwoApply { stack, later_ms } => self.both(stack, Goal::Apply, later_ms),
            Event::ApplyAndDestroy { stack, later_ms } => self.both(stack, destroy(), later_ms),
            Event::Change(stack, change) => {
                alter(&mut self.specs[stack], change);
                Ok(())
            }
            Event::Edit(stack, edit) => {
                self.edit(stack, edit);
                Ok(())
            }
            Event::Harm(stack, harm) => {
                self.harm(stack, harm);
                Ok(())
            }
            Event::FailBoots(stack, fail) => {
                self.sim.fail_boots(&group(stack), fail);
                Ok(())
            }
            Event::NoCapacity(refuse) => {
                self.refuse_launches(refuse);
                Ok(())
            }
            Event::Storm(weather, permille) => {
                let everything = When::Sometimes(String::new(), permille);
                let plan = FaultPlan::none().with_times(everything, fault(weather), 30);
                self.sim.set_faults(plan);
                Ok(())
            }
            Event::Outage(service, minutes) => {
                let now_ms = self.sim.now_ms();
                let when = When::Between(service.to_owned(), now_ms, now_ms + minutes * 60_000);
                self.sim.set_faults(FaultPlan::none().with(when, Fault::ServiceDown));
                Ok(())
            }
            Event::Wait(minutes) => {
                self.sim.advance(Duration::from_secs(60 * minutes));
                Ok(())
            }
        }
    }

    /// One run, which may fail: faults may be about, and somebody may have made what only a person can resolve.
    fn attempt(&self, stack: usize, goal: Goal) -> Result<(), Failure> {
        match self.sim.block_on(run(&self.sim, &self.specs[stack], goal)) {
            Ok(_) | Err(SimError::Crashed { .. }) => Ok(()),
            Err(error) => Err(Failure(error.to_string())),
        }
    }

    /// Somebody applies a stack, and somebody else does something a moment later.
    fn both(&self, stack: usize, other: Goal, later_ms: u64) -> Result<(), Failure> {
        if self.sim.inspect(|world| is_without_address(world, NAMES[stack])) {
            return self.attempt(stack, Goal::Apply);
        }
        let spec = &self.specs[stack];
        let (alice, bob) = (self.sim.as_operator("alice"), self.sim.as_operator("bob"));
        let late = async {
            bob.sleep(Duration::from_millis(later_ms)).await;
            run(&bob, spec, other).await
        };
        let both = self.sim.block_on(join(run(&alice, spec, Goal::Apply), late));
        both.map(drop).map_err(|error| Failure(error.to_string()))
    }

    fn edit(&self, stack: usize, edit: Edit) {
        let name = NAMES[stack];
        self.sim.tamper(|world| match edit {
            Edit::Record => {
                let record = format!("{name}.example.com");
                for zone in world.zones.values_mut() {
                    zone.records.retain(|have| have.name.trim_end_matches('.') != record);
                }
            }
            Edit::Ingress => {
                let of_stack = world
                    .security_groups
                    .values_mut()
                    .filter(|it| is_of(&it.group.tags, name));
                of_stack.for_each(|it| it.group.ingress.clear());
            }
            Edit::Hooks => world
                .groups
                .get_mut(&group(stack))
                .into_iter()
                .for_each(|it| it.hooks.clear()),
            Edit::Policies => {
                let of_stack = world.roles.values_mut().filter(|it| is_of(&it.role.tags, name));
                of_stack.for_each(|it| it.policies.clear());
            }
            Edit::VolumeTags if is_named(world, name) => {
                let data = ResourceKind::Volume.as_str();
                let tags = world.volumes.values_mut().map(|record| &mut record.volume.tags);
                tags.filter(|tags| is_of(tags, name) && tags.get(TAG_ROLE).is_some_and(|role| role == data))
                    .for_each(Tags::clear);
            }
            Edit::AddressTags if is_named(world, name) => {
                let tags = world.addresses.values_mut().map(|record| &mut record.address.tags);
                tags.filter(|tags| is_of(tags, name)).for_each(Tags::clear);
            }
            Edit::VolumeTags | Edit::AddressTags => {}
        });
    }

    fn refuse_launches(&self, refuse: bool) {
        let zones: BTreeSet<String> = self.sim.inspect(|world| {
            let subnets = world.subnets.values();
            subnets.map(|record| record.subnet.zone.clone()).collect()
        });
        zones.iter().for_each(|zone| self.sim.refuse_launches(zone, refuse));
    }

    fn harm(&self, stack: usize, harm: Harm) {
        let sim = &self.sim;
        let running = sim.inspect(|world| {
            let mut instances = world.instances.values();
            let up = |state: &InstanceState| *state == InstanceState::Running;
            let of_stack = instances.find(|it| up(&it.state) && is_of(&it.tags, NAMES[stack]));
            of_stack.map(|it| it.id.clone())
        });
        if let Some(id) = running {
            match harm {
                Harm::Kill => sim.kill_instance(&id),
                Harm::Stop => sim.stop_instance(&id),
                Harm::StopAndStart => {
                    let stopped = sim.stop_instance(&id);
                    sim.advance(Duration::from_secs(60));
                    stopped && sim.start_instance(&id)
                }
                Harm::PowerOff => sim.power_off_instance(&id),
                Harm::Impair => sim.impair_instance(&id),
                Harm::Panic => sim.panic_instance(&id),
                Harm::Hang => sim.hang_instance(&id),
                Harm::Reboot => sim.reboot_instance(&id),
                Harm::FailApp => sim.fail_app(&id),
                Harm::HangApp => sim.hang_app(&id),
            };
        }
    }

    /// No safety invariant was violated so far.
    fn is_safe(&self) -> Result<(), Failure> {
        match self.sim.violations().first() {
            None => Ok(()),
            Some(violation) => Err(Failure(violation.to_string())),
        }
    }

    /// Applies a stack until it succeeds, and lets the world come to rest.
    fn settled(&self, stack: usize) -> Result<(), Failure> {
        self.until_done(stack, Goal::Apply)?;
        self.sim.advance(HOUR);
        self.is_safe()
    }

    fn until_done(&self, stack: usize, goal: Goal) -> Result<usize, Failure> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.sim.block_on(run(&self.sim, &self.specs[stack], goal.clone())) {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => last = error,
                Err(error) => return Err(Failure(error.to_string())),
            }
            self.sim.advance(Duration::from_secs(600));
        }
        Err(Failure(format!(
            "{} is not done after {TRIES} tries: {last}",
            NAMES[stack]
        )))
    }

    /// Nothing is made to fail any more: everything heals, an apply ends, a second one changes nothing, and what held data or
    /// an address is still there.
    fn rest(&self) -> Result<(), Failure> {
        self.sim.set_faults(FaultPlan::none());
        self.refuse_launches(false);
        (0..STACKS).for_each(|stack| self.sim.fail_boots(&group(stack), false));
        let held = self.sim.inspect(held);
        // An instance that cannot do its work gives up after four hours, and its successor finds everything in order.
        self.sim.advance(6 * HOUR);
        self.is_safe()?;
        for stack in 0..STACKS {
            self.until_done(stack, Goal::Apply)?;
            if self.sim.inspect(|world| {
                world
                    .groups
                    .get(&group(stack))
                    .is_some_and(|it| !it.suspended.is_empty())
            }) {
                self.until_done(stack, Goal::Resume)?;
            }
        }
        self.sim.advance(6 * HOUR);
        self.is_safe()?;
        // What had lost its tags gets these back in a run of its own, and what else the spec changes of it in the next.
        for stack in 0..STACKS {
            self.until_done(stack, Goal::Apply)?;
        }
        self.sim.advance(6 * HOUR);
        self.is_safe()?;
        let effects = self.sim.effects();
        for stack in 0..STACKS {
            let plan = self.look(stack)?;
            if !plan.is_empty() {
                return Err(Failure(format!("an apply that was done has more to do:\n{plan}")));
            }
            self.until_done(stack, Goal::Apply)?;
        }
        if self.sim.effects() != effects {
            return Err(Failure("a second apply changes something".to_owned()));
        }
        if let Some(violation) = self.sim.inspect(unhealed).first() {
            return Err(Failure(format!("not healed: {violation}")));
        }
        let lost: Vec<String> = held.difference(&self.sim.inspect(self::held)).cloned().collect();
        if !lost.is_empty() {
            return Err(Failure(format!("{} is gone", lost.join(", "))));
        }
        self.is_safe()
    }

    fn look(&self, stack: usize) -> Result<Plan, Failure> {
        let (sim, spec) = (&self.sim, &self.specs[stack]);
        let ctl = Control {
            clock: sim,
            jitter: sim,
            progress: &Silent,
        };
        let read = sim.block_on(observe(sim, spec, Goal::Apply.scope(), &ctl));
        let observed = read
            .map_err(|error| Failure(error.to_string()))?
            .map_err(|error| Failure(format!("cannot be read: {error}")))?;
        Ok(Goal::Apply.plan(spec, &observed))
    }
}

const fn destroy() -> Goal {
    Goal::Destroy(DestroyOptions::KEEP)
}

fn group(stack: usize) -> String {
    format!("selfheal-{}", NAMES[stack])
}

fn is_of(tags: &Tags, stack: &str) -> bool {
    tags.get(TAG_STACK).is_some_and(|owner| owner == stack)
}

/// Whether the role's policy or the template says what a stack owns: only then may its tags be lost without harm.
fn is_named(world: &World, stack: &str) -> bool {
    let template = world.templates.values().any(|it| is_of(&it.tags, stack));
    let policy = world
        .roles
        .values()
        .any(|it| is_of(&it.role.tags, stack) && !it.policies.is_empty());
    template && policy
}

/// Whether a killed run has left a stack between its role and its address. Two runs at once that both find it so may allocate
/// one each, within the same tenth of a second: ARCHITECTURE.md tells why, and the next plan tells of the second one.
fn is_without_address(world: &World, stack: &str) -> bool {
    let role = world.roles.values().any(|it| is_of(&it.role.tags, stack));
    let address = world.addresses.values().any(|it| is_of(&it.address.tags, stack));
    role && !address
}

/// What holds data or an address.
fn held(world: &World) -> BTreeSet<String> {
    let volumes = world.volumes.values().filter(|record| !record.delete_on_termination);
    let live = volumes.filter(|record| is_there(&record.volume));
    let volumes = live.map(|record| record.volume.id.to_string());
    volumes.chain(world.addresses.keys().map(ToString::to_string)).collect()
}

fn is_there(volume: &Volume) -> bool {
    !matches!(
        volume.state,
        VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error
    )
}

fn fault(weather: Weather) -> Fault {
    match weather {
        Weather::Throttled => Fault::Throttle,
        Weather::Error => Fault::ErrorBeforeEffect,
        Weather::AnswerLost => Fault::AnswerLost,
        Weather::Late => Fault::LateVisibility(5_000),
        Weather::Stale => Fault::Stale(5_000),
    }
}

fn alter(spec: &mut Spec, change: Change) {
    match change {
        Change::InstanceType => {
            let other = if spec.instance.instance_type == "t4g.small" {
                "t4g.medium"
            } else {
                "t4g.small"
            };
            other.clone_into(&mut spec.instance.instance_type);
        }
        Change::Port => {
            let Ingress::Ports(ports) = &mut spec.instance.ingress else {
                return;
            };
            // From nobody to an office, from there to everybody, and back to nobody.
            let office = OpenPorts {
                first: 8443,
                last: 8450,
                protocol: Protocol::Tcp,
                from: vec![Source::Ipv4([203, 0, 113, 0].into(), 24)],
            };
            let everybody = OpenPorts {
                from: vec![Source::WORLD],
                ..office.clone()
            };
            match ports.iter().position(|open| open.first == office.first) {
                None => ports.push(office),
                Some(at) if ports[at] == office => ports[at] = everybody,
                Some(at) => drop(ports.remove(at)),
            }
        }
        Change::Grow => spec.data.iter_mut().for_each(|data| data.size_gib += 5),
        Change::Check => {
            let mut health = HealthSpec::new(HealthProbe::Http {
                tls: false,
                port: 80,
                path: "/healthz".to_owned(),
            });
            health.from = HealthFrom::Both;
            spec.app.health = match spec.app.health {
                Some(_) => None,
                None => Some(health),
            };
        }
    }
}
