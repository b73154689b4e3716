//! Snapshots of the generated documents, and their sizes.

use crate::common::{instance_scope, operator_scope};
use selfheal_policy::Limit;
use selfheal_policy::{
    Document, InstanceScope, OperatorScope, Partition, Purpose, instance_policy, operator_policy,
    operator_statement_for, trust_policy,
};

fn check(name: &str, document: &Document) {
    insta::assert_snapshot!(name, document.to_json_pretty());
    assert_eq!(
        document.to_json().parse::<Document>().as_ref(),
        Ok(document),
        "{name} reads back as it was"
    );
}

#[test]
fn instance_with_everything() {
    check("instance_with_everything", &instance_policy(&instance_scope()).unwrap());
}

#[test]
fn instance_with_the_least() {
    let scope = InstanceScope {
        volume_id: None,
        subnet_id: None,
        session_manager: false,
        bundle_path: None,
        parameter_path: None,
        parameter_key: None,
        log_group: None,
        topic: None,
        kms_key: None,
        application_check: false,
        challenge: None,
        ..instance_scope()
    };
    check("instance_with_the_least", &instance_policy(&scope).unwrap());
}

#[test]
fn trust() {
    check("trust_aws", &trust_policy(Partition::Aws));
    check("trust_aws_cn", &trust_policy(Partition::AwsCn));
}

#[test]
fn operator_by_purpose() {
    for purpose in Purpose::ALL {
        check(
            &format!("operator_{purpose}"),
            &operator_policy(&operator_scope(), purpose).unwrap(),
        );
    }
}

#[test]
fn operator_with_an_adopted_address_in_china() {
    let scope = OperatorScope {
        allocation_id: Some("eipalloc-0aaaaaaaaaaaaaaaa".to_owned()),
        ..OperatorScope::new(Partition::AwsCn, "cn-north-1", "123456789012", "web")
    };
    for purpose in [Purpose::Apply, Purpose::Destroy] {
        check(
            &format!("operator_adopted_{purpose}"),
            &operator_policy(&scope, purpose).unwrap(),
        );
    }
}

#[test]
fn a_refused_call_names_its_statement() {
    let statement = operator_statement_for(&operator_scope(), "ec2:CreateVolume").unwrap();
    insta::assert_snapshot!("statement_for_create_volume", statement);
    assert_eq!(
        operator_statement_for(&operator_scope(), "ec2:TerminateInstances"),
        None
    );
}

#[test]
fn a_long_document_splits_into_managed_policies() {
    let whole = operator_policy(&operator_scope(), Purpose::Apply).unwrap();
    let parts = whole.split(Limit::Managed).unwrap();
    assert!(parts.iter().all(|part| part.size() <= Limit::Managed.characters()));
    let joined: Vec<_> = parts.into_iter().flat_map(|part| part.statements).collect();
    assert_eq!(joined, whole.statements);
}

#[test]
fn a_public_image_parameter_needs_no_resource_of_its_own() {
    let plan = |path: &str| {
        let scope = OperatorScope {
            image_parameter: Some(path.to_owned()),
            ..operator_scope()
        };
        operator_policy(&scope, Purpose::Plan).unwrap()
    };
    assert!(
        !plan("/aws/service/debian/release/12/latest/arm64")
            .to_json()
            .contains("debian")
    );
    assert!(plan("/images/web").to_json().contains("parameter/images/web"));
}
