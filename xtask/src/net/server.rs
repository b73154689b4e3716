//! A server whose handlers may block: each request has a thread for as long as it is handled.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::message::{Request, Response};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered.
    Answer(Response),
    /// The connection is closed without an answer.
    Hangup,
}

/// What answers requests. Requests of different connections are handled at the same time.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request of this peer.
    fn handle(&self, request: Request, peer: SocketAddr) -> Reply;
}

/// A server; it stops, and its connections end, when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    pub fn start(handler: Arc<dyn Handler>) -> io::Result<Self> {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, handler)
    }

    /// Starts a server on this listener.
    pub fn on(listener: TcpListener, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(format!("http {address}"))
            .spawn(move || run(runtime, &listener, &handler, stopped))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the server listens.
    #[cfg(test)]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts connections until the server is dropped.
fn run(
    runtime: Runtime,
    listener: &tokio::net::TcpListener,
    handler: &Arc<dyn Handler>,
    stopped: oneshot::Receiver<()>,
) {
    let accept = async {
        loop {
            // What cannot be accepted concerns its client alone, which sees it.
            if let Ok((stream, peer)) = listener.accept().await {
                drop(tokio::spawn(converse(stream, peer, Arc::clone(handler))));
            }
        }
    };
    runtime.block_on(async {
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
    // A handler may still wait for something that never comes.
    runtime.shutdown_background();
}

/// Serves one connection until it ends or breaks; a broken one concerns its client alone, which sees it.
async fn converse(stream: TcpStream, peer: SocketAddr, handler: Arc<dyn Handler>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, peer, Arc::clone(&handler)));
    let _ = http1::Builder::new()
        // Who answers says what time it is.
        .auto_date_header(false)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Answers one request; an error ends the connection, without a word to the client.
async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    handler: Arc<dyn Handler>,
) -> io::Result<hyper::Response<http_body_util::Full<hyper::body::Bytes>>> {
    let request = Request::take(request).await?;
    let reply = tokio::task::spawn_blocking(move || handler.handle(request, peer)).await?;
    match reply {
        Reply::Answer(response) => response.give(),
        Reply::Hangup => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::super::client::send;
    use super::*;

    struct Echo;

    impl Handler for Echo {
        fn handle(&self, request: Request, peer: SocketAddr) -> Reply {
            assert!(peer.ip().is_loopback());
            if request.path() == "/hangup" {
                return Reply::Hangup;
            }
            Reply::Answer(Response::new(
                200,
                "text/plain",
                [request.target.as_bytes(), &request.body].concat(),
            ))
        }
    }

    #[test]
    fn answers_and_hangs_up() {
        let server = Server::start(Arc::new(Echo)).unwrap();
        let mut request = Request {
            method: "POST".to_owned(),
            target: "/a?b=c".to_owned(),
            headers: vec![("X-One".to_owned(), "1".to_owned())],
            body: b" body".to_vec(),
        };
        let answer = send(server.address(), &request).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "/a?b=c body"));
        request.target = "/hangup".to_owned();
        assert!(send(server.address(), &request).is_err());
    }

    /// What a server writes to a client that sends this and then reads to the end.
    fn raw(server: &Server, text: &str) -> String {
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn one_connection_serves_many_requests() {
        let server = Server::start(Arc::new(Echo)).unwrap();
        let host = "HTTP/1.1\r\nHost: x\r\n";
        let answer = raw(
            &server,
            &format!("GET /1 {host}\r\nPOST /2 {host}Connection: close\r\nContent-Length: 3\r\n\r\nabc"),
        );
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
        assert_eq!(
            answer,
            format!("{head}Content-Length: 2\r\n\r\n/1{head}Connection: close\r\nContent-Length: 5\r\n\r\n/2abc")
        );
    }

    #[test]
    fn a_hangup_says_nothing_and_nonsense_is_refused() {
        let server = Server::start(Arc::new(Echo)).unwrap();
        assert_eq!(raw(&server, "GET /hangup HTTP/1.1\r\nHost: x\r\n\r\n"), "");
        for nonsense in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
            let answer = raw(&server, nonsense);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{nonsense:?} {answer:?}");
        }
    }

    #[test]
    fn a_server_that_is_dropped_ends_its_connections() {
        let server = Server::start(Arc::new(Echo)).unwrap();
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        let address = server.address();
        drop(server);
        assert!(stream.read_to_end(&mut Vec::new()).is_ok());
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
