//! A stack on the simulated AWS, and what is left of it.

use selfheal_aws::sim::{FaultPlan, Latency, Range, Sim, SimConfig, SimError, World};
use selfheal_aws::{ApplyError, Control, Goal, Outcome, Scope, Silent, apply, observe};
use selfheal_core::Observed;
use selfheal_core::plan::Plan;
use selfheal_core::spec::{EXAMPLE, HealthFrom, HealthProbe, HealthSpec, Spec, SpecFile};
use selfheal_core::world::{ApplicationCheck, InstanceId, InstanceState, VolumeId, VolumeState};
use selfheal_policy::{OperatorScope, Partition, Purpose, operator_policy};

/// The stack of the README.
pub fn web() -> Spec {
    let file = SpecFile::parse(EXAMPLE).expect("the example parses");
    file.into_spec(None).expect("the example is valid")
}

/// The same stack with a probe, asked from here.
pub fn probed(from: HealthFrom) -> Spec {
    let mut spec = web();
    let mut health = HealthSpec::new(HealthProbe::Http {
        tls: false,
        port: 80,
        path: "/healthz".to_owned(),
    });
    health.from = from;
    spec.app.health = Some(health);
    spec
}

/// The stacks that every fault and every crash is tried on: one that AWS does not probe, and one that it does.
pub fn stacks() -> [Spec; 2] {
    [web(), probed(HealthFrom::Both)]
}

/// How many seeds a stack is tried with: a third of them where AWS probes, which differs by three calls.
pub fn seeds(spec: &Spec, most: u64) -> std::ops::Range<u64> {
    0..if spec.asks_aws() { most / 3 } else { most }
}

/// A world in which every call takes exactly 50 logical milliseconds.
pub fn even(seed: u64) -> SimConfig {
    let latency = Latency {
        request: Range::new(25, 25),
        response: Range::new(25, 25),
    };
    SimConfig {
        latency,
        ..SimConfig::seeded(seed)
    }
}

/// Reads, plans and executes, as the command does.
pub async fn run(sim: &Sim, spec: &Spec, goal: Goal) -> Result<Outcome, ApplyError> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let sim = &sim.serving(&spec.name);
    let observed = observe(sim, spec, goal.scope(), &ctl)
        .await
        .expect("reads that may pass are repeated");
    let shown = goal.plan(spec, &observed);
    apply(&sim.showing(&shown), spec, goal, &shown, observed, &ctl).await
}

/// Reads a stack in a scope.
pub fn read(sim: &Sim, spec: &Spec, scope: Scope) -> Observed {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let read = sim.block_on(observe(sim, spec, scope, &ctl)).expect("it ends");
    read.expect("it can be read")
}

/// Reads and plans.
pub fn look(sim: &Sim, spec: &Spec, goal: Goal) -> Plan {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let observed = sim
        .block_on(observe(sim, spec, goal.scope(), &ctl))
        .expect("it ends")
        .expect("it can be read");
    goal.plan(spec, &observed)
}

/// Runs until it succeeds, as a person would who runs the same command again, but at most `tries` times. A run that is
/// cut off is followed by another.
pub fn run_until_done(sim: &Sim, spec: &Spec, goal: Goal, tries: u32) -> Outcome {
    let mut last = String::new();
    for _ in 0..tries {
        match sim.block_on(run(sim, spec, goal.clone())) {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(error)) => last = error.to_string(),
            Err(SimError::Crashed { .. }) => last = "cut off".to_owned(),
            Err(error) => panic!("{error}\n{}", sim.trace_text()),
        }
    }
    panic!("not done after {tries} tries: {last}\n{}", sim.trace_text());
}

/// Applies the stack of the README without faults.
pub fn applied(config: SimConfig) -> Sim {
    applied_as(config, &web())
}

/// Applies a stack without faults.
pub fn applied_as(config: SimConfig, spec: &Spec) -> Sim {
    let sim = Sim::new(config);
    run_until_done(&sim, spec, Goal::Apply, 1);
    sim
}

/// What exists, by kind: enough to tell two worlds apart where something was made twice or left behind.
pub fn census(sim: &Sim) -> Vec<(&'static str, usize)> {
    sim.inspect(|world: &World| {
        let live = |state: &VolumeState| !matches!(state, VolumeState::Deleting | VolumeState::Deleted);
        let data = |world: &World| {
            let tagged =
                |tags: &selfheal_core::names::Tags| tags.get("selfheal:role").is_some_and(|role| role == "volume");
            world
                .volumes
                .values()
                .filter(|v| live(&v.volume.state) && tagged(&v.volume.tags))
                .count()
        };
        vec![
            ("addresses", world.addresses.len()),
            ("data volumes", data(world)),
            (
                "security groups",
                world
                    .security_groups
                    .values()
                    .filter(|g| g.group.name.starts_with("selfheal-"))
                    .count(),
            ),
            (
                "open ports",
                world
                    .security_groups
                    .values()
                    .map(|group| group.group.ingress.len())
                    .sum(),
            ),
            ("application checks", live_checks(world).count()),
            (
                "tags that are asked",
                live_checks(world).map(|check| check.targets.len()).sum(),
            ),
            ("templates", world.templates.len()),
            (
                "template versions",
                world.templates.values().map(|template| template.versions.len()).sum(),
            ),
            ("groups", world.groups.len()),
            ("hooks", world.groups.values().map(|group| group.hooks.len()).sum()),
            ("roles", world.roles.len()),
            ("policies", world.roles.values().map(|role| role.policies.len()).sum()),
            ("profiles", world.profiles.len()),
            (
                "profiles with a role",
                world.profiles.values().filter(|p| p.profile.role.is_some()).count(),
            ),
            (
                "A records",
                world
                    .zones
                    .values()
                    .flat_map(|z| &z.records)
                    .filter(|r| r.record_type == "A")
                    .count(),
            ),
        ]
    })
}

/// Application status checks that are not deleted.
pub fn live_checks(world: &World) -> impl Iterator<Item = &ApplicationCheck> {
    let checks = world.application_checks.values().map(|record| &record.check);
    checks.filter(|check| !check.deleted)
}

/// The one running instance that the group has in service, with the address and the volume that it holds.
pub fn serving(sim: &Sim) -> Option<(InstanceId, String, VolumeId)> {
    sim.inspect(|world| {
        let group = world.groups.get("selfheal-web")?;
        let member = group
            .members
            .iter()
            .find(|member| member.lifecycle.as_str() == "InService")?;
        let instance = world
            .instances
            .get(&member.id)
            .filter(|instance| instance.state == InstanceState::Running)?;
        let address = world
            .addresses
            .values()
            .find(|a| a.address.instance_id.as_ref() == Some(&member.id))?;
        Some((
            member.id.clone(),
            address.address.public_ip.clone(),
            instance.mounted.clone()?,
        ))
    })
}

/// A new world with these faults.
pub fn faulty(config: SimConfig, faults: FaultPlan) -> Sim {
    let sim = Sim::new(config);
    sim.set_faults(faults);
    sim
}

/// How many API calls of the operator the trace holds.
pub fn calls(sim: &Sim) -> u64 {
    use selfheal_aws::sim::TraceKind;
    let is_operator = |event: &&selfheal_aws::sim::TraceEvent| matches!(&event.what, TraceKind::Call(call) if !call.caller.starts_with("i-"));
    sim.trace().iter().filter(is_operator).count() as u64
}

/// Lets the operator act from here on under the generated policy of a command, for the stack with what the change of its scope
/// says; what was used before is forgotten.
pub fn operate(sim: &Sim, purpose: Purpose, change: impl FnOnce(&mut OperatorScope)) {
    let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    scope.record_name = Some("app.example.com".to_owned());
    change(&mut scope);
    let policy = operator_policy(&scope, purpose).expect("the scope is well-formed");
    sim.tamper(|world| {
        world.config.operator_policy = Some(policy.to_json().into());
        world.granted.clear();
    });
}
