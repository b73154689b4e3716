//! What virtual machines boot from: a kernel, and a disk with the root file system on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::output;
use super::rootfs::{Recipe, Suite, Tool};
use crate::error::{Context, TaskError, TaskResult};

/// What is needed on the host besides the lab's other tools.
pub const TOOLS: &[Tool] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("mkfs.ext4", "e2fsprogs"),
];

/// The size of the root disk. Less than a quarter of it is used, and the rest costs nothing.
const ROOT_BYTES: u64 = 2 << 30;

const RECIPE: Recipe = Recipe {
    name: "vm",
    about: "a disk for virtual machines",
    packages: &[
        include_str!("../../boot-lab/packages.txt"),
        include_str!("../../boot-lab/packages-vm.txt"),
    ],
    scripts: &[
        include_str!("../../boot-lab/customise.sh"),
        include_str!("../../boot-lab/customise-vm.sh"),
    ],
    finish: make_disk,
};

/// Where kernel and disk are. Neither is ever written to: each machine has an overlay of its own.
#[derive(Clone, Debug)]
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// The root disk, raw.
    pub root: PathBuf,
}

impl Image {
    /// Answers where they are, and makes them first if they are not there.
    pub fn ensure(cache: &Path, suite: Suite) -> TaskResult<Self> {
        if std::env::consts::ARCH != "x86_64" {
            return Err(TaskError::failed("the lab's virtual machines are x86-64"));
        }
        let home = RECIPE.ensure(cache, suite)?;
        Ok(Self {
            kernel: home.join("vmlinuz"),
            root: home.join("root.img"),
        })
    }
}

/// Puts kernel and disk in the place of the tree.
fn make_disk(tree: &Path) -> TaskResult<()> {
    let made = tree.with_extension("disk");
    // What a build that was killed has left.
    let _ = fs::remove_dir_all(&made);
    fs::create_dir(&made).context(|| format!("make {}", made.display()))?;
    let boot = tree.join("boot");
    let kernel = fs::read_dir(&boot)
        .context(|| format!("read {}", boot.display()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"))
        })
        .ok_or_else(|| TaskError::failed("the tree has no kernel"))?;
    fs::copy(&kernel, made.join("vmlinuz")).context(|| format!("copy {}", kernel.display()))?;
    let root = made.join("root.img");
    fs::File::create(&root)
        .and_then(|file| file.set_len(ROOT_BYTES))
        .context(|| format!("make {}", root.display()))?;
    output(Command::new("mkfs.ext4").args(["-q", "-F", "-d"]).arg(tree).arg(&root))?;
    fs::remove_dir_all(tree).context(|| format!("remove {}", tree.display()))?;
    fs::rename(&made, tree).context(|| format!("rename {}", made.display()))
}
