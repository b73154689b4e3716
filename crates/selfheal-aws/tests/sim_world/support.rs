//! The workspace's example on the simulated AWS: planned and applied as by the command, up to its group, which the tests make
//! themselves.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use selfheal_aws::sim::{Sim, SimConfig, World};
use selfheal_aws::{
    AutoScaling, CallError, CallErrorKind, CallResult, Clock, Control, Goal, Iam, Intercepted, Interceptor, Silent,
    apply, observe,
};
use selfheal_core::Action;
use selfheal_core::names::{LAUNCH_HOOK, Names, POLICY_NAME, ResourceKind, TAG_FIRST_USE};
use selfheal_core::plan::{Readiness, StepKind};
use selfheal_core::spec::{EXAMPLE, HealthProbe, HealthSpec, Setup, Spec, SpecFile};
use selfheal_core::world::{
    AllocationId, ApplicationCheckSettings, CreateVolume, GroupCall, GroupSettings, InstanceId, LaunchTemplateId,
    LifecycleHook, SecurityGroupId, TemplateData, VolumeId,
};

pub const ZONE: &str = "eu-west-1a";
pub const REGION: &str = "eu-west-1";
pub const HOUR: Duration = Duration::from_secs(3600);

/// The ids of a stack.
#[derive(Clone, Debug)]
pub struct Stack {
    pub address: AllocationId,
    pub volume: VolumeId,
    pub security_group: SecurityGroupId,
    pub template: LaunchTemplateId,
    pub settings: GroupSettings,
}

/// A world of this seed.
pub fn world(seed: u64) -> Sim {
    Sim::new(SimConfig::seeded(seed))
}

/// Runs a call to its answer; only faults and violations of the world itself fail it.
pub fn on<T>(sim: &Sim, call: impl Future<Output = CallResult<T>>) -> CallResult<T> {
    sim.block_on(call)
        .unwrap_or_else(|error| panic!("{error}\n{}", sim.trace_text()))
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(result: CallResult<T>) -> String {
    result.expect_err("the call is refused").code.expect("AWS names a code")
}

/// A failed call's code and message.
pub fn words<T: std::fmt::Debug>(result: CallResult<T>) -> String {
    let CallError { code, message, .. } = result.expect_err("the call is refused");
    format!("{}: {message}", code.unwrap_or_default())
}

pub fn names() -> Names {
    Names::new("web", REGION)
}

pub fn volume_input(token: &str) -> CreateVolume {
    let mut tags = names().tags(ResourceKind::Volume);
    tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned());
    CreateVolume {
        zone: ZONE.to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: None,
        snapshot_id: None,
        tags,
        client_token: token.to_owned(),
    }
}

/// What the stack's template says, with other user data.
pub fn template_data(sim: &Sim, stack: &Stack, user_data: &str) -> TemplateData {
    let mut data = sim.inspect(|world| world.templates[&stack.template].versions[0].clone());
    data.user_data = user_data.into();
    data
}

pub fn hook() -> LifecycleHook {
    LifecycleHook {
        name: LAUNCH_HOOK.to_owned(),
        transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
        heartbeat_s: 3600,
        default_result: "ABANDON".to_owned(),
    }
}

pub fn termination_hook() -> LifecycleHook {
    LifecycleHook {
        name: "selfheal-terminate".to_owned(),
        transition: "autoscaling:EC2_INSTANCE_TERMINATING".to_owned(),
        heartbeat_s: 300,
        default_result: "CONTINUE".to_owned(),
    }
}

/// The stack of the README.
pub fn example() -> Spec {
    let file = SpecFile::parse(EXAMPLE).expect("the example parses");
    file.into_spec(None).expect("the example is valid")
}

/// The example as these tests want it: without a name, whose zone is in no world of theirs, and with a probe and a setup.
pub fn spec() -> Spec {
    let mut spec = example();
    spec.dns = None;
    spec.app.health = Some(HealthSpec::new(HealthProbe::Tcp { port: 80 }));
    spec.app.setup = Some(Setup {
        path: "setup.sh".to_owned(),
        body: b"echo 'volume_id=vol-not-this-one'".to_vec(),
    });
    spec
}

/// The policy of the instance's role.
pub fn policy(sim: &Sim) -> String {
    let found = on(sim, sim.get_role_policy(&names().role, POLICY_NAME)).expect("it can be read");
    found.expect("the role has it").to_string()
}

/// Makes everything but the group.
pub fn prepare(sim: &Sim) -> Stack {
    prepare_with(sim, |_| ())
}

/// Asks for no volume and no setup.
pub fn without_data(spec: &mut Spec) {
    spec.data = None;
    spec.app.setup = None;
}

/// Makes everything but the group, of another spec.
pub fn prepare_with(sim: &Sim, change: impl FnOnce(&mut Spec)) -> Stack {
    let mut spec = spec();
    change(&mut spec);
    let made = on(sim, async {
        run_up_to_group(sim, &spec).await?;
        let settings = settings_to_create(sim, &spec).await?;
        // IAM spreads late.
        sim.sleep(Duration::from_secs(30)).await;
        Ok(settings)
    });
    let mut settings = made.unwrap_or_else(|error| panic!("{error}\n{}", sim.trace_text()));
    // Most tests want instances that die at once; those that let them leave add the hook again.
    settings.hooks.retain(|hook| hook.name == LAUNCH_HOOK);
    sim.inspect(|world| Stack {
        address: world.addresses.keys().next().expect("it is allocated").clone(),
        volume: data_volume(world),
        security_group: world.security_groups.keys().next().expect("it is made").clone(),
        template: settings.template_id.clone(),
        settings,
    })
}

/// Reads, plans and applies, as the command does, until nothing but the group is missing.
async fn run_up_to_group(sim: &Sim, spec: &Spec) -> CallResult<()> {
    let (aws, ctl) = (Intercepted::new(sim.clone(), BeforeGroup), control(sim));
    let observed = observe(&aws, spec, Goal::Apply.scope(), &ctl).await?;
    let plan = Goal::Apply.plan(spec, &observed);
    let ended = apply(&aws, spec, Goal::Apply, &plan, observed, &ctl).await;
    let error = ended.expect_err("the run is not let make the group").to_string();
    assert!(error.contains(NOT_BY_THE_RUN), "{error}\n{}", sim.trace_text());
    Ok(())
}

/// What the group is created with: the plan, in which nothing else is left, has it.
async fn settings_to_create(sim: &Sim, spec: &Spec) -> CallResult<GroupSettings> {
    let observed = observe(sim, spec, Goal::Apply.scope(), &control(sim)).await?;
    let plan = Goal::Apply.plan(spec, &observed);
    let is_left = [
        StepKind::CreateGroup,
        StepKind::PutLaunchHook,
        StepKind::PutTerminateHook,
    ];
    let left: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
    assert_eq!(left, is_left, "{plan}\n{}", sim.trace_text());
    match &plan.steps[0].readiness {
        Readiness::Ready { action } => match &**action {
            Action::Group(GroupCall::CreateGroup(settings)) => Ok(settings.clone()),
            other => panic!("the group is not made by {other:?}"),
        },
        Readiness::Waiting { needs } => panic!("the group waits for {needs:?}"),
    }
}

/// A run that tells nobody.
pub const fn control(sim: &Sim) -> Control<'_> {
    Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    }
}

const NOT_BY_THE_RUN: &str = "the test makes the group";

/// Ends a run where it would make the group.
#[derive(Debug)]
struct BeforeGroup;

#[async_trait]
impl Interceptor for BeforeGroup {
    async fn before(&self, action: &'static str) -> CallResult<()> {
        match action {
            "autoscaling:CreateAutoScalingGroup" => Err(CallError::new(CallErrorKind::Other, action, NOT_BY_THE_RUN)),
            _ => Ok(()),
        }
    }

    async fn after(&self, _: &'static str, _: Option<&CallError>) -> CallResult<()> {
        Ok(())
    }
}

/// The data volume, or the id of none where the spec asks for none.
fn data_volume(world: &World) -> VolumeId {
    world.volumes.keys().next().cloned().unwrap_or_default()
}

/// Makes a whole stack and lets it come to rest.
pub fn launch(sim: &Sim) -> Stack {
    let stack = prepare(sim);
    create(sim, &stack);
    stack
}

/// Makes the group of a prepared stack and lets it come to rest.
pub fn create(sim: &Sim, stack: &Stack) {
    on(sim, sim.create_group(&stack.settings)).unwrap_or_else(|error| panic!("{error}"));
    rest(sim);
}

/// Lets the world come to rest, and fails on any violation.
pub fn rest(sim: &Sim) {
    assert!(sim.settle(6 * HOUR), "the world never rests:\n{}", sim.trace_text());
    assert_safe(sim);
}

pub fn assert_safe(sim: &Sim) {
    let violations = sim.violations();
    assert!(violations.is_empty(), "{violations:?}\n{}", sim.trace_text());
}

/// The one member of the group.
pub fn member(sim: &Sim) -> InstanceId {
    sim.inspect(|world| {
        let members = &world.groups[&names().group].members;
        assert_eq!(members.len(), 1, "{members:?}");
        members[0].id.clone()
    })
}

/// The one member, which must be healed: in service, with the volume mounted and the address on it.
pub fn healed(sim: &Sim, stack: &Stack) -> InstanceId {
    let id = member(sim);
    sim.inspect(|world| {
        let member = &world.groups[&names().group].members[0];
        let text = || sim_text(world);
        assert_eq!(member.lifecycle.as_str(), "InService", "{}", text());
        assert!(member.healthy, "{}", text());
        assert_eq!(world.instances[&id].mounted.as_ref(), Some(&stack.volume), "{}", text());
        assert_eq!(
            world.addresses[&stack.address].address.instance_id.as_ref(),
            Some(&id),
            "{}",
            text()
        );
    });
    id
}

pub fn sim_text(world: &World) -> String {
    world.trace.iter().map(|event| format!("{event}\n")).collect()
}

/// Trace lines that contain a text.
pub fn lines(sim: &Sim, part: &str) -> Vec<String> {
    sim.trace_text()
        .lines()
        .filter(|line| line.contains(part))
        .map(str::to_owned)
        .collect()
}

/// What an application status check of the simulated stacks asks.
pub fn check_settings() -> ApplicationCheckSettings {
    ApplicationCheckSettings {
        aggregation: "included".to_owned(),
        protocol: "http".to_owned(),
        port: 80,
        path: "/".to_owned(),
        device_index: 0,
        ip_version: "ipv4".to_owned(),
        ip_scope: "private".to_owned(),
        interval_s: 60,
        timeout_s: 10,
        failure_threshold: 3,
        success_threshold: 1,
        status_codes: "200-399".to_owned(),
        initial_grace_s: 300,
    }
}
