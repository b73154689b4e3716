//! What a destroy takes, and what it leaves.

use crate::common::{carry_out, empty_world, probed, web};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::Action;
use selfheal_core::names::TAG_FINAL;
use selfheal_core::plan::{DestroyOptions, StepKind, plan, plan_destroy, plan_resume};
use selfheal_core::spec::HealthFrom;
use selfheal_core::world::{
    AddressCall, ApplicationCheckCall, GroupCall, Instance, InstanceState, LaunchTemplateCall, Observed, Snapshot,
    SnapshotCall, SnapshotState, VolumeCall,
};

const KEEP: DestroyOptions = DestroyOptions::KEEP;
const ALL: DestroyOptions = DestroyOptions::ALL;

/// A stack that was applied, with its instance running and the address associated.
fn running() -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    world.observed_at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(10);
    world.instances.push(Instance {
        id: "i-00000000000000001".into(),
        state: InstanceState::Running,
        launched_at: Timestamp::UNIX_EPOCH - SignedDuration::from_mins(10),
        zone: "eu-west-1a".to_owned(),
        public_ip: None,
        tags: selfheal_core::names::Tags::new(),
    });
    world.addresses[0].association_id = Some("eipassoc-00000000000000001".into());
    world.addresses[0].instance_id = Some("i-00000000000000001".into());
    world
}

fn position(ran: &[Action], wanted: impl Fn(&Action) -> bool) -> usize {
    ran.iter()
        .position(wanted)
        .unwrap_or_else(|| panic!("it is not among {ran:#?}"))
}

#[test]
fn a_destroy_leaves_exactly_the_address_and_the_data() {
    let spec = web();
    let mut world = running();
    let ran = carry_out(|world| plan_destroy(&spec, world, &KEEP), &mut world);
    assert_eq!((world.addresses.len(), world.volumes.len()), (1, 1));
    assert!(world.group.is_none() && world.launch_template.is_none() && world.security_groups.is_empty());
    assert!(world.role.is_none() && world.role_policy.is_none() && world.profile.is_none() && world.records.is_empty());
    assert!(!ran.iter().any(|action| matches!(
        action,
        Action::Address(AddressCall::ReleaseAddress { .. })
            | Action::Volume(VolumeCall::DeleteVolume { .. })
            | Action::Address(AddressCall::DisassociateAddress { .. })
    )));
    assert!(plan_destroy(&spec, &world, &KEEP).is_empty());
}

#[test]
fn apply_after_destroy_adopts_what_was_kept() {
    let spec = web();
    let mut world = running();
    carry_out(|world| plan_destroy(&spec, world, &KEEP), &mut world);
    let (address, volume) = (world.addresses[0].allocation_id.clone(), world.volumes[0].id.clone());
    let ran = carry_out(|world| plan(&spec, world), &mut world);
    assert!(!ran.iter().any(|action| matches!(
        action,
        Action::Address(AddressCall::AllocateAddress { .. }) | Action::Volume(VolumeCall::CreateVolume(_))
    )));
    assert_eq!(world.addresses.len() + world.volumes.len(), 2);
    let policy = world.role_policy.expect("applied");
    assert!(policy.contains(address.as_str()) && policy.contains(volume.as_str()));
}

#[test]
fn the_volume_goes_after_a_completed_snapshot_and_nothing_goes_while_the_instance_runs() {
    let spec = web();
    let mut world = running();
    let shown = plan_destroy(&spec, &world, &ALL);
    insta::assert_snapshot!(shown.to_string());
    let first: Vec<StepKind> = shown.ready().map(|(step, _)| step.kind).collect();
    assert_eq!(first, [StepKind::DeleteRecord, StepKind::DeleteGroup]);
    let ran = carry_out(|world| plan_destroy(&spec, world, &ALL), &mut world);
    let group = position(&ran, |action| {
        matches!(action, Action::Group(GroupCall::DeleteGroup { .. }))
    });
    let snapshot = position(&ran, |action| {
        matches!(action, Action::Snapshot(SnapshotCall::CreateSnapshot { .. }))
    });
    let volume = position(&ran, |action| {
        matches!(action, Action::Volume(VolumeCall::DeleteVolume { .. }))
    });
    assert!(group < snapshot && snapshot < volume, "{ran:#?}");
    assert!(world.addresses.is_empty() && world.volumes.is_empty());
    assert_eq!(world.snapshots[0].state, SnapshotState::Completed);
}

#[test]
fn only_a_last_snapshot_of_this_run_since_the_last_launch_counts_2() {
    let spec = web();
    let mut world = running();
    carry_out(|world| plan_destroy(&spec, world, &KEEP), &mut world);
    let good = Snapshot {
        id: "snap-00000000000000001".into(),
        volume_id: world.volumes[0].id.clone(),
        state: SnapshotState::Completed,
        size_gib: 20,
        started_at: Timestamp::UNIX_EPOCH,
        tags: [(TAG_FINAL.to_owned(), world.observed_at.to_string())].into(),
    };
    let takes_another = |change: fn(&mut Snapshot)| {
        let mut world = world.clone();
        let mut snapshot = good.clone();
        change(&mut snapshot);
        world.snapshots.push(snapshot);
        plan_destroy(&spec, &world, &ALL)
            .step(StepKind::CreateSnapshot)
            .is_some()
    };
    assert!(!takes_another(|_| ()));
    assert!(takes_another(|snapshot| snapshot.tags.clear()));
    assert!(takes_another(|snapshot| snapshot.state = SnapshotState::Error));
    assert!(takes_another(
        |snapshot| snapshot.volume_id = "vol-0000000000000ffff".into()
    ));
    assert!(takes_another(
        |snapshot| snapshot.started_at -= SignedDuration::from_mins(20)
    ));
    // What an earlier run took is older than what may have been written since.
    assert!(takes_another(|snapshot| {
        snapshot.tags.insert(TAG_FINAL.to_owned(), "true".to_owned());
    }));
}

#[test]
fn a_parked_stack_is_told_and_resumed_marks_first() {
    let spec = web();
    let mut world = running();
    let group = world.group.as_mut().expect("applied");
    group.suspended = vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()];
    group
        .tags
        .insert("selfheal:parked".to_owned(), "3 boots failed".to_owned());
    group.tags.insert("selfheal:failed-boots".to_owned(), "3".to_owned());
    let now = plan(&spec, &world);
    assert!(now.steps.is_empty(), "apply does not lift it: {now}");
    assert_eq!(now.notes[0].code, "parked");
    let ran = carry_out(|world| plan_resume(&spec, world), &mut world);
    assert!(
        matches!(
            &ran[..],
            [
                Action::Group(GroupCall::DeleteGroupTags { .. }),
                Action::Group(GroupCall::ResumeProcesses { .. })
            ]
        ),
        "{ran:#?}"
    );
    assert!(plan_resume(&spec, &world).is_empty());
    world.group = None;
    assert!(plan_resume(&spec, &world).is_refused());
}

#[test]
fn a_destroy_deletes_the_application_check_before_the_template_that_tells_of_it() {
    let spec = probed(HealthFrom::Both);
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    // Whatever the file says by now.
    for spec in [spec, web()] {
        let mut world = world.clone();
        let ran = carry_out(|world| plan_destroy(&spec, world, &KEEP), &mut world);
        let check = position(&ran, |action| {
            matches!(
                action,
                Action::ApplicationCheck(ApplicationCheckCall::DeleteApplicationStatusCheck { .. })
            )
        });
        let template = position(&ran, |action| {
            matches!(
                action,
                Action::LaunchTemplate(LaunchTemplateCall::DeleteLaunchTemplate { .. })
            )
        });
        assert!(check < template, "{ran:#?}");
        assert_eq!(world.application_checks, []);
    }
}
