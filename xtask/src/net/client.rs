//! One request over a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use super::message::{Request, Response};

/// How long an answer may take. moto's first call of a service loads that service, which takes seconds under load.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Sends a request and reads the answer.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Response> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = tokio::time::timeout(ANSWER_MAX, exchange(address, request)).await;
        answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    })
}

async fn exchange(address: SocketAddr, request: &Request) -> io::Result<Response> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends with the runtime, which is this request's own.
    drop(tokio::spawn(connection));
    let answer = sender.send_request(request.give()?).await.map_err(io::Error::other)?;
    Response::take(answer).await
}
