//! The runtime: one thread, a logical clock, and one order in which everything happens.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::call::{Call, Caller};
use super::charge::Charge;
use super::config::SimConfig;
use super::faults::{Decision, Fault, InFlight};
use super::ledger::Violation;
use super::trace::TraceKind;
use super::world::World;
use crate::backend::{CallResult, Clock, Jitter};
use crate::error::{CallError, CallErrorKind};

/// Why [`Sim::block_on`] did not come to an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A fault cut the caller off.
    #[error("{caller} was cut off at call {call}")]
    Crashed {
        /// Name of the caller, as the trace shows it.
        caller: String,
        /// Number of the call, from 1, since the faults were set.
        call: u64,
    },
    /// The future waits, and nothing is left in the world that could wake it.
    #[error("deadlock at {at_ms} ms of seed {seed}: the future waits, and nothing is left that could wake it{crashed}")]
    Deadlock {
        /// The world's seed, which replays it.
        seed: u64,
        /// Time of it, in logical milliseconds since the world began.
        at_ms: u64,
        /// Other callers that were cut off, which is the usual reason; empty where there are none.
        crashed: String,
    },
    /// The future waited past the configured horizon.
    #[error("no end within {horizon_ms} logical ms of seed {seed}")]
    Horizon {
        /// The world's seed, which replays it.
        seed: u64,
        /// Horizon in logical milliseconds: [`SimConfig::horizon_ms`].
        horizon_ms: u64,
    },
    /// Safety invariants were violated.
    #[error(
        "{} safety invariant(s) violated with seed {seed}, first {}",
        violations.len(),
        violations.first().map(ToString::to_string).unwrap_or_default()
    )]
    Violated {
        /// The world's seed, which replays it.
        seed: u64,
        /// What was violated, in the order of time.
        violations: Vec<Violation>,
    },
}

type Effect = Box<dyn FnOnce(&mut World, &Decision) + Send>;

/// What waits for an instant, beside the world's own events.
enum Pending {
    Timer(Option<Waker>),
    Arrival {
        caller: String,
        decision: Decision,
        effect: Effect,
    },
}

/// The world and what waits in it.
pub(super) struct State {
    pub(super) world: World,
    pending: BTreeMap<(u64, u64), Pending>,
    crashed: BTreeMap<String, u64>,
}

impl State {
    pub(super) fn new(world: World) -> Self {
        Self {
            world,
            pending: BTreeMap::new(),
            crashed: BTreeMap::new(),
        }
    }

    fn next_at(&self) -> Option<(u64, u64)> {
        let waiting = self.pending.first_key_value().map(|(at, _)| *at);
        match (waiting, self.world.next_event()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether nothing is about to happen but looks that recur for ever.
    fn rests(&self) -> bool {
        self.pending.is_empty() && self.world.only_looks()
    }

    /// Lets the next thing happen; answers the wakers to call once the lock is released.
    fn step(&mut self, next: (u64, u64)) -> Vec<Waker> {
        if self.world.next_event() == Some(next) {
            self.world.run_next_event();
            return Vec::new();
        }
        self.world.now_ms = self.world.now_ms.max(next.0);
        match self.pending.remove(&next) {
            Some(Pending::Timer(waker)) => waker.into_iter().collect(),
            Some(Pending::Arrival {
                caller,
                decision,
                effect,
            }) => {
                effect(&mut self.world, &decision);
                if decision.fault == Some(Fault::CrashAfter) {
                    self.crash(&caller, decision.index)
                } else {
                    Vec::new()
                }
            }
            None => Vec::new(),
        }
    }

    /// Cuts a caller off: requests under way arrive or are lost, and every timer is woken so that its owner notices.
    fn crash(&mut self, caller: &str, call: u64) -> Vec<Waker> {
        self.crashed.insert(caller.to_owned(), call);
        self.world.record(TraceKind::Crash {
            caller: caller.to_owned(),
            call,
        });
        let in_flight = self.world.faults.plan.in_flight;
        let rng = &mut self.world.rng_faults;
        let mut wakers = Vec::new();
        self.pending.retain(|_, pending| match pending {
            Pending::Timer(waker) => {
                wakers.extend(waker.take());
                true
            }
            Pending::Arrival { caller: other, .. } if *other == caller => match in_flight {
                InFlight::Seeded => rng.permille(500),
                InFlight::Arrive => true,
                InFlight::Lost => false,
            },
            Pending::Arrival { .. } => true,
        });
        wakers
    }

    fn has_requests_of(&self, caller: &str) -> bool {
        self.pending
            .values()
            .any(|pending| matches!(pending, Pending::Arrival { caller: other, .. } if other == caller))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("now_ms", &self.world.now_ms)
            .field("pending", &self.pending.len())
            .finish()
    }
}

/// The part that all handles share.
pub(super) type Shared = Arc<Mutex<State>>;

/// A handle on a simulated AWS. Cheap to clone; all clones share one world.
#[derive(Clone)]
pub struct Sim {
    shared: Shared,
    caller: Caller,
    pub(super) charge: Option<Arc<Charge>>,
}

impl Sim {
    /// Makes a world.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        Self::from_world(World::new(config))
    }

    /// Takes up a world where it stands.
    #[must_use]
    pub fn from_world(world: World) -> Self {
        Self {
            shared: Arc::new(Mutex::new(State::new(world))),
            caller: Caller::default_operator(),
            charge: None,
        }
    }

    /// Makes a handle on the same world for another operator, whose name the trace and the faults use.
    #[must_use]
    pub fn as_operator(&self, name: &str) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            caller: Caller::Operator(name.to_owned()),
            charge: None,
        }
    }

    /// Returns the caller as whom this handle makes its calls.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Sim {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the world is held is a failed test; the world is data and stays readable.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a future to its end on the logical clock. Time passes only while the future waits.
    ///
    /// # Errors
    /// [`SimError::Crashed`] when a fault cut this handle's caller off: the requests that were under way have then
    /// arrived or are lost, and the next `block_on` is a new process in the same world. Otherwise what
    /// [`SimError`] lists.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, SimError> {
        {
            let mut state = self.lock();
            state.crashed.remove(self.caller().name());
            state.world.ledger.begin_runs();
        }
        let started_ms = self.now_ms();
        let mut future = pin!(self.until_crash(future));
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        loop {
            if flag.0.swap(false, Ordering::SeqCst) {
                match future.as_mut().poll(&mut context) {
                    Poll::Ready(Ok(output)) => return self.check(output),
                    Poll::Ready(Err(crashed)) => {
                        self.drain_requests();
                        return self.check(()).and(Err(crashed));
                    }
                    Poll::Pending => {}
                }
                continue;
            }
            if !self.step(None) {
                return Err(self.deadlock());
            }
            self.check(())?;
            let (seed, horizon_ms) = {
                let config = &self.lock().world.config;
                (config.seed, config.horizon_ms)
            };
            if self.now_ms().saturating_sub(started_ms) > horizon_ms {
                return Err(SimError::Horizon { seed, horizon_ms });
            }
        }
    }

    /// Runs a future until it ends or this handle's caller is cut off, beside others in one [`block_on`](Self::block_on).
    ///
    /// # Errors
    /// [`SimError::Crashed`] alone.
    pub async fn until_crash<F: Future>(&self, future: F) -> Result<F::Output, SimError> {
        let mut future = pin!(future);
        let caller = self.caller().name().to_owned();
        std::future::poll_fn(move |context| {
            if let Some(crashed) = self.crash_of(&caller) {
                return Poll::Ready(Err(crashed));
            }
            match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Ok(output)),
                Poll::Pending => self
                    .crash_of(&caller)
                    .map_or(Poll::Pending, |crashed| Poll::Ready(Err(crashed))),
            }
        })
        .await
    }

    fn crash_of(&self, caller: &str) -> Option<SimError> {
        let call = *self.lock().crashed.get(caller)?;
        Some(SimError::Crashed {
            caller: caller.to_owned(),
            call,
        })
    }

    fn check<T>(&self, output: T) -> Result<T, SimError> {
        let mut state = self.lock();
        let violations = std::mem::take(&mut state.world.ledger.violations);
        if violations.is_empty() {
            return Ok(output);
        }
        let seed = state.world.config.seed;
        Err(SimError::Violated { seed, violations })
    }

    fn deadlock(&self) -> SimError {
        let state = self.lock();
        let names: Vec<&str> = state.crashed.keys().map(String::as_str).collect();
        let crashed = if names.is_empty() {
            String::new()
        } else {
            format!(" (cut off: {})", names.join(", "))
        };
        SimError::Deadlock {
            seed: state.world.config.seed,
            at_ms: state.world.now_ms,
            crashed,
        }
    }

    /// Lets the requests of this handle's caller that are still under way arrive.
    fn drain_requests(&self) {
        while self.lock().has_requests_of(self.caller().name()) {
            self.step(None);
        }
    }

    /// Lets the next thing happen, unless it lies after `limit_ms`; answers whether something did.
    pub(super) fn step(&self, limit_ms: Option<u64>) -> bool {
        let wakers = {
            let mut state = self.lock();
            let Some(next) = state.next_at() else { return false };
            if limit_ms.is_some_and(|limit| next.0 > limit) {
                return false;
            }
            state.step(next)
        };
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    /// Sends a request on its way; answers when its answer will be there, or `None` when the caller is cut off.
    pub(super) fn submit<E>(&self, call: &Call, effect: E) -> Option<(u64, u64)>
    where
        E: FnOnce(&mut World, &Decision) + Send + 'static,
    {
        let (answer, wakers) = {
            let mut state = self.lock();
            let caller = self.caller().name().to_owned();
            if state.crashed.contains_key(&caller) {
                return None;
            }
            let decision = state.world.decide(self.caller(), call);
            if decision.fault == Some(Fault::CrashBefore) {
                (None, state.crash(&caller, decision.index))
            } else {
                let latency = state.world.config.latency;
                let request = state.world.rng_latency.between(latency.request);
                let response = state.world.rng_latency.between(latency.response);
                let slow = if let Some(Fault::Slow(ms)) = decision.fault {
                    ms
                } else {
                    0
                };
                let arrives_ms = state.world.now_ms + request;
                let arrival = (arrives_ms, state.world.seq());
                state.pending.insert(
                    arrival,
                    Pending::Arrival {
                        caller,
                        decision,
                        effect: Box::new(effect),
                    },
                );
                let answer = (arrives_ms + response + slow, state.world.seq());
                state.pending.insert(answer, Pending::Timer(None));
                (Some(answer), Vec::new())
            }
        };
        wakers.into_iter().for_each(Waker::wake);
        answer
    }

    /// Waits for an instant that is in the order already.
    pub(super) fn until(&self, at: (u64, u64)) -> Wait {
        Wait { sim: self.clone(), at }
    }

    /// Makes a call: the request travels, takes effect whatever becomes of this future, and the answer travels back.
    pub(super) async fn call<T, E>(&self, mut call: Call, effect: E) -> CallResult<T>
    where
        T: Send + 'static,
        E: FnOnce(&mut World) -> CallResult<T> + Send + 'static,
    {
        call.charge.clone_from(&self.charge);
        let slot: Arc<Mutex<Option<CallResult<T>>>> = Arc::default();
        let answered = {
            let slot = Arc::clone(&slot);
            let (caller, action) = (self.caller().clone(), call.action);
            let head = call.clone();
            let submitted = self.submit(&head, move |world, decision| {
                let result = world.perform(&caller, &call, decision, effect);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            });
            let Some(at) = submitted else {
                return std::future::pending().await;
            };
            self.until(at).await;
            action
        };
        let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A request of a crashed caller may be lost under way; its future is not polled again, but must not panic.
        answer.unwrap_or_else(|| {
            Err(CallError::new(
                CallErrorKind::Ambiguous,
                answered,
                "the request was lost on the way",
            ))
        })
    }

    /// Lets the world run for so long: for tests and labs that drive its clock themselves.
    pub fn advance(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.advance_to(self.now_ms().saturating_add(ms));
    }

    /// Lets the world run until this instant, in logical milliseconds since it began; an earlier one changes nothing.
    pub fn advance_to(&self, at_ms: u64) {
        while self.step(Some(at_ms)) {}
        let mut state = self.lock();
        state.world.now_ms = state.world.now_ms.max(at_ms);
        // What may not last is found also where nothing happens.
        state.world.check_invariants();
    }

    /// Lets the world run until nothing is left to happen, but for `at_most` of logical time. Returns whether nothing is left.
    /// That running instances look at their configuration again and again is nothing that would end.
    pub fn settle(&self, at_most: Duration) -> bool {
        let ms = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX);
        let limit = self.now_ms().saturating_add(ms);
        while !self.lock().rests() && self.step(Some(limit)) {}
        self.lock().rests()
    }

    /// Returns how many logical milliseconds have passed since the world began.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.lock().world.now_ms
    }
}

/// Waits for an instant in the world's order.
#[derive(Debug)]
pub(super) struct Wait {
    sim: Sim,
    at: (u64, u64),
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // The earlier waker is dropped after the lock: dropping it may drop a task that holds timers of its own.
        let earlier = match self.sim.lock().pending.get_mut(&self.at) {
            Some(Pending::Timer(waker)) => waker.replace(context.waker().clone()),
            _ => return Poll::Ready(()),
        };
        drop(earlier);
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let gone = self.sim.lock().pending.remove(&self.at);
        drop(gone);
    }
}

#[async_trait]
impl Clock for Sim {
    fn now(&self) -> Timestamp {
        self.lock().world.now()
    }

    async fn sleep(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let at = {
            let mut state = self.lock();
            let at = (state.world.now_ms.saturating_add(ms), state.world.seq());
            state.pending.insert(at, Pending::Timer(None));
            at
        };
        self.until(at).await;
    }
}

impl Jitter for Sim {
    fn fraction(&self) -> f64 {
        self.lock().world.rng_jitter.fraction()
    }
}
