//! Volumes: sparse files, shown to machines through loop devices.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{major, minor};
use sha2::{Digest, Sha256};

use super::command::{output, run};
use crate::error::{Context, TaskResult};

/// The bytes of a volume.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    name: String,
    generation: u32,
}

impl Disk {
    /// Makes a volume that reads as zeroes.
    pub fn create(folder: &Path, name: &str, bytes: u64) -> TaskResult<Self> {
        let disk = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            generation: 0,
        };
        let path = disk.path();
        File::create(&path)
            .and_then(|file| file.set_len(bytes))
            .context(|| format!("make {}", path.display()))?;
        Ok(disk)
    }

    /// Makes a volume with the bytes of a file.
    pub fn copy(folder: &Path, name: &str, from: &Path) -> TaskResult<Self> {
        let disk = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            generation: 0,
        };
        output(Command::new("cp").arg("--sparse=always").arg(from).arg(disk.path()))?;
        Ok(disk)
    }

    /// The file that holds the bytes now.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.{}.img", self.name, self.generation))
    }

    /// Cuts the power: what was not written to the file so far is lost, whatever the kernel writes later.
    ///
    /// The kernel writes back what it still holds when a dead machine's mount goes away, which a real power cut does
    /// not; so the file is copied, and the copy is the volume from now on.
    pub fn power_cut(&mut self) -> TaskResult<()> {
        let from = self.path();
        self.generation += 1;
        let to = self.path();
        output(
            Command::new("cp")
                .args(["--sparse=always", "--reflink=auto"])
                .arg(&from)
                .arg(&to),
        )?;
        Ok(())
    }

    /// Makes the volume blank again; answers a handle on the same bytes.
    pub fn renew(&mut self, folder: &Path, bytes: u64) -> TaskResult<Self> {
        // The old bytes are in memory; whoever still has them open keeps them.
        let _ = fs::remove_file(self.path());
        self.generation += 1;
        let path = self.path();
        File::create(&path)
            .and_then(|file| file.set_len(bytes))
            .context(|| format!("make {}", path.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            name: self.name.clone(),
            generation: self.generation,
        })
    }

    /// Attaches the volume: a loop device of its own, with a page cache of its own, as another host would have.
    pub fn attach(&self) -> TaskResult<Loop> {
        Loop::over(&self.path())
    }

    /// A hash of all bytes.
    pub fn hash(&self) -> TaskResult<String> {
        hash_file(&self.path())
    }

    /// Writes bytes at an offset, behind everybody's back.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> TaskResult<()> {
        let path = self.path();
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.write_all_at(bytes, offset))
            .context(|| format!("write to {}", path.display()))
    }

    /// Changes the size.
    pub fn resize(&self, bytes: u64) -> TaskResult<()> {
        let path = self.path();
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.set_len(bytes))
            .context(|| format!("resize {}", path.display()))
    }
}

/// Hashes a file, holes included.
fn hash_file(path: &Path) -> TaskResult<String> {
    let mut file = File::open(path).context(|| format!("open {}", path.display()))?;
    file.seek(SeekFrom::Start(0))
        .context(|| format!("read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).context(|| format!("read {}", path.display()))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A loop device. It is marked to clear itself once nobody holds it open, and this value holds it open: so it is gone
/// with the process, however that ends.
#[derive(Debug)]
pub struct Loop {
    path: PathBuf,
    numbers: (u32, u32),
    _held: File,
}

impl Loop {
    /// Shows a file as a block device.
    pub fn over(file: &Path) -> TaskResult<Self> {
        let path = output(Command::new("losetup").args(["--find", "--show"]).arg(file))?;
        let path = PathBuf::from(path.trim());
        let held = OpenOptions::new().read(true).open(&path);
        let held = held.context(|| format!("open {}", path.display()));
        run(&["losetup", "--detach", &path.to_string_lossy()])?;
        let held = held?;
        let device = fs::metadata(&path)
            .context(|| format!("look at {}", path.display()))?
            .rdev();
        Ok(Self {
            path,
            numbers: (major(device), minor(device)),
            _held: held,
        })
    }

    /// Takes the size of its file, as the kernel does when EBS has grown a volume.
    pub fn refresh(&self) -> TaskResult<()> {
        run(&["losetup", "--set-capacity", &self.path.to_string_lossy()]).map(drop)
    }

    /// Its path in the lab.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its major and minor number.
    pub const fn numbers(&self) -> (u32, u32) {
        self.numbers
    }
}
