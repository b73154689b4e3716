//! Policy variables that have no value: "Policy variables with no value" in "IAM policy elements: Variables and tags".
//!
//! The value is null then: nothing equals it and nothing is like it, so that negated operators match; and a resource of
//! `Resource` or `NotResource` that uses it stands for no resource at all.

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::{Document, Effect};

fn get(object: &str) -> Request {
    let arn = format!("arn:aws:s3:::amzn-s3-demo-bucket/{object}");
    Request::new("s3:GetObject").on(ResourceRequest::new(arn.parse().unwrap()))
}

/// Tells whether a statement of that effect speaks of the request: an allow that allows it, or a deny that denies it.
#[track_caller]
fn matches(effect: Effect, rest: &str, request: &Request) -> bool {
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let one = format!(r#"{{"Effect":"{effect}","Action":"s3:GetObject",{rest}}}"#);
    let statements = match effect {
        Effect::Allow => one,
        Effect::Deny => format!("{all},{one}"),
    };
    let document: Document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
        .parse()
        .unwrap();
    evaluate(Policies::identity(&[&document]), request).is_allowed() == (effect == Effect::Allow)
}

/// Checks a statement with both effects: which requests it speaks of does not depend on the effect.
#[track_caller]
fn check(rest: &str, table: &[(Request, bool)]) {
    for (request, expected) in table {
        for effect in [Effect::Allow, Effect::Deny] {
            assert_eq!(
                matches(effect, rest, request),
                *expected,
                "{effect} {rest}\n{request:#?}"
            );
        }
    }
}

fn with_condition(condition: &str) -> String {
    format!(r#""Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*","Condition":{condition}"#)
}

/// The page's example: "Access is explicitly denied when `aws:PrincipalTag/Team` is not set."
#[test]
fn a_deny_with_a_negated_operator_holds_of_who_lacks_the_tag() {
    let object = |team: &str| get("a").with("s3:ExistingObjectTag/Team", team);
    check(
        &with_condition(r#"{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}"#),
        &[
            (object("blue").with("aws:PrincipalTag/Team", "blue"), false),
            (object("blue").with("aws:PrincipalTag/Team", "red"), true),
            (object("blue"), true),
            // Neither has a team: a key that the request lacks is unequal to everything.
            (get("a"), true),
        ],
    );
}

/// "Inverted condition operators like `StringNotEquals` or `StringNotLike` do match against a null value", and
/// "`StringEquals` or `StringLike` do not match".
#[test]
fn nothing_equals_what_has_no_value_and_negated_operators_match() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringEqualsIgnoreCase", false),
        ("StringLike", false),
        ("StringEqualsIfExists", false),
        ("ForAnyValue:StringEquals", false),
        ("ForAllValues:StringLike", false),
        ("StringNotEquals", true),
        ("StringNotEqualsIgnoreCase", true),
        ("StringNotLike", true),
        ("StringNotLikeIfExists", true),
        ("ForAnyValue:StringNotEquals", true),
        ("ForAllValues:StringNotLike", true),
    ] {
        check(
            &with_condition(&format!(r#"{{"{operator}":{{"s3:prefix":"${{aws:username}}"}}}}"#)),
            &[(get("a").with("s3:prefix", "jo"), expected)],
        );
    }
    for (operator, expected) in [
        ("ArnEquals", false),
        ("ArnLike", false),
        ("ArnNotEquals", true),
        ("ArnNotLike", true),
    ] {
        let user = "arn:aws:iam::123456789012:user/${aws:username}";
        check(
            &with_condition(&format!(r#"{{"{operator}":{{"aws:PrincipalArn":"{user}"}}}}"#)),
            &[(
                get("a").with("aws:PrincipalArn", "arn:aws:iam::123456789012:user/jo"),
                expected,
            )],
        );
    }
}

/// One value of several is null: the others count as they would without it.
#[test]
fn the_other_values_of_a_key_still_count() {
    let prefix = |value: &str| get("a").with("s3:prefix", value);
    check(
        &with_condition(r#"{"StringEquals":{"s3:prefix":["${aws:username}","shared"]}}"#),
        &[(prefix("shared"), true), (prefix("jo"), false)],
    );
    check(
        &with_condition(r#"{"StringNotLike":{"s3:prefix":["${aws:username}/*","shared/*"]}}"#),
        &[(prefix("shared/a"), false), (prefix("jo/a"), true)],
    );
}

/// "the resource that includes a policy variable with no value will not match any resource", so that `NotResource` does
/// not exclude it.
#[test]
fn a_resource_without_value_is_none_and_not_resource_excludes_nothing_by_it() {
    let home = r#""arn:aws:s3:::amzn-s3-demo-bucket/home/${aws:username}/*""#;
    let shared = r#""arn:aws:s3:::amzn-s3-demo-bucket/shared/*""#;
    let jo = |request: Request| request.with("aws:username", "jo");
    check(
        &format!(r#""Resource":[{home},{shared}]"#),
        &[
            (get("home/jo/a"), false),
            (get("home//a"), false),
            (get("shared/a"), true),
            (jo(get("home/jo/a")), true),
        ],
    );
    check(
        &format!(r#""NotResource":[{home},{shared}]"#),
        &[
            (get("home/jo/a"), true),
            (get("other"), true),
            (get("shared/a"), false),
            (jo(get("home/jo/a")), false),
            (jo(get("home/ann/a")), true),
        ],
    );
}

/// "Request information that you can use for policy variables": a key with several values is no variable.
#[test]
fn a_key_with_several_values_has_no_value_as_a_variable() {
    let request = get("a").with("s3:prefix", "x").with_all("aws:TagKeys", ["x", "y"]);
    check(
        &with_condition(r#"{"StringEquals":{"s3:prefix":"${aws:TagKeys}"}}"#),
        &[(request.clone(), false)],
    );
    check(
        &with_condition(r#"{"StringNotEquals":{"s3:prefix":"${aws:TagKeys}"}}"#),
        &[(request, true)],
    );
}

/// "Specifying default values": a default takes the place of what has no value, under every operator.
#[test]
fn a_default_is_a_value() {
    let prefix = |value: &str| get("a").with("s3:prefix", value);
    let default = "${aws:PrincipalTag/team, 'company-wide'}";
    check(
        &with_condition(&format!(r#"{{"StringEquals":{{"s3:prefix":"{default}"}}}}"#)),
        &[(prefix("company-wide"), true), (prefix("blue"), false)],
    );
    check(
        &with_condition(&format!(r#"{{"StringNotEquals":{{"s3:prefix":"{default}"}}}}"#)),
        &[(prefix("company-wide"), false), (prefix("blue"), true)],
    );
    check(
        &format!(r#""NotResource":"arn:aws:s3:::amzn-s3-demo-bucket/{default}/*""#),
        &[(get("company-wide/a"), false), (get("blue/a"), true)],
    );
}
