//! The spec: what a person wants, validated.
//!
#![doc = include_str!("keys.md")]

mod access;
mod address;
mod app;
mod app_files;
mod app_policy;
mod data;
mod dns;
mod file;
mod health;
mod image;
mod instance;
mod logs;
mod problem;
mod reader;
mod recurrence;
mod schedule;
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
pub use app::{AppPolicy, AppSpec, Setup};
pub use app_files::AppFile;
pub use data::{DataSpec, Filesystem, VolumeType};
pub(crate) use dns::is_below;
pub use dns::{DnsSpec, ZoneRef};
pub use file::SpecFile;
pub use health::{HealthFrom, HealthProbe, HealthSpec};
pub use image::{Architecture, ImageRef};
pub use instance::{Ingress, InstanceSpec, Protocol};
pub use logs::LogsSpec;
pub use problem::{SpecErrors, SpecProblem, SpecProblemKind};
pub use recurrence::{ClockChange, InvalidRecurrence, Occurrence, Recurrence, Zone};
pub use schedule::{ScheduleSpec, Turn};
pub use stack::Spec;
pub(crate) use syntax::is_kms_key;
