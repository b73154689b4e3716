//! The commands, one file each.

pub mod apply;
mod change;
pub mod destroy;
pub mod plan;
pub mod policy;
pub mod resume;
pub mod status;
pub mod userdata;
