//! What a run may have left on the host: looked for at the end, swept at the start and at the end.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{PREFIX, machine};

/// What was found.
#[derive(Debug, Default)]
pub struct Leftovers {
    found: Vec<String>,
}

impl Leftovers {
    /// Looks for control groups, mounts, loop devices and processes of this run. Folders with the logs of failed scenarios are kept
    /// on purpose.
    pub fn find(cache: &Path) -> Self {
        let own = format!("{PREFIX}-{}-", std::process::id());
        let mut found = Vec::new();
        for cgroup in cgroups(&own) {
            found.push(format!("control group {}", cgroup.display()));
        }
        let home = cache.join(&own).to_string_lossy().into_owned();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        found.extend(
            mounts
                .lines()
                .filter(|line| line.contains(&home))
                .map(|line| format!("mount {line}")),
        );
        for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
            let backing = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
            if backing.contains(&own) {
                found.push(format!(
                    "{} over {}",
                    entry.file_name().to_string_lossy(),
                    backing.trim()
                ));
            }
        }
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            if words.contains(&home) {
                found.push(format!("process {} {words}", entry.file_name().to_string_lossy()));
            }
        }
        Self { found }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Removes folders and control groups of runs that have ended. Those of a run that is still there are left alone.
    pub fn sweep(cache: &Path) {
        for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if owner(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        for cgroup in cgroups("") {
            let name = cgroup
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let own = std::process::id();
            if owner(&name).is_some_and(|pid| pid == own || !Path::new(&format!("/proc/{pid}")).exists()) {
                machine::remove_cgroups(&cgroup);
            }
        }
    }
}

impl fmt::Display for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found.join("; "))
    }
}

/// The process that a name of the lab belongs to: `selfheal-lab-<process>-…`.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?
        .strip_prefix('-')?
        .split('-')
        .next()?
        .parse()
        .ok()
}

/// Removes the control groups of a scenario that has ended.
pub fn remove_cgroups(label: &str) {
    for cgroup in cgroups(label) {
        machine::remove_cgroups(&cgroup);
    }
}

/// Control groups of the lab whose name starts with this label, or with the lab's prefix.
fn cgroups(label: &str) -> Vec<PathBuf> {
    let label = if label.is_empty() { PREFIX } else { label };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found = Vec::new();
    for line in mounts.lines().filter(|line| line.contains(" - cgroup2 ")) {
        let Some(point) = line.split(' ').nth(4) else { continue };
        for entry in fs::read_dir(point).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(label) {
                found.push(entry.path());
            }
        }
    }
    found
}
