//! Where things are in this workspace.

use std::path::{Path, PathBuf};

/// The workspace's root folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| Path::new("."))
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The folder below the target folder where the tasks keep what they fetch and make.
pub fn scratch() -> PathBuf {
    target().join("xtask")
}

/// The `selfheal` binary of the build with every feature.
pub fn selfheal() -> PathBuf {
    target()
        .join("debug")
        .join(format!("selfheal{}", std::env::consts::EXE_SUFFIX))
}
