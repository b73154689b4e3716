//! Plans carried out on the simulated AWS: convergence, crashes at every call, faults at every call, two operators.
#![cfg(feature = "sim")]

mod address;
mod app_policy;
mod approval;
mod boundary;
mod bundle;
mod checks;
mod converge;
mod crash;
mod destroy;
mod dns;
mod faults;
mod granted;
mod growing;
mod heal;
mod judged;
mod keys;
mod lag;
mod last_snapshot;
mod launch;
mod logs;
mod lost;
mod many;
mod operators;
mod partitions;
mod properties;
mod schedule;
mod several_volumes;
mod support;
mod tokens;
mod witness;
mod year;
