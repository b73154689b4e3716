//! Systems Manager's agent, and the commands that it runs.

use aws_sdk_ssm::Client;
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Invocation, SendCommand, SystemsManager};
use selfheal_core::world::{Agent, AgentPing, CommandStatus};

use crate::support::{answer, sdk};

const INSTANCE: &str = "i-0123456789abcdef0";
const COMMAND: &str = "92853adf-ba41-4cd6-9a88-142d1e2d5e6f";

#[tokio::test]
async fn agents_are_asked_for_by_their_instances_and_every_page_is_read() {
    let page = |token: Option<&'static str>, text: &'static str| {
        mock!(Client::describe_instance_information)
            .match_requests(move |request| {
                let [filter] = request.filters() else { return false };
                filter.key() == "InstanceIds" && filter.values() == [INSTANCE] && request.next_token() == token
            })
            .then_http_response(move || answer(200, text))
    };
    let first = page(None, r#"{"InstanceInformationList":[],"NextToken":"two"}"#);
    let second = page(
        Some("two"),
        r#"{"InstanceInformationList":[{"InstanceId":"i-0123456789abcdef0","PingStatus":"Online",
            "LastPingDateTime":1.7000000005E9,"AgentVersion":"3.3.1345.0","IsLatestVersion":false,
            "PlatformType":"Linux","PlatformName":"Amazon Linux"}]}"#,
    );
    let found = sdk(&[&first, &second]).describe_agents(&[INSTANCE.into()]).await;
    let expected = Agent {
        instance_id: INSTANCE.into(),
        ping: AgentPing::Online,
        last_ping: Some("2023-11-14T22:13:20.5Z".parse().unwrap()),
        version: Some("3.3.1345.0".to_owned()),
    };
    assert_eq!(found.unwrap(), [expected]);
}

#[tokio::test]
async fn an_instance_of_which_aws_has_never_heard_is_left_out() {
    let none = mock!(Client::describe_instance_information)
        .match_requests(|_| true)
        .then_http_response(|| answer(200, r#"{"InstanceInformationList":[]}"#));
    let found = sdk(&[&none]).describe_agents(&[INSTANCE.into()]).await;
    assert_eq!(found.unwrap(), []);
}

#[tokio::test]
async fn a_command_is_sent_to_one_instance_by_the_one_document() {
    let sent = mock!(Client::send_command)
        .match_requests(|request| {
            let parameter = |name: &str| request.parameters().and_then(|all| all.get(name)).cloned();
            request.instance_ids() == [INSTANCE]
                && request.targets().is_empty()
                && request.document_name() == Some("AWS-RunShellScript")
                && request.timeout_seconds() == Some(60)
                && parameter("commands") == Some(vec!["echo 'a b'".to_owned()])
                && parameter("executionTimeout") == Some(vec!["90".to_owned()])
                && request.parameters().is_some_and(|all| all.len() == 2)
        })
        .then_http_response(|| {
            let id = r#"{"Command":{"CommandId":"92853adf-ba41-4cd6-9a88-142d1e2d5e6f","Status":"Pending"}}"#;
            answer(200, id)
        });
    let input = SendCommand {
        instance_id: INSTANCE.into(),
        script: "echo 'a b'".to_owned(),
        timeout_s: 90,
    };
    assert_eq!(sdk(&[&sent]).send_command(&input).await.unwrap(), COMMAND);
    let refused = mock!(Client::send_command)
        .match_requests(|_| true)
        .then_http_response(|| {
            let text = r#"{"__type":"InvalidInstanceId","message":"Instances not in a valid state for account"}"#;
            answer(400, text)
        });
    let error = sdk(&[&refused]).send_command(&input).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code.as_deref()),
        (CallErrorKind::Invalid, Some("InvalidInstanceId"))
    );
    // An answer without an id may have come after the effect.
    let cut = mock!(Client::send_command)
        .match_requests(|_| true)
        .then_http_response(|| answer(200, "{}"));
    let error = sdk(&[&cut]).send_command(&input).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Ambiguous);
}

async fn got(status: u16, text: &'static str) -> Result<Option<Invocation>, CallErrorKind> {
    let get = mock!(Client::get_command_invocation)
        .match_requests(|request| request.command_id() == Some(COMMAND) && request.instance_id() == Some(INSTANCE))
        .then_http_response(move || answer(status, text));
    let got = sdk(&[&get]).get_command(COMMAND, &INSTANCE.into()).await;
    got.map_err(|error| error.kind())
}

#[tokio::test]
async fn what_came_of_a_command_is_read_with_both_outputs_and_its_status() {
    let failed = got(
        200,
        r#"{"CommandId":"92853adf-ba41-4cd6-9a88-142d1e2d5e6f","InstanceId":"i-0123456789abcdef0","ResponseCode":7,
            "Status":"Failed","StatusDetails":"Failed","StandardOutputContent":"a\n","StandardErrorContent":"b\n"}"#,
    );
    let expected = Invocation {
        status: CommandStatus::Failed,
        details: "Failed".to_owned(),
        exit: Some(7),
        stdout: "a\n".to_owned(),
        stderr: "b\n".to_owned(),
    };
    assert_eq!(failed.await, Ok(Some(expected)));
    for (text, status) in [
        (
            r#"{"ResponseCode":-1,"Status":"InProgress","StatusDetails":"InProgress"}"#,
            CommandStatus::InProgress,
        ),
        (
            r#"{"ResponseCode":-1,"Status":"TimedOut","StatusDetails":"Delivery Timed Out"}"#,
            CommandStatus::TimedOut,
        ),
    ] {
        let got = got(200, text).await.unwrap().unwrap();
        assert_eq!((got.status, got.exit), (status, None));
    }
}

#[tokio::test]
async fn a_command_that_aws_does_not_know_yet_is_none() {
    let text = r#"{"__type":"InvocationDoesNotExist"}"#;
    assert_eq!(got(400, text).await, Ok(None));
    let denied = r#"{"__type":"AccessDeniedException","message":"User: x is not authorized to perform: ssm:GetCommandInvocation"}"#;
    assert_eq!(got(400, denied).await, Err(CallErrorKind::Denied));
    assert_eq!(got(200, "{}").await, Err(CallErrorKind::Ambiguous));
}

#[tokio::test]
async fn a_command_is_cancelled_on_its_instance() {
    let cancel = mock!(Client::cancel_command)
        .match_requests(|request| request.command_id() == Some(COMMAND) && request.instance_ids() == [INSTANCE])
        .then_http_response(|| answer(200, "{}"));
    let cancelled = sdk(&[&cancel]).cancel_command(COMMAND, &INSTANCE.into()).await;
    cancelled.unwrap();
}
