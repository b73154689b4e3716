//! The examples of the IAM User Guide and of the EC2 User Guide, with what the guides say about them.
//!
//! Each test names the page that its policies follow.

use selfheal_policy::Document;
use selfheal_policy::eval::{Decision, Layer, Policies, Request, ResourceRequest, evaluate};

fn on(action: &str, resource: &str) -> Request {
    Request::new(action).on(ResourceRequest::new(resource.parse().unwrap()))
}

fn document(statements: &str) -> Document {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
        .parse()
        .unwrap()
}

#[track_caller]
fn check(statements: &str, table: &[(Request, bool)]) {
    let document = document(statements);
    for (request, expected) in table {
        let decision = evaluate(Policies::identity(&[&document]), request);
        assert_eq!(decision.is_allowed(), *expected, "{request:#?}: {decision}");
    }
}

/// "Policy evaluation logic": an explicit deny wins over an allow, and what nothing allows is denied.
#[test]
fn an_explicit_deny_overrides_an_allow() {
    check(
        r#"{"Sid":"AllowS3ListRead","Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListAllMyBuckets"],"Resource":"*"},
           {"Sid":"AllowS3Self","Effect":"Allow","Action":"s3:*",
            "Resource":["arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar/*","arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar"]},
           {"Sid":"DenyS3Logs","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*log*"}"#,
        &[
            (Request::new("s3:ListAllMyBuckets"), true),
            (
                on("s3:PutObject", "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar/a"),
                true,
            ),
            (
                on("s3:PutObject", "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar/log/a"),
                false,
            ),
            (on("s3:PutObject", "arn:aws:s3:::amzn-s3-demo-bucket/a"), false),
            (Request::new("iam:CreateUser"), false),
        ],
    );
}

/// "Permissions boundaries for IAM entities": Shirley's boundary has no IAM, so her policy's iam:CreateUser is denied.
#[test]
fn a_boundary_limits_and_grants_nothing() {
    let boundary = document(r#"{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*"],"Resource":"*"}"#);
    let identity = document(r#"{"Effect":"Allow","Action":["iam:CreateUser","s3:ListBucket"],"Resource":"*"}"#);
    let decide = |action: &str| {
        let identity = [&identity];
        evaluate(
            Policies {
                boundary: Some(&boundary),
                ..Policies::identity(&identity)
            },
            &Request::new(action),
        )
    };
    assert_eq!(
        decide("iam:CreateUser"),
        Decision::ImplicitDeny {
            layer: Layer::Boundary,
            resource: None
        }
    );
    assert!(decide("s3:ListBucket").is_allowed());
    assert_eq!(
        decide("ec2:RunInstances"),
        Decision::ImplicitDeny {
            layer: Layer::Identity,
            resource: None
        }
    );
}

/// "Session policies": the session's permissions are the intersection of both.
#[test]
fn a_session_policy_intersects() {
    let identity = document(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
    let session = document(r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#);
    let identity = [&identity];
    let policies = Policies {
        session: Some(&session),
        ..Policies::identity(&identity)
    };
    assert!(evaluate(policies, &Request::new("s3:GetObject")).is_allowed());
    let denied = evaluate(policies, &Request::new("s3:PutObject"));
    assert_eq!(
        denied,
        Decision::ImplicitDeny {
            layer: Layer::Session,
            resource: None
        }
    );
}

/// "IAM JSON policy elements: Action": names are not case-sensitive, and wildcards stand anywhere.
#[test]
fn actions() {
    check(
        r#"{"Effect":"Allow","Action":["iam:*AccessKey*","IAM:listusers"],"Resource":"*"}"#,
        &[
            (Request::new("iam:CreateAccessKey"), true),
            (Request::new("iam:ListAccessKeys"), true),
            (Request::new("IAM:LISTACCESSKEYS"), true),
            (Request::new("iam:ListUsers"), true),
            (Request::new("iam:ListRoles"), false),
        ],
    );
}

/// "IAM JSON policy elements: NotAction": allows all but IAM, and denies all but IAM without MFA.
#[test]
fn not_action() {
    check(
        r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
        &[
            (Request::new("s3:GetObject"), true),
            (Request::new("iam:ListUsers"), false),
        ],
    );
    check(
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},
           {"Sid":"DenyAllUsersNotUsingMFA","Effect":"Deny","NotAction":"iam:*","Resource":"*",
            "Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        &[
            (
                Request::new("s3:GetObject").with("aws:MultiFactorAuthPresent", "true"),
                true,
            ),
            (
                Request::new("s3:GetObject").with("aws:MultiFactorAuthPresent", "false"),
                false,
            ),
            (Request::new("s3:GetObject"), false),
            (
                Request::new("iam:ListUsers").with("aws:MultiFactorAuthPresent", "false"),
                true,
            ),
        ],
    );
}

/// "IAM JSON policy elements: NotResource": everything but the named bucket is denied.
#[test]
fn not_resource() {
    check(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},
           {"Effect":"Deny","Action":"s3:*","NotResource":["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]}"#,
        &[
            (on("s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/2020"), true),
            (on("s3:GetObject", "arn:aws:s3:::HRBucket/Other"), false),
        ],
    );
}

/// "IAM JSON policy elements: Resource": wildcards within a component, resources compared with regard to case.
#[test]
fn resources() {
    check(
        r#"{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-2:*:queue?"},
           {"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::123456789012:user/division_abc/*"}"#,
        &[
            (on("sqs:SendMessage", "arn:aws:sqs:us-east-2:123456789012:queue1"), true),
            (
                on("sqs:SendMessage", "arn:aws:sqs:us-east-2:123456789012:queue12"),
                false,
            ),
            (
                on("sqs:SendMessage", "arn:aws:sqs:us-east-2:123456789012:Queue1"),
                false,
            ),
            (
                on(
                    "iam:GetUser",
                    "arn:aws:iam::123456789012:user/division_abc/subdivision_xyz/jo",
                ),
                true,
            ),
            (on("iam:GetUser", "arn:aws:iam::123456789012:user/jo"), false),
        ],
    );
}

/// "IAM policy elements: Variables and tags": home folders, tags, defaults and the escaped characters.
#[test]
fn variables() {
    let jo = |request: Request| request.with("aws:username", "jo");
    check(
        r#"{"Action":["s3:ListBucket"],"Effect":"Allow","Resource":["arn:aws:s3:::amzn-s3-demo-bucket"],
            "Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}},
           {"Action":["s3:GetObject","s3:PutObject"],"Effect":"Allow",
            "Resource":["arn:aws:s3:::amzn-s3-demo-bucket/${aws:username}/*"]},
           {"Action":"s3:DeleteObject","Effect":"Allow",
            "Resource":"arn:aws:s3:::amzn-s3-demo-bucket/${aws:PrincipalTag/team, 'company-wide'}/*"},
           {"Action":"s3:HeadObject","Effect":"Allow","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/${*}/${?}/${$}"}"#,
        &[
            (
                jo(on("s3:ListBucket", "arn:aws:s3:::amzn-s3-demo-bucket")).with("s3:prefix", "jo/photos"),
                true,
            ),
            (
                jo(on("s3:ListBucket", "arn:aws:s3:::amzn-s3-demo-bucket")).with("s3:prefix", "ann/photos"),
                false,
            ),
            (jo(on("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/jo/a")), true),
            (jo(on("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/ann/a")), false),
            (on("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/jo/a"), false),
            (
                on("s3:DeleteObject", "arn:aws:s3:::amzn-s3-demo-bucket/company-wide/a"),
                true,
            ),
            (
                on("s3:DeleteObject", "arn:aws:s3:::amzn-s3-demo-bucket/yellow/a")
                    .with("aws:PrincipalTag/team", "yellow"),
                true,
            ),
            (
                on("s3:DeleteObject", "arn:aws:s3:::amzn-s3-demo-bucket/company-wide/a")
                    .with("aws:PrincipalTag/team", "yellow"),
                false,
            ),
            (on("s3:HeadObject", "arn:aws:s3:::amzn-s3-demo-bucket/*/?/$"), true),
            (on("s3:HeadObject", "arn:aws:s3:::amzn-s3-demo-bucket/a/b/c"), false),
        ],
    );
}

/// "IAM JSON policy elements: Version": variables are plain text in the old version.
#[test]
fn the_old_version_has_no_variables() {
    for (version, expected) in [
        ("", false),
        (r#""Version":"2008-10-17","#, false),
        (r#""Version":"2012-10-17","#, true),
    ] {
        let text = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${{aws:username}}"}}}}"#
        );
        let document: Document = text.parse().unwrap();
        let request = on("s3:GetObject", "arn:aws:s3:::b/jo").with("aws:username", "jo");
        assert_eq!(
            evaluate(Policies::identity(&[&document]), &request).is_allowed(),
            expected,
            "{version}"
        );
    }
}

/// "IAM JSON policy elements: Condition operators", one example of each family.
#[test]
fn condition_operators() {
    let one =
        |condition: &str| format!(r#"{{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{condition}}}"#);
    let with = |key: &str, value: &str| Request::new("a:B").with(key, value);
    check(
        &one(r#"{"StringEquals":{"aws:PrincipalTag/job-category":"iamuser-admin"}}"#),
        &[
            (with("aws:PrincipalTag/job-category", "iamuser-admin"), true),
            (with("aws:principaltag/Job-Category", "iamuser-admin"), true),
            (with("aws:PrincipalTag/job-category", "IamUser-Admin"), false),
            (Request::new("a:B"), false),
        ],
    );
    check(
        &one(r#"{"NumericLessThanEquals":{"s3:max-keys":"10"}}"#),
        &[
            (with("s3:max-keys", "10"), true),
            (with("s3:max-keys", "11"), false),
            (with("s3:max-keys", "ten"), false),
        ],
    );
    check(
        &one(r#"{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}"#),
        &[
            (with("aws:TokenIssueTime", "2020-01-01T00:00:02Z"), true),
            (with("aws:TokenIssueTime", "2020-01-01T00:00:01Z"), false),
        ],
    );
    check(
        &one(r#"{"Bool":{"aws:SecureTransport":"true"}}"#),
        &[
            (with("aws:SecureTransport", "true"), true),
            (with("aws:SecureTransport", "false"), false),
        ],
    );
    check(
        &one(r#"{"BinaryEquals":{"key":"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}"#),
        &[
            (with("key", "QmluYXJ5VmFsdWVJbkJhc2U2NA=="), true),
            (with("key", "QmluYXJ5"), false),
        ],
    );
    check(
        &one(r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}"#),
        &[
            (with("aws:SourceIp", "203.0.113.9"), true),
            (with("aws:SourceIp", "2001:db8:1234:5678::9"), true),
            (with("aws:SourceIp", "198.51.100.1"), false),
        ],
    );
    check(
        &one(r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-2:123456789012:*"}}"#),
        &[
            (with("aws:SourceArn", "arn:aws:sns:us-east-2:123456789012:topic"), true),
            (with("aws:SourceArn", "arn:aws:sns:us-east-2:210987654321:topic"), false),
        ],
    );
    check(
        &one(r#"{"Null":{"aws:TokenIssueTime":"true"}}"#),
        &[(Request::new("a:B"), true), (with("aws:TokenIssueTime", "2020"), false)],
    );
}

/// "…IfExists condition operators": RunInstances names resources that have no instance type.
#[test]
fn if_exists() {
    let instance = ResourceRequest::new("arn:aws:ec2:us-east-1:123456789012:instance/*".parse().unwrap());
    let image = ResourceRequest::new("arn:aws:ec2:us-east-1::image/ami-1".parse().unwrap());
    let run = |kind: &str| {
        Request::new("ec2:RunInstances")
            .on(instance.clone().with("ec2:InstanceType", kind))
            .on(image.clone())
    };
    check(
        r#"{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*",
            "Condition":{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}}"#,
        &[(run("t2.micro"), true), (run("m5.large"), false)],
    );
    check(
        r#"{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*",
            "Condition":{"StringLike":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}}"#,
        &[(run("t2.micro"), false)],
    );
}

/// "Set operators for multivalued context keys": DynamoDB's attributes, and tag keys with and without `Null`.
#[test]
fn set_operators() {
    let get = |attributes: &[&str]| {
        Request::new("dynamodb:GetItem").with_all("dynamodb:Attributes", attributes.iter().copied())
    };
    let one = |operator: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*",
                "Condition":{{"{operator}":{{"dynamodb:Attributes":["ID","Message","Tags"]}}}}}}"#
        )
    };
    check(
        &one("ForAllValues:StringEquals"),
        &[
            (get(&["ID", "Message"]), true),
            (get(&["ID", "Message", "Date"]), false),
            (get(&[]), true),
        ],
    );
    check(
        &one("ForAnyValue:StringEquals"),
        &[(get(&["ID", "Date"]), true), (get(&["Date"]), false), (get(&[]), false)],
    );
    check(
        &one("ForAllValues:StringNotEquals"),
        &[(get(&["Date"]), true), (get(&["ID", "Date"]), false), (get(&[]), true)],
    );
    check(
        &one("ForAnyValue:StringNotEquals"),
        &[(get(&["ID", "Date"]), true), (get(&["ID"]), false), (get(&[]), false)],
    );
    let tag = |keys: &[&str]| Request::new("ec2:CreateTags").with_all("aws:TagKeys", keys.iter().copied());
    check(
        r#"{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*",
            "Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","webserver"]},"Null":{"aws:TagKeys":"false"}}}"#,
        &[
            (tag(&["environment"]), true),
            (tag(&["environment", "owner"]), false),
            (tag(&[]), false),
        ],
    );
}

/// "Conditions with multiple context keys or values": AND between operators and keys, OR between values, NOR when
/// negated.
#[test]
fn several_keys_and_values() {
    let request = |department: &str, role: &str| {
        Request::new("a:B")
            .with("aws:PrincipalTag/department", department)
            .with("aws:PrincipalTag/role", role)
    };
    check(
        r#"{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{
            "StringEquals":{"aws:PrincipalTag/department":["finance","hr","legal"],"aws:PrincipalTag/role":["audit","security"]}}}"#,
        &[
            (request("hr", "audit"), true),
            (request("hr", "dev"), false),
            (request("it", "audit"), false),
        ],
    );
    check(
        r#"{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{
            "StringNotEquals":{"aws:PrincipalTag/department":["hr","legal"]}}}"#,
        &[
            (request("it", ""), true),
            (request("hr", ""), false),
            (Request::new("a:B"), true),
        ],
    );
}

/// EC2 User Guide, "Example policies to control access: attach volumes": a call names the volume and the instance, each
/// in a statement of its own.
#[test]
fn attach_volume_names_two_resources() {
    let attach = |department: &str, user: &str| {
        let instance = ResourceRequest::new("arn:aws:ec2:us-east-1:111122223333:instance/i-1".parse().unwrap());
        let volume = ResourceRequest::new("arn:aws:ec2:us-east-1:111122223333:volume/vol-1".parse().unwrap());
        Request::new("ec2:AttachVolume")
            .on(instance.tagged("department", department))
            .on(volume.tagged("volume_user", user))
            .with("aws:username", "jo")
    };
    check(
        r#"{"Effect":"Allow","Action":["ec2:AttachVolume","ec2:DetachVolume"],
            "Resource":"arn:aws:ec2:us-east-1:111122223333:instance/*",
            "Condition":{"StringEquals":{"aws:ResourceTag/department":"dev"}}},
           {"Effect":"Allow","Action":["ec2:AttachVolume","ec2:DetachVolume"],
            "Resource":"arn:aws:ec2:us-east-1:111122223333:volume/*",
            "Condition":{"StringEquals":{"aws:ResourceTag/volume_user":"${aws:username}"}}}"#,
        &[
            (attach("dev", "jo"), true),
            (attach("dev", "ann"), false),
            (attach("test", "jo"), false),
        ],
    );
}
