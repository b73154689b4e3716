//! One request over a connection of its own.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::message::{Request, Response};

/// How long an answer may take. moto's first call of a service loads that service, which takes seconds under load.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Sends a request and reads the answer.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    request.write(&mut stream)?;
    Response::read(&mut BufReader::new(stream))
}
