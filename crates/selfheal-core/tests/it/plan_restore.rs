//! What `snapshot` and `restore` plan, in which order, and what they refuse.

use std::collections::BTreeSet;

use crate::common::{self, carry_on, carry_out, empty_world, serve, web};
use jiff::Timestamp;
use selfheal_core::names::{
    Names, ResourceKind, TAG_REPLACES, TAG_RESTORE, TAG_ROLE, TAG_SCHEMA, TAG_SNAPSHOTS, TAG_STACK,
};
use selfheal_core::plan::{
    Plan, RestoreFrom, RestoreOptions, SnapshotOptions, StepKind, plan, plan_restore, plan_snapshot,
    plan_volume_of_snapshot, undo_restore, unfinished_restore,
};
use selfheal_core::spec::{SnapshotsSpec, Spec};
use selfheal_core::status::{FindingCode, status};
use selfheal_core::world::{
    Attachment, AttachmentState, GroupCall, Observed, Snapshot, SnapshotState, TagCall, VolumeCall, VolumeId,
};
use selfheal_core::{Action, Cause, snapshots};
use selfheal_policy::RESTORE_TAG_KEYS;

const SNAPSHOT: &str = "snap-00000000000000099";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// The stack in service, with a snapshot of yesterday.
fn world(spec: &Spec) -> Observed {
    let mut world = empty_world();
    world.observed_at = at("2026-03-27T11:00:00Z");
    carry_out(|world| plan(spec, world), &mut world);
    serve(&mut world);
    let holder = world.group.as_ref().expect("there is a group").instances[0].id.clone();
    let volume = world.volumes.first_mut().expect("there is a volume");
    volume.attachment = Some(Attachment {
        instance_id: holder,
        state: AttachmentState::Attached,
    });
    let volume_id = volume.id.clone();
    world.snapshots.push(Snapshot {
        id: SNAPSHOT.into(),
        volume_id,
        size_gib: 20,
        state: SnapshotState::Completed,
        started_at: at("2026-03-26T11:00:00Z"),
        tags: Names::of(spec).tags(ResourceKind::Snapshot),
    });
    world
}

fn from(id: &str) -> RestoreOptions {
    let from = if id.starts_with("vol-") {
        RestoreFrom::Volume(id.into())
    } else {
        RestoreFrom::Snapshot(id.into())
    };
    RestoreOptions {
        from,
        zone: None,
        zone_lost: false,
    }
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn data_volume(world: &Observed) -> VolumeId {
    let is_data = |role: &String| role == "volume";
    let mut volumes = world
        .volumes
        .iter()
        .filter(|it| it.tags.get(TAG_ROLE).is_some_and(is_data));
    volumes.next().expect("there is one").id.clone()
}

#[test]
fn a_restore_stops_the_stack_only_once_the_new_volume_can_be_used() {
    let spec = web();
    let mut world = world(&spec);
    let old = data_volume(&world);
    let shown = plan_restore(&spec, &world, &from(SNAPSHOT));
    let kinds: Vec<StepKind> = shown.steps.iter().map(|step| step.kind).collect();
    assert_eq!(
        kinds,
        [
            StepKind::RestoreVolume,
            StepKind::SetMinSize,
            StepKind::StopServing,
            StepKind::CreateSnapshot,
            StepKind::SetVolumeAside,
            StepKind::SwitchVolume,
            StepKind::PutRolePolicy,
            StepKind::CreateTemplateVersion,
            StepKind::UpdateGroup,
            StepKind::StartServing,
            StepKind::FinishRestore,
        ],
        "{shown}"
    );
    let ran = carry_on(|world| plan_restore(&spec, world, &from(SNAPSHOT)), &mut world, 100);
    let place = |wanted: &dyn Fn(&Action) -> bool| ran.iter().position(wanted).expect("it ran");
    let made = place(&|action| matches!(action, Action::Volume(VolumeCall::CreateVolume(_))));
    let desired = |to: u32| {
        move |action: &Action| {
            let Action::Group(GroupCall::SetDesiredCapacity { desired, .. }) = action else {
                return false;
            };
            *desired == to
        }
    };
    let (stops, starts) = (place(&desired(0)), place(&desired(1)));
    let saves = place(&|action| matches!(action, Action::Snapshot(_)));
    let switches = place(&|action| matches!(action, Action::Tag(_)));
    let names = place(&|action| matches!(action, Action::LaunchTemplate(_)));
    assert!(
        made < stops && stops < saves && saves < switches && switches < names && names < starts,
        "{ran:#?}"
    );
    assert_ne!(data_volume(&world), old);
    assert!(plan(&spec, &world).is_empty(), "{}", plan(&spec, &world));
    // The same run plans nothing more, however often it plans.
    assert!(plan_restore(&spec, &world, &from(SNAPSHOT)).is_empty());
}

#[test]
fn whatever_tags_a_restore_sets_are_those_that_its_policy_allows() {
    let mut spec = web();
    let mut world = world(&spec);
    let data = spec.data.as_mut().expect("the example has a data volume");
    data.snapshots = Some(SnapshotsSpec::default());
    for volume in &mut world.volumes {
        volume.tags.insert(TAG_SNAPSHOTS.to_owned(), spec.name.clone());
    }
    let mut ran = carry_on(|world| plan_restore(&spec, world, &from(SNAPSHOT)), &mut world, 100);
    let back = undo_restore(&spec, &world).expect("there is one");
    let undo = RestoreOptions {
        from: back,
        zone: None,
        zone_lost: false,
    };
    world.observed_at = at("2026-03-27T12:00:00Z");
    ran.extend(carry_on(|world| plan_restore(&spec, world, &undo), &mut world, 200));
    let sent: BTreeSet<String> = ran
        .iter()
        .filter_map(|action| match action {
            Action::Tag(TagCall::CreateTags { tags, .. }) => Some(tags.keys().cloned()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(sent, RESTORE_TAG_KEYS.iter().map(ToString::to_string).collect());
    // Beside these a new one bears what every resource does, and what the boot program and a later restore look for.
    let made = world
        .volumes
        .iter()
        .find(|it| it.snapshot_id.is_some())
        .expect("it was made");
    for key in [TAG_STACK, TAG_SCHEMA, TAG_RESTORE, TAG_REPLACES] {
        assert!(made.tags.contains_key(key), "{key}: {:?}", made.tags);
    }
    assert!(
        !made.tags.contains_key("selfheal:first-use"),
        "a boot would take it for blank"
    );
}

#[test]
fn what_cannot_be_restored_is_refused_before_anything_is_done() {
    let spec = web();
    let fresh = world(&spec);
    let refused = |spec: &Spec, world: &Observed, options: &RestoreOptions| {
        let plan = plan_restore(spec, world, options);
        assert_eq!(plan.ready().count(), 0, "{plan}");
        codes(&plan).first().map(ToString::to_string)
    };
    let code = |code: &str| Some(code.to_owned());
    assert_eq!(refused(&spec, &fresh, &from("snap-0ther")), code("no-snapshot"));
    assert_eq!(refused(&spec, &fresh, &from("vol-0ther")), code("not-the-stacks"));

    let mut pending = fresh.clone();
    pending.snapshots[0].state = SnapshotState::Pending;
    assert_eq!(refused(&spec, &pending, &from(SNAPSHOT)), code("snapshot-incomplete"));

    let mut adopting = spec.clone();
    adopting.data.as_mut().expect("it has data").volume = Some(data_volume(&fresh));
    assert_eq!(refused(&adopting, &fresh, &from(SNAPSHOT)), code("restore-adopted"));

    let mut bare = spec.clone();
    bare.data = None;
    assert!(codes(&plan_restore(&bare, &fresh, &from(SNAPSHOT))).contains(&"no-data"));

    let mut placed = spec.clone();
    placed.instance.subnet = Some(fresh.subnets[0].id.clone());
    let elsewhere = RestoreOptions {
        zone: Some("eu-west-1b".to_owned()),
        ..from(SNAPSHOT)
    };
    assert_eq!(refused(&placed, &fresh, &elsewhere), code("restore-zone"));

    // Another snapshot while a restore is not finished.
    let mut begun = fresh.clone();
    let shown = plan_restore(&spec, &begun, &from(SNAPSHOT));
    let (_, first) = shown.ready().next().expect("the volume is made first");
    let reply = common::answer(first, 40);
    begun.record_answer(&first.clone(), reply);
    let mut other = begun.snapshots[0].clone();
    other.id = "snap-00000000000000098".into();
    begun.snapshots.push(other);
    assert_eq!(
        refused(&spec, &begun, &from("snap-00000000000000098")),
        code("restore-unfinished")
    );
    let told = plan(&spec, &begun);
    assert!(
        told.notes.iter().any(|note| note.code == "restore-unfinished"),
        "{told}"
    );
}

#[test]
fn a_restore_that_was_cut_off_with_the_stack_stopped_is_down_and_not_asleep() {
    let spec = web();
    let mut world = world(&spec);
    for _ in 0..6 {
        let shown = plan_restore(&spec, &world, &from(SNAPSHOT));
        if world.group.as_ref().is_some_and(|group| group.desired == 0) {
            break;
        }
        let actions: Vec<Action> = shown.ready().map(|(_, action)| action.clone()).collect();
        for action in actions {
            let reply = common::answer(&action, 40);
            world.record_answer(&action, reply);
        }
        for volume in &mut world.volumes {
            volume.state = selfheal_core::world::VolumeState::Available;
        }
        world.read_volumes(world.volumes.clone());
        world.run.volumes.settled = true;
    }
    assert_eq!(world.group.as_ref().map(|group| group.desired), Some(0));
    let report = status(&spec, &world, &plan(&spec, &world));
    assert!(!report.healthy);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.code == FindingCode::RestoreUnfinished),
        "{report}"
    );
}

#[test]
fn nothing_is_undone_where_nothing_was_restored() {
    let spec = web();
    let world = world(&spec);
    let why = undo_restore(&spec, &world).unwrap_err();
    assert!(why.contains("took no other volume's place"), "{why}");
}

#[test]
fn a_snapshot_is_taken_once_a_run() {
    let spec = web();
    let mut world = world(&spec);
    let options = SnapshotOptions {
        wait: true,
        instant: false,
    };
    let ran = carry_on(|world| plan_snapshot(&spec, world, options), &mut world, 100);
    assert_eq!(ran.len(), 1);
    let report = snapshots(&spec, &world);
    let causes: BTreeSet<&str> = report.snapshots.iter().map(|it| it.cause.as_str()).collect();
    assert_eq!(causes, [Cause::ByHand.as_str(), Cause::Other.as_str()].into());
    assert_eq!(report.latest, Some(SNAPSHOT.into()));
    // Another run takes another.
    world.observed_at = at("2026-03-27T12:00:00Z");
    assert_eq!(plan_snapshot(&spec, &world, options).ready().count(), 1);
}

#[test]
fn a_volume_of_a_snapshot_is_nobodys_and_in_the_stacks_zone() {
    let spec = web();
    let mut world = world(&spec);
    let id = SNAPSHOT.into();
    carry_on(
        |world| plan_volume_of_snapshot(&spec, world, &id, None),
        &mut world,
        100,
    );
    let report = snapshots(&spec, &world);
    assert_eq!(report.volumes.len(), 1);
    assert_eq!(report.volumes[0].role, "volume-copy");
    assert_eq!(report.volumes[0].zone, world.volumes[0].zone);
    assert_eq!(report.volumes[0].from.as_deref(), Some(SNAPSHOT));
    assert!(plan(&spec, &world).is_empty());
}

/// A stack that was restored, with the volume that it had before.
fn restored(spec: &Spec) -> (Observed, VolumeId) {
    let mut world = world(spec);
    let old = data_volume(&world);
    carry_on(|world| plan_restore(spec, world, &from(SNAPSHOT)), &mut world, 100);
    world.observed_at = at("2026-03-27T12:00:00Z");
    (world, old)
}

#[test]
fn what_an_apply_would_refuse_is_refused_before_the_stack_is_stopped() {
    let spec = web();
    let (world, old) = restored(&spec);
    let refused = |spec: &Spec, world: &Observed, options: &RestoreOptions| {
        let plan = plan_restore(spec, world, options);
        assert_eq!(plan.ready().count(), 0, "{plan}");
        codes(&plan).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // The way back leads into a zone that the spec's subnet is not in, or to a size or a key that the spec does not say.
    let mut elsewhere = spec.clone();
    elsewhere.instance.subnet = world
        .subnets
        .iter()
        .find(|it| it.zone != world.volumes[0].zone)
        .map(|it| it.id.clone());
    assert_eq!(refused(&elsewhere, &world, &from(old.as_str())), ["volume-zone"]);
    let mut smaller = spec.clone();
    smaller.data.as_mut().expect("it has data").size_gib = 10;
    assert!(refused(&smaller, &world, &from(old.as_str())).contains(&"volume-shrinks".to_owned()));
    let mut fresh = self::world(&spec);
    fresh.snapshots[0].size_gib = 30;
    assert_eq!(refused(&spec, &fresh, &from(SNAPSHOT)), ["volume-shrinks"]);
    // A copy that somebody looks into.
    let mut held = world.clone();
    for volume in held.volumes.iter_mut().filter(|volume| volume.id == old) {
        volume.attachment = Some(Attachment {
            instance_id: "i-0ther".into(),
            state: AttachmentState::Attached,
        });
    }
    assert_eq!(refused(&spec, &held, &from(old.as_str())), ["volume-in-use"]);
    // A data volume that only a witness names.
    let mut untagged = self::world(&spec);
    untagged.volumes[0].tags.remove(TAG_STACK);
    assert_eq!(refused(&spec, &untagged, &from(SNAPSHOT)), ["tags-lost"]);
}

#[test]
fn a_volume_that_failed_is_replaced_without_a_snapshot_that_aws_would_refuse() {
    let spec = web();
    let mut world = world(&spec);
    world.volumes[0].state = selfheal_core::world::VolumeState::Error;
    let shown = plan_restore(&spec, &world, &from(SNAPSHOT));
    assert!(shown.refusals.is_empty(), "{shown}");
    assert!(shown.step(StepKind::CreateSnapshot).is_none(), "{shown}");
}

#[test]
fn the_latest_snapshot_is_none_that_a_restore_took_of_what_it_left() {
    let spec = web();
    let (mut world, _) = restored(&spec);
    for snapshot in &mut world.snapshots {
        if snapshot.id.as_str() != SNAPSHOT {
            snapshot.state = SnapshotState::Completed;
            snapshot.started_at = at("2026-03-27T11:30:00Z");
        }
    }
    assert_eq!(world.snapshots.len(), 2);
    assert_eq!(snapshots(&spec, &world).latest, Some(SNAPSHOT.into()));
    let mut root = world.snapshots[0].clone();
    root.id = "snap-00000000000000097".into();
    root.started_at = at("2026-03-27T11:40:00Z");
    root.tags
        .insert(TAG_ROLE.to_owned(), ResourceKind::RootVolume.as_str().to_owned());
    world.snapshots.push(root);
    assert_eq!(snapshots(&spec, &world).latest, Some(SNAPSHOT.into()));
}

#[test]
fn what_was_cut_off_is_undone_or_gone_on_with_by_what_it_is() {
    let spec = web();
    let (restored, old) = restored(&spec);
    let new = data_volume(&restored);
    let begin = |world: &mut Observed, options: &RestoreOptions| {
        let shown = plan_restore(&spec, world, options);
        let (_, first) = shown.ready().next().expect("it is marked first");
        let reply = common::answer(first, 300);
        world.record_answer(&first.clone(), reply);
    };
    // A copy that was to take the place is given up; the way back, cut off, is gone on with.
    let mut world = restored.clone();
    let mut copy = world.volumes[0].clone();
    (copy.id, copy.attachment) = ("vol-c0pc0pc0p".into(), None);
    copy.tags = Names::of(&spec).tags(ResourceKind::VolumeCopy);
    copy.tags.insert("selfheal:filesystem".to_owned(), "xfs".to_owned());
    world.volumes.push(copy);
    begin(&mut world, &from("vol-c0pc0pc0p"));
    assert_eq!(undo_restore(&spec, &world), Ok(RestoreFrom::Volume(new)));
    assert_eq!(
        unfinished_restore(&spec, &world),
        Some(RestoreFrom::Volume("vol-c0pc0pc0p".into()))
    );
    let mut back = restored;
    begin(&mut back, &from(old.as_str()));
    assert_eq!(undo_restore(&spec, &back), Ok(RestoreFrom::Volume(old)));
}

#[test]
fn a_parked_stack_is_restored_and_waits_for_nothing() {
    let spec = web();
    let mut world = world(&spec);
    let group = world.group.as_mut().expect("there is a group");
    group.suspended = vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()];
    let ran = carry_on(|world| plan_restore(&spec, world, &from(SNAPSHOT)), &mut world, 100);
    let waits = plan_restore(&spec, &world, &from(SNAPSHOT)).waits;
    assert!(waits.is_empty(), "{waits:?}");
    assert!(matches!(ran.last(), Some(Action::Tag(_))), "{ran:#?}");
}
