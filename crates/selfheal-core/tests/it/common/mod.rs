//! An AWS of a few lines: it answers every action as AWS would, so that plans can be carried out without a backend.

use jiff::Timestamp;
use selfheal_core::plan::{Plan, WaitFor};
use selfheal_core::spec::{EXAMPLE, HealthFrom, HealthProbe, HealthSpec, Spec, SpecFile};
use selfheal_core::world::{
    Address, AddressCall, ApplicationCheck, ApplicationCheckCall, Attachment, AttachmentState,
    CreateApplicationStatusCheck, GroupInstance, HealthStatus, HostedZone, IamRole, Identity, Image, InstanceId,
    InstanceProfile, InstanceProfileCall, InstanceState, LaunchTemplateCall, LifecyclePolicyCall, LifecycleState,
    Observed, RoleCall, SecurityGroupCall, Snapshot, SnapshotCall, SnapshotState, Subnet, Volume, VolumeCall,
    VolumeState,
};
use selfheal_core::{Action, Answer};

/// The stack of the README: everything but an adopted address.
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

/// An account with a default VPC, the image and the hosted zone, and nothing of the stack.
pub fn empty_world() -> Observed {
    let subnet = |zone: &str| Subnet {
        id: format!("subnet-0000000000000000{zone}").into(),
        vpc_id: "vpc-00000000000000001".into(),
        zone: format!("eu-west-1{zone}"),
    };
    Observed {
        identity: Identity {
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:user/operator".to_owned(),
            region: "eu-west-1".to_owned(),
        },
        image: Some(Image {
            id: "ami-0123456789abcdef0".into(),
            root_device: "/dev/xvda".to_owned(),
            architecture: Some("arm64".to_owned()),
            root_size_gib: None,
        }),
        subnets: vec![subnet("a"), subnet("b"), subnet("c")],
        hosted_zone: Some(HostedZone {
            id: "Z0123456789".into(),
            name: "example.com".to_owned(),
            private: false,
        }),
        ..Observed::default()
    }
}

/// Carries out every ready step, lets the world move on, and plans again, until nothing is ready and nothing is waited for.
/// Answers the actions in the order in which they ran.
pub fn carry_out(plan: impl Fn(&Observed) -> Plan, world: &mut Observed) -> Vec<Action> {
    carry_on(plan, world, 0)
}

/// The same in a world in which so many actions were answered before: no id is given twice.
pub fn carry_on(plan: impl Fn(&Observed) -> Plan, world: &mut Observed, before: usize) -> Vec<Action> {
    let mut ran = Vec::new();
    for _ in 0..20 {
        let now = plan(world);
        let ready: Vec<Action> = now.ready().map(|(_, action)| action.clone()).collect();
        if ready.is_empty() && now.waits.is_empty() {
            return ran;
        }
        for action in ready {
            let reply = answer(&action, before + ran.len());
            world.record_answer(&action, reply);
            ran.push(action);
        }
        now.waits.iter().for_each(|wait| pass(wait, world));
    }
    panic!("no end after 20 rounds: {ran:#?}");
}

fn check(id: String, input: &CreateApplicationStatusCheck) -> ApplicationCheck {
    ApplicationCheck {
        id,
        settings: input.settings.clone(),
        targets: Vec::new(),
        deleted: false,
        tags: input.tags.clone(),
    }
}

/// What AWS answers to an action.
pub fn answer(action: &Action, nth: usize) -> Answer {
    let id = |prefix: &str| format!("{prefix}-{:017x}", nth + 16);
    match action {
        Action::Address(AddressCall::AllocateAddress { tags }) => Answer::Address(Address {
            allocation_id: id("eipalloc").into(),
            public_ip: "203.0.113.7".to_owned(),
            association_id: None,
            instance_id: None,
            interface_id: None,
            service_managed: None,
            own_pool: false,
            tags: tags.clone(),
        }),
        Action::Volume(VolumeCall::CreateVolume(input)) => Answer::Volume(Volume {
            id: id("vol").into(),
            zone: input.zone.clone(),
            size_gib: input.size_gib,
            volume_type: input.volume_type.clone(),
            iops: input.iops.or(Some(3000)),
            throughput_mibps: input.throughput_mibps.or(Some(125)),
            encrypted: input.encrypted,
            kms_key: input.kms_key.clone(),
            state: VolumeState::Creating,
            snapshot_id: input.snapshot_id.clone(),
            attachment: None,
            tags: input.tags.clone(),
        }),
        Action::SecurityGroup(SecurityGroupCall::CreateSecurityGroup { .. }) => Answer::SecurityGroup(id("sg").into()),
        Action::Role(RoleCall::CreateRole {
            name,
            trust_policy,
            tags,
            permissions_boundary,
        }) => Answer::Role(IamRole {
            name: name.clone(),
            arn: format!("arn:aws:iam::123456789012:role/selfheal/{name}"),
            trust_policy: trust_policy.clone(),
            permissions_boundary: permissions_boundary.clone(),
            tags: tags.clone(),
        }),
        Action::InstanceProfile(InstanceProfileCall::CreateInstanceProfile { name, tags }) => {
            Answer::Profile(InstanceProfile {
                name: name.clone(),
                arn: format!("arn:aws:iam::123456789012:instance-profile/selfheal/{name}"),
                role: None,
                tags: tags.clone(),
            })
        }
        Action::LaunchTemplate(LaunchTemplateCall::CreateLaunchTemplate { .. }) => Answer::Template(id("lt").into()),
        Action::LaunchTemplate(LaunchTemplateCall::CreateTemplateVersion { .. }) => Answer::Version(2),
        Action::ApplicationCheck(ApplicationCheckCall::CreateApplicationStatusCheck(input)) => {
            Answer::ApplicationCheck(check(id("asc"), input))
        }
        Action::LifecyclePolicy(LifecyclePolicyCall::CreateLifecyclePolicy { .. }) => {
            Answer::LifecyclePolicy(id("policy"))
        }
        Action::Snapshot(SnapshotCall::CreateSnapshot { volume_id, tags, .. }) => Answer::Snapshot(Snapshot {
            id: id("snap").into(),
            volume_id: volume_id.clone(),
            size_gib: 20,
            state: SnapshotState::Pending,
            started_at: Timestamp::UNIX_EPOCH,
            tags: tags.clone(),
        }),
        _ => Answer::Done,
    }
}

/// Brings an instance into service that holds the address.
pub fn serve(world: &mut Observed) {
    let id = InstanceId::from("i-00000000000000001");
    for address in &mut world.addresses {
        address.association_id = Some("eipassoc-00000000000000001".into());
        address.instance_id = Some(id.clone());
    }
    if let Some(group) = &mut world.group {
        group.instances = vec![GroupInstance {
            id,
            lifecycle: LifecycleState::InService,
            health: HealthStatus::Healthy,
            template_version: None,
            instance_type: None,
        }];
    }
}

fn pass(wait: &WaitFor, world: &mut Observed) {
    match wait {
        WaitFor::VolumeSeen { .. } => {
            for volume in &mut world.volumes {
                volume.state = VolumeState::Available;
            }
            world.read_volumes(world.volumes.clone());
        }
        WaitFor::AddressesSettled => world.run.addresses.settled = true,
        WaitFor::VolumesSettled => world.run.volumes.settled = true,
        WaitFor::Rested { .. } => world.run.volumes.rested = true,
        WaitFor::DnsAnswers => (world.dns_unread, world.former_unread) = (None, None),
        WaitFor::Serving { .. } | WaitFor::Awake { .. } => serve(world),
        WaitFor::Restored { volume, .. } => {
            serve(world);
            let group = world.group.as_ref().expect("there is a group");
            let attachment = Attachment {
                instance_id: group.instances[0].id.clone(),
                state: AttachmentState::Attached,
            };
            for known in &mut world.volumes {
                known.attachment = (known.id == *volume).then(|| attachment.clone());
            }
        }
        WaitFor::GroupGone { .. } => world.group = None,
        WaitFor::InstancesLeft { ids, .. } => {
            if let Some(group) = &mut world.group {
                group.instances.retain(|member| !ids.contains(&member.id));
            }
        }
        WaitFor::InstancesGone { .. } | WaitFor::Stopped { .. } => {
            for instance in &mut world.instances {
                instance.state = InstanceState::Terminated;
            }
            if let Some(group) = &mut world.group {
                group.instances.clear();
            }
        }
        WaitFor::SnapshotCompleted { id } => {
            for snapshot in world.snapshots.iter_mut().filter(|snapshot| snapshot.id == *id) {
                snapshot.state = SnapshotState::Completed;
            }
        }
    }
}
