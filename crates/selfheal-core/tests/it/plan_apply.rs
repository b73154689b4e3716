//! What an apply plans, as people read it and as it is carried out.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::names::{TAG_FIRST_USE, TAG_STACK};
use selfheal_core::plan::{Approval, StepKind, plan};
use selfheal_core::spec::{HealthFrom, ImageRef, Ingress, Protocol, Spec};
use selfheal_core::world::{Observed, RecordSet, VolumeCall};

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn keys(spec: &Spec, world: &Observed) -> Vec<StepKind> {
    plan(spec, world).steps.iter().map(|step| step.kind).collect()
}

fn refusals(spec: &Spec, world: &Observed) -> Vec<String> {
    plan(spec, world)
        .refusals
        .into_iter()
        .map(|refusal| refusal.code)
        .collect()
}

/// Sizes and hashes of user data and policy change with every word of the boot program.
fn stable(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let cut = line
            .find(", sha256")
            .and_then(|end| line[..end].rfind(", ").map(|start| &line[..start]));
        lines.push(cut.unwrap_or(line).trim_end().to_owned());
    }
    lines.join("\n")
}

#[test]
fn a_first_plan_shows_everything_and_what_is_not_known_yet() {
    insta::assert_snapshot!(stable(&plan(&web(), &empty_world()).to_string()));
}

#[test]
fn a_first_apply_runs_in_four_waves() {
    let spec = web();
    let mut world = empty_world();
    let mut waves = Vec::new();
    loop {
        let now = plan(&spec, &world);
        if now.is_empty() {
            break;
        }
        let wave: Vec<StepKind> = now.ready().map(|(step, _)| step.kind).collect();
        let ready: Vec<_> = wave.iter().filter_map(|key| now.step(*key).cloned()).collect();
        assert!(!ready.is_empty() || !now.waits.is_empty(), "stuck: {now}");
        let before = world.clone();
        carry_one_wave(&spec, &mut world);
        assert_ne!(before, world, "nothing happened in {wave:?}");
        waves.push(wave);
    }
    use StepKind as K;
    assert_eq!(
        waves,
        [
            vec![
                K::CreateVolume,
                K::CreateSecurityGroup,
                K::CreateRole,
                K::CreateInstanceProfile
            ],
            // The role's unique name is what keeps two runs from allocating two addresses.
            vec![K::AllocateAddress, K::AuthorizeIngress, K::AddRoleToProfile],
            vec![K::PutRolePolicy, K::CreateLaunchTemplate, K::UpsertRecord],
            // Its hooks come with it.
            vec![K::CreateGroup],
        ]
    );
}

fn carry_one_wave(spec: &Spec, world: &mut Observed) {
    let rounds = std::cell::Cell::new(0);
    carry_out(
        |world| {
            rounds.set(rounds.get() + 1);
            let mut now = plan(spec, world);
            if rounds.get() > 1 {
                now.steps.clear();
                now.waits.clear();
            }
            now
        },
        world,
    );
    // A volume that is being created is available by the time that the wave's answers are in.
    for volume in &mut world.volumes {
        volume.state = selfheal_core::world::VolumeState::Available;
    }
}

#[test]
fn a_second_plan_is_empty() {
    let spec = web();
    assert_eq!(
        plan(&spec, &applied(&spec)).to_string(),
        "Stack web in eu-west-1, account 123456789012\nImage al2023-arm64 is ami-0123456789abcdef0 today\n\nNothing to do: the stack is as the spec says.\n"
    );
}

#[test]
fn another_instance_type_is_a_version_and_a_pin() {
    let mut spec = web();
    let world = applied(&spec);
    spec.instance.instance_type = "t4g.medium".to_owned();
    assert_eq!(
        keys(&spec, &world),
        [StepKind::CreateTemplateVersion, StepKind::UpdateGroup]
    );
    insta::assert_snapshot!(stable(&plan(&spec, &world).to_string()), @r"
    Stack web in eu-west-1, account 123456789012
    Image al2023-arm64 is ami-0123456789abcdef0 today

    ~ launch template version lt-00000000000000018  version 1 differs; the running instance stays until it is replaced
        instance type  t4g.small -> t4g.medium
    ~ Auto Scaling group selfheal-web               the group differs
        launch template version  1 -> (known after apply)

    Plan: 0 to create, 2 to update, 0 to delete.
    ");
}

#[test]
fn the_volume_grows_and_never_shrinks() {
    let mut spec = web();
    let world = applied(&spec);
    let size = |spec: &mut Spec, gib| spec.data.as_mut().expect("the example has data").size_gib = gib;
    size(&mut spec, 30);
    assert_eq!(keys(&spec, &world), [StepKind::ModifyVolume]);
    size(&mut spec, 10);
    assert_eq!(refusals(&spec, &world), ["volume-shrinks"]);
    assert_eq!(plan(&spec, &world).ready().count(), 0);
}

#[test]
fn a_volume_in_another_zone_is_refused_and_without_a_subnet_followed() {
    let mut spec = web();
    let mut world = applied(&spec);
    world.volumes[0].zone = "eu-west-1b".to_owned();
    let follows = plan(&spec, &world);
    assert!(!follows.is_refused(), "{follows}");
    assert!(follows.to_string().contains("subnet-0000000000000000b"), "{follows}");
    spec.instance.subnet = Some("subnet-0000000000000000a".into());
    assert_eq!(refusals(&spec, &world), ["volume-zone"]);
}

#[test]
fn what_bears_our_name_and_not_our_tag_is_somebody_elses() {
    let spec = web();
    let world = applied(&spec);
    let check = |strip: fn(&mut Observed)| {
        let mut world = world.clone();
        strip(&mut world);
        assert_eq!(refusals(&spec, &world), ["foreign-resource"]);
    };
    check(|world| world.group.as_mut().expect("applied").tags.clear());
    check(|world| world.role.as_mut().expect("applied").tags.clear());
    check(|world| world.profile.as_mut().expect("applied").tags.clear());
    check(|world| world.security_groups[0].tags.clear());
    check(|world| {
        world
            .launch_template
            .as_mut()
            .expect("applied")
            .data
            .instance_tags
            .clear();
    });
}

#[test]
fn an_adopted_address_is_tagged_and_one_of_another_stack_refused() {
    let mut spec = web();
    let mut world = applied(&spec);
    spec.address.allocation = Some("eipalloc-0000000000000aaaa".into());
    assert_eq!(refusals(&spec, &world), ["address-missing"]);
    let mut other = world.addresses[0].clone();
    other.allocation_id = "eipalloc-0000000000000aaaa".into();
    other.tags.clear();
    world.addresses.push(other);
    assert!(keys(&spec, &world).contains(&StepKind::TagAddress));
    world.addresses[1].tags.insert(TAG_STACK.to_owned(), "shop".to_owned());
    assert_eq!(refusals(&spec, &world), ["address-claimed"]);
}

#[test]
fn of_two_addresses_the_one_in_the_policy_is_kept_and_the_other_told() {
    let spec = web();
    let mut world = applied(&spec);
    let mut other = world.addresses[0].clone();
    other.allocation_id = "eipalloc-00000000000000000".into();
    world.addresses.insert(0, other);
    let now = plan(&spec, &world);
    assert!(now.steps.is_empty(), "{now}");
    assert_eq!(now.notes[0].code, "duplicate-address");
    assert!(now.notes[0].message.contains("eipalloc-00000000000000000"), "{now}");
}

#[test]
fn an_image_for_another_processor_is_refused() {
    let mut spec = web();
    spec.instance.instance_type = "t3.small".to_owned();
    assert_eq!(refusals(&spec, &empty_world()), ["image-architecture"]);
    spec.instance.image = ImageRef::Id("ami-0123456789abcdef0".into());
    let mut world = empty_world();
    world.image = None;
    assert_eq!(refusals(&spec, &world), ["image-missing"]);
}

#[test]
fn closed_ports_are_revoked_and_given_groups_are_left_alone() {
    let mut spec = web();
    let world = applied(&spec);
    spec.instance.ingress = Ingress::to_world([(443, Protocol::Tcp)]);
    assert_eq!(keys(&spec, &world), [StepKind::RevokeIngress]);
    spec.instance.ingress = Ingress::Groups(vec![world.security_groups[0].id.clone()]);
    assert_eq!(keys(&spec, &world), []);
    spec.instance.ingress = Ingress::Groups(vec!["sg-0000000000000ffff".into()]);
    assert_eq!(refusals(&spec, &world), ["security-group-missing"]);
}

#[test]
fn a_record_that_is_no_plain_a_record_is_refused() {
    let spec = web();
    let mut world = empty_world();
    let alias = RecordSet {
        name: "app.example.com".to_owned(),
        record_type: "A".to_owned(),
        ttl_s: None,
        values: Vec::new(),
        set_identifier: None,
    };
    world.records = vec![alias];
    assert_eq!(refusals(&spec, &world), ["record-unusual"]);
    world.hosted_zone = None;
    assert_eq!(refusals(&spec, &world), ["zone-missing"]);
}

#[test]
fn too_much_for_a_bundle_is_an_error_of_the_plan() {
    let mut spec = web();
    // Xorshift, because what repeats would be compressed away.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    let noise: Vec<u8> = (0..100_000).map(|_| next()).collect();
    let path = "setup.sh".to_owned();
    for (length, parts, refused) in [
        (1_000, 0, vec![]),
        (20_000, 10, vec![]),
        (100_000, 0, vec!["user-data"]),
    ] {
        let body = noise[..length].to_vec();
        spec.app.setup = Some(selfheal_core::spec::Setup {
            path: path.clone(),
            body,
        });
        assert_eq!(refusals(&spec, &empty_world()), refused, "{length} bytes");
        let plan = plan(&spec, &empty_world());
        let of_bundle = plan.steps.iter().filter(|step| step.kind == StepKind::PutBundle);
        assert_eq!(of_bundle.count(), parts, "{length} bytes\n{plan}");
    }
}

#[test]
fn a_step_that_was_not_shown_or_sets_something_else_deviates() {
    let spec = web();
    let world = empty_world();
    let approval = Approval::of(&plan(&spec, &world));
    let mut bigger = spec.clone();
    bigger.data.as_mut().expect("the example has data").size_gib = 40;
    let other = plan(&bigger, &world);
    let volume = other.step(StepKind::CreateVolume).expect("it creates the volume");
    assert_eq!(
        approval.check(volume).expect_err("the size differs").to_string(),
        "data volume is not as it was shown: `size` would become `40 GiB`"
    );
    let shown = plan(&spec, &world);
    let mut later = world.clone();
    carry_out(|world| plan(&spec, world), &mut later);
    for step in &shown.steps {
        approval.check(step).expect("a plan deviates from itself");
    }
    bigger.instance.instance_type = "t4g.large".to_owned();
    let grown = plan(&bigger, &later);
    let modify = grown.step(StepKind::ModifyVolume).expect("it grows the volume");
    assert_eq!(
        approval.check(modify).expect_err("it was not shown").to_string(),
        "data volume is not as it was shown: it was not part of the plan"
    );
}

#[test]
fn a_volume_that_turned_out_to_be_deleted_is_made_with_another_token() {
    use selfheal_core::{Action, Answer};
    let spec = web();
    let mut world = empty_world();
    let create = |world: &Observed| match plan(&spec, world)
        .ready()
        .find(|(step, _)| step.kind == StepKind::CreateVolume)
    {
        Some((_, Action::Volume(VolumeCall::CreateVolume(input)))) => input.clone(),
        other => panic!("no volume is created: {other:?}"),
    };
    let first = create(&world);
    assert_eq!(first.client_token, create(&world).client_token);
    assert_eq!(first.tags.get(TAG_FIRST_USE).map(String::as_str), Some("true"));
    let applied = applied(&spec);
    let mut dead = applied.volumes[0].clone();
    dead.state = selfheal_core::world::VolumeState::Deleted;
    world.record_answer(
        &Action::Volume(VolumeCall::CreateVolume(first.clone())),
        Answer::Volume(dead),
    );
    assert_ne!(first.client_token, create(&world).client_token);
}

#[test]
fn a_probe_on_the_instance_needs_nothing_of_aws() {
    let spec = probed(HealthFrom::Instance);
    let world = applied(&spec);
    assert_eq!(world.application_checks, []);
    assert_eq!(keys(&spec, &empty_world()), keys(&web(), &empty_world()));
}

#[test]
fn a_volume_is_formatted_once_and_debian_has_no_tools_for_xfs() {
    use selfheal_core::spec::Filesystem;
    let mut spec = web();
    let world = applied(&spec);
    spec.data.as_mut().expect("the example has data").filesystem = Filesystem::Ext4;
    assert_eq!(refusals(&spec, &world), ["filesystem-changes"]);
    spec.instance.image = ImageRef::alias("debian-12-arm64").expect("a known alias");
    assert_eq!(refusals(&spec, &empty_world()), [""; 0]);
    spec.data.as_mut().expect("the example has data").filesystem = Filesystem::Xfs;
    assert_eq!(refusals(&spec, &empty_world()), ["filesystem-tools"]);
}

#[test]
fn a_volume_that_takes_longer_than_a_day_to_read_is_refused_before_it_is_made() {
    use selfheal_core::spec::VolumeType;
    let mut spec = web();
    let existing = applied(&spec);
    let data = spec.data.as_mut().expect("the example has data");
    data.size_gib = 16_384;
    assert_eq!(refusals(&spec, &empty_world()), ["volume-reading"]);
    // One that exists was read, or was never blank.
    assert_eq!(refusals(&spec, &existing), [""; 0]);
    let data = spec.data.as_mut().expect("the example has data");
    (data.iops, data.throughput_mibps) = (Some(4_000), Some(1_000));
    assert_eq!(refusals(&spec, &empty_world()), [""; 0]);
    let data = spec.data.as_mut().expect("the example has data");
    (data.volume_type, data.iops, data.throughput_mibps) = (VolumeType::Io2, Some(100), None);
    assert_eq!(refusals(&spec, &empty_world()), ["volume-reading"]);
}
