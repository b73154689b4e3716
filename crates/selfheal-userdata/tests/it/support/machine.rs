//! A machine to boot: a root folder, and stand-ins for the commands that need root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use selfheal_userdata::{BootConfig, PROGRAM_PATH, UserData, commands, render};
use tempfile::TempDir;

use super::aws::Aws;

/// Each stand-in notes its name and arguments, and does what the tests look at. The first line of a device says what
/// filesystem it carries and how that is labelled, where it has one.
const STUBS: [(&str, &str); 16] = [
    (
        "systemctl",
        "[[ $1 != show ]] || echo LoadState=\"$(cat \"$SELFHEAL_ROOT/load-state-$4\" 2>/dev/null || echo loaded)\"",
    ),
    ("systemd-notify", ""),
    ("mount", ""),
    ("umount", ""),
    (
        "blkid",
        "read -r type label < <(/usr/bin/head -c 64 \"${!#}\" | /usr/bin/tr -d '\\0'); case $type in \
         xfs | ext4) printf '%s\\n' \"DEVNAME=${!#}\" ${label:+LABEL=$label} TYPE=$type ;; \
         gpt) echo \"DEVNAME=${!#}\" ;; *) exit 2 ;; esac",
    ),
    ("blockdev", "exec /usr/bin/stat -c %s \"$2\""),
    (
        "wipefs",
        "[[ $(/usr/bin/head -c 3 \"$2\" | /usr/bin/tr -d '\\0') != lvm ]] || echo LVM2_member",
    ),
    (
        "mkfs.xfs",
        "printf 'xfs selfheal-new\\n' | /bin/dd of=\"${!#}\" conv=notrunc status=none",
    ),
    (
        "mkfs.ext4",
        "printf 'ext4 selfheal-new\\n' | /bin/dd of=\"${!#}\" conv=notrunc status=none",
    ),
    (
        "xfs_admin",
        "printf 'xfs selfheal\\n\\0\\0\\0\\0' | /bin/dd of=\"${!#}\" conv=notrunc status=none",
    ),
    (
        "tune2fs",
        "printf 'ext4 selfheal\\n\\0\\0\\0\\0' | /bin/dd of=\"${!#}\" conv=notrunc status=none",
    ),
    ("e2fsck", "exit 1"),
    ("xfs_growfs", ""),
    ("resize2fs", ""),
    ("sync", ""),
    ("modprobe", ""),
];

/// Bytes of the data volume: small enough to be read whole, large enough to hide something.
pub const VOLUME_BYTES: usize = 3 << 20;

/// How long a run may take, in seconds: it takes one or two, and a machine under load gets the rest.
const PROGRAM_S_MAX: u32 = 100;

/// A machine with a fake AWS of its own.
pub struct Machine {
    folder: TempDir,
    /// The AWS that the machine sees.
    pub aws: Aws,
}

impl Machine {
    /// Makes a machine with a blank volume that is not attached.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("dev")).unwrap();
        // One of its own, so that none has to be made.
        fs::write(root.join("dev/watchdog"), "").unwrap();
        fs::create_dir_all(folder.path().join("bin")).unwrap();
        fs::write(root.join("volume"), vec![0; VOLUME_BYTES]).unwrap();
        for (name, body) in STUBS {
            let note = folder.path().join("commands");
            let text = format!("#!/bin/bash\necho \"{name} $*\" >>{}\n{body}\n", note.display());
            let path = folder.path().join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["bash", "date"] {
            symlink(Path::new("/usr/bin").join(name), folder.path().join("bin").join(name)).unwrap();
        }
        let aws = Aws::start(root);
        Self { folder, aws }
    }

    /// Returns the machine's root folder.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Returns a folder that is nobody's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Installs the full stack with a limit of the boot program changed, where reaching it would take minutes.
    pub fn set_limit(&self, name: &str, limit: u32) {
        self.install_with(&super::full(), &[(name, limit)]);
    }

    /// Installs a stack with limits of the boot program changed, where reaching them would take minutes.
    pub fn install_with(&self, config: &BootConfig, limits: &[(&str, u32)]) {
        self.install(config);
        let path = self.root().join(PROGRAM_PATH.trim_start_matches('/'));
        for (name, limit) in limits {
            let text = fs::read_to_string(&path).unwrap();
            let line = text.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap();
            fs::write(&path, text.replace(line, &format!("{name}={limit}"))).unwrap();
        }
    }

    /// Replaces a part of the installed program.
    pub fn set_program(&self, old: &str, new: &str) {
        let path = self.root().join(PROGRAM_PATH.trim_start_matches('/'));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old}");
        fs::write(&path, text.replace(old, new)).unwrap();
    }

    /// Lets the installed stack ask its app by another command.
    pub fn set_probe(&self, command: &str) {
        let path = self.root().join("etc/selfheal/config");
        let config = fs::read_to_string(&path).unwrap();
        let line = config.lines().find(|line| line.starts_with("probe_target=")).unwrap();
        fs::write(&path, config.replace(line, &format!("probe_target='{command}'"))).unwrap();
    }

    /// Writes text into the volume, wherever it is now.
    pub fn write_volume(&self, at: usize, text: &str) {
        let path = self.volume();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        fs::write(path, bytes).unwrap();
    }

    /// Returns where the volume is.
    pub fn volume(&self) -> PathBuf {
        let attached = self.root().join("dev/nvme1n1");
        if attached.exists() {
            attached
        } else {
            self.root().join("volume")
        }
    }

    /// Replaces a stand-in.
    pub fn stub(&self, name: &str, body: &str) {
        let path = self.folder.path().join("bin").join(name);
        // It may be a link to the real one, which must not be written to.
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the user data, as cloud-init would.
    pub fn install(&self, config: &BootConfig) -> UserData {
        // What the image must have is all there is.
        let user_data = render(config).unwrap();
        for name in commands(config, user_data.bundle().is_some()) {
            let path = self.folder.path().join("bin").join(name);
            if !path.exists() {
                symlink(Path::new("/usr/bin").join(name), path).unwrap();
            }
        }
        if let Some(bundle) = user_data.bundle() {
            self.aws.put_bundle(&config.stack, bundle);
        }
        let path = self.user_data();
        fs::write(&path, user_data.script()).unwrap();
        let output = self.run(&["/bin/bash", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output));
        user_data
    }

    /// Returns where the user data is.
    pub fn user_data(&self) -> PathBuf {
        self.folder.path().join("user-data")
    }

    /// Runs the installed program: `boot`, `watch` or `watchdog`.
    pub fn program(&self, verb: &str) -> Output {
        self.program_under(&[], verb)
    }

    /// Runs the installed program under another, such as a tracer.
    pub fn program_under(&self, tracer: &[&str], verb: &str) -> Output {
        let program = self.root().join(PROGRAM_PATH.trim_start_matches('/'));
        self.run(&[tracer, &["/bin/bash", program.to_str().unwrap(), verb]].concat())
    }

    /// Runs the installed program with more in its environment, as a unit has it.
    pub fn program_among(&self, environment: &[(&str, &str)], verb: &str) -> Output {
        let settings = environment.iter().map(|(name, value)| format!("{name}={value}"));
        let command: Vec<String> = ["/usr/bin/env".to_owned()].into_iter().chain(settings).collect();
        self.program_under(&command.iter().map(String::as_str).collect::<Vec<_>>(), verb)
    }

    fn run(&self, command: &[&str]) -> Output {
        // A program that never ends fails its test instead of holding up all of them.
        let mut limited = Command::new("/usr/bin/timeout");
        self.surround(limited.arg(PROGRAM_S_MAX.to_string()).args(command));
        let output = limited.output().unwrap();
        assert!(!text(&output).contains("command not found"), "{}", text(&output));
        output
    }

    /// Starts the installed program, which ends when it is killed. Its process group is its own.
    pub fn start(&self, verb: &str) -> Child {
        let program = self.root().join(PROGRAM_PATH.trim_start_matches('/'));
        let mut command = Command::new("/bin/bash");
        self.surround(command.arg(program).arg(verb).process_group(0));
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("SELFHEAL_ROOT", self.root())
            .env("AWS_ENDPOINT_URL", &self.aws.url)
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.aws.url);
    }

    /// Returns what the stand-ins noted so far.
    pub fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("commands")).unwrap_or_default();
        text.lines()
            .map(|line| line.replace(&self.root().display().to_string(), ""))
            .collect()
    }

    /// Boots a stack for the first time, asserts how that ends, and returns what it printed.
    pub fn boot(&self, config: &BootConfig, code: i32) -> String {
        self.install(config);
        self.again("boot", code)
    }

    /// Runs the installed program, asserts how that ends, and returns what it printed.
    pub fn again(&self, verb: &str, code: i32) -> String {
        let output = self.program(verb);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(self.aws.state().complaints, Vec::<String>::new());
        text
    }

    /// Returns how often a stand-in ran.
    pub fn count(&self, command: &str) -> usize {
        self.commands()
            .iter()
            .filter(|line| line.split(' ').next() == Some(command))
            .count()
    }

    /// Returns the parameters of the last call of an action.
    pub fn last(&self, action: &str) -> BTreeMap<String, String> {
        let state = self.aws.state();
        state
            .calls
            .iter()
            .rev()
            .find(|(name, _)| name == action)
            .unwrap()
            .1
            .clone()
    }

    /// Returns the actions that AWS was asked for so far.
    pub fn actions(&self) -> Vec<String> {
        self.aws
            .state()
            .calls
            .iter()
            .map(|(action, _)| action.clone())
            .collect()
    }
}

/// Joins both outputs of a process.
pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
