//! A stack made by hand, call by call, without the executor.

use std::future::Future;
use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig, SubnetRecord, World};
use selfheal_aws::{AutoScaling, CallError, CallResult, Clock, Ec2, Iam};
use selfheal_core::names::{LAUNCH_HOOK, Names, POLICY_NAME, ResourceKind, TAG_FIRST_USE};
use selfheal_core::world::{
    AllocationId, ApplicationCheckSettings, CreateVolume, GroupSettings, LaunchTemplateId, LifecycleHook, RootVolume,
    SecurityGroupId, SubnetId, TemplateData, VolumeId,
};
use selfheal_policy::{InstanceScope, Partition, instance_policy, trust_policy};
use selfheal_userdata::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe, render};

pub const ZONE: &str = "eu-west-1a";
pub const REGION: &str = "eu-west-1";
pub const ACCOUNT: &str = "123456789012";
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
        tags,
        client_token: token.to_owned(),
    }
}

pub fn template_data(world: &World, security_group: &SecurityGroupId, user_data: &str) -> TemplateData {
    let names = names();
    let (image, record) = world
        .images
        .iter()
        .find(|(_, image)| image.architecture.as_deref() == Some("arm64"))
        .expect("the world has images");
    TemplateData {
        image_id: image.clone(),
        instance_type: "t4g.small".to_owned(),
        profile_arn: profile_arn(),
        security_groups: vec![security_group.clone()],
        public_ip: true,
        root: RootVolume {
            device: record.root_device.clone(),
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            kms_key: None,
        },
        user_data: user_data.into(),
        http_tokens: "required".to_owned(),
        hop_limit: 1,
        metadata_tags: "disabled".to_owned(),
        instance_tags: names.tags(ResourceKind::Instance),
        volume_tags: names.tags(ResourceKind::RootVolume),
        interface_tags: names.tags(ResourceKind::NetworkInterface),
    }
}

pub fn profile_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:instance-profile/selfheal/{}", names().profile)
}

pub fn subnet(world: &World) -> SubnetRecord {
    let found = world
        .subnets
        .values()
        .find(|record| record.subnet.zone == ZONE && record.default);
    found.expect("each zone has a default subnet").clone()
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

pub fn settings(template: &LaunchTemplateId, subnet: &SubnetId) -> GroupSettings {
    let names = names();
    GroupSettings {
        name: names.group.clone(),
        min: 1,
        max: 1,
        desired: 1,
        subnet: subnet.clone(),
        template_id: template.clone(),
        template_version: 1,
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 60,
        hooks: vec![hook()],
        tags: names.tags(ResourceKind::Group),
    }
}

pub fn boot_config(address: &str, volume: &str) -> BootConfig {
    let names = names();
    BootConfig {
        stack: names.stack.clone(),
        region: REGION.to_owned(),
        dns_suffix: "amazonaws.com".to_owned(),
        group: names.group.clone(),
        launch_hook: LAUNCH_HOOK.to_owned(),
        terminate_hook: None,
        role: names.role,
        allocation_id: address.to_owned(),
        data: Some(DataVolume {
            volume_id: volume.to_owned(),
            mount: "/srv/data".to_owned(),
            filesystem: Filesystem::Xfs,
        }),
        setup: Some(b"echo 'volume_id=vol-not-this-one'".to_vec()),
        setup_timeout_s: 3_600,
        files: Vec::new(),
        health: Some(HealthCheck {
            probe: Probe::Tcp { port: 80 },
            interval_s: 10,
            threshold: 3,
            startup_budget_s: 300,
            from: HealthFrom::Instance,
        }),
        address_when: AddressWhen::Healthy,
        breaker_limit: 3,
    }
}

/// The policy of the instance's role.
pub fn policy(address: &str, volume: &str, subnet: &str) -> String {
    let names = names();
    let scope = InstanceScope {
        partition: Partition::Aws,
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        stack: names.stack,
        group: names.group,
        instance_profile: profile_arn(),
        allocation_id: address.to_owned(),
        volume_id: Some(volume.to_owned()),
        vpc_id: None,
        subnet_id: Some(subnet.to_owned()),
        session_manager: false,
        bundle_path: None,
        parameter_path: None,
        log_group: None,
        kms_key: None,
        application_check: false,
    };
    instance_policy(&scope).expect("the scope is well-formed").to_json()
}

/// Makes everything but the group.
pub fn prepare(sim: &Sim) -> Stack {
    prepare_with(sim, |config| config)
}

/// Makes everything but the group, with another configuration of the boot program.
pub fn prepare_with(sim: &Sim, change: impl FnOnce(BootConfig) -> BootConfig) -> Stack {
    let names = names();
    let subnet = sim.inspect(subnet).subnet;
    let made = on(sim, async {
        let address = sim
            .allocate_address(&names.tags(ResourceKind::Address))
            .await?
            .allocation_id;
        let volume = sim.create_volume(&volume_input("token-1")).await?.id;
        let tags = names.tags(ResourceKind::SecurityGroup);
        let security_group = sim
            .create_security_group(&names.security_group, &subnet.vpc_id, &tags)
            .await?;
        sim.create_role(
            &names.role,
            &trust_policy(Partition::Aws).to_json(),
            &names.tags(ResourceKind::Role),
            None,
        )
        .await?;
        sim.put_role_policy(
            &names.role,
            POLICY_NAME,
            &policy(address.as_str(), volume.as_str(), subnet.id.as_str()),
        )
        .await?;
        sim.create_instance_profile(&names.profile, &names.tags(ResourceKind::Profile))
            .await?;
        sim.add_role_to_profile(&names.profile, &names.role).await?;
        let user_data =
            render(&change(boot_config(address.as_str(), volume.as_str()))).expect("the configuration renders");
        let data = sim.inspect(|world| template_data(world, &security_group, &user_data.to_base64()));
        let tags = names.tags(ResourceKind::LaunchTemplate);
        let template = sim.create_launch_template(&names.launch_template, &data, &tags).await?;
        let settings = settings(&template, &subnet.id);
        // IAM spreads late.
        sim.sleep(Duration::from_secs(30)).await;
        Ok(Stack {
            address,
            volume,
            security_group,
            template,
            settings,
        })
    });
    made.unwrap_or_else(|error| panic!("{error}"))
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
pub fn member(sim: &Sim) -> String {
    sim.inspect(|world| {
        let members = &world.groups[&names().group].members;
        assert_eq!(members.len(), 1, "{members:?}");
        members[0].id.clone()
    })
}

/// The one member, which must be healed: in service, with the volume mounted and the address on it.
pub fn healed(sim: &Sim, stack: &Stack) -> String {
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
