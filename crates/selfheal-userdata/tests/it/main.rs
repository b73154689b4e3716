//! Tests of the rendered user data: its text, and what it does under a real bash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod address_watch;
mod after;
mod baked;
mod boot;
mod bundle;
mod busy;
mod call_list;
mod calls;
mod cost;
mod failure;
mod fallback;
mod files;
mod hook;
mod kill;
mod lifecycle;
mod outage;
mod packages;
mod quoting;
mod read;
mod render;
mod reread;
mod secrets;
mod settings;
mod shed;
mod support;
