//! Parameter Store.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, ParameterStore};
use selfheal_core::config::{Value, WriteParameter};

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

#[tokio::test]
async fn what_is_told_of_a_parameter_comes_without_its_value() {
    let text = r#"{"Parameters":[{"Name":"/web/A","Type":"SecureString","Value":"AQICAHg=","Version":3,"LastModifiedDate":1700000000.5}]}"#;
    let list = mock!(Client::get_parameters_by_path)
        .match_requests(|request| {
            request.path() == Some("/web")
                && request.recursive() == Some(true)
                && request.with_decryption().is_none()
                && request.max_results() == Some(10)
        })
        .then_http_response(move || answer(200, text));
    let found = sdk(&[&list]).list_parameters("/web").await.unwrap();
    let [told] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (told.name.as_str(), told.kind.as_str(), told.version),
        ("/web/A", "SecureString", 3)
    );
    assert_eq!(told.modified.map(jiff::Timestamp::as_second), Some(1_700_000_000));
    assert!(told.is_secret());
}

#[tokio::test]
async fn a_parameter_is_read_decrypted_or_not_and_may_be_missing() {
    let read = |decrypt: bool| {
        mock!(Client::get_parameter)
            .match_requests(move |request| {
                request.name() == Some("/web/A") && request.with_decryption() == Some(decrypt)
            })
            .then_http_response(|| {
                answer(
                    200,
                    r#"{"Parameter":{"Name":"/web/A","Type":"SecureString","Value":"s","Version":2}}"#,
                )
            })
    };
    for decrypt in [true, false] {
        let (told, value) = sdk(&[&read(decrypt)])
            .read_parameter("/web/A", decrypt)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((told.version, told.modified, value.expose()), (2, None, "s"));
    }
    let missing = mock!(Client::get_parameter)
        .then_http_response(|| answer(400, r#"{"__type":"ParameterNotFound","message":""}"#));
    assert_eq!(sdk(&[&missing]).read_parameter("/web/A", true).await.unwrap(), None);
}

#[tokio::test]
async fn a_secret_is_put_encrypted_and_plain_text_without_a_key() {
    let put = |secret: bool, key: Option<&'static str>| {
        mock!(Client::put_parameter)
            .match_requests(move |request| {
                let kind = if secret {
                    ParameterType::SecureString
                } else {
                    ParameterType::String
                };
                request.name() == Some("/web/A")
                    && request.value() == Some("s")
                    && request.r#type() == Some(&kind)
                    && request.key_id() == key
                    && request.tier() == Some(&ParameterTier::Standard)
                    && request.overwrite() == Some(true)
                    && request.tags().is_empty()
            })
            .then_http_response(|| answer(200, r#"{"Tier":"Standard","Version":7}"#))
    };
    for (secret, given, sent) in [
        (true, None, None),
        (true, Some("arn:key"), Some("arn:key")),
        (false, Some("arn:key"), None),
    ] {
        let input = WriteParameter {
            name: "/web/A".to_owned(),
            value: Value::new("s"),
            secret,
            kms_key: given.map(str::to_owned),
        };
        assert_eq!(sdk(&[&put(secret, sent)]).write_parameter(&input).await.unwrap(), 7);
    }
}
