//! Requests and responses.

use std::io::{self, BufRead, Read, Write};

/// The largest head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest body that is read, in bytes. Real bodies stay far below: user data has 16 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most header lines that are read.
const HEADERS_MAX: usize = 64;

/// Header lines, in order, with their names as they came.
pub type Headers = Vec<(String, String)>;

/// Finds a header by its name, in any case.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
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
        header(&self.headers, name)
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Reads a request; `None` when the peer closed the connection between two of them.
    ///
    /// # Errors
    /// Fails on what is not HTTP, and on chunked bodies, which no client here sends.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(head) = read_head(reader)? else {
            return Ok(None);
        };
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut lines);
        parsed.parse(&head).map_err(invalid)?;
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: owned(parsed.headers),
            body: Vec::new(),
        };
        if request.header("transfer-encoding").is_some() {
            return Err(invalid("chunked requests are not read here"));
        }
        request.body = read_body(reader, body_length(&request.headers)?.unwrap_or(0))?;
        Ok(Some(request))
    }

    /// Writes the request as HTTP/1.0, whose answer is never chunked and ends with the connection.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{} {} HTTP/1.0\r\n", self.method, self.target).into_bytes();
        write_headers(&mut text, &self.headers, self.body.len());
        text.extend_from_slice(&self.body);
        writer.write_all(&text)
    }
}

impl Response {
    /// Makes a response with a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
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

    /// Reads a response.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let head = read_head(reader)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut lines);
        parsed.parse(&head).map_err(invalid)?;
        let mut response = Self {
            status: parsed.code.unwrap_or_default(),
            headers: owned(parsed.headers),
            body: Vec::new(),
        };
        match body_length(&response.headers)? {
            Some(length) => response.body = read_body(reader, length)?,
            None => {
                reader.take(BODY_BYTES_MAX as u64).read_to_end(&mut response.body)?;
            }
        }
        Ok(response)
    }

    /// Writes the response. The connection stays open for the next request.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        write_headers(&mut text, &self.headers, self.body.len());
        text.extend_from_slice(&self.body);
        writer.write_all(&text)
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        400..=499 => "Refused",
        500..=599 => "Failed",
        _ => "Other",
    }
}

fn write_headers(text: &mut Vec<u8>, headers: &Headers, length: usize) {
    for (name, value) in headers {
        if !["content-length", "connection", "transfer-encoding", "keep-alive"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    text.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut limited = reader.take(HEAD_BYTES_MAX as u64);
    loop {
        let line = limited.read_until(b'\n', &mut head)?;
        if line == 0 {
            let quiet = head.is_empty();
            return if quiet {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        if head.ends_with(b"\r\n\r\n") {
            return Ok(Some(head));
        }
    }
}

fn body_length(headers: &Headers) -> io::Result<Option<usize>> {
    header(headers, "content-length")
        .map(|text| text.trim().parse().map_err(invalid))
        .transpose()
}

fn read_body(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    if length > BODY_BYTES_MAX {
        return Err(invalid("the body is too large"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    headers
        .iter()
        .map(|header| {
            (
                header.name.to_owned(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect()
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
