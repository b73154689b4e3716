//! The NVMe devices of a machine: there as soon as moto says that a volume is attached, gone when it is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fake::{Aws, inventory};
use crate::world::World;

/// How often moto is asked.
const INTERVAL: Duration = Duration::from_millis(50);
/// The size of a stand-in for a volume in bytes. It takes no space until it is written to.
const VOLUME_BYTES: u64 = 1 << 30;

/// Follows what moto says is attached, until it is dropped.
#[derive(Debug)]
pub struct Devices {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Devices {
    /// Begins to follow the attachments of an instance.
    pub fn follow(world: &World, instance: &str, root: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, aws) = (Arc::clone(&stop), world.aws().clone());
        let (instance, root, volumes) = (instance.to_owned(), root.to_path_buf(), world.folder().join("volumes"));
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                // An answer that fails once is asked for again.
                let _ = show(&aws, &instance, &root, &volumes);
                thread::sleep(INTERVAL);
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes the devices equal to what moto says. The root volume is nvme0, as on EC2; data volumes follow.
fn show(aws: &Aws, instance: &str, root: &Path, volumes: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let attached: Vec<String> = inventory::volumes(aws)?
        .into_iter()
        .filter(|volume| volume.attached_to.iter().any(|holder| holder == instance))
        .filter(|volume| {
            volume
                .tags
                .get("selfheal:role")
                .is_none_or(|role| role != "root-volume")
        })
        .map(|volume| volume.id)
        .collect();
    let class = root.join("sys/class/nvme");
    let mut shown = Vec::new();
    for entry in fs::read_dir(&class)? {
        let controller = entry?;
        let serial = fs::read_to_string(controller.path().join("serial"))?.trim().to_owned();
        if attached.iter().any(|id| id.replace('-', "") == serial) {
            shown.push(serial);
        } else {
            let _ = fs::remove_file(device(root, &controller.file_name().to_string_lossy()));
            fs::remove_dir_all(controller.path())?;
        }
    }
    for id in attached.iter().filter(|id| !shown.contains(&id.replace('-', ""))) {
        let number = (1..)
            .find(|number| !class.join(format!("nvme{number}")).exists())
            .unwrap_or(1);
        let backing = volumes.join(id);
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&backing)?;
        file.set_len(file.metadata()?.len().max(VOLUME_BYTES))?;
        symlink(&backing, device(root, &format!("nvme{number}")))?;
        // The serial comes last and whole: it is what the boot program looks for.
        let making = root.join("run").join(format!("nvme{number}"));
        fs::create_dir_all(&making)?;
        fs::write(making.join("serial"), format!("{:<20}\n", id.replace('-', "")))?;
        fs::rename(&making, class.join(format!("nvme{number}")))?;
    }
    Ok(())
}

fn device(root: &Path, controller: &str) -> PathBuf {
    root.join("dev").join(format!("{controller}n1"))
}
