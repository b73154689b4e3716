//! The lab's network: a bridge, DHCP and DNS, and Elastic IPs that lead to whoever has them.
//!
//! All of it is in a network namespace of the lab's own, so nothing of it shows on the host.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::command::{run, wait_for};
use crate::error::{Context, TaskResult};

/// The lab's own address on the bridge: gateway, name server and endpoint of the simulated AWS.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The port of the app that the lab's machines run.
pub const APP_PORT: u16 = 8080;
/// The ports that Elastic IPs lead to.
const PORTS: [u16; 3] = [APP_PORT, 80, 443];

/// DHCP and DNS, until it is dropped.
#[derive(Debug)]
pub struct Dnsmasq {
    child: Child,
}

/// Puts up the bridge.
pub fn bring_up() -> TaskResult<()> {
    run(&["mount", "-t", "tmpfs", "tmpfs", "/run"])?;
    run(&["mkdir", "/run/netns"])?;
    run(&["ip", "link", "set", "lo", "up"])?;
    run(&[
        "ip",
        "link",
        "add",
        "name",
        "br0",
        "address",
        "02:00:00:00:00:01",
        "type",
        "bridge",
    ])?;
    run(&["ip", "address", "add", &format!("{GATEWAY}/24"), "dev", "br0"])?;
    run(&["ip", "address", "add", "169.254.169.254/32", "dev", "br0"])?;
    run(&["ip", "link", "set", "br0", "up"]).map(drop)
}

impl Dnsmasq {
    /// Starts it. Each machine's address follows from its hardware address; every name leads to the lab at once, since
    /// a boot waits long for a name server that does not answer; but for one name that leads elsewhere, where there is one.
    pub fn start(rootfs: &Path, logs: &Path, name: Option<(&str, &str)>) -> TaskResult<Self> {
        let log = File::create(logs.join("dnsmasq.log")).context(|| "make dnsmasq.log".to_owned())?;
        let mut command = Command::new("chroot");
        command.arg(rootfs).args([
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
        ]);
        command.args([
            "--log-facility=-",
            "--pid-file",
            "--leasefile-ro",
            "--no-ping",
            "--no-hosts",
            "--no-resolv",
        ]);
        command.args(["--interface=br0", "--bind-interfaces", "--dhcp-authoritative"]);
        command.args([
            "--dhcp-range=10.77.0.2,10.77.0.200,1h",
            &format!("--address=/#/{GATEWAY}"),
        ]);
        if let Some((name, address)) = name {
            command.arg(format!("--address=/{name}/{address}"));
        }
        for number in 2..=200_u8 {
            command.arg(format!("--dhcp-host=02:00:00:00:00:{number:02x},10.77.0.{number}"));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let child = child.context(|| "start dnsmasq".to_owned())?;
        let dnsmasq = Self { child };
        wait_for("answer of dnsmasq", Duration::from_secs(5), || {
            Ok(TcpStream::connect_timeout(&SocketAddr::from((GATEWAY, 53)), Duration::from_millis(100)).ok())
        })?;
        Ok(dnsmasq)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where each Elastic IP leads now: public address → private address.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    table: Arc<Mutex<BTreeMap<Ipv4Addr, IpAddr>>>,
}

impl Routes {
    /// Makes a public address reachable in the lab; where it leads is looked up for each connection.
    pub fn announce(&self, public: Ipv4Addr) -> TaskResult<()> {
        run(&["ip", "address", "add", &format!("{public}/32"), "dev", "lo"])?;
        PORTS.into_iter().try_for_each(|port| self.listen(public, port))
    }

    fn listen(&self, public: Ipv4Addr, port: u16) -> TaskResult<()> {
        let listener = TcpListener::bind((public, port)).context(|| format!("listen on {public}:{port}"))?;
        let table = Arc::clone(&self.table);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let target = table
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(&public)
                    .copied();
                // Nobody has the address: the connection comes to nothing.
                let Some(target) = target else { continue };
                thread::spawn(move || relay(&client, SocketAddr::from((target, port))));
            }
        });
        Ok(())
    }

    /// Lets the public address lead to this machine, or to nobody.
    pub fn lead(&self, public: Ipv4Addr, private: Option<IpAddr>) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        match private {
            Some(private) => table.insert(public, private),
            None => table.remove(&public),
        };
    }
}

/// Carries a connection in both directions until both have ended.
fn relay(client: &TcpStream, address: SocketAddr) {
    let Ok(server) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) else {
        return;
    };
    thread::scope(|scope| {
        scope.spawn(|| carry(client, &server));
        carry(&server, client);
    });
}

fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
