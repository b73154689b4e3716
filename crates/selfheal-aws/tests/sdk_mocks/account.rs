//! STS and Parameter Store.

use aws_sdk_ssm::operation::get_parameter::GetParameterInput;
use aws_smithy_mocks::mock;
use selfheal_aws::{Account, CallErrorKind, ParameterStore};

use crate::support::{answer, query_error, sdk};

#[tokio::test]
async fn identity_is_of_the_account_and_region() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:iam::123456789012:user/ops</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let rule = mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(move || answer(200, body));
    let identity = sdk(&[&rule]).caller_identity().await.unwrap();
    assert_eq!(identity.account, "123456789012");
    assert_eq!(identity.arn, "arn:aws:iam::123456789012:user/ops");
    assert_eq!(identity.region, "eu-west-1");
}

#[tokio::test]
async fn expired_credentials_are_told_apart() {
    let rule = mock!(aws_sdk_sts::Client::get_caller_identity).then_http_response(|| {
        query_error(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        )
    });
    let error = sdk(&[&rule]).caller_identity().await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unauthenticated);
    assert_eq!(
        error.to_string(),
        "sts:GetCallerIdentity: ExpiredToken: The security token included in the request is expired; get a new session where \
         this one came from: `aws sso login` for a profile of IAM Identity Center, else whatever set AWS_SESSION_TOKEN \
         (request req-9)"
    );
}

#[tokio::test]
async fn a_parameter_is_read_or_absent() {
    let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";
    let input = GetParameterInput::builder().name(name).build().unwrap();
    let found = mock!(aws_sdk_ssm::Client::get_parameter)
        .match_requests(move |request| *request == input)
        .then_http_response(|| {
            answer(
                200,
                r#"{"Parameter":{"Name":"n","Type":"String","Value":"ami-1","Version":7}}"#,
            )
        });
    let missing = mock!(aws_sdk_ssm::Client::get_parameter)
        .then_http_response(|| answer(400, r#"{"__type":"ParameterNotFound","message":"none"}"#));
    let sdk = sdk(&[&found, &missing]);
    assert_eq!(sdk.get_parameter(name).await.unwrap().as_deref(), Some("ami-1"));
    assert_eq!(sdk.get_parameter("/none").await.unwrap(), None);
}
