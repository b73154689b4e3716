//! The instance metadata service, version 2 alone.
//!
//! It knows who asks by the private address. Tokens are enforced: an instance's own, unexpired, or 401.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Context, TaskResult};
use crate::net::{Handler, Reply, Request, Response, Server};

/// The longest life of a token in seconds, which is AWS's own limit.
const TOKEN_S_MAX: u64 = 21_600;

/// What one instance is told: values by path below `/latest/`, such as `meta-data/instance-id`.
pub type Tree = BTreeMap<String, Vec<u8>>;

/// Answers what is only known when it is asked for, by the same paths; it goes before what is known beforehand.
pub type Live = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A fault: the answer to paths that contain `path`, for so many requests.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Part of the path, below `/latest/` alone: cloud-init asks for dated versions and is left in peace.
    pub path: &'static str,
    /// The status.
    pub status: u16,
    /// How many requests are left to spoil.
    pub times: u32,
}

/// The service. Cheap to clone; it ends with its last clone.
#[derive(Clone, Debug)]
pub struct Imds {
    service: Arc<Service>,
    server: Arc<Server>,
}

/// What the service knows.
#[derive(Default)]
struct Service {
    state: Mutex<State>,
    live: Option<Live>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    trees: BTreeMap<IpAddr, Tree>,
    tokens: BTreeMap<String, (IpAddr, Instant)>,
    faults: Vec<Fault>,
    log: Vec<(String, u16)>,
}

impl Imds {
    /// Starts to serve on this listener.
    pub fn start(listener: TcpListener, live: Option<Live>) -> TaskResult<Self> {
        let service = Arc::new(Service {
            state: Mutex::default(),
            live,
        });
        let handler: Arc<Service> = Arc::clone(&service);
        let server = Server::on(listener, handler).context(|| "start the metadata service".to_owned())?;
        Ok(Self {
            service,
            server: Arc::new(server),
        })
    }

    /// Its URL, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.service.lock()
    }

    /// Replaces what the instance at this address is told.
    pub fn publish(&self, address: IpAddr, tree: Tree) {
        self.lock().trees.insert(address, tree);
    }

    /// Adds one value, or takes one away.
    pub fn set(&self, address: IpAddr, path: &str, value: Option<&str>) {
        let mut state = self.lock();
        let tree = state.trees.entry(address).or_default();
        match value {
            Some(value) => tree.insert(path.to_owned(), value.as_bytes().to_vec()),
            None => tree.remove(path),
        };
    }

    /// The secrets in the credentials that this instance is offered: the key and the session token.
    pub fn secrets_of(&self, address: IpAddr) -> Vec<String> {
        let state = self.lock();
        let tree = state.trees.get(&address).into_iter().flatten();
        let documents = tree.filter(|(path, _)| path.contains("security-credentials/"));
        let mut secrets = Vec::new();
        for (_, document) in documents {
            let document: serde_json::Value = serde_json::from_slice(document).unwrap_or_default();
            let texts = ["SecretAccessKey", "Token"]
                .iter()
                .filter_map(|key| document[key].as_str());
            secrets.extend(texts.map(str::to_owned));
        }
        secrets
    }

    /// Injects a fault.
    pub fn spoil(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// How many requests that a fault was meant for are still to come.
    pub fn spoiled_left(&self) -> u32 {
        self.lock().faults.iter().map(|fault| fault.times).sum()
    }

    /// Every request so far, with its status.
    pub fn log(&self) -> Vec<(String, u16)> {
        self.lock().log.clone()
    }

    /// How many requests it refused for want of a token.
    pub fn refused(&self) -> usize {
        self.lock().log.iter().filter(|(_, status)| *status == 401).count()
    }
}

impl Handler for Service {
    fn handle(&self, request: Request, peer: SocketAddr) -> Reply {
        let response = self.answer(&request, peer.ip());
        let line = format!("{} {}", request.method, request.path());
        self.lock().log.push((line, response.status));
        Reply::Answer(response)
    }
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request, address: IpAddr) -> Response {
        // AWS refuses what came through a proxy.
        if request.header("x-forwarded-for").is_some() {
            return plain(403, "");
        }
        if request.path() == "/latest/api/token" {
            return self.lock().token(request, address);
        }
        if request.method != "GET" {
            return plain(405, "");
        }
        if !self.lock().knows(request, address) {
            return plain(401, "");
        }
        let Some((version, path)) = request.path().trim_start_matches('/').split_once('/') else {
            return plain(200, "latest");
        };
        if version == "latest"
            && let Some(status) = self.lock().strike(path)
        {
            return plain(status, "");
        }
        // The dated versions that cloud-init tries first; all of them show the same here.
        if version != "latest" && !(version.len() == 10 && version.starts_with("20")) {
            return plain(404, "");
        }
        // What is live may take its time, which others do not wait for.
        let live = self.live.as_ref().and_then(|live| live(path)).map(String::into_bytes);
        let found = live.or_else(|| look_up(self.lock().trees.get(&address)?, path));
        found.map_or_else(|| plain(404, ""), |body| plain(200, body))
    }
}

impl State {
    fn token(&mut self, request: &Request, address: IpAddr) -> Response {
        const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
        let ttl = request.header(TTL).and_then(|text| text.parse::<u64>().ok());
        let Some(ttl @ 1..=TOKEN_S_MAX) = ttl.filter(|_| request.method == "PUT") else {
            return plain(400, "");
        };
        let token = format!("AQAEALabToken{:08}==", self.tokens.len() + 1);
        self.tokens
            .insert(token.clone(), (address, Instant::now() + Duration::from_secs(ttl)));
        let mut response = plain(200, token);
        response.headers.push((TTL.to_owned(), ttl.to_string()));
        response
    }

    /// Whether a request has a token of this instance's that is still valid.
    fn knows(&self, request: &Request, address: IpAddr) -> bool {
        let token = request.header("x-aws-ec2-metadata-token").unwrap_or_default();
        let token = self.tokens.get(token);
        token.is_some_and(|(owner, end)| *owner == address && Instant::now() < *end)
    }

    /// The status with which a fault strikes a request for this path.
    fn strike(&mut self, path: &str) -> Option<u16> {
        let mut faults = self.faults.iter_mut();
        let fault = faults.find(|fault| fault.times > 0 && path.contains(fault.path))?;
        fault.times -= 1;
        Some(fault.status)
    }
}

fn plain(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response::new(status, "text/plain", body)
}

/// A value, or the listing of a folder, in which folders end with a slash.
fn look_up(tree: &Tree, path: &str) -> Option<Vec<u8>> {
    let path = path.trim_end_matches('/');
    if let Some(value) = tree.get(path) {
        return Some(value.clone());
    }
    let prefix = format!("{path}/");
    let mut names: Vec<String> = Vec::new();
    for key in tree.keys().filter_map(|key| key.strip_prefix(&prefix)) {
        let name = key
            .split_once('/')
            .map_or_else(|| key.to_owned(), |(folder, _)| format!("{folder}/"));
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join("\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
    const TOKEN: &str = "X-aws-ec2-metadata-token";

    fn tree(values: &[(&str, &str)]) -> Tree {
        let value = |(path, value): &(&str, &str)| ((*path).to_owned(), value.as_bytes().to_vec());
        values.iter().map(value).collect()
    }

    fn service() -> Service {
        let service = Service {
            live: Some(Box::new(|path| {
                (path == "meta-data/public-ipv4").then(|| "192.0.2.1".to_owned())
            })),
            ..Service::default()
        };
        let told = tree(&[("meta-data/instance-id", "i-1")]);
        service.lock().trees.insert(HERE, told);
        service
    }

    fn ask(service: &Service, from: IpAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            method: method.to_owned(),
            target: path.to_owned(),
            headers: headers.iter().map(header).collect(),
            body: Vec::new(),
        };
        match service.handle(request, SocketAddr::from((from, 9))) {
            Reply::Answer(response) => (response.status, response.text()),
            Reply::Hangup => panic!("the service hung up"),
        }
    }

    #[test]
    fn nothing_is_read_without_a_token_that_it_gave_to_the_same_instance() {
        let service = service();
        let id = "/latest/meta-data/instance-id";
        assert_eq!(ask(&service, HERE, "GET", id, &[]).0, 401);
        assert_eq!(ask(&service, HERE, "GET", id, &[(TOKEN, "guessed")]).0, 401);
        let (_, token) = ask(&service, HERE, "PUT", "/latest/api/token", &[(TTL, "60")]);
        let with = [(TOKEN, token.as_str())];
        assert_eq!(ask(&service, HERE, "GET", id, &with), (200, "i-1".to_owned()));
        let dated = "/2021-03-23/meta-data/public-ipv4";
        assert_eq!(ask(&service, HERE, "GET", dated, &with), (200, "192.0.2.1".to_owned()));
        assert_eq!(ask(&service, THERE, "GET", id, &with).0, 401);
        assert_eq!(
            ask(&service, HERE, "GET", "/latest/meta-data/spot/instance-action", &with).0,
            404
        );
        assert_eq!(ask(&service, HERE, "GET", "/other/meta-data/instance-id", &with).0, 404);
        assert_eq!(ask(&service, HERE, "POST", id, &with).0, 405);
        let passed_on = [(TOKEN, token.as_str()), ("X-Forwarded-For", "10.0.0.3")];
        assert_eq!(ask(&service, HERE, "GET", id, &passed_on).0, 403);
        let refused = service.lock().log.iter().filter(|(_, status)| *status == 401).count();
        assert_eq!(refused, 3);
    }

    #[test]
    fn a_token_needs_a_life_within_the_limits() {
        let path = "/latest/api/token";
        for life in ["0", "21601", "soon"] {
            assert_eq!(ask(&service(), HERE, "PUT", path, &[(TTL, life)]).0, 400, "{life}");
        }
        assert_eq!(ask(&service(), HERE, "PUT", path, &[]).0, 400);
        assert_eq!(ask(&service(), HERE, "GET", path, &[(TTL, "60")]).0, 400);
    }

    #[test]
    fn a_fault_strikes_so_many_times_and_leaves_dated_versions_in_peace() {
        let service = service();
        service.lock().faults.push(Fault {
            path: "instance-id",
            status: 503,
            times: 1,
        });
        let (_, token) = ask(&service, HERE, "PUT", "/latest/api/token", &[(TTL, "60")]);
        let with = [(TOKEN, token.as_str())];
        for (version, status) in [("2021-03-23", 200), ("latest", 503), ("latest", 200)] {
            let path = format!("/{version}/meta-data/instance-id");
            assert_eq!(ask(&service, HERE, "GET", &path, &with).0, status, "{version}");
        }
    }

    #[test]
    fn lists_folders_and_tells_values() {
        let tree = tree(&[
            ("meta-data/a", "1"),
            ("meta-data/b/c", "2"),
            ("meta-data/b/d", "3"),
            ("user-data", "x"),
        ]);
        assert_eq!(look_up(&tree, "meta-data/").as_deref(), Some(&b"a\nb/"[..]));
        assert_eq!(look_up(&tree, "meta-data/b/").as_deref(), Some(&b"c\nd"[..]));
        assert_eq!(look_up(&tree, "user-data").as_deref(), Some(&b"x"[..]));
        assert_eq!(look_up(&tree, "meta-data/z"), None);
    }
}
