//! Simple Notification Service, and the notification configurations of a group.

use aws_sdk_sns::Client;
use aws_smithy_mocks::mock;
use selfheal_aws::{AutoScaling, CallErrorKind, Sns};
use selfheal_core::names::Tags;
use selfheal_core::world::{NotificationConfiguration, Subscription};

use crate::support::{answer, query_error, sdk};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:selfheal-web";

fn body(operation: &str, content: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{operation}Result>{content}\
         </{operation}Result></{operation}Response>"
    )
}

fn member(arn: &str, endpoint: &str) -> String {
    format!(
        "<member><SubscriptionArn>{arn}</SubscriptionArn><Owner>123456789012</Owner><Protocol>email</Protocol>\
         <Endpoint>{endpoint}</Endpoint><TopicArn>{TOPIC}</TopicArn></member>"
    )
}

#[tokio::test]
async fn subscriptions_are_read_page_by_page_and_tell_who_has_confirmed() {
    let page = |members: String, token: &str| {
        body(
            "ListSubscriptionsByTopic",
            &format!("<Subscriptions>{members}</Subscriptions>{token}"),
        )
    };
    let one = page(
        member("PendingConfirmation", "a@example.com"),
        "<NextToken>two</NextToken>",
    );
    let two = page(
        member(&format!("{TOPIC}:1"), "b@example.com") + &member("Deleted", "c@example.com"),
        "",
    );
    let first = mock!(Client::list_subscriptions_by_topic)
        .match_requests(|request| request.topic_arn() == Some(TOPIC) && request.next_token().is_none())
        .then_http_response(move || answer(200, &one));
    let second = mock!(Client::list_subscriptions_by_topic)
        .match_requests(|request| request.next_token() == Some("two"))
        .then_http_response(move || answer(200, &two));
    let found = sdk(&[&first, &second]).list_subscriptions(TOPIC).await.unwrap();
    let subscription = |endpoint: &str, arn: Option<String>| Subscription {
        protocol: "email".to_owned(),
        endpoint: endpoint.to_owned(),
        arn,
    };
    let wanted = [
        subscription("a@example.com", None),
        subscription("b@example.com", Some(format!("{TOPIC}:1"))),
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_told_from_one_that_may_not_be_read() {
    let tags = "<Tags><member><Key>selfheal:stack</Key><Value>web</Value></member></Tags>";
    let listed = mock!(Client::list_tags_for_resource)
        .match_requests(|request| request.resource_arn() == Some(TOPIC))
        .then_http_response(move || answer(200, &body("ListTagsForResource", tags)));
    let found = sdk(&[&listed]).list_topic_tags(TOPIC).await.unwrap();
    assert_eq!(found, Tags::from([("selfheal:stack".to_owned(), "web".to_owned())]));
    for (status, code, kind) in [
        (404, "ResourceNotFound", CallErrorKind::NotFound),
        (404, "NotFound", CallErrorKind::NotFound),
        (403, "AuthorizationError", CallErrorKind::Denied),
        (429, "Throttled", CallErrorKind::Throttled),
        (400, "ConcurrentAccess", CallErrorKind::Busy),
        (400, "InvalidParameter", CallErrorKind::Invalid),
        (500, "InternalError", CallErrorKind::Ambiguous),
    ] {
        let failed =
            mock!(Client::list_tags_for_resource).then_http_response(move || query_error(status, code, "text"));
        let error = sdk(&[&failed]).list_topic_tags(TOPIC).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
    }
}

#[tokio::test]
async fn what_is_made_ended_and_published_goes_over_the_wire() {
    let created = mock!(Client::create_topic)
        .match_requests(|request| {
            let tag = request.tags().first().map(|tag| (tag.key(), tag.value()));
            request.name() == Some("selfheal-web") && tag == Some(("selfheal:stack", "web"))
        })
        .then_http_response(|| answer(200, &body("CreateTopic", &format!("<TopicArn>{TOPIC}</TopicArn>"))));
    let tags = Tags::from([("selfheal:stack".to_owned(), "web".to_owned())]);
    sdk(&[&created]).create_topic("selfheal-web", &tags).await.unwrap();
    let subscribed = mock!(Client::subscribe)
        .match_requests(|request| {
            let whom = (request.protocol(), request.endpoint());
            request.topic_arn() == Some(TOPIC)
                && whom == (Some("email"), Some("ops@example.com"))
                && request.return_subscription_arn() == Some(true)
        })
        .then_http_response(|| {
            answer(
                200,
                &body("Subscribe", &format!("<SubscriptionArn>{TOPIC}:1</SubscriptionArn>")),
            )
        });
    let asked = sdk(&[&subscribed]).subscribe(TOPIC, "email", "ops@example.com").await;
    asked.unwrap();
    let ended = mock!(Client::unsubscribe)
        .match_requests(|request| request.subscription_arn() == Some("arn:of:it"))
        .then_http_response(|| answer(200, "<UnsubscribeResponse><ResponseMetadata/></UnsubscribeResponse>"));
    sdk(&[&ended]).unsubscribe("arn:of:it").await.unwrap();
    let deleted = mock!(Client::delete_topic)
        .match_requests(|request| request.topic_arn() == Some(TOPIC))
        .then_http_response(|| answer(200, "<DeleteTopicResponse><ResponseMetadata/></DeleteTopicResponse>"));
    sdk(&[&deleted]).delete_topic(TOPIC).await.unwrap();
    let published = mock!(Client::publish)
        .match_requests(|request| {
            let said = (request.subject(), request.message());
            request.topic_arn() == Some(TOPIC) && said == (Some("web: a test"), Some("two\nlines"))
        })
        .then_http_response(|| answer(200, &body("Publish", "<MessageId>m-1</MessageId>")));
    sdk(&[&published])
        .publish(TOPIC, "web: a test", "two\nlines")
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_group_tells_is_read_by_topic_from_a_row_for_each_type() {
    use aws_sdk_autoscaling::Client;
    let row = |topic: &str, kind: &str| {
        format!(
            "<member><AutoScalingGroupName>selfheal-web</AutoScalingGroupName><TopicARN>{topic}</TopicARN>\
             <NotificationType>autoscaling:EC2_INSTANCE_{kind}</NotificationType></member>"
        )
    };
    let rows = [
        row(TOPIC, "TERMINATE_ERROR"),
        row("arn:other", "LAUNCH"),
        row(TOPIC, "LAUNCH"),
    ]
    .concat();
    let content = format!("<NotificationConfigurations>{rows}</NotificationConfigurations>");
    let listed = mock!(Client::describe_notification_configurations)
        .match_requests(|request| request.auto_scaling_group_names() == ["selfheal-web"])
        .then_http_response(move || answer(200, &body("DescribeNotificationConfigurations", &content)));
    let found = sdk(&[&listed]).describe_notifications("selfheal-web").await.unwrap();
    let told = |topic: &str, kinds: &[&str]| NotificationConfiguration {
        topic: topic.to_owned(),
        types: kinds
            .iter()
            .map(|kind| format!("autoscaling:EC2_INSTANCE_{kind}"))
            .collect(),
    };
    assert_eq!(
        found,
        [
            told(TOPIC, &["LAUNCH", "TERMINATE_ERROR"]),
            told("arn:other", &["LAUNCH"])
        ]
    );
    let types = ["autoscaling:EC2_INSTANCE_LAUNCH".to_owned()];
    let put = mock!(Client::put_notification_configuration)
        .match_requests(|request| {
            let types = request.notification_types();
            request.auto_scaling_group_name() == Some("selfheal-web")
                && request.topic_arn() == Some(TOPIC)
                && types == ["autoscaling:EC2_INSTANCE_LAUNCH"]
        })
        .then_http_response(|| answer(200, "<PutNotificationConfigurationResponse/>"));
    sdk(&[&put])
        .put_notifications("selfheal-web", TOPIC, &types)
        .await
        .unwrap();
    let deleted = mock!(Client::delete_notification_configuration)
        .match_requests(|request| {
            request.auto_scaling_group_name() == Some("selfheal-web") && request.topic_arn() == Some(TOPIC)
        })
        .then_http_response(|| answer(200, "<DeleteNotificationConfigurationResponse/>"));
    sdk(&[&deleted])
        .delete_notifications("selfheal-web", TOPIC)
        .await
        .unwrap();
}
