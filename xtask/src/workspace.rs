//! Where things are in this workspace.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, TaskResult};

/// The file name of the binary.
const BINARY: &str = "selfheal";

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

/// The `selfheal` that the end-to-end tasks run: a copy of what the build with every feature made.
///
/// Cargo puts the binary of whatever it built last at one path, and the demo is built without the SDK.
pub fn selfheal() -> PathBuf {
    scratch().join(BINARY)
}

/// Takes the copy that [`selfheal`] names.
pub fn keep_selfheal() -> TaskResult<()> {
    let built = target().join("debug").join(BINARY);
    fs::create_dir_all(scratch()).context(|| "make the folder of the tasks".to_owned())?;
    // A file that runs cannot be written to, but it can be replaced.
    let new = scratch().join(format!("{BINARY}-{}", std::process::id()));
    fs::copy(&built, &new).context(|| format!("copy {}", built.display()))?;
    fs::rename(&new, selfheal()).context(|| format!("copy {}", built.display()))
}

/// A copy of the program that is running, for starting it once more.
///
/// Cargo replaces the program's own file when `cargo xtask test` builds the workspace, so that its path leads nowhere; the
/// kernel still has what is running.
pub fn own_program() -> TaskResult<PathBuf> {
    let running = Path::new("/proc/self/exe");
    let running = if running.exists() {
        running.to_path_buf()
    } else {
        std::env::current_exe().context(|| "find this program".to_owned())?
    };
    let copy = scratch().join("program");
    let new = scratch().join(format!("program-{}", std::process::id()));
    fs::create_dir_all(scratch()).context(|| "make the folder of the tasks".to_owned())?;
    fs::copy(&running, &new).context(|| "copy this program".to_owned())?;
    fs::rename(&new, &copy).context(|| "copy this program".to_owned())?;
    Ok(copy)
}
