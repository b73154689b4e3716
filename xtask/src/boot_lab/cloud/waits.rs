//! Asking what has happened to a stack, and waiting for it.

use std::task::{self, Poll, Waker};
use std::time::Duration;

use crate::wire::WireRecord;
use selfheal_aws::sim::{InstanceChange, TraceEvent, TraceKind};
use selfheal_aws::{CallResult, Ec2};
use selfheal_core::names::Tags;
use selfheal_core::request::{TAG_ANSWER, TAG_REQUEST};
use selfheal_core::world::{InstanceId, InstanceState, LifecycleState};

use super::Cloud;
use crate::boot_lab::command::wait_for;
use crate::error::{TaskError, TaskResult};

impl Cloud {
    /// Everything that has happened so far.
    pub fn events(&self) -> Vec<TraceEvent> {
        self.lock().events.clone()
    }

    /// What went wrong in the lab or in the world: broken invariants, two writers, failed effects.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// The calls of the wire so far, in order: instance, action, outcome.
    pub fn calls(&self) -> Vec<(InstanceId, String, String)> {
        let named = |record: &WireRecord| {
            let call = record.call.as_ref();
            (
                call.map(|call| call.instance.clone()).unwrap_or_default(),
                call.map(|call| call.action.clone()).unwrap_or_default(),
                record.outcome.clone(),
            )
        };
        self.wire.log().iter().map(named).collect()
    }

    /// Waits for an event.
    pub fn await_event(&self, what: &str, limit_s: u64, wanted: impl Fn(&TraceKind) -> bool) -> TaskResult<TraceEvent> {
        self.await_nth_event(what, 1, limit_s, wanted)
    }

    /// Waits for the `nth` event of a kind, from 1.
    pub fn await_nth_event(
        &self,
        what: &str,
        nth: usize,
        limit_s: u64,
        wanted: impl Fn(&TraceKind) -> bool,
    ) -> TaskResult<TraceEvent> {
        wait_for(what, Duration::from_secs(limit_s), || {
            let effects = self.lock();
            if let Some(fault) = effects.faults.first() {
                return Err(TaskError::failed(fault.clone()));
            }
            Ok(effects
                .events
                .iter()
                .filter(|event| wanted(&event.what))
                .nth(nth - 1)
                .cloned())
        })
    }

    /// Waits until the `nth` instance that was launched is in service, and answers its id.
    pub fn await_in_service(&self, nth: usize, limit_s: u64) -> TaskResult<InstanceId> {
        let id = self.await_launched(nth, limit_s)?;
        self.await_event(&format!("instance {id} in service"), limit_s, |what| {
            matches!(what, TraceKind::Lifecycle { instance, state, .. } if *instance == id && *state == LifecycleState::InService)
        })?;
        Ok(id)
    }

    /// Waits for the `nth` launch, and answers the instance's id.
    pub fn await_launched(&self, nth: usize, limit_s: u64) -> TaskResult<InstanceId> {
        let event = self.await_nth_event(&format!("launch number {nth}"), nth, limit_s, |what| {
            matches!(
                what,
                TraceKind::Instance {
                    state: InstanceChange::State(InstanceState::Pending),
                    ..
                }
            )
        })?;
        match event.what {
            TraceKind::Instance { id, .. } => Ok(id),
            _ => Err(TaskError::failed("an event that is no launch")),
        }
    }

    /// Waits for an instance's machine to be there, though it may be off.
    pub fn await_machine(&self, id: &InstanceId, limit_s: u64) -> TaskResult<()> {
        wait_for("machine", Duration::from_secs(limit_s), || {
            Ok(self.lock().machines.contains_key(id).then_some(()))
        })
    }

    /// Waits for a call with this action and outcome, `200` for success, of this instance.
    pub fn await_call(&self, id: &InstanceId, action: &str, outcome: &str, limit_s: u64) -> TaskResult<()> {
        wait_for(
            &format!("{action} of {id} with {outcome}"),
            Duration::from_secs(limit_s),
            || {
                let calls = self.calls();
                Ok(calls
                    .iter()
                    .any(|(who, what, how)| *who == *id && what == action && how == outcome)
                    .then_some(()))
            },
        )
    }

    /// Makes an operator's call. The world's clock is the lab's, so the call is polled, not waited for.
    pub fn operate<T>(&self, call: impl Future<Output = CallResult<T>>) -> TaskResult<T> {
        let mut call = Box::pin(call);
        wait_for("answer to an operator", Duration::from_secs(10), || {
            match call.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(answer)) => Ok(Some(answer)),
                Poll::Ready(Err(error)) => Err(TaskError::failed(error.to_string())),
                Poll::Pending => Ok(None),
            }
        })
    }

    /// Waits for a line on the console of an instance.
    pub fn await_console(&self, id: &InstanceId, line: &str, limit_s: u64) -> TaskResult<()> {
        self.await_machine(id, limit_s)?;
        let path = self.host(id, |host| Ok(host.console()))?;
        wait_for(
            &format!("line '{line}' on the console"),
            Duration::from_secs(limit_s),
            || {
                let console = std::fs::read(&path).unwrap_or_default();
                Ok(String::from_utf8_lossy(&console).contains(line).then_some(()))
            },
        )
    }

    /// Whether an instance has the data volume mounted at this moment.
    pub fn has_mounted(&self, id: &InstanceId) -> bool {
        let effects = self.lock();
        effects
            .machines
            .get(id)
            .is_some_and(|machine| machine.has_mounted(&self.stack.volume_id))
    }

    /// The id of the instance that the address leads to.
    pub fn address_holder(&self) -> Option<InstanceId> {
        self.sim.inspect(|world| {
            world
                .addresses
                .get(self.stack.allocation_id.as_str())
                .and_then(|record| record.address.instance_id.clone())
        })
    }

    /// Whether the data volume still bears the mark of first use.
    pub fn first_use(&self) -> bool {
        self.sim.inspect(|world| {
            let volume = world.volumes.get(self.stack.volume_id.as_str());
            volume.is_some_and(|record| record.volume.tags.contains_key(selfheal_core::names::TAG_FIRST_USE))
        })
    }

    /// Asks an instance by its tag, and waits for the answer in the group's.
    pub fn ask(&self, id: &InstanceId, request: &str) -> TaskResult<String> {
        let tags = Tags::from([(TAG_REQUEST.to_owned(), request.to_owned())]);
        self.operate(self.sim.create_tags(id.as_str(), &tags))?;
        let asked = &request[..16];
        wait_for("answer", Duration::from_secs(90), || {
            Ok(self.group_tag(TAG_ANSWER).filter(|answer| answer.starts_with(asked)))
        })
    }

    /// A tag of the group.
    pub fn group_tag(&self, key: &str) -> Option<String> {
        self.sim
            .inspect(|world| world.groups.get(&self.stack.group)?.tags.get(key).cloned())
    }
}
