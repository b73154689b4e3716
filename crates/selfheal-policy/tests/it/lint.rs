//! The linter: silent on everything that is generated, and one example of each rule.

use selfheal_policy::lint::{DocumentKind, Rule, lint};
use selfheal_policy::{
    Document, InstanceScope, OperatorScope, Partition, Purpose, instance_policy, lifecycle_policy_document,
    lifecycle_trust_policy, operator_policy, trust_policy,
};

use crate::common::{instance_scope, lifecycle_scope, operator_scope};

/// Which of so many options are there: none, all, each one or two alone, and all but one or two.
fn subsets(options: u32) -> Vec<u32> {
    let all = (1 << options) - 1;
    let mut few = vec![0];
    for one in 0..options {
        few.extend((one..options).map(|other| (1 << one) | (1 << other)));
    }
    let but: Vec<u32> = few.iter().map(|bits| all & !bits).collect();
    few.extend(but);
    few
}

/// Returns instance scopes that leave out some of what is optional.
fn instance_scopes() -> Vec<InstanceScope> {
    let full = instance_scope();
    subsets(9)
        .into_iter()
        .map(|bits| {
            let has = |bit: u32| bits & (1 << bit) != 0;
            InstanceScope {
                volume_id: full.volume_id.clone().filter(|_| has(0)),
                subnet_id: full.subnet_id.clone().filter(|_| has(1)),
                session_manager: has(2),
                parameter_path: full.parameter_path.clone().filter(|_| has(3)),
                log_group: full.log_group.clone().filter(|_| has(4)),
                kms_key: full.kms_key.clone().filter(|_| has(5)),
                application_check: has(6),
                bundle_path: full.bundle_path.clone().filter(|_| has(7)),
                parameter_key: full.parameter_key.clone().filter(|_| has(8)),
                ..full.clone()
            }
        })
        .collect()
}

/// Returns operator scopes that leave out some of what is optional.
fn operator_scopes() -> Vec<OperatorScope> {
    let full = operator_scope();
    subsets(12)
        .into_iter()
        .map(|bits| {
            let has = |bit: u32| bits & (1 << bit) != 0;
            OperatorScope {
                hosted_zone_id: full.hosted_zone_id.clone().filter(|_| has(0)),
                record_name: full.record_name.clone().filter(|_| has(1)),
                vpc_id: full.vpc_id.clone().filter(|_| has(2)),
                subnet_id: full.subnet_id.clone().filter(|_| has(3)),
                image_parameter: full.image_parameter.clone().filter(|_| has(4)),
                kms_key: full.kms_key.clone().filter(|_| has(5)),
                allocation_id: has(6).then(|| "eipalloc-0aaaaaaaaaaaaaaaa".to_owned()),
                data_volume: has(7),
                bundle: has(8),
                parameter_path: full.parameter_path.clone().filter(|_| has(9)),
                parameter_key: full.parameter_key.clone().filter(|_| has(10)),
                snapshots: has(11),
                ..full.clone()
            }
        })
        .collect()
}

#[test]
fn silent_on_what_is_generated() {
    for scope in instance_scopes() {
        assert_eq!(
            lint(&instance_policy(&scope).unwrap(), DocumentKind::InstanceRole),
            [],
            "{scope:#?}"
        );
    }
    for scope in operator_scopes() {
        for purpose in Purpose::ALL {
            let document = operator_policy(&scope, purpose).unwrap();
            assert_eq!(lint(&document, DocumentKind::Operator), [], "{purpose} {scope:#?}");
        }
    }
    for partition in Partition::ALL.iter().copied() {
        assert_eq!(lint(&trust_policy(partition), DocumentKind::Trust), []);
    }
    let scope = lifecycle_scope();
    let document = lifecycle_policy_document(&scope).unwrap();
    assert_eq!(lint(&document, DocumentKind::LifecycleRole), []);
    assert_eq!(lint(&lifecycle_trust_policy(&scope).unwrap(), DocumentKind::Trust), []);
}

#[track_caller]
fn check(statement: &str, kind: DocumentKind, expected: &[Rule]) {
    let document: Document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
        .parse()
        .unwrap();
    let mut rules: Vec<Rule> = lint(&document, kind).into_iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, expected, "{statement}");
}

const VOLUME: &str = "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/selfheal/x";

fn allow(action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":{action},"Resource":{resource},"Condition":{{{condition}}}}}"#)
}

#[test]
fn each_rule_on_actions_and_resources_has_its_example() {
    let volume = format!(r#""{VOLUME}""#);
    let delete = r#""ec2:DeleteVolume""#;
    for (statement, rules) in [
        (allow(delete, &volume, ""), &[][..]),
        (allow(r#""ec2:DeleteVol*""#, &volume, ""), &[Rule::WildcardAction]),
        (allow(r#""ec2:EraseVolume""#, &volume, ""), &[Rule::UnknownAction]),
        (allow(delete, r#""*""#, ""), &[Rule::WildcardResource]),
        (
            allow(delete, r#""arn:aws:ec2:*:123456789012:volume/vol-1""#, ""),
            &[Rule::WildcardResource],
        ),
        (
            allow(delete, r#""arn:aws:ec2:eu-west-1:123456789012:volume/*""#, ""),
            &[Rule::MissingCondition],
        ),
        (
            allow(
                delete,
                r#""arn:aws:ec2:eu-west-1:123456789012:volume/*""#,
                r#""StringEquals":{"aws:ResourceTag/a":"b"}"#,
            ),
            &[],
        ),
        (
            allow(delete, &volume, r#""StringLike":{"aws:ResourceTag/a":"b*"}"#),
            &[Rule::WildcardCondition],
        ),
        (
            allow(delete, r#""arn:aws:ec2:eu-west-1:123456789012:instance/i-1""#, ""),
            &[Rule::ResourceMismatch],
        ),
        (
            allow(r#""ec2:DescribeVolumes""#, r#""*""#, ""),
            &[Rule::MissingCondition],
        ),
        (
            allow(r#""ec2:DescribeVolumes""#, &volume, ""),
            &[Rule::ResourceMismatch],
        ),
    ] {
        check(&statement, DocumentKind::Operator, rules);
    }
}

#[test]
fn each_rule_on_conditions_and_lists_has_its_example() {
    let volume = format!(r#""{VOLUME}""#);
    let role = format!(r#""{ROLE}""#);
    let delete = r#""ec2:DeleteVolume""#;
    for (statement, rules) in [
        (allow(r#""iam:PassRole""#, &role, ""), &[Rule::MissingCondition][..]),
        (
            allow(delete, &volume, r#""StringEquals":{"ec2:Vpc":"x"}"#),
            &[Rule::UnknownKey, Rule::OperatorMismatch],
        ),
        (
            allow(delete, &volume, r#""StringEquals":{"ec2:Encrypted":"true"}"#),
            &[Rule::OperatorMismatch],
        ),
        (
            allow(delete, &volume, r#""StringNotEquals":{"aws:ResourceTag/a":"b"}"#),
            &[Rule::HollowCondition],
        ),
        (
            allow(
                r#""ec2:DeleteTags""#,
                &volume,
                r#""ForAllValues:StringEquals":{"aws:TagKeys":"a"}"#,
            ),
            &[Rule::HollowCondition],
        ),
        (
            allow(delete, &volume, r#""StringEquals":{"ec2:ResourceTag/Name":"web"}"#),
            &[Rule::NameTag],
        ),
        (
            allow(r#"["ec2:DeleteVolume","EC2:deletevolume"]"#, &volume, ""),
            &[Rule::Redundant],
        ),
        (allow(delete, &format!("[{volume},{volume}]"), ""), &[Rule::Redundant]),
        (
            format!(r#"{{"Effect":"Allow","Action":{delete},"Principal":"*","Resource":{volume}}}"#),
            &[Rule::WrongKind],
        ),
    ] {
        check(&statement, DocumentKind::Operator, rules);
    }
}

/// The policy of the blog that everybody copies: the Elastic IP's ARN alone.
#[test]
fn a_call_that_is_allowed_in_part() {
    let address = r#""arn:aws:ec2:eu-west-1:123456789012:elastic-ip/eipalloc-1""#;
    check(
        &allow(r#""ec2:AssociateAddress""#, address, ""),
        DocumentKind::InstanceRole,
        &[Rule::IncompleteCall],
    );
}

#[test]
fn documents_as_a_whole() {
    let rules = |text: &str, kind| -> Vec<Rule> {
        lint(&text.parse().unwrap(), kind)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    };
    let old = allow(r#""ec2:DeleteVolume""#, &format!(r#""{VOLUME}""#), "");
    assert_eq!(
        rules(&format!(r#"{{"Statement":{old}}}"#), DocumentKind::Operator),
        [Rule::Version]
    );
    let long = trust_policy(Partition::Aws)
        .to_json()
        .replace("Ec2TakesTheRole", &"A".repeat(2_048));
    assert_eq!(rules(&long, DocumentKind::Trust), [Rule::TooLong]);
    let identity = format!(r#"{{"Version":"2012-10-17","Statement":{old}}}"#);
    assert_eq!(rules(&identity, DocumentKind::Trust), [Rule::WrongKind]);
}

#[test]
fn findings_read_well() {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{}}}"#,
        allow(r#""ec2:Delete*""#, &format!(r#""{VOLUME}""#), "")
    );
    let findings = lint(&text.parse().unwrap(), DocumentKind::Operator);
    assert_eq!(
        findings[0].to_string(),
        "statement 0 ``: action `ec2:Delete*` has a wildcard: WildcardAction"
    );
}
