//! The binary, run as a person or a script runs it: hermetically, against the simulated AWS.

#![cfg(feature = "sim")]

mod commands;
mod demo;
mod edges;
#[cfg(feature = "sdk")]
mod environment;
mod errors;
mod events;
mod examples;
mod files;
mod health;
mod identity;
mod policies;
mod schemas;
mod sleep;
mod support;
mod volume;
