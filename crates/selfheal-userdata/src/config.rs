//! The boot program's configuration.

use crate::agent::AgentSource;
use crate::app_unit::{APP_UNITS_MAX, check_app_unit};
use crate::error::RenderError;
use crate::file::BootFile;
use crate::https::Https;
use crate::mount::mount_unit;
use crate::parameters::Parameters;

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
    /// Script of the user that needs neither data nor address, run once an instance beside the wait for the volume.
    pub prepare: Option<Prepare>,
    /// Setup script of the user, run once an instance after the mount: any bytes that the kernel can execute, or bash.
    pub setup: Option<Vec<u8>>,
    /// Seconds that the setup script may take; at least 1. Without a setup script it has no effect.
    pub setup_timeout_s: u32,
    /// Seconds that a unit may take to stop which says nothing else, such as the app's; at least 1.
    pub stop_timeout_s: u32,
    /// Files that every boot puts in their places, after the mount and before the setup.
    pub files: Vec<BootFile>,
    /// Units of the user's that start and stop with the app's target: systemd has them once the setup is done.
    pub units: Vec<String>,
    /// Configuration of the app in Parameter Store, which every boot fetches; `None` where the app has none there.
    pub parameters: Option<Parameters>,
    /// Health check of the app; `None` where nobody asks whether it is well.
    pub health: Option<HealthCheck>,
    /// Time at which the address moves to a new instance. Without a health check it has no effect.
    pub address_when: AddressWhen,
    /// Number of failed replacements in a row at which the stack parks itself; at least 1.
    pub breaker_limit: u32,
    /// Shipping of logs; `None` where they stay on the instance.
    pub logs: Option<LogShipping>,
    /// Messages to a topic; `None` where nobody is told.
    pub notify: Option<Messages>,
    /// Systems Manager's agent where the image may lack it; `None` where it is nobody's concern.
    pub agent: Option<AgentSource>,
    /// HTTPS by nginx; `None` where the app has its own, or none. It needs the data volume, where the certificate is.
    pub https: Option<Https>,
    /// What is tried on the instance before another one takes its place.
    pub repair: Repair,
}

/// Script of the user that needs neither data nor address, such as for packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Any bytes that the kernel can execute, or bash.
    pub script: Vec<u8>,
    /// Seconds that it may take, from its start on; at least 1.
    pub timeout_s: u32,
}

/// What is tried on the instance before another one takes its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Whether the watchdog restarts the app's target once, before it reports the instance. It needs a
    /// [health check](HealthCheck) that the instance makes.
    pub restart: bool,
    /// Whether it reboots the instance, at most once an hour, where a restart has not helped. It needs [`restart`](Self::restart).
    pub reboot: bool,
    /// Whether the machine reboots by itself after its kernel has panicked, and where systemd hangs for half a minute.
    pub reboot_on_hang: bool,
}

/// Shipping of the journal to CloudWatch Logs, into a stream that bears the instance's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogShipping {
    /// Name of the log group.
    pub group: String,
    /// Days for which the log group takes events that are late: its retention, 14 at most; at least 1.
    pub days: u32,
    /// Absolute paths of files whose lines go into the journal, of letters, digits and `._-+=@:,`.
    pub files: Vec<String>,
}

/// Messages of the instance to an SNS topic: of boots that fail, of healing, and of disks that fill up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// ARN of the topic.
    pub topic: String,
    /// How full the root filesystem or that of the data may become, in percent, before that is told; 50 to 99.
    pub disk_percent: u32,
}

impl Messages {
    fn validate(&self) -> Result<(), RenderError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ":-_".contains(c);
        only("notify.topic", &self.topic, plain, "must be a topic's ARN")?;
        if (50..=99).contains(&self.disk_percent) {
            return Ok(());
        }
        Err(RenderError::Invalid {
            field: "notify.disk_percent",
            expected: "must be from 50 to 99",
            value: self.disk_percent.to_string(),
        })
    }
}

/// Longest path of a file whose lines are shipped: it names what the lines come from.
const LOG_PATH_MAX_BYTES: usize = 200;

impl LogShipping {
    /// Checks the path of one file.
    ///
    /// # Errors
    /// [`RenderError::Invalid`] for a path that the boot program cannot follow.
    pub fn check_file(path: &str) -> Result<(), RenderError> {
        let inner = path.strip_prefix('/').unwrap_or_default();
        let proper = |part: &str| !matches!(part, "" | "." | "..");
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@:,".contains(c);
        if inner.split('/').all(proper) && path.chars().all(plain) && path.len() <= LOG_PATH_MAX_BYTES {
            return Ok(());
        }
        Err(RenderError::Invalid {
            field: "logs.files",
            expected: "must be an absolute path of letters, digits and ._-+=@:, without patterns, empty parts, . or ..",
            value: path.to_owned(),
        })
    }

    fn validate(&self) -> Result<(), RenderError> {
        let name = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
        only("logs.group", &self.group, name, "must be a log group's name")?;
        at_least_one("logs.days", self.days)?;
        self.files.iter().try_for_each(|path| Self::check_file(path))
    }
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
        if let Some(prepare) = &self.prepare {
            at_least_one("prepare.timeout_s", prepare.timeout_s)?;
        }
        at_least_one("stop_timeout_s", self.stop_timeout_s)?;
        if let Some(data) = &self.data {
            only("data.volume_id", &data.volume_id, id, "must be a volume id")?;
            data.validate_mount()?;
        }
        for file in &self.files {
            file.check()?;
        }
        self.validate_units()?;
        if let Some(parameters) = &self.parameters {
            parameters.check()?;
        }
        self.logs.as_ref().map_or(Ok(()), LogShipping::validate)?;
        self.notify.as_ref().map_or(Ok(()), Messages::validate)?;
        if let Some(AgentSource::Pinned(pin)) = &self.agent {
            pin.validate()?;
        }
        self.validate_https()?;
        self.validate_repair()?;
        self.health.as_ref().map_or(Ok(()), HealthCheck::validate)
    }

    fn validate_https(&self) -> Result<(), RenderError> {
        let Some(https) = &self.https else { return Ok(()) };
        https.check()?;
        // A certificate that went with its instance would be asked for again by each replacement.
        match &self.data {
            Some(_) => Ok(()),
            None => Err(RenderError::Invalid {
                field: "https",
                expected: "must have a data volume for its certificate",
                value: https.domains().join(" "),
            }),
        }
    }

    fn validate_units(&self) -> Result<(), RenderError> {
        let refused = |expected, value: &str| {
            Err(RenderError::Invalid {
                field: "units",
                expected,
                value: value.to_owned(),
            })
        };
        for (place, unit) in self.units.iter().enumerate() {
            if let Err(expected) = check_app_unit(unit) {
                return refused(expected, unit);
            }
            if self.units[..place].contains(unit) {
                return refused("must be named once", unit);
            }
        }
        match self.units.get(APP_UNITS_MAX) {
            Some(unit) => refused("must be one of at most 20", unit),
            None => Ok(()),
        }
    }

    fn validate_repair(&self) -> Result<(), RenderError> {
        let health = self.health.as_ref();
        if self.repair.reboot && !self.repair.restart {
            return Err(RenderError::Invalid {
                field: "repair.reboot",
                expected: "must come after a restart",
                value: "true".to_owned(),
            });
        }
        if !self.repair.restart || health.is_some_and(|health| health.from != HealthFrom::Aws) {
            return Ok(());
        }
        Err(RenderError::Invalid {
            field: "repair.restart",
            expected: "must have a health check that the instance makes",
            value: "true".to_owned(),
        })
    }

    /// Returns the user's scripts, in the order in which they begin.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &Vec<u8>> {
        let prepare = self.prepare.as_ref().map(|prepare| &prepare.script);
        prepare.into_iter().chain(&self.setup)
    }

    /// Returns whether something waits until nobody else installs packages.
    pub(crate) fn waits_for_packages(&self) -> bool {
        self.scripts().next().is_some() || self.https.is_some()
    }

    /// Returns whether starts of a machine that had not shut down are counted: where repairs are at all.
    pub(crate) const fn counts_restarts(&self) -> bool {
        self.repair.restart && self.repair.reboot_on_hang
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
