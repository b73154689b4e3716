//! Parameter Store.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, ParameterStore};

use crate::support::{answer, sdk};

const PATH: &str = "/selfheal/web/bundle/0123";

#[tokio::test]
async fn every_page_is_read_also_behind_an_empty_one() {
    let page = |token: Option<&'static str>, text: &'static str| {
        mock!(Client::get_parameters_by_path)
            .match_requests(move |request| {
                request.path() == Some(PATH)
                    && request.recursive() == Some(true)
                    && request.with_decryption().is_none()
                    && request.max_results() == Some(10)
                    && request.next_token() == token
            })
            .then_http_response(move || answer(200, text))
    };
    let first = page(
        None,
        r#"{"Parameters":[{"Name":"/selfheal/web/bundle/0123/00","Type":"String","Value":"a"}],"NextToken":"two"}"#,
    );
    let second = page(Some("two"), r#"{"Parameters":[],"NextToken":"three"}"#);
    let third = page(
        Some("three"),
        r#"{"Parameters":[{"Name":"/selfheal/web/bundle/0123/01","Type":"String","Value":"b"}]}"#,
    );
    let found = sdk(&[&first, &second, &third]).get_parameters_by_path(PATH).await;
    let expected = [("00", "a"), ("01", "b")].map(|(name, value)| (format!("{PATH}/{name}"), value.to_owned()));
    assert_eq!(found.unwrap(), expected);
}

#[tokio::test]
async fn a_page_that_fails_is_no_shorter_list() {
    let first = mock!(Client::get_parameters_by_path)
        .match_requests(|request| request.next_token().is_none())
        .then_http_response(|| answer(200, r#"{"Parameters":[],"NextToken":"two"}"#));
    let second = mock!(Client::get_parameters_by_path)
        .match_requests(|request| request.next_token().is_some())
        .then_http_response(|| answer(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#));
    let error = sdk(&[&first, &second]).get_parameters_by_path(PATH).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Throttled);
}

#[tokio::test]
async fn a_part_is_put_as_plain_text_of_the_tier_that_is_free() {
    let put = mock!(Client::put_parameter)
        .match_requests(|request| {
            request.name() == Some("/selfheal/web/bundle/0123/00")
                && request.value() == Some("a")
                && request.r#type() == Some(&ParameterType::String)
                && request.tier() == Some(&ParameterTier::Standard)
                && request.overwrite() == Some(true)
        })
        .then_http_response(|| answer(200, r#"{"Tier":"Standard","Version":1}"#));
    let put = sdk(&[&put]).put_parameter("/selfheal/web/bundle/0123/00", "a").await;
    put.unwrap();
}

#[tokio::test]
async fn what_is_deleted_and_what_was_not_there_are_one() {
    let names = ["/a/00".to_owned(), "/a/01".to_owned()];
    let delete = mock!(Client::delete_parameters)
        .match_requests(|request| request.names() == ["/a/00", "/a/01"])
        .then_http_response(|| answer(200, r#"{"DeletedParameters":["/a/00"],"InvalidParameters":["/a/01"]}"#));
    sdk(&[&delete]).delete_parameters(&names).await.unwrap();
}
