//! A certificate authority of the lab's: Debian's pebble, which is Let's Encrypt's own for tests, with its strict modes.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use super::command::{ensure, wait_for};
use super::lab::Lab;
use super::network::GATEWAY;
use crate::error::{Context, TaskError, TaskResult};

/// Where the authority's directory is; every name leads to the lab.
pub const DIRECTORY: &str = "https://ca.lab:14000/dir";
/// Where the same authority is behind what answers orders with 429.
pub const BUSY_DIRECTORY: &str = "https://ca.lab:14001/dir";
/// Passes everything on to the authority, but for orders.
const BUSY: &str = include_str!("../../boot-lab/busy-authority.py");

/// The authority, until it is dropped; or one that does not answer, until it is [started](Self::start).
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate, by which a client knows it.
    pub certificate: String,
    folder: PathBuf,
    running: Vec<Child>,
    starts: usize,
}

impl Authority {
    /// Makes its certificate and configuration, and does not start it.
    pub fn prepare(lab: &Lab) -> TaskResult<Self> {
        let folder = lab.config().memory.join("authority");
        fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (certificate, key) = (path("ca.pem"), path("ca.key"));
        lab.tool(&[
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=ca.lab",
            "-addext",
            "subjectAltName=DNS:ca.lab",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])?;
        let settings = format!(
            r#"{{"pebble":{{"listenAddress":"{GATEWAY}:14000","managementListenAddress":"{GATEWAY}:15000","certificate":"{certificate}","privateKey":"{key}","httpPort":80,"tlsPort":443}}}}"#
        );
        for (name, text) in [("pebble.json", settings.as_str()), ("busy.py", BUSY)] {
            fs::write(folder.join(name), text).context(|| format!("write {name}"))?;
        }
        Ok(Self {
            certificate: fs::read_to_string(&certificate).context(|| format!("read {certificate}"))?,
            folder,
            running: Vec::new(),
            starts: 0,
        })
    }

    /// Starts it, with validations that take a moment; of a hundred nonces it refuses as many as it is told, and an old certbot
    /// bears one refusal of a request, and not two.
    pub fn start(&mut self, lab: &Lab, refused: u8) -> TaskResult<()> {
        self.start_with(lab, refused, "10.77.0.1:53")
    }

    /// Starts it so that it asks another name server than the lab's own.
    pub fn start_asking(&mut self, lab: &Lab, server: &str) -> TaskResult<()> {
        self.start_with(lab, 0, server)
    }

    fn start_with(&mut self, lab: &Lab, refused: u8, server: &str) -> TaskResult<()> {
        self.starts += 1;
        let settings = self.folder.join("pebble.json").to_string_lossy().into_owned();
        let refused = format!("PEBBLE_WFE_NONCEREJECT={refused}");
        let words = [
            "env",
            &refused,
            "PEBBLE_VA_SLEEPTIME=1",
            "pebble",
            "-strict",
            "-config",
            &settings,
            "-dnsserver",
            server,
        ];
        self.running.push(lab.start_tool(&self.log_name(), &words)?);
        self.await_answer(lab, DIRECTORY)
    }

    /// Starts what answers every order with 429, before an authority that runs.
    pub fn start_busy(&mut self, lab: &Lab) -> TaskResult<()> {
        let script = self.folder.join("busy.py").to_string_lossy().into_owned();
        let folder = self.folder.to_string_lossy().into_owned();
        self.running
            .push(lab.start_tool("busy-authority.log", &["python3", "-u", &script, &folder])?);
        self.await_answer(lab, BUSY_DIRECTORY)
    }

    fn await_answer(&self, lab: &Lab, url: &str) -> TaskResult<()> {
        let certificate = self.folder.join("ca.pem").to_string_lossy().into_owned();
        let port = &url["https://ca.lab:".len()..][..5];
        let resolve = format!("ca.lab:{port}:{GATEWAY}");
        wait_for("certificate authority", Duration::from_secs(20), || {
            let words = ["curl", "-sf", "--cacert", &certificate, "--resolve", &resolve, url];
            Ok(lab.tool(&words).ok().map(drop))
        })
    }

    /// Ends it.
    pub fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn log_name(&self) -> String {
        format!("authority-{}.log", self.starts)
    }

    /// The requests that clients have made of it since it was started last, as it notes them.
    pub fn requests(&self, lab: &Lab) -> TaskResult<Vec<String>> {
        let path = lab.config().logs.join(self.log_name());
        let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
        let requests = text.lines().filter(|line| line.contains("-> calling handler"));
        // What the lab itself has asked to see whether it is there.
        Ok(requests
            .map(str::to_owned)
            .filter(|line| !line.contains("GET /dir"))
            .collect())
    }

    /// How many orders were made since it was started last.
    pub fn orders(&self, lab: &Lab) -> TaskResult<usize> {
        let requests = self.requests(lab)?;
        Ok(requests.iter().filter(|line| line.contains("POST /order-plz")).count())
    }

    /// A file with the root of the certificates that it gives.
    pub fn root(&self, lab: &Lab) -> TaskResult<String> {
        let url = format!("https://{GATEWAY}:15000/roots/0");
        let text = lab.tool(&["curl", "-sfk", &url])?;
        ensure(text.contains("BEGIN CERTIFICATE"), || format!("the root is {text}"))?;
        let path = self.folder.join("root.pem");
        fs::write(&path, text).context(|| format!("write {}", path.display()))?;
        let path = path.to_str().map(str::to_owned);
        path.ok_or_else(|| TaskError::failed("a path that is no text"))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stop();
    }
}
