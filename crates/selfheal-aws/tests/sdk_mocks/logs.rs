//! CloudWatch Logs.

use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Logs};
use selfheal_core::names::Tags;

use crate::support::{answer, sdk};

const ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/selfheal/web";

#[tokio::test]
async fn a_group_is_found_by_its_whole_name_on_any_page() {
    let first = mock!(Client::describe_log_groups)
        .match_requests(|request| {
            request.log_group_name_prefix() == Some("/selfheal/web") && request.next_token().is_none()
        })
        .then_http_response(|| {
            answer(
                200,
                r#"{"logGroups":[{"logGroupName":"/selfheal/web-2","arn":"arn:other:*"}],"nextToken":"two"}"#,
            )
        });
    let second = mock!(Client::describe_log_groups)
        .match_requests(|request| request.next_token() == Some("two"))
        .then_http_response(|| {
            answer(
                200,
                &format!(
                    r#"{{"logGroups":[{{"logGroupName":"/selfheal/web","arn":"{ARN}:*","retentionInDays":14}}]}}"#
                ),
            )
        });
    let found = sdk(&[&first, &second]).describe_log_group("/selfheal/web").await;
    assert_eq!(found.unwrap(), Some((ARN.to_owned(), Some(14))));
}

#[tokio::test]
async fn what_has_no_retention_and_what_is_not_there_are_told_apart() {
    let endless = mock!(Client::describe_log_groups).then_http_response(|| {
        answer(
            200,
            &format!(r#"{{"logGroups":[{{"logGroupName":"/selfheal/web","logGroupArn":"{ARN}"}}]}}"#),
        )
    });
    let found = sdk(&[&endless]).describe_log_group("/selfheal/web").await;
    assert_eq!(found.unwrap(), Some((ARN.to_owned(), None)));
    let none = mock!(Client::describe_log_groups).then_http_response(|| answer(200, "{}"));
    assert_eq!(sdk(&[&none]).describe_log_group("/selfheal/web").await.unwrap(), None);
    let nameless = mock!(Client::describe_log_groups)
        .then_http_response(|| answer(200, r#"{"logGroups":[{"logGroupName":"/selfheal/web"}]}"#));
    sdk(&[&nameless])
        .describe_log_group("/selfheal/web")
        .await
        .expect_err("an answer without the ARN is not whole");
}

#[tokio::test]
async fn tags_and_retention_go_over_the_wire() {
    let tags = Tags::from([("selfheal:stack".to_owned(), "web".to_owned())]);
    let listed = mock!(Client::list_tags_for_resource)
        .match_requests(|request| request.resource_arn() == Some(ARN))
        .then_http_response(|| answer(200, r#"{"tags":{"selfheal:stack":"web"}}"#));
    assert_eq!(sdk(&[&listed]).list_log_group_tags(ARN).await.unwrap(), tags);
    let created = mock!(Client::create_log_group)
        .match_requests(|request| {
            let tags = request.tags().and_then(|tags| tags.get("selfheal:stack"));
            request.log_group_name() == Some("/selfheal/web") && tags.is_some_and(|stack| stack == "web")
        })
        .then_http_response(|| answer(200, ""));
    sdk(&[&created]).create_log_group("/selfheal/web", &tags).await.unwrap();
    let kept = mock!(Client::put_retention_policy)
        .match_requests(|request| {
            request.log_group_name() == Some("/selfheal/web") && request.retention_in_days() == Some(14)
        })
        .then_http_response(|| answer(200, ""));
    sdk(&[&kept]).put_retention_policy("/selfheal/web", 14).await.unwrap();
    let deleted = mock!(Client::delete_log_group)
        .match_requests(|request| request.log_group_name() == Some("/selfheal/web"))
        .then_http_response(|| answer(200, ""));
    sdk(&[&deleted]).delete_log_group("/selfheal/web").await.unwrap();
}

#[tokio::test]
async fn errors_are_told_apart() {
    let check = async |status: u16, code: &'static str, kind: CallErrorKind| {
        let rule = mock!(Client::create_log_group)
            .then_http_response(move || answer(status, &format!(r#"{{"__type":"{code}","message":"no"}}"#)));
        let error = sdk(&[&rule]).create_log_group("/selfheal/web", &Tags::new()).await;
        assert_eq!(error.expect_err(code).kind(), kind, "{code}");
    };
    check(400, "ResourceAlreadyExistsException", CallErrorKind::AlreadyExists).await;
    check(400, "ResourceNotFoundException", CallErrorKind::NotFound).await;
    check(400, "OperationAbortedException", CallErrorKind::Busy).await;
    check(400, "LimitExceededException", CallErrorKind::LimitExceeded).await;
    check(400, "AccessDeniedException", CallErrorKind::Denied).await;
    check(400, "ThrottlingException", CallErrorKind::Throttled).await;
    check(500, "ServiceUnavailableException", CallErrorKind::Ambiguous).await;
}
