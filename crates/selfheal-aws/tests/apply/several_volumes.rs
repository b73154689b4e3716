//! Several volumes with the stack's tags, as a restored backup leaves them, and a volume that the spec adopts.

use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{Content, Sim, SimConfig};
use selfheal_core::names::{TAG_FIRST_USE, TAG_STACK};
use selfheal_core::plan::{DestroyOptions, Plan, StepKind};
use selfheal_core::spec::Spec;
use selfheal_core::world::{Attachment, AttachmentState, VolumeId, VolumeState};

use crate::support::{applied, even, look, run_until_done, serving, web};

const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);
const DATA: Goal = Goal::Destroy(DestroyOptions {
    delete_data: true,
    ..DestroyOptions::KEEP
});

/// A world in which two resources of a kind are the test's own doing.
fn config(seed: u64) -> SimConfig {
    SimConfig {
        check_invariants: false,
        ..even(seed)
    }
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn with_volume(id: &str) -> Spec {
    let mut spec = web();
    spec.data.as_mut().expect("it has one").volume = Some(id.into());
    spec
}

/// Puts a copy of the data volume beside it, as it was `writes` boots ago: what a restored backup looks like.
fn restore(sim: &Sim, of: &str, id: &str) {
    sim.tamper(|world| {
        let mut copy = world.volumes[of].clone();
        copy.volume.id = id.into();
        copy.volume.attachment = None;
        copy.volume.state = VolumeState::Available;
        copy.volume.snapshot_id = Some("snap-00000000000000001".into());
        copy.device = None;
        if let Content::Filesystem { writes, .. } = &mut copy.content {
            *writes = 0;
        }
        world.volumes.insert(id.into(), copy);
    });
}

/// One id before every other, and one after.
const COPIES: [&str; 2] = ["vol-00000000000000000", "vol-0ffffffffffffffff"];

#[test]
fn after_a_destroy_nothing_tells_several_apart_and_both_commands_refuse_4() {
    for (seed, copy) in (401..).zip(COPIES) {
        let sim = applied(config(seed));
        sim.settle(Duration::from_secs(900));
        let (_, _, volume) = serving(&sim).expect("it serves");
        run_until_done(&sim, &web(), KEEP, 1);
        sim.settle(Duration::from_secs(900));
        restore(&sim, volume.as_str(), copy);
        for goal in [Goal::Apply, DATA] {
            let plan = look(&sim, &web(), goal);
            assert_eq!(codes(&plan), ["several-volumes"], "{plan}");
            assert!(
                plan.to_string().contains(copy) && plan.to_string().contains(volume.as_str()),
                "{plan}"
            );
        }
        // A destroy that keeps the data needs no choice, and names both.
        let kept = look(&sim, &web(), KEEP);
        let told = kept.notes.iter().filter(|note| note.code == "data-kept").count();
        assert_eq!((codes(&kept).len(), told), (0, 2), "{kept}");
        // The spec names the one.
        run_until_done(&sim, &with_volume(volume.as_str()), Goal::Apply, 1);
        sim.settle(Duration::from_secs(900));
        assert_eq!(serving(&sim).expect("it serves").2, volume);
        // From now on the role's policy and the instance tell them apart.
        let plan = look(&sim, &web(), Goal::Apply);
        assert!(plan.is_empty(), "{plan}");
    }
}

#[test]
fn a_restored_backup_does_not_take_the_place_of_what_runs_4() {
    for (seed, copy) in (403..).zip(COPIES) {
        let sim = applied(config(seed));
        sim.settle(Duration::from_secs(900));
        let (instance, _, volume) = serving(&sim).expect("it serves");
        restore(&sim, volume.as_str(), copy);
        let plan = look(&sim, &web(), Goal::Apply);
        assert!(plan.is_empty(), "{plan}");
        assert!(plan.notes.iter().any(|note| note.code == "duplicate-volume"), "{plan}");
        run_until_done(&sim, &web(), Goal::Apply, 1);
        sim.kill_instance(&instance);
        sim.settle(Duration::from_secs(1_800));
        assert_eq!(serving(&sim).expect("it serves").2, volume);
    }
}

#[test]
fn a_destroy_with_the_data_deletes_the_named_one_alone_4() {
    let sim = applied(config(405));
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    run_until_done(&sim, &web(), KEEP, 1);
    sim.settle(Duration::from_secs(900));
    restore(&sim, volume.as_str(), COPIES[0]);
    let plan = look(&sim, &with_volume(COPIES[0]), DATA);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.code == "data-kept" && note.message.contains(volume.as_str())),
        "{plan}"
    );
    sim.permit(COPIES[0]);
    run_until_done(&sim, &with_volume(COPIES[0]), DATA, 1);
    let left = sim.inspect(|world| {
        let live = world
            .volumes
            .values()
            .filter(|record| record.volume.state == VolumeState::Available);
        live.map(|record| record.volume.id.clone()).collect::<Vec<_>>()
    });
    assert_eq!(left, [volume]);
}

/// A volume with somebody's data in the second zone, which bears no tags of ours.
fn somebodys(sim: &Sim) -> VolumeId {
    let donor = applied(even(499));
    donor.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&donor).expect("it serves");
    let mut record = donor.inspect(|world| world.volumes[&volume].clone());
    let id = VolumeId::from("vol-0abcdefabcdefabcd");
    record.volume.id.clone_from(&id);
    record.volume.zone = "eu-west-1b".to_owned();
    record.volume.state = VolumeState::Available;
    record.volume.attachment = None;
    record.device = None;
    record.volume.tags = [("Name".to_owned(), "old data".to_owned())].into();
    sim.tamper(|world| drop(world.volumes.insert(id.clone(), record)));
    id
}

#[test]
fn a_volume_that_the_spec_names_is_adopted_in_its_zone_and_never_formatted_4() {
    let sim = Sim::new(even(406));
    let id = somebodys(&sim);
    let spec = with_volume(id.as_str());
    let plan = look(&sim, &spec, Goal::Apply);
    assert!(
        plan.step(StepKind::TagVolume).is_some() && plan.step(StepKind::CreateVolume).is_none(),
        "{plan}"
    );
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
    sim.settle(Duration::from_secs(900));
    assert_eq!(serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text())).2, id);
    let record = sim.inspect(|world| world.volumes[&id].clone());
    assert!(!record.volume.tags.contains_key(TAG_FIRST_USE));
    assert_eq!(record.volume.tags["Name"], "old data");
    assert!(
        matches!(record.content, Content::Filesystem { writes: 2, .. }),
        "{:?}",
        record.content
    );
}

#[test]
fn a_volume_that_cannot_be_adopted_is_refused_with_the_reason_4() {
    let check = |seed: u64, code: &str, change: fn(&mut selfheal_aws::sim::VolumeRecord)| {
        let sim = Sim::new(config(seed));
        let id = somebodys(&sim);
        sim.tamper(|world| change(world.volumes.get_mut(&id).expect("it is there")));
        let plan = look(&sim, &with_volume(id.as_str()), Goal::Apply);
        assert_eq!(codes(&plan), [code], "{plan}");
    };
    check(407, "volume-claimed", |it| {
        drop(it.volume.tags.insert(TAG_STACK.to_owned(), "db".to_owned()));
    });
    check(408, "volume-first-use", |it| {
        drop(it.volume.tags.insert(TAG_FIRST_USE.to_owned(), "true".to_owned()));
    });
    check(409, "volume-missing", |it| it.volume.state = VolumeState::Deleted);
    check(410, "volume-shrinks", |it| it.volume.size_gib = 50);
    check(411, "volume-in-use", |it| {
        it.volume.attachment = Some(Attachment {
            instance_id: "i-00000000000000bad".into(),
            state: AttachmentState::Attached,
        });
    });
    check(412, "volume-failed", |it| it.volume.state = VolumeState::Error);
    let sim = Sim::new(config(413));
    let mut spec = with_volume(somebodys(&sim).as_str());
    let subnet = sim.inspect(|world| world.subnets.keys().next().cloned());
    spec.instance.subnet = subnet;
    assert_eq!(codes(&look(&sim, &spec, Goal::Apply)), ["volume-zone"]);
}
