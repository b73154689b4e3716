//! The wire of the simulated AWS, for the calls of a boot program that runs for real.
//!
//! EC2, Auto Scaling and SNS speak the Query protocol, SSM and CloudWatch Logs speak JSON, Route 53 REST, all at one endpoint, as `AWS_ENDPOINT_URL` wants it;
//! the credential scope says which service is meant. Signatures are verified strictly ([`Scope`]), and every call is
//! authorised by the policy of the instance's role.

mod logs;
mod query;
mod route53;
mod sigv4;
mod ssm;
mod xml;

use selfheal_core::world::InstanceId;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use selfheal_aws::sim::{Sim, World};
use selfheal_policy::Partition;
use sha2::{Digest, Sha256};

use crate::net::{Handler, Reply, Request, Response, Server};
use sigv4::{Known, Refusal, Scope};

/// How long credentials of an instance are valid.
const CREDENTIALS_LAST: SignedDuration = SignedDuration::from_hours(6);

/// Temporary credentials of an instance's role, as the metadata service hands them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id.
    pub access_key: String,
    /// The secret.
    pub secret: String,
    /// The session token.
    pub token: String,
    /// When they run out.
    pub expires: Timestamp,
}

impl Credentials {
    /// The document that the metadata service serves.
    pub fn document(&self) -> String {
        serde_json::json!({
            "Code": "Success",
            "LastUpdated": "2026-01-01T00:00:00Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "Token": self.token,
            "Expiration": self.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
        .to_string()
    }
}

/// A call as it came over the wire, after its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireCall {
    /// The instance whose credentials signed it.
    pub instance: InstanceId,
    /// The service, as in the credential scope.
    pub service: String,
    /// The action, such as `AttachVolume`.
    pub action: String,
    /// The parameters: of a form, or of a flat JSON object.
    pub parameters: BTreeMap<String, String>,
}

/// What a hook does to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// Refuses it with this code and message; nothing happens.
    Refuse {
        /// The error code.
        code: String,
        /// The message.
        message: String,
    },
    /// Closes the connection before anything happens.
    Drop,
    /// Lets it happen, and closes the connection before the answer.
    LoseAnswer,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRecord {
    /// The server's time.
    pub at: Timestamp,
    /// The call, unless its signature was refused.
    pub call: Option<WireCall>,
    /// `200`, or the error's code, or `hang-up`.
    pub outcome: String,
    /// What is wrong with a refused signature: the rule, or the canonical request that the server signed.
    pub detail: String,
}

/// Decides about each call, in the order of arrival, before it takes effect.
pub type Hook = Box<dyn FnMut(&WireCall) -> Option<WireFault> + Send>;
/// Sees each entry of the log as it is made.
pub type Observer = Box<dyn FnMut(&WireRecord) + Send>;

struct State {
    keys: BTreeMap<String, (InstanceId, Credentials)>,
    observer: Option<Observer>,
    log: Vec<WireRecord>,
    skew: SignedDuration,
    issued: u64,
}

/// The server. Cheap to clone; all clones share its keys and its log.
#[derive(Clone)]
pub struct Wire {
    sim: Sim,
    region: String,
    state: Arc<Mutex<State>>,
    /// Apart from the state, so that a hook may use the server.
    hook: Arc<Mutex<Option<Hook>>>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("sim", &self.sim).finish_non_exhaustive()
    }
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WireError {
    status: u16,
    code: String,
    message: String,
}

impl WireError {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// What became of a call: the answer's body, an error, or silence.
enum Outcome {
    Body(String),
    Error(WireError),
    Silence,
}

impl Wire {
    /// A server of this world, whose clock the caller drives.
    pub fn new(sim: Sim) -> Self {
        let region = sim.inspect(|world| world.config.region.clone());
        let state = State {
            keys: BTreeMap::new(),
            observer: None,
            log: Vec::new(),
            skew: SignedDuration::ZERO,
            issued: 0,
        };
        Self {
            sim,
            region,
            state: Arc::new(Mutex::new(state)),
            hook: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues credentials for an instance. They are dummies, and differ with every call.
    pub fn issue(&self, instance: &InstanceId) -> Credentials {
        let expires = self.now().checked_add(CREDENTIALS_LAST).unwrap_or(Timestamp::MAX);
        let mut state = self.lock();
        state.issued += 1;
        let draw = |purpose: &str| {
            let hash = Sha256::digest(format!("{purpose}/{instance}/{}", state.issued));
            hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let credentials = Credentials {
            access_key: format!("ASIAEXAMPLE{:.9}", draw("key").to_uppercase()),
            secret: format!("lab/secret+{:.29}", draw("secret")),
            token: format!("labtoken//////////{}{}+/==", draw("token"), draw("more")),
            expires,
        };
        state.keys.insert(
            credentials.access_key.clone(),
            (instance.to_owned(), credentials.clone()),
        );
        credentials
    }

    /// The server's time: the world's, and the skew on top.
    pub fn now(&self) -> Timestamp {
        let skew = self.lock().skew;
        self.sim.inspect(World::now).checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// Sets the server's clock off the world's: to a caller with the right time it is the caller whose clock is off.
    pub fn set_skew(&self, skew: SignedDuration) {
        self.lock().skew = skew;
    }

    /// Sets what decides about each call from now on.
    pub fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Sets what sees each entry of the log from now on.
    pub fn set_observer(&self, observer: Option<Observer>) {
        self.lock().observer = observer;
    }

    /// Everything that came over the wire so far.
    pub fn log(&self) -> Vec<WireRecord> {
        self.lock().log.clone()
    }

    /// Empties the log.
    pub fn forget(&self) {
        self.lock().log.clear();
    }

    /// Serves on this listener until the server is dropped.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        Server::on(listener, Arc::new(self.clone()))
    }

    /// Answers one request.
    fn answer(&self, request: &Request) -> Reply {
        let at = self.now();
        let (call, service, outcome, detail) = match self.authenticate(request, at) {
            Ok(call) => {
                let outcome = self.decide(&call);
                let service = call.service.clone();
                (Some(call), service, outcome, String::new())
            }
            Err((service, error, detail)) => (None, service, Outcome::Error(error), detail),
        };
        let request_id = self.record(WireRecord {
            at,
            call,
            outcome: outcome.label(),
            detail,
        });
        let mut response = match outcome {
            Outcome::Silence => return Reply::Hangup,
            Outcome::Body(body) if is_json(&service) => Response::new(200, ssm::CONTENT_TYPE, body),
            Outcome::Body(body) => Response::new(200, xml::CONTENT_TYPE, body),
            Outcome::Error(error) => error_response(&service, &error, &request_id),
        };
        // A caller whose clock is off can tell by how much.
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response.headers.push(("Date".to_owned(), date));
        response.headers.push(("x-amzn-RequestId".to_owned(), request_id));
        Reply::Answer(response)
    }

    /// Appends to the log, and makes a request id of the entry's number.
    fn record(&self, record: WireRecord) -> String {
        let mut state = self.lock();
        if let Some(observer) = &mut state.observer {
            observer(&record);
        }
        state.log.push(record);
        xml::request_id(state.log.len())
    }

    /// Verifies the signature and reads the call; answers the service, the error and what to tell people otherwise.
    fn authenticate(&self, request: &Request, now: Timestamp) -> Result<WireCall, (String, WireError, String)> {
        let scope = Scope::read(request).map_err(|why| refuse("ec2", &why))?;
        let service = scope.service.clone();
        let known = self.lock().keys.get(&scope.access_key).cloned();
        let Some((instance, credentials)) = known else {
            return Err(refuse(&service, &Refusal::UnknownKey));
        };
        let Credentials {
            secret, token, expires, ..
        } = credentials;
        scope
            .verify(request, &Known { secret, token, expires }, now)
            .map_err(|why| refuse(&service, &why))?;
        let region = match service.as_str() {
            "route53" => Partition::of_region(&self.region).route53_region(),
            _ => &self.region,
        };
        if scope.region != region {
            let why = format!("Credential should be scoped to a valid region, not '{}'.", scope.region);
            return Err(refuse(&service, &Refusal::Incomplete(why)));
        }
        let read = match service.as_str() {
            "ec2" | "autoscaling" | "sns" => query::read(request),
            "ssm" => ssm::read(request, ssm::TARGET),
            "logs" => ssm::read(request, logs::TARGET),
            "route53" => route53::read(request),
            _ => Err(WireError::new(
                400,
                "InvalidAction",
                format!("no service {service} here"),
            )),
        };
        let (action, parameters) = read.map_err(|error| (service.clone(), error, "not a call".to_owned()))?;
        Ok(WireCall {
            instance,
            service,
            action,
            parameters,
        })
    }

    /// Lets the hook have its say, then the world.
    fn decide(&self, call: &WireCall) -> Outcome {
        let fault = {
            let mut hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
            hook.as_mut().and_then(|hook| hook(call))
        };
        match fault {
            Some(WireFault::Refuse { code, message }) => Outcome::Error(WireError {
                status: status_of(&code),
                code,
                message,
            }),
            Some(WireFault::Drop) => Outcome::Silence,
            Some(WireFault::LoseAnswer) => {
                let _ = self.execute(call);
                Outcome::Silence
            }
            None => self.execute(call),
        }
    }

    fn execute(&self, call: &WireCall) -> Outcome {
        let me = self.sim.as_instance(&call.instance);
        let request_id = xml::request_id(self.lock().log.len() + 1);
        let answer = match call.service.as_str() {
            "ec2" => query::ec2(&me, call, &request_id),
            "autoscaling" => query::autoscaling(&me, call, &request_id),
            "sns" => query::sns(&me, call, &request_id),
            "logs" => logs::call(&me, call),
            "route53" => route53::call(&me, call),
            _ => ssm::call(&me, call),
        };
        match answer {
            Ok(body) => Outcome::Body(body),
            Err(query::Failure::Wire(error)) => Outcome::Error(error),
            Err(query::Failure::Call(error)) => match error.code {
                Some(code) => Outcome::Error(WireError {
                    status: status_of(&code),
                    code,
                    message: error.message,
                }),
                // The simulated AWS lost the answer.
                None => Outcome::Silence,
            },
        }
    }
}

impl Handler for Wire {
    fn handle(&self, request: Request, _: SocketAddr) -> Reply {
        self.answer(&request)
    }
}

impl Outcome {
    fn label(&self) -> String {
        match self {
            Self::Body(_) => "200".to_owned(),
            Self::Error(error) => error.code.clone(),
            Self::Silence => "hang-up".to_owned(),
        }
    }
}

/// Whether a service speaks JSON.
fn is_json(service: &str) -> bool {
    matches!(service, "ssm" | "logs")
}

/// A refused signature under the code that the service has for it.
fn refuse(service: &str, why: &Refusal) -> (String, WireError, String) {
    let (ec2, query, json, message) = match why {
        Refusal::Incomplete(rule) => (
            "AuthFailure",
            "IncompleteSignature",
            "IncompleteSignatureException",
            rule.clone(),
        ),
        Refusal::UnknownKey => (
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        ),
        Refusal::ExpiredKey => (
            "RequestExpired",
            "ExpiredToken",
            "ExpiredTokenException",
            "The security token included in the request is expired".to_owned(),
        ),
        Refusal::Skewed { claimed, now } => (
            "RequestExpired",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            format!("Signature expired or not yet current: {claimed} is more than 5 minutes from {now}"),
        ),
        Refusal::Mismatch { .. } => (
            "SignatureDoesNotMatch",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.".to_owned(),
        ),
    };
    let detail = match why {
        Refusal::Mismatch { canonical } => canonical.clone(),
        _ => message.clone(),
    };
    let code = match service {
        "ec2" => ec2,
        service if is_json(service) => json,
        _ => query,
    };
    (
        service.to_owned(),
        WireError::new(status_of(code), code, message),
        detail,
    )
}

/// The HTTP status that AWS sends with a code.
fn status_of(code: &str) -> u16 {
    match code {
        "AuthFailure" => 401,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "SignatureDoesNotMatch"
        | "InvalidClientTokenId"
        | "ExpiredToken" => 403,
        "NoSuchHostedZone" | "NoSuchChange" => 404,
        "InternalError" | "InternalFailure" => 500,
        "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" => 503,
        _ => 400,
    }
}

fn error_response(service: &str, error: &WireError, request_id: &str) -> Response {
    match service {
        service if is_json(service) => {
            Response::new(error.status, ssm::CONTENT_TYPE, ssm::error(&error.code, &error.message))
        }
        "route53" if error.code == "InvalidChangeBatch" => {
            let body = route53::invalid_batch(&error.message, request_id);
            Response::new(error.status, xml::CONTENT_TYPE, body)
        }
        "ec2" => {
            let body = xml::ec2_error(&error.code, &error.message, request_id);
            Response::new(error.status, xml::CONTENT_TYPE, body)
        }
        _ => {
            let body = xml::query_error(service, &error.code, &error.message, request_id);
            Response::new(error.status, xml::CONTENT_TYPE, body)
        }
    }
}
