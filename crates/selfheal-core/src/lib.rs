//! Models one EC2 instance that heals itself: what a person wants ([`Spec`]), what exists ([`Observed`]), and what would
//! have to change.
//!
//! ```
//! use selfheal_core::spec::{EXAMPLE, Spec};
//! use selfheal_core::{Observed, plan};
//!
//! let spec: Spec = EXAMPLE.parse()?;
//! // What a backend would read: here an account in which there is nothing, not even a subnet.
//! let plan = plan(&spec, &Observed::empty("123456789012", "eu-west-1"));
//! assert!(plan.refusals.iter().any(|refusal| refusal.code == "no-default-vpc"));
//! # Ok::<(), selfheal_core::spec::SpecErrors>(())
//! ```
//!
//! This crate is pure: it reads no clock, no environment, no file and no network, and draws no random numbers.

pub mod config;
mod cost;
pub mod desired;
pub mod doctor;
pub mod drill;
mod existing;
mod ids;
pub mod init;
mod memo;
pub mod names;
pub mod operator;
pub mod permissions;
pub mod plan;
pub mod request;
mod snapshots;
pub mod spec;
pub mod status;
mod token;
pub mod watch;
mod witness;
pub mod world;

pub use cost::{CostItem, CostReport, SleepSaving, cost, instance_month_usd};
pub use existing::{Existing, counted_addresses, existing, marked_for_snapshots};
pub use names::Names;
pub use plan::{DestroyOptions, Plan, Planner, plan, plan_destroy, plan_resume, plan_sleep, plan_wake};
pub use snapshots::{Cause, KeptSnapshot, KeptVolume, SnapshotsReport, snapshots};
pub use spec::Spec;
pub use witness::{Found, Unread, unread};
pub use world::{Action, Answer, Observed};
