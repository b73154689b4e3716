//! ARNs in policies as IAM reads them: short ones are completed, and a `*` that ends a segment runs on past its colon.

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, Rule, lint};
use selfheal_policy::{ArnErrorKind, Document, ResourcePattern};

fn allows(resource: &str, action: &str, arn: &str) -> bool {
    let document: Document =
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}}}"#)
            .parse()
            .unwrap();
    let request = Request::new(action).on(ResourceRequest::new(arn.parse().unwrap()));
    evaluate(Policies::identity(&[&document]), &request).is_allowed()
}

/// "IAM identifiers", IAM ARNs: "specifying `arn:aws:sqs` is equivalent to `arn:aws:sqs:*:*:*`".
#[test]
fn an_incomplete_arn_is_completed_with_wildcards() {
    for (short, whole) in [
        ("arn:aws:sqs", "arn:aws:sqs:*:*:*"),
        ("arn:aws:sqs:*", "arn:aws:sqs:*:*:*"),
        ("arn:aws:ec2:eu-west-1", "arn:aws:ec2:eu-west-1:*:*"),
        ("arn:aws:iam::123456789012", "arn:aws:iam::123456789012:*"),
        ("arn:aws:s3:", "arn:aws:s3::*:*"),
        ("arn:aws:s3::", "arn:aws:s3:::*"),
    ] {
        let read: ResourcePattern = short.parse().unwrap();
        assert_eq!(read, whole.parse().unwrap(), "{short}");
    }
    let queue = "arn:aws:sqs:us-east-2:123456789012:queue1";
    assert!(allows("arn:aws:sqs", "sqs:SendMessage", queue));
    assert!(allows("arn:aws:sqs:us-east-2", "sqs:SendMessage", queue));
    assert!(!allows("arn:aws:sqs:eu-west-1", "sqs:SendMessage", queue));
    assert!(!allows("arn:aws:sns", "sqs:SendMessage", queue));
    let object = "arn:aws:s3:::bucket/key";
    assert!(allows("arn:aws:s3:*", "s3:GetObject", object) && allows("arn:aws:s3::", "s3:GetObject", object));
}

/// A policy that IAM gives back as it was written means the same as the one with the whole ARN.
#[test]
fn a_short_arn_means_the_same_as_its_completion() {
    let document = |resource: &str| -> Document {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"sqs:*","Resource":"{resource}"}}}}"#
        )
        .parse()
        .unwrap()
    };
    assert!(document("arn:aws:sqs").equivalent(&document("arn:aws:sqs:*:*:*")));
    // A deny of a whole service is one however short it is written.
    let allow: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#
        .parse()
        .unwrap();
    let request = Request::new("sqs:SendMessage").on(ResourceRequest::new(
        "arn:aws:sqs:us-east-2:123456789012:queue1".parse().unwrap(),
    ));
    assert!(!evaluate(Policies::identity(&[&allow, &document("arn:aws:sqs")]), &request).is_allowed());
}

#[test]
fn what_names_no_service_is_no_arn_and_requests_name_whole_ones() {
    for (text, kind) in [
        ("arn", ArnErrorKind::Scheme),
        ("arn:aws", ArnErrorKind::Components),
        ("arn:aws:", ArnErrorKind::Service),
        ("arn:aws:*", ArnErrorKind::Service),
        ("arn:aws:sqs:us-east-2:queue1", ArnErrorKind::Account),
        ("arn:aws:sqs:us-east-2:123456789012:", ArnErrorKind::Resource),
    ] {
        assert_eq!(text.parse::<ResourcePattern>().unwrap_err().kind(), kind, "{text}");
    }
    assert_eq!(
        "arn:aws:sqs".parse::<selfheal_policy::Arn>().unwrap_err().kind(),
        ArnErrorKind::Components
    );
}

#[test]
fn the_linter_says_how_wide_a_short_arn_is() {
    let document: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:SendMessage",
        "Resource":"arn:aws:sqs"}}"#
        .parse()
        .unwrap();
    let wide = lint(&document, DocumentKind::Operator)
        .into_iter()
        .filter(|finding| finding.rule == Rule::WildcardResource)
        .count();
    assert!(wide >= 2, "the Region and the account are open");
}

/// "IAM JSON policy elements: Resource": "If the `*` wildcard is the last character of a resource ARN segment, it can
/// expand to match beyond the colon boundaries."
#[test]
fn a_star_that_ends_a_segment_runs_on_past_the_colon() {
    let parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/web";
    let stream = "arn:aws:logs:eu-west-1:123456789012:log-group:web:log-stream:a";
    for (pattern, arn, expected) in [
        ("arn:aws:ssm:*:parameter/web", parameter, false),
        ("arn:aws:logs:*:*:log-group:web:*", stream, true),
        ("arn:aws:logs:eu-west-1:*:log-stream:a", stream, true),
        ("arn:aws:logs:eu-west-1:*:log-stream:b", stream, false),
        ("arn:aws:logs:eu-*:*:log-stream:a", stream, true),
        ("arn:aws:logs:*-1:*:log-group:web:log-stream:a", stream, true),
        // Within a segment a wildcard stays there: `?` is one character, and no colon.
        (
            "arn:aws:logs:eu-*-1:1234567890?2:log-group:web:log-stream:a",
            stream,
            true,
        ),
        ("arn:aws:logs:eu-west-1:*2:log-group:api:log-stream:a", stream, false),
        (
            "arn:aws:logs:eu-west-1?123456789012:*:log-group:web:log-stream:a",
            stream,
            false,
        ),
    ] {
        let Ok(ResourcePattern::Arn(read)) = pattern.parse::<ResourcePattern>() else {
            assert!(!expected, "{pattern} is refused");
            continue;
        };
        assert_eq!(read.matches(&arn.parse().unwrap()), expected, "{pattern}");
        assert_eq!(allows(pattern, "logs:PutLogEvents", arn), expected, "{pattern}");
    }
}

/// "Condition operators": "Each of the six colon-delimited components of the ARN is checked separately".
#[test]
fn conditions_compare_arns_component_by_component() {
    let holds = |wanted: &str, found: &str| {
        let document: Document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
               "Condition":{{"ArnLike":{{"aws:SourceArn":"{wanted}"}}}}}}}}"#
        )
        .parse()
        .unwrap();
        let request = Request::new("sns:Publish").with("aws:SourceArn", found);
        evaluate(Policies::identity(&[&document]), &request).is_allowed()
    };
    let stream = "arn:aws:logs:eu-west-1:123456789012:log-group:web:log-stream:a";
    assert!(holds("arn:aws:logs:*:123456789012:log-group:*", stream));
    assert!(!holds("arn:aws:logs:*:*:log-stream:a", stream));
    assert!(!holds("arn:aws:logs:eu-west-1:*:log-stream:a", stream));
}
