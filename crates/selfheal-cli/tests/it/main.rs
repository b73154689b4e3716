//! The binary, run as a person or a script runs it: hermetically, against the simulated AWS.

#![cfg(feature = "sim")]

mod book;
mod certificate;
mod commands;
mod completions;
mod config;
mod cost;
mod demo;
mod doctor;
mod drill;
mod edges;
#[cfg(feature = "sdk")]
mod environment;
mod errors;
mod events;
mod examples;
mod files;
mod health;
mod identity;
mod init;
mod logs;
mod notify;
mod policies;
mod reach;
mod restore;
mod saved;
mod schemas;
mod sleep;
mod support;
mod volume;
mod waiting;
