//! An instance metadata service, version 2 alone: every read needs a token that it gave out and that has not expired.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Context, TaskResult};
use crate::fake::call::INSTANCE_KEY;
use crate::fake::{Aws, inventory};
use crate::net::{Handler, Reply, Request, Response, Server};

/// The longest life of a token in seconds, which is AWS's own limit.
const TOKEN_S_MAX: u64 = 21_600;
/// The one network interface's hardware address.
const MAC: &str = "02:00:00:00:00:01";

/// What the service says of its instance.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `i-…`.
    pub instance_id: String,
    /// The Region.
    pub region: String,
    /// The zone.
    pub zone: String,
    /// The private address.
    pub private_ip: String,
    /// The primary network interface.
    pub interface_id: String,
    /// The name of the instance's role.
    pub role: String,
    /// The instance's tags, where the launch template lets them be read.
    pub tags: Option<inventory::Tags>,
}

/// A metadata service on loopback.
#[derive(Debug)]
pub struct Imds {
    server: Server,
    service: Arc<Service>,
}

#[derive(Debug)]
struct Service {
    facts: Facts,
    aws: Aws,
    tokens: Mutex<HashMap<String, Instant>>,
    refused: Mutex<u32>,
}

impl Imds {
    /// Starts the service of an instance; what changes is read from moto whenever it is asked for.
    pub fn start(facts: Facts, aws: Aws) -> TaskResult<Self> {
        let service = Arc::new(Service {
            facts,
            aws,
            tokens: Mutex::new(HashMap::new()),
            refused: Mutex::new(0),
        });
        let handler: Arc<Service> = Arc::clone(&service);
        let server = Server::start(handler).context(|| "start the metadata service".to_owned())?;
        Ok(Self { server, service })
    }

    /// Its URL, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How many requests it refused for want of a token.
    pub fn refused(&self) -> u32 {
        *self.service.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Service {
    fn handle(&self, request: Request) -> Reply {
        Reply::Answer(match (request.method.as_str(), request.path()) {
            ("PUT", "/latest/api/token") => self.give_token(&request),
            ("GET", path) if self.knows(&request) => {
                match path.strip_prefix("/latest/").and_then(|path| self.read(path)) {
                    Some(text) => Response::new(200, "text/plain", text),
                    None => Response::new(404, "text/html", "not found"),
                }
            }
            ("GET", _) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                Response::new(401, "text/html", "unauthorized")
            }
            _ => Response::new(405, "text/html", "method not allowed"),
        })
    }
}

impl Service {
    fn give_token(&self, request: &Request) -> Response {
        let life_s = request
            .header("x-aws-ec2-metadata-token-ttl-seconds")
            .and_then(|text| text.parse::<u64>().ok());
        let Some(life_s) = life_s.filter(|life_s| (1..=TOKEN_S_MAX).contains(life_s)) else {
            return Response::new(400, "text/html", "bad request");
        };
        // The service refuses tokens to what looks like a request that a server was tricked into passing on.
        if request.header("x-forwarded-for").is_some() {
            return Response::new(403, "text/html", "forbidden");
        }
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("{}-token-{}", self.facts.instance_id, tokens.len() + 1);
        tokens.insert(token.clone(), Instant::now() + Duration::from_secs(life_s));
        let mut response = Response::new(200, "text/plain", token);
        response
            .headers
            .push(("X-aws-ec2-metadata-token-ttl-seconds".to_owned(), life_s.to_string()));
        response
    }

    fn knows(&self, request: &Request) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        request
            .header("x-aws-ec2-metadata-token")
            .and_then(|token| tokens.get(token))
            .is_some_and(|expires| *expires > Instant::now())
    }

    /// What is at a path below `/latest/`; `None` where there is nothing.
    fn read(&self, path: &str) -> Option<String> {
        let facts = &self.facts;
        if path == "dynamic/instance-identity/document" {
            return Some(
                serde_json::json!({
                    "instanceId": facts.instance_id, "region": facts.region, "availabilityZone": facts.zone,
                    "accountId": "123456789012", "privateIp": facts.private_ip,
                })
                .to_string(),
            );
        }
        match path.strip_prefix("meta-data/")? {
            "instance-id" => Some(facts.instance_id.clone()),
            "placement/region" => Some(facts.region.clone()),
            "placement/availability-zone" => Some(facts.zone.clone()),
            "local-ipv4" => Some(facts.private_ip.clone()),
            "mac" => Some(MAC.to_owned()),
            "network/interfaces/macs/" => Some(format!("{MAC}/")),
            "public-ipv4" => self.public_ip(),
            "autoscaling/target-lifecycle-state" => Some("InService".to_owned()),
            "iam/security-credentials/" => Some(facts.role.clone()),
            path => self.read_deep(path),
        }
    }

    fn read_deep(&self, path: &str) -> Option<String> {
        if let Some(role) = path.strip_prefix("iam/security-credentials/") {
            return (role == self.facts.role).then(credentials);
        }
        if let Some(key) = path.strip_prefix("tags/instance/") {
            return self.facts.tags.as_ref()?.get(key).cloned();
        }
        let (mac, path) = path.strip_prefix("network/interfaces/macs/")?.split_once('/')?;
        match path {
            "public-ipv4s" if mac == MAC => self.public_ip(),
            "interface-id" if mac == MAC => Some(self.facts.interface_id.clone()),
            _ => None,
        }
    }

    /// The instance's Elastic IP in moto's world.
    fn public_ip(&self) -> Option<String> {
        let xml = self.aws.ec2("DescribeAddresses", &[]).ok()?;
        inventory::addresses_in(&xml)
            .ok()?
            .into_iter()
            .find(|address| address.instance_id == self.facts.instance_id)
            .map(|address| address.public_ip)
    }
}

/// Credentials that open nothing.
fn credentials() -> String {
    serde_json::json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": INSTANCE_KEY, "SecretAccessKey": "example-of-a-secret", "Token": "example-of-a-session-token",
        "Expiration": "2099-01-01T00:00:00Z",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    fn service() -> Service {
        Service {
            facts: Facts {
                instance_id: "i-1".to_owned(),
                region: "eu-west-1".to_owned(),
                zone: "eu-west-1a".to_owned(),
                private_ip: "10.0.0.1".to_owned(),
                interface_id: "eni-1".to_owned(),
                role: "role".to_owned(),
                tags: None,
            },
            aws: Aws::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), "eu-west-1"),
            tokens: Mutex::new(HashMap::new()),
            refused: Mutex::new(0),
        }
    }

    fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: method.to_owned(),
            target: format!("/latest/{path}"),
            headers,
            body: Vec::new(),
        };
        match service.handle(request) {
            Reply::Answer(response) => response,
            Reply::Hangup => panic!("the service hung up"),
        }
    }

    const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
    const TOKEN: &str = "X-aws-ec2-metadata-token";

    #[test]
    fn nothing_is_read_without_a_token_that_it_gave_out() {
        let service = service();
        assert_eq!(ask(&service, "GET", "meta-data/instance-id", &[]).status, 401);
        assert_eq!(
            ask(&service, "GET", "meta-data/instance-id", &[(TOKEN, "guessed")]).status,
            401
        );
        let token = ask(&service, "PUT", "api/token", &[(TTL, "60")]).text();
        let answer = ask(&service, "GET", "meta-data/instance-id", &[(TOKEN, &token)]);
        assert_eq!((answer.status, answer.text().as_str()), (200, "i-1"));
        assert_eq!(
            ask(&service, "GET", "meta-data/spot/instance-action", &[(TOKEN, &token)]).status,
            404
        );
        assert_eq!(
            ask(&service, "GET", "meta-data/tags/instance/Name", &[(TOKEN, &token)]).status,
            404
        );
        assert_eq!(*service.refused.lock().unwrap(), 2);
    }

    #[test]
    fn a_token_needs_a_life_within_the_limits() {
        for life in ["0", "21601", "soon"] {
            assert_eq!(
                ask(&service(), "PUT", "api/token", &[(TTL, life)]).status,
                400,
                "{life}"
            );
        }
        assert_eq!(ask(&service(), "PUT", "api/token", &[]).status, 400);
    }
}
