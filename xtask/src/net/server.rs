//! A server with a thread for each connection.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

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
    /// Answers one request.
    fn handle(&self, request: Request) -> Reply;
}

/// A server on a free port of the loopback interface; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server.
    pub fn start(handler: Arc<dyn Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let handler = Arc::clone(&handler);
                // A connection ends when its peer, a process of ours that is waited for, ends.
                thread::spawn(move || serve(&stream, handler.as_ref()));
            }
        });
        Ok(Self {
            address,
            stop,
            acceptor: Some(acceptor),
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
        self.stop.store(true, Ordering::SeqCst);
        // The acceptor sits in accept() until somebody comes.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
    }
}

/// Serves one connection until it ends or breaks; a broken one concerns its client alone, which sees it.
fn serve(stream: &TcpStream, handler: &dyn Handler) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Ok(Some(request)) = Request::read(&mut reader) {
        let last = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        match handler.handle(request) {
            Reply::Answer(response) if response.write(&mut writer).is_ok() && !last => {}
            Reply::Answer(_) | Reply::Hangup => break,
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::super::client::send;
    use super::*;

    struct Echo;

    impl Handler for Echo {
        fn handle(&self, request: Request) -> Reply {
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

    #[test]
    fn one_connection_serves_many_requests() {
        let server = Server::start(Arc::new(Echo)).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for target in ["/1", "/2"] {
            let request = Request {
                method: "GET".to_owned(),
                target: target.to_owned(),
                ..Request::default()
            };
            request.write(&mut stream).unwrap();
            assert_eq!(Response::read(&mut reader).unwrap().text(), target);
        }
    }
}
