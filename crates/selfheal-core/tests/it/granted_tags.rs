//! The tag keys that policies allow are those that are sent: by an apply for what it adopts, by the boot program for the
//! group and the volume.

use crate::common;

use std::collections::BTreeSet;

use selfheal_core::Action;
use selfheal_core::desired::user_data;
use selfheal_core::names::{self, Names, ResourceKind};
use selfheal_core::plan::{Readiness, StepKind, plan};
use selfheal_core::spec::{Answers, ConfigSpec, HealthFrom, HttpsSpec, Repair, Site};
use selfheal_core::world::TagCall;
use selfheal_policy::{
    GROUP_MARK_KEYS, RECORD_KEYS, RESOURCE_TAG_KEYS, TAG_FIRST_USE, TAG_REQUEST, TAG_ROLE, TAG_SCHEMA, TAG_STACK,
};

fn set<'a>(keys: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    keys.into_iter().collect()
}

#[test]
fn a_resource_bears_the_tags_that_an_adopted_one_may_be_given() {
    assert_eq!(
        (names::TAG_STACK, names::TAG_ROLE, names::TAG_FIRST_USE),
        (TAG_STACK, TAG_ROLE, TAG_FIRST_USE)
    );
    let names = Names::new("web", "eu-west-1");
    let tags = names.tags(ResourceKind::Address);
    assert_eq!(set(tags.keys().map(String::as_str)), set(RESOURCE_TAG_KEYS));
}

/// Whatever an apply adopts, it sends no other key than the policy allows, and leaves a name that is there alone.
#[test]
fn an_adopted_address_is_sent_the_keys_that_are_allowed() {
    for (name, expected) in [
        (None, set(RESOURCE_TAG_KEYS.into_iter().chain(RECORD_KEYS))),
        (
            Some("the old server"),
            set([TAG_STACK, TAG_ROLE, TAG_SCHEMA].into_iter().chain(RECORD_KEYS)),
        ),
    ] {
        let mut spec = common::web();
        let mut world = common::empty_world();
        common::carry_out(|world| plan(&spec, world), &mut world);
        let mut address = world.addresses[0].clone();
        address.allocation_id = "eipalloc-0aaaaaaaaaaaaaaaa".into();
        address.tags = name
            .map(|name| ("Name".to_owned(), name.to_owned()))
            .into_iter()
            .collect();
        spec.address.allocation = Some(address.allocation_id.clone());
        world.addresses.push(address);
        let plan = plan(&spec, &world);
        let step = plan
            .steps
            .iter()
            .find(|step| step.kind == StepKind::TagAddress)
            .expect("it is adopted");
        let Readiness::Ready { action } = &step.readiness else {
            panic!("{step:?}")
        };
        let Action::Tag(TagCall::CreateTags { tags, .. }) = action.as_ref() else {
            panic!("{step:?}")
        };
        assert_eq!(set(tags.keys().map(String::as_str)), expected);
    }
}

/// Returns the tag keys of ours that follow a text in the program.
fn keys_after<'a>(program: &'a str, text: &str) -> BTreeSet<&'a str> {
    let key = |rest: &'a str| {
        let end = rest
            .find(|c: char| !(c.is_ascii_lowercase() || c == '-' || c == ':'))
            .unwrap_or(rest.len());
        &rest[..end]
    };
    program
        .match_indices(text)
        .map(|(at, _)| key(&program[at + text.len() - "selfheal:".len()..]))
        .collect()
}

#[test]
fn the_boot_program_writes_the_marks_that_the_role_may_write() {
    let mut spec = common::probed(HealthFrom::Both);
    spec.config = Some(ConfigSpec {
        path: "/web".to_owned(),
        required: Vec::new(),
        refresh_s: None,
        kms_key: None,
    });
    spec.app.repair = Some(Repair::Restart);
    let site = Site {
        domains: vec!["app.example.com".to_owned()],
        answers: Answers::Root("/srv".to_owned()),
    };
    spec.https = Some(HttpsSpec::new(vec![site]));
    let program =
        user_data(&spec, "123456789012", &"eipalloc-1".into(), Some(&"vol-1".into()), None).expect("it renders");
    let bundle = program.bundle().map(|bundle| {
        let chunks = bundle.chunks().iter().map(String::as_str);
        selfheal_userdata::unbundle(bundle.digest(), chunks).expect("it is whole")
    });
    let bundle = String::from_utf8(bundle.unwrap_or_default()).expect("text");
    let program = format!("{}{bundle}", program.script());
    let removed = keys_after(&program, "Tag.1.Key=selfheal:");
    assert_eq!(removed, set([TAG_FIRST_USE]), "what DeleteTags names");
    let asked = keys_after(&program, "tags/instance/selfheal:");
    assert_eq!(asked, set([TAG_REQUEST]), "what it sees of itself");
    let of_the_group: BTreeSet<&str> = keys_after(&program, "selfheal:")
        .into_iter()
        .filter(|key| key.len() > "selfheal:".len() && !removed.contains(key) && !asked.contains(key))
        .collect();
    assert_eq!(
        of_the_group,
        set(GROUP_MARK_KEYS),
        "what it reads and writes of the group"
    );
}
