//! Finds what a policy should not contain.

mod limit;

pub use limit::Limit;
