//! The record that the stack writes: noted, found again, and nobody else's.

use crate::common::{carry_out, empty_world, probed, serve, web};
use selfheal_core::Action;
use selfheal_core::names::{TAG_RECORD, TAG_RECORD_ZONE, TAG_SCHEMA};
use selfheal_core::plan::{DestroyOptions, Plan, StepKind, WaitFor, former_record, plan, plan_destroy};
use selfheal_core::spec::{HealthFrom, Spec};
use selfheal_core::world::{AddressCall, FormerRecord, HostedZone, Observed, RecordCall, RecordSet, RoleCall, TagCall};

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn keys(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

fn refusals(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn a_record(name: &str, value: &str) -> RecordSet {
    RecordSet {
        name: name.to_owned(),
        record_type: "A".to_owned(),
        ttl_s: Some(300),
        values: vec![value.to_owned()],
        set_identifier: None,
    }
}

/// The same stack under another name, as it is read: the former record is looked up by the note on the address.
fn renamed(world: &Observed) -> (Spec, Observed) {
    let mut spec = web();
    spec.dns.as_mut().expect("it has a name").name = "www.example.com".to_owned();
    let mut world = world.clone();
    let (zone_id, name) = former_record(&spec, &world.addresses[0].tags).expect("it is noted");
    world.former_records = vec![FormerRecord {
        zone_id: zone_id.to_owned(),
        name: name.to_owned(),
        records: std::mem::take(&mut world.records),
    }];
    (spec, world)
}

#[test]
fn the_call_that_allocates_the_address_notes_the_record_so_that_no_call_is_added() {
    let probed = applied(&probed(HealthFrom::Both));
    let world = applied(&web());
    let tags = &world.addresses[0].tags;
    assert_eq!(*tags, probed.addresses[0].tags);
    assert_eq!(tags.get(TAG_RECORD).map(String::as_str), Some("app.example.com"));
    assert_eq!(tags.get(TAG_RECORD_ZONE).map(String::as_str), Some("Z0123456789"));
    assert_eq!(former_record(&web(), tags), None);
    assert!(plan(&web(), &world).is_empty());
    assert_eq!([TAG_RECORD, TAG_RECORD_ZONE], selfheal_policy::RECORD_KEYS);
    assert_eq!(TAG_SCHEMA, selfheal_policy::TAG_SCHEMA);
    // The longest name fits beside the longest id of a zone, because each has a value of its own.
    assert!(tags.values().all(|value| value.len() <= 256));
}

#[test]
fn another_name_removes_the_old_record_then_notes_the_new_one_then_writes_it() {
    let (spec, mut world) = renamed(&applied(&web()));
    let now = plan(&spec, &world);
    assert_eq!(
        keys(&now),
        [
            StepKind::DeleteFormerRecord,
            StepKind::RememberRecord,
            StepKind::UpsertRecord
        ]
    );
    let ready: Vec<StepKind> = now.ready().map(|(step, _)| step.kind).collect();
    assert_eq!(
        ready,
        [StepKind::DeleteFormerRecord],
        "there is room for one note: the old record goes first"
    );
    let ran = carry_out(|world| plan(&spec, world), &mut world);
    assert!(
        matches!(&ran[..], [Action::Record(RecordCall::DeleteRecord(old)), Action::Tag(TagCall::CreateTags { .. }), Action::Record(RecordCall::UpsertRecord(new))]
            if old.name == "app.example.com" && old.ttl_s == 60 && new.name == "www.example.com"),
        "{ran:#?}"
    );
    assert_eq!(former_record(&spec, &world.addresses[0].tags), None);
}

#[test]
fn a_name_that_is_dropped_is_removed_and_one_that_points_elsewhere_by_now_stays() {
    let mut spec = web();
    let (_, world) = renamed(&applied(&spec));
    spec.dns = None;
    let mut dropped = world.clone();
    let ran = carry_out(|world| plan(&spec, world), &mut dropped);
    assert!(
        matches!(&ran[..], [Action::Record(RecordCall::DeleteRecord(_)), Action::Tag(TagCall::CreateTags { tags, .. })] if tags[TAG_RECORD].is_empty()),
        "{ran:#?}"
    );
    assert_eq!(former_record(&spec, &dropped.addresses[0].tags), None);
    let mut moved = world;
    moved.former_records[0].records = vec![a_record("app.example.com", "198.51.100.9")];
    let now = plan(&spec, &moved);
    assert_eq!(keys(&now), [StepKind::RememberRecord]);
    assert!(now.notes.iter().any(|note| note.code == "record-kept"), "{now}");
}

#[test]
fn a_record_that_others_made_is_refused_also_where_ours_was_there_before() {
    let spec = web();
    let mut world = empty_world();
    world.records = vec![a_record("app.example.com", "198.51.100.9")];
    let refused = plan(&spec, &world);
    assert_eq!(refusals(&refused), ["record-foreign"]);
    assert!(refused.refusals[0].message.contains("198.51.100.9"), "{refused}");
    assert!(refused.refusals[0].help.contains("overwrite = true"), "{refused}");
    // Two stacks on one name do not take it from one another in turns.
    let mut world = applied(&spec);
    world.records = vec![a_record("app.example.com", "198.51.100.9")];
    assert_eq!(refusals(&plan(&spec, &world)), ["record-foreign"]);
    // One that points at another address of the stack is its own.
    let mut world = applied(&spec);
    let mut other = world.addresses[0].clone();
    other.allocation_id = "eipalloc-0000000000000ffff".into();
    other.public_ip = "198.51.100.9".to_owned();
    world.addresses.push(other);
    world.records = vec![a_record("app.example.com", "198.51.100.9")];
    assert_eq!(keys(&plan(&spec, &world)), [StepKind::UpsertRecord]);
}

#[test]
fn a_record_that_is_taken_over_waits_until_the_instance_serves() {
    let mut spec = web();
    spec.dns.as_mut().expect("it has a name").overwrite = true;
    let mut world = empty_world();
    world.records = vec![a_record("app.example.com", "198.51.100.9")];
    let ran = carry_out(
        |world| {
            let mut now = plan(&spec, world);
            assert!(
                now.waits
                    .iter()
                    .all(|wait| matches!(wait, WaitFor::VolumeSeen { .. } | WaitFor::Serving { .. }))
            );
            now.waits.retain(|wait| !matches!(wait, WaitFor::Serving { .. }));
            now
        },
        &mut world,
    );
    assert!(
        !ran.iter()
            .any(|action| matches!(action, Action::Record(RecordCall::UpsertRecord(_)))),
        "{ran:#?}"
    );
    let waiting = plan(&spec, &world);
    assert_eq!(keys(&waiting), [StepKind::UpsertRecord]);
    assert_eq!(
        waiting.waits,
        [WaitFor::Serving {
            group: "selfheal-web".to_owned()
        }]
    );
    // In service alone is not enough: the address has to be there.
    serve(&mut world);
    let mut without = world.clone();
    without.addresses[0].instance_id = None;
    assert_eq!(plan(&spec, &without).ready().count(), 0);
    let ready: Vec<StepKind> = plan(&spec, &world).ready().map(|(step, _)| step.kind).collect();
    assert_eq!(ready, [StepKind::UpsertRecord]);
}

#[test]
fn a_stack_of_an_earlier_version_has_its_record_noted_and_nothing_else_done() {
    let spec = web();
    let mut world = applied(&spec);
    for key in [TAG_RECORD, TAG_RECORD_ZONE] {
        world.addresses[0].tags.remove(key);
    }
    assert_eq!(keys(&plan(&spec, &world)), [StepKind::RememberRecord]);
    carry_out(|world| plan(&spec, world), &mut world);
    assert!(plan(&spec, &world).is_empty());
}

#[test]
fn nothing_waits_for_route_53_but_the_name_and_an_address_that_it_may_point_at() {
    let spec = web();
    let mut world = empty_world();
    world.hosted_zone = None;
    world.dns_unread = Some("no answer".to_owned());
    let now = plan(&spec, &world);
    assert_eq!(refusals(&now), [""; 0]);
    assert_eq!(now.waits, [WaitFor::DnsAnswers]);
    assert!(now.ready().count() >= 4, "{now}");
    let step = now.step(StepKind::UpsertRecord).expect("it is left to do");
    assert!(matches!(
        &step.readiness,
        selfheal_core::plan::Readiness::Waiting { .. }
    ));
    let mut world = applied(&spec);
    world.dns_unread = Some("no answer".to_owned());
    let all = DestroyOptions {
        release_address: true,
        ..DestroyOptions::KEEP
    };
    let ran = carry_out(
        |world| {
            let mut now = plan_destroy(&spec, world, &all);
            now.waits.retain(|wait| *wait != WaitFor::DnsAnswers);
            now
        },
        &mut world,
    );
    assert!(
        ran.iter()
            .any(|action| matches!(action, Action::Role(RoleCall::DeleteRole { .. }))),
        "{ran:#?}"
    );
    assert!(
        !ran.iter()
            .any(|action| matches!(action, Action::Address(AddressCall::ReleaseAddress { .. }))),
        "{ran:#?}"
    );
}

#[test]
fn a_destroy_removes_the_former_record_as_well_and_releases_no_address_that_a_name_points_at() {
    let (spec, mut world) = renamed(&applied(&web()));
    world.records = vec![a_record("www.example.com", &world.addresses[0].public_ip.clone())];
    let all = DestroyOptions {
        release_address: true,
        ..DestroyOptions::KEEP
    };
    let ran = carry_out(|world| plan_destroy(&spec, world, &all), &mut world);
    let place = |found: fn(&Action) -> bool| ran.iter().position(found);
    let names: Vec<&str> = ran
        .iter()
        .filter_map(|action| match action {
            Action::Record(RecordCall::DeleteRecord(record)) => Some(record.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(names.len(), 2, "{ran:#?}");
    assert!(names.contains(&"app.example.com") && names.contains(&"www.example.com"));
    let released = place(|action| matches!(action, Action::Address(AddressCall::ReleaseAddress { .. })))
        .expect("it was asked for");
    let last = ran
        .iter()
        .rposition(|action| matches!(action, Action::Record(RecordCall::DeleteRecord(_))))
        .expect("there are two");
    assert!(last < released, "{ran:#?}");
}

#[test]
fn which_zone_is_meant_is_decided_before_anything_is_noted() {
    let spec = web();
    let mut world = applied(&spec);
    world.addresses[0].tags.remove(TAG_RECORD);
    world.other_zones = vec![HostedZone {
        id: "Z0SECOND".into(),
        name: "example.com".to_owned(),
        private: false,
    }];
    let now = plan(&spec, &world);
    assert_eq!(refusals(&now), ["zone-ambiguous"]);
    assert!(now.steps.is_empty(), "{now}");
}
