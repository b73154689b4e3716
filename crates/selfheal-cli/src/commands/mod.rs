//! The commands, one file each.

pub mod apply;
pub mod certificate;
pub mod change;
pub mod completions;
pub mod config;
pub mod cost;
#[cfg(feature = "sim")]
pub mod demo;
pub mod destroy;
pub mod doctor;
pub mod drill;
pub mod init;
pub mod logs;
pub mod notify;
pub mod plan;
pub mod policy;
mod reach;
pub mod replace;
pub mod resume;
pub mod run;
pub mod shell;
pub mod sleep;
pub mod snapshot;
pub mod status;
pub mod userdata;
