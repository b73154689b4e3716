//! The spec: what a person wants, validated.

mod types;

pub use types::{
    AddressSpec, AppSpec, Architecture, DataSpec, DnsSpec, Filesystem, ImageRef, Ingress, InstanceSpec, Protocol, Setup,
    Spec, VolumeType,
};
