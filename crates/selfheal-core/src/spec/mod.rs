//! The spec: what a person wants, validated.
//!
#![doc = include_str!("keys.md")]

mod access;
mod address;
mod app;
mod app_files;
mod app_policy;
mod config;
mod data;
mod dns;
mod file;
mod health;
mod https;
mod https_site;
mod image;
mod ingress;
mod instance;
mod logs;
mod notify;
mod problem;
mod reader;
mod recurrence;
mod schedule;
mod snapshots;
mod stack;
mod syntax;
mod values;
mod words;

/// A `selfheal.toml` for a first try: a web server with a data volume and a DNS record, and no setup script.
///
/// It is what the demo shows, and what the tests of the workspace begin with. The zone `example.com` is one that every
/// simulated AWS has.
pub const EXAMPLE: &str = include_str!("example.toml");

pub use access::AccessSpec;
pub use address::{AddressSpec, AddressWhen};
pub use app::{AppPolicy, AppSpec, Repair, Setup};
pub use app_files::AppFile;
pub use config::ConfigSpec;
pub use data::{DataSpec, Filesystem, VolumeType};
pub(crate) use dns::is_below;
pub use dns::{DnsSpec, ZoneRef};
pub use file::SpecFile;
pub use health::{HealthFrom, HealthProbe, HealthSpec};
pub use https::{ChallengeKind, HttpsSpec, NginxExtra};
pub use image::{Architecture, ImageRef};
pub use ingress::{Ingress, InvalidSource, OpenPorts, Protocol, Source};
pub use instance::{InstanceSpec, Market};
pub use logs::LogsSpec;
pub use notify::{NotifySpec, NotifyTo};
pub use problem::{SpecErrors, SpecProblem, SpecProblemKind};
pub use recurrence::{ClockChange, InvalidRecurrence, Occurrence, Recurrence, Zone};
pub use schedule::{ScheduleSpec, Turn};
pub use selfheal_userdata::AgentPin;
pub use selfheal_userdata::{Answers, Site};
pub use snapshots::SnapshotsSpec;
pub use stack::Spec;
pub(crate) use syntax::is_kms_key;
