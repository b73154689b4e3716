//! CloudWatch Logs.

use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_mocks::mock;
use jiff::Timestamp;
use selfheal_aws::{CallErrorKind, Ec2, LogEvent, LogPage, LogQuery, Logs};
use selfheal_core::names::Tags;
use selfheal_core::world::InstanceId;

use crate::support::{answer, ec2_answer, ec2_error, sdk};

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

fn query() -> LogQuery {
    LogQuery {
        group: "/selfheal/web".to_owned(),
        stream: Some("i-0123456789abcdef0".to_owned()),
        from: Timestamp::from_millisecond(1_764_345_600_123).expect("in range"),
        newest_first: true,
        page: Some("two".to_owned()),
    }
}

#[tokio::test]
async fn events_are_asked_for_from_the_tail_and_a_page_may_be_empty() {
    let page = mock!(Client::filter_log_events)
        .match_requests(|request| {
            request.log_group_name() == Some("/selfheal/web")
                && request.log_stream_names() == ["i-0123456789abcdef0"]
                && request.start_time() == Some(1_764_345_600_123)
                && request.start_from_head() == Some(false)
                && request.next_token() == Some("two")
        })
        .then_http_response(|| {
            answer(
                200,
                r#"{"events":[{"eventId":"3","logStreamName":"i-0123456789abcdef0","timestamp":1764345600456,
                    "message":"info - kernel: é","ingestionTime":1764345601000}],"nextToken":"three"}"#,
            )
        });
    let found = sdk(&[&page]).filter_log_events(&query()).await.unwrap();
    let event = LogEvent {
        id: "3".to_owned(),
        stream: "i-0123456789abcdef0".to_owned(),
        at: Timestamp::from_millisecond(1_764_345_600_456).expect("in range"),
        message: "info - kernel: é".to_owned(),
    };
    let expected = LogPage {
        events: vec![event],
        next: Some("three".to_owned()),
    };
    assert_eq!(found, Some(expected));
    let whole = LogQuery {
        stream: None,
        newest_first: false,
        page: None,
        ..query()
    };
    let empty = mock!(Client::filter_log_events)
        .match_requests(|request| {
            request.log_stream_names().is_empty()
                && request.start_from_head() == Some(true)
                && request.next_token().is_none()
        })
        .then_http_response(|| answer(200, r#"{"events":[],"searchedLogStreams":[],"nextToken":"four"}"#));
    let page = sdk(&[&empty]).filter_log_events(&whole).await.unwrap();
    let page = page.expect("the group is there");
    assert_eq!((page.events.len(), page.next.as_deref()), (0, Some("four")));
}

#[tokio::test]
async fn a_group_that_is_not_there_has_no_events_and_an_event_without_its_id_is_none() {
    let missing = mock!(Client::filter_log_events)
        .then_http_response(|| answer(400, r#"{"__type":"ResourceNotFoundException","message":"no"}"#));
    assert_eq!(sdk(&[&missing]).filter_log_events(&query()).await.unwrap(), None);
    let half = mock!(Client::filter_log_events).then_http_response(|| {
        answer(
            200,
            r#"{"events":[{"logStreamName":"i-1","timestamp":1,"message":"x"}]}"#,
        )
    });
    let error = sdk(&[&half]).filter_log_events(&query()).await;
    assert_eq!(error.expect_err("it is not whole").kind(), CallErrorKind::Ambiguous);
    let denied = mock!(Client::filter_log_events)
        .then_http_response(|| answer(400, r#"{"__type":"AccessDeniedException","message":"no"}"#));
    let error = sdk(&[&denied]).filter_log_events(&query()).await;
    assert_eq!(error.expect_err("it is denied").kind(), CallErrorKind::Denied);
}

#[tokio::test]
async fn a_console_is_decoded_and_one_that_is_not_there_is_none() {
    use aws_sdk_ec2::Client;

    let id = InstanceId::from("i-0123456789abcdef0");
    let latest = mock!(Client::get_console_output)
        .match_requests(|request| {
            request.instance_id() == Some("i-0123456789abcdef0") && request.latest() == Some(true)
        })
        .then_http_response(|| {
            ec2_answer(
                "GetConsoleOutput",
                "<instanceId>i-0123456789abcdef0</instanceId><output>c2VsZmhlYWw6IMOpDQo=</output>",
            )
        });
    let text = sdk(&[&latest]).console_output(&id, true).await.unwrap();
    assert_eq!(text.as_deref(), Some("selfheal: é\r\n"));
    let none = mock!(Client::get_console_output)
        .match_requests(|request| request.latest().is_none())
        .then_http_response(|| ec2_answer("GetConsoleOutput", "<instanceId>i-1</instanceId><output/>"));
    assert_eq!(sdk(&[&none]).console_output(&id, false).await.unwrap(), None);
    let gone = mock!(Client::get_console_output)
        .then_http_response(|| ec2_error(400, "InvalidInstanceID.NotFound", "does not exist"));
    assert_eq!(sdk(&[&gone]).console_output(&id, false).await.unwrap(), None);
}
