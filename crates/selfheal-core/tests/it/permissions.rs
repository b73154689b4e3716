//! What the instance and the operator may touch, as the spec and what exists tell.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::names::TAG_STACK;
use selfheal_core::operator::{operator_scope, principal};
use selfheal_core::permissions::{instance_policy, permissions_boundary};
use selfheal_core::plan::plan;
use selfheal_core::spec::{AppPolicy, HealthFrom, ImageRef, Spec, ZoneRef};
use selfheal_core::{Observed, desired};
use selfheal_policy::{FormerRecord, OperatorScope, Partition};

const ACCOUNT: &str = "123456789012";

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

#[test]
fn a_spec_alone_leaves_open_what_aws_chooses() {
    let expected = OperatorScope {
        record_name: Some("app.example.com".to_owned()),
        session_manager: true,
        ..OperatorScope::new(Partition::Aws, "eu-west-1", ACCOUNT, "web")
    };
    assert_eq!(operator_scope(&web(), ACCOUNT, &Observed::default()), expected);

    let image = ImageRef::Parameter("/images/web".to_owned());
    let mut spec = Spec::minimal("web", "cn-north-1", "t4g.small", image);
    spec.instance.subnet = Some("subnet-0123456789abcdef0".into());
    spec.address.allocation = Some("eipalloc-0123456789abcdef0".into());
    let expected = OperatorScope {
        data_volume: false,
        subnet_id: Some("subnet-0123456789abcdef0".to_owned()),
        allocation_id: Some("eipalloc-0123456789abcdef0".to_owned()),
        image_parameter: Some("/images/web".to_owned()),
        session_manager: true,
        ..OperatorScope::new(Partition::AwsCn, "cn-north-1", ACCOUNT, "web")
    };
    assert_eq!(operator_scope(&spec, ACCOUNT, &Observed::default()), expected);
}

#[test]
fn what_exists_narrows_it() {
    let world = applied(&web());
    let expected = OperatorScope {
        record_name: Some("app.example.com".to_owned()),
        hosted_zone_id: Some("Z0123456789".to_owned()),
        vpc_id: Some("vpc-00000000000000001".to_owned()),
        subnet_id: Some(desired::Ids::of(&web(), &world).subnet_id.into()),
        principal: Some("arn:aws:iam::123456789012:user/operator".to_owned()),
        session_manager: true,
        ..OperatorScope::new(Partition::Aws, "eu-west-1", ACCOUNT, "web")
    };
    assert_eq!(operator_scope(&web(), ACCOUNT, &world), expected);
}

#[test]
fn the_policies_of_a_session_are_those_of_its_role() {
    let of = |arn: &str| principal(arn);
    let user = "arn:aws:iam::123456789012:user/ops/jane";
    assert_eq!(of(user).as_deref(), Some(user));
    let session = of("arn:aws-cn:sts::123456789012:assumed-role/deploy/jane@example.com");
    assert_eq!(session.as_deref(), Some("arn:aws-cn:iam::123456789012:role/deploy"));
    assert_eq!(of("arn:aws:iam::123456789012:root"), None);
    assert_eq!(of("arn:aws:sts::123456789012:federated-user/jane"), None);
    // As an endpoint that is not AWS's may answer.
    assert_eq!(of("arn:aws:sts::123456789012:user/jane"), None);
    assert_eq!(of(""), None);
}

#[test]
fn a_zone_that_the_spec_names_by_its_id_is_not_looked_for() {
    let mut spec = web();
    if let Some(dns) = &mut spec.dns {
        dns.zone = ZoneRef::Id("Z9876543210".into());
    }
    for world in [Observed::default(), applied(&web())] {
        let scope = operator_scope(&spec, ACCOUNT, &world);
        assert!(scope.zone_by_id);
        assert_eq!(scope.hosted_zone_id.as_deref(), Some("Z9876543210"));
    }
}

#[test]
fn what_the_spec_has_ceased_to_ask_for_can_be_removed() {
    // Another name: the former record is still the stack's.
    let world = applied(&web());
    let mut renamed = web();
    if let Some(dns) = &mut renamed.dns {
        dns.name = "new.example.com".to_owned();
    }
    let former = operator_scope(&renamed, ACCOUNT, &world).former_record;
    let expected = FormerRecord {
        zone_id: "Z0123456789".into(),
        name: "app.example.com".to_owned(),
    };
    assert_eq!(former, Some(expected));

    // No status check any more: the template still tells of one.
    let world = applied(&probed(HealthFrom::Aws));
    assert!(operator_scope(&web(), ACCOUNT, &world).application_check);
    assert!(!operator_scope(&web(), ACCOUNT, &applied(&web())).application_check);

    // No policy of the app's any more: the role's own policy still tells of one.
    let mut with_policy = web();
    with_policy.app.policy = Some(AppPolicy {
        path: "policy.json".to_owned(),
        document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web/*"}}"#
            .parse()
            .expect("a policy"),
    });
    assert!(operator_scope(&with_policy, ACCOUNT, &Observed::default()).app_policy);
    assert!(operator_scope(&web(), ACCOUNT, &applied(&with_policy)).app_policy);

    // No boundary any more: the role still has it.
    let mut bounded = web();
    bounded.instance.permissions_boundary = Some(format!("arn:aws:iam::{ACCOUNT}:policy/bound"));
    let world = applied(&bounded);
    assert!(operator_scope(&web(), ACCOUNT, &world).drops_boundary);
    let scope = operator_scope(&bounded, ACCOUNT, &world);
    assert!(!scope.drops_boundary);
    assert_eq!(scope.permissions_boundary, bounded.instance.permissions_boundary);
}

#[test]
fn a_volume_that_exists_is_tagged_only_where_it_lost_its_tags_or_is_named() {
    let mut world = applied(&web());
    assert_eq!(operator_scope(&web(), ACCOUNT, &world).volume_id, None);
    let id = world.volumes[0].id.clone();
    let mut named = web();
    if let Some(data) = &mut named.data {
        data.volume = Some(id.clone());
    }
    assert_eq!(
        operator_scope(&named, ACCOUNT, &world).volume_id.as_deref(),
        Some(id.as_str())
    );
    // Found by its id, which the role's policy names, with no tag left.
    world.volumes[0].tags.remove(TAG_STACK);
    assert_eq!(
        operator_scope(&web(), ACCOUNT, &world).volume_id.as_deref(),
        Some(id.as_str())
    );
}

#[test]
fn the_boundary_lets_through_what_the_instances_policy_allows_whatever_its_ids() {
    let world = applied(&web());
    let ids = desired::Ids::of(&web(), &world);
    let policy = instance_policy(&web(), &ids).expect("it fits");
    let boundary = permissions_boundary(&web(), &ids).expect("it fits");
    let actions = |document: &selfheal_policy::Document| -> Vec<String> {
        let statements = document.statements.iter();
        statements.map(|statement| format!("{:?}", statement.actions)).collect()
    };
    assert_eq!(actions(&policy), actions(&boundary));
    for id in [ids.allocation_id.as_str(), ids.subnet_id.as_str()] {
        assert!(policy.to_json().contains(id), "{id}");
        assert!(!boundary.to_json().contains(id), "{id}");
    }
}
