//! Scopes that no policy can be generated from, and the error that says which field is wrong.

use selfheal_policy::{
    InstanceScope, OperatorScope, Partition, Purpose, ScopeErrorKind, TAG_STACK, boundary_policy, instance_policy,
    operator_policy, operator_statement_for, operator_statements_for,
};

use crate::common::{instance_scope, operator_scope};

#[track_caller]
fn check(change: impl Fn(&mut InstanceScope), kind: ScopeErrorKind, message: &str) {
    let mut scope = instance_scope();
    change(&mut scope);
    let error = instance_policy(&scope).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
}

#[test]
fn instance() {
    let field = ScopeErrorKind::Field;
    check(
        |scope| scope.account = "123".into(),
        field,
        "account is `123`, expected twelve digits",
    );
    check(
        |scope| scope.region = "*".into(),
        field,
        "region is `*`, expected a Region such as `eu-west-1`",
    );
    check(
        |scope| scope.stack = "a*".into(),
        field,
        "stack is `a*`, expected letters, digits and -_.+=,@",
    );
    check(
        |scope| scope.group = "${aws:x}".into(),
        field,
        "group is `${aws:x}`, expected letters, digits and -_.+=,@",
    );
    check(
        |scope| scope.volume_id = Some("vol-*".into()),
        field,
        "volume_id is `vol-*`, expected an id such as `vol-0123456789abcdef0`",
    );
    check(
        |scope| scope.instance_profile = "selfheal".into(),
        field,
        "malformed ARN `selfheal`",
    );
    check(
        |scope| {
            scope.subnet_id = None;
            scope.vpc_id = None;
        },
        field,
        "subnet_id is missing: network interfaces are narrowed by the subnet or the VPC",
    );
    check(
        |scope| scope.parameter_path = Some("/a/*".into()),
        field,
        "parameter_path is `/a/*`, expected a path such as `/selfheal/web`",
    );
    check(
        |scope| scope.partition = Partition::AwsCn,
        ScopeErrorKind::Contradiction,
        "region is `eu-west-1`, which does not belong to partition `aws-cn`",
    );
    check(
        |scope| scope.account = "999999999999".into(),
        ScopeErrorKind::Contradiction,
        "instance_profile is `arn:aws:iam::123456789012:instance-profile/selfheal/selfheal-web-eu-west-1`, \
         which does not belong to account `999999999999` in partition `aws`",
    );
}

#[test]
fn operator() {
    for change in [
        |scope: &mut OperatorScope| scope.hosted_zone_id = Some("Z*".into()),
        |scope: &mut OperatorScope| scope.record_name = Some("*.example.com".into()),
        |scope: &mut OperatorScope| scope.role_name = String::new(),
        |scope: &mut OperatorScope| scope.kms_key = Some("alias/web".into()),
        |scope: &mut OperatorScope| scope.stack = "x".repeat(256),
    ] {
        let mut scope = operator_scope();
        change(&mut scope);
        assert_eq!(
            operator_policy(&scope, Purpose::Apply).unwrap_err().kind(),
            ScopeErrorKind::Field
        );
        assert_eq!(operator_statement_for(&scope, "ec2:CreateVolume"), None);
    }
}

#[test]
fn a_policy_over_the_limit_is_refused() {
    let statement = |number: usize| {
        format!(
            r#"{{"Sid":"Files{number}","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/*"}}"#,
            "x".repeat(60)
        )
    };
    let statements: Vec<String> = (0..60).map(statement).collect();
    let app = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let error = boundary_policy(&instance_scope(), &[&app.parse().unwrap()]).unwrap_err();
    assert_eq!(error.kind(), ScopeErrorKind::TooLong);
    assert!(
        error.to_string().ends_with("the quota of a managed policy allows 6144"),
        "{error}"
    );
}

#[test]
fn purposes_are_named_as_the_commands() {
    for purpose in Purpose::ALL {
        assert_eq!(purpose.to_string().parse(), Ok(purpose));
    }
    assert_eq!(
        "rest".parse::<Purpose>().unwrap_err().to_string(),
        "unknown purpose `rest`, expected one of plan, apply, status, destroy, resume, sleep, replace, config, snapshot, restore, \
         drill, drill-restore, request, logs, notify, shell, forward, run, doctor, init"
    );
}

#[test]
fn the_statement_for_a_refused_call_speaks_of_that_call_alone() {
    for call in selfheal_policy::requests::calls() {
        let made_by_operator = call
            .callers
            .iter()
            .any(|caller| matches!(caller, selfheal_policy::requests::Caller::Operator(_)));
        let otherwise = [
            "marks an adopted",
            "reads the zone that the spec names by its id",
            "deletes the record of a former name",
            "takes off a boundary that the spec has ceased to name",
        ];
        if !made_by_operator || otherwise.iter().any(|start| call.purpose.starts_with(start)) {
            continue;
        }
        let statement = operator_statement_for(&operator_scope(), call.action).unwrap();
        assert_eq!(statement.actions.patterns().len(), 1, "{}", call.action);
        assert!(statement.actions.contains(call.action));
        let document = selfheal_policy::Document::new(vec![statement]);
        let mismatches: Vec<_> = selfheal_policy::lint::lint(&document, selfheal_policy::lint::DocumentKind::Operator)
            .into_iter()
            .filter(|finding| finding.rule == selfheal_policy::lint::Rule::ResourceMismatch)
            .collect();
        assert_eq!(mismatches, [], "{}", call.action);
    }
    let statement = operator_statement_for(&operator_scope(), "ec2:CreateVolume")
        .unwrap()
        .to_string();
    assert!(
        statement.contains(TAG_STACK) && !statement.contains("elastic-ip"),
        "{statement}"
    );
}

#[test]
fn the_statements_for_what_aws_checks_within_a_call_are_those_of_that_call() {
    let names = |action: &str, call: &str| -> Vec<String> {
        operator_statements_for(&operator_scope(), None, action, call)
            .iter()
            .inspect(|statement| assert_eq!(statement.actions.patterns().len(), 1))
            .map(|statement| statement.name().to_owned())
            .collect()
    };
    let update = "autoscaling:UpdateAutoScalingGroup";
    let of = |command: Option<Purpose>| {
        let found = operator_statements_for(&operator_scope(), command, update, update);
        found[0].name().to_owned()
    };
    assert_eq!([of(None), of(Some(Purpose::Apply))], ["ChangeGroup", "ChangeGroup"]);
    assert_eq!(of(Some(Purpose::Sleep)), "AllowNone");
    assert_eq!(
        of(Some(Purpose::Status)),
        "ChangeGroup",
        "a command that makes no such call"
    );
    assert_eq!(names("ec2:CreateTags", "ec2:AllocateAddress"), ["TagOnCreate"]);
    assert_eq!(names("ec2:CreateTags", "ec2:CreateSnapshot"), ["TagSnapshot"]);
    let group = "autoscaling:CreateAutoScalingGroup";
    assert_eq!(names("ec2:CreateTags", group), ["TagOnCreate"]);
    assert_eq!(names("ec2:RunInstances", group), ["Launch", "LaunchByOwnTemplate"]);
    assert_eq!(names("iam:PassRole", "iam:AddRoleToInstanceProfile"), ["PassRole"]);
    assert_eq!(names("iam:PassRole", "dlm:CreateLifecyclePolicy"), ["PassSnapshotRole"]);
    assert_eq!(
        names("ec2:CreateSecurityGroup", "ec2:CreateSecurityGroup"),
        ["Create", "CreateInVpc"]
    );
    assert_eq!(names("s3:GetObject", "s3:GetObject"), [""; 0]);
}
