//! What machines boot from, built once and kept below the target folder: a Debian tree, or what is made of one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::command::{output, run};
use crate::error::{Context, TaskError, TaskResult};

const PACKAGES: &str = include_str!("../../boot-lab/packages.txt");
const CUSTOMISE: &str = include_str!("../../boot-lab/customise.sh");
const CUSTOMISE_PACKAGES: &str = include_str!("../../boot-lab/customise-packages.sh");
const CUSTOMISE_NAMESPACE: &str = include_str!("../../boot-lab/customise-namespace.sh");
/// The release of the host, whose package sources are taken.
const HOST_SUITE: &str = "bookworm";

/// A program of the host, and the Debian package that has it.
pub type Tool = (&'static str, &'static str);

/// What every scenario needs.
pub const TOOLS: &[Tool] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("losetup", "mount"),
    ("mount", "mount"),
];

/// The Debian release that the machines run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Debian 12.
    #[default]
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl Suite {
    /// Its name in a package source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bookworm => HOST_SUITE,
            Self::Trixie => "trixie",
        }
    }
}

/// How to make what machines boot from. What it is made of names the folder, so that a change builds it anew.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What the folder's name starts with.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The packages, one a line.
    pub packages: &'static [&'static str],
    /// Scripts for bash that are run with the tree as their argument.
    pub scripts: &'static [&'static str],
    /// Makes something else of the tree, in its place.
    pub finish: fn(&Path) -> TaskResult<()>,
}

/// The root file system of machines in namespaces.
const ROOTFS: Recipe = Recipe {
    name: "rootfs",
    about: "a root file system",
    packages: &[PACKAGES],
    scripts: &[CUSTOMISE_PACKAGES, CUSTOMISE, CUSTOMISE_NAMESPACE],
    finish: |_| Ok(()),
};

/// Installs what the lab needs on a Debian host, and says what.
pub fn install_tools(tools: &[Tool]) -> TaskResult<()> {
    let missing: Vec<&str> = tools
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

/// Answers where the root file system of this release is, and builds it first if it is not there. `cache` is the folder
/// to keep it in.
pub fn ensure(cache: &Path, suite: Suite) -> TaskResult<PathBuf> {
    ROOTFS.ensure(cache, suite)
}

impl Recipe {
    /// Answers where the outcome for this release is, and makes it first if it is not there.
    pub fn ensure(&self, cache: &Path, suite: Suite) -> TaskResult<PathBuf> {
        let family = format!("{}-{}", self.name, suite.name());
        let key: String = self.hash(suite).chars().take(16).collect();
        let home = cache.join(format!("{family}-{key}"));
        fs::create_dir_all(cache).context(|| format!("make {}", cache.display()))?;
        // Two runs at once must not build, or remove, the same. The lock goes with the file's value.
        let lock = fs::File::create(cache.join("lock")).context(|| "make the cache's lock".to_owned())?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(io::Error::from)
            .context(|| "lock the cache".to_owned())?;
        if home.exists() {
            return Ok(home);
        }
        let start = Instant::now();
        println!("boot lab: building {} of Debian {}, once", self.about, suite.name());
        discard(cache, &family)?;
        let partial = cache.join(format!("{family}-{key}.partial"));
        self.build(cache, suite, &partial)?;
        (self.finish)(&partial)?;
        // The name appears at once and whole.
        fs::rename(&partial, &home).context(|| format!("rename {}", partial.display()))?;
        println!("boot lab: built in {:.0} s", start.elapsed().as_secs_f64());
        Ok(home)
    }

    fn hash(&self, suite: Suite) -> String {
        let mut hash = Sha256::new();
        for part in self.packages.iter().chain(self.scripts) {
            hash.update(part);
        }
        hash.update(suite.name());
        hash.update(std::env::consts::ARCH);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn build(&self, cache: &Path, suite: Suite, tree: &Path) -> TaskResult<()> {
        let lines = self.packages.iter().flat_map(|text| text.lines());
        let packages: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let mut command = Command::new("mmdebstrap");
        command.args(["--quiet", "--mode=root", "--format=directory", "--variant=apt"]);
        command.arg("--aptopt=APT::Install-Recommends \"false\"");
        for path in ["doc", "man", "info", "locale", "i18n/locales"] {
            command.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}/*"));
        }
        command.arg(format!("--include={}", packages.join(",")));
        command.arg(suite.name()).arg(tree).args(sources_of(suite, cache)?);
        output(&mut command)?;
        for script in self.scripts {
            customise(tree, script)?;
        }
        Ok(())
    }
}

/// Removes what other recipes for the same, or a build that was killed, have left.
fn discard(cache: &Path, family: &str) -> TaskResult<()> {
    let prefix = format!("{family}-");
    for entry in fs::read_dir(cache)
        .context(|| format!("read {}", cache.display()))?
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // A build that was killed may have left its own /proc and /dev mounted: they are not to be entered.
            output(Command::new("rm").args(["-rf", "--one-file-system"]).arg(entry.path()))?;
        }
    }
    Ok(())
}

fn customise(tree: &Path, script: &str) -> TaskResult<()> {
    let mut shell = Command::new("/bin/bash");
    shell.args(["-s", "--"]).arg(tree).stdin(Stdio::piped());
    let mut shell = shell.spawn().context(|| "start bash".to_owned())?;
    if let Some(mut input) = shell.stdin.take() {
        input
            .write_all(script.as_bytes())
            .context(|| "hand over the customisation".to_owned())?;
    }
    let status = shell.wait().context(|| "wait for bash".to_owned())?;
    if status.success() {
        Ok(())
    } else {
        Err(TaskError::failed(format!("the customisation ended with {status}")))
    }
}

/// The package sources of a release: the host's own, or a copy of them that names the other release.
fn sources_of(suite: Suite, cache: &Path) -> TaskResult<Vec<PathBuf>> {
    let own = sources()?;
    if suite.name() == HOST_SUITE {
        return Ok(own);
    }
    let folder = cache.join(format!("sources-{}", suite.name()));
    fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
    let copy = |from: &PathBuf| {
        let to = folder.join(from.file_name().unwrap_or_default());
        let text = fs::read_to_string(from).context(|| format!("read {}", from.display()))?;
        fs::write(&to, text.replace(HOST_SUITE, suite.name())).context(|| format!("write {}", to.display()))?;
        Ok(to)
    };
    own.iter().map(copy).collect()
}

/// The host's own package sources of Debian 12, which know the nearest mirror.
pub fn sources() -> TaskResult<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        files.push(entry.path());
    }
    files.retain(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let wanted = |line: &str| !line.starts_with('#') && line.contains("/debian");
        text.contains(HOST_SUITE) && text.lines().any(wanted)
    });
    if files.is_empty() {
        return Err(TaskError::failed(
            "no package source of Debian 12 in /etc/apt: the lab runs on Debian 12 hosts",
        ));
    }
    Ok(files)
}
