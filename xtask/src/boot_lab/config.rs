//! Where a lab has its things.

use std::path::PathBuf;

use super::image::Image;

/// What all machines of a lab share.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// The root file system of machines in namespaces, read only. The lab's own tools are in it too.
    pub rootfs: PathBuf,
    /// What virtual machines boot from, where the machines are such.
    pub image: Option<Image>,
    /// A folder in memory.
    pub memory: PathBuf,
    /// A folder on disk, for what people read afterwards.
    pub logs: PathBuf,
    /// Where the control groups are mounted, of version 2.
    pub cgroups: PathBuf,
    /// An empty ext4 for the machines' root disks; without one they have their root in memory.
    pub root_template: Option<PathBuf>,
    /// A name for everything of this lab.
    pub label: String,
}
