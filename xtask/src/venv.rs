//! The Python environment below the target folder: moto, parliament and shellcheck, versions pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::{Context, TaskError, TaskResult};
use crate::{shell, workspace};

/// The folder of what the environment is made from.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.in");
/// The same with every dependency pinned, for the Python versions that these exist for.
const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");
/// The oldest minor version of Python 3 that every pinned version supports.
const PINNED_MINOR_MIN: u32 = 11;

/// A virtual environment that has everything.
#[derive(Clone, Debug)]
pub struct Venv {
    bin: PathBuf,
}

impl Venv {
    /// Makes the environment, unless it is there and made from the same requirements.
    pub fn ensure() -> TaskResult<Self> {
        let home = workspace::scratch().join("venv");
        let venv = Self { bin: home.join("bin") };
        let stamp = home.join("made-from");
        let wanted = fingerprint()?;
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(venv);
        }
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(workspace::scratch()).context(|| "make the folder of the tasks".to_owned())?;
        create(&home)?;
        let requirements = if minor_version()? >= PINNED_MINOR_MIN {
            PINNED
        } else {
            SOURCES
        };
        println!("installing {requirements} into {}", home.display());
        shell::run(
            Command::new(venv.program("python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(requirements),
        )?;
        fs::write(&stamp, wanted).context(|| format!("write {}", stamp.display()))?;
        Ok(venv)
    }

    /// The folder of its programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A call of one of our scripts.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.program("python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name));
        command
    }
}

/// What the environment is made from, in one line.
fn fingerprint() -> TaskResult<String> {
    let mut hash = Sha256::new();
    for path in [SOURCES, PINNED] {
        hash.update(fs::read(path).context(|| format!("read {path}"))?);
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("python 3.{} {hash}\n", minor_version()?))
}

fn create(home: &Path) -> TaskResult<()> {
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(home)).map_err(|error| {
        TaskError::failed(format!(
            "{error}: Python 3 with its venv module is needed (Debian: apt install python3-venv)"
        ))
    })
}

fn minor_version() -> TaskResult<u32> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.version_info.minor)"])
        .output()
        .context(|| "start python3".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| TaskError::malformed("the version of python3", text.trim()))
}
