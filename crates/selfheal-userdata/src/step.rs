//! The steps of a boot, in order, and the shell source that each one needs.

use crate::agent::AgentSource;
use crate::config::{AddressWhen, BootConfig, Filesystem, Probe};
use crate::https::Https;

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
    /// Starts the user's script that needs neither data nor address.
    Prepare,
    /// Attaches the volume: the lock.
    Attach,
    /// Waits for the volume's device.
    Device,
    /// Checks the filesystem, or makes one on a volume that is proven new.
    Filesystem,
    /// Mounts it.
    Mount,
    /// Fetches the app's configuration.
    Config,
    /// Lets the units that need the volume start.
    Ready,
    /// Waits for the end of the script that was started beside the wait for the volume.
    Prepared,
    /// Puts the user's files in their places.
    Files,
    /// Runs the user's setup script.
    Setup,
    /// Gives the files to whom the setup script has made.
    Owners,
    /// Checks that systemd has the user's units.
    Units,
    /// Starts the app's target.
    App,
    /// Lets nginx serve by HTTPS, with the certificate that there is.
    Https,
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
    /// Notes which versions of the configuration this instance has.
    Noted,
    /// Says that Systems Manager's agent is not there.
    Agent,
    /// Ends the row of failed replacements.
    Breaker,
    /// Counts the start of a machine that had not shut down.
    Restarted,
    /// Tells that the instance has taken another one's place.
    Told,
}

impl Step {
    /// Returns the steps that the configuration needs, in the order of execution; `bundled` tells whether its user data names a
    /// [bundle](crate::UserData::bundle).
    #[must_use]
    pub fn sequence(config: &BootConfig, bundled: bool) -> Vec<Self> {
        let files = !config.files.is_empty();
        let prepare = config.prepare.is_some();
        let parameters = config.parameters.is_some();
        let data = config.data.is_some();
        let health = config.health.is_some();
        let early = health && config.address_when == AddressWhen::Healthy;
        let steps = [
            (true, Self::Signer),
            (true, Self::Identity),
            (true, Self::Tools),
            (bundled, Self::Bundle),
            (prepare, Self::Prepare),
            (data, Self::Attach),
            (data, Self::Device),
            (data, Self::Filesystem),
            (data, Self::Mount),
            (parameters, Self::Config),
            (true, Self::Ready),
            (prepare, Self::Prepared),
            (files, Self::Files),
            (config.setup.is_some(), Self::Setup),
            (files, Self::Owners),
            (!config.units.is_empty(), Self::Units),
            (true, Self::App),
            (config.https.is_some(), Self::Https),
            (early, Self::Health),
            (true, Self::Address),
            (health && !early, Self::Health),
            (true, Self::Launch),
            (true, Self::Watch),
            (data, Self::Settle),
            (parameters, Self::Noted),
            (config.agent == Some(AgentSource::Unpinned), Self::Agent),
            (!health, Self::Breaker),
            (config.counts_restarts(), Self::Restarted),
            (config.notify.is_some(), Self::Told),
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
            Self::Prepare => "begin_prepare",
            Self::Attach => "attach_volume",
            Self::Device => "await_device",
            Self::Filesystem => "prepare_filesystem",
            Self::Mount => "mount_volume",
            Self::Config => "fetch_config",
            Self::Prepared => "await_prepare",
            Self::Files => "install_files",
            Self::Setup => "run_setup",
            Self::Owners => "own_files",
            Self::Ready => "announce_ready",
            Self::Units => "require_units",
            Self::App => "start_app",
            Self::Https => "start_https",
            Self::Health => "await_health",
            Self::Address => "associate_address",
            Self::Launch => "finish_launch",
            Self::Watch => "start_watch",
            Self::Settle => "settle_volume",
            Self::Noted => "note_config",
            Self::Agent => "tell_of_agent",
            Self::Breaker => "end_failures",
            Self::Restarted => "count_restart",
            Self::Told => "tell_healed",
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
        commands.extend(["blkid", "blockdev", "cmp", "ln", "mount", "stat", "umount", "wipefs"]);
        match data.filesystem {
            Filesystem::Xfs => commands.extend(["mkfs.xfs", "xfs_admin", "xfs_growfs"]),
            Filesystem::Ext4 => commands.extend(["e2fsck", "mkfs.ext4", "resize2fs", "tune2fs"]),
        }
    }
    if config.waits_for_packages() {
        commands.push("stat");
    }
    if config.https.is_some() {
        commands.extend(["cp", "date", "ln", "openssl", "python3", "readlink", "rm"]);
    }
    if config.parameters.is_some() {
        commands.extend(["ln", "rm", "sha256sum"]);
    }
    if !config.files.is_empty() {
        commands.push("chown");
    }
    let contents = config.scripts().chain(config.files.iter().map(|file| &file.content));
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
    if config.repair.reboot_on_hang {
        commands.push("modprobe");
    }
    if config.notify.is_some() || config.data.is_some() {
        commands.push("df");
    }
    if config.logs.is_some() {
        commands.extend(["awk", "journalctl", "mkfifo", "timeout"]);
    }
    if let Some(agent) = &config.agent {
        commands.extend(["dpkg", "dpkg-query"]);
        if let AgentSource::Pinned(_) = agent {
            commands.extend(["rm", "sha256sum", "stat"]);
        }
    }
    commands.sort_unstable();
    commands.dedup();
    commands
}

/// Returns those of the [`commands`] without which no boot can go well. A filesystem is made once in its life, and grown
/// if it can be; `systemd-notify` is there where there is somebody to notify. What signs is looked for before.
pub(crate) fn tools(config: &BootConfig, bundled: bool) -> Vec<&'static str> {
    let probes_http = matches!(
        config.health.as_ref().map(|health| &health.probe),
        Some(Probe::Http { .. })
    );
    let probes_by_process = matches!(
        config.health.as_ref().map(|health| &health.probe),
        Some(Probe::Tcp { .. } | Probe::Command { .. })
    );
    let seldom = [
        "awk",
        "date",
        "df",
        "dpkg",
        "dpkg-query",
        "journalctl",
        "mkfifo",
        "mkfs.ext4",
        "mkfs.xfs",
        "modprobe",
        "python3",
        "readlink",
        "resize2fs",
        "systemd-notify",
        "tail",
        "tune2fs",
        "xfs_admin",
        "xfs_growfs",
    ];
    let late = |name: &str| match name {
        "curl" => probes_http,
        // Without logs a boot is as good.
        "timeout" => probes_by_process,
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
/// to begin a boot, to end one that fails and to ship what it says, and what can wait until a bundle is fetched.
pub(crate) fn fragments(config: &BootConfig, bundled: bool) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut soon = vec![
        include_str!("boot/base.sh"),
        include_str!("boot/metadata.sh"),
        include_str!("boot/call.sh"),
        include_str!("boot/report.sh"),
        include_str!("boot/main.sh"),
    ];
    if bundled || config.logs.is_some() {
        soon.push(include_str!("boot/json.sh"));
    }
    if bundled {
        soon.push(include_str!("boot/bundle.sh"));
    }
    if config.logs.is_some() {
        soon.push(include_str!("boot/logs.sh"));
    }
    if config.notify.is_some() {
        soon.push(include_str!("boot/notify.sh"));
    }
    let mut late = vec![include_str!("boot/serve.sh")];
    late.extend(volume_fragments(config));
    late.push(include_str!("boot/address.sh"));
    late.extend([include_str!("boot/watch.sh"), include_str!("boot/request.sh")]);
    late.push(include_str!("boot/off.sh"));
    if config.notify.is_some() {
        late.extend([include_str!("boot/healed.sh"), include_str!("boot/disk.sh")]);
    }
    if config.parameters.is_some() {
        if !bundled && config.logs.is_none() {
            late.push(include_str!("boot/json.sh"));
        }
        late.push(include_str!("boot/config.sh"));
    }
    if config.parameters.is_some() || config.repair.restart {
        late.push(include_str!("boot/members.sh"));
    }
    if !config.files.is_empty() {
        late.push(include_str!("boot/files.sh"));
    }
    if config.waits_for_packages() {
        late.push(include_str!("boot/packages.sh"));
    }
    if config.scripts().next().is_some() {
        late.push(include_str!("boot/script.sh"));
    }
    if config.prepare.is_some() {
        late.push(include_str!("boot/prepare.sh"));
    }
    if config.setup.is_some() {
        late.push(include_str!("boot/setup.sh"));
    }
    if let Some(https) = &config.https {
        late.extend([include_str!("boot/https.sh"), include_str!("boot/tls.sh")]);
        late.push(challenge_source(https));
    }
    if !config.units.is_empty() {
        late.push(include_str!("boot/units.sh"));
    }
    late.extend(health_fragments(config));
    late.extend(hang_fragments(config));
    match config.agent {
        Some(AgentSource::Pinned(_)) => {
            late.extend([include_str!("boot/agent_missing.sh"), include_str!("boot/agent.sh")]);
        }
        Some(AgentSource::Unpinned) => late.push(include_str!("boot/agent_missing.sh")),
        None => {}
    }
    (soon, late)
}

/// Returns the shell source that shows an authority whose the names are.
const fn challenge_source(https: &Https) -> &'static str {
    match https.asks_in_dns() {
        true => include_str!("boot/challenge_dns.sh"),
        false => include_str!("boot/challenge_http.sh"),
    }
}

/// Returns the part of the program that is about a machine that hangs.
fn hang_fragments(config: &BootConfig) -> Vec<&'static str> {
    let sources = [
        (config.repair.reboot_on_hang, include_str!("boot/hang.sh")),
        (config.counts_restarts(), include_str!("boot/restarts.sh")),
    ];
    sources
        .into_iter()
        .filter_map(|(wanted, source)| wanted.then_some(source))
        .collect()
}

/// Returns the part of the program that asks the app, or AWS about it, and what it does about an answer.
fn health_fragments(config: &BootConfig) -> Vec<&'static str> {
    let Some(health) = &config.health else {
        return Vec::new();
    };
    let mut sources = vec![
        probe_source(&health.probe),
        include_str!("boot/health.sh"),
        include_str!("boot/watchdog.sh"),
    ];
    if config.repair.restart {
        sources.extend([include_str!("boot/repair.sh"), include_str!("boot/repairs.sh")]);
    }
    if config.repair.reboot {
        sources.push(include_str!("boot/reboot.sh"));
    }
    if config.asks_aws() {
        sources.push(include_str!("boot/application_status.sh"));
    }
    sources
}

/// Returns the part of the program that is about the data volume, or that stands for it where there is none.
fn volume_fragments(config: &BootConfig) -> Vec<&'static str> {
    let Some(data) = &config.data else {
        return vec![include_str!("boot/no_lock.sh")];
    };
    vec![
        include_str!("boot/volume.sh"),
        include_str!("boot/mount.sh"),
        include_str!("boot/lock.sh"),
        include_str!("boot/grow.sh"),
        include_str!("boot/filesystem.sh"),
        match data.filesystem {
            Filesystem::Xfs => include_str!("boot/xfs.sh"),
            Filesystem::Ext4 => include_str!("boot/ext4.sh"),
        },
        include_str!("boot/copy.sh"),
    ]
}
