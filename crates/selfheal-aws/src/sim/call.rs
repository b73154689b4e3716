//! One API call: who makes it, about what, and how it reaches the world.

use selfheal_core::world::InstanceId;
use std::sync::Arc;

use selfheal_core::names::Tags;
use serde::{Deserialize, Serialize};

use super::charge::Charge;
use super::faults::{Counted, Decision, Fault};
use super::rate;
use super::target::Target;
use super::trace::{CallTrace, Outcome, TraceEvent, TraceKind};
use super::world::World;
use crate::backend::CallResult;
use crate::error::{CallError, CallErrorKind};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Caller {
    /// Somebody who runs the tool, by a name that tells two of them apart.
    Operator(String),
    /// An instance, by its id, with its role's rights.
    Instance(InstanceId),
}

impl Caller {
    /// Returns the name as the trace shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator(name) => name,
            Self::Instance(id) => id.as_str(),
        }
    }

    /// The operator of a handle that names none.
    pub(super) fn default_operator() -> Self {
        Self::Operator("operator".to_owned())
    }
}

/// What a call is, beside its effect.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) mutating: bool,
    pub(super) targets: Vec<Target>,
    /// Tags that the request carries.
    pub(super) tags: Tags,
    /// Tag keys that the request names beside `tags`.
    pub(super) tag_keys: Vec<String>,
    /// The role that the request hands to a service, which AWS authorises as `PassRole`, too.
    pub(super) passes_role: Option<String>,
    /// The permissions boundary that the request sets.
    pub(super) boundary: Option<String>,
    /// Whether what the request makes is tagged by it, which AWS authorises as `CreateTags`, too.
    pub(super) tags_on_create: bool,
    /// What the run that makes it was given to do.
    pub(super) charge: Option<Arc<Charge>>,
}

impl Call {
    pub(super) fn read(action: &'static str) -> Self {
        Self {
            action,
            resource: String::new(),
            mutating: false,
            targets: Vec::new(),
            tags: Tags::new(),
            tag_keys: Vec::new(),
            passes_role: None,
            boundary: None,
            tags_on_create: false,
            charge: None,
        }
    }

    pub(super) fn change(action: &'static str) -> Self {
        Self {
            mutating: true,
            ..Self::read(action)
        }
    }

    /// What the trace says that the call is about.
    pub(super) fn about(mut self, resource: &str) -> Self {
        resource.clone_into(&mut self.resource);
        self
    }

    /// Adds a resource that the request names, and AWS therefore evaluates.
    pub(super) fn on(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// The tags that the request carries for what it makes.
    pub(super) fn tagging(mut self, tags: &Tags) -> Self {
        self.tags_on_create = !tags.is_empty();
        self.tags = tags.clone();
        self
    }
}

/// An error of a call, in AWS's words.
pub(super) fn fail<T>(action: &'static str, code: &str, message: impl Into<String>) -> CallResult<T> {
    Err(CallError::from_code(action, code, message))
}

impl World {
    /// Counts a call and decides what goes wrong with it.
    pub(super) fn decide(&mut self, caller: &Caller, call: &Call) -> Decision {
        let counted = Counted {
            caller: caller.name(),
            operator: matches!(caller, Caller::Operator(_)),
            action: call.action,
            mutating: call.mutating,
            now_ms: self.now_ms,
        };
        self.faults.decide(&mut self.rng_faults, &counted)
    }

    /// Lets a call take effect, or refuses it, at this instant.
    pub(super) fn perform<T>(
        &mut self,
        caller: &Caller,
        call: &Call,
        decision: &Decision,
        effect: impl FnOnce(&mut Self) -> CallResult<T>,
    ) -> CallResult<T> {
        let place = self.trace.len();
        let faults = self.ledger.faults.len();
        let suspected = self.suspect(caller, call);
        let mut result = self.attempt(caller, call, decision, effect);
        let resource = self.made.take().unwrap_or_else(|| call.resource.clone());
        if result.is_ok() {
            self.ledger.faults.extend(suspected);
            self.judge_change(caller, call, &resource);
        }
        self.count_call(caller, call, result.is_err());
        let mut outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Refused(error.code.clone().unwrap_or_else(|| format!("{:?}", error.kind()))),
        };
        if result.is_ok() && decision.fault == Some(Fault::AnswerLost) {
            outcome = Outcome::AnswerLost;
            let lost = "the connection was closed before the answer was read";
            result = Err(CallError::new(CallErrorKind::Ambiguous, call.action, lost));
        }
        let what = TraceKind::Call(CallTrace {
            index: decision.index,
            caller: caller.name().to_owned(),
            action: call.action.to_owned(),
            resource,
            mutating: call.mutating,
            outcome,
        });
        // The call stands before what it caused.
        self.trace.insert(
            place,
            TraceEvent {
                at_ms: self.now_ms,
                what,
            },
        );
        // A read changes nothing that an invariant speaks of.
        if call.mutating || self.ledger.faults.len() > faults {
            self.check_invariants();
        }
        result.map_err(|error| self.finish_error(error, call))
    }

    fn attempt<T>(
        &mut self,
        caller: &Caller,
        call: &Call,
        decision: &Decision,
        effect: impl FnOnce(&mut Self) -> CallResult<T>,
    ) -> CallResult<T> {
        if let Some(error) = decision.fault.as_ref().and_then(|fault| {
            let who = self.principal_arn(caller);
            fault.refusal(call.action, &who)
        }) {
            return Err(error);
        }
        self.authorise(caller, call)?;
        self.take_token(call.action)?;
        self.note_strangers(caller, call);
        match decision.fault {
            Some(Fault::LateVisibility(ms)) => self.late_visibility_ms = ms,
            Some(Fault::Stale(ms)) => self.stale_ms = ms,
            Some(Fault::CreationFails) => self.creation_fails = true,
            Some(Fault::LatePropagation(ms)) => self.late_propagation_ms = ms,
            _ => {}
        }
        let result = effect(self);
        self.late_visibility_ms = 0;
        self.stale_ms = 0;
        self.creation_fails = false;
        self.late_propagation_ms = 0;
        result
    }

    /// Takes a request out of the action's bucket, or refuses it for being too fast.
    fn take_token(&mut self, action: &'static str) -> CallResult<()> {
        if !self.config.rate_limits || rate::take(&mut self.buckets, action, self.now_ms) {
            return Ok(());
        }
        Fault::Throttle.refusal(action, "").map_or(Ok(()), Err)
    }

    fn finish_error(&mut self, mut error: CallError, call: &Call) -> CallError {
        if error.resource.is_none() && !call.resource.is_empty() {
            error.resource = Some(call.resource.clone());
        }
        if error.code.is_some() {
            error.request_id = Some(super::ids::uuid(&mut self.rng_latency));
        }
        error
    }

    /// Makes a call at this instant: for callers that live inside the world, or that drive its clock themselves.
    pub(super) fn call_now<T>(
        &mut self,
        caller: &Caller,
        call: &Call,
        effect: impl FnOnce(&mut Self) -> CallResult<T>,
    ) -> CallResult<T> {
        let decision = self.decide(caller, call);
        self.perform(caller, call, &decision, effect)
    }
}
