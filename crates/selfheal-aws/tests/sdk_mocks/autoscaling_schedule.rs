//! Auto Scaling: scheduled actions, the desired capacity, and what a sleep changes.

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::operation::delete_scheduled_action::DeleteScheduledActionInput;
use aws_sdk_autoscaling::operation::put_scheduled_update_group_action::PutScheduledUpdateGroupActionInput;
use aws_sdk_autoscaling::operation::set_desired_capacity::SetDesiredCapacityInput;
use aws_sdk_autoscaling::operation::update_auto_scaling_group::UpdateAutoScalingGroupInput;
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_types::DateTime;
use selfheal_aws::{AutoScaling, CallErrorKind};
use selfheal_core::world::ScheduledAction;

use crate::support::{answer, query_error, sdk};

fn stop() -> ScheduledAction {
    ScheduledAction {
        name: "selfheal-stop".to_owned(),
        recurrence: Some("0 20 * * 1-5".to_owned()),
        timezone: Some("Europe/Paris".to_owned()),
        start: None,
        end: None,
        min: None,
        max: None,
        desired: Some(0),
    }
}

const ACTIONS: &str = "<ScheduledUpdateGroupActions><member><AutoScalingGroupName>selfheal-web</AutoScalingGroupName>\
    <ScheduledActionName>selfheal-stop</ScheduledActionName>\
    <ScheduledActionARN>arn:aws:autoscaling:eu-west-1:123456789012:scheduledUpdateGroupAction:1:x</ScheduledActionARN>\
    <Time>2026-03-27T19:00:00Z</Time><StartTime>2026-03-27T19:00:00Z</StartTime><Recurrence>0 20 * * 1-5</Recurrence>\
    <DesiredCapacity>0</DesiredCapacity><TimeZone>Europe/Paris</TimeZone></member></ScheduledUpdateGroupActions>";

const OTHERS: &str = "<ScheduledUpdateGroupActions><member><AutoScalingGroupName>selfheal-web</AutoScalingGroupName>\
    <ScheduledActionName>weekend</ScheduledActionName><StartTime>2026-03-28T00:00:00Z</StartTime>\
    <EndTime>2026-04-01T00:00:00Z</EndTime><MinSize>0</MinSize><MaxSize>2</MaxSize>\
    <DesiredCapacity>1</DesiredCapacity></member></ScheduledUpdateGroupActions>";

fn page(content: &'static str, token: &'static str) -> String {
    let operation = "DescribeScheduledActions";
    format!("<{operation}Response><{operation}Result>{content}{token}</{operation}Result></{operation}Response>")
}

#[tokio::test]
async fn scheduled_actions_are_read_page_by_page_with_their_next_run() {
    let first = mock!(Client::describe_scheduled_actions)
        .match_requests(|request| request.auto_scaling_group_name() == Some("selfheal-web"))
        .then_http_response(|| answer(200, &page(ACTIONS, "<NextToken>t</NextToken>")));
    let second = mock!(Client::describe_scheduled_actions)
        .match_requests(|request| request.next_token() == Some("t"))
        .then_http_response(|| answer(200, &page(OTHERS, "")));
    let found = sdk(&[&first, &second])
        .describe_scheduled_actions("selfheal-web")
        .await
        .unwrap();
    let told = ScheduledAction {
        start: Some("2026-03-27T19:00:00Z".parse().unwrap()),
        ..stop()
    };
    assert_eq!(found[0], told);
    assert_eq!(
        (found[1].recurrence.as_deref(), found[1].timezone.as_deref()),
        (None, None)
    );
    assert_eq!(
        (found[1].min, found[1].max, found[1].desired),
        (Some(0), Some(2), Some(1))
    );
    assert_eq!(found[1].end.unwrap().to_string(), "2026-04-01T00:00:00Z");
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_group_that_does_not_exist_has_no_scheduled_actions() {
    let missing = mock!(Client::describe_scheduled_actions)
        .then_http_response(|| query_error(400, "ValidationError", "Group selfheal-web not found"));
    let found = sdk(&[&missing]).describe_scheduled_actions("selfheal-web").await;
    assert_eq!(found.unwrap(), []);
}

#[tokio::test]
async fn an_action_sets_the_desired_capacity_and_nothing_else() {
    let input = PutScheduledUpdateGroupActionInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .scheduled_action_name("selfheal-stop")
        .recurrence("0 20 * * 1-5")
        .time_zone("Europe/Paris")
        .desired_capacity(0)
        .build()
        .unwrap();
    let once = PutScheduledUpdateGroupActionInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .scheduled_action_name("selfheal-wake")
        .start_time(DateTime::from_secs(1_774_864_860))
        .desired_capacity(1)
        .build()
        .unwrap();
    let rules: [Rule; 2] = [input, once].map(|input| {
        mock!(Client::put_scheduled_update_group_action)
            .match_requests(move |request| *request == input)
            .then_http_response(|| answer(200, "<PutScheduledUpdateGroupActionResponse/>"))
    });
    let sdk = sdk(&rules.each_ref());
    sdk.put_scheduled_action("selfheal-web", &stop()).await.unwrap();
    let wake = ScheduledAction {
        name: "selfheal-wake".to_owned(),
        recurrence: None,
        timezone: None,
        start: Some("2026-03-30T10:01:00Z".parse().unwrap()),
        desired: Some(1),
        ..stop()
    };
    sdk.put_scheduled_action("selfheal-web", &wake).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn the_rest_of_a_sleep_names_the_group_and_what_it_sets() {
    let done = |operation: &'static str| move || answer(200, &format!("<{operation}Response/>"));
    let delete = DeleteScheduledActionInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .scheduled_action_name("selfheal-stop")
        .build()
        .unwrap();
    let desired = SetDesiredCapacityInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .desired_capacity(0)
        .honor_cooldown(false)
        .build()
        .unwrap();
    let min = UpdateAutoScalingGroupInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .min_size(0)
        .build()
        .unwrap();
    let rules: [Rule; 4] = [
        mock!(Client::delete_scheduled_action)
            .match_requests(move |request| *request == delete)
            .then_http_response(|| {
                answer(
                    200,
                    "<DeleteScheduledActionResponse><DeleteScheduledActionResult/></DeleteScheduledActionResponse>",
                )
            }),
        mock!(Client::set_desired_capacity)
            .match_requests(move |request| *request == desired)
            .then_http_response(done("SetDesiredCapacity")),
        mock!(Client::update_auto_scaling_group)
            .match_requests(move |request| *request == min)
            .then_http_response(done("UpdateAutoScalingGroup")),
        mock!(Client::suspend_processes)
            .match_requests(|r| {
                r.auto_scaling_group_name() == Some("selfheal-web") && r.scaling_processes() == ["ScheduledActions"]
            })
            .then_http_response(done("SuspendProcesses")),
    ];
    let sdk = sdk(&rules.each_ref());
    sdk.delete_scheduled_action("selfheal-web", "selfheal-stop")
        .await
        .unwrap();
    sdk.set_desired_capacity("selfheal-web", 0).await.unwrap();
    sdk.set_min_size("selfheal-web", 0).await.unwrap();
    // To AWS no processes would mean all of them, so that nothing is sent.
    sdk.suspend_processes("selfheal-web", &[]).await.unwrap();
    sdk.suspend_processes("selfheal-web", &["ScheduledActions".to_owned()])
        .await
        .unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn what_the_schedule_may_answer_has_kinds() {
    let cases = [
        (
            400,
            "AlreadyExists",
            "There is already a scheduled action at this time",
            CallErrorKind::AlreadyExists,
        ),
        (400, "LimitExceeded", "125", CallErrorKind::LimitExceeded),
        (500, "ResourceContention", "later", CallErrorKind::Busy),
        (
            400,
            "ValidationError",
            "Given recurrence string is invalid",
            CallErrorKind::Invalid,
        ),
    ];
    for (status, code, message, kind) in cases {
        let rule = mock!(Client::put_scheduled_update_group_action)
            .then_http_response(move || query_error(status, code, message));
        let error = sdk(&[&rule])
            .put_scheduled_action("selfheal-web", &stop())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.resource.as_deref()),
            (kind, Some("selfheal-web")),
            "{message}"
        );
    }
    let gone = mock!(Client::delete_scheduled_action)
        .then_http_response(|| query_error(400, "ValidationError", "Scheduled action name not found"));
    let error = sdk(&[&gone])
        .delete_scheduled_action("selfheal-web", "selfheal-stop")
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    let busy = mock!(Client::set_desired_capacity)
        .then_http_response(|| query_error(400, "ScalingActivityInProgress", "later"));
    let error = sdk(&[&busy]).set_desired_capacity("selfheal-web", 1).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Busy);
}
