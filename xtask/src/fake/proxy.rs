//! The proxy in front of moto: it logs every call, adds latency and lets things go wrong at a chosen call.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::call::{Call, Caller, OPERATOR_KEY, run_number};
use super::gaps;
use super::log::Entry;
use super::moto::Moto;
use super::notifications::Notifications;
use crate::error::{Context, TaskError, TaskResult};
use crate::net::{self, Handler, Reply, Request, Response, Server};

/// How long calls that are under way may take to end once their client is gone.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// When, relative to its call, a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call has arrived and moto has not seen it.
    Before,
    /// moto has answered and the client has not seen the answer.
    After,
}

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client is to be killed; the call stays without an answer.
    Kill(Moment),
    /// The connection is cut.
    Drop(Moment),
    /// The call is refused for its rate, as the service words it.
    Throttle,
}

/// At which of the operator's calls a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// At the call of this number, from 1, in the order of arrival.
    Number(usize),
    /// At the call of this name, such as `ec2:AllocateAddress`, when it is made for the so many-th time, from 1.
    Name(String, usize),
}

/// The faults of a run.
pub type Faults = Vec<(At, Fault)>;

/// A proxy in front of moto.
#[derive(Debug)]
pub struct Proxy {
    state: Arc<State>,
    server: Server,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    session: Mutex<Session>,
    changed: Condvar,
    notifications: Notifications,
}

#[derive(Debug)]
struct Session {
    /// Its number, which the access key of the client ends with.
    number: u64,
    began: Instant,
    latency: Duration,
    faults: Faults,
    under_way: usize,
    /// Whether the client is to be killed now.
    kill: bool,
    /// Whether that client is gone, so that calls of it which are held may end.
    killed: bool,
    log: Vec<Entry>,
}

impl Proxy {
    /// Starts a proxy in front of moto.
    pub fn start(moto: &Moto) -> TaskResult<Self> {
        let state = Arc::new(State {
            upstream: moto.address(),
            session: Mutex::new(Session::new(0, Duration::ZERO, Vec::new())),
            changed: Condvar::new(),
            notifications: Notifications::default(),
        });
        let handler: Arc<State> = Arc::clone(&state);
        let server = Server::start(handler).context(|| "start the proxy".to_owned())?;
        Ok(Self { state, server })
    }

    /// The proxy's URL, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Forgets what it keeps in moto's place.
    pub fn reset(&self) {
        self.state.notifications.clear();
    }

    /// Begins a new log, with this latency added to each call and these faults.
    pub fn begin(&self, latency: Duration, faults: Faults) {
        let mut session = self.state.lock();
        *session = Session::new(session.number + 1, latency, faults);
    }

    /// The access key for the `selfheal` that runs now.
    pub fn operator_key(&self) -> String {
        format!("{OPERATOR_KEY}{}", self.state.lock().number)
    }

    /// The log since [`Proxy::begin`].
    pub fn log(&self) -> Vec<Entry> {
        self.state.lock().log.clone()
    }

    /// Waits until a fault asks that the client be killed, at most so long, and tells whether one does.
    pub fn await_kill(&self, at_most: Duration) -> bool {
        let session = self.state.lock();
        let waited = self
            .state
            .changed
            .wait_timeout_while(session, at_most, |session| !session.kill);
        waited.unwrap_or_else(PoisonError::into_inner).0.kill
    }

    /// Says that the client is gone, and waits until every call of it that was under way has ended.
    ///
    /// On AWS as here a call that arrived takes effect, whether or not its client lives.
    pub fn settle(&self) -> TaskResult<()> {
        let mut session = self.state.lock();
        session.killed = true;
        self.state.changed.notify_all();
        let waited = self
            .state
            .changed
            .wait_timeout_while(session, QUIET_MAX, |session| session.under_way > 0);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            return Err(TaskError::failed(
                "calls are still under way long after their client ended",
            ));
        }
        Ok(())
    }
}

impl Session {
    fn new(number: u64, latency: Duration, faults: Faults) -> Self {
        Self {
            number,
            began: Instant::now(),
            latency,
            faults,
            under_way: 0,
            kill: false,
            killed: false,
            log: Vec::new(),
        }
    }
}

impl Session {
    /// The fault that strikes the call which is about to enter the log.
    fn fault(&self, call: &Call) -> Option<Fault> {
        if call.caller != Caller::Operator {
            return None;
        }
        let calls = || {
            self.log
                .iter()
                .map(|entry| &entry.call)
                .filter(|call| call.caller == Caller::Operator)
        };
        let number = calls().count() + 1;
        let nth = calls().filter(|earlier| *earlier == call).count() + 1;
        let strikes = |at: &At| match at {
            At::Number(wanted) => *wanted == number,
            At::Name(name, wanted) => *wanted == nth && *name == call.to_string(),
        };
        self.faults.iter().find(|(at, _)| strikes(at)).map(|(_, fault)| *fault)
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call arrived; answers its place in the log, the latency and the fault that strikes it.
    fn arrive(&self, call: &Call) -> (usize, Duration, Option<Fault>) {
        let mut session = self.lock();
        let fault = session.fault(call);
        session.under_way += 1;
        let number = session.log.len() + 1;
        let arrived = session.began.elapsed();
        session.log.push(Entry {
            number,
            call: call.clone(),
            arrived,
            answered: None,
            served: Duration::ZERO,
            status: None,
            stood_in: false,
        });
        (number - 1, session.latency, fault)
    }

    fn leave(&self, place: usize, note: impl FnOnce(&mut Entry, Duration)) {
        let mut session = self.lock();
        session.under_way = session.under_way.saturating_sub(1);
        let now = session.began.elapsed();
        if let Some(entry) = session.log.get_mut(place) {
            note(entry, now);
        }
        self.changed.notify_all();
    }

    /// Asks for the client to be killed and holds the call until it is.
    fn kill_client(&self) {
        let mut session = self.lock();
        session.kill = true;
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(session, QUIET_MAX, |session| !session.killed);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the request comes from an earlier run. What a killed client had on its way may be read here after the next
    /// run began. AWS would know such a second `CreateVolume` by its ClientToken, which moto ignores: so it is lost with
    /// its client.
    fn is_stale(&self, request: &Request) -> bool {
        run_number(request).is_some_and(|number| number != self.lock().number)
    }

    /// Whether calls are no longer forwarded: their client is being killed, and what it sent after is lost with it.
    fn is_cut_off(&self) -> bool {
        self.lock().kill
    }

    fn ask_moto(&self, request: &Request) -> Response {
        net::send(self.upstream, request)
            .unwrap_or_else(|error| Response::new(502, "text/plain", format!("the proxy cannot reach moto: {error}")))
    }

    fn forward(&self, call: &Call, request: &Request) -> (Response, bool) {
        let stood_in = gaps::stand_in(call).or_else(|| self.notifications.answer(call, request));
        if let Some(response) = stood_in {
            return (response, true);
        }
        let response = match gaps::owner_of_interface(call, request) {
            Some(question) => self.ask_moto(&gaps::by_instance(request, &self.ask_moto(&question).text())),
            None => self.ask_moto(request),
        };
        if response.is_success() {
            for put in gaps::hooks_at_creation(call, request) {
                let put = self.ask_moto(&put);
                if !put.is_success() {
                    return (put, false);
                }
            }
        }
        (response, false)
    }
}

impl Handler for State {
    fn handle(&self, request: Request, _peer: SocketAddr) -> Reply {
        if self.is_stale(&request) {
            return Reply::Hangup;
        }
        let call = Call::of(&request);
        let (place, latency, fault) = self.arrive(&call);
        thread::sleep(latency);
        match fault {
            Some(Fault::Kill(Moment::Before)) => self.kill_client(),
            Some(Fault::Throttle) => {
                let response = throttled(&call);
                self.leave(place, |entry, now| {
                    entry.status = Some(response.status);
                    entry.answered = Some(now);
                });
                return Reply::Answer(response);
            }
            _ => {}
        }
        if matches!(fault, Some(Fault::Kill(Moment::Before) | Fault::Drop(Moment::Before)))
            || (fault.is_none() && call.caller == Caller::Operator && self.is_cut_off())
        {
            self.leave(place, |_, _| {});
            return Reply::Hangup;
        }
        let start = Instant::now();
        let (response, stood_in) = self.forward(&call, &request);
        let served = start.elapsed();
        if fault == Some(Fault::Kill(Moment::After)) {
            self.kill_client();
        }
        let lost = matches!(fault, Some(Fault::Kill(_) | Fault::Drop(_)));
        self.leave(place, |entry, now| {
            entry.served = served;
            entry.stood_in = stood_in;
            entry.status = Some(response.status);
            entry.answered = (!lost).then_some(now);
        });
        if lost { Reply::Hangup } else { Reply::Answer(response) }
    }
}

/// A refusal for the rate, as the service of this call words it.
fn throttled(call: &Call) -> Response {
    let text = "Rate exceeded";
    match call.service.as_str() {
        "ec2" => Response::new(
            503,
            "text/xml",
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error>\
             </Errors><RequestID>00000000-0000-4000-8000-000000000000</RequestID></Response>",
        ),
        "ssm" => Response::new(
            400,
            "application/x-amz-json-1.1",
            format!("{{\"__type\":\"ThrottlingException\",\"message\":\"{text}\"}}"),
        ),
        _ => Response::new(
            400,
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>{text}</Message></Error>\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
            ),
        ),
    }
}
