//! Models one EC2 instance that heals itself: what a person wants ([`Spec`]), what exists ([`Observed`]), and what would
//! have to change.
//!
//! This crate is pure: it reads no clock, no environment, no file and no network, and draws no random numbers.

pub mod action;
pub mod names;
pub mod observed;
pub mod spec;

pub use action::Action;
pub use names::Names;
pub use observed::Observed;
pub use spec::Spec;
