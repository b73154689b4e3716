//! AWS as selfheal uses it: the backend traits, reading a stack, and making a plan so.
//!
//! Everything goes over the backend traits, so that the same program runs on the real AWS and on the simulated one:
//!
//! ```
//! # #[cfg(feature = "sim")] {
//! use selfheal_aws::sim::{Sim, SimConfig};
//! use selfheal_aws::{Control, Goal, Silent, observe};
//! use selfheal_core::spec::{EXAMPLE, Spec};
//!
//! let spec: Spec = EXAMPLE.parse().expect("it is valid");
//! let sim = Sim::new(SimConfig::seeded(1)); // or `sdk::Sdk::connect(…)`
//! let ctl = Control { clock: &sim, jitter: &sim, progress: &Silent };
//! let observed = sim.block_on(observe(&sim, &spec, Goal::Apply.scope(), &ctl));
//! let plan = Goal::Apply.plan(&spec, &observed.expect("it ends").expect("it can be read"));
//! assert!(plan.to_string().contains("+ Auto Scaling group selfheal-web"));
//! # }
//! ```
//!
//! - [`backend`]: one trait a service, one method an API call, in our own types.
//! - `sdk` (feature `sdk`): the real AWS, over the AWS SDK for Rust.
//! - `sim` (feature `sim`): a simulated AWS on a logical clock, with seeded faults.

mod apply;
pub mod backend;
mod control;
mod doctor;
mod drill;
mod error;
mod intercept;
mod observe;
mod offer;
mod parameters;
mod reach;
mod request;
mod retry;
#[cfg(feature = "sdk")]
pub mod sdk;
#[cfg(feature = "sim")]
pub mod sim;
mod watch;

pub use apply::{ApplyError, ApplyErrorKind, Done, FRESH, Goal, Outcome, apply};
pub use backend::{
    Account, ApplicationChecks, AutoScaling, Aws, CallResult, Clock, Ec2, Iam, Inventory, Invocation, Jitter,
    Lifecycle, LogEvent, LogPage, LogQuery, Logs, OUTPUT_CHARS_MAX, Offers, ParameterStore, Prober, Quotas, Resolver,
    Route53, SendCommand, Sns, SystemsManager,
};
pub use control::{Control, Event, Progress, Silent};
pub use doctor::facts;
pub use drill::{DrillError, Drilled, RestoreDrilled, drill, drill_restore};
pub use error::{CallError, CallErrorKind, classify};
pub use intercept::{Intercepted, Interceptor};
pub use observe::{Scope, StackUnread, observe, observe_all};
pub use offer::{draft_like, offered};
pub use parameters::{Written, list_parameters, noted_parameters, read_parameter, remove_parameter, write_parameter};
pub use reach::{Reached, await_command, cancel_command, reach, send_command};
pub use request::{ANSWER_MAX, ask, request_id};
pub use watch::{Looking, Patience, WATCH_MAX, Watched, follow, watch};

/// The example of the README, compiled and run.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
