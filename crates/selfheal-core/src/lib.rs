//! Models one EC2 instance that heals itself: what a person wants ([`Spec`]), what exists ([`Observed`]), and what would
//! have to change.
//!
//! This crate is pure: it reads no clock, no environment, no file and no network, and draws no random numbers.

pub mod desired;
mod existing;
pub mod names;
pub mod operator;
pub mod permissions;
pub mod plan;
pub mod spec;
pub mod status;
mod token;
mod witness;
pub mod world;

pub use existing::{Existing, counted_addresses, existing};
pub use names::Names;
pub use plan::{DestroyOptions, Plan, plan, plan_destroy, plan_resume};
pub use spec::Spec;
pub use witness::{Found, Unread, unread};
pub use world::{Action, Answer, Observed};
