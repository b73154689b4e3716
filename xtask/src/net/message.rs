//! Requests and responses.

use std::io;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The largest body that is read, in bytes. Real bodies stay far below: user data has 16 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Headers that belong to a connection and not to what is sent over it.
const HOP_BY_HOP: [&str; 4] = ["content-length", "connection", "transfer-encoding", "keep-alive"];

/// Header lines with their names in lower case.
pub type Headers = Vec<(String, String)>;

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, still percent-encoded.
    pub target: String,
    /// The header lines.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header lines.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Finds a header by its name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query without its question mark.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Takes up a request that hyper has read the head of.
    pub async fn take<B>(request: hyper::Request<B>) -> io::Result<Self>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query();
        Ok(Self {
            method: head.method.to_string(),
            target: target.map_or_else(|| head.uri.to_string(), ToString::to_string),
            headers: owned(&head.headers),
            body: read(body).await?,
        })
    }

    /// The request for hyper, as HTTP/1.0, whose answer ends with the connection.
    pub fn give(&self) -> io::Result<hyper::Request<Full<Bytes>>> {
        let mut request = hyper::Request::builder()
            .version(hyper::Version::HTTP_10)
            .method(self.method.as_str())
            .uri(&self.target)
            .body(Full::new(Bytes::from(self.body.clone())))
            .map_err(invalid)?;
        fill(request.headers_mut(), &self.headers)?;
        Ok(request)
    }
}

impl Response {
    /// Makes a response with a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// Whether the status says success.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Takes up a response that hyper has read the head of.
    pub async fn take<B>(response: hyper::Response<B>) -> io::Result<Self>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = response.into_parts();
        Ok(Self {
            status: head.status.as_u16(),
            headers: owned(&head.headers),
            body: read(body).await?,
        })
    }

    /// The response for hyper.
    pub fn give(self) -> io::Result<hyper::Response<Full<Bytes>>> {
        let mut response = hyper::Response::builder()
            .status(self.status)
            .body(Full::new(Bytes::from(self.body)))
            .map_err(invalid)?;
        fill(response.headers_mut(), &self.headers)?;
        Ok(response)
    }
}

/// The header lines of a message.
fn owned(headers: &HeaderMap) -> Headers {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Puts header lines into a message, but for those that hyper writes by itself.
fn fill(map: &mut HeaderMap, headers: &Headers) -> io::Result<()> {
    for (name, value) in headers {
        if HOP_BY_HOP.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(invalid)?;
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(invalid)?);
    }
    Ok(())
}

/// Reads a body to its end, within the limit.
async fn read<B>(body: B) -> io::Result<Vec<u8>>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let whole = Limited::new(body, BODY_BYTES_MAX).collect().await;
    whole
        .map(|body| body.to_bytes().to_vec())
        .map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(error) => invalid(error),
            Err(error) => io::Error::other(error),
        })
}

/// The error of a message that is no HTTP.
pub fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
