//! The spec: what a person wants, validated.
//!
#![doc = include_str!("keys.md")]

mod app_policy;
mod data;
mod file;
mod health;
mod image;
mod keys;
mod problem;
mod reader;
mod render;
mod sections;
mod syntax;
mod types;
mod values;
mod words;

/// A `selfheal.toml` for a first try: a web server with a data volume and a DNS record, and no setup script.
///
/// It is what the demo shows, and what the tests of the workspace begin with. The zone `example.com` is one that every
/// simulated AWS has.
pub const EXAMPLE: &str = include_str!("example.toml");

pub use file::SpecFile;
pub use health::{HealthFrom, HealthProbe, HealthSpec};
pub use image::{Architecture, ImageRef};
pub use problem::{SpecErrors, SpecProblem, SpecProblemKind};
pub(crate) use sections::is_below;
pub(crate) use syntax::is_kms_key;
pub use types::{
    AccessSpec, AddressSpec, AddressWhen, AppPolicy, AppSpec, DataSpec, DnsSpec, Filesystem, Ingress, InstanceSpec,
    Protocol, Setup, Spec, VolumeType, ZoneRef,
};
