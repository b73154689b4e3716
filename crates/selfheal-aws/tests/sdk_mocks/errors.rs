//! What becomes of a call that fails.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::SdkError;
use aws_sdk_ec2::operation::describe_addresses::DescribeAddressesError;
use aws_smithy_mocks::mock;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use selfheal_aws::{AutoScaling, CallError, CallErrorKind, Ec2};
use selfheal_core::world::{GroupSettings, LifecycleHook};

use crate::support::{answer, ec2_answer, ec2_error, query_error, sdk, tags};

async fn failure(response: impl Fn() -> HttpResponse + Send + Sync + 'static) -> CallError {
    let rule = mock!(Client::describe_addresses).then_http_response(response);
    sdk(&[&rule])
        .describe_addresses()
        .await
        .expect_err("the answer is an error")
}

#[tokio::test]
async fn codes_have_kinds() {
    let cases = [
        (503, "RequestLimitExceeded", CallErrorKind::Throttled),
        (500, "InternalError", CallErrorKind::Ambiguous),
        (503, "Unavailable", CallErrorKind::Ambiguous),
        (400, "IncorrectState", CallErrorKind::Busy),
        (400, "DependencyViolation", CallErrorKind::InUse),
        (400, "InvalidVolume.NotFound", CallErrorKind::NotFound),
        (400, "InvalidParameterValue", CallErrorKind::Invalid),
        (401, "AuthFailure", CallErrorKind::Unauthenticated),
        // Codes that nobody knows: a client error had no effect, a server error may have had one.
        (400, "SomethingNew", CallErrorKind::Other),
        (429, "SomethingNew", CallErrorKind::Throttled),
        (500, "SomethingNew", CallErrorKind::Ambiguous),
    ];
    for (status, code, kind) in cases {
        let error = failure(move || ec2_error(status, code, "why")).await;
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{status}");
        assert_eq!(
            error.to_string(),
            format!("ec2:DescribeAddresses: {code}: why (request req-9)")
        );
    }
}

#[tokio::test]
async fn answers_without_a_code_go_by_their_status() {
    let page = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>";
    let cases = [
        // A page of a server that stumbled once: the next answer may be a good one.
        (500, page, CallErrorKind::Ambiguous),
        (501, "  <HTML>", CallErrorKind::Other),
        (404, page, CallErrorKind::Other),
        // A gateway's page: what is behind it may have done its work.
        (502, page, CallErrorKind::Ambiguous),
        (503, page, CallErrorKind::Ambiguous),
        (500, "", CallErrorKind::Ambiguous),
        (503, "overloaded", CallErrorKind::Ambiguous),
        (429, "", CallErrorKind::Throttled),
        (403, page, CallErrorKind::Denied),
        (418, "", CallErrorKind::Other),
        // A success that cannot be read.
        (200, "", CallErrorKind::Ambiguous),
        (200, page, CallErrorKind::Ambiguous),
    ];
    for (status, body, kind) in cases {
        let error = failure(move || answer(status, body)).await;
        assert_eq!(
            (error.kind, error.code),
            (kind, None),
            "{status} {body:?}: {}",
            error.message
        );
    }
    let error = failure(move || answer(501, page)).await;
    assert_eq!(
        error.to_string(),
        "ec2:DescribeAddresses: the endpoint does not implement this call: HTTP 501 with a web page (request req-9)"
    );
}

#[tokio::test]
async fn a_refusal_names_the_action_and_the_resource() {
    let message = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ops is not \
        authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:123456789012:elastic-ip/* because no \
        identity-based policy allows the ec2:CreateTags action. Encoded authorization failure message: ";
    let blob = "x8Aq".repeat(100);
    let rule = mock!(Client::allocate_address)
        .then_http_response(move || ec2_error(403, "UnauthorizedOperation", &format!("{message}{blob}")));
    let error = sdk(&[&rule]).allocate_address(&tags("address")).await.unwrap_err();
    assert_eq!(
        (error.kind, error.action),
        (CallErrorKind::Denied, "ec2:AllocateAddress")
    );
    assert_eq!(error.denied_action.as_deref(), Some("ec2:CreateTags"));
    assert_eq!(
        error.resource.as_deref(),
        Some("arn:aws:ec2:eu-west-1:123456789012:elastic-ip/*")
    );
    assert!(
        error.message.ends_with("allows the ec2:CreateTags action."),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_role_that_may_not_be_passed_is_named() {
    let hook = LifecycleHook {
        name: "h".to_owned(),
        transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
        heartbeat_s: 600,
        default_result: "ABANDON".to_owned(),
    };
    let settings = GroupSettings {
        name: "selfheal-web".to_owned(),
        min: 1,
        max: 1,
        desired: 1,
        subnet: "subnet-1".into(),
        template_id: "lt-1".into(),
        template_version: 1,
        mixed: None,
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 0,
        hooks: vec![hook],
        tags: tags("group"),
    };
    let message = "User: arn:aws:iam::123456789012:user/ops is not authorized to perform: iam:PassRole on resource: \
        arn:aws:iam::123456789012:role/selfheal/selfheal-web-eu-west-1 with an explicit deny in a permissions boundary";
    let rule = mock!(aws_sdk_autoscaling::Client::create_auto_scaling_group)
        .then_http_response(move || query_error(403, "AccessDenied", message));
    let error = sdk(&[&rule]).create_group(&settings).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Denied);
    assert_eq!(error.denied_action.as_deref(), Some("iam:PassRole"));
    assert_eq!(
        error.resource.as_deref(),
        Some("arn:aws:iam::123456789012:role/selfheal/selfheal-web-eu-west-1")
    );
}

#[tokio::test]
async fn a_skewed_clock_is_named() {
    let error = failure(|| {
        let mut response = ec2_error(400, "RequestExpired", "Request has expired.");
        response.headers_mut().insert("date", "Thu, 01 Jan 2015 00:00:00 GMT");
        response
    })
    .await;
    assert_eq!(error.kind, CallErrorKind::Unauthenticated);
    assert!(
        error
            .message
            .starts_with("Request has expired.; this machine's clock is "),
        "{}",
        error.message
    );
    assert!(
        error.message.ends_with(" min ahead of AWS's: set it right"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn the_request_id_is_kept_also_without_a_code() {
    assert_eq!(failure(|| answer(503, "")).await.request_id.as_deref(), Some("req-9"));
}

#[tokio::test]
async fn the_sdks_own_error_stays_within_reach() {
    let error = failure(|| ec2_error(400, "InvalidParameterValue", "why")).await;
    let source = error.source.as_deref().and_then(|source| source.downcast_ref());
    let Some(SdkError::<DescribeAddressesError, HttpResponse>::ServiceError(answer)) = source else {
        panic!("no service error: {source:?}");
    };
    assert_eq!(answer.raw().status().as_u16(), 400);
}

#[tokio::test]
async fn an_empty_answer_is_an_empty_list() {
    let rule = mock!(Client::describe_addresses).then_http_response(|| ec2_answer("DescribeAddresses", ""));
    assert!(sdk(&[&rule]).describe_addresses().await.unwrap().is_empty());
}
