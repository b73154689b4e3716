//! Answers that are not whole, or not AWS's, from a server on loopback: each is told as what it is.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use selfheal_aws::backend::SubnetQuery;
use selfheal_aws::sdk::Sdk;
use selfheal_aws::{Account, AutoScaling, CallError, CallErrorKind, Ec2, Iam, ParameterStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A backend whose every call is answered with these bytes; the connection is closed behind them.
async fn answering(bytes: String) -> Sdk {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut request = [0; 16_384];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(bytes.as_bytes()).await;
            });
        }
    });
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Sdk::from_aws_config(&config).expect("a region")
}

/// An answer that ends where the connection does.
async fn answer(status: &str, content_type: &str, body: &str) -> Sdk {
    answering(format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{body}"
    ))
    .await
}

/// The errors of calls of every protocol, reads and mutations, those too whose answers have nothing to tell.
async fn errors(sdk: &Sdk) -> Vec<CallError> {
    let subnet = SubnetQuery::Ids(vec!["subnet-1".into()]);
    let tags = crate::support::tags("address");
    vec![
        sdk.describe_subnets(&subnet).await.expect_err("no such subnet"),
        sdk.describe_volumes(&["web"]).await.expect_err("no volumes"),
        sdk.describe_group("selfheal-web").await.expect_err("no such group"),
        sdk.get_role("selfheal-web").await.expect_err("no such role"),
        sdk.get_parameter("/images/web").await.expect_err("no such parameter"),
        sdk.caller_identity().await.expect_err("nobody"),
        sdk.create_tags("eipalloc-1", &tags).await.expect_err("tagged"),
        sdk.delete_role("selfheal-web").await.expect_err("deleted"),
        sdk.delete_group("selfheal-web").await.expect_err("deleted"),
    ]
}

fn is_readable(error: &CallError) -> bool {
    // No debug dump: one line of words, not of types.
    error.message.len() < 200 && !error.message.contains(['{', '\n'])
}

#[tokio::test]
async fn an_empty_success_is_told_and_is_no_absence() {
    for error in errors(&answer("200 OK", "text/xml", "").await).await {
        assert_eq!(error.kind, CallErrorKind::Ambiguous, "{error}");
        assert_eq!(error.message, "the answer is empty (HTTP 200)", "{error}");
    }
}

#[tokio::test]
async fn a_web_page_with_success_is_told_and_not_repeated() {
    let page = "<!doctype html><html><head><title>Sign in</title></head><body>Welcome</body></html>";
    for error in errors(&answer("200 OK", "text/html", page).await).await {
        assert_eq!(error.kind, CallErrorKind::Other, "{error}");
        assert!(error.message.starts_with("the answer is a web page"), "{error}");
        assert!(is_readable(&error), "{error}");
    }
}

#[tokio::test]
async fn a_list_that_ends_early_is_an_error_at_every_byte() {
    let xmlns = r#"xmlns="http://ec2.amazonaws.com/doc/2016-11-15/""#;
    let volume = "<item><volumeId>vol-1</volumeId><size>20</size><availabilityZone>eu-west-1a</availabilityZone>\
        <status>available</status></item>";
    let whole =
        format!("<DescribeVolumesResponse {xmlns}><volumeSet>{volume}{volume}</volumeSet></DescribeVolumesResponse>");
    let read = |body: String| async move {
        answer("200 OK", "text/xml", &body)
            .await
            .describe_volumes(&["web"])
            .await
    };
    assert_eq!(read(whole.clone()).await.expect("it is whole").len(), 2);
    for end in (1..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let error = read(whole[..end].to_owned()).await.expect_err("it is cut");
        assert_eq!(error.kind, CallErrorKind::Ambiguous, "{end}: {error}");
        assert!(is_readable(&error), "{end}: {error}");
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_inside_an_error_is_ambiguous_whatever_the_status() {
    let body = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>\
        </Error></Errors><RequestID>req-9</RequestID></Response>";
    for status in ["400 Bad Request", "403 Forbidden", "503 Service Unavailable"] {
        // The length says that more was to come.
        let cut = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{}",
            body.len(),
            &body[..40]
        );
        let error = answering(cut)
            .await
            .describe_volumes(&["web"])
            .await
            .expect_err("it is cut");
        assert_eq!(error.kind, CallErrorKind::Ambiguous, "{status}: {error}");
        assert!(error.message.contains("lost inside the answer"), "{error}");
        // Nothing says so but the missing end.
        let sdk = answer(status, "text/xml", &body[..40]).await;
        for error in [
            sdk.describe_volumes(&["web"]).await.expect_err("it is cut"),
            sdk.create_tags("vol-1", &crate::support::tags("volume"))
                .await
                .expect_err("it is cut"),
        ] {
            assert_eq!(error.kind, CallErrorKind::Ambiguous, "{status}: {error}");
            assert!(error.message.starts_with("the answer ends early"), "{error}");
        }
        let whole = answer(status, "text/xml", body).await;
        let error = whole.describe_volumes(&["web"]).await.expect_err("it is refused");
        assert_eq!(error.kind, CallErrorKind::Throttled, "{status}: {error}");
    }
}
