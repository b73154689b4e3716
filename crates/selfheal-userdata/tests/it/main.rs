//! Tests of the rendered user data: its text, and what it does under a real bash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod address_watch;
mod after;
mod agent;
mod baked;
mod boot;
mod bundle;
mod busy;
mod call_list;
mod calls;
mod config;
mod cost;
mod failure;
mod fallback;
mod files;
mod grow;
mod hang;
mod hook;
mod https;
mod https_dns;
mod https_told;
mod https_wishes;
mod kill;
mod lifecycle;
mod logs;
mod notify;
mod off;
mod outage;
mod packages;
mod prepare;
mod quoting;
mod read;
mod render;
mod repair;
mod request;
mod reread;
mod secrets;
mod settings;
mod shed;
mod support;
mod units;
