//! Mocked clients, answers and tags.

use aws_sdk_ec2::config::retry::RetryConfig;
use aws_smithy_mocks::{Rule, RuleMode, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use selfheal_aws::sdk::{Clients, Sdk};
use selfheal_core::names::Tags;

/// A client of this service that answers by these rules in this order, and panics at any other call.
macro_rules! client {
    ($service:ident, $rules:expr) => {
        mock_client!($service, RuleMode::Sequential, $rules, |config| config
            .retry_config(RetryConfig::disabled()))
    };
}

/// A backend in which every service answers by the same rules: the first call has to match the first rule, and so on.
pub fn sdk(rules: &[&Rule]) -> Sdk {
    let clients = Clients {
        ec2: client!(aws_sdk_ec2, rules),
        autoscaling: client!(aws_sdk_autoscaling, rules),
        iam: client!(aws_sdk_iam, rules),
        route53: client!(aws_sdk_route53, rules),
        dlm: client!(aws_sdk_dlm, rules),
        logs: client!(aws_sdk_cloudwatchlogs, rules),
        quotas: client!(aws_sdk_servicequotas, rules),
        sns: client!(aws_sdk_sns, rules),
        ssm: client!(aws_sdk_ssm, rules),
        sts: client!(aws_sdk_sts, rules),
    };
    Sdk::from_clients("eu-west-1", clients)
}

/// An HTTP answer, with the request id in its header, where every service puts it.
pub fn answer(status: u16, body: &str) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status between 100 and 999");
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("x-amzn-requestid", "req-9");
    response
}

/// An EC2 answer: this operation's element around this content.
pub fn ec2_answer(operation: &str, content: &str) -> HttpResponse {
    let open = format!(r#"<{operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">"#);
    answer(
        200,
        &format!("{open}<requestId>req-1</requestId>{content}</{operation}Response>"),
    )
}

/// An EC2 error.
pub fn ec2_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(
        status,
        &format!("<Response><Errors>{error}</Errors><RequestID>req-9</RequestID></Response>"),
    )
}

/// An error of the services that speak the newer query protocol or XML: Auto Scaling, IAM, STS and Route 53.
pub fn query_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(
        status,
        &format!("<ErrorResponse>{error}<RequestId>req-9</RequestId></ErrorResponse>"),
    )
}

/// Tags of a resource of the stack `web`.
pub fn tags(role: &str) -> Tags {
    [("selfheal:role", role), ("selfheal:stack", "web")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
