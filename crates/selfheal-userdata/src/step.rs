//! The steps of a boot, in order, and the shell source that each one needs.

use crate::config::{AddressWhen, BootConfig, Filesystem, Probe};

/// One step of the boot program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Checks that calls can be signed at all.
    Signer,
    /// Reads the instance's identity and its role's credentials.
    Identity,
    /// Checks for the commands that the other steps need.
    Tools,
    /// Fetches what did not fit into the user data.
    Bundle,
    /// Attaches the volume: the lock.
    Attach,
    /// Waits for the volume's device.
    Device,
    /// Checks the filesystem, or makes one on a volume that is proven new.
    Filesystem,
    /// Mounts it.
    Mount,
    /// Lets the units that need the volume start.
    Ready,
    /// Puts the user's files in their places.
    Files,
    /// Runs the user's setup script.
    Setup,
    /// Gives the files to whom the setup script has made.
    Owners,
    /// Starts the app's target.
    App,
    /// Waits until the app answers.
    Health,
    /// Associates the address and reads it back.
    Address,
    /// Completes the launch hook.
    Launch,
    /// Lets the volume and the app be watched from here on.
    Watch,
    /// Grows the filesystem, and removes the mark of first use where the volume came with its filesystem.
    Settle,
    /// Ends the row of failed replacements.
    Breaker,
}

impl Step {
    /// Returns the steps that the configuration needs, in the order of execution; `bundled` tells whether its user data names a
    /// [bundle](crate::UserData::bundle).
    #[must_use]
    pub fn sequence(config: &BootConfig, bundled: bool) -> Vec<Self> {
        let files = !config.files.is_empty();
        let data = config.data.is_some();
        let health = config.health.is_some();
        let early = health && config.address_when == AddressWhen::Healthy;
        let steps = [
            (true, Self::Signer),
            (true, Self::Identity),
            (true, Self::Tools),
            (bundled, Self::Bundle),
            (data, Self::Attach),
            (data, Self::Device),
            (data, Self::Filesystem),
            (data, Self::Mount),
            (true, Self::Ready),
            (files, Self::Files),
            (config.setup.is_some(), Self::Setup),
            (files, Self::Owners),
            (true, Self::App),
            (early, Self::Health),
            (true, Self::Address),
            (health && !early, Self::Health),
            (true, Self::Launch),
            (true, Self::Watch),
            (data, Self::Settle),
            (!health, Self::Breaker),
        ];
        steps
            .into_iter()
            .filter_map(|(needed, step)| needed.then_some(step))
            .collect()
    }

    /// Returns the shell function that carries the step out.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Signer => "require_signer",
            Self::Identity => "require_identity",
            Self::Tools => "require_tools",
            Self::Bundle => "fetch_bundle",
            Self::Attach => "attach_volume",
            Self::Device => "await_device",
            Self::Filesystem => "prepare_filesystem",
            Self::Mount => "mount_volume",
            Self::Files => "install_files",
            Self::Setup => "run_setup",
            Self::Owners => "own_files",
            Self::Ready => "announce_ready",
            Self::App => "start_app",
            Self::Health => "await_health",
            Self::Address => "associate_address",
            Self::Launch => "finish_launch",
            Self::Watch => "start_watch",
            Self::Settle => "settle_volume",
            Self::Breaker => "end_failures",
        }
    }
}

/// Returns the external commands that the user data and the program may run for this configuration, sorted: what an image
/// must have, beside bash itself. `date` is used if it is there; where curl is missing or cannot sign, python3 signs.
/// `bundled` tells whether the user data names a [bundle](crate::UserData::bundle).
#[must_use]
pub fn commands(config: &BootConfig, bundled: bool) -> Vec<&'static str> {
    let mut commands = vec![
        "cat",
        "chmod",
        "curl",
        "mkdir",
        "mv",
        "sync",
        "systemctl",
        "systemd-notify",
        "tail",
    ];
    if let Some(data) = &config.data {
        commands.extend(["blkid", "blockdev", "cmp", "ln", "mount", "umount", "wipefs"]);
        match data.filesystem {
            Filesystem::Xfs => commands.extend(["mkfs.xfs", "xfs_admin", "xfs_growfs"]),
            Filesystem::Ext4 => commands.extend(["e2fsck", "mkfs.ext4", "resize2fs", "tune2fs"]),
        }
    }
    if config.setup.is_some() {
        commands.push("stat");
    }
    if !config.files.is_empty() {
        commands.push("chown");
    }
    let contents = config.setup.iter().chain(config.files.iter().map(|file| &file.content));
    if bundled || contents.into_iter().any(|content| content.contains(&0)) {
        commands.push("base64");
    }
    if bundled {
        commands.extend(["gzip", "sha256sum"]);
    }
    if matches!(
        config.health.as_ref().map(|health| &health.probe),
        Some(Probe::Tcp { .. } | Probe::Command { .. })
    ) {
        commands.extend(["bash", "timeout"]);
    }
    commands.sort_unstable();
    commands
}

/// Returns those of the [`commands`] without which no boot can go well. A filesystem is made once in its life, and grown
/// if it can be; `systemd-notify` is there where there is somebody to notify. What signs is looked for before.
pub(crate) fn tools(config: &BootConfig, bundled: bool) -> Vec<&'static str> {
    let probes_http = matches!(
        config.health.as_ref().map(|health| &health.probe),
        Some(Probe::Http { .. })
    );
    let seldom = [
        "mkfs.ext4",
        "mkfs.xfs",
        "resize2fs",
        "systemd-notify",
        "tail",
        "tune2fs",
        "xfs_admin",
        "xfs_growfs",
    ];
    let late = |name: &str| match name {
        "curl" => probes_http,
        // It has done its work by then, but for what the boot itself unpacks.
        "base64" => bundled || config.files.iter().any(|file| file.content.contains(&0)),
        _ => !seldom.contains(&name),
    };
    commands(config, bundled)
        .into_iter()
        .filter(|name| late(name))
        .collect()
}

/// Returns the shell source that asks the app this question.
pub(crate) const fn probe_source(probe: &Probe) -> &'static str {
    match probe {
        Probe::Http { .. } => include_str!("boot/health_http.sh"),
        Probe::Tcp { .. } => include_str!("boot/health_tcp.sh"),
        Probe::Command { .. } => include_str!("boot/health_command.sh"),
    }
}

/// Returns the shell source of the boot program for this configuration, each part that it needs once: what is needed
/// to begin a boot and to end one that fails, and what can wait until a bundle is fetched.
pub(crate) fn fragments(config: &BootConfig, bundled: bool) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut parts = vec![
        include_str!("boot/base.sh"),
        include_str!("boot/metadata.sh"),
        include_str!("boot/call.sh"),
        include_str!("boot/report.sh"),
    ];
    if bundled {
        parts.extend([include_str!("boot/json.sh"), include_str!("boot/bundle.sh")]);
    }
    if config.data.is_some() {
        parts.push(include_str!("boot/volume.sh"));
        parts.push(include_str!("boot/mount.sh"));
        parts.push(include_str!("boot/lock.sh"));
    } else {
        parts.push(include_str!("boot/no_lock.sh"));
    }
    parts.push(include_str!("boot/address.sh"));
    parts.push(include_str!("boot/watch.sh"));
    parts.push(include_str!("boot/main.sh"));
    let mut late = Vec::new();
    if let Some(data) = &config.data {
        late.push(include_str!("boot/filesystem.sh"));
        late.push(match data.filesystem {
            Filesystem::Xfs => include_str!("boot/xfs.sh"),
            Filesystem::Ext4 => include_str!("boot/ext4.sh"),
        });
    }
    if !config.files.is_empty() {
        late.push(include_str!("boot/files.sh"));
    }
    if config.setup.is_some() {
        late.push(include_str!("boot/setup.sh"));
    }
    if let Some(health) = &config.health {
        late.extend([
            probe_source(&health.probe),
            include_str!("boot/health.sh"),
            include_str!("boot/watchdog.sh"),
        ]);
    }
    if config.asks_aws() {
        late.push(include_str!("boot/application_status.sh"));
    }
    (parts, late)
}
