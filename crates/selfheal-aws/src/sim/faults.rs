//! Faults: what goes wrong, and at which call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::error::{CallError, CallErrorKind};

/// Plan of what goes wrong, and at which calls. Calls are counted from 1, from [`Sim::set_faults`](super::Sim::set_faults) on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Rules, of which the first that matches a call decides.
    pub rules: Vec<FaultRule>,
    /// What becomes of the requests of a crashed caller that were already under way.
    pub in_flight: InFlight,
}

/// One fault at some calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Calls at which it happens.
    pub when: When,
    /// Name of the caller, as the trace shows it, to whose calls it happens; `None` for everybody's.
    pub caller: Option<String>,
    /// Fault that happens.
    pub fault: Fault,
    /// Number of times that it may still happen; `None` for no limit.
    pub times: Option<u32>,
}

/// At which calls a fault happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum When {
    /// Operators' call of this number, from 1.
    Call(u64),
    /// Operators' mutating call of this number, from 1.
    MutatingCall(u64),
    /// Call of this action, such as `ec2:CreateVolume`, of this number, from 1, whoever makes it.
    Nth(String, u64),
    /// Every call whose action begins with this: `route53:` or `ec2:AttachVolume`; with the empty text, every call.
    Every(String),
    /// So many calls in a thousand, from 0 to 1000, of those whose action begins with this.
    Sometimes(String, u16),
    /// Every call whose action begins with this, between two times in logical milliseconds.
    Between(String, u64, u64),
}

/// What goes wrong at a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fault {
    /// Refused for being too fast.
    Throttle,
    /// A server error; nothing took effect.
    ErrorBeforeEffect,
    /// It took effect, and the answer was lost.
    AnswerLost,
    /// What the call makes stays invisible to reads, and unusable by id, for so many milliseconds.
    LateVisibility(u64),
    /// The effect of an IAM change reaches the other services only after so many milliseconds.
    LatePropagation(u64),
    /// The read shows attachments and associations as they were so many milliseconds ago.
    Stale(u64),
    /// It succeeds, and what it makes is gone after a moment: a volume whose key cannot be used.
    CreationFails,
    /// Refused for lack of permission.
    AccessDenied,
    /// A page of the listing was lost.
    PageLost,
    /// The credentials have expired.
    ExpiredCredentials,
    /// The caller's clock is wrong by more than five minutes.
    SkewedClock,
    /// The service answers nobody.
    ServiceDown,
    /// The answer takes so many milliseconds longer.
    Slow(u64),
    /// Any other error that AWS may answer, before any effect: code and message.
    Refuse(String, String),
    /// The caller is cut off; the request never left it.
    CrashBefore,
    /// The caller is cut off; the request took effect.
    CrashAfter,
}

/// What becomes of the requests of a crashed caller that were already under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InFlight {
    /// Each arrives or is lost, as the seed says.
    #[default]
    Seeded,
    /// All arrive.
    Arrive,
    /// All are lost.
    Lost,
}

impl FaultPlan {
    /// Makes a plan in which nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a fault at every call that matches.
    #[must_use]
    pub fn with(mut self, when: When, fault: Fault) -> Self {
        self.rules.push(FaultRule {
            when,
            caller: None,
            fault,
            times: None,
        });
        self
    }

    /// Adds a fault at the first `times` calls that match.
    #[must_use]
    pub fn with_times(mut self, when: When, fault: Fault, times: u32) -> Self {
        self.rules.push(FaultRule {
            when,
            caller: None,
            fault,
            times: Some(times),
        });
        self
    }

    /// Cuts the operator off just before its call `k`, counted from 1, leaves.
    #[must_use]
    pub fn crash_before(self, k: u64) -> Self {
        self.with_times(When::Call(k), Fault::CrashBefore, 1)
    }

    /// Cuts the operator off just after its call `k`, counted from 1, took effect.
    #[must_use]
    pub fn crash_after(self, k: u64) -> Self {
        self.with_times(When::Call(k), Fault::CrashAfter, 1)
    }

    /// Limits every rule to the caller of this name, as the trace shows it.
    #[must_use]
    pub fn only_for(mut self, caller: &str) -> Self {
        for rule in &mut self.rules {
            rule.caller = Some(caller.to_owned());
        }
        self
    }
}

/// The counters that belong to a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FaultState {
    pub(super) plan: FaultPlan,
    calls: BTreeMap<String, u64>,
    mutating: BTreeMap<String, u64>,
    actions: BTreeMap<String, u64>,
}

/// What was decided about a call when it was made.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// Number of the call, of this caller.
    pub(super) index: u64,
    pub(super) fault: Option<Fault>,
}

impl FaultState {
    pub(super) fn new(plan: FaultPlan) -> Self {
        Self {
            plan,
            ..Self::default()
        }
    }

    /// Counts a call and decides what happens to it.
    pub(super) fn decide(&mut self, rng: &mut Rng, call: &Counted<'_>) -> Decision {
        let count = |counters: &mut BTreeMap<String, u64>, key: &str| {
            let counter = counters.entry(key.to_owned()).or_default();
            *counter += 1;
            *counter
        };
        let index = count(&mut self.calls, call.caller);
        let mutating = if call.mutating {
            count(&mut self.mutating, call.caller)
        } else {
            0
        };
        let nth = count(&mut self.actions, call.action);
        for rule in &mut self.plan.rules {
            if rule.times == Some(0) || rule.caller.as_deref().is_some_and(|caller| caller != call.caller) {
                continue;
            }
            let hit = match &rule.when {
                When::Call(k) => call.operator && index == *k,
                When::MutatingCall(k) => call.operator && call.mutating && mutating == *k,
                When::Nth(action, k) => action == call.action && nth == *k,
                When::Every(prefix) => call.action.starts_with(prefix.as_str()),
                When::Sometimes(prefix, permille) => {
                    call.action.starts_with(prefix.as_str()) && rng.permille(*permille)
                }
                When::Between(prefix, from, to) => {
                    call.action.starts_with(prefix.as_str()) && (*from..*to).contains(&call.now_ms)
                }
            };
            if hit {
                if let Some(times) = &mut rule.times {
                    *times -= 1;
                }
                return Decision {
                    index,
                    fault: Some(rule.fault.clone()),
                };
            }
        }
        Decision { index, fault: None }
    }
}

/// What the counters need to know of a call.
pub(super) struct Counted<'a> {
    pub(super) caller: &'a str,
    pub(super) operator: bool,
    pub(super) action: &'a str,
    pub(super) mutating: bool,
    pub(super) now_ms: u64,
}

impl Fault {
    /// The error that replaces the effect; `None` when the effect takes place.
    pub(super) fn refusal(&self, action: &'static str, who: &str) -> Option<CallError> {
        let ec2 = action.starts_with("ec2:");
        let error = |code: &str, message: &str| Some(CallError::from_code(action, code, message));
        match self {
            Self::Throttle if ec2 => error("RequestLimitExceeded", "Request limit exceeded."),
            Self::Throttle => error("Throttling", "Rate exceeded"),
            Self::ErrorBeforeEffect if ec2 => error("InternalError", "An internal error has occurred"),
            Self::ErrorBeforeEffect => error("InternalFailure", "An internal error has occurred"),
            Self::AccessDenied => Some(denied(action, action, who, "*")),
            Self::PageLost => Some(CallError::new(
                CallErrorKind::Ambiguous,
                action,
                "connection closed before the next page was read",
            )),
            Self::ExpiredCredentials if ec2 => error("RequestExpired", "Request has expired."),
            Self::ExpiredCredentials => error("ExpiredToken", "The security token included in the request is expired"),
            Self::SkewedClock if ec2 => error("RequestExpired", "Request has expired. The request time is skewed."),
            Self::SkewedClock => error(
                "SignatureDoesNotMatch",
                "Signature expired: the request's time is not within five minutes",
            ),
            Self::ServiceDown => error("ServiceUnavailable", "Service Unavailable. Please try again shortly."),
            Self::Refuse(code, message) => Some(CallError::from_code(action, code, message.clone())),
            Self::AnswerLost
            | Self::CreationFails
            | Self::LateVisibility(_)
            | Self::Stale(_)
            | Self::LatePropagation(_)
            | Self::Slow(_)
            | Self::CrashBefore
            | Self::CrashAfter => None,
        }
    }
}

/// The refusal of a caller that may not do this, in the words of the service.
///
/// `lacking` is the action that is refused, which need not be the call's own.
pub(super) fn denied(action: &'static str, lacking: &str, who: &str, resource: &str) -> CallError {
    let code = if action.starts_with("ec2:") {
        "UnauthorizedOperation"
    } else {
        "AccessDenied"
    };
    let message = if action.starts_with("ec2:") {
        format!(
            "You are not authorized to perform this operation. User: {who} is not authorized to perform: {lacking} on \
             resource: {resource} because no identity-based policy allows the {lacking} action."
        )
    } else {
        format!(
            "User: {who} is not authorized to perform: {lacking} on resource: {resource} because no identity-based \
             policy allows the {lacking} action"
        )
    };
    let error = CallError::from_code(action, code, message);
    if resource == "*" { error } else { error.about(resource) }
}
