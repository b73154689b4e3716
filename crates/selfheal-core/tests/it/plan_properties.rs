//! What holds for every spec and every observed world.

use std::cell::RefCell;

use crate::common::{answer, carry_out, empty_world, probed, web};
use proptest::prelude::*;
use proptest::sample::select;
use selfheal_core::Action;
use selfheal_core::plan::{
    Approval, DestroyOptions, Need, Plan, PlanOptions, Planner, Readiness, plan, plan_destroy, plan_resume,
};
use selfheal_core::spec::{Filesystem, HealthFrom, Ingress, Protocol, Spec};
use selfheal_core::world::{
    AddressCall, GroupCall, Instance, InstanceState, LaunchTemplateCall, Observed, RecordCall, RoleCall,
    SecurityGroupCall, SnapshotCall, VolumeCall, VolumeState,
};

fn specs() -> impl Strategy<Value = Spec> {
    let ports = proptest::collection::btree_set(
        (
            select(vec![22_u16, 80, 443, 8080]),
            select(vec![Protocol::Tcp, Protocol::Udp]),
        ),
        0..4,
    );
    let data = proptest::option::of((1_u32..200, select(vec![Filesystem::Xfs, Filesystem::Ext4])));
    let subnet = select(vec![
        None,
        None,
        Some("subnet-0000000000000000a"),
        Some("subnet-0000000000000000b"),
    ]);
    let types = select(vec!["t4g.small", "t4g.medium", "m7g.large", "t3.micro"]);
    let froms = [
        None,
        None,
        Some(HealthFrom::Instance),
        Some(HealthFrom::Aws),
        Some(HealthFrom::Both),
    ];
    let from = select(froms.to_vec());
    let inputs = (ports, data, subnet, types, any::<bool>(), any::<bool>(), from);
    inputs.prop_map(|(mut ports, data, subnet, kind, dns, adopt, from)| {
        let mut spec = from.map_or_else(web, probed);
        if from.is_some_and(HealthFrom::probes_from_aws) {
            ports.insert((80, Protocol::Tcp));
        }
        spec.instance.instance_type = kind.to_owned();
        spec.instance.subnet = subnet.map(Into::into);
        spec.instance.ingress = Ingress::to_world(ports);
        spec.data = spec.data.zip(data).map(|(mut have, (size_gib, filesystem))| {
            have.size_gib = size_gib;
            have.filesystem = filesystem;
            have
        });
        spec.dns = spec.dns.filter(|_| dns);
        spec.address.allocation = adopt.then(|| "eipalloc-00000000000000010".into());
        spec
    })
}

/// Ways in which a world may differ from one that was applied.
const DAMAGES: &[fn(&mut Observed)] = &[
    |world| world.addresses.clear(),
    |world| world.volumes.clear(),
    |world| world.security_groups.clear(),
    |world| world.launch_template = None,
    |world| world.group = None,
    |world| world.hooks.clear(),
    |world| world.role = None,
    |world| world.role_policy = None,
    |world| world.role_policy = Some("{\"no\": \"policy\"".into()),
    |world| world.profile = None,
    |world| world.records.clear(),
    |world| world.image = None,
    |world| world.hosted_zone = None,
    |world| world.subnets.clear(),
    |world| world.identity.account.clear(),
    |world| world.identity.region = "us-east-1".to_owned(),
    |world| world.profile.iter_mut().for_each(|profile| profile.role = None),
    |world| world.group.iter_mut().for_each(|group| group.deleting = true),
    |world| {
        world
            .group
            .iter_mut()
            .for_each(|group| (group.min, group.desired) = (0, 0));
    },
    |world| {
        world
            .group
            .iter_mut()
            .for_each(|group| group.template_version = Some("$Latest".to_owned()));
    },
    |world| world.group.iter_mut().for_each(|group| group.tags.clear()),
    |world| {
        world
            .group
            .iter_mut()
            .for_each(|group| group.suspended = vec!["Launch".to_owned()]);
    },
    |world| {
        world
            .volumes
            .iter_mut()
            .for_each(|volume| volume.state = VolumeState::Creating);
    },
    |world| {
        world
            .volumes
            .iter_mut()
            .for_each(|volume| volume.state = VolumeState::Error);
    },
    |world| {
        world
            .volumes
            .iter_mut()
            .for_each(|volume| volume.zone = "eu-west-1c".to_owned());
    },
    |world| world.volumes.iter_mut().for_each(|volume| volume.encrypted = false),
    |world| {
        world.volumes.extend(
            world
                .volumes
                .clone()
                .into_iter()
                .map(|volume| twin(volume, |v| &mut v.id)),
        );
    },
    |world| {
        world.addresses.extend(
            world
                .addresses
                .clone()
                .into_iter()
                .map(|address| twin(address, |a| &mut a.allocation_id)),
        );
    },
    |world| {
        world
            .launch_template
            .iter_mut()
            .for_each(|template| template.data.user_data = "e30=".into());
    },
    |world| {
        world.role.iter_mut().for_each(|role| role.trust_policy = "{}".into());
    },
    |world| world.application_checks.clear(),
    |world| {
        world
            .application_checks
            .iter_mut()
            .for_each(|check| check.targets.clear());
    },
    |world| {
        world
            .application_checks
            .iter_mut()
            .for_each(|check| check.settings.port = 8080);
    },
    |world| {
        world.application_checks.extend(
            world
                .application_checks
                .clone()
                .into_iter()
                .map(|check| twin(check, |c| &mut c.id)),
        );
    },
    |world| world.instances.push(common_instance()),
];

fn twin<T, Id: From<String> + AsRef<str>>(mut thing: T, id: impl Fn(&mut T) -> &mut Id) -> T {
    let id = id(&mut thing);
    *id = format!("{}0", id.as_ref()).into();
    thing
}

fn common_instance() -> Instance {
    Instance {
        id: "i-00000000000000001".into(),
        state: InstanceState::Running,
        launched_at: jiff::Timestamp::UNIX_EPOCH - jiff::SignedDuration::from_mins(10),
        zone: "eu-west-1a".to_owned(),
        public_ip: None,
        tags: selfheal_core::names::Tags::new(),
    }
}

/// Worlds that were applied from some spec, and damaged since.
fn worlds() -> impl Strategy<Value = Observed> {
    (
        specs(),
        any::<bool>(),
        proptest::collection::vec(select(DAMAGES.to_vec()), 0..5),
    )
        .prop_map(|(mut spec, applied, damages)| {
            spec.address.allocation = None;
            let mut world = empty_world();
            if applied {
                carry_out(|world| plan(&spec, world), &mut world);
            }
            damages.into_iter().for_each(|damage| damage(&mut world));
            world
        })
}

/// Carries a plan out and checks that every step stays within the plan that was shown first.
fn carry_out_approved(make: impl Fn(&Observed) -> Plan, world: &mut Observed) -> Result<Vec<Action>, TestCaseError> {
    let approval = Approval::of(&make(world));
    let deviations = RefCell::new(Vec::new());
    let ran = carry_out(
        |world| {
            let now = make(world);
            let ready = now.ready().map(|(step, _)| step);
            deviations
                .borrow_mut()
                .extend(ready.filter_map(|step| approval.check(step).err()));
            now
        },
        world,
    );
    prop_assert!(deviations.borrow().is_empty(), "{:?}", deviations.borrow());
    Ok(ran)
}

/// Checks that what a step waits for is a step of the plan or something that the plan polls for.
fn check_needs(plan: &Plan) -> Result<(), TestCaseError> {
    for step in &plan.steps {
        let Readiness::Waiting { needs } = &step.readiness else {
            continue;
        };
        for need in needs {
            let there = match need {
                Need::Step(id) => plan.has(id),
                Need::World(wait) => plan.waits.contains(wait),
            };
            prop_assert!(there, "{} waits for {:?}", step.id(), need);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_apply_is_total_and_converges_and_takes_nothing_away(spec in specs(), mut world in worlds()) {
        let shown = plan(&spec, &world);
        prop_assert!(!shown.to_string().is_empty());
        check_needs(&shown)?;
        if shown.is_refused() {
            prop_assert_eq!(shown.ready().count(), 0);
            return Ok(());
        }
        let before = world.clone();
        let ran = carry_out_approved(|world| plan(&spec, world), &mut world)?;
        let rest = plan(&spec, &world);
        prop_assert!(rest.is_empty(), "{}", rest);
        for action in &ran {
            let takes = matches!(
                action,
                Action::Address(AddressCall::DisassociateAddress { .. }) | Action::Address(AddressCall::ReleaseAddress { .. }) | Action::Volume(VolumeCall::DeleteVolume { .. })
                    | Action::Group(GroupCall::DeleteGroup { .. }) | Action::Record(RecordCall::DeleteRecord(_)) | Action::LaunchTemplate(LaunchTemplateCall::DeleteLaunchTemplate { .. })
                    | Action::SecurityGroup(SecurityGroupCall::DeleteSecurityGroup { .. }) | Action::Role(RoleCall::DeleteRole { .. })
            );
            prop_assert!(!takes, "{:?}", action);
        }
        for volume in &before.volumes {
            let after = world.volumes.iter().find(|after| after.id == volume.id);
            prop_assert!(after.is_some_and(|after| after.size_gib >= volume.size_gib));
        }
        for address in &before.addresses {
            prop_assert!(world.addresses.iter().any(|after| after.allocation_id == address.allocation_id));
        }
    }

    #[test]
    fn a_destroy_is_total_and_keeps_what_is_not_named(
        spec in specs(), mut world in worlds(), release_address: bool, delete_data: bool,
    ) {
        let options = DestroyOptions {
            release_address,
            delete_data,
            delete_logs: release_address,
        };
        let shown = plan_destroy(&spec, &world, &options);
        check_needs(&shown)?;
        if shown.is_refused() {
            prop_assert_eq!(shown.ready().count(), 0);
            return Ok(());
        }
        let before = world.clone();
        let ran = carry_out(|world| plan_destroy(&spec, world, &options), &mut world);
        prop_assert!(plan_destroy(&spec, &world, &options).is_empty());
        if !release_address {
            prop_assert_eq!(&before.addresses, &world.addresses);
        }
        if !delete_data {
            let ids = |world: &Observed| world.volumes.iter().map(|volume| volume.id.clone()).collect::<Vec<_>>();
            prop_assert_eq!(ids(&before), ids(&world));
        }
        for (at, action) in ran.iter().enumerate() {
            let Action::Volume(VolumeCall::DeleteVolume { id }) = action else { continue };
            let snapshot = |action: &Action| matches!(action, Action::Snapshot(SnapshotCall::CreateSnapshot { volume_id, .. }) if volume_id == id);
            prop_assert!(ran[..at].iter().any(snapshot), "{} was deleted without a snapshot", id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_planner_that_has_planned_before_plans_as_one_that_has_not(
        spec in specs(), worlds in proptest::collection::vec(worlds(), 1..4), release_address: bool, delete_data: bool,
    ) {
        let planner = Planner::new(&spec);
        let options = DestroyOptions {
            release_address,
            delete_data,
            delete_logs: release_address,
        };
        for mut world in worlds {
            for _ in 0..3 {
                prop_assert_eq!(planner.plan(&world, &PlanOptions::default()), plan(&spec, &fresh(&world)));
                prop_assert_eq!(planner.destroy(&world, &options), plan_destroy(&spec, &fresh(&world), &options));
                prop_assert_eq!(planner.resume(&world), plan_resume(&spec, &fresh(&world)));
                carry_out_ready(&planner, &mut world);
            }
        }
    }
}

/// The same world as a new reading gives it: what its texts say is not worked out yet.
fn fresh(world: &Observed) -> Observed {
    let text = serde_json::to_string(world).expect("it is plain data");
    serde_json::from_str(&text).expect("it was written a moment ago")
}

/// Carries out what is ready now, so that the next plan knows more ids than this one.
fn carry_out_ready(planner: &Planner<'_>, world: &mut Observed) {
    let now = planner.plan(world, &PlanOptions::default());
    for (nth, (_, action)) in now.ready().enumerate() {
        let reply = answer(action, nth);
        world.record_answer(action, reply);
    }
}
