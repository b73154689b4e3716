//! The boot program's configuration.

use crate::error::RenderError;
use crate::file::BootFile;
use crate::mount::mount_unit;

/// The longest name that systemd gives a unit.
const UNIT_NAME_MAX_BYTES: usize = 255;

/// Configuration of one stack's boot program. It holds no secret: user data can be read by anybody
/// on the instance and by anybody who may describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootConfig {
    /// Name of the stack: text without control characters.
    pub stack: String,
    /// Region, such as `eu-west-1`.
    pub region: String,
    /// Suffix of the service endpoints: `amazonaws.com`, in China `amazonaws.com.cn`.
    pub dns_suffix: String,
    /// Name of the Auto Scaling group.
    pub group: String,
    /// Name of the lifecycle hook that holds a launch until the instance is ready.
    pub launch_hook: String,
    /// Name of the lifecycle hook that holds a termination until the volume is released; `None` where the group has none.
    pub terminate_hook: Option<String>,
    /// Name of the IAM role, without its path, under which the metadata service offers the credentials.
    pub role: String,
    /// Allocation id of the Elastic IP, `eipalloc-…`.
    pub allocation_id: String,
    /// Data volume; `None` where the stack has none.
    pub data: Option<DataVolume>,
    /// Setup script of the user, run once an instance after the mount: any bytes that the kernel can execute, or bash.
    pub setup: Option<Vec<u8>>,
    /// Seconds that the setup script may take; at least 1. Without a setup script it has no effect.
    pub setup_timeout_s: u32,
    /// Files that every boot puts in their places, after the mount and before the setup.
    pub files: Vec<BootFile>,
    /// Health check of the app; `None` where nobody asks whether it is well.
    pub health: Option<HealthCheck>,
    /// Time at which the address moves to a new instance. Without a health check it has no effect.
    pub address_when: AddressWhen,
    /// Number of failed replacements in a row at which the stack parks itself; at least 1.
    pub breaker_limit: u32,
}

/// Data volume, and its place on the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataVolume {
    /// Id of the volume, `vol-…`.
    pub volume_id: String,
    /// Mount point: absolute, without `.`, `..`, empty components or control characters, and not `/`.
    pub mount: String,
    /// Filesystem that the volume carries, or gets while it is new.
    pub filesystem: Filesystem,
}

/// A filesystem for the data volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filesystem {
    /// XFS: needs `mkfs.xfs` (package `xfsprogs`) while the volume is new.
    Xfs,
    /// ext4.
    Ext4,
}

impl Filesystem {
    /// Every filesystem.
    pub(crate) const ALL: [Self; 2] = [Self::Xfs, Self::Ext4];

    /// Returns the name that `mount -t` and `blkid` use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        }
    }
}

/// Judgement of the app's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Question to the app.
    pub probe: Probe,
    /// Seconds between two probes of the running app; at least 1. One probe may take as long, up to 10 s.
    pub interval_s: u32,
    /// Failures in a row that make the instance unhealthy; at least 1.
    pub threshold: u32,
    /// Seconds that a starting app has until its first success; at least 1.
    pub startup_budget_s: u32,
    /// Watcher of the running app.
    pub from: HealthFrom,
}

/// One question to the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A GET that answers with a status from 200 to 399.
    Http {
        /// URL, as the instance itself reaches it, for example `http://127.0.0.1:8080/healthz`.
        url: String,
    },
    /// A TCP port of 127.0.0.1 that accepts a connection.
    Tcp {
        /// Port; not 0.
        port: u16,
    },
    /// A command line for bash that ends with the status 0. It runs as root.
    Command {
        /// Command line.
        command: String,
    },
}

/// Watcher of the running app. The first probe, before the launch is completed, is always the instance's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthFrom {
    /// A timer on the instance, which reports to the group.
    Instance,
    /// EC2's application status checks, from outside. The instance only counts what they find, for the breaker.
    Aws,
    /// Both; either one replaces the instance.
    Both,
}

impl HealthFrom {
    /// Everybody who may watch.
    pub(crate) const ALL: [Self; 3] = [Self::Instance, Self::Aws, Self::Both];

    /// Returns the name that `selfheal.toml` and the boot program use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Aws => "aws",
            Self::Both => "both",
        }
    }
}

/// The longest that one probe may take, in seconds.
const PROBE_S_MAX: u32 = 10;
/// Seconds between two requests of an application status check, and the longest that EC2 waits with the first one.
const AWS_INTERVAL_S: u32 = 60;
const AWS_GRACE_S_MAX: u32 = 600;
/// How many times the threshold a replacement must answer in a row until it counts as good: long enough that an app which
/// fails some minutes after each good start runs into the breaker.
const STABLE_FACTOR: u32 = 10;

impl HealthCheck {
    /// Returns the seconds that one probe may take at most.
    pub(crate) fn probe_s_max(&self) -> u32 {
        self.interval_s.min(PROBE_S_MAX)
    }

    /// Returns the seconds between two looks at the running app: AWS looks once a minute.
    pub(crate) const fn look_s(&self) -> u32 {
        match self.from {
            HealthFrom::Aws => AWS_INTERVAL_S,
            _ => self.interval_s,
        }
    }

    /// Returns how many good looks in a row make a replacement a good one. Where AWS looks, it must have had the time to
    /// find the app impaired.
    pub(crate) fn stable_looks(&self) -> u32 {
        let own = self.threshold.saturating_mul(STABLE_FACTOR);
        let grace_s = self.startup_budget_s.clamp(1, AWS_GRACE_S_MAX);
        let aws_s = grace_s
            .saturating_add(self.threshold.saturating_mul(AWS_INTERVAL_S))
            .saturating_add(AWS_GRACE_S_MAX);
        match self.from {
            HealthFrom::Instance => own,
            HealthFrom::Aws => aws_s.div_ceil(AWS_INTERVAL_S),
            HealthFrom::Both => own.max(aws_s.div_ceil(self.interval_s.max(1))),
        }
    }
}

/// Time at which the address moves to a new instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressWhen {
    /// As soon as the volume is mounted and the setup is done.
    Mounted,
    /// When the app answers its probe. The same as `Mounted` where there is no probe.
    Healthy,
}

impl BootConfig {
    /// Checks what the shell, the service endpoints and systemd rely on.
    pub(crate) fn validate(&self) -> Result<(), RenderError> {
        let id = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let dotted = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let role = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        let printable = |c: char| !c.is_control();
        only(
            "region",
            &self.region,
            dotted,
            "must be lower-case letters, digits and hyphens",
        )?;
        only("dns_suffix", &self.dns_suffix, dotted, "must be a domain")?;
        only("allocation_id", &self.allocation_id, id, "must be an allocation id")?;
        only("role", &self.role, role, "must be an IAM role's name")?;
        only(
            "stack",
            &self.stack,
            printable,
            "must be text without control characters",
        )?;
        only(
            "group",
            &self.group,
            printable,
            "must be text without control characters",
        )?;
        only(
            "launch_hook",
            &self.launch_hook,
            printable,
            "must be text without control characters",
        )?;
        if let Some(hook) = &self.terminate_hook {
            only(
                "terminate_hook",
                hook,
                printable,
                "must be text without control characters",
            )?;
        }
        at_least_one("breaker_limit", self.breaker_limit)?;
        at_least_one("setup_timeout_s", self.setup_timeout_s)?;
        if let Some(data) = &self.data {
            only("data.volume_id", &data.volume_id, id, "must be a volume id")?;
            data.validate_mount()?;
        }
        for file in &self.files {
            file.check()?;
        }
        self.health.as_ref().map_or(Ok(()), HealthCheck::validate)
    }

    /// Returns whether the instance asks what EC2's application status checks find of its app.
    pub(crate) fn asks_aws(&self) -> bool {
        self.health
            .as_ref()
            .is_some_and(|health| health.from != HealthFrom::Instance)
    }
}

impl DataVolume {
    fn validate_mount(&self) -> Result<(), RenderError> {
        let path = self.mount.strip_prefix('/').unwrap_or_default();
        let proper = |part: &str| !matches!(part, "" | "." | "..");
        // A backslash or white space at the end would be read as something else in a systemd unit.
        let ends_plainly = !self.mount.ends_with(|c: char| c == '\\' || c.is_whitespace());
        let named = mount_unit(&self.mount).len() <= UNIT_NAME_MAX_BYTES;
        if path.split('/').all(proper) && !self.mount.contains(char::is_control) && ends_plainly && named {
            return Ok(());
        }
        let expected = "must be an absolute path that systemd can name, other than / and without empty parts, . or ..";
        Err(RenderError::Invalid {
            field: "data.mount",
            expected,
            value: self.mount.clone(),
        })
    }
}

impl HealthCheck {
    fn validate(&self) -> Result<(), RenderError> {
        at_least_one("health.interval_s", self.interval_s)?;
        at_least_one("health.threshold", self.threshold)?;
        at_least_one("health.startup_budget_s", self.startup_budget_s)?;
        match &self.probe {
            Probe::Http { url }
                if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(char::is_control) =>
            {
                let expected = "must start with http:// or https:// and hold no control characters";
                Err(RenderError::Invalid {
                    field: "health.probe.url",
                    expected,
                    value: url.clone(),
                })
            }
            Probe::Tcp { port } => at_least_one("health.probe.port", u32::from(*port)),
            Probe::Http { .. } | Probe::Command { .. } => Ok(()),
        }
    }
}

fn only(
    field: &'static str,
    value: &str,
    allowed: impl Fn(char) -> bool,
    expected: &'static str,
) -> Result<(), RenderError> {
    if !value.is_empty() && value.chars().all(allowed) {
        return Ok(());
    }
    Err(RenderError::Invalid {
        field,
        expected,
        value: value.to_owned(),
    })
}

fn at_least_one(field: &'static str, value: u32) -> Result<(), RenderError> {
    if value >= 1 {
        return Ok(());
    }
    Err(RenderError::Invalid {
        field,
        expected: "must be at least 1",
        value: value.to_string(),
    })
}
