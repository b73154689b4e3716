//! The moto process.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};

use crate::error::{Context, TaskError, TaskResult};
use crate::net::{self, Request};
use crate::venv::Venv;

/// A moto server on loopback; it ends when this is dropped, and with the task however the task ends.
#[derive(Debug)]
pub struct Moto {
    process: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts moto and waits until it serves.
    pub fn start(venv: &Venv) -> TaskResult<Self> {
        let mut process = venv
            .script("moto_serve.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context(|| "start moto".to_owned())?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .context(|| "read moto's port".to_owned())?;
        }
        let Ok(port) = line.trim().parse::<u16>() else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(TaskError::failed("moto did not start; its own message is above"));
        };
        Ok(Self {
            process,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Empties the world and makes the ids that follow predictable.
    pub fn reset(&self) -> TaskResult<()> {
        for target in ["/moto-api/reset", "/moto-api/seed?a=42"] {
            let request = Request {
                method: "POST".to_owned(),
                target: target.to_owned(),
                ..Request::default()
            };
            let answer = net::send(self.address, &request).context(|| format!("POST {target}"))?;
            if !answer.is_success() {
                return Err(TaskError::Refused {
                    action: format!("POST {target}"),
                    status: answer.status,
                    body: answer.text(),
                });
            }
        }
        Ok(())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
