//! The root file system of the machines: Debian 12, built once and kept below the target folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::command::{output, run};
use crate::error::{Context, TaskError, TaskResult};

const PACKAGES: &str = include_str!("../../boot-lab/packages.txt");
const CUSTOMISE: &str = include_str!("../../boot-lab/customise.sh");
const SUITE: &str = "bookworm";

/// The programs of the host, each with the Debian package that has it.
const TOOLS: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("losetup", "mount"),
    ("mount", "mount"),
];

/// Installs what the lab needs on a Debian host, and says what.
pub fn install_tools() -> TaskResult<()> {
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|(tool, _)| !on_path(tool))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !on_path("apt-get") {
        return Err(TaskError::failed(format!("the boot lab needs {}", missing.join(", "))));
    }
    println!("boot lab: installing {}", missing.join(", "));
    run(&["apt-get", "update", "-qq"])?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install
        .args(["install", "--yes", "-qq", "--no-install-recommends"])
        .args(&missing);
    output(&mut install).map(drop)
}

fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// Answers where the root file system is, and builds it first if it is not there. `cache` is the folder to keep it in.
pub fn ensure(cache: &Path) -> TaskResult<PathBuf> {
    let key: String = recipe_hash().chars().take(16).collect();
    let home = cache.join(format!("rootfs-{key}"));
    if home.join("etc/machine-id").exists() {
        return Ok(home);
    }
    let start = Instant::now();
    println!("boot lab: building a Debian 12 root file system, once");
    fs::create_dir_all(cache).context(|| format!("make {}", cache.display()))?;
    discard_others(cache);
    let partial = cache.join(format!("rootfs-{key}.partial"));
    build(&partial)?;
    fs::rename(&partial, &home).context(|| format!("rename {}", partial.display()))?;
    println!(
        "boot lab: root file system built in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    Ok(home)
}

fn recipe_hash() -> String {
    let mut hash = Sha256::new();
    for part in [PACKAGES, CUSTOMISE, SUITE, std::env::consts::ARCH] {
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes what other recipes, or a build that was killed, have left.
fn discard_others(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("rootfs-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn build(tree: &Path) -> TaskResult<()> {
    let packages: Vec<&str> = PACKAGES.lines().filter(|line| !line.is_empty()).collect();
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--mode=root", "--format=directory", "--variant=apt"]);
    command.arg("--aptopt=APT::Install-Recommends \"false\"");
    for path in ["doc", "man", "info", "locale", "i18n/locales"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}/*"));
    }
    command.arg(format!("--include={}", packages.join(",")));
    command.arg(SUITE).arg(tree).args(sources()?);
    output(&mut command)?;
    let mut shell = Command::new("/bin/bash");
    shell.args(["-s", "--"]).arg(tree).stdin(Stdio::piped());
    let mut shell = shell.spawn().context(|| "start bash".to_owned())?;
    if let Some(mut input) = shell.stdin.take() {
        input
            .write_all(CUSTOMISE.as_bytes())
            .context(|| "hand over the customisation".to_owned())?;
    }
    let status = shell.wait().context(|| "wait for bash".to_owned())?;
    if status.success() {
        Ok(())
    } else {
        Err(TaskError::failed(format!("the customisation ended with {status}")))
    }
}

/// The host's own package sources of Debian 12, which know the nearest mirror.
pub(super) fn sources() -> TaskResult<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        files.push(entry.path());
    }
    files.retain(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let wanted = |line: &str| !line.starts_with('#') && line.contains("/debian");
        text.contains(SUITE) && text.lines().any(wanted)
    });
    if files.is_empty() {
        return Err(TaskError::failed(
            "no package source of Debian 12 in /etc/apt: the lab runs on Debian 12 hosts",
        ));
    }
    Ok(files)
}
