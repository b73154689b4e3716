//! Asking at a stack's address from this machine.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use selfheal_core::drill::Outside;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::backend::Prober;

/// For how long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(2);

/// Asks over the network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkProber;

#[async_trait]
impl Prober for NetworkProber {
    async fn answers(&self, ip: &str, asked: &Outside) -> bool {
        let Ok(ip) = ip.parse::<IpAddr>() else { return false };
        timeout(ANSWER, answers(ip, asked))
            .await
            .is_ok_and(|answered| answered.unwrap_or(false))
    }
}

async fn answers(ip: IpAddr, asked: &Outside) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((ip, asked.port())).await?;
    let Outside::Http { path, port } = asked else {
        return Ok(true);
    };
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {ip}:{port}\r\nUser-Agent: selfheal\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0_u8; 12];
    stream.read_exact(&mut line).await?;
    Ok(is_well(&line))
}

/// Whether a status line begins as that of an app that is well.
fn is_well(line: &[u8; 12]) -> bool {
    line.starts_with(b"HTTP/1.") && line[8] == b' ' && matches!(line[9], b'2' | b'3')
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is found of somebody who answers so.
    async fn found(answer: &'static str, asked: impl Fn(u16) -> Outside) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
            stream
        });
        let answers = NetworkProber.answers("127.0.0.1", &asked(port)).await;
        server.abort();
        answers
    }

    fn http(port: u16) -> Outside {
        Outside::Http {
            port,
            path: "/healthz".to_owned(),
        }
    }

    #[test]
    fn an_app_is_well_by_its_status() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            assert!(found("HTTP/1.1 200 OK\r\n\r\n", http).await);
            assert!(found("HTTP/1.0 302 Found\r\n\r\n", http).await);
            assert!(!found("HTTP/1.1 503 No\r\n\r\n", http).await);
            assert!(!found("SSH-2.0-OpenSSH_9", http).await);
            // Its processes are stopped: the kernel takes the connection, and nobody answers.
            assert!(!found("", http).await);
            assert!(found("", |port| Outside::Tcp { port }).await);
            let closed = TcpListener::bind("127.0.0.1:0")
                .await
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            assert!(!NetworkProber.answers("127.0.0.1", &Outside::Tcp { port: closed }).await);
            assert!(!NetworkProber.answers("nowhere", &Outside::Tcp { port: closed }).await);
        });
    }
}
