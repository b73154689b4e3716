//! One stack, described fully, that the tests generate policies for.

pub mod world;

use selfheal_policy::{ChallengeScope, InstanceScope, LifecycleScope, OperatorScope, Partition};

/// The account of the stack under test.
pub const ACCOUNT: &str = "123456789012";
/// The Region of the stack under test.
pub const REGION: &str = "eu-west-1";
/// The customer key of the stack under test.
pub const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// The customer key of its secret parameters.
pub const PARAMETER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/5678abcd-12ab-34cd-56ef-1234567890ab";

/// The topic of the stack under test.
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:selfheal-web";

/// The boundary of the role of the stack under test.
pub const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/selfheal-boundary";

/// The instance's scope with everything that a spec can use.
pub fn instance_scope() -> InstanceScope {
    InstanceScope {
        partition: Partition::Aws,
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        stack: "web".to_owned(),
        group: "selfheal-web".to_owned(),
        instance_profile: format!("arn:aws:iam::{ACCOUNT}:instance-profile/selfheal/selfheal-web-{REGION}"),
        allocation_id: "eipalloc-0aaaaaaaaaaaaaaaa".to_owned(),
        volume_id: Some("vol-0aaaaaaaaaaaaaaaa".to_owned()),
        vpc_id: Some("vpc-0aaaaaaaaaaaaaaaa".to_owned()),
        subnet_id: Some("subnet-0aaaaaaaaaaaaaaaa".to_owned()),
        session_manager: true,
        bundle_path: Some("/selfheal/web/bundle".to_owned()),
        parameter_path: Some("/apps/web".to_owned()),
        parameter_key: Some(PARAMETER_KEY.to_owned()),
        log_group: Some("/selfheal/web".to_owned()),
        topic: Some(TOPIC.to_owned()),
        kms_key: Some(KEY.to_owned()),
        application_check: true,
        challenge: Some(ChallengeScope {
            zone_id: "Z0AAAAAAAAAAAAAAAAAAA".to_owned(),
            names: vec![
                "_acme-challenge.app.example.com".to_owned(),
                "_acme-challenge.example.com".to_owned(),
            ],
        }),
    }
}

/// The scope of the lifecycle policy's role.
pub fn lifecycle_scope() -> LifecycleScope {
    LifecycleScope {
        partition: Partition::Aws,
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        stack: "web".to_owned(),
    }
}

/// The operator's scope with everything that a spec can use.
pub fn operator_scope() -> OperatorScope {
    OperatorScope {
        hosted_zone_id: Some("Z0AAAAAAAAAAAAAAAAAAA".to_owned()),
        record_name: Some("app.example.com".to_owned()),
        vpc_id: Some("vpc-0aaaaaaaaaaaaaaaa".to_owned()),
        subnet_id: Some("subnet-0aaaaaaaaaaaaaaaa".to_owned()),
        image_parameter: Some("/images/web".to_owned()),
        kms_key: Some(KEY.to_owned()),
        application_check: true,
        logs: true,
        topic: Some(TOPIC.to_owned()),
        own_topic: true,
        notifications: true,
        schedule: true,
        snapshots: true,
        instance_types: vec!["t4g.small".to_owned(), "t4g.medium".to_owned()],
        replaces: true,
        session_manager: true,
        bundle: true,
        parameter_path: Some("/apps/web".to_owned()),
        parameter_key: Some(PARAMETER_KEY.to_owned()),
        app_policy: true,
        permissions_boundary: Some(BOUNDARY.to_owned()),
        principal: Some(format!("arn:aws:iam::{ACCOUNT}:user/user-0aaaaaaaaaaaaaaaa")),
        ..OperatorScope::new(Partition::Aws, REGION, ACCOUNT, "web")
    }
}
