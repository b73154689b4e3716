//! QEMU's machine protocol: a line of JSON each way.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Context, TaskError, TaskResult};

/// How long QEMU may take to answer. It answers within milliseconds, but under load its main loop has to wait its turn.
const ANSWER: Duration = Duration::from_secs(30);

/// A connection to a running QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects, once QEMU listens.
    pub fn connect(socket: &Path) -> TaskResult<Self> {
        let stream = UnixStream::connect(socket).context(|| format!("connect to {}", socket.display()))?;
        stream
            .set_read_timeout(Some(ANSWER))
            .context(|| "limit the wait for QEMU".to_owned())?;
        let mut qmp = Self {
            stream: BufReader::new(stream),
        };
        // The greeting, after which QEMU wants to hear that it was understood.
        qmp.read()?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Makes a call and waits for its answer. Events that come in between are passed over.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> TaskResult<Value> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .context(|| format!("tell QEMU {command}"))?;
        loop {
            let mut answer = self.read()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(TaskError::failed(format!("QEMU refuses {command}: {error}")));
            }
        }
    }

    fn read(&mut self) -> TaskResult<Value> {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .context(|| "read QEMU's answer".to_owned())?;
        serde_json::from_str(&line).map_err(|error| TaskError::malformed("QEMU's answer", error))
    }
}
