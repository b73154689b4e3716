//! The stack that a scenario boots: made by the planner and the executor from the workspace's example, as a person would,
//! but for what the scenario says.

use selfheal_aws::sim::{Range, Sim, SimConfig, Timings, World};
use selfheal_aws::{AutoScaling, Control, Goal, Silent, apply, observe};
use selfheal_core::desired::user_data;
use selfheal_core::names::{Names, TAG_FIRST_USE, TERMINATE_HOOK, Tags};
use selfheal_core::spec::{
    AddressWhen, AgentPin, AppFile, ConfigSpec, EXAMPLE, Filesystem, HealthProbe, HealthSpec, HttpsSpec, LogsSpec,
    NotifySpec, NotifyTo, Repair, Setup, Spec, SpecFile,
};
use selfheal_core::world::{AllocationId, GroupSettings, VolumeId};

use super::network::APP_PORT;
use crate::error::{TaskError, TaskResult};

/// Where the data volume is mounted.
pub const MOUNT: &str = "/srv/data";

/// Installs the app: a web server that shows the volume, writes once what must survive and notes every start.
pub const APP_SETUP: &str = include_str!("../../boot-lab/app-setup.sh");

/// What a scenario can choose about its stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filesystem.
    pub filesystem: Filesystem,
    /// Size of the data volume in MiB; the simulated AWS is told GiB, the loop device is real.
    pub volume_mib: u64,
    /// Whether the volume bears the mark of first use.
    pub first_use: bool,
    /// The script that prepares the instance.
    pub prepare: Option<String>,
    /// The setup script.
    pub setup: Option<String>,
    /// The app's units.
    pub units: Vec<String>,
    /// What comes first where the app fails.
    pub repair: Option<Repair>,
    /// The app's files: their places and contents.
    pub files: Vec<(String, String)>,
    /// The app's configuration in Parameter Store.
    pub config: Option<ConfigSpec>,
    /// The probe, with the default interval of the lab.
    pub health: Option<HealthSpec>,
    /// When the address moves.
    pub address_when: AddressWhen,
    /// The breaker's limit.
    pub breaker_limit: u32,
    /// What is logged, where anything is.
    pub logs: Option<LogsSpec>,
    /// Who is told, where anybody is: mail addresses, which have confirmed.
    pub notify: Option<NotifySpec>,
    /// Systems Manager's agent, where it is to be installed: the lab's machines are Debian's.
    pub agent: Option<AgentPin>,
    /// HTTPS by nginx, where it is asked for.
    pub https: Option<HttpsSpec>,
    /// Whether the group keeps its terminate hook. Where instances only die, it would make each scenario a minute longer.
    pub terminate_hook: bool,
    /// Milliseconds from attaching to attached.
    pub attach_ms: u64,
    /// Milliseconds that a terminated instance still holds its volume.
    pub release_ms: u64,
    /// Milliseconds from pending to running.
    pub pending_ms: u64,
    /// Milliseconds from running until the group has come to its launch hook.
    pub hook_lag_ms: u64,
    /// How many instances the group wants.
    pub desired: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filesystem: Filesystem::Ext4,
            volume_mib: 64,
            first_use: true,
            prepare: None,
            setup: Some(APP_SETUP.to_owned()),
            units: Vec::new(),
            repair: None,
            files: Vec::new(),
            config: None,
            health: Some(app_health()),
            address_when: AddressWhen::Healthy,
            breaker_limit: 3,
            logs: None,
            notify: None,
            agent: None,
            https: None,
            terminate_hook: false,
            attach_ms: 150,
            release_ms: 500,
            pending_ms: 100,
            hook_lag_ms: 100,
            desired: 1,
        }
    }
}

/// A probe of the app over HTTP, quick to see a failure.
pub fn app_health() -> HealthSpec {
    HealthSpec {
        interval_s: 1,
        startup_budget_s: 60,
        ..HealthSpec::new(HealthProbe::Http {
            tls: false,
            port: APP_PORT,
            path: "/".to_owned(),
        })
    }
}

/// A probe that succeeds at once.
pub fn quick_health() -> HealthSpec {
    HealthSpec {
        probe: HealthProbe::Command {
            line: "true".to_owned(),
        },
        ..app_health()
    }
}

/// The ids of a stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// The allocation.
    pub allocation_id: String,
    /// The Elastic IP.
    pub public_ip: String,
    /// The data volume.
    pub volume_id: String,
    /// The user data, uncompressed, to look for what must not be in it.
    pub script: String,
}

/// A world whose own delays are those of the options, or too short to wait for.
pub fn world(options: &Options) -> Sim {
    let exactly = Range::exactly;
    let timings = Timings {
        volume_create: exactly(1),
        volume_attach: exactly(options.attach_ms),
        volume_detach: exactly(200),
        volume_release: exactly(options.release_ms),
        instance_pending: exactly(options.pending_ms),
        hook_lag: exactly(options.hook_lag_ms),
        instance_terminate: exactly(1_500),
        health_detect: exactly(200),
        group_reaction: exactly(50),
        launch_backoff: exactly(200),
        iam_propagation: exactly(0),
        policy_propagation: exactly(0),
        ..Timings::default()
    };
    let config = SimConfig {
        boot_model: false,
        timings,
        ..SimConfig::seeded(1)
    };
    Sim::new(config)
}

/// The example, with what the scenario chooses.
fn spec(options: &Options) -> TaskResult<Spec> {
    let file = SpecFile::parse(EXAMPLE).and_then(|file| file.into_spec(None));
    let mut spec = file.map_err(|errors| TaskError::malformed("the example", errors))?;
    if let Some(data) = &mut spec.data {
        // What the machines see of it is smaller still.
        data.size_gib = 1;
        data.filesystem = options.filesystem;
    }
    spec.address.when = Some(options.address_when);
    let script = |path: &str, body: &Option<String>| {
        let body = body.clone()?.into_bytes();
        let path = path.to_owned();
        Some(Setup { path, body })
    };
    spec.app.prepare = script("prepare.sh", &options.prepare);
    spec.app.setup = script("setup.sh", &options.setup);
    spec.app.units.clone_from(&options.units);
    spec.app.repair = options.repair;
    spec.app.files = options.files.iter().map(own_file).collect();
    spec.config.clone_from(&options.config);
    spec.app.health = options.health.clone();
    spec.app.breaker_limit = options.breaker_limit;
    spec.logs.clone_from(&options.logs);
    spec.notify.clone_from(&options.notify);
    spec.access.agent.clone_from(&options.agent);
    spec.https.clone_from(&options.https);
    Ok(spec)
}

/// A file of root's.
fn own_file((path, content): &(String, String)) -> AppFile {
    AppFile {
        path: path.clone(),
        from: "a file of the scenario's".to_owned(),
        owner: AppFile::OWNER_DEFAULT.to_owned(),
        mode: AppFile::MODE_DEFAULT,
        content: Some(content.clone().into_bytes()),
    }
}

/// Makes the stack. Its group may have launched by then; what follows from it waits for the world's clock.
pub fn create(sim: &Sim, options: &Options) -> TaskResult<Stack> {
    let spec = spec(options)?;
    let applied = sim
        .block_on(make(sim, &spec))
        .map_err(|error| TaskError::failed(error.to_string()))?;
    applied.map_err(|error| TaskError::failed(format!("the stack cannot be made: {error}")))?;
    let names = Names::new(&spec.name, &spec.region);
    if options.desired != 1 {
        resize(sim, &names, options.desired)?;
    }
    if let Some(NotifySpec {
        to: NotifyTo::Own { emails, .. },
        ..
    }) = &options.notify
    {
        let all = sim.tamper(|world| emails.iter().all(|email| world.confirm_subscription(email)));
        if !all {
            return Err(TaskError::failed("a subscription cannot be confirmed"));
        }
    }
    let ids = sim.tamper(|world| deviate(world, &names, options));
    let (allocation_id, public_ip, volume_id) = ids.ok_or_else(|| TaskError::failed("the stack is not whole"))?;
    let account = sim.inspect(|world| world.config.account.clone());
    let zone = sim.inspect(|world| world.zones.keys().next().cloned());
    let script = user_data(&spec, &account, &allocation_id, Some(&volume_id), zone.as_ref())
        .map_err(|error| TaskError::failed(error.to_string()))?
        .script()
        .to_owned();
    Ok(Stack {
        group: names.group,
        role: names.role,
        allocation_id: allocation_id.into(),
        public_ip,
        volume_id: volume_id.into(),
        script,
    })
}

/// Reads, plans and applies, as the command does.
async fn make(sim: &Sim, spec: &Spec) -> Result<(), String> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let observed = observe(sim, spec, Goal::Apply.scope(), &ctl).await;
    let observed = observed.map_err(|error| error.to_string())?;
    let plan = Goal::Apply.plan(spec, &observed);
    let applied = apply(sim, spec, Goal::Apply, &plan, observed, &ctl).await;
    applied.map(drop).map_err(|error| error.to_string())
}

/// Sets how many instances the group wants.
fn resize(sim: &Sim, names: &Names, instances: u32) -> TaskResult<()> {
    let refused = |error: &dyn std::fmt::Display| TaskError::failed(format!("the group keeps its size: {error}"));
    let settings = sim.inspect(|world| world.groups.get(&names.group).map(|group| group.settings.clone()));
    let settings = settings.map(|settings| GroupSettings {
        min: instances,
        max: instances,
        desired: instances,
        ..settings
    });
    let settings = settings.ok_or_else(|| refused(&"there is none"))?;
    let resized = sim
        .block_on(sim.update_group(&settings))
        .map_err(|error| refused(&error))?;
    resized.map_err(|error| refused(&error))
}

/// Changes what no spec can ask for; answers the allocation, the address and the data volume.
fn deviate(world: &mut World, names: &Names, options: &Options) -> Option<(AllocationId, String, VolumeId)> {
    let address = world.addresses.values().next()?.address.clone();
    let group = world.groups.get_mut(&names.group)?;
    if !options.terminate_hook {
        group.hooks.retain(|hook| hook.name != TERMINATE_HOOK);
    }
    let is_data = |tags: &Tags| tags.contains_key(TAG_FIRST_USE);
    let volume = world.volumes.values_mut().find(|record| is_data(&record.volume.tags))?;
    if !options.first_use {
        volume.volume.tags.remove(TAG_FIRST_USE);
    }
    Some((address.allocation_id, address.public_ip, volume.volume.id.clone()))
}
