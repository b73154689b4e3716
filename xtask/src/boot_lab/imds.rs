//! The instance metadata service, version 2 alone.
//!
//! It knows who asks by the private address. Tokens are enforced: an instance's own, unexpired, or 401.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::wire::http::{Reply, Request, Response, serve};

use crate::error::{Context, TaskResult};

/// What one instance is told: values by path below `/latest/`, such as `meta-data/instance-id`.
pub type Tree = BTreeMap<String, Vec<u8>>;

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

#[derive(Debug, Default)]
struct State {
    trees: BTreeMap<IpAddr, Tree>,
    tokens: BTreeMap<String, (IpAddr, Instant)>,
    faults: Vec<Fault>,
    log: Vec<(String, u16)>,
    issued: u32,
}

/// The service. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Imds {
    state: Arc<Mutex<State>>,
}

impl Imds {
    /// Starts to serve on `169.254.169.254`, in the current network namespace.
    pub fn start() -> TaskResult<Self> {
        let imds = Self::default();
        let listener = TcpListener::bind("169.254.169.254:80").context(|| "listen on 169.254.169.254:80".to_owned())?;
        let handler = imds.clone();
        let handler = Arc::new(move |request: &Request| Reply::Answer(handler.answer(request)));
        serve(listener, "imds", handler).context(|| "serve the metadata".to_owned())?;
        Ok(imds)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn answer(&self, request: &Request) -> Response {
        let mut state = self.lock();
        let response = state.answer(request);
        state
            .log
            .push((format!("{} {}", request.method, request.path), response.status));
        response
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let plain = |status: u16, body: &str| Response::new(status, "text/plain", body);
        let address = request.peer.ip();
        // AWS refuses what came through a proxy.
        if request.header("x-forwarded-for").is_some() {
            return plain(403, "");
        }
        if request.path == "/latest/api/token" {
            return self.token(request, address);
        }
        if request.method != "GET" {
            return plain(405, "");
        }
        let token = request.header("x-aws-ec2-metadata-token").unwrap_or_default();
        let valid = self
            .tokens
            .get(token)
            .is_some_and(|(owner, end)| *owner == address && Instant::now() < *end);
        if !valid {
            return plain(401, "");
        }
        let Some((version, path)) = request.path.trim_start_matches('/').split_once('/') else {
            return plain(200, "latest");
        };
        if version == "latest"
            && let Some(fault) = self
                .faults
                .iter_mut()
                .find(|fault| fault.times > 0 && path.contains(fault.path))
        {
            fault.times -= 1;
            return plain(fault.status, "");
        }
        // The dated versions that cloud-init tries first; all of them show the same here.
        let known = version == "latest" || version.len() == 10 && version.starts_with("20");
        let tree = self.trees.get(&address);
        match tree.filter(|_| known).and_then(|tree| look_up(tree, path)) {
            Some(body) => Response::new(200, "text/plain", body),
            None => plain(404, ""),
        }
    }

    fn token(&mut self, request: &Request, address: IpAddr) -> Response {
        let ttl = request
            .header("x-aws-ec2-metadata-token-ttl-seconds")
            .and_then(|text| text.parse::<u64>().ok());
        let Some(ttl @ 1..=21600) = ttl.filter(|_| request.method == "PUT") else {
            return Response::new(400, "text/plain", "");
        };
        self.issued += 1;
        let token = format!("AQAEALabToken{:08}==", self.issued);
        self.tokens
            .insert(token.clone(), (address, Instant::now() + Duration::from_secs(ttl)));
        let mut response = Response::new(200, "text/plain", token);
        response
            .headers
            .push(("X-aws-ec2-metadata-token-ttl-seconds".to_owned(), ttl.to_string()));
        response
    }
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
    use super::*;

    #[test]
    fn lists_folders_and_tells_values() {
        let tree: Tree = [
            ("meta-data/a", "1"),
            ("meta-data/b/c", "2"),
            ("meta-data/b/d", "3"),
            ("user-data", "x"),
        ]
        .into_iter()
        .map(|(path, value)| (path.to_owned(), value.as_bytes().to_vec()))
        .collect();
        assert_eq!(look_up(&tree, "meta-data/").as_deref(), Some(&b"a\nb/"[..]));
        assert_eq!(look_up(&tree, "meta-data/b/").as_deref(), Some(&b"c\nd"[..]));
        assert_eq!(look_up(&tree, "user-data").as_deref(), Some(&b"x"[..]));
        assert_eq!(look_up(&tree, "meta-data/z"), None);
    }
}
