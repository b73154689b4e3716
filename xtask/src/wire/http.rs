//! A small HTTP/1.1 server on the standard library: a thread for each connection, bounded requests, keep-alive.
//!
//! It serves tests on loopback or in a network namespace. It knows `Content-Length` alone, which is what curl, the AWS
//! CLI and cloud-init send.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Longest request line or header line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Most headers of one request.
const HEADERS_MAX: usize = 128;
/// Largest body that is read, in bytes. The calls that are served take a few hundred.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub peer: SocketAddr,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, still percent-encoded, without the query.
    pub path: String,
    /// The query without its question mark, still percent-encoded.
    pub query: String,
    /// Headers in the order of arrival; names in lower case, values without surrounding white space.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers beside `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a body of this content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }
}

/// What a handler wants done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answer.
    Answer(Response),
    /// Close the connection without an answer, as a lost response looks to the caller.
    Hangup,
}

/// Serves until the process ends or the listener fails. Each connection has its own thread.
///
/// # Errors
/// When the listener cannot be used, or no thread can be started.
pub fn serve(
    listener: TcpListener,
    name: &str,
    handler: Arc<dyn Fn(&Request) -> Reply + Send + Sync>,
) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let handler = Arc::clone(&handler);
            // A connection that cannot have a thread is dropped, which the caller sees as a hang-up.
            let _ = thread::Builder::new().spawn(move || converse(stream, handler.as_ref()));
        }
    })?;
    Ok(address)
}

/// Answers the requests of one connection until either side closes it.
fn converse(stream: TcpStream, handler: &(dyn Fn(&Request) -> Reply + Send + Sync)) {
    let Ok(peer) = stream.peer_addr() else { return };
    let _ = stream.set_read_timeout(Some(IDLE_MAX));
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = read_request(&mut reader, &mut writer, peer) {
        let close = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let Reply::Answer(response) = handler(&request) else {
            return;
        };
        if write_response(&mut writer, &request, &response).is_err() || close {
            return;
        }
    }
}

/// Reads one request; `None` where the peer closed the connection between two.
fn read_request(reader: &mut impl BufRead, writer: &mut impl Write, peer: SocketAddr) -> io::Result<Option<Request>> {
    let line = read_line(reader)?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not an HTTP request line"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        peer,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not an HTTP header"));
        };
        if request.headers.len() == HEADERS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many headers"));
        }
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = match request.header("content-length") {
        None => 0,
        Some(text) => text
            .parse()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a content length"))?,
    };
    if length > BODY_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long a body"));
    }
    if request
        .header("expect")
        .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// Reads one line without its end; empty at the end of a header block, and at the end of the stream.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a header that is not UTF-8"))
}

fn write_response(writer: &mut impl Write, request: &Request, response: &Response) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(&response.body);
    }
    writer.write_all(&bytes)?;
    writer.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Option<Request>> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        read_request(&mut text.as_bytes(), &mut Vec::new(), peer)
    }

    #[test]
    fn reads_a_request_with_a_body() {
        let request = read("POST /a?b=c HTTP/1.1\r\nHost:  x \r\nContent-Length: 3\r\n\r\nabcd")
            .unwrap()
            .unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str(), request.query.as_str()),
            ("POST", "/a", "b=c")
        );
        assert_eq!(request.header("host"), Some("x"));
        assert_eq!(request.body, b"abc");
    }

    #[test]
    fn ends_where_the_stream_ends_and_refuses_nonsense() {
        assert_eq!(read("").unwrap(), None);
        for bad in [
            "GET\r\n\r\n",
            "GET / HTTP/1.1\r\nnonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(read("POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n").is_err());
        assert!(
            read("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc").is_err(),
            "a body that is cut short"
        );
    }
}
