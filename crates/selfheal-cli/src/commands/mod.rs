//! The commands, one file each.

pub mod apply;
pub mod change;
#[cfg(feature = "sim")]
pub mod demo;
pub mod destroy;
pub mod plan;
pub mod policy;
pub mod resume;
pub mod sleep;
pub mod status;
pub mod userdata;
