//! The stack that a scenario boots: what the tool would have made, made directly in the simulated AWS.

use selfheal_aws::sim::{Range, Sim, SimConfig, SubnetRecord, Timings};
use selfheal_aws::{AutoScaling, CallResult, Ec2, Iam};
use selfheal_core::names::{LAUNCH_HOOK, Names, POLICY_NAME, Role, TAG_FIRST_USE};
use selfheal_core::world::{CreateVolume, GroupSettings, Image, LifecycleHook, RootVolume, TemplateData};
use selfheal_policy::{InstanceScope, Partition, instance_policy, trust_policy};
use selfheal_userdata::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe, render};

use super::network::APP_PORT;
use crate::error::{TaskError, TaskResult};

/// Where the data volume is mounted.
pub const MOUNT: &str = "/srv/data";
const STACK: &str = "lab";
const REGION: &str = "eu-west-1";
const TERMINATE_HOOK: &str = "selfheal-terminate";

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
    /// The setup script.
    pub setup: Option<String>,
    /// The probe, with the default interval of the lab.
    pub health: Option<HealthCheck>,
    /// When the address moves.
    pub address_when: AddressWhen,
    /// The breaker's limit.
    pub breaker_limit: u32,
    /// Whether the group has a terminate hook.
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
            setup: Some(APP_SETUP.to_owned()),
            health: Some(app_health()),
            address_when: AddressWhen::Healthy,
            breaker_limit: 3,
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
pub fn app_health() -> HealthCheck {
    HealthCheck {
        probe: Probe::Http {
            url: format!("http://127.0.0.1:{APP_PORT}/"),
        },
        interval_s: 1,
        threshold: 3,
        startup_budget_s: 60,
        from: HealthFrom::Instance,
    }
}

/// A probe that succeeds at once.
pub fn quick_health() -> HealthCheck {
    HealthCheck {
        probe: Probe::Command {
            command: "true".to_owned(),
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
        region: REGION.to_owned(),
        boot_model: false,
        timings,
        ..SimConfig::seeded(1)
    };
    Sim::new(config)
}

/// Makes the stack. Instances start to be launched as soon as the world's clock moves on.
pub fn create(sim: &Sim, options: &Options) -> TaskResult<Stack> {
    let made = sim
        .block_on(make(sim, options))
        .map_err(|error| TaskError::failed(error.to_string()))?;
    made.map_err(|error| TaskError::failed(format!("the simulated AWS refuses the stack: {error}")))?
}

async fn make(sim: &Sim, options: &Options) -> CallResult<TaskResult<Stack>> {
    let names = Names::new(STACK, REGION);
    let subnet = sim.inspect(|world| world.subnets.values().next().cloned());
    let Some(SubnetRecord { subnet, .. }) = subnet else {
        return Ok(Err(TaskError::failed("the simulated AWS has no subnet")));
    };
    let address = sim.allocate_address(&names.tags(Role::Address)).await?;
    let volume = sim.create_volume(&volume_input(&names, &subnet.zone, options)).await?;
    let security_group = sim
        .create_security_group(&names.security_group, &subnet.vpc_id, &names.tags(Role::SecurityGroup))
        .await?;
    sim.create_role(
        &names.role,
        &trust_policy(Partition::Aws).to_json(),
        &names.tags(Role::Role),
        None,
    )
    .await?;
    let profile = sim
        .create_instance_profile(&names.profile, &names.tags(Role::Profile))
        .await?;
    sim.add_role_to_profile(&names.profile, &names.role).await?;
    let scope = InstanceScope {
        partition: Partition::Aws,
        region: REGION.to_owned(),
        account: sim.inspect(|world| world.config.account.clone()),
        stack: STACK.to_owned(),
        group: names.group.clone(),
        instance_profile: profile.arn.clone(),
        allocation_id: address.allocation_id.clone(),
        volume_id: Some(volume.id.clone()),
        vpc_id: Some(subnet.vpc_id.clone()),
        subnet_id: Some(subnet.id.clone()),
        session_manager: false,
        parameter_path: None,
        log_group: None,
        kms_key: None,
        application_check: false,
    };
    let policy = match instance_policy(&scope) {
        Ok(policy) => policy.to_json(),
        Err(error) => return Ok(Err(TaskError::failed(error.to_string()))),
    };
    sim.put_role_policy(&names.role, POLICY_NAME, &policy).await?;
    let user_data = match render(&boot_config(&names, &address.allocation_id, &volume.id, options)) {
        Ok(user_data) => user_data,
        Err(error) => return Ok(Err(TaskError::failed(error.to_string()))),
    };
    let data = template(&names, &profile.arn, &security_group, user_data.to_base64(), sim);
    let template_id = sim
        .create_launch_template(&names.launch_template, &data, &names.tags(Role::LaunchTemplate))
        .await?;
    let settings = group_settings(&names, &template_id, &subnet.id, options);
    sim.create_group(&settings).await?;
    if options.terminate_hook {
        let hook = LifecycleHook {
            name: TERMINATE_HOOK.to_owned(),
            transition: "autoscaling:EC2_INSTANCE_TERMINATING".to_owned(),
            heartbeat_s: 60,
            default_result: "CONTINUE".to_owned(),
        };
        sim.put_lifecycle_hook(&names.group, &hook).await?;
    }
    Ok(Ok(Stack {
        group: names.group,
        role: names.role,
        allocation_id: address.allocation_id,
        public_ip: address.public_ip,
        volume_id: volume.id,
        script: user_data.script().to_owned(),
    }))
}

fn volume_input(names: &Names, zone: &str, options: &Options) -> CreateVolume {
    let mut tags = names.tags(Role::Volume);
    if options.first_use {
        tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned());
    }
    CreateVolume {
        zone: zone.to_owned(),
        size_gib: 1,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: None,
        tags,
        client_token: "lab".to_owned(),
    }
}

fn boot_config(names: &Names, allocation_id: &str, volume_id: &str, options: &Options) -> BootConfig {
    BootConfig {
        stack: STACK.to_owned(),
        region: REGION.to_owned(),
        dns_suffix: "amazonaws.com".to_owned(),
        group: names.group.clone(),
        launch_hook: LAUNCH_HOOK.to_owned(),
        terminate_hook: options.terminate_hook.then(|| TERMINATE_HOOK.to_owned()),
        role: names.role.clone(),
        allocation_id: allocation_id.to_owned(),
        data: Some(DataVolume {
            volume_id: volume_id.to_owned(),
            mount: MOUNT.to_owned(),
            filesystem: options.filesystem,
        }),
        setup: options.setup.clone().map(String::into_bytes),
        setup_timeout_s: 3_600,
        health: options.health.clone(),
        address_when: options.address_when,
        breaker_limit: options.breaker_limit,
    }
}

fn template(names: &Names, profile_arn: &str, security_group: &str, user_data: String, sim: &Sim) -> TemplateData {
    let image_id = sim
        .inspect(|world| {
            let x86 = |image: &&Image| image.architecture.as_deref() == Some("x86_64");
            world.images.values().find(x86).map(|image| image.id.clone())
        })
        .unwrap_or_default();
    let root = RootVolume {
        device: "/dev/xvda".to_owned(),
        size_gib: 8,
        volume_type: "gp3".to_owned(),
        encrypted: true,
        kms_key: None,
    };
    TemplateData {
        image_id,
        instance_type: "t3.micro".to_owned(),
        profile_arn: profile_arn.to_owned(),
        security_groups: vec![security_group.to_owned()],
        public_ip: true,
        root,
        user_data,
        http_tokens: "required".to_owned(),
        hop_limit: 1,
        metadata_tags: "enabled".to_owned(),
        instance_tags: names.tags(Role::Instance),
        volume_tags: names.tags(Role::RootVolume),
        interface_tags: names.tags(Role::NetworkInterface),
    }
}

fn group_settings(names: &Names, template_id: &str, subnet: &str, options: &Options) -> GroupSettings {
    GroupSettings {
        name: names.group.clone(),
        min: options.desired,
        max: options.desired,
        desired: options.desired,
        subnet: subnet.to_owned(),
        template_id: template_id.to_owned(),
        template_version: 1,
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 0,
        hooks: vec![LifecycleHook {
            name: LAUNCH_HOOK.to_owned(),
            transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
            heartbeat_s: 3_600,
            default_result: "ABANDON".to_owned(),
        }],
        tags: names.tags(Role::Group),
    }
}
