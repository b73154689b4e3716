//! AWS as selfheal uses it: the backend traits, reading a stack, and making a plan so.
//!
//! - [`backend`]: one trait a service, one method an API call, in our own types.
//! - `sdk` (feature `sdk`): the real AWS, over the AWS SDK for Rust.
//! - `sim` (feature `sim`): a simulated AWS on a logical clock, with seeded faults.

mod apply;
pub mod backend;
mod control;
mod error;
mod observe;
mod retry;
#[cfg(feature = "sdk")]
pub mod sdk;
#[cfg(feature = "sim")]
pub mod sim;

pub use apply::{ApplyError, ApplyErrorKind, Done, FRESH, Goal, Outcome, apply};
pub use backend::{Account, ApplicationChecks, AutoScaling, Aws, CallResult, Clock, Ec2, Iam, Jitter, Offers, Route53};
pub use control::{Control, Event, Progress, Silent};
pub use error::{CallError, CallErrorKind, classify};
pub use observe::{Scope, observe};

/// The example of the README, compiled and run.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
