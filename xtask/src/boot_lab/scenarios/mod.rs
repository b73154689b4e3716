//! The scenarios.

mod boots;

use super::cloud::Cloud;
use super::lab::Lab;
use super::network::APP_PORT;
use crate::error::{TaskError, TaskResult};

/// One thing that may happen to a stack, and what has to come of it.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a line.
    pub about: &'static str,
    /// Whether it runs in CI; the others take too long.
    pub ci: bool,
    /// Makes it happen, and fails unless what has to come of it came.
    pub run: fn(&mut Lab) -> TaskResult<()>,
}

/// All scenarios, in the order in which they run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "first-boot",
        about: "a blank volume, an address and a hook",
        ci: true,
        run: boots::first_boot,
    },
    Scenario {
        name: "reboot",
        about: "the same instance boots again",
        ci: true,
        run: boots::reboot,
    },
    Scenario {
        name: "replacement",
        about: "the power of the host is cut, and the old holder is slow to let go",
        ci: true,
        run: boots::replacement,
    },
];

/// Asks the app over the Elastic IP for a file, from outside.
fn get(cloud: &Cloud, path: &str) -> TaskResult<Vec<u8>> {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    let fault =
        |error: std::io::Error| TaskError::failed(format!("GET {path} over {}: {error}", cloud.stack.public_ip));
    let address = format!("{}:{APP_PORT}", cloud.stack.public_ip);
    let address: SocketAddr = address
        .parse()
        .map_err(|error| TaskError::malformed("the Elastic IP", error))?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(fault)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fault)?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .map_err(fault)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(fault)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    match head {
        Some(end) if answer.starts_with(b"HTTP/1.0 200") => Ok(answer.split_off(end + 4)),
        _ => Err(TaskError::failed(format!(
            "GET {path} over {}: no answer with status 200",
            cloud.stack.public_ip
        ))),
    }
}
