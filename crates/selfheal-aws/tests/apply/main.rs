//! Plans carried out on the simulated AWS: convergence, crashes at every call, faults at every call, two operators.
#![cfg(feature = "sim")]

mod checks;
mod converge;
mod crash;
mod destroy;
mod faults;
mod granted;
mod heal;
mod operators;
mod partitions;
mod properties;
mod support;
