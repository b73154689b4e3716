//! EC2: conflicts, tokens, zones, quotas and states.

use std::time::Duration;

use selfheal_aws::backend::{SecurityGroupQuery, SubnetQuery};
use selfheal_aws::sim::{Content, SimConfig};
use selfheal_aws::{Clock, Ec2};
use selfheal_core::names::{ResourceKind, TAG_STACK, Tags};
use selfheal_core::world::{AttachmentState, IngressRule, ModifyVolume, SnapshotState, VolumeState};

use crate::support::{
    assert_safe, code, launch, lines, member, names, on, prepare, rest, template_data, volume_input, words, world,
};

fn rule(port: i32) -> IngressRule {
    IngressRule {
        protocol: "tcp".to_owned(),
        from_port: port,
        to_port: port,
        source: "0.0.0.0/0".to_owned(),
    }
}

fn modify(id: &str) -> ModifyVolume {
    ModifyVolume {
        id: id.into(),
        size_gib: None,
        volume_type: None,
        iops: None,
        throughput_mibps: None,
    }
}

#[test]
fn each_allocation_makes_an_address_until_the_quota() {
    let sim = world(1);
    let tags = names().tags(ResourceKind::Snapshot);
    for _ in 0..5 {
        on(&sim, sim.allocate_address(&Tags::new())).unwrap();
    }
    assert_eq!(
        words(on(&sim, sim.allocate_address(&tags))),
        "AddressLimitExceeded: The maximum number of addresses has been reached."
    );
    let addresses = on(&sim, sim.describe_addresses()).unwrap();
    let ips: std::collections::BTreeSet<&str> = addresses.iter().map(|address| address.public_ip.as_str()).collect();
    assert_eq!(ips.len(), 5);
}

#[test]
fn an_associated_address_is_not_released() {
    let sim = world(2);
    let stack = launch(&sim);
    sim.permit(stack.address.as_str());
    assert_eq!(
        code(on(&sim, sim.release_address(&stack.address))),
        "InvalidIPAddress.InUse"
    );
    let association = sim
        .inspect(|world| world.addresses[&stack.address].address.association_id.clone())
        .unwrap();
    on(&sim, sim.disassociate_address(&association)).unwrap();
    assert_eq!(
        code(on(&sim, sim.disassociate_address(&association))),
        "InvalidAssociationID.NotFound"
    );
    on(&sim, sim.release_address(&stack.address)).unwrap();
    assert_eq!(
        code(on(&sim, sim.release_address(&stack.address))),
        "InvalidAllocationID.NotFound"
    );
}

#[test]
fn an_address_follows_its_instance_only_as_far_as_ec2_lets_it() {
    let sim = world(3);
    let stack = launch(&sim);
    let id = member(&sim);
    let caller = sim.as_instance(&id);
    // Here already: nothing happens, and nothing moves.
    sim.drain_trace();
    caller.associate_address(&stack.address, id.as_str(), false).unwrap();
    assert!(lines(&sim, "address ").is_empty());
    assert_eq!(
        code(caller.associate_address(&stack.address, "i-0123456789abcdef0", true)),
        "UnauthorizedOperation"
    );
    // A replacement that is still pending is refused.
    sim.kill_instance(&id);
    let pending = loop {
        sim.advance(Duration::from_millis(500));
        let found = sim.inspect(|world| {
            world
                .instances
                .values()
                .find(|it| it.id != id && it.state.as_str() == "pending")
                .map(|it| it.id.clone())
        });
        if let Some(found) = found {
            break found;
        }
    };
    let refused = words(
        sim.as_instance(&pending)
            .associate_address(&stack.address, pending.as_str(), true),
    );
    assert_eq!(
        refused,
        format!("InvalidInstanceID: The pending instance '{pending}' is not in a valid state for this operation.")
    );
    assert_eq!(
        words(
            sim.as_instance(&pending)
                .attach_volume(&stack.volume, &pending, "/dev/sdf")
        ),
        format!("IncorrectState: Instance '{pending}' is not 'running'.")
    );
}

#[test]
fn reassociation_needs_to_be_asked_for() {
    let sim = world(4);
    let stack = launch(&sim);
    let (first, second) = (
        stack.address.clone(),
        on(&sim, sim.allocate_address(&Tags::new())).unwrap().allocation_id,
    );
    let id = member(&sim);
    // A second instance, without the lock: that is what the invariant is for, so it is not checked here.
    sim.tamper(|world| {
        world.config.check_invariants = false;
        world.config.authorise_instances = false;
        let group = world.groups.get_mut("selfheal-web").unwrap();
        group.settings.max = 2;
        group.settings.desired = 2;
        group.hooks.clear();
    });
    let mut wider = stack.settings.clone();
    wider.max = 2;
    on(&sim, selfheal_aws::AutoScaling::update_group(&sim, &wider)).unwrap();
    sim.advance(Duration::from_secs(60));
    let other = sim
        .inspect(|world| world.instances.keys().find(|other| **other != id).cloned())
        .unwrap();
    let caller = sim.as_instance(&other);
    assert_eq!(
        code(caller.associate_address(&first, other.as_str(), false)),
        "Resource.AlreadyAssociated"
    );
    let old = caller.associate_address(&second, other.as_str(), false).unwrap();
    let new = caller.associate_address(&first, other.as_str(), true).unwrap();
    assert_ne!(old, new);
    // One interface has one public address: the second lost its place.
    sim.inspect(|world| {
        assert_eq!(world.addresses[&second].address.instance_id, None);
        assert_eq!(world.addresses[&first].address.instance_id.as_ref(), Some(&other));
    });
    assert!(
        sim.inspect(selfheal_aws::sim::invariants)
            .iter()
            .any(|violation| violation.invariant == "S9")
    );
}

#[test]
fn a_client_token_leads_to_the_volume_that_it_made() {
    let sim = world(5);
    let first = on(&sim, sim.create_volume(&volume_input("token"))).unwrap();
    let again = on(&sim, sim.create_volume(&volume_input("token"))).unwrap();
    assert_eq!(first.id, again.id);
    let mut other = volume_input("token");
    other.size_gib = 21;
    assert_eq!(code(on(&sim, sim.create_volume(&other))), "IdempotentParameterMismatch");
    sim.permit(first.id.as_str());
    rest(&sim);
    on(&sim, sim.delete_volume(&first.id)).unwrap();
    rest(&sim);
    // The token outlives its volume.
    assert_eq!(
        code(on(&sim, sim.create_volume(&volume_input("token")))),
        "IdempotentParameterMismatch"
    );
    assert!(on(&sim, sim.describe_volumes(&["web"])).unwrap().is_empty());
    assert_safe(&sim);
}

#[test]
fn a_volume_is_what_its_type_allows() {
    let sim = world(6);
    let refused = |change: &dyn Fn(&mut selfheal_core::world::CreateVolume)| {
        let mut input = volume_input("");
        change(&mut input);
        code(on(&sim, sim.create_volume(&input)))
    };
    assert_eq!(
        refused(&|input| input.zone = "eu-west-1z".to_owned()),
        "InvalidZone.NotFound"
    );
    assert_eq!(refused(&|input| input.size_gib = 0), "InvalidParameterValue");
    assert_eq!(refused(&|input| input.size_gib = 65_537), "InvalidParameterValue");
    assert_eq!(
        refused(&|input| input.volume_type = "gp9".to_owned()),
        "UnknownVolumeType"
    );
    assert_eq!(refused(&|input| input.iops = Some(2_999)), "InvalidParameterValue");
    assert_eq!(
        refused(&|input| input.throughput_mibps = Some(2_001)),
        "InvalidParameterCombination"
    );
    assert_eq!(
        refused(&|input| input.client_token = "x".repeat(65)),
        "InvalidParameterValue"
    );
    let volume = on(&sim, sim.create_volume(&volume_input(""))).unwrap();
    assert_eq!((volume.iops, volume.throughput_mibps), (Some(3_000), Some(125)));
    assert_eq!(volume.state, VolumeState::Creating);
    assert_eq!(code(on(&sim, sim.delete_volume(&volume.id))), "IncorrectState");
}

#[test]
fn a_volume_only_grows_and_not_twice_in_six_hours() {
    let sim = world(7);
    let stack = prepare(&sim);
    rest(&sim);
    let grow = |size| ModifyVolume {
        size_gib: Some(size),
        ..modify(stack.volume.as_str())
    };
    assert_eq!(code(on(&sim, sim.modify_volume(&grow(19)))), "InvalidParameterValue");
    on(&sim, sim.modify_volume(&grow(30))).unwrap();
    assert_eq!(
        code(on(&sim, sim.modify_volume(&grow(31)))),
        "IncorrectModificationState"
    );
    rest(&sim);
    assert_eq!(
        code(on(&sim, sim.modify_volume(&grow(31)))),
        "VolumeModificationRateExceeded"
    );
    sim.advance(Duration::from_secs(6 * 3600));
    on(&sim, sim.modify_volume(&grow(31))).unwrap();
    assert_eq!(
        code(on(&sim, sim.modify_volume(&modify("vol-0123456789abcdef0")))),
        "InvalidVolume.NotFound"
    );
}

#[test]
fn a_volume_has_one_attachment_and_one_zone() {
    let sim = world(8);
    let stack = launch(&sim);
    let id = member(&sim);
    sim.tamper(|world| world.config.authorise_instances = false);
    let caller = sim.as_instance(&id);
    assert_eq!(
        words(caller.attach_volume(&stack.volume, &id, "/dev/sdg")),
        format!("VolumeInUse: {} is already attached to an instance", stack.volume)
    );
    let mut input = volume_input("other");
    input.tags.insert(TAG_STACK.to_owned(), "other".to_owned());
    let here = on(&sim, sim.create_volume(&input)).unwrap().id;
    input.zone = "eu-west-1b".to_owned();
    input.tags.insert(TAG_STACK.to_owned(), "third".to_owned());
    input.client_token = "elsewhere".to_owned();
    let elsewhere = on(&sim, sim.create_volume(&input)).unwrap().id;
    assert_eq!(
        code(caller.attach_volume(&here, &id, "/dev/sdg")),
        "IncorrectState",
        "still creating"
    );
    rest(&sim);
    assert_eq!(
        code(caller.attach_volume(&elsewhere, &id, "/dev/sdg")),
        "InvalidVolume.ZoneMismatch"
    );
    assert_eq!(
        code(caller.attach_volume(&here, &id, "/dev/sdf")),
        "InvalidParameterValue",
        "the device is taken"
    );
    assert_eq!(
        caller.attach_volume(&here, &id, "/dev/sdg").unwrap().state,
        VolumeState::InUse
    );
    sim.permit(here.as_str());
    assert_eq!(code(on(&sim, sim.delete_volume(&here))), "VolumeInUse");
    rest(&sim);
    assert_eq!(
        code(caller.detach_volume(&here, Some(&"i-0123456789abcdef0".into()))),
        "InvalidAttachment.NotFound"
    );
    let detaching = caller.detach_volume(&here, Some(&id)).unwrap();
    assert_eq!(detaching.attachment.unwrap().state, AttachmentState::Detaching);
    assert_eq!(code(caller.detach_volume(&here, None)), "IncorrectState");
    rest(&sim);
    on(&sim, sim.delete_volume(&here)).unwrap();
    assert_eq!(
        code(caller.attach_volume(&"vol-0123456789abcdef0".into(), &id, "/dev/sdh")),
        "InvalidVolume.NotFound"
    );
    assert_eq!(
        code(caller.describe_volumes(&["vol-0123456789abcdef0".into()])),
        "InvalidVolume.NotFound"
    );
}

#[test]
fn deleting_data_that_nobody_named_is_a_violation() {
    let sim = world(9);
    let stack = launch(&sim);
    sim.tamper(|world| world.config.check_invariants = false);
    sim.set_content(&stack.volume, Content::Foreign("a database".to_owned()));
    let id = member(&sim);
    on(
        &sim,
        selfheal_aws::AutoScaling::delete_group(&sim, &stack.settings.name),
    )
    .unwrap();
    rest(&sim);
    assert!(sim.inspect(|world| world.instances[&id].mounted.is_none()));
    on(&sim, sim.release_address(&stack.address)).unwrap();
    on(&sim, sim.delete_volume(&stack.volume)).unwrap();
    let found: Vec<String> = sim
        .inspect(selfheal_aws::sim::invariants)
        .into_iter()
        .map(|it| it.invariant)
        .collect();
    assert_eq!(found, ["S2", "S1"]);
}

#[test]
fn deleting_named_data_needs_a_completed_snapshot() {
    let sim = world(10);
    let stack = launch(&sim);
    on(
        &sim,
        selfheal_aws::AutoScaling::delete_group(&sim, &stack.settings.name),
    )
    .unwrap();
    rest(&sim);
    sim.permit(stack.volume.as_str());
    let snapshot = on(
        &sim,
        sim.create_snapshot(&stack.volume, "the last", &names().tags(ResourceKind::Snapshot)),
    )
    .unwrap();
    assert_eq!(snapshot.state, SnapshotState::Pending);
    let early = sim.save().unwrap();
    let early = selfheal_aws::sim::Sim::load(&early).unwrap();
    let deleted = early.block_on(early.delete_volume(&stack.volume));
    assert!(
        deleted.unwrap_err().to_string().contains("S1"),
        "deleted while the snapshot was pending"
    );
    rest(&sim);
    assert_eq!(
        on(&sim, sim.describe_snapshots(&["web"])).unwrap()[0].state,
        SnapshotState::Completed
    );
    on(&sim, sim.delete_volume(&stack.volume)).unwrap();
    rest(&sim);
    assert_eq!(
        code(on(&sim, sim.create_snapshot(&stack.volume, "", &Tags::new()))),
        "InvalidVolume.NotFound"
    );
}

#[test]
fn security_groups_are_unique_in_their_vpc_and_stay_while_used() {
    let sim = world(11);
    let stack = launch(&sim);
    let vpc = sim.inspect(|world| world.default_vpc.clone());
    let name = names().security_group;
    let duplicate = on(&sim, sim.create_security_group(&name, &vpc, &Tags::new()));
    assert_eq!(
        words(duplicate),
        format!("InvalidGroup.Duplicate: The security group '{name}' already exists for VPC '{vpc}'")
    );
    assert_eq!(
        code(on(&sim, sim.create_security_group("x", &"vpc-0".into(), &Tags::new()))),
        "InvalidVpcID.NotFound"
    );
    let sg = &stack.security_group;
    on(&sim, sim.authorize_ingress(sg, &[rule(8080), rule(8443)])).unwrap();
    let twice = words(on(&sim, sim.authorize_ingress(sg, &[rule(22), rule(8080)])));
    assert_eq!(
        twice,
        "InvalidPermission.Duplicate: the specified rule \"peer: 0.0.0.0/0, TCP, from port: 8080, to port: 8080, ALLOW\" \
         already exists"
    );
    assert_eq!(
        code(on(&sim, sim.revoke_ingress(sg, &[rule(22)]))),
        "InvalidPermission.NotFound"
    );
    on(&sim, sim.revoke_ingress(sg, &[rule(8080)])).unwrap();
    let found = on(
        &sim,
        sim.describe_security_groups(&SecurityGroupQuery::Named(vec![name])),
    )
    .unwrap();
    assert_eq!(found[0].ingress, [rule(80), rule(443), rule(8443)]);
    assert_eq!(
        words(on(&sim, sim.delete_security_group(sg))),
        format!("DependencyViolation: resource {sg} has a dependent object")
    );
    on(
        &sim,
        selfheal_aws::AutoScaling::delete_group(&sim, &stack.settings.name),
    )
    .unwrap();
    rest(&sim);
    on(&sim, sim.delete_security_group(sg)).unwrap();
    let query = SecurityGroupQuery::Ids(vec![sg.clone()]);
    assert!(on(&sim, sim.describe_security_groups(&query)).unwrap().is_empty());
}

#[test]
fn template_versions_never_change() {
    let sim = world(12);
    let stack = prepare(&sim);
    let mut data = sim.inspect(|world| world.templates[&stack.template].versions[0].clone());
    let name = names().launch_template;
    assert_eq!(
        code(on(&sim, sim.create_launch_template(&name, &data, &Tags::new()))),
        "InvalidLaunchTemplateName.AlreadyExistsException"
    );
    data.instance_type = "t4g.medium".to_owned();
    assert_eq!(
        on(&sim, sim.create_template_version(&stack.template, &data)).unwrap(),
        2
    );
    let latest = on(&sim, sim.describe_launch_template(&name, None)).unwrap().unwrap();
    assert_eq!((latest.version, latest.data.instance_type.as_str()), (2, "t4g.medium"));
    let first = sim
        .inspect(|world| world.templates[&stack.template].version(1).cloned())
        .unwrap();
    assert_eq!(first.instance_type, "t4g.small");
    data.user_data = base64_of(&[b'x'; 16_385]).into();
    assert_eq!(
        code(on(&sim, sim.create_template_version(&stack.template, &data))),
        "InvalidParameterValue"
    );
    data.user_data = "not base64!".into();
    assert_eq!(
        code(on(&sim, sim.create_template_version(&stack.template, &data))),
        "InvalidUserData.Malformed"
    );
    on(&sim, sim.delete_launch_template(&stack.template)).unwrap();
    assert_eq!(
        code(on(&sim, sim.delete_launch_template(&stack.template))),
        "InvalidLaunchTemplateId.NotFound"
    );
    assert_eq!(on(&sim, sim.describe_launch_template(&name, None)).unwrap(), None);
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[test]
fn subnets_are_the_defaults_and_those_that_were_configured() {
    let mut config = SimConfig::seeded(13);
    let own = selfheal_aws::sim::SubnetConfig {
        id: "subnet-0123456789abcdef0".into(),
        vpc_id: "vpc-0123456789abcdef0".into(),
        zone: 'b',
    };
    config.subnets.push(own);
    let sim = selfheal_aws::sim::Sim::new(config);
    let defaults = on(&sim, sim.describe_subnets(&SubnetQuery::DefaultForZone)).unwrap();
    let zones: Vec<&str> = defaults.iter().map(|subnet| subnet.zone.as_str()).collect();
    assert_eq!(zones.len(), 3);
    let found = on(
        &sim,
        sim.describe_subnets(&SubnetQuery::Ids(vec!["subnet-0123456789abcdef0".into()])),
    )
    .unwrap();
    assert_eq!(
        (found[0].vpc_id.as_str(), found[0].zone.as_str()),
        ("vpc-0123456789abcdef0", "eu-west-1b")
    );
    let none = on(&sim, sim.describe_subnets(&SubnetQuery::Ids(vec!["subnet-0".into()]))).unwrap();
    assert!(none.is_empty());
}

#[test]
fn tags_are_checked_and_merged() {
    let sim = world(14);
    let stack = prepare(&sim);
    let tag = |key: &str, value: &str| Tags::from([(key.to_owned(), value.to_owned())]);
    on(&sim, sim.create_tags(stack.volume.as_str(), &tag("colour", "blue"))).unwrap();
    let volume = on(&sim, sim.describe_volumes(&["web"])).unwrap().remove(0);
    assert_eq!(volume.tags["colour"], "blue");
    assert!(volume.tags.len() > 3);
    assert_eq!(
        code(on(&sim, sim.create_tags("vol-0", &tag("a", "b")))),
        "InvalidVolume.NotFound"
    );
    assert_eq!(
        code(on(&sim, sim.create_tags(stack.volume.as_str(), &tag("aws:x", "b")))),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(on(
            &sim,
            sim.create_tags(stack.volume.as_str(), &tag("a", &"b".repeat(257)))
        )),
        "InvalidParameterValue"
    );
}

#[test]
fn a_terminated_instance_is_shown_for_an_hour() {
    let sim = world(15);
    launch(&sim);
    let first = member(&sim);
    sim.kill_instance(&first);
    rest(&sim);
    let shown = |sim: &selfheal_aws::sim::Sim| {
        let mut states: Vec<String> = on(sim, sim.describe_instances(&["web"]))
            .unwrap()
            .into_iter()
            .map(|it| it.state.to_string())
            .collect();
        states.sort();
        states
    };
    assert_eq!(shown(&sim), ["running", "terminated"]);
    sim.block_on(sim.sleep(Duration::from_secs(3600))).unwrap();
    assert_eq!(shown(&sim), ["running"]);
}

#[test]
fn an_image_that_does_not_exist_is_none_and_cannot_be_launched() {
    let sim = world(16);
    let stack = prepare(&sim);
    assert_eq!(
        on(&sim, sim.describe_image(&"ami-0123456789abcdef0".into())).unwrap(),
        None
    );
    let mut data = template_data(&sim, &stack, "");
    data.image_id = "ami-0123456789abcdef0".into();
    on(&sim, sim.create_template_version(&stack.template, &data)).unwrap();
    let mut settings = stack.settings.clone();
    settings.template_version = 2;
    let refused = words(on(&sim, selfheal_aws::AutoScaling::create_group(&sim, &settings)));
    assert!(
        refused.ends_with("The image id '[ami-0123456789abcdef0]' does not exist"),
        "{refused}"
    );
}
