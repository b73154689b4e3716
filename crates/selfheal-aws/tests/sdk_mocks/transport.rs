//! Connections, seen from the other end: a server on loopback that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use selfheal_aws::sdk::{self, Sdk};
use selfheal_aws::{Account, AutoScaling, CallErrorKind, Ec2};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/ops</Arn><Account>123456789012</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";
const NO_ADDRESSES: &str = r#"<DescribeAddressesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"/>"#;
const NO_GROUPS: &str = "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups/>\
    </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Reply {
    Answer,
    Fail,
    /// Reads the request whole and closes the connection.
    HangUp,
    /// Closes the connection in the middle of an answer that is well-formed so far.
    Cut,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Counts {
    fn read(&self) -> (usize, usize) {
        (
            self.connections.load(Ordering::SeqCst),
            self.requests.load(Ordering::SeqCst),
        )
    }
}

/// Serves with the first reply, then with the second, and so on; the last one holds for ever.
async fn server(replies: &'static [Reply]) -> (String, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let counts = Arc::new(Counts::default());
    let counted = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(stream, replies, Arc::clone(&counted)));
        }
    });
    (url, counts)
}

async fn converse(mut stream: TcpStream, replies: &'static [Reply], counts: Arc<Counts>) {
    while let Some(request) = read_request(&mut stream).await {
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        let (status, body) = match replies[number.min(replies.len() - 1)] {
            Reply::HangUp => return,
            Reply::Cut => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n";
                let _ = stream.write_all(format!("{head}{NO_ADDRESSES}").as_bytes()).await;
                return;
            }
            Reply::Fail => ("503 Service Unavailable", ""),
            Reply::Answer if request.contains("GetCallerIdentity") => ("200 OK", IDENTITY),
            Reply::Answer if request.contains("DescribeAddresses") => ("200 OK", NO_ADDRESSES),
            Reply::Answer => ("200 OK", NO_GROUPS),
        };
        let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request with its body, or nothing when the client has closed the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text.into_owned());
        }
    }
}

fn connected(url: &str) -> Sdk {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Sdk::from_aws_config(&config).expect("a region")
}

#[tokio::test]
async fn services_share_one_connection() {
    let (url, counts) = server(&[Reply::Answer]).await;
    let sdk = connected(&url);
    for _ in 0..3 {
        assert_eq!(sdk.caller_identity().await.unwrap().account, "123456789012");
        assert!(sdk.describe_addresses().await.unwrap().is_empty());
        assert_eq!(sdk.describe_group("selfheal-web").await.unwrap(), None);
    }
    assert_eq!(counts.read(), (1, 9));
}

#[tokio::test]
async fn parallel_calls_do_not_wait_for_each_other() {
    let (url, counts) = server(&[Reply::Answer]).await;
    let sdk = connected(&url);
    let calls = (0..8).map(|_| sdk.describe_addresses());
    assert!(
        futures::future::join_all(calls)
            .await
            .into_iter()
            .all(|answer| answer.is_ok())
    );
    let (connections, requests) = counts.read();
    assert_eq!(requests, 8);
    assert!((2..=8).contains(&connections), "{connections} connections");
}

#[tokio::test]
async fn nothing_is_sent_twice() {
    let (url, counts) = server(&[Reply::Fail]).await;
    let error = connected(&url)
        .allocate_address(&crate::support::tags("address"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous);
    assert_eq!(counts.read(), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_on_a_new_and_on_an_old_connection() {
    let (url, counts) = server(&[Reply::HangUp]).await;
    let error = connected(&url)
        .allocate_address(&crate::support::tags("address"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous);
    assert_eq!(counts.read(), (1, 1));

    let (url, counts) = server(&[Reply::Answer, Reply::HangUp]).await;
    let sdk = connected(&url);
    sdk.caller_identity().await.unwrap();
    let error = sdk
        .allocate_address(&crate::support::tags("address"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous);
    assert!(
        error.message.starts_with("the connection was lost before the answer: "),
        "{}",
        error.message
    );
    assert_eq!(counts.read(), (1, 2));
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_no_empty_list() {
    let (url, _) = server(&[Reply::Cut]).await;
    let error = connected(&url).describe_addresses().await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Ambiguous, "{error}");
}

#[tokio::test]
async fn a_connection_that_was_never_made_had_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = connected(&url)
        .allocate_address(&crate::support::tags("address"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(error.message.starts_with("no connection: "), "{}", error.message);
}

#[tokio::test]
async fn no_region_is_said_at_once() {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .build();
    let error = Sdk::from_aws_config(&config).unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(error.message.starts_with("no region: "), "{}", error.message);
}

#[tokio::test]
async fn a_profile_that_is_named_has_to_exist() {
    let (url, counts) = server(&[Reply::Answer]).await;
    let config = sdk::SdkConfig {
        profile: Some("selfheal-test-no-such-profile".to_owned()),
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(url),
    };
    // Also where the environment holds access keys.
    let refused = Sdk::connect(config).await.unwrap_err();
    assert_eq!(refused.kind, CallErrorKind::Unauthenticated);
    assert!(
        refused.message.contains("no profile `selfheal-test-no-such-profile`"),
        "{refused}"
    );
    assert_eq!(counts.read(), (0, 0));
}
