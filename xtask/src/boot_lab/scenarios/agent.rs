//! Systems Manager's agent on Debian: a real package from a server that fails, installed by a real dpkg that is killed.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use selfheal_core::spec::AgentPin;
use selfheal_core::world::InstanceId;
use sha2::{Digest, Sha256};

use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::network::GATEWAY;
use crate::boot_lab::stack::{Options, quick_health};
use crate::error::{Context, TaskResult};
use crate::net::{Handler, Reply, Request, Response, Server};

const PORT: u16 = 8001;
const UNIT: &str = "selfheal-agent.service";
const VERSION: &str = "3.3.3270.0";
const PATH: &str = "/amazon-ssm-eu-west-1/3.3.3270.0/debian_amd64/amazon-ssm-agent.deb";

/// Leads the unit to the scenario's own server, as the endpoint's variable does.
const SETUP: &str = "#!/bin/sh
set -e
mkdir -p /etc/systemd/system/selfheal-agent.service.d
printf '[Service]\\nEnvironment=AWS_ENDPOINT_URL_S3=http://10.77.0.1:8001\\n' \
  >/etc/systemd/system/selfheal-agent.service.d/lab.conf
systemctl daemon-reload
";

/// What stands for the agent. As AWS's own, the package neither enables nor starts its unit; and it takes its time.
const FILES: [(&str, u32, &str); 4] = [
    (
        "DEBIAN/control",
        0o644,
        "Package: amazon-ssm-agent\nVersion: 3.3.3270.0-1\nArchitecture: amd64\nMaintainer: lab\nDescription: stands for it\n",
    ),
    (
        "DEBIAN/postinst",
        0o755,
        "#!/bin/sh\necho run >>/var/lib/postinst-runs\nsleep 3\n",
    ),
    ("usr/bin/amazon-ssm-agent", 0o755, "#!/bin/sh\nexec sleep infinity\n"),
    (
        "lib/systemd/system/amazon-ssm-agent.service",
        0o644,
        "[Service]\nExecStart=/usr/bin/amazon-ssm-agent\n\n[Install]\nWantedBy=multi-user.target\n",
    ),
];

/// A bucket with one package; while it is away, nobody gets it.
struct Bucket {
    package: Vec<u8>,
    away: AtomicBool,
    asked: AtomicUsize,
}

impl Handler for Bucket {
    fn handle(&self, request: Request, _: SocketAddr) -> Reply {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Reply::Answer(match request.path() {
            _ if self.away.load(Ordering::Relaxed) => Response::new(503, "text/plain", "Slow Down"),
            PATH => Response::new(200, "application/octet-stream", self.package.clone()),
            _ => Response::new(403, "text/plain", "Access Denied"),
        })
    }
}

/// Makes the package with the tools of Debian, and puts it into a bucket.
fn bucket(lab: &Lab, away: bool) -> TaskResult<(Arc<Bucket>, Server)> {
    let tree = lab.config().memory.join("agent");
    for (path, mode, text) in FILES {
        let path = tree.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .context(|| format!("write {}", path.display()))?;
    }
    let package = tree.with_extension("deb");
    let (from, to) = (tree.to_string_lossy(), package.to_string_lossy());
    lab.tool(&["dpkg-deb", "--root-owner-group", "--build", &from, &to])?;
    let bucket = Arc::new(Bucket {
        package: fs::read(&package).context(|| "read the package".to_owned())?,
        away: AtomicBool::new(away),
        asked: AtomicUsize::new(0),
    });
    let listener = TcpListener::bind((GATEWAY, PORT)).context(|| format!("listen on {GATEWAY}:{PORT}"))?;
    let server = Server::on(listener, Arc::<Bucket>::clone(&bucket)).context(|| "serve the package".to_owned())?;
    Ok((bucket, server))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn options(sha256: String) -> Options {
    Options {
        setup: Some(SETUP.to_owned()),
        health: Some(quick_health()),
        agent: Some(AgentPin {
            version: VERSION.to_owned(),
            sha256_amd64: Some(sha256),
            sha256_arm64: None,
        }),
        ..Options::default()
    }
}

/// What dpkg says of the package; nothing where it knows none.
fn state(cloud: &Cloud, id: &InstanceId) -> TaskResult<String> {
    let query = "dpkg-query --show --showformat='${db:Status-Status}' amazon-ssm-agent 2>/dev/null; true";
    cloud.run_in(id, &["bash", "-c", query])
}

fn runs_of_postinst(cloud: &Cloud, id: &InstanceId) -> TaskResult<usize> {
    let runs = cloud.run_in(id, &["bash", "-c", "cat /var/lib/postinst-runs 2>/dev/null; true"])?;
    Ok(runs.lines().count())
}

fn await_agent(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    wait_for("agent that runs", Duration::from_secs(60), || {
        let active = cloud.run_in(id, &["bash", "-c", "systemctl is-active amazon-ssm-agent; true"])?;
        Ok((active.trim() == "active").then_some(()))
    })
}

/// The server is away, dpkg is locked, and everything is killed while dpkg works; then the machine boots again.
pub fn installed_in_spite(lab: &mut Lab) -> TaskResult<()> {
    let (bucket, _server) = bucket(lab, true)?;
    let cloud = lab.launch(&options(sha256(&bucket.package)))?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "agent is not installed: cannot fetch http://10.77.0.1:8001", 30)?;
    // As something else that installs packages does.
    let hold = "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); \
                time.sleep(20)";
    let holder = {
        let (cloud, id) = (cloud.clone(), id.clone());
        thread::spawn(move || cloud.run_in(&id, &["python3", "-c", hold]))
    };
    bucket.away.store(false, Ordering::Relaxed);
    wait_for("work of dpkg", Duration::from_secs(90), || {
        Ok((runs_of_postinst(&cloud, &id)? == 1).then_some(()))
    })?;
    ensure(holder.is_finished(), || "dpkg did not wait for its lock".to_owned())?;
    cloud.run_in(&id, &["systemctl", "kill", "--signal=KILL", UNIT])?;
    let half = state(&cloud, &id)?;
    ensure(half != "installed", || format!("dpkg was killed and says {half}"))?;
    await_agent(&cloud, &id)?;
    ensure(state(&cloud, &id)? == "installed", || {
        "dpkg has not installed it".to_owned()
    })?;
    let left = cloud.run_in(&id, &["bash", "-c", "ls /var/lib/selfheal/agent.deb 2>/dev/null; true"])?;
    ensure(left.is_empty(), || "the package was left on the disk".to_owned())?;
    let (asked, runs) = (bucket.asked.load(Ordering::Relaxed), runs_of_postinst(&cloud, &id)?);
    cloud.run_in(&id, &["systemctl", "reboot"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&id)?;
    await_agent(&cloud, &id)?;
    wait_for("second end of the unit", Duration::from_secs(30), || {
        let said = cloud.run_in(&id, &["journalctl", "--quiet", "--boot", "--unit", UNIT])?;
        Ok(said.contains("Deactivated successfully").then_some(()))
    })?;
    ensure(
        (bucket.asked.load(Ordering::Relaxed), runs_of_postinst(&cloud, &id)?) == (asked, runs),
        || "the reboot installed it again".to_owned(),
    )?;
    lab.note(format!(
        "killed while dpkg was {half}; installed after {asked} requests"
    ));
    Ok(())
}

/// Another package than the one that was pinned: refused, gone, said once, and the instance serves.
pub fn refused(lab: &mut Lab) -> TaskResult<()> {
    let (bucket, _server) = bucket(lab, false)?;
    let cloud = lab.launch(&options(sha256(b"another package")))?;
    let id = cloud.await_in_service(1, 60)?;
    cloud.await_console(&id, "agent is refused: http://10.77.0.1:8001", 30)?;
    wait_for("end of the unit", Duration::from_secs(10), || {
        let state = cloud.run_in(
            &id,
            &["systemctl", "show", "--property=ActiveState,ExecMainStatus", UNIT],
        )?;
        let failed = state.contains("ActiveState=failed") && state.contains("ExecMainStatus=65");
        Ok(failed.then_some(()))
    })?;
    ensure(state(&cloud, &id)?.is_empty(), || "dpkg was given it".to_owned())?;
    let left = cloud.run_in(&id, &["bash", "-c", "ls /var/lib/selfheal/agent.deb 2>/dev/null; true"])?;
    ensure(left.is_empty(), || "the package was left on the disk".to_owned())?;
    ensure(bucket.asked.load(Ordering::Relaxed) == 1, || {
        "what is refused was asked for again".to_owned()
    })?;
    ensure(cloud.address_holder().as_ref() == Some(&id), || {
        "the address is not there".to_owned()
    })
}
